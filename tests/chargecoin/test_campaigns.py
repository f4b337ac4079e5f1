"""Campaign rules as words, masks as weeks, and who bears what of a price."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargecoin.campaigns import (
    ALL_HOURS,
    MAX_SESSION_CAP,
    Budget,
    Rules,
    benefit,
    daily_hours,
    hour_mask,
    week_grid,
)
from chargecoin.errors import CodecError, FieldRangeError

NIGHT = daily_hours(22, 6)
RULES = Rules(starts_at=1_000, ends_at=2_000, rate_bps=2_000, session_cap=3_000_000)


def uint(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


rules = st.builds(
    Rules,
    starts_at=uint(32),
    ends_at=uint(32),
    rate_bps=uint(16),
    session_cap=uint(40),
    day_cap=uint(64),
    own=st.booleans(),
    paused_from=uint(32),
    paused_to=uint(32),
)


@given(rules)
def test_rules_come_back_from_their_word(one: Rules) -> None:
    assert Rules.decode(one.encode()) == one


def test_the_word_is_laid_out_as_specified() -> None:
    word = Rules(1, 2, 5, 6, 7, True, 3, 4).encode()
    fields = ((224, 1), (192, 2), (160, 3), (128, 4), (112, 5), (72, 6), (8, 7), (7, 1))
    assert word == sum(value << shift for shift, value in fields)


def test_a_field_that_does_not_fit_is_refused() -> None:
    with pytest.raises(FieldRangeError, match="rate_bps is 65536"):
        Rules(1, 2, 1 << 16, 4).encode()


@pytest.mark.parametrize("word", [1, 64, 1 << 256, -128])
def test_what_is_no_word_of_rules_is_refused(word: int) -> None:
    with pytest.raises(CodecError, match="not a word of campaign rules"):
        Rules.decode(word)


@pytest.mark.parametrize(
    ("started_at", "covered"), [(999, False), (1_000, True), (1_999, True), (2_000, False)]
)
def test_a_campaign_covers_its_first_second_and_not_its_end(started_at: int, covered: bool) -> None:
    assert RULES.covers(started_at, 0, ALL_HOURS) is covered


@pytest.mark.parametrize(
    ("started_at", "covered"), [(1_199, True), (1_200, False), (1_299, False), (1_300, True)]
)
def test_a_pause_covers_its_first_second_and_not_its_end(started_at: int, covered: bool) -> None:
    paused = Rules(1_000, 2_000, 2_000, 1, paused_from=1_200, paused_to=1_300)
    assert paused.covers(started_at, 0, ALL_HOURS) is covered


@pytest.mark.parametrize(("hour", "covered"), [(0, True), (1, False), (166, False), (167, True)])
def test_a_mask_reaches_from_the_first_hour_of_the_week_to_the_last(
    hour: int, covered: bool
) -> None:
    assert RULES.covers(1_500, hour, 1 << 167 | 1) is covered


def test_a_benefit_is_floored_and_capped() -> None:
    assert benefit(9_999, 1, MAX_SESSION_CAP) == 0
    assert benefit(10_000, 1, MAX_SESSION_CAP) == 1
    assert benefit(15_000_000, 2_000, 3_000_000) == 3_000_000
    assert benefit(15_000_005, 2_000, 3_000_000) == 3_000_000
    assert benefit(1_000, 10_000, 999) == 999


@given(rules, uint(40), st.builds(Budget, uint(80), uint(80), uint(24), uint(72)), uint(24))
@example(RULES, 10_000_000, Budget(left=0), 1)
def test_a_price_is_borne_by_somebody_whatever_the_budget_has(
    one: Rules, gross: int, budget: Budget, today: int
) -> None:
    one = Rules(0, 1, one.rate_bps % 10_001, one.session_cap, one.day_cap, one.own)
    share = one.share(gross, budget, today)
    assert share.payer + share.campaign + share.discount == gross
    assert min(share.payer, share.campaign, share.discount) >= 0
    assert share.campaign <= budget.left
    assert share.payer + share.benefit >= gross
    if one.day_cap:
        assert share.campaign <= max(0, one.day_cap - budget.spent_on(today))


def test_what_a_budget_does_not_reach_comes_off_the_net_of_the_owner_whose_campaign_it_is() -> None:
    own = Rules(1_000, 2_000, 2_000, 3_000_000, own=True)
    share = own.share(10_000_000, Budget(left=500_000), 1)
    assert (share.payer, share.campaign, share.discount) == (8_000_000, 500_000, 1_500_000)
    assert share.short


def test_a_sponsor_gives_no_more_than_its_budget_has() -> None:
    share = RULES.share(10_000_000, Budget(left=500_000), 1)
    assert (share.payer, share.campaign, share.discount) == (9_500_000, 500_000, 0)
    assert share.short


def test_a_campaign_is_not_applied_where_a_sponsor_has_nothing_left() -> None:
    assert not RULES.share(10_000_000, Budget(left=0), 1).applied
    assert RULES.share(10_000_000, Budget(left=1), 1).applied
    assert RULES.share(0, Budget(left=0), 1).applied  # there was nothing to grant
    own = Rules(1_000, 2_000, 2_000, 3_000_000, own=True)
    assert own.share(10_000_000, Budget(left=0), 1).applied


def test_a_day_cap_counts_what_was_spent_on_that_day_only() -> None:
    capped = Rules(1_000, 2_000, 2_000, 3_000_000, day_cap=2_500_000)
    budget = Budget(left=10**9, spent=10**9, day=7, day_spent=2_000_000)
    assert capped.share(10_000_000, budget, 7).campaign == 500_000
    assert capped.share(10_000_000, budget, 8).campaign == 2_000_000


@given(uint(168))
def test_a_mask_comes_back_from_its_week(mask: int) -> None:
    assert hour_mask(week_grid(mask)) == mask


def test_a_week_begins_on_monday_at_midnight() -> None:
    grid = week_grid(1 | 1 << 167)
    assert grid[0][0]
    assert grid[6][23]
    assert sum(map(sum, grid)) == 2


@pytest.mark.parametrize("grid", [(), ((True,) * 24,) * 6, ((True,) * 24,) * 6 + ((True,) * 23,)])
def test_a_week_of_another_shape_is_refused(grid: tuple[tuple[bool, ...], ...]) -> None:
    with pytest.raises(CodecError, match="seven days of 24 hours"):
        hour_mask(grid)


def test_a_mask_with_more_hours_than_a_week_is_refused() -> None:
    with pytest.raises(FieldRangeError):
        week_grid(1 << 168)


def test_nights_go_on_into_the_next_day_and_week() -> None:
    grid = week_grid(NIGHT)
    assert all(day == grid[0] for day in grid)
    assert [hour for hour, on in enumerate(grid[0]) if on] == [0, 1, 2, 3, 4, 5, 22, 23]
    sunday = week_grid(daily_hours(22, 6, days=[6]))
    assert [hour for hour, on in enumerate(sunday[0]) if on] == [0, 1, 2, 3, 4, 5]
    assert [hour for hour, on in enumerate(sunday[6]) if on] == [22, 23]


def test_a_whole_day_is_from_midnight_to_midnight() -> None:
    assert daily_hours(0, 24) == daily_hours(0, 0) == ALL_HOURS
    assert daily_hours(0, 24, days=[1]) == ((1 << 24) - 1) << 24


@pytest.mark.parametrize(
    ("begin", "end", "days"), [(24, 1, [0]), (-1, 1, [0]), (0, 25, [0]), (0, 1, [7])]
)
def test_hours_and_days_that_do_not_exist_are_refused(
    begin: int, end: int, days: list[int]
) -> None:
    with pytest.raises(FieldRangeError):
        daily_hours(begin, end, days)
