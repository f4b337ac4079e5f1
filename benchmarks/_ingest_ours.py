"""Our central system as a process of its own: store and feed as in production, no chain behind it.

Prints its port; ends at the end of its input, printing what it used.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import uvloop

from chargecoin.clock import SystemClock
from chargecoin.typed_data import Signer
from oracle.central_system.intake import Intake
from oracle.central_system.passwords import ChargePoints
from oracle.central_system.server import CentralSystem
from oracle.feed.entries import FeedWriter
from oracle.feed.feed import Feed
from oracle.metrics import Metrics
from oracle.store import feed as stored_feed
from oracle.store import frames
from oracle.store.database import Database


async def serve(folder: Path, connections: int) -> None:
    """Serve until standard input ends."""
    database = Database(folder / "oracle.sqlite")
    clock, metrics = SystemClock(), Metrics()
    epoch = await database.write(stored_feed.begin_epoch)
    # Every connector is registered, so that every change of state is signed into the feed.
    ids = {(f"CP-{n:05}", 1): n + 1 for n in range(connections)}
    writer = FeedWriter(Signer(bytes([7]) * 32), epoch)
    charge_points = ChargePoints(folder / "charge_points.json")
    feed = Feed(database, writer, ids, charge_points.knows, clock)
    server = CentralSystem(charge_points, Intake(database, feed, clock, metrics), feed, metrics)
    port = await server.start("127.0.0.1", 0)
    print(port, flush=True)
    begun = time.process_time()
    await asyncio.to_thread(sys.stdin.read)
    stored = await database.read(frames.count)
    commits = database.committed.version
    await server.stop()
    await database.close()
    figures = {
        "stored": stored,
        "commits": commits,
        "cpu_s": time.process_time() - begun,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
