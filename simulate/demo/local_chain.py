"""The demo's chain: anvil, deployed and onboarded by the ape scripts, in the demo's time."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chargecoin.errors import ChargeCoinError, ConfigurationError
from chargecoin.local_node import LocalNode, NodeOptions, anvil_binary
from simulate.demo.settings import PROJECT

FINAL_AFTER_BLOCKS: Final = 3
"""A block is final once two more have followed it (`NodeOptions.slots_in_an_epoch` is 1)."""
LIVE_BLOCK_S: Final = 1
NETWORK: Final = "ethereum:local:foundry"


class ScriptFailedError(ChargeCoinError):
    """An ape script failed, and what it said."""


class LocalChain:
    """One anvil whose time the demo moves."""

    def __init__(self, timestamp: int) -> None:
        """Start anvil with a genesis block of this time, UTC seconds."""
        self.node = LocalNode(NodeOptions(timestamp=timestamp))
        self.url = self.node.url

    @property
    def height(self) -> int:
        """The number of the last block."""
        return int(self.node.rpc("eth_blockNumber"), 16)

    def advance(self, at: int) -> None:
        """Let the chain's time be `at` (UTC seconds), with everything before it final.

        Between two calls anvil's time runs by itself; where it has passed `at`, it goes on.
        """
        latest = int(self.node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self.node.set_next_timestamp(max(at, latest + 1))
        self.finalize()

    def finalize(self) -> None:
        """Make everything so far final."""
        self.node.mine(FINAL_AFTER_BLOCKS)

    def go_live(self, at: int) -> None:
        """From `at` on, time runs by itself and a block is made every second."""
        self.advance(at)
        self.node.rpc("evm_setIntervalMining", LIVE_BLOCK_S)

    def save(self, path: Path) -> None:
        """Write the whole chain: blocks, logs and state."""
        path.write_text(self.node.rpc("anvil_dumpState"))

    def load(self, path: Path) -> None:
        """Take over a chain that was saved."""
        self.node.rpc("anvil_loadState", path.read_text())

    def stop(self) -> None:
        """End anvil."""
        self.node.stop()

    async def deploy(self, book: Path, members: Sequence[str], threshold: int) -> None:
        """Deploy the contracts with a committee; the address book goes to `book`."""
        named = [part for member in members for part in ("--member", member)]
        await self._ape("deploy", "--out", str(book), "--threshold", str(threshold), *named)

    async def onboard(self, book: Path, source: Path, out: Path) -> None:
        """Register what the onboarding file names and fund its vaults; ids go to `out`."""
        await self._ape(
            *("onboard", "--deployment", str(book)),
            *("--input", str(source), "--out", str(out)),
        )

    async def _ape(self, script: str, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *(_ape_command(), "run", script, "--network", NETWORK, *arguments),
            cwd=PROJECT,
            env=os.environ | _tools() | {"APE_FOUNDRY_HOST": self.url},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            said, _ = await process.communicate()
        except asyncio.CancelledError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise
        if process.returncode:
            raise ScriptFailedError(f"`ape run {script}` failed:\n{said.decode(errors='replace')}")


def _ape_command() -> str:
    beside = Path(sys.executable).with_name("ape")
    found = str(beside) if beside.exists() else shutil.which("ape")
    if not found:
        raise ConfigurationError("ape is not installed; run `make setup`")
    return found


def _tools() -> dict[str, str]:
    """Return the settings of tools/env.sh, for those who start the demo without it."""
    places = [str(Path(sys.executable).parent), str(anvil_binary().parent), os.environ["PATH"]]
    return {
        "PATH": os.pathsep.join(places),
        "SOLCX_BINARY_PATH": str(PROJECT / "tools" / "solc"),
        "APE_DATA_FOLDER": os.environ.get("APE_DATA_FOLDER", str(PROJECT / ".cache" / "ape")),
    }
