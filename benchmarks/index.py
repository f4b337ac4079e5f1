"""How fast the indexer is, beside Ponder: `python -m benchmarks.index --json`.

Real anvil chains made by the real contracts (kept under `.cache` while these stay as they
are), 100,000 sessions in 1,000 blocks and in as few as the gas of a block allows. Ours
with every table, every rollup and every check, RPC and the making of the tables included,
in SQLite and in PostgreSQL; Ponder in the same PostgreSQL, in the same run, with three
tables and no sums. `per_second` and `peak_mb` are of SQLite, which a single indexer uses;
the ratios are of PostgreSQL against PostgreSQL, whole processes from start to done.
`cpu_seconds` are the processes' own, without the node's and the database's: they show what
a busy machine hides.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import _index_live, _index_ponder
from benchmarks._history import History, dense, history, sparse
from benchmarks._postgres import Postgres
from chargecoin.local_node import LocalNode


def _say(text: str) -> None:
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _in_process(module: str, *arguments: str) -> dict[str, float]:
    """Run a backfill in a process of its own; return its figures and how long it lived."""
    line = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    started = time.perf_counter()
    found = subprocess.run(line, capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(f"{module} failed:\n{found.stderr}")
    figures: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return figures | {"process_seconds": time.perf_counter() - started}


def _database(server: Postgres, name: str) -> str:
    """Make an empty database; return its URL."""
    plain = server.url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return server.url.rsplit("/", 1)[0] + f"/{name}"


def _count(url: str, query: str) -> int:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def backfill(
    name: str, found: History, sessions: int, server: Postgres, folder: Path, repeats: int
) -> dict[str, Any]:
    """Measure ours and Ponder on one chain, in turn; keep the best of each."""
    runs: dict[str, list[dict[str, float]]] = {"sqlite": [], "postgres": [], "ponder": []}
    with LocalNode(found.options()) as node:
        for i in range(repeats):
            _say(f"{name}: SQLite, run {i + 1} of {repeats}")
            path = f"sqlite:///{folder / f'{name}{i}.sqlite'}"
            runs["sqlite"].append(_in_process("_index_ours", node.url, str(found.book), path))
            _say(f"{name}: PostgreSQL, run {i + 1} of {repeats}")
            url = _database(server, f"{name}_ours_{i}")
            runs["postgres"].append(_in_process("_index_ours", node.url, str(found.book), url))
            _check(_count(url, "SELECT count(*) FROM sessions"), sessions)
        _say(f"{name}: Ponder")
        url = _database(server, f"{name}_ponder")
        plain = url.replace("+psycopg", "")
        runs["ponder"].append(_index_ponder.index(node.url, found.book, plain, "benchmark"))
        _check(_count(url, "SELECT count(*) FROM benchmark.session"), sessions)
    best = {one: min(some, key=lambda run: run["seconds"]) for one, some in runs.items()}
    events, ours = best["sqlite"]["events"], best["postgres"]
    return {
        f"events_{name}": events,
        f"per_second_{name}": round(events / best["sqlite"]["seconds"]),
        f"postgres_per_second_{name}": round(ours["events"] / ours["seconds"]),
        f"ratio_{name}": round(best["ponder"]["seconds"] / ours["process_seconds"], 2),
        f"sqlite_ratio_{name}": round(
            best["ponder"]["seconds"] / best["sqlite"]["process_seconds"], 2
        ),
        f"ponder_seconds_{name}": round(best["ponder"]["seconds"], 2),
        f"cpu_seconds_{name}": round(best["sqlite"]["cpu_seconds"], 2),
        f"postgres_cpu_seconds_{name}": round(ours["cpu_seconds"], 2),
        f"ponder_cpu_seconds_{name}": round(best["ponder"]["cpu_seconds"], 2),
        f"ponder_peak_mb_{name}": round(best["ponder"]["peak_mb"]),
        f"postgres_peak_mb_{name}": round(ours["peak_mb"], 1),
        f"peak_mb_{name}": round(best["sqlite"]["peak_mb"], 1),
    }


def _check(found: int, wanted: int) -> None:
    if found != wanted:
        raise RuntimeError(f"{found} sessions were indexed of {wanted}")


def run(sessions: int, repeats: int) -> dict[str, Any]:
    """Make the chains, measure, and return all figures."""
    _say("installing Ponder")
    _index_ponder.install()
    shapes = {"1000": sparse(sessions), "dense": dense(sessions)}
    result: dict[str, Any] = {"benchmark": "index", "sessions": sessions}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # PostgreSQL may have to run as another user.
        folder.chmod(0o755)
        with Postgres(folder / "postgres") as server:
            for shape_name, shape in shapes.items():
                found = history(shape, _say)
                result |= backfill(shape_name, found, sessions, server, folder, repeats)
                result[f"blocks_{shape_name}"] = shape.blocks
        small = history(sparse(2_000), _say)
        result |= asyncio.run(_index_live.live(small, folder, _say))
    _say("")
    result["peak_mb"] = max(result["peak_mb_1000"], result["peak_mb_dense"])
    return {
        key: round(value, 1) if isinstance(value, float) and key.endswith("_ms") else value
        for key, value in result.items()
    }


def main() -> None:
    """Print the figures; the last line is one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    result = run(options.sessions, options.repeats)
    if not options.json:
        print(json.dumps(result, indent=2))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
