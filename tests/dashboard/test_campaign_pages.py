"""Campaigns: the list, one campaign's rules, hours, budget and days, against what was logged."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser

from chargecoin.campaigns import ALL_HOURS, daily_hours, week_grid
from chargecoin.record import OutcomeFlag
from dashboard.services import Services
from dashboard.views.campaigns import ranges_of, state_of
from indexer.read_model import Campaign, ReadModel
from tests.dashboard.browsing import AXE, COLOUR_RULES, RULES, picture, violations
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import running, text_of
from tests.dashboard.world import ACCOUNT, Made, World

DAY = 86_400
BEGIN = NOW - 10 * DAY
NIGHTS = daily_hours(22, 6)


def create(world: World, number: int, owner_id: int, connectors: list[int], **changes: Any) -> None:
    """Create a campaign of 20 % at night with a budget of 4.00."""
    rules: dict[str, Any] = {
        "campaign": number,
        "creator": ACCOUNT,
        "owner_id": owner_id,
        "kind": 1 if owner_id else 3,
        "name": f"Nights {number}",
        "starts_at": BEGIN,
        "ends_at": NOW + 20 * DAY,
        "hour_mask": NIGHTS,
        "rate_bps": 2_000,
        "session_cap": 5_000_000,
        "day_cap": 0,
        "min_sessions": 0,
        "window_days": 0,
        "driver_cap": 0,
    }
    funded = {"campaign": number, "funder": ACCOUNT, "amount": 4_000_000}
    world.mine(
        min(BEGIN, changes.get("starts_at", BEGIN)) - 60,
        [
            ("CampaignManager", "CampaignCreated", rules | changes),
            (
                "CampaignManager",
                "ConnectorsEnrolled",
                {"campaign": number, "connectors": connectors},
            ),
            ("Settlement", "BudgetFunded", funded),
        ],
    )


def run(town: Town) -> list[int]:
    """Run campaign 1 until its budget is used up, then refund; a sponsor's stands beside it."""
    world = town.world
    create(world, 1, town.first, town.harbour)
    create(world, 2, 0, [*town.station, *town.kiel], day_cap=1_000_000, name="Shop and charge")
    whole = Made(
        town.harbour[0],
        NOW - 2 * DAY,
        paid=7_200_000,
        campaign_id=1,
        campaign_paid=1_800_000,
    )
    ids = world.settle(
        NOW - 2 * DAY + 4_000, [whole, replace(whole, started_at=NOW - 2 * DAY + 60)]
    )
    short = replace(
        whole,
        started_at=NOW - DAY,
        campaign_paid=400_000,
        flags=OutcomeFlag.CAMPAIGN_SHORT,
    )
    ids += world.settle(NOW - DAY + 4_000, [short, Made(town.harbour[1], NOW - DAY)])
    refund = {
        "session_id": ids[0],
        "account": 1,
        "owner_id": town.first,
        "dispute": 0,
        "waived": 0,
        "to_payer": 800_000,
        "to_campaign": 200_000,
        "fee_back": 1_000,
        "reason": 2,
    }
    world.mine(NOW - 3_600, [("Adjustments", "SessionRefunded", refund)])
    return ids


async def test_an_owner_without_campaigns_is_told_what_one_is(
    town: Town, pages: httpx.AsyncClient
) -> None:
    words = text_of((await pages.get(f"/owners/{town.first}/campaigns")).text)
    assert "No campaign yet" in words
    assert "No sponsor pays a part of the price" in words
    assert (await pages.get(f"/owners/{town.first}/campaigns/1")).status_code == 404


async def test_the_list_says_what_is_left_and_what_was_spent(
    town: Town, pages: httpx.AsyncClient
) -> None:
    run(town)
    answer = (await pages.get(f"/owners/{town.first}/campaigns.json")).json()
    [own], [sponsored] = answer["own"], answer["sponsored"]
    assert (own["campaign"]["left"], own["campaign"]["spent"]) == (200_000, 3_800_000)
    assert own["campaign"]["totals"]["sessions"] == 3
    assert sponsored["campaign"]["name"] == "Shop and charge"
    page = text_of((await pages.get(f"/owners/{town.first}/campaigns")).text)
    assert "Nights 1 Off-peak discount, 20% off Running" in page
    lines = csv.DictReader((await pages.get(f"/owners/{town.first}/campaigns.csv")).text.split())
    assert lines.fieldnames is not None
    assert "left" in lines.fieldnames
    # The other owner has none of its own, and the sponsor's at its connectors.
    other = (await pages.get(f"/owners/{town.second}/campaigns.json")).json()
    assert (other["own"], len(other["sponsored"])) == ([], 1)
    assert (await pages.get(f"/owners/{town.second}/campaigns/1")).status_code == 404


async def test_a_campaigns_page_has_rules_hours_days_and_ledger(
    town: Town, pages: httpx.AsyncClient
) -> None:
    ids = run(town)
    where = f"/owners/{town.first}/campaigns/1"
    words = text_of((await pages.get(where)).text)
    assert "20% off the price of a session, at most €5.00 each." in words
    assert "Monday 00 to 06 h, 22 to 24 h" in words
    assert "the rest of the discount comes off what you receive" in words
    answer = (await pages.get(f"{where}.json")).json()
    ledger = [(one["kind"], one["amount"], one["left"]) for one in answer["entries"]]
    assert ledger == [
        ("refunded", 200_000, 200_000),
        ("spent", -400_000, 0),
        ("spent", -3_600_000, 400_000),
        ("funded", 4_000_000, 4_000_000),
    ]
    assert answer["entries"][0]["reference"] == str(ids[0])
    rows = list(csv.DictReader((await pages.get(f"{where}.csv")).text.splitlines()))
    # A refund is of its own day.
    assert [(one["campaign"], one["discount"], one["returned"]) for one in rows] == [
        ("0", "0", "200000"),
        ("400000", "1400000", "0"),
        ("3600000", "0", "0"),
    ]


async def test_a_campaign_leads_to_exactly_its_sessions(
    town: Town, pages: httpx.AsyncClient
) -> None:
    ids = run(town)
    page = (await pages.get(f"/owners/{town.first}/campaigns/1")).text
    link = f"/owners/{town.first}/sessions?campaign=1"
    assert f'href="{link}"' in page
    listed = (await pages.get(link.replace("?", ".csv?"))).text.splitlines()
    assert {one["session_id"] for one in csv.DictReader(listed)} == {hex(one) for one in ids[:3]}
    assert "Of campaign 1" in text_of((await pages.get(link)).text)


async def test_a_campaigns_days_are_shown_by_month_and_handed_out_whole(
    town: Town, pages: httpx.AsyncClient
) -> None:
    create(town.world, 1, town.first, town.harbour, starts_at=NOW - 50 * DAY)
    for day, count in ((40, 2), (39, 1), (1, 3)):
        paid = [
            Made(
                town.harbour[0],
                NOW - day * DAY + 600 * at,
                duration_s=300,
                campaign_id=1,
                paid=3,
                campaign_paid=1,
            )
            for at in range(count)
        ]
        town.world.settle(NOW - day * DAY + 4_000, paid)
    where = f"/owners/{town.first}/campaigns/1"
    whole = (await pages.get(f"{where}.json")).json()["days"]
    assert [one["sums"]["totals"]["sessions"] for one in whole] == [3, 1, 2]
    newest, oldest = (one["date"] for one in (whole[0], whole[-1]))
    assert newest[:7] != oldest[:7]

    async def days(query: str) -> list[str]:
        page = (await pages.get(f"{where}{query}")).text
        for day in (newest, oldest):
            assert f'href="{where}?month={day[:7]}#by-day"' in page
        return re.findall(r"sessions\?campaign=1&amp;since=(\S{10})&amp;until=\1", page)

    assert await days("") == [newest]
    assert await days(f"?month={oldest[:7]}") == [one["date"] for one in whole[1:]]
    assert await days("?month=2020-01") == []
    assert "It did nothing in January 2020." in text_of(
        (await pages.get(f"{where}?month=2020-01")).text
    )
    assert (await pages.get(f"{where}?month=soon")).status_code == 400
    months = (await pages.get(f"{where}.json?month={oldest[:7]}")).json()["days"]
    assert months == whole


async def test_a_sponsors_report_leads_to_no_sessions_of_nobody(
    town: Town, pages: httpx.AsyncClient
) -> None:
    create(town.world, 1, 0, town.harbour)
    made = Made(town.harbour[0], NOW - DAY, campaign_id=1, paid=3, campaign_paid=1)
    town.world.settle(NOW - DAY + 9_000, [made])
    page = (await pages.get(f"/sponsors/{ACCOUNT}/campaigns/1")).text
    assert 'data-part="days"' in page
    assert "None&amp;" not in page


async def test_a_long_ledger_goes_on_where_it_stopped(town: Town, pages: httpx.AsyncClient) -> None:
    create(town.world, 1, town.first, town.harbour)
    funded = {"campaign": 1, "funder": ACCOUNT, "amount": 1}
    town.world.mine(NOW - DAY, [("Settlement", "BudgetFunded", funded)] * 60)
    first = (await pages.get(f"/owners/{town.first}/campaigns/1.json")).json()
    path, query = first["next"].split("?")
    second = (await pages.get(f"{path}.json?{query}")).json()
    lefts = [one["left"] for one in first["entries"] + second["entries"]]
    assert lefts == list(range(4_000_060, 3_999_999, -1))
    assert second["next"] is None


def campaign_of(world: World) -> Campaign:
    found = ReadModel(world.engine).campaign(1)
    assert found is not None
    return found


def test_a_campaigns_state_follows_its_times_pauses_and_budget(town: Town) -> None:
    create(town.world, 1, town.first, town.harbour)
    made = campaign_of(town.world)
    assert state_of(made, BEGIN - 1) == "planned"
    assert state_of(made, BEGIN) == state_of(made, made.ends_at - 1) == "running"
    assert state_of(made, made.ends_at) == "ended"
    assert state_of(replace(made, left=0), NOW) == "used_up"
    for name, field, at in (("Paused", "paused_from", NOW), ("Resumed", "paused_to", NOW + 60)):
        log = ("CampaignManager", f"Campaign{name}", {"campaign": 1, field: at})
        town.world.mine(at, [log])
        assert state_of(campaign_of(town.world), NOW + 30) == "paused"
    assert state_of(campaign_of(town.world), NOW + 60) == "running"
    closed = {"campaign": 1, "ends_at": NOW + 120}
    town.world.mine(NOW + 120, [("CampaignManager", "CampaignClosed", closed)])
    assert state_of(campaign_of(town.world), NOW + 120) == "closed"


@given(st.integers(0, ALL_HOURS))
def test_ranges_name_exactly_the_hours_of_a_mask(mask: int) -> None:
    for day in week_grid(mask):
        ranges = ranges_of(day)
        named = [hour for begin, end in ranges for hour in range(begin, end)]
        assert named == [hour for hour in range(24) if day[hour]]
        assert all(one[1] < other[0] for one, other in pairwise(ranges))


TERMS = "name=Nights&site=1&last=2026-12-31&rate=20&cap=5&budget=250&day_cap=20&hours=3ff&show=1"
PAGES = {
    "campaigns": "campaigns",
    "campaign": "campaigns/1?do=enrol",
    "campaign of a sponsor": "campaigns/2",
    "campaign with effect": "campaigns/3?do=pause",
    "campaign refused": "campaigns/new?kind=loyalty&show=1",
    "campaign for a sponsor": f"campaigns/new?kind=co_branded&{TERMS}",
    "invitation": f"campaigns/sponsor?{TERMS}",
}


@pytest.mark.parametrize("width", [320, 1280])
def test_campaigns_are_accessible_and_nothing_is_cut_off(
    busy_town: Town, has: Services, browser: Browser, width: int
) -> None:
    run(busy_town)
    rules = {"starts_at": NOW - 21 * DAY, "hour_mask": ALL_HOURS, "name": "All day"}
    create(busy_town.world, 3, busy_town.first, busy_town.harbour, **rules)
    viewport: Any = {"width": width, "height": 900}
    context = browser.new_context(viewport=viewport)
    page = context.new_page()
    faults = []
    with running(has) as address:
        owner = f"{address}/owners/{busy_town.first}"
        asked = {name: f"{owner}/{path}" for name, path in PAGES.items()}
        asked["sponsor"] = f"{address}/sponsors/{ACCOUNT}"
        asked["sponsor's report"] = f"{address}/sponsors/{ACCOUNT}/campaigns/2"
        for name, path in asked.items():
            page.goto(path)
            page.evaluate(AXE())
            for scheme, tags in (("light", RULES), ("dark", COLOUR_RULES)):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                faults += [f"{name}, {scheme}: {one}" for one in violations(page, tags)]
                picture(page, f"{name}-{scheme}-{width}", full_page=True)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            faults += [f"{name}: {wide} px too wide"] * (wide > 0)
        context.close()
    assert faults == []
