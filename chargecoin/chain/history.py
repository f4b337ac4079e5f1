"""Events of many blocks, and blocks by their time: what is recomputed from the chain alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from chargecoin.chain.events import Event, decode_events
from chargecoin.chain.reader import Chain
from chargecoin.chain.values import Block
from chargecoin.contracts import events
from chargecoin.errors import InconsistentNodeError
from chargecoin.record import decode_run_event

BLOCKS_A_REQUEST: Final = 10_000


def silent(_line: str) -> None:
    """Take a line of progress and show it to nobody."""


@dataclass(slots=True)
class History:
    """Reads the chain up to a block, `blocks` of it a request; `report` hears how far it is.

    A block's header is fetched once.
    """

    chain: Chain
    until: Block
    blocks: int = BLOCKS_A_REQUEST
    report: Callable[[str], None] = silent
    _times: dict[int, int] = field(default_factory=dict)

    async def _time(self, number: int) -> int:
        if number not in self._times:
            block = await self.chain.block(number)
            if block is None:
                raise InconsistentNodeError(
                    f"the node has no block {number} and yet one of number {self.until.number}"
                )
            self._times[number] = block.timestamp
        return self._times[number]

    async def first_from(self, time: int) -> int:
        """Return the first block of this time (UTC seconds) or later; after the last if none is."""
        low, high = self.chain.deployment.start_block, self.until.number + 1
        while low < high:
            middle = (low + high) // 2
            if await self._time(middle) < time:
                low = middle + 1
            else:
                high = middle
        return low

    async def events(
        self, contract: str, first: int, end: int, *names: str, interface: str = ""
    ) -> AsyncIterator[Event]:
        """Yield a contract's events of these names in the blocks [first, end), in order.

        `interface` names it where the contract is deployed under another name than its own.
        """
        known = interface or contract
        topics = tuple(abi.topic for abi in events(known).values() if abi.name in names)
        address = self.chain.deployment.address(contract)
        end = min(end, self.until.number + 1)
        for start in range(first, end, self.blocks):
            last = min(start + self.blocks, end) - 1
            self.report(f"{contract}: blocks {start} to {last} of {end - 1}")
            logs = await self.chain.logs(start, last, (contract,), (topics,))
            for event in decode_events(known, address, logs):
                yield event

    async def settled(self, first: int, end: int, *names: str) -> AsyncIterator[tuple[Event, int]]:
        """Yield the sessions of the blocks [first, end) with their owners' ids.

        Further `names` of Settlement's events come in between, with the last owner.
        """
        owner = 0
        async for event in self.events("Settlement", first, end, "Run", "Session", *names):
            if event.name == "Run":
                owner = decode_run_event(event.args["run"])[1]
            else:
                yield event, owner
