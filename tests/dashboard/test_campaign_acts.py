"""A campaign's page: what may be sent and when, its pace, and use before and since."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import httpx
import pytest

from chargecoin.campaigns import ALL_HOURS, daily_hours
from dashboard.campaigns.acts import offered, share
from dashboard.campaigns.effect import Effect, Pace, effect, pace
from dashboard.comparison import Comparison
from dashboard.services import Services
from indexer.read_model import CampaignDay, CampaignTotals, Funder, HourUse, ReadModel
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import text_of
from tests.dashboard.test_campaign_pages import campaign_of, create, run
from tests.dashboard.world import ACCOUNT, Made

DAY = 86_400
STRANGER = "0x" + "99" * 20
DECIDING = ("fund", "pause", "enrol", "close")


def test_only_what_the_contract_takes_is_offered(town: Town) -> None:
    create(town.world, 1, town.first, town.harbour)
    town.world.mine(NOW)
    town.world.mine(NOW)
    made = campaign_of(town.world)
    end = made.ends_at

    def can(account: str = ACCOUNT, at: int = NOW, *, due: bool = False, **changes: Any) -> object:
        one = replace(made, **changes)
        return offered(one, account, ACCOUNT, at, more=True, due=due)

    assert can() == can(at=made.starts_at - 1) == can(at=end - 1) == DECIDING
    assert can(pauses=((NOW - 5, NOW - 1),)) == DECIDING
    assert can(pauses=((NOW - 5, None),)) == ("fund", "resume", "enrol", "close")
    # Ended: nothing but giving back, once something is due.
    assert can(at=end) == can(at=end, pauses=((NOW - 5, None),)) == ()
    assert can(at=end, due=True) == ("reclaim",)
    # Anybody may add to a budget, once the number is certain to be this campaign's.
    assert can(STRANGER) == ("fund",)
    young = replace(made.provenance, finality="seen")
    assert can(STRANGER, provenance=young) == ()
    assert can(provenance=young) == DECIDING


def test_a_share_of_what_is_left_is_the_contracts(town: Town) -> None:
    create(town.world, 1, town.first, town.harbour)
    made = replace(campaign_of(town.world), funded=10, left=5, released=2)
    # contributed * (left + reclaimed in all) // funded in all - reclaimed by this funder
    assert share(made, Funder(ACCOUNT, 7, 2)).due == 7 * 7 // 10 - 2
    assert share(made, Funder(STRANGER, 3, 0)).due == 3 * 7 // 10
    assert share(replace(made, funded=0), Funder(ACCOUNT, 0, 0)).due == 0


@pytest.mark.parametrize(
    ("asked", "words", "function"),
    [
        ("do=pause", "Pause “Nights 1”", "pause"),
        ("do=close", "End “Nights 1” now, for good", "close"),
        ("do=enrol&connector=3&connector=4", "Add 2 connectors to “Nights 1”", "enrol"),
    ],
)
async def test_an_act_is_prepared_on_the_page(
    pages: httpx.AsyncClient, town: Town, asked: str, words: str, function: str
) -> None:
    run(town)
    answer = await pages.get(f"/owners/{town.first}/campaigns/1?{asked}")
    assert answer.status_code == 200
    assert answer.text.count("data-wallet-send=") == 1
    assert words in text_of(answer.text)
    made = (await pages.get(f"/owners/{town.first}/campaigns/1.json?{asked}")).json()["acts"]
    assert made["chosen"] == function
    assert made["steps"][0]["prepared"]["sender"] == ACCOUNT
    assert made["steps"][0]["prepared"]["shows"] == f"/owners/{town.first}/campaigns/1"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("do=resume", "does not take that now"),
        ("do=reclaim", "does not take that now"),
        ("do=enrol&connector=1", "not in it yet"),
        ("do=enrol&connector=5", "not in it yet"),
        ("do=fund&amount=", "Enter how much"),
        ("do=fund&amount=1e9", "is an amount"),
    ],
)
async def test_what_cannot_be_says_why_and_prepares_nothing(
    pages: httpx.AsyncClient, town: Town, asked: str, words: str
) -> None:
    run(town)
    page = (await pages.get(f"/owners/{town.first}/campaigns/1?{asked}")).text
    assert words in text_of(page)
    assert "data-wallet-send" not in page


async def test_a_sponsors_campaign_is_the_sponsors_to_change(
    pages: httpx.AsyncClient, town: Town
) -> None:
    create(town.world, 1, 0, [*town.harbour, *town.kiel], day_cap=1, creator=STRANGER)
    owners = (await pages.get(f"/owners/{town.first}/campaigns/1.json")).json()
    assert owners["acts"]["offered"] == []
    address = owners["campaign"]["creator"]
    report = (await pages.get(f"/sponsors/{address}/campaigns/1.json")).json()
    assert report["acts"]["offered"] == ["fund", "pause", "enrol", "close"]
    assert [one["connector_id"] for one in report["connectors"]] == [*town.harbour, *town.kiel]
    # Of owners who take part already, others can be added.
    assert [one["connector_id"] for one in report["acts"]["more"]] == town.station
    assert (await pages.get(f"/sponsors/{ACCOUNT}/campaigns/1")).status_code == 404


def test_the_pace_is_of_whole_days_and_of_enough_sessions(town: Town) -> None:
    create(town.world, 1, town.first, town.harbour)
    made = campaign_of(town.world)
    today = NOW // DAY

    def day(number: int, sessions: int, spent: int, back: int = 0) -> CampaignDay:
        sums = CampaignTotals(sessions=sessions, campaign=spent, returned=back)
        return CampaignDay(number, sums)

    days = [day(today - 40, 9, 9), day(today - 5, 20, 3_000, 200), day(today, 9, 9)]
    found = pace(made, days, NOW)
    # It began ten days ago, at a quarter past one.
    assert (found.days, found.sessions, found.spent) == (9, 20, 2_800)
    assert found.lasts(5_000) == int(Fraction(5_000) / Fraction(2_800, 9)) == 16
    assert pace(made, days[:1], NOW).lasts(5_000) is None
    assert Pace(6, 100, 100).lasts(100) is None
    assert Pace(28, 100, 0).lasts(100) is None


def test_use_is_compared_in_the_campaigns_hours_only(
    town: Town, has: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = NOW - 35 * DAY
    create(town.world, 1, town.first, town.harbour, starts_at=begin, hour_mask=daily_hours(2, 5))
    made = replace(campaign_of(town.world), enrolled_at=begin)

    def hours(_self: object, _ids: object, since: int, until: int) -> tuple[HourUse, ...]:
        """Return a busy noon all along, and nights that become busier with the campaign."""
        found = []
        for at in range(since, until, 3600):
            hour, noise = at // 3600 % 24, 60 * (at // DAY % 2)
            used = {12: 7_200, 3: 600 + noise + 1_200 * (at > begin)}.get(hour, 0)
            found.append(HourUse(at, 10 * used, used))
        return tuple(found)

    monkeypatch.setattr(ReadModel, "hours_of", hours)
    connectors = has.model.connectors(1, 1)
    found = effect(has, made, connectors)
    assert found is not None
    # Two connectors for three hours a day, in which that one is, in summer and in winter.
    assert found.use.difference == pytest.approx(1_200 / (2 * 3 * 3_600), rel=0.01)
    assert found.energy.difference == pytest.approx(12_000, rel=0.01)
    assert found.use.clear
    assert found.energy.clear
    # A whole month of it was paused, and too little is left.
    paused = replace(made, pauses=((NOW - 34 * DAY, NOW - 5 * DAY),))
    assert effect(has, paused, connectors) is None
    # One of its connectors joined so late that there is nothing to say.
    assert effect(has, replace(made, enrolled_at=NOW - 3 * DAY), connectors) is None
    assert effect(has, made, ()) is None


def test_what_it_took_off_is_counted_by_the_days_that_are_compared(
    busy_town: Town, has: Services
) -> None:
    begin = NOW - 18 * DAY
    create(busy_town.world, 1, 1, busy_town.harbour, starts_at=begin, hour_mask=ALL_HOURS)
    for day in range(17, 0, -1):
        start = NOW - day * DAY
        # A kWh costs 0.45, of which it takes a fifth; the last days no longer from its budget.
        taken = 90_000 * day if day > 3 else 0
        made = Made(
            busy_town.harbour[0], start, energy_wh=1_000 * day, campaign_id=1, campaign_paid=taken
        )
        busy_town.world.settle(start + 5_000, [made])
    campaign = replace(campaign_of(busy_town.world), enrolled_at=begin)
    found = effect(has, campaign, has.model.connectors(1, 1))
    assert found is not None
    assert (found.energy.days_after, found.use.days_after) == (17, 17)
    # Days by weekday, by hand: of Thursdays, Fridays and Saturdays there are three.
    weeks: dict[int, list[int]] = {}
    for day in range(17, 0, -1):
        weeks.setdefault((NOW // DAY - day + 3) % 7, []).append(90_000 * day)
    assert {len(one) for one in weeks.values()} == {2, 3}
    by_hand = sum(Fraction(sum(one), len(one)) for one in weeks.values()) / 7
    assert found.cost_a_day == pytest.approx(float(by_hand))


def test_a_cost_of_each_kwh_more_is_said_only_where_there_were_more() -> None:
    use = Comparison(0.1, 0.2, 0.05, 0.15, 14, 14)
    more = Comparison(10_000, 14_000, 2_000, 6_000, 14, 14)
    assert Effect(use, more, 8_000_000).per_kwh == (2_000_000, 8_000_000 / 6, 4_000_000)
    unclear = replace(more, low=-1)
    assert Effect(use, unclear, 8_000_000).per_kwh is None


async def test_a_sponsors_report_is_what_the_chain_has(
    pages: httpx.AsyncClient, town: Town
) -> None:
    create(town.world, 1, 0, [*town.harbour, *town.kiel], day_cap=5_000_000, creator=STRANGER)
    sessions = [
        Made(one, NOW - DAY, campaign_id=1, campaign_paid=1_000_000, paid=8_000_000)
        for one in (*town.harbour, *town.kiel)
    ]
    town.world.settle(NOW - DAY + 5_000, sessions)
    address = campaign_of(town.world).creator
    listed = (await pages.get(f"/sponsors/{address.lower()}.json")).json()
    assert (listed["sessions"], listed["spent"], listed["left"]) == (4, 4_000_000, 0)
    where = f"/sponsors/{address}/campaigns/1"
    report = (await pages.get(f"{where}.json")).json()
    sums = [(one["owner"], one["totals"]["campaign"]) for one in report["places"]]
    assert sums == [("Tay Valley Charging", 2_000_000), ("Nordlicht Ladeparks", 2_000_000)]
    assert "4000000" in (await pages.get(f"{where}.csv")).text
    words = text_of((await pages.get(where)).text)
    assert "Hafen Kiel" in words
    assert "Not enough data to compare" in words
    assert (await pages.get("/sponsors/0x12")).status_code == 400
    nobody = text_of((await pages.get(f"/sponsors/{ACCOUNT}")).text)
    assert "This account sponsors no campaign." in nobody
