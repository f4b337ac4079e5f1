"""How long the overview's questions take over ten million sessions: `python -m benchmarks.queries`.

A year of 200 owners, made up and written by the production decoder and store, in SQLite and
PostgreSQL (see `benchmarks/_stores.py`); kept, so that a second run only asks. Every question
of the first page is asked for many owners, at moments spread over the last days of the year,
in turn and cold to each other; the bar is for the slowest. Beside them, some about all owners
together, which no page asks. Times are of the read model: SQL, rows and sums, without HTTP.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks._stores import FOLDER, KINDS, stores
from benchmarks._synthetic import CONNECTORS, OWNERS, SITES, Year
from chargecoin.collector import collect_seldom
from indexer.database import open_engine
from indexer.read_model import ReadModel, SessionFilter

ROUNDS: Final = 200
# One round in so many has the questions about all owners too, which take long.
OF_ALL_EVERY: Final = 10
DAYS: Final = 35
# Questions that no owner's page asks.
OF_ALL: Final = "_of_all"
Question = Callable[[ReadModel, int, int], object]


def _span(now: int) -> tuple[date, date]:
    """Return the days of the overview's month."""
    today = date.fromtimestamp(now)  # noqa: DTZ012 -- a day is enough
    return today.replace(day=1), today


# The questions of the first page, by an owner, at a moment.
QUESTIONS: Final[dict[str, Question]] = {
    "overview": lambda model, owner, now: model.overview(owner, now),
    "connector_totals": lambda model, owner, now: model.connector_totals(owner, *_span(now)),
    "daily_totals": lambda model, owner, now: model.daily_totals(
        owner, _span(now)[1] - timedelta(days=DAYS - 1), _span(now)[1]
    ),
    "hours_of_a_site": lambda model, owner, now: model.hours(
        owner, now - 31 * 86_400, now, 1 + (owner - 1) * SITES
    ),
    "exceptions": lambda model, owner, _now: model.exceptions(owner),
    "utilisation": lambda model, owner, now: model.utilisation(owner, now),
    "newest_sessions": lambda model, owner, _now: model.sessions(SessionFilter(owner_id=owner)),
    "total_of_a_month": lambda model, owner, now: model.session_totals(
        SessionFilter(owner_id=owner, since=_span(now)[0], until=_span(now)[1])
    ),
    "total_unfunded": lambda model, owner, _now: model.session_totals(
        SessionFilter(owner_id=owner, status=2)
    ),
    "total_signed": lambda model, owner, _now: model.session_totals(
        SessionFilter(owner_id=owner, assurance=3)
    ),
    "overview_of_all": lambda model, _owner, now: model.overview(None, now),
    "daily_totals_of_all": lambda model, _owner, now: model.daily_totals(
        None, _span(now)[1] - timedelta(days=DAYS - 1), _span(now)[1]
    ),
    "newest_sessions_of_all": lambda model, _owner, _now: model.sessions(),
    "status": lambda model, _owner, _now: model.status(),
}


def _say(text: str) -> None:
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def measure(model: ReadModel, end: int) -> dict[str, float]:
    """Return each question's p95 in ms; one round before it is not counted."""
    dice = random.Random(1)
    taken: dict[str, list[float]] = {name: [] for name in QUESTIONS}
    for number in range(ROUNDS + 1):
        _say(f"asking: round {number} of {ROUNDS}")
        owner, now = dice.randint(1, OWNERS), end - dice.randrange(10 * 86_400)
        for name, ask in QUESTIONS.items():
            if name.endswith(OF_ALL) and number % OF_ALL_EVERY:
                continue
            started = time.perf_counter()
            ask(model, owner, now)
            if number:
                taken[name].append(1_000 * (time.perf_counter() - started))
    _say("")
    return {name: statistics.quantiles(values, n=20)[-1] for name, values in taken.items()}


def of_database(name: str, url: str, end: int) -> dict[str, Any]:
    """Ask a store whose last block is of time `end`."""
    engine = open_engine(url)
    p95 = measure(ReadModel(engine), end)
    engine.dispose()
    slowest = max((one for one in p95 if not one.endswith(OF_ALL)), key=lambda one: p95[one])
    return {
        f"{name}_p95_ms": round(p95[slowest], 2),
        f"{name}_slowest": slowest,
        f"{name}_each_p95_ms": {one: round(ms, 2) for one, ms in p95.items()},
    }


def main() -> None:
    """Print the figures; the last line is one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--sessions", type=int, default=10_000_000)
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--stores", type=Path, default=FOLDER, help="where they are, or are built")
    options = parser.parse_args()
    collect_seldom()
    year = Year(options.sessions)
    result: dict[str, Any] = {
        "benchmark": "queries",
        "sessions": year.sessions,
        "owners": OWNERS,
        "connectors": OWNERS * SITES * CONNECTORS,
    }
    wanted = options.database or KINDS
    with stores(options.stores, options.sessions, _say, wanted) as urls:
        for name, url in urls.items():
            result |= of_database(name, url, year.end)
    if not options.json:
        print(json.dumps(result, indent=2))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
