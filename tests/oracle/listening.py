"""A central system with its store and feed, and no chain behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from websockets.asyncio.client import connect

from chargecoin.clock import ManualClock
from chargecoin.typed_data import Signer
from oracle.central_system.intake import Intake
from oracle.central_system.passwords import ChargePoints
from oracle.central_system.passwords import add as add_charge_points
from oracle.central_system.server import CentralSystem
from oracle.feed.entries import FeedWriter
from oracle.feed.feed import Feed
from oracle.metrics import Metrics
from oracle.store import feed as stored_feed
from oracle.store import quarantine, sessions
from oracle.store.database import Database
from tests.oracle.harness import ChargePoint, basic_auth
from tests.support.charging import START

ORACLE: Final = Signer(bytes([7]) * 32)
CONNECTORS: Final = {
    ("CP-0001", 1): 101,
    ("CP-0001", 2): 102,
    ("CP-0002", 1): 201,
    ("CP-0003", 1): 301,
}


@dataclass
class Listening:
    """A listening central system and what a test looks at."""

    database: Database
    intake: Intake
    feed: Feed
    server: CentralSystem
    metrics: Metrics
    clock: ManualClock
    port: int
    passwords: dict[str, str]
    charge_points_file: Path

    @asynccontextmanager
    async def charge_point(
        self,
        identity: str = "CP-0001",
        password: str | None = None,
        *,
        user: str | None = None,
        path: str = "/ocpp/",
        **options: Any,
    ) -> AsyncIterator[ChargePoint]:
        """Connect a charge point."""
        password = self.passwords.get(identity, "") if password is None else password
        settings: dict[str, Any] = {
            "subprotocols": ["ocpp1.6"],
            "additional_headers": basic_auth(identity if user is None else user, password),
            "compression": None,
        } | options
        url = f"ws://127.0.0.1:{self.port}{path}{identity}"
        async with connect(url, **settings) as connection:
            yield ChargePoint(connection)

    async def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query on the store."""
        return await self.database.read(
            lambda connection: [tuple(row) for row in connection.execute(query, parameters)]
        )

    async def waiting(self) -> list[str]:
        """Return the codes of what waits in quarantine, oldest first."""
        return [entry.code for entry in await self.database.read(quarantine.waiting)]

    async def counts(self) -> dict[str, int]:
        """Return how many sessions are where."""
        return await self.database.read(sessions.counts)

    async def entries(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the bodies of the feed's entries."""
        found = await self.database.read(lambda c: stored_feed.after(c, after, 1000))
        return [json.loads(body) for _, body, _ in found]

    async def settle(self) -> None:
        """Wait until the store has written what connections leave behind."""
        async with asyncio.timeout(10):
            while self.server.connected:
                await self.database.committed.wait(self.database.committed.version)


@asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[Listening]:
    """Run a central system for two charge points; again in the same folder is a restart."""
    file = folder / "charge_points.json"
    passwords = add_charge_points(file, ["CP-0001", "CP-0002"], replace=True)
    database = Database(folder / "oracle.sqlite")
    clock, metrics = ManualClock(START), Metrics()
    epoch = await database.write(stored_feed.begin_epoch)
    charge_points = ChargePoints(file)
    writer = FeedWriter(ORACLE, epoch)
    feed = Feed(database, writer, CONNECTORS, charge_points.knows, clock)
    intake = Intake(database, feed, clock, metrics)
    server = CentralSystem(charge_points, intake, feed, metrics)
    await feed.start()
    port = await server.start("127.0.0.1", 0)
    try:
        yield Listening(database, intake, feed, server, metrics, clock, port, passwords, file)
    finally:
        await server.stop()
        await database.close()
