"""What one would write first, as a baseline: `benchmarks.index` starts it.

web3.py's `get_logs` and its ABI decoder, one table, a hundred blocks at a time; no
rollup, no block hash, no check, no way back at a reorg.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from web3 import HTTPProvider, Web3

from chargecoin.contracts import abi
from chargecoin.deployments import load


def index(url: str, book: Path, database: Path) -> int:
    """Index to the head; return how many events were indexed."""
    deployment = load(book)
    web3 = Web3(HTTPProvider(url))
    events: dict[bytes, Any] = {}
    for name in ("StationRegistry", "Settlement", "FeeRouter"):
        contract = web3.eth.contract(address=deployment.address(name), abi=abi(name))  # type: ignore[call-overload]
        for entry in abi(name):
            if entry["type"] == "event":
                event = contract.events[entry["name"]]()
                events[bytes.fromhex(event.topic[2:])] = event
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(
        "CREATE TABLE events (block INTEGER, log_index INTEGER, name TEXT, args TEXT,"
        " PRIMARY KEY (block, log_index))"
    )
    count = 0
    head = web3.eth.block_number
    for first in range(deployment.start_block, head + 1, 100):
        logs = web3.eth.get_logs(
            {
                "fromBlock": first,
                "toBlock": min(first + 99, head),
                "address": [deployment.address(n) for n in deployment.contracts],  # type: ignore[typeddict-item]
            }
        )
        rows = []
        for log in logs:
            event = events.get(bytes(log["topics"][0]))
            if event is not None:
                read = event.process_log(log)
                args = json.dumps(dict(read["args"]), default=str)
                rows.append((log["blockNumber"], log["logIndex"], read["event"], args))
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
        connection.commit()
        count += len(rows)
    return count


if __name__ == "__main__":
    started = time.perf_counter()
    events = index(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"events": events, "seconds": seconds, "peak_mb": peak}))
