"""One look at the tables a second for all readers: who follows a page live waits here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chargecoin.clock import Clock
from chargecoin.errors import StoreError
from dashboard.node import Node
from dashboard.oracles import HeldBack, Oracles
from indexer.figures import Change
from indexer.read_model import ReadModel

log = structlog.get_logger()

INTERVAL_S: Final = 1.0
# Ages and silence move without a row changing, so pages are asked to look again this often.
TICK_S: Final = 30
REMEMBERED: Final = 500
# Each open page holds one; more than this are told to come back.
STREAMS: Final = 2000
# Of every so many looks one asks the oracles what they hold back.
QUARANTINE_EVERY: Final = 15


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
        self._looks = 0
        self._closed = False
        self.looked = False
        self.node_head: int | None = None
        self.last_reorg: Change | None = None
        self.held_back: tuple[HeldBack, ...] = ()
        self.streams = 0
        self.limit = STREAMS

    @property
    def newest(self) -> int:
        """The newest change seen."""
        return self._newest

    async def look(self) -> None:
        """Read what is new, and wake whoever waits for it."""
        self.node_head = await self._node.head()
        if self._looks % QUARANTINE_EVERY == 0:
            self.held_back = await self._oracles.held_back()
        self._looks += 1
        if not self.looked:
            status = await asyncio.to_thread(self._model.status)
            self._newest = max(0, status.change - REMEMBERED)
        fresh = await asyncio.to_thread(self._model.changes_since, self._newest)
        now = self._clock.now()
        tick = now - self._ticked_at >= TICK_S
        self.looked = True
        for change in fresh:
            self._newest = change.change
            if change.kind == "reorg":
                self.last_reorg = change
        if tick:
            self._ticked_at = now
            self._ticks += 1
        if fresh or tick:
            async with self._changed:
                self._changes = [*self._changes, *fresh][-REMEMBERED:]
                self._changed.notify_all()

    async def run(self) -> None:
        """Look once a second until cancelled; a fault of the store is logged and outlived."""
        while True:
            try:
                await self.look()
            except (StoreError, SQLAlchemyError) as error:
                log.warning("the tables cannot be read", error=str(error))
            await asyncio.sleep(INTERVAL_S)

    async def close(self) -> None:
        """End all streams."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def follow(self, owner_id: int, after: int) -> AsyncIterator[Signal]:
        """Yield a signal for each look that found something about an owner (0: anyone)."""
        ticks = self._ticks

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
