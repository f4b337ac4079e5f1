"""How fast the indexer backfills: `python -m benchmarks.index --json`.

A real anvil chain made by the real contracts; every table, every rollup and every
check on, RPC and the making of the tables included; SQLite. Beside it, in the same
run and on the same chain, what one would write first (`benchmarks/_index_naive.py`).
Each runs in a process of its own, whose peak memory is what the system says it was.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._history import GENESIS, settle_history
from chargecoin.local_node import LocalNode, NodeOptions


def _say(text: str) -> None:
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _measured(module: str, url: str, book: Path, database: Path) -> dict[str, float]:
    """Run one of the two in a process of its own; return its figures."""
    line = [sys.executable, "-m", f"benchmarks.{module}", url, str(book), str(database)]
    found = subprocess.run(line, capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(f"{module} failed:\n{found.stderr}")
    figures: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return figures


def run(sessions: int, per_block: int, repeats: int) -> dict[str, Any]:
    """Make the chain, measure both on it `repeats` times in turn, keep the best of each."""
    options = NodeOptions(timestamp=GENESIS, gas_limit=1_000_000_000)
    with LocalNode(options) as node, tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "book.json"
        blocks = asyncio.run(settle_history(node, book, sessions, per_block, _say))
        best: dict[str, dict[str, float]] = {}
        for i in range(repeats):
            for module in ("_index_ours", "_index_naive"):
                _say(f"{module}, run {i + 1} of {repeats}")
                figures = _measured(module, node.url, book, Path(folder) / f"{module}{i}.sqlite")
                if module not in best or figures["seconds"] < best[module]["seconds"]:
                    best[module] = figures
        _say("")
    return _figures(sessions, blocks, best["_index_ours"], best["_index_naive"])


def _figures(
    sessions: int, blocks: int, ours: dict[str, float], naive: dict[str, float]
) -> dict[str, Any]:
    if ours["events"] != naive["events"] or ours["events"] < sessions:
        raise RuntimeError(f"{ours['events']} and {naive['events']} events were indexed")
    return {
        "benchmark": "index",
        "sessions": sessions,
        "blocks": blocks,
        "events": ours["events"],
        "per_second": round(ours["events"] / ours["seconds"]),
        "seconds": round(ours["seconds"], 2),
        "peak_mb": round(ours["peak_mb"], 1),
        "naive_per_second": round(naive["events"] / naive["seconds"]),
        "naive_seconds": round(naive["seconds"], 2),
        "naive_peak_mb": round(naive["peak_mb"], 1),
        "ratio": round(naive["seconds"] / ours["seconds"], 2),
    }


def main() -> None:
    """Print the figures; the last line is one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--per-block", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    result = run(options.sessions, options.per_block, options.repeats)
    if not options.json:
        print(json.dumps(result, indent=2))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
