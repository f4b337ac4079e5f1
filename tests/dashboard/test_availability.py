"""Uptime from what the feed said: up, out, excluded, and what nobody vouches for."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from dashboard.availability import (
    Uptime,
    errors,
    incidents,
    merged,
    overlap,
    spells,
    uptime,
)
from dashboard.private.settings import Exclusion
from dashboard.services import Services
from indexer.read_model import FeedWord, Silence
from indexer.schema import feed_entries
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.people import sign_in
from tests.dashboard.serving import text_of
from tests.dashboard.world import ACCOUNT, ORACLE, at

HOUR = 3600


def said(*words: tuple[int, str], code: str = "NoError", kind: str = "status") -> list[FeedWord]:
    """Return words of one connector at hours, counted without a gap."""
    return [
        FeedWord(1, "0xA", 1, number, int(hour * HOUR), kind, status, code)
        for number, (hour, status) in enumerate(words, 1)
    ]


def excluded(since: float, until: float) -> Exclusion:
    """Return an exclusion between hours."""
    return Exclusion(1, 1, int(since * HOUR), int(until * HOUR), "vandalism", "", ACCOUNT, 0)


def measured(words: list[FeedWord], **given: object) -> Uptime:
    """Return the uptime over the ten hours from hour 10."""
    silences: list[Silence] = given.get("silences", [])  # type: ignore[assignment]
    exclusions: list[Exclusion] = given.get("exclusions", [])  # type: ignore[assignment]
    return uptime(words, silences, exclusions, 10 * HOUR, 20 * HOUR)


def test_available_and_in_use_are_up_and_the_rest_is_outage() -> None:
    words = said((5, "Available"), (12, "Faulted"), (13, "Charging"), (15, "Unavailable"))
    words += [replace(words[-1], seq=5, at=16 * HOUR, status="Finishing")]
    words += [replace(words[-1], seq=6, at=18 * HOUR, status="Offline")]
    found = measured(words)
    assert found.enough
    assert (found.observed_s, found.outage_s, found.unobserved_s) == (10 * HOUR, 4 * HOUR, 0)
    assert found.share == Fraction(6, 10)
    assert found.basis_points == 6000


def test_what_is_excluded_counts_only_where_it_was_an_outage_and_once() -> None:
    words = said((5, "Available"), (12, "Faulted"), (14, "Available"))
    found = measured(words, exclusions=[excluded(11, 13), excluded(12.5, 13), excluded(17, 19)])
    assert (found.outage_s, found.excluded_s) == (2 * HOUR, HOUR)
    assert found.share == Fraction(9, 10)


def test_before_the_feed_began_there_is_no_figure() -> None:
    found = measured(said((12, "Available")))
    assert not found.enough
    assert found.basis_points is None
    assert (found.observed_s, found.unobserved_s) == (8 * HOUR, 2 * HOUR)
    nothing = measured([])
    assert (nothing.began, nothing.observed_s, nothing.share) == (None, 0, None)


def test_silence_is_neither_up_nor_down() -> None:
    words = said((5, "Available"), (12, "Faulted"))
    found = measured(words, silences=[Silence("0xA", 11 * HOUR, 14 * HOUR)])
    # What was said within the silence is itself a sign of life, for a quarter of an hour.
    assert found.observed_s == 10 * HOUR - HOUR - 2 * HOUR + 900
    assert found.outage_s == 6 * HOUR + 900
    other = measured(words, silences=[Silence("0xB", 11 * HOUR, 14 * HOUR)])
    assert other.observed_s == 10 * HOUR


def test_between_words_of_which_some_are_missing_nothing_is_known() -> None:
    first, second = said((5, "Available"), (12, "Available"))
    found = measured([first, replace(second, seq=4)])
    assert found.observed_s == 8 * HOUR
    # Another epoch counts anew.
    assert measured([first, replace(second, seq=4, epoch=2)]).observed_s == 10 * HOUR


def test_the_figure_is_rounded_down() -> None:
    held = Uptime(0, 100_000, 0, 100_000, 3_000, 0)
    assert held.basis_points == 9_700
    assert replace(held, outage_s=3_001).basis_points == 9_699


def test_errors_are_counted_when_they_begin() -> None:
    words = said((10, "Faulted"), (11, "Faulted"), (12, "Available"), (13, "Faulted"))
    codes = ["GroundFailure", "GroundFailure", "NoError", "OverCurrentFailure"]
    words = [replace(word, error_code=code) for word, code in zip(words, codes, strict=True)]
    found = errors(spells(words, [], 10 * HOUR, 20 * HOUR))
    assert [(one.error_code, one.times, one.seconds) for one in found] == [
        ("OverCurrentFailure", 1, 7 * HOUR),
        ("GroundFailure", 1, 2 * HOUR),
    ]


def test_incidents_are_told_newest_first() -> None:
    words = said(
        (9, "Available"), (11, "Offline"), (12, "Available"), (13, "Faulted"), (14, "Available")
    )
    words.append(replace(words[-1], at=15 * HOUR, kind="restart"))
    found = incidents(words, 10 * HOUR)
    assert [(one.what, one.lasted_s) for one in found] == [
        ("restarted", None),
        ("recovered", HOUR),
        ("faulted", None),
        ("reconnected", HOUR),
        ("lost", None),
    ]


SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda s: (s[0], sum(s))))


@given(SPANS, SPANS)
def test_overlap_is_that_of_the_seconds_one_by_one(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    def seconds(spans: list[tuple[int, int]]) -> set[int]:
        return {second for low, high in spans for second in range(low, high)}

    assert overlap(left, right) == len(seconds(left) & seconds(right))
    assert sum(high - low for low, high in merged(left)) == len(seconds(left))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["Available", "Faulted"])), max_size=8),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=4),
)
def test_spells_never_overlap_and_stay_within_the_span(
    words: list[tuple[int, str]], silent: list[tuple[int, int]]
) -> None:
    feed = said(*sorted(words))
    cuts = [Silence("0xA", a * HOUR, b * HOUR) for a, b in merged((a, a + b) for a, b in silent)]
    found = spells(feed, cuts, 10 * HOUR, 20 * HOUR)
    assert all(10 * HOUR <= one.since < one.until <= 20 * HOUR for one in found)
    assert all(a.until <= b.since for a, b in pairwise(found))


def fed(town: Town, entries: list[tuple[int, int, str, str]]) -> None:
    """Put (connector, at, kind, status) into the feed's table; its signing is tested elsewhere."""
    with town.world.engine.begin() as connection:
        for number, (connector_id, moment, kind, status) in enumerate(entries, 1):
            connection.execute(
                insert(feed_entries).values(
                    oracle=ORACLE.address,
                    n=number,
                    epoch=1,
                    connector_id=connector_id,
                    seq=sum(1 for one in entries[:number] if one[0] == connector_id),
                    at=moment,
                    kind=kind,
                    status=status,
                    error_code="NoError",
                    signature=bytes(65),
                )
            )


@pytest.fixture
def october(town: Town) -> Town:
    """A month of 745 hours (clocks went back) with heartbeats and two outages."""
    start, end = at("2026-10-01", "Europe/London"), at("2026-11-01", "Europe/London")
    assert end - start == 745 * HOUR
    night = at("2026-10-12 02:00", "Europe/London")
    beats = [(0, moment, "heartbeat", "Available") for moment in range(start - 300, end, 300)]
    beats = [one for one in beats if not night <= one[1] < night + 2 * HOUR]
    fault = at("2026-10-20 10:00", "Europe/London")
    words = [
        (1, start - 500, "snapshot", "Available"),
        (2, start + HOUR, "snapshot", "Available"),
        (1, fault, "fault", "Faulted"),
        (1, fault + 10 * HOUR, "status", "Available"),
    ]
    fed(town, sorted([*beats, *words], key=lambda one: one[1]))
    return town


async def test_a_month_of_a_connector_by_the_formula(
    pages: httpx.AsyncClient, october: Town
) -> None:
    page = (await pages.get("/owners/1/uptime.json?month=2026-10")).json()
    first, second = page["lines"][0]["uptime"], page["lines"][1]["uptime"]
    # Two hours without a heartbeat, of which the first quarter of an hour still holds.
    silent = 2 * HOUR + 300 - 900
    assert first["observed_s"] == 745 * HOUR - silent
    assert (first["outage_s"], first["excluded_s"]) == (10 * HOUR, 0)
    assert second["began"] == at("2026-10-01 01:00", "Europe/London")
    rows = (await pages.get("/owners/1/uptime.csv?month=2026-10")).text.splitlines()
    share = 1 - Fraction(10 * HOUR, first["observed_s"])
    assert rows[1].split(",")[-1] == str(int(share * 10_000))
    assert rows[2].split(",")[-1] == ""
    text = text_of((await pages.get("/owners/1/uptime?month=2026-10")).text)
    assert "1 of 1 connectors with enough history were up for more than 97%" in text
    assert "insufficient history" in text


async def test_an_exclusion_lifts_a_members_figure_and_not_the_public_one(
    pages: httpx.AsyncClient, has: Services, october: Town
) -> None:
    async def excluded_s() -> int:
        page = (await pages.get("/owners/1/uptime.json?month=2026-10")).json()
        found: int = page["lines"][0]["uptime"]["excluded_s"]
        return found

    await sign_in(pages, "station_owner")
    fields = {
        "connector": "1",
        "since": "2026-10-20T09:00",
        "until": "2026-10-20T14:00",
        "reason": "utility",
        "note": "Grid operator's notice 17",
    }
    answer = await pages.post("/owners/1/uptime/exclusions", data=fields)
    assert answer.headers["location"] == "/owners/1/uptime?month=2026-10"
    assert await excluded_s() == 4 * HOUR
    pages.cookies.clear()
    assert await excluded_s() == 0
    [entered] = has.settings.exclusions(1)
    assert (entered.reason, entered.entered_by) == ("utility", ACCOUNT)
    await sign_in(pages, "station_owner")
    await pages.post("/owners/1/uptime/exclusions/remove", data={"exclusion": str(entered.id)})
    assert await excluded_s() == 0


async def test_a_whole_station_is_excluded_at_once(
    pages: httpx.AsyncClient, has: Services, town: Town
) -> None:
    await sign_in(pages, "station_owner")
    fields = {"connector": "1", "station": "1", "reason": "closed", "note": "Night"}
    spans = {"since": "2026-10-20T22:00", "until": "2026-10-21T06:00"}
    await pages.post("/owners/1/uptime/exclusions", data=fields | spans)
    assert {one.connector_id for one in has.settings.exclusions(1)} == set(town.harbour)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"connector": "5"}, "one of the owner's connectors"),
        ({"reason": "weather"}, "a reason is one of"),
        ({"until": "2026-10-20T08:00"}, "begins, then ends"),
        ({"since": "yesterday"}, "begins, then ends"),
        ({"note": ""}, "what happened"),
    ],
)
async def test_an_exclusion_that_cannot_be_says_why(
    pages: httpx.AsyncClient, has: Services, town: Town, changes: dict[str, str], words: str
) -> None:
    await sign_in(pages, "station_owner")
    fields = {
        "connector": "1",
        "since": "2026-10-20T09:00",
        "until": "2026-10-20T14:00",
        "reason": "utility",
        "note": "x",
    }
    answer = await pages.post("/owners/1/uptime/exclusions", data=fields | changes)
    assert answer.status_code == 400
    assert words in text_of(answer.text)
    assert has.settings.exclusions(1) == ()


@pytest.mark.parametrize("query", ["month=2026", "month=2026-13", "months=7", "months=x"])
async def test_a_month_that_is_none_is_refused(
    pages: httpx.AsyncClient, town: Town, query: str
) -> None:
    assert (await pages.get(f"/owners/1/uptime?{query}")).status_code == 400


async def test_twelve_months_are_those_to_the_one_chosen(
    pages: httpx.AsyncClient, town: Town
) -> None:
    page = (await pages.get("/owners/1/uptime.json?month=2026-10&months=12")).json()
    span = page["lines"][0]["uptime"]
    assert span["since"] == at("2025-11-01", "Europe/London")
    assert span["until"] == at("2026-11-01", "Europe/London")
    now = (await pages.get("/owners/1/uptime.json")).json()
    assert now["lines"][0]["uptime"]["until"] == NOW
