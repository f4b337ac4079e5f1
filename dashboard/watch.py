"""One look at the tables a second for all readers: who follows a page live waits here.

Node and oracles are asked beside it, so that none of them holds up the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chargecoin.clock import Clock
from chargecoin.errors import StoreError
from dashboard.node import Node
from dashboard.oracles import HeldBack, OnTheWay, Oracles
from indexer.read_model import Change, ReadModel

log = structlog.get_logger()

INTERVAL_S: Final = 1.0
# Ages and silence move without a row changing, so pages are asked to look again this often.
TICK_S: Final = 30
REMEMBERED: Final = 500
# Each open page holds one; more than this are told to come back.
STREAMS: Final = 2000
NODE_INTERVAL_S: Final = 2.0
ORACLE_INTERVAL_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Signal:
    """Something pages may want to show again; `number` resumes a broken stream."""

    number: int
    kinds: tuple[str, ...]


class Watch:
    """Follows the change log and the node's head, and wakes streams."""

    def __init__(self, model: ReadModel, node: Node, oracles: Oracles, clock: Clock) -> None:
        """Look at nothing yet; `look` does, and `run` does it again and again."""
        self._model = model
        self._node = node
        self._oracles = oracles
        self._clock = clock
        self._changed = asyncio.Condition()
        self._changes: list[Change] = []
        self._newest = 0
        self._ticked_at = clock.now()
        self._ticks = 0
        self._looked = False
        self._closed = False
        self.asked = False
        self.node_head: int | None = None
        self.last_reorg: Change | None = None
        self.held_back: tuple[HeldBack, ...] = ()
        self.on_the_way: tuple[OnTheWay, ...] = ()
        self.streams = 0
        self.limit = STREAMS

    @property
    def newest(self) -> int:
        """The newest change seen."""
        return self._newest

    async def look(self) -> None:
        """Read what is new in the tables, and wake whoever waits for it."""
        if not self._looked:
            status = await asyncio.to_thread(self._model.status)
            self._newest = max(0, status.change - REMEMBERED)
            self._looked = True
        fresh = await asyncio.to_thread(self._model.changes_since, self._newest)
        now = self._clock.now()
        tick = now - self._ticked_at >= TICK_S
        for change in fresh:
            self._newest = change.change
            if change.kind == "reorg":
                self.last_reorg = change
        if tick:
            self._ticked_at = now
        if fresh or tick:
            await self._wake(fresh, tick=tick)

    async def ask_node(self) -> None:
        """Ask the node how far the chain is."""
        before, self.node_head = self.node_head, await self._node.head()
        first, self.asked = not self.asked, True
        if not first and (before is None) != (self.node_head is None):
            await self._wake((), tick=True)

    async def ask_oracles(self) -> None:
        """Ask the oracles what they hold back, and what is on its way."""
        before = self.held_back, self.on_the_way
        self.held_back = await self._oracles.held_back()
        self.on_the_way = await self._oracles.on_the_way()
        if before != (self.held_back, self.on_the_way):
            await self._wake((), tick=True)

    async def run(self) -> None:
        """Look and ask again and again, each at its own pace, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self.look, INTERVAL_S))
            group.create_task(self._repeat(self.ask_node, NODE_INTERVAL_S))
            group.create_task(self._repeat(self.ask_oracles, ORACLE_INTERVAL_S))

    @staticmethod
    async def _repeat(work: Callable[[], Awaitable[None]], pause_s: float) -> None:
        while True:
            try:
                await work()
            except (StoreError, SQLAlchemyError) as error:
                log.warning("the tables cannot be read", error=str(error))
            await asyncio.sleep(pause_s)

    async def _wake(self, fresh: Sequence[Change], *, tick: bool) -> None:
        async with self._changed:
            self._changes = [*self._changes, *fresh][-REMEMBERED:]
            self._ticks += tick
            self._changed.notify_all()

    async def close(self) -> None:
        """End all streams."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def follow(self, owner_id: int, after: int) -> AsyncIterator[Signal]:
        """Yield a signal for each look that found something about an owner (0: anyone)."""
        ticks = self._ticks
        oldest = self._changes[0].change if self._changes else self._newest + 1
        if not oldest - 1 <= after <= self._newest:
            # It heard its last so long ago, or of other tables, that we cannot tell what it missed.
            after = self._newest
            yield Signal(after, ("missed",))

        def fresh() -> list[Change]:
            return [
                one
                for one in self._changes
                if one.change > after and (not owner_id or one.owner_id in {0, owner_id})
            ]

        def due() -> bool:
            return self._closed or self._ticks != ticks or bool(fresh())

        self.streams += 1
        try:
            while True:
                async with self._changed:
                    await self._changed.wait_for(due)
                    if self._closed:
                        return
                    kinds = tuple(sorted({one.kind for one in fresh()})) or ("tick",)
                    after, ticks = max(after, self._newest), self._ticks
                yield Signal(after, kinds)
        finally:
            self.streams -= 1
