"""What governance decides, done through its timelock: announced, waited for, executed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from eth_utils.crypto import keccak

from chargecoin.chain import Rpc
from chargecoin.chain.calls import function
from chargecoin.chain.transactions import Call, contract_call
from chargecoin.chain.values import to_bytes
from chargecoin.errors import ChainError
from scripts._pipeline import Pipeline, Sender

PROPOSER_ROLE: Final = keccak(text="PROPOSER_ROLE")
EXECUTOR_ROLE: Final = keccak(text="EXECUTOR_ROLE")
ADMIN_ROLE: Final = bytes(32)
ANYONE: Final = "0x" + "00" * 20

_NO_PREDECESSOR: Final = bytes(32)
_UNSET: Final = 0  # OpenZeppelin's timestamps of operations that were never announced
_DONE: Final = 1  # and of those that were executed.
_MOST_REPEATS: Final = 1_000


async def read(rpc: Rpc, contract: str, address: str, name: str, *args: Any) -> tuple[Any, ...]:
    """Return what a view function of the contract at an address gives now."""
    called = function(contract, name)
    request = {"to": address, "data": "0x" + called.encode(*args).hex()}
    return called.decode(to_bytes(await rpc.request("eth_call", request, "latest")))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an act of governance is, and what there is left to do."""

    done: bool
    message: str


class Governance:
    """A timelock, and a key that may be one of its proposers."""

    def __init__(self, pipeline: Pipeline, timelock: str, sender: Sender) -> None:
        """Act through `timelock` with the sender's key."""
        self._pipeline = pipeline
        self._timelock = timelock
        self._sender = sender

    async def _read(self, name: str, *args: Any) -> Any:
        return (await read(self._pipeline.rpc, "Timelock", self._timelock, name, *args))[0]

    async def _do(self, name: str, *args: Any) -> None:
        call = contract_call("Timelock", name, self._timelock, *args)
        await self._pipeline.execute([(self._sender, call)], f"timelock {name}")

    async def act(self, call: Call, *, once: bool = False) -> Progress:
        """Take one call as far as it can go now; asking again takes it further.

        Equal calls are told apart by their salt, a number that counts those executed
        before. With `once`, a call that was executed before is not announced again;
        without it, the caller has seen that its effect is not in force.
        """
        for repeat in range(1 if once else _MOST_REPEATS):
            operation = (call.to, 0, call.data, _NO_PREDECESSOR, repeat.to_bytes(32, "big"))
            identifier = await self._read("hashOperation", *operation)
            due_at = await self._read("getTimestamp", identifier)
            if due_at != _DONE:
                break
        else:
            if once:
                return Progress(done=True, message=f"{call.name}: was executed before, as it is")
            raise ChainError(f"{call.name} was executed {_MOST_REPEATS} times with the same values")
        if due_at == _UNSET:
            if not await self._read("hasRole", PROPOSER_ROLE, self._sender.address):
                return Progress(
                    done=False,
                    message=f"{call.name}: to be announced by a proposer of the timelock "
                    f"{self._timelock}; target {call.to}, data 0x{call.data.hex()}",
                )
            await self._do("schedule", *operation, await self._read("getMinDelay"))
            due_at = await self._read("getTimestamp", identifier)
        if not await self._read("isOperationReady", identifier):
            due = datetime.fromtimestamp(due_at, UTC)
            return Progress(
                done=False,
                message=f"{call.name}: announced; run this again from {due:%Y-%m-%d %H:%M:%S} UTC",
            )
        await self._do("execute", *operation)
        return Progress(done=True, message=f"{call.name}: executed")
