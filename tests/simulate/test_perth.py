"""The importer of Perth and Kinross, on the real files and on rows of the tests' own."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chargecoin.errors import ConfigurationError
from simulate import perth
from simulate.perth_network import network
from simulate.plan import overlaps
from tests.simulate.conftest import shared

HEADER = ",".join(perth.COLUMNS)
NOW = datetime(2026, 11, 22, 13, 17, tzinfo=UTC).timestamp()
LONDON = ZoneInfo("Europe/London")
FILES = {
    "perth-2016-09--2017-08.csv": (date(2016, 9, 1), date(2017, 8, 31)),
    "perth-2017-09--2018-08.csv": (date(2017, 9, 1), date(2018, 8, 31)),
    "perth-2018-09--2019-08.csv": (date(2018, 9, 1), date(2019, 8, 31)),
}


def written(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "sessions.csv"
    path.write_text("\n".join([HEADER, *rows]))
    return path


def row(
    number: int = 1,
    start: str = "2019-08-20T00:00:00,10:00",
    end: str = "2019-08-20T00:00:00,11:00",
    kwh: str = "10.5",
    connector: str = "2",
    site: str = "Mill Street",
    model: str = "APT Triple Rapid Charger",
) -> str:
    return f"{number},50001,{connector},{start},{end},{kwh},{site},{model}"


def test_unswapping_days_and_months_removes_every_overlap_of_the_last_file() -> None:
    path = shared("sessions/perth-2018-09--2019-08.csv")
    assert overlaps(perth.written_intervals(path, as_written=True)) == 2208
    assert overlaps(perth.written_intervals(path, as_written=False)) == 0


@pytest.mark.parametrize("name", FILES)
def test_repaired_dates_lie_within_the_year_that_the_file_names(name: str) -> None:
    rows = perth.read(shared(f"sessions/{name}")).usable
    first, last = FILES[name]
    assert min(one.started for one in rows).date() >= first
    assert max(one.started for one in rows).date() <= last


@pytest.mark.parametrize("name", FILES)
def test_every_row_of_a_file_is_usable_or_reported(name: str) -> None:
    path = shared(f"sessions/{name}")
    found = perth.read(path)
    numbers = [one.number for one in found.usable] + [one.number for one in found.unusable]
    assert sorted(map(int, numbers)) == list(range(1, len(path.read_text().splitlines())))


def test_the_last_file_has_as_many_unusable_rows_of_each_kind_as_counted_before() -> None:
    found = perth.read(shared("sessions/perth-2018-09--2019-08.csv"))
    assert found.reasons() == Counter(
        {
            "energy in no time": 168,
            "more energy than the connector can deliver in the time": 146,
            "no end": 105,
            "negative energy": 6,
            "ends before it starts": 5,
            "a test site, not a public one": 2,
            "longer than 12 days": 1,
        }
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (row(end=","), "no end"),
        (row(start=","), "no start"),
        (row(start="yesterday,10:00"), "unreadable start"),
        (row(end="2019-08-20T00:00:00,25:00"), "unreadable end"),
        (row(kwh=""), "no energy"),
        (row(kwh="lots"), "unreadable energy"),
        (row(kwh="nan"), "unreadable energy"),
        (row(kwh="-0.001"), "negative energy"),
        (row(end="2019-08-20T00:00:00,09:59"), "ends before it starts"),
        # Written as 3 September, and in truth 9 March.
        (row(end="2019-09-03T00:00:00,10:00"), "ends before it starts"),
        (row(end="2019-02-09T00:00:00,10:00"), "longer than 12 days"),
        (row(end="2019-08-20T00:00:00,10:00", kwh="0.1"), "energy in no time"),
        (row(end="2019-08-20T00:00:00,10:00", kwh="0"), None),
        (row(kwh="50.0"), None),
        (row(kwh="50.1"), "more energy than the connector can deliver in the time"),
        (row(connector="3"), "unknown charge point model or connector"),
        (row(connector=""), "unknown charge point model or connector"),
        (row(model="Somebody's Wallbox"), "unknown charge point model or connector"),
        (row(site="***TEST SITE*** somewhere"), "a test site, not a public one"),
    ],
)
def test_a_row_that_cannot_be_used_is_reported_with_its_reason(
    tmp_path: Path, line: str, reason: str | None
) -> None:
    found = perth.read(written(tmp_path, line))
    assert [one.reason for one in found.unusable] == ([reason] if reason else [])
    assert len(found.usable) == (0 if reason else 1)


def test_a_file_of_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ConfigurationError, match="columns must be _id"):
        perth.read(path)


@pytest.mark.parametrize("days_later", [0, 3, 40, 200])
def test_the_first_rows_are_moved_by_whole_weeks_and_end_now(days_later: int) -> None:
    rows = perth.read(shared("sessions/perth-2018-09--2019-08.csv")).usable
    now = NOW + days_later * 86_400
    history = perth.shift(rows, now=now, limit=2000)
    assert len(history.plans) == len(history.rows) == 2000
    assert 0 <= now - max(plan.ended_at for plan in history.plans) < 6 * 3600
    for one, plan in zip(history.rows, history.plans, strict=True):
        local = datetime.fromtimestamp(plan.started_at, LONDON).replace(tzinfo=None)
        assert (local - one.started) % timedelta(weeks=1) == timedelta()
        assert plan.duration_s == one.duration_s
    assert overlaps((plan.place, plan.started_at, plan.ended_at) for plan in history.plans) == 0
    assert len(history.plans) + len(history.left_out) == len(rows)


def test_the_same_rows_are_replayed_whenever_it_is() -> None:
    rows = perth.read(shared("sessions/perth-2018-09--2019-08.csv")).usable
    today, later = (perth.shift(rows, now=NOW + s, limit=500) for s in (0, 3.5 * 86_400))
    assert today.rows == later.rows == rows[:500]


def test_a_row_pushed_into_another_by_a_change_of_the_clocks_is_left_out_for_the_next(
    tmp_path: Path,
) -> None:
    # In August the first three follow each other. On 25 October 2026 the clocks go back at two,
    # and half past one comes twice.
    path = written(
        tmp_path,
        row(4, start="2019-08-18T00:00:00,02:20", end="2019-08-18T00:00:00,03:20"),
        row(3, start="2019-08-18T00:00:00,01:50", end="2019-08-18T00:00:00,02:20"),
        row(2, start="2019-08-18T00:00:00,00:50", end="2019-08-18T00:00:00,01:50"),
        row(1, start="2019-08-17T00:00:00,10:00", end="2019-08-17T00:00:00,11:00"),
    )
    now = datetime(2026, 10, 25, 3, 20, tzinfo=UTC).timestamp()
    history = perth.shift(perth.read(path).usable, now=now, limit=3)
    assert [plan.duration_s for plan in history.plans] == [3600, 1800, 3600]
    assert [one.reason for one in history.left_out] == ["beyond the first 3"]
    # On 29 March 2026 they go forward at one: the newest begins while the oldest goes on.
    now = datetime(2026, 3, 29, 2, 20, tzinfo=UTC).timestamp()
    history = perth.shift(perth.read(path).usable, now=now, limit=3)
    assert [one.number for one in history.rows] == ["3", "2", "1"]
    assert history.left_out == (perth.Unusable("4", "overlaps after a change of the clocks"),)


def test_asking_for_more_rows_than_there_are_says_how_many_there_are(tmp_path: Path) -> None:
    rows = perth.read(written(tmp_path, row())).usable
    with pytest.raises(ConfigurationError, match="only 1 of the file's rows"):
        perth.shift(rows, now=NOW, limit=2)


def test_the_network_has_every_connector_of_the_rows_and_meters_that_sign() -> None:
    rows = perth.read(shared("sessions/perth-2018-09--2019-08.csv")).usable
    found = network(rows)
    assert {f"{one.charge_point}/{one.connector}" for one in rows} <= set(found.places)
    assert len(found.owners) == 3
    signing = sum(place.connector.meter is not None for place in found.places.values())
    assert 0.3 < signing / len(found.places) < 0.5
