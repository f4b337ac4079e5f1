"""Stations: what each earned, when it is used, how it behaved, and its tariffs."""

from __future__ import annotations

import csv
from statistics import quantiles

import httpx
import pytest

from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import text_of
from tests.dashboard.world import Made, at

DAY = 86_400


async def test_stations_add_up_to_the_owners_month(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    listed = (await pages.get("/owners/1/stations.json")).json()["stations"]
    assert [one["identity"] for one in listed] == ["TAY-01", "TAY-02"]
    month = (await pages.get("/owners/1.json")).json()["overview"]["month"]["totals"]
    for name in ("sessions", "energy_wh", "gross", "paid", "fee"):
        assert sum(one["totals"][name] for one in listed) == month[name]
    for one in listed:
        page = (await pages.get(f"/owners/1/stations/{one['station_id']}.json")).json()
        for name in ("sessions", "energy_wh", "gross"):
            parts = sum(line["totals"][name] for line in page["connectors"])
            assert parts == one["totals"][name]


async def test_the_share_in_use_is_that_of_the_sessions(
    pages: httpx.AsyncClient, town: Town
) -> None:
    start = at("2026-11-03 10:00", "Europe/London")
    town.world.settle(start + 9000, [Made(town.harbour[0], start, duration_s=7200)])
    [one, other] = (await pages.get("/owners/1/stations.json")).json()["stations"]
    elapsed = NOW - at("2026-11-01", "Europe/London")
    assert one["share"] == pytest.approx(7200 / (2 * elapsed))
    assert other["share"] == 0
    page = (await pages.get("/owners/1/stations/1.json")).json()
    assert page["week"]["occupied_s"][1][10:12] == [3600, 3600]
    assert page["dwell"] == {"sessions": 1, "median": 7200, "low": 7200, "high": 7200}
    text = text_of((await pages.get("/owners/1/stations/1")).text)
    assert "Busiest on Tuesdays from 10 to 11 h" in text


async def test_dwell_time_is_the_middle_of_the_sessions(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    since = at("2026-11-01", "Europe/London")
    exported = (await pages.get("/owners/1/sessions.csv")).text.splitlines()
    stays = sorted(
        int(row["duration_s"])
        for row in csv.DictReader(exported)
        if row["station"] == "TAY-01"
        and row["status"] != "rejected"
        and since <= int(row["started_at"]) < NOW
    )
    dwell = (await pages.get("/owners/1/stations/1.json")).json()["dwell"]
    assert dwell["sessions"] == len(stays) > 50
    low, median, high = quantiles(stays, n=4)
    for name, expected in (("low", low), ("median", median), ("high", high)):
        assert dwell[name] == pytest.approx(expected, rel=0.03)


async def test_the_csv_is_the_week_hour_by_hour(pages: httpx.AsyncClient, busy_town: Town) -> None:
    rows = list(csv.DictReader((await pages.get("/owners/1/stations/1.csv")).text.splitlines()))
    assert len(rows) == 168
    elapsed = NOW - at("2026-11-01", "Europe/London")
    assert sum(int(row["available_s"]) for row in rows) == 2 * elapsed


async def test_a_month_before_anything_is_empty_and_says_so(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    text = text_of((await pages.get("/owners/1/stations/1?month=2026-01")).text)
    for words in ("No session ran in January 2026", "No session began in January 2026"):
        assert words in text
    assert "insufficient history" in text
    assert "Nothing was reported in January 2026" in text
    assert (
        'rel="next" href="?month=2026-02"'
        in (await pages.get("/owners/1/stations?month=2026-01")).text
    )
    assert 'rel="next"' not in (await pages.get("/owners/1/stations")).text


@pytest.mark.parametrize("path", ["/owners/1/stations/9", "/owners/1/stations/3"])
async def test_anothers_station_is_not_found_here(
    pages: httpx.AsyncClient, town: Town, path: str
) -> None:
    assert (await pages.get(path)).status_code == 404


def used(town: Town, since: int, days: int, stay: int) -> None:
    """Settle one stay a day at the first connector, longer on some days than on others."""
    for day in range(days):
        start = since + day * DAY + 10 * 3600
        made = Made(town.harbour[0], start, duration_s=stay + day % 3 * 300)
        town.world.settle(start + stay + 3000, [made])


async def test_use_before_and_after_a_tariff_is_compared_once_there_is_enough(
    pages: httpx.AsyncClient, town: Town
) -> None:
    change = at("2026-10-25 12:00", "Europe/London")
    midnight = at("2026-10-25", "Europe/London")
    used(town, midnight - 41 * DAY, 41, 7200)
    for connector in town.harbour:
        town.world.tariff(connector, 2, change - 7200, change, 390_000)
    used(town, at("2026-10-26", "Europe/London"), 27, 14_400)
    page = (await pages.get("/owners/1/stations/1.json")).json()
    [group] = page["tariffs"]
    assert [one["connector_number"] for one in group["connectors"]] == [1, 2]
    [newest, first] = group["changes"]
    assert (newest["index"], newest["low"]["kwh"], first["low"]["kwh"]) == (2, 390_000, 450_000)
    assert first["comparison"] is None
    found = newest["comparison"]
    # Days are whole local days of two connectors; the day of the change is in neither.
    assert found["before"] == pytest.approx(7500 / (2 * DAY), rel=0.01)
    assert found["after"] == pytest.approx(14_700 / (2 * DAY), rel=0.01)
    assert found["low"] > 0
    assert (found["days_before"], found["days_after"]) == (41, 27)
    text = text_of((await pages.get("/owners/1/stations/1")).text)
    assert "the interval leaves zero out" in text
    assert "not why" in text
    for word in ("because", "due to", "caused", "effect", "led to"):
        assert word not in text


async def test_a_young_tariff_has_not_enough_data_and_a_future_one_none(
    pages: httpx.AsyncClient, town: Town
) -> None:
    used(town, NOW - 40 * DAY, 30, 7200)
    town.world.tariff(town.harbour[0], 2, NOW - 6 * DAY, NOW - 5 * DAY, 390_000)
    town.world.tariff(town.harbour[0], 3, NOW - DAY, NOW + DAY, 500_000)
    page = (await pages.get("/owners/1/stations/1.json")).json()
    changed, untouched = page["tariffs"]
    assert [one["comparison"] for one in changed["changes"]] == [None, None, None]
    assert [one["future"] for one in changed["changes"]] == [True, False, False]
    assert len(untouched["changes"]) == 1
    text = text_of((await pages.get("/owners/1/stations/1")).text)
    assert "not enough data" in text
    assert "not in force yet" in text
