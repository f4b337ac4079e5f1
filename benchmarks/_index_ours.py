"""One backfill by the indexer, in a process of its own: `benchmarks.index` starts it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from benchmarks._processes import peak_mb
from chargecoin.collector import collect_seldom
from chargecoin.deployments import load
from indexer.database import open_database
from indexer.follow import Follower
from indexer.rpc import Rpc
from indexer.store import Store


async def index(node_url: str, book: Path, database_url: str) -> int:
    """Index to the head; return how many logs were indexed."""
    collect_seldom()
    store = Store(open_database(database_url), load(book))
    async with Rpc(node_url) as rpc:
        follower = Follower(rpc, store)
        while await follower.step():
            pass
        await follower.close()
    return follower.counters.logs


if __name__ == "__main__":
    started = time.perf_counter()
    events = asyncio.run(index(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
    seconds = time.perf_counter() - started
    figures = {"events": events, "seconds": seconds, "peak_mb": peak_mb(os.getpid())}
    print(json.dumps(figures | {"cpu_seconds": time.process_time()}))
