"""Before and after: like with like, an interval that keeps its word, nothing from little."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.comparison import MIN_DAYS, compare, quantile
from dashboard.weekhours import HOUR_S, days_of, week_of
from indexer.read_model import HourUse
from tests.dashboard.world import at


def days(count: int, share: float, spread: float = 0.0, seed: int = 1) -> list[tuple[int, float]]:
    """Return days from a Monday on, weekends twice as busy."""
    random = Random(seed)
    return [
        (day % 7, share * (2 if day % 7 > 4 else 1) + random.gauss(0, spread))
        for day in range(count)
    ]


@pytest.mark.parametrize(
    ("freedom", "expected"), [(14, 2.14479), (28, 2.04841), (60, 2.00030), (1000, 1.96234)]
)
def test_students_quantile_is_that_of_the_tables(freedom: int, expected: float) -> None:
    assert quantile(freedom) == pytest.approx(expected, abs=2e-4)


def test_fewer_than_two_of_a_weekday_are_not_enough() -> None:
    assert compare(days(MIN_DAYS, 0.2), days(MIN_DAYS, 0.2)) is not None
    assert compare(days(MIN_DAYS - 1, 0.2), days(MIN_DAYS, 0.2)) is None
    assert compare(days(MIN_DAYS, 0.2), days(MIN_DAYS - 1, 0.2)) is None
    assert compare([], []) is None


def test_more_weekends_on_one_side_make_no_difference() -> None:
    before = days(14, 0.1) + [(5, 0.2), (6, 0.2)] * 3
    found = compare(before, days(14, 0.1))
    assert found is not None
    assert found.difference == pytest.approx(0)
    assert fmean(share for _, share in before) > found.before + 0.01


def test_a_difference_is_found_and_a_chance_one_is_not_claimed() -> None:
    clear = compare(days(28, 0.1, 0.01), days(28, 0.15, 0.01, seed=2))
    assert clear is not None
    assert clear.clear
    assert clear.low < 0.05 * 9 / 7 < clear.high
    same = compare(days(28, 0.1, 0.05), days(28, 0.1, 0.05, seed=3))
    assert same is not None
    assert not same.clear


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(400):
        found = compare(days(21, 0.2, 0.05, seed), days(28, 0.25, 0.05, seed + 10_000))
        assert found is not None
        held += found.low <= 0.05 * 9 / 7 <= found.high
    # 95 % of 400, within three standard deviations.
    assert 367 <= held <= 393


@given(st.integers(0, 3), st.integers(1, 4))
def test_days_are_whole_local_days_and_shares_of_all_connectors(extra: int, count: int) -> None:
    since = at("2026-10-20", "Europe/Berlin") - extra * HOUR_S
    until = at("2026-10-27", "Europe/Berlin")
    noon = at("2026-10-25 12:00", "Europe/Berlin")
    hours = [HourUse(noon, 0, 1800 * count)]
    found = days_of(hours, count, since, until, "Europe/Berlin")
    # Seven days of which Sunday the 25th had 25 hours; the piece before them is none.
    assert [weekday for weekday, _ in found] == [1, 2, 3, 4, 5, 6, 0]
    assert found[5][1] == pytest.approx(1800 / (25 * 3600))
    assert sum(share for _, share in found) == found[5][1]


def test_a_week_folds_hours_by_the_sites_clock() -> None:
    since, until = at("2026-10-19", "Europe/Berlin"), at("2026-11-02", "Europe/Berlin")
    hour = at("2026-10-21 18:00", "Europe/Berlin")
    assert datetime.fromtimestamp(hour, UTC).hour == 16
    week = week_of([HourUse(hour, 0, 3600)], 1, since, until, "Europe/Berlin")
    assert week.peak == (2, 18)
    # There were two such hours; in the night the clocks went back, three of the second.
    assert week.shares[2][18] == 0.5
    assert week.available_s[6][2] == 3 * 3600
    assert sum(map(sum, week.available_s)) == until - since
    assert week.share == pytest.approx(3600 / (until - since))


def test_a_week_in_which_nothing_happened_has_no_peak() -> None:
    week = week_of([], 2, 0, 5 * HOUR_S, "UTC")
    assert week.peak is None
    assert week.shares[0][0] is None  # The epoch was a Thursday.
    assert week.shares[3][:6] == (0, 0, 0, 0, 0, None)
