"""One backfill by the indexer, in a process of its own: `benchmarks.index` starts it."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

from chargecoin.deployments import load
from indexer.database import open_database
from indexer.follow import Follower
from indexer.rpc import Rpc
from indexer.service import prepare_process
from indexer.store import Store


async def index(url: str, book: Path, database: Path) -> int:
    """Index to the head; return how many logs were indexed."""
    prepare_process()
    store = Store(open_database(f"sqlite:///{database}"), load(book))
    async with Rpc(url) as rpc:
        follower = Follower(rpc, store)
        while await follower.step():
            pass
        await follower.close()
    return follower.counters.logs


if __name__ == "__main__":
    started = time.perf_counter()
    events = asyncio.run(index(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"events": events, "seconds": seconds, "peak_mb": peak}))
