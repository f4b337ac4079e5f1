"""Keeping the feed: what happens at connectors, snapshots, and the oracle's own heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from sqlite3 import Connection
from typing import Final

import structlog

from chargecoin.clock import Clock
from chargecoin.errors import StoreError
from oracle.feed.entries import WHOLE_ORACLE, FeedEvent, FeedWriter
from oracle.signals import Signal
from oracle.store import connectors, transactions
from oracle.store.database import Database

log = structlog.get_logger()

HEARTBEAT_S: Final = 300
OFFLINE: Final = "Offline"
# How often to look at the clock, which may run faster than this process.
_LOOK_S: Final = 1.0


class Feed:
    """The feed of the charge points that connect to this oracle.

    `ids` gives the connector id of (charge point, connector number) and is kept
    up to date by the registry's follower; what is not registered has no entries.
    `serves` says whether a charge point connects here, or to another oracle.
    """

    def __init__(
        self,
        database: Database,
        writer: FeedWriter,
        ids: Mapping[tuple[str, int], int],
        serves: Callable[[str], bool],
        clock: Clock,
    ) -> None:
        self._database = database
        self._writer = writer
        self._ids = ids
        self._serves = serves
        self._clock = clock
        self._heartbeat_at = clock.now()
        self.changed = Signal()

    def record(
        self, connection: Connection, charge_point: str, events: Iterable[FeedEvent], at: float
    ) -> None:
        """Append what happened, within the transaction that stores why."""
        for event in events:
            number = event.connector_number
            connector_id = self._ids.get((charge_point, number))
            if connector_id is not None:
                opened = transactions.still_open(connection, charge_point, number)
                session = opened[-1].id if opened else None
                self._writer.append(connection, connector_id, event, at, session)

    async def start(self) -> None:
        """Say that the oracle (re)started, and that so far nobody is connected."""

        def write(connection: Connection) -> None:
            self._writer.append(connection, WHOLE_ORACLE, FeedEvent("restart", 0, OFFLINE), at)
            for charge_point, number in self._ids:
                if self._serves(charge_point):
                    event = FeedEvent("snapshot", number, OFFLINE)
                    self.record(connection, charge_point, [event], at)

        at = self._heartbeat_at = self._clock.now()
        await self._database.write(write)
        self.changed.set()

    async def registered(self, new: Iterable[tuple[str, int]], connected: frozenset[str]) -> None:
        """Begin the feed of connectors that the registry has now."""

        def write(connection: Connection) -> None:
            for charge_point, number in new:
                if charge_point in connected:
                    self._snapshot(connection, charge_point, at, only=number)
                elif self._serves(charge_point):
                    event = FeedEvent("snapshot", number, OFFLINE)
                    self.record(connection, charge_point, [event], at)

        at = self._clock.now()
        await self._database.write(write)
        self.changed.set()

    async def connected(self, charge_point: str) -> None:
        """State again what a charge point's connectors last reported.

        It holds: a charge point reports what changed while it was offline by
        itself (OCPP 1.6, section 4.9).
        """
        at = self._clock.now()
        await self._database.write(lambda connection: self._snapshot(connection, charge_point, at))
        self.changed.set()

    def _snapshot(
        self, connection: Connection, charge_point: str, at: float, only: int | None = None
    ) -> None:
        for one in connectors.reported(connection, charge_point):
            if only in {None, one.connector_number}:
                event = FeedEvent("snapshot", one.connector_number, one.status, one.error_code)
                self.record(connection, charge_point, [event], at)

    async def disconnected(self, charge_point: str) -> None:
        """Say that a charge point's connectors cannot be seen any more."""

        def write(connection: Connection) -> None:
            numbers = [number for identity, number in self._ids if identity == charge_point]
            events = [FeedEvent("status", number, OFFLINE) for number in numbers]
            self.record(connection, charge_point, events, at)

        at = self._clock.now()
        await self._database.write(write)
        self.changed.set()

    async def _heartbeat(self, at: float) -> None:
        event = FeedEvent("heartbeat", 0, "Available")
        await self._database.write(lambda c: self._writer.append(c, WHOLE_ORACLE, event, at))
        self._heartbeat_at = at
        self.changed.set()

    async def beat(self) -> None:
        """Write a heartbeat whenever five minutes have passed, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            at = self._clock.now()
            if at >= self._heartbeat_at + HEARTBEAT_S:
                try:
                    await self._heartbeat(at)
                except StoreError as error:
                    log.warning("not_stored", error=str(error))
