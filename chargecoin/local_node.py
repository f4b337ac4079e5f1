"""A chain of one's own: one anvil process, for tests and for the demo.

The port is the operating system's choice and read back from anvil, so any number
of them live side by side; stopping ends that one process and nothing else.
"""

from __future__ import annotations

import gzip
import subprocess
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self, cast

import httpx

from chargecoin.errors import ChainError, ConfigurationError, NodeUnavailableError

CHAIN_ID: Final = 31337
START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 10.0
CALL_TIMEOUT_S: Final = 60.0
_PROJECT: Final = Path(__file__).resolve().parent.parent


def anvil_binary() -> Path:
    """Return the platform's anvil. Raises `ConfigurationError` if npm has not installed it.

    It is the binary and not the launcher that npm links: killing the launcher
    leaves its anvil running.
    """
    found = sorted(_PROJECT.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"))
    if not found:
        raise ConfigurationError("anvil is not installed; run `make setup` (or `npm ci`)")
    return found[0]


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """What a local chain is like.

    `timestamp` is that of the genesis block, UTC seconds (now, if None). A block
    is safe after one epoch of `slots_in_an_epoch` blocks and final after two.
    Without `automine`, blocks are made only by `LocalNode.mine`. `state` is a file that
    `LocalNode.dump` wrote: the chain goes on from there.
    """

    timestamp: int | None = None
    slots_in_an_epoch: int = 1
    automine: bool = True
    accounts: int = 10
    port: int = 0
    gas_limit: int | None = None
    state: Path | None = None

    def arguments(self) -> list[str]:
        """Return anvil's command line, without the program."""
        line = [
            *("--port", str(self.port)),
            *("--chain-id", str(CHAIN_ID)),
            *("--hardfork", "prague"),
            *("--accounts", str(self.accounts)),
            *("--slots-in-an-epoch", str(self.slots_in_an_epoch)),
            # As they come and not by fee, so that what is sent in order gets ids in order.
            *("--order", "fifo"),
            *("--color", "never"),
        ]
        if self.timestamp is not None:
            line += ["--timestamp", str(self.timestamp)]
        if self.gas_limit is not None:
            line += ["--gas-limit", str(self.gas_limit)]
        if self.state is not None:
            line += ["--load-state", str(self.state)]
        if not self.automine:
            line += ["--no-mining"]
        return line


class LocalNode:
    """A running anvil. Use as a context manager, or call `stop`."""

    def __init__(self, options: NodeOptions | None = None) -> None:
        """Start anvil and wait until it listens.

        Raises `ConfigurationError` if anvil is not installed, `NodeUnavailableError`
        with anvil's own words if it ends or does not listen within 30 seconds.
        """
        self._drain: threading.Thread | None = None
        self._process = subprocess.Popen(
            [anvil_binary(), *(options or NodeOptions()).arguments()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C goes to the whole foreground group; whoever started the node ends it.
            start_new_session=True,
        )
        try:
            self.url = self._await_address(cast("IO[str]", self._process.stdout))
            self._client = httpx.Client(timeout=CALL_TIMEOUT_S)
            self.rpc("anvil_setLoggingEnabled", False)
        except BaseException:
            self._end_process()
            raise

    @property
    def pid(self) -> int:
        """The process id of anvil."""
        return self._process.pid

    def _await_address(self, output: IO[str]) -> str:
        deadline = threading.Timer(START_TIMEOUT_S, self._process.kill)
        deadline.start()
        said: deque[str] = deque(maxlen=20)
        try:
            for line in output:
                if line.startswith("Listening on "):
                    # Whatever it says later must not fill the pipe and stop it.
                    self._drain = threading.Thread(target=deque, args=(output, 0), daemon=True)
                    self._drain.start()
                    return f"http://{line.split()[-1]}"
                said.append(line)
        finally:
            deadline.cancel()
        raise NodeUnavailableError(f"anvil did not start:\n{''.join(said).strip()}")

    def rpc(self, method: str, *params: Any) -> Any:
        """Call the node and return the result.

        Raises `ChainError` with the node's message if it refuses, and
        `NodeUnavailableError` if it does not answer.
        """
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            answer = self._client.post(self.url, json=request).json()
        except (httpx.HTTPError, ValueError) as error:
            raise NodeUnavailableError(f"anvil at {self.url} gives no answer: {error}") from error
        if "error" in answer:
            raise ChainError(f"{method}: {answer['error'].get('message', answer['error'])}")
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        """Make blocks at once."""
        self.rpc("anvil_mine", hex(blocks))

    def set_next_timestamp(self, at: int) -> None:
        """Give the next block this time, UTC seconds; time runs on from there."""
        self.rpc("evm_setNextBlockTimestamp", at)

    def dump(self, path: Path) -> None:
        """Write the chain, blocks and all, to a file that `NodeOptions.state` begins with."""
        state: str = self.rpc("anvil_dumpState", False)
        path.write_bytes(gzip.decompress(bytes.fromhex(state[2:])))

    def snapshot(self) -> str:
        """Remember the chain as it is and return a name for that."""
        return str(self.rpc("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Go back to a snapshot, which can be used only once."""
        if not self.rpc("evm_revert", snapshot):
            raise ChainError(f"anvil has no snapshot {snapshot}; each serves once")

    def _end_process(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._drain:
            self._drain.join()
        if self._process.stdout:
            self._process.stdout.close()

    def stop(self) -> None:
        """End this anvil; calling it again does nothing."""
        self._client.close()
        self._end_process()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()
