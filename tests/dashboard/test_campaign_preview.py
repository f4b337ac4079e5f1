"""What a campaign would have cost, against computations of another kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import httpx
from hypothesis import given
from hypothesis import strategies as st

from chargecoin.campaign_calls import NewCampaign
from chargecoin.campaign_terms import CampaignTerms, EarlierSession
from chargecoin.campaigns import ALL_HOURS, Budget, Kind, Rules, daily_hours
from chargecoin.record import Reason, Status
from dashboard.campaigns.preview import DAY_S, MIN_SESSIONS, Outlook, outlook
from dashboard.services import Services
from indexer.read_model import PastSession, SessionFilter
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import text_of
from tests.dashboard.test_campaign_form import address
from tests.dashboard.world import Made

SESSIONS = st.lists(
    st.builds(
        PastSession,
        connector_id=st.integers(1, 3),
        payer=st.integers(1, 3),
        started_at=st.integers(NOW - 45 * DAY_S, NOW - 1),
        settled_at=st.integers(NOW - 45 * DAY_S, NOW),
        hour_of_week=st.integers(0, 167),
        energy_wh=st.integers(0, 50_000),
        gross=st.integers(1, 60_000_000),
        campaign_id=st.integers(0, 1),
        status=st.integers(1, 2),
    ),
    max_size=40,
).map(lambda found: sorted(found, key=lambda one: one.started_at))
NEW = st.builds(
    NewCampaign,
    kind=st.just(Kind.LOYALTY),
    owner_id=st.just(1),
    name=st.just("any"),
    starts_at=st.just(0),
    ends_at=st.just(NOW + DAY_S),
    hour_mask=st.integers(1, ALL_HOURS),
    rate_bps=st.integers(1, 10_000),
    session_cap=st.integers(1, 10_000_000),
    day_cap=st.sampled_from((0, 1, 3_000_000)),
    min_sessions=st.integers(0, 3),
    window_days=st.integers(1, 20),
    driver_cap=st.integers(0, 3),
)


def slowly(new: NewCampaign, connectors: set[int], sessions: list[PastSession], days: int) -> int:
    """Return what budgets would have paid, session by session as contract and attesters do."""
    since = NOW - days * DAY_S
    uses: list[int] = []
    spent: dict[int, int] = {}
    terms = CampaignTerms(
        id=7,
        kind=int(new.kind),
        owner_id=1,
        starts_at=since,
        ends_at=NOW,
        pauses=(),
        hour_mask=new.hour_mask,
        rate_bps=new.rate_bps,
        session_cap=new.session_cap,
        min_sessions=new.min_sessions,
        window_days=new.window_days,
        driver_cap=new.driver_cap,
    )
    rules = Rules(since, NOW, new.rate_bps, new.session_cap, new.day_cap)
    history = [
        EarlierSession(number, b"", one.payer, 1, one.started_at, 0, one.settled)
        for number, one in enumerate(sessions)
    ]
    for one in sessions:
        earlier = [each for each in history if each.counts(terms, one.payer, one.started_at)]
        if (
            one.connector_id in connectors
            and terms.covers(one.started_at, one.hour_of_week)
            and len(earlier) >= new.min_sessions
            and (not new.driver_cap or uses.count(one.payer) < new.driver_cap)
        ):
            uses.append(one.payer)
            day = one.settled_at // DAY_S
            before = Budget(1 << 80, 0, day, spent.get(day, 0))
            spent[day] = before.day_spent + rules.share(one.gross, before, day).campaign
    return sum(spent.values())


@given(NEW, SESSIONS, st.sampled_from((7, 28)))
def test_a_campaign_would_have_paid_what_contract_and_attesters_would_have_granted(
    new: NewCampaign, sessions: list[PastSession], days: int
) -> None:
    found = outlook(new, {1, 2}, sessions, days, NOW, 0)
    assert found.reached == slowly(new, {1, 2}, sessions, days)
    uncapped = replace(new, day_cap=0)
    assert found.benefit == slowly(uncapped, {1, 2}, sessions, days)


def test_the_budget_lasts_as_many_whole_days_as_the_pace_allows() -> None:
    full = Outlook(28, 100, 40, 0, 0, 0, 56_000_000, 56_000_000, whole=True)
    assert full.lasts(9_000_000) == int(Fraction(9_000_000) / Fraction(56_000_000, 28)) == 4
    # Not from few, not from part of the time, not of nothing.
    for other in (
        replace(full, matched=MIN_SESSIONS - 1),
        replace(full, whole=False),
        replace(full, reached=0),
    ):
        assert other.lasts(9_000_000) is None
    assert full.lasts(0) is None


async def test_the_page_says_what_the_tables_sessions_would_have_got(
    pages: httpx.AsyncClient, busy_town: Town, has: Services
) -> None:
    hours = daily_hours(16, 20, range(5))
    answer = await pages.get(address(".json", hours=f"{hours:x}", rate="20", cap="1.5"))
    found = {one["days"]: one for one in answer.json()["outlooks"]}
    london = ZoneInfo("Europe/London")
    rows = has.model.sessions(SessionFilter(owner_id=1), None, 1_000)
    assert rows.after is None
    for days in (28, 90):
        there, matched, cost = 0, 0, Fraction(0)
        for row in rows.items:
            if (
                row.connector_id not in busy_town.harbour
                or row.started_at < NOW - days * DAY_S
                or row.status == Status.REJECTED
                or row.reason == Reason.NO_PAYER
            ):
                continue
            there += 1
            begun = datetime.fromtimestamp(row.started_at, london)
            if begun.weekday() < 5 and 16 <= begun.hour < 20:
                matched += 1
                cost += min(Fraction(row.gross, 5).__floor__(), 1_500_000)
        assert there > MIN_SESSIONS
        assert matched > 5
        assert (found[days]["sessions"], found[days]["matched"]) == (there, matched)
        assert found[days]["benefit"] == cost
    assert found[28]["whole"] is True
    # The town has had chargers for 70 days.
    assert found[90]["whole"] is False


async def test_loyalty_counts_sessions_at_all_of_the_owners_connectors(
    pages: httpx.AsyncClient, town: Town
) -> None:
    elsewhere, here = town.station[0], town.harbour[0]
    for day in range(30):
        begin = NOW - (30 - day) * DAY_S
        made = [Made(elsewhere, begin, payer=4), Made(here, begin + 7_200, payer=5 + day % 2)]
        town.world.settle(begin + 20_000, made)
    last = Made(here, NOW - 9_000, payer=4, energy_wh=20_000)
    town.world.settle(NOW - 4_000, [last])
    loyal = {
        "kind": "loyalty",
        "hours": f"{ALL_HOURS:x}",
        "min_sessions": "20",
        "window_days": "25",
    }
    answer = (await pages.get(address(".json", rate="50", cap="100", **loyal))).json()
    [month, _] = answer["outlooks"]
    # Whoever comes every second day has had 12 or 13; whoever comes daily, elsewhere, 24.
    assert (month["sessions"], month["matched"]) == (29, 1)
    assert month["benefit"] == month["gross"] // 2 == 4_500_000


async def test_too_few_sessions_are_not_enough_data(pages: httpx.AsyncClient, town: Town) -> None:
    words = text_of((await pages.get(address())).text)
    assert "28 days not enough data: 0 sessions with a payer at these connectors" in words
    assert "fewer than 20" in words
