"""Local hours and days: unique keys, half-hour zones, both clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.hours import from_day, is_zone, local_time, to_day

ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "America/St_Johns",  # −3:30, with daylight saving
    "Asia/Kolkata",  # +5:30
    "Asia/Kathmandu",  # +5:45
    "Australia/Lord_Howe",  # the clocks move by half an hour
    "Pacific/Chatham",  # +12:45, with daylight saving
    "America/Sao_Paulo",
    "Asia/Beirut",  # the clocks moved at midnight
)
# The clocks of these moved, and do: by an hour, by half of one, at midnight, in half-hour zones.
MOVING = (
    *("Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Chatham"),
    *("America/New_York", "Asia/Beirut", "Africa/Cairo", "Australia/Adelaide"),
)
TIMES = st.integers(
    int(datetime(1990, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2090, 1, 1, tzinfo=UTC).timestamp()),
)


def utc(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


def begins_an_hour(at: int, zone: str) -> bool:
    """By zoneinfo alone: the local clock shows minute 00, or jumps."""
    now, before = (datetime.fromtimestamp(t, ZoneInfo(zone)) for t in (at, at - 1))
    return (now.minute, now.second) == (0, 0) or now.utcoffset() != before.utcoffset()


@given(TIMES, st.integers(0, 4 * 86_400), st.sampled_from(ZONES))
def test_hours_cover_a_span_without_gap_or_overlap(since: int, length: int, zone: str) -> None:
    until = since + length
    hours = local_time(zone).hours(since, until)
    assert hours[0] <= since
    assert hours == sorted(set(hours))
    assert all(begins_an_hour(hour, zone) for hour in hours)
    # No local hour begins in between that is not listed: a quarter is the finest offset.
    between = range(hours[0] // 900 * 900, max(until, since + 1), 900)
    assert hours == [at for at in between if begins_an_hour(at, zone)]


@settings(deadline=None)  # every quarter of many days, looked up for the first time
@given(TIMES, st.integers(1, 100 * 86_400), st.sampled_from(ZONES))
def test_clocks_do_not_change_within_a_steady_part(since: int, length: int, zone: str) -> None:
    local = local_time(zone)
    parts = list(local.steady(since, since + length))
    assert (parts[0][0], parts[-1][1]) == (since, since + length)
    for (_, end, before), (begin, _, after) in pairwise(parts):
        assert (end, before != after) == (begin, True)
    for begin, end, offset in parts:
        quarters = range(begin - begin % 900, end, 900)
        assert {local.offset(at) for at in quarters} == {offset}


@given(TIMES, st.sampled_from(ZONES))
def test_a_day_is_the_date_on_the_sites_calendar(at: int, zone: str) -> None:
    local = local_time(zone)
    expected = datetime.fromtimestamp(at, ZoneInfo(zone)).date()
    assert from_day(local.day(at)) == expected
    assert to_day(expected) == local.day(at)
    start = local.day_start(local.day(at))
    assert start <= at
    assert local.day(start) == local.day(at)
    assert local.day(start - 1) == local.day(at) - 1


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, int]:
    """Draw a zone and the UTC second at which its clocks moved, forward or back."""
    zone = draw(st.sampled_from(MOVING))
    year = draw(st.integers(2012, 2037))
    days = range(utc(year, 1, 1), utc(year + 1, 1, 1), 86_400)
    moved = [day for day in days if offset(day, zone) != offset(day + 86_400, zone)]
    if not moved:  # A zone that gave it up, or had not begun.
        moved = [days[0]]
    day = draw(st.sampled_from(moved))
    quarters = range(day, day + 86_401, 900)
    return zone, next((at for at in quarters if offset(at, zone) != offset(day, zone)), day)


def offset(at: int, zone: str) -> timedelta | None:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset()


@given(changes(), st.integers(-4 * 3600, 4 * 3600), st.integers(0, 8 * 3600))
def test_hours_about_a_clock_change_are_those_of_the_sites_clock(
    change: tuple[str, int], before: int, length: int
) -> None:
    zone, moved = change
    local = local_time(zone)
    since = moved + before
    hours = local.hours(since, since + length)
    begun = [at for at in range(moved - 86_400, moved + 86_400, 900) if begins_an_hour(at, zone)]
    first = max(at for at in begun if at <= since)
    assert hours == [at for at in begun if first <= at < max(since + length, since + 1)]


@given(changes())
def test_a_day_of_a_clock_change_is_as_long_as_its_clock_says(change: tuple[str, int]) -> None:
    zone, moved = change
    local = local_time(zone)
    day = local.day(moved)
    start, end = local.day_start(day), local.day_start(day + 1)
    shift = (offset(start, zone) or timedelta()) - (offset(end, zone) or timedelta())
    clock = [datetime.fromtimestamp(at, ZoneInfo(zone)).replace(tzinfo=None) for at in (start, end)]
    assert timedelta(seconds=end - start) == clock[1] - clock[0] + shift
    assert {local.day(hour) for hour in local.hours(start, end)} == {day}


def test_the_hour_that_comes_twice_has_two_keys() -> None:
    local = local_time("Europe/London")
    start, end = local.day_start(to_day(date(2026, 10, 25))), utc(2026, 10, 26)
    assert start == utc(2026, 10, 24, 23)
    hours = local.hours(start, end)
    assert len(hours) == 25
    ones = [at for at in hours if datetime.fromtimestamp(at, ZoneInfo("Europe/London")).hour == 1]
    assert ones == [utc(2026, 10, 25, 0), utc(2026, 10, 25, 1)]


def test_the_day_on_which_an_hour_is_skipped_has_23() -> None:
    local = local_time("Europe/Berlin")
    start = local.day_start(to_day(date(2026, 3, 29)))
    assert start == utc(2026, 3, 28, 23)
    assert len(local.hours(start, utc(2026, 3, 29, 22))) == 23


def test_hours_of_half_hour_zones_begin_at_half_past() -> None:
    assert local_time("Asia/Kolkata").hour(utc(2026, 1, 1, 12, 45)) == utc(2026, 1, 1, 12, 30)
    assert local_time("Asia/Kathmandu").hour(utc(2026, 1, 1, 12, 20)) == utc(2026, 1, 1, 12, 15)


def test_where_clocks_move_by_half_an_hour_an_hour_is_cut_in_two() -> None:
    local = local_time("Australia/Lord_Howe")
    # 5 April 2026, 02:00 (+11) back to 01:30 (+10:30), at 15:00 UTC the day before.
    change = utc(2026, 4, 4, 15)
    assert local.hours(change - 3600, change + 3600) == [change - 3600, change, change + 1800]


def test_a_day_without_midnight_begins_at_its_first_moment() -> None:
    # 27 March 2022 in Beirut: from 24:00 straight to 01:00.
    local = local_time("Asia/Beirut")
    start = local.day_start(to_day(date(2022, 3, 27)))
    assert datetime.fromtimestamp(start, ZoneInfo("Asia/Beirut")).hour == 1


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "Europe", "../etc/passwd", "\x00", "A" * 999])
def test_a_zone_that_does_not_exist_counts_as_utc(name: str) -> None:
    assert not is_zone(name)
    assert local_time(name).day_start(20_000) == 20_000 * 86_400
