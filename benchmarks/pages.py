"""How long pages take over ten million sessions: `python -m benchmarks.pages --json`.

Every page of the application, as its routes say, signed in where a page asks for it, for
owners and sessions drawn from the stores of `benchmarks/_stores.py`, in SQLite and in
PostgreSQL. Times are the server's: the whole application in this process, without a socket
and without node and oracles, which do not answer here. A page that fails, or for which no
address can be drawn, is an error. `cpu_ms` is this process' own processor time: it shows
what a busy machine hides.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import sys
import tempfile
import time
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks._pages_export import export
from benchmarks._pages_samples import ADMIN, Samples, routes
from benchmarks._stores import FOLDER, KINDS, stores
from benchmarks._synthetic import OWNERS
from chargecoin.clock import ManualClock
from chargecoin.collector import collect_seldom
from dashboard.app import YOUNG
from indexer.database import open_engine
from indexer.read_model import ReadModel
from tests.dashboard.people import sign_in
from tests.dashboard.serving import NO_NODE, ORACLE, client, look, services, text_of
from tests.indexer.fake_chain import DEPLOYMENT

ROUNDS: Final = 60
FIRST_PAGES: Final = ("/", "/owners/{owner_id}")
SAYS_NOBODY: Final = (NO_NODE, ORACLE, '"ready":false')
_SCRIPT: Final = re.compile(r'<script[^>]* src="([^"]+)"')


def _say(text: str) -> None:
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


async def ask(name: str, url: str, rounds: int, folder: Path) -> dict[str, Any]:
    """Return the p95 of each page (ms), and how much script the first page has (bytes)."""
    engine = open_engine(url)
    status = ReadModel(engine).status()
    clock, wall = ManualClock(status.timestamp), ManualClock(status.timestamp)
    private = folder / f"{name}.private.sqlite"
    has = services(engine, DEPLOYMENT, clock, wall=wall, private=private)
    await look(has)
    taken: dict[str, list[tuple[float, float]]] = {}
    script = 0
    failed: list[str] = []
    async with client(has) as pages:
        with engine.connect() as connection:
            samples = Samples(connection, has, random.Random(1))
            addresses = {one: [samples.draw(one) for _ in range(rounds + 1)] for one in routes()}
        await sign_in(pages, ADMIN)
        # As `chargecoin dashboard run` does.
        collect_seldom(YOUNG)
        for at in range(rounds + 1):
            if failed:
                raise RuntimeError("\n".join(failed))
            for route, drawn in addresses.items():
                _say(f"{name}: round {at} of {rounds}, {drawn[at]}")
                # Nobody asks faster than the dashboard lets them.
                wall.advance(1)
                cpu, started = time.process_time(), time.perf_counter()
                answer = await pages.get(drawn[at])
                spent = (time.perf_counter() - started, time.process_time() - cpu)
                if not _is_whole(answer):
                    said = text_of(answer.text)[:600]
                    failed.append(f"{drawn[at]} answered {answer.status_code}: {said}")
                if at:
                    taken.setdefault(route, []).append(spent)
                elif route in FIRST_PAGES:
                    script = max(script, await _script(pages, answer))
    engine.dispose()
    return {"script": script, "pages": {route: _p95(some) for route, some in taken.items()}}


def _is_whole(answer: httpx.Response) -> bool:
    """Whether a page is all there; some say at their end that node or oracle do not answer."""
    nobody_there = answer.status_code == 503 and any(
        one in answer.text.lower() for one in SAYS_NOBODY
    )
    return answer.status_code in {200, 308} or nobody_there


async def _script(pages: httpx.AsyncClient, answer: httpx.Response) -> int:
    found = [await pages.get(one) for one in _SCRIPT.findall(answer.text)]
    return sum(len(one.content) for one in found)


def _p95(taken: list[tuple[float, float]]) -> dict[str, float]:
    walls, cpus = zip(*taken, strict=True)
    return {
        "p50_ms": round(1_000 * statistics.median(walls), 1),
        "p95_ms": round(1_000 * statistics.quantiles(walls, n=20)[-1], 1),
        "cpu_ms": round(1_000 * statistics.median(cpus), 1),
    }


def run(folder: Path, sessions: int, wanted: list[str], rounds: int) -> dict[str, Any]:
    """Ask every page of the wanted stores, export, and return all figures."""
    result: dict[str, Any] = {"benchmark": "pages", "sessions": sessions, "owners": OWNERS}
    worst = ("", 0.0)
    with tempfile.TemporaryDirectory() as name, stores(folder, sessions, _say, wanted) as urls:
        for kind, url in urls.items():
            found = asyncio.run(ask(kind, url, rounds, Path(name)))
            each = found["pages"]
            slowest = max(each, key=lambda one: each[one]["p95_ms"])
            worst = max(worst, (f"{slowest} ({kind})", each[slowest]["p95_ms"]), key=itemgetter(1))
            result |= {
                f"{kind}_p95_ms": each[slowest]["p95_ms"],
                f"{kind}_slowest": slowest,
                f"{kind}_pages": each,
                "script_kb": round(found["script"] / 1_000, 1),
            }
        if "sqlite" in urls:
            _say("exporting")
            source = Path(urls["sqlite"].removeprefix("sqlite:///"))
            result |= export(source, DEPLOYMENT, Path(name))
    _say("")
    return result | {"worst_page": worst[0], "worst_p95_ms": worst[1]}


def main() -> None:
    """Print the figures; the last line is one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--sessions", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--stores", type=Path, default=FOLDER, help="where they are, or are built")
    options = parser.parse_args()
    wanted = options.database or list(KINDS)
    result = run(options.stores, options.sessions, wanted, options.rounds)
    if not options.json:
        print(json.dumps(result, indent=2))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
