"""Exceptions: each kind caused, listed with why, how much and what to do, and found again."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from chargecoin.clock import ManualClock
from chargecoin.record import OutcomeFlag, Reason, Status
from dashboard import words
from dashboard.exceptions import OFF_CHAIN, ON_CHAIN
from dashboard.formats import session_key
from dashboard.services import Services
from tests.dashboard.browsing import AXE, COLOUR_RULES, RULES, picture, violations
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import client, look, running, services, text_of
from tests.dashboard.world import DEPLOYMENT, Made

HOUR: Final = 3_600
DAY: Final = 86_400
ROOT: Final = Path(__file__).resolve().parents[2]
BASE: Final = "/owners/1/exceptions"


def on_the_way(number: int, **more: Any) -> dict[str, Any]:
    """Return an entry of an oracle's backlog."""
    return {
        "transaction_id": number,
        "charge_point": "TAY-01",
        "connector_number": 1,
        "state": "closed",
        "closed_at": NOW - 60,
        "connector_id": None,
        "sequence": None,
        "started_at": None,
        "energy_wh": None,
        "gross": None,
    } | more


def held(number: int, code: str, charge_point: str = "TAY-02") -> dict[str, Any]:
    """Return an entry of an oracle's quarantine."""
    sentence = f"Sentence {number}."
    return {
        "id": number,
        "at": NOW - 500 - number,
        "charge_point": charge_point,
        "code": code,
        "sentence": sentence,
    }


BACKLOG: Final = [
    on_the_way(11),
    on_the_way(
        12,
        state="proposed",
        closed_at=NOW - 2 * HOUR,
        connector_id=1,
        sequence=9,
        started_at=NOW - 3 * HOUR,
        energy_wh=12_345,
        gross="5555250",
    ),
    on_the_way(13, charge_point="NL-01"),
    on_the_way(14, charge_point="SOMEBODY-ELSES"),
]
SOMEBODY: Final = "0x" + "34" * 20
QUARANTINE: Final = [held(1, "no_end"), held(2, "clock_unset"), held(3, "no_end", "NL-01")]


@pytest.fixture
def ids(town: Town) -> dict[str, int]:
    """A town in which everything went wrong once; session ids by what happened."""
    world, (one, two), fast = town.world, town.harbour, town.station[0]
    at = NOW - 5 * DAY
    made = {
        "unfunded": Made(
            one, at, status=Status.UNFUNDED, reason=Reason.BALANCE_SHORT, paid=1, debt=7_750_000
        ),
        "elsewhere": Made(one, at, payer=0, status=Status.UNFUNDED, reason=Reason.NO_PAYER),
        "rejected": Made(one, at, status=Status.REJECTED, reason=Reason.SESSION_CAP, paid=0),
        "clamped": Made(two, at, flags=OutcomeFlag.CLAMPED),
        "not_applied": Made(two, at, flags=OutcomeFlag.CAMPAIGN_NOT_APPLIED, campaign_id=1),
        "no_energy": Made(fast, at, energy_wh=0),
        "disputed": Made(fast, at),
        "refunded": Made(fast, at),
        "ruled": Made(fast, at),
        "plain": Made(fast, at),
    }
    found = dict(zip(made, world.settle(NOW - 4 * DAY, list(made.values())), strict=True))
    world.refund(NOW - 3 * DAY, found["refunded"], 2_000_000, 2_000)
    world.dispute(NOW - 3 * DAY + 10, 1, found["ruled"], NOW - DAY)
    world.close(NOW - 2 * DAY, 1, found["ruled"])
    world.dispute(NOW - DAY, 2, found["disputed"], NOW + 13 * DAY)
    world.feed(NOW - 50 * DAY, {one: "Available"}, kind="failed_start")
    world.feed(NOW - HOUR, {one: "Available"}, kind="failed_start")
    world.feed(NOW - HOUR + 5, {two: "Finishing"}, kind="failed_start", energy_wh=0)
    world.feed(NOW - 30, {two: "Charging"}, session="77")
    world.feed(NOW - 20, {fast: "Offline"}, session="78")
    return found


def oracle(request: httpx.Request) -> httpx.Response:
    """Answer as an oracle with a backlog and a quarantine."""
    listed = {"/backlog": BACKLOG, "/quarantine": QUARANTINE}.get(request.url.path, [])
    key = "transaction_id" if request.url.path == "/backlog" else "id"
    after = int(request.url.params["after"])
    return httpx.Response(200, json=[one for one in listed if one[key] > after])


@pytest.fixture
def has(engine: Engine, clock: ManualClock, ids: Any) -> Services:
    """A dashboard over that town, with that oracle."""
    return services(engine, DEPLOYMENT, clock, oracle=oracle)


@pytest.fixture
async def pages(has: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that dashboard, which has asked its oracle."""
    async with client(has) as made:
        await look(has)
        yield made


async def read(pages: httpx.AsyncClient, query: str = "") -> dict[str, Any]:
    """Return a page's figures."""
    answer = await pages.get(f"{BASE}.json{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


EXPECTED: Final = {
    "in_flight": 2,
    "on_its_way": 2,
    "failed_start": 2,
    "quarantined": 2,
    "unfunded": 2,
    "rejected": 1,
    "clamped": 1,
    "campaign": 1,
    "no_energy": 1,
    "disputed": 1,
    "dispute_ended": 1,
    "refunded": 1,
}


async def test_each_kind_is_counted_and_its_list_has_as_many(pages: httpx.AsyncClient) -> None:
    assert set(EXPECTED) == {*OFF_CHAIN, *ON_CHAIN} == set(words.EXCEPTION)
    page = await read(pages)
    assert page["counts"] == EXPECTED
    for kind, count in EXPECTED.items():
        listed = await read(pages, f"?kind={kind}")
        lines = listed["open"] + listed["rows"]
        assert len(lines) == count, kind
        assert all(kind in line["kinds"] for line in lines)
        html = (await pages.get(f"{BASE}?kind={kind}")).text
        for line in lines:
            assert line["what_to_do"] in text_of(html)
            assert not line["session"] or f'href="/sessions/{line["session"]}"' in html


async def test_every_line_says_why_how_much_and_what_to_do(
    pages: httpx.AsyncClient, ids: dict[str, int]
) -> None:
    page = await read(pages)
    by_session = {line["session"]: line for line in page["rows"]}
    assert session_key(ids["plain"]) not in by_session
    for line in page["rows"] + page["open"]:
        assert line["why"]
        assert line["what_to_do"]
    unfunded = by_session[session_key(ids["unfunded"])]
    assert (unfunded["amount"], unfunded["amount_of"]) == (7_750_000, "owed")
    assert unfunded["why"] == "The payer's vault did not hold enough."
    assert unfunded["what_to_do"].startswith("Wait: what is owed is collected")
    assert by_session[session_key(ids["elsewhere"])]["what_to_do"].startswith("Bill it where")
    disputed = by_session[session_key(ids["disputed"])]
    assert (disputed["amount"], disputed["deadline"]) == (5_000_000, NOW + 13 * DAY)
    assert disputed["what_to_do"] == "Answer it before its deadline, or concede it."
    assert by_session[session_key(ids["refunded"])]["amount"] == 2_000_000
    assert by_session[session_key(ids["ruled"])]["kinds"] == ["dispute_ended"]
    text = text_of((await pages.get(BASE)).text)
    assert "Until 5 Dec 2026" in text


async def test_a_dispute_leads_to_its_own_page(
    pages: httpx.AsyncClient, ids: dict[str, int]
) -> None:
    for kind, number, name in (("disputed", 2, "disputed"), ("dispute_ended", 1, "ruled")):
        [line] = (await read(pages, f"?kind={kind}"))["rows"]
        assert (line["dispute"], line["session"]) == (number, session_key(ids[name]))
        address = f"/owners/1/disputes/{number}"
        assert f'href="{address}"' in (await pages.get(f"{BASE}?kind={kind}")).text
        # The node does not answer here; the page is there all the same.
        page = (await pages.get(f"{address}.json")).json()
        assert page["dispute"]["dispute"] == number


async def test_what_oracles_tell_is_told_apart_from_what_the_chain_proves(
    pages: httpx.AsyncClient,
) -> None:
    page = await read(pages)
    open_lines = {(line["kinds"][0], line["at"]): line for line in page["open"]}
    assert all(line["origin"] for line in page["open"])
    assert not any(line["origin"] for line in page["rows"])
    assert [line["at"] for line in page["open"]] == sorted(
        (line["at"] for line in page["open"]), reverse=True
    )
    away = open_lines["in_flight", NOW - 20]
    assert "Offline" in away["why"]
    assert away["what_to_do"] == words.WHAT_TO_DO["in_flight offline"]
    late = open_lines["on_its_way", NOW - 2 * HOUR]
    assert (late["amount"], late["energy_wh"]) == (5_555_250, 12_345)
    assert late["what_to_do"] == words.WHAT_TO_DO["on_its_way late"]
    assert open_lines["on_its_way", NOW - 60]["amount"] is None
    text = text_of((await pages.get(BASE)).text)
    assert "not proved by the chain" in text
    assert "Sentence 1." in text
    assert "Sentence 3." not in text
    other = text_of((await pages.get("/owners/2/exceptions")).text)
    assert "Sentence 3." in other
    assert "Sentence 1." not in other


async def test_site_and_days_narrow_both_lists_and_the_counts(pages: httpx.AsyncClient) -> None:
    page = await read(pages, "?site=2")
    assert {line["site"] for line in page["open"] + page["rows"]} == {"Station Road"}
    assert page["counts"]["in_flight"] == 1
    assert page["counts"]["unfunded"] == 0
    page = await read(pages, "?since=2026-11-21")
    assert page["counts"]["disputed"] == 1
    assert page["counts"]["refunded"] == 0
    assert {line["kinds"][0] for line in page["rows"]} == {"disputed"}
    # A date asks the feed for what is older than the last weeks, too.
    page = await read(pages, "?kind=failed_start&since=2026-09-01")
    assert len(page["open"]) == 3
    page = await read(pages, "?until=2026-10-10&since=2026-09-01")
    assert [line["kinds"] for line in page["open"]] == [["failed_start"]]
    assert page["rows"] == []


async def test_the_csv_holds_the_whole_filter(pages: httpx.AsyncClient) -> None:
    answer = await pages.get(f"{BASE}.csv")
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert len(rows) == sum(EXPECTED.values())
    assert {kind for row in rows for kind in row["kinds"].split()} == set(EXPECTED)
    answer = await pages.get(f"{BASE}.csv?kind=unfunded")
    assert [row["amount_of"] for row in csv.DictReader(answer.text.splitlines())] == [
        "price",
        "owed",
    ]


async def test_both_lists_continue_by_key(
    pages: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await read(pages)
    monkeypatch.setattr("dashboard.views.exceptions.PAGE", 3)
    for part, further in (("open", "next_open"), ("rows", "next")):
        found, address = [], BASE
        while address:
            page = (await pages.get(address.replace(BASE, BASE + ".json"))).json()
            assert len(page[part]) <= 3
            found += page[part]
            address = page[further]
        assert found == whole[part]


@pytest.mark.parametrize("query", ["kind=king", "after=x", "open=x", "since=today", "site=-1"])
async def test_an_address_that_means_nothing_says_so(pages: httpx.AsyncClient, query: str) -> None:
    answer = await pages.get(f"{BASE}?{query}")
    assert answer.status_code == 400
    assert query.split("=", maxsplit=1)[0] in text_of(answer.text)


async def test_an_oracle_that_does_not_answer_leaves_the_chains_list(
    engine: Engine, clock: ManualClock, ids: dict[str, int]
) -> None:
    has = services(engine, DEPLOYMENT, clock, oracle=lambda _request: httpx.Response(500))
    async with client(has) as pages:
        await look(has)
        page = await read(pages)
        assert page["counts"]["quarantined"] == page["counts"]["on_its_way"] == 0
        assert len(page["rows"]) == sum(EXPECTED[kind] for kind in ON_CHAIN)


def test_every_code_of_the_quarantine_says_what_to_do() -> None:
    page = (ROOT / "docs" / "oracle-operator.md").read_text()
    table = page.split("\n## The quarantine\n")[1].split("\n## ")[0]
    codes = {
        code
        for line in table.splitlines()
        if line.startswith("| `")
        for code in re.findall(r"`([a-z_0-9]+)`", line.split("|")[1])
    }
    assert len(codes) > 30
    assert codes == set(words.HELD_BACK)


# --- what of it needs attention ---


async def matters(pages: httpx.AsyncClient) -> dict[str, dict[str, str]]:
    """Return what the overview says needs attention, by its name."""
    page = (await pages.get("/owners/1.json")).json()
    return {one["name"]: one for one in page["attention"]}


@pytest.mark.parametrize(
    ("name", "tone", "count"),
    [
        ("1 dispute is open", "bad", 1),
        ("1 session without all of its campaign", "warn", 1),
        ("1 session's price cut to its tariff", "info", 1),
        ("2 sessions held back", "warn", 2),
        ("2 failed starts since yesterday", "warn", 2),
        ("1 session rejected", "bad", 1),
        ("1 session short of money in the vault", "warn", 1),
    ],
)
async def test_what_needs_attention_leads_to_exactly_its_list(
    pages: httpx.AsyncClient, name: str, tone: str, count: int
) -> None:
    one = (await matters(pages))[name]
    assert one["tone"] == tone
    path, _, query = one["href"].partition("?")
    page = (await pages.get(f"{path}.json?{query}")).json()
    assert len(page["rows"] + page.get("open", [])) == count


async def test_what_is_late_is_named_among_what_is_on_its_way(pages: httpx.AsyncClient) -> None:
    one = (await matters(pages))["1 session on its way for more than an hour"]
    assert one["href"] == f"{BASE}?kind=on_its_way"


async def test_an_answered_dispute_waits_for_the_arbiters(
    pages: httpx.AsyncClient, town: Town, ids: dict[str, int]
) -> None:
    before = (await matters(pages))["1 dispute is open"]
    assert "to be answered and ruled on by 5 Dec 2026" in before["meaning"]
    town.world.answer(NOW, 2, ids["disputed"])
    after = (await matters(pages))["1 dispute is open"]
    assert after["tone"] == "info"
    assert "All are answered" in after["meaning"]
    [line] = (await read(pages, "?kind=disputed"))["rows"]
    assert line["what_to_do"] == "Wait for the arbiters; your answer is on the chain."


async def test_payouts_and_budgets_are_watched(pages: httpx.AsyncClient, town: Town) -> None:
    nobody = "0x" + "12" * 20
    assert "The payout destination changes" not in await matters(pages)
    town.world.mine(
        NOW - 60,
        [
            ("Settlement", "PayoutFailed", {"owner_id": 1, "to": nobody, "amount": 5}),
            (
                "Settlement",
                "DestinationSet",
                {
                    "owner_id": 1,
                    "to": nobody,
                    "reference": bytes(32),
                    "effective_at": NOW + 3 * DAY,
                },
            ),
        ],
    )
    found = await matters(pages)
    assert found["1 payout failed"]["tone"] == "bad"
    for name, place in (("1 payout failed", "failed"), ("The payout destination changes", "plan")):
        path, _, anchor = found[name]["href"].partition("#")
        assert anchor == place
        assert f'id="{place}"' in (await pages.get(path)).text


async def test_a_budget_is_named_once_less_than_a_tenth_is_left(
    pages: httpx.AsyncClient, town: Town
) -> None:
    rules = {
        "campaign": 1,
        "creator": SOMEBODY,
        "owner_id": 1,
        "kind": 1,
        "name": "Nights",
        "starts_at": NOW - DAY,
        "ends_at": NOW + DAY,
        "hour_mask": (1 << 168) - 1,
        "rate_bps": 2_000,
        "session_cap": 5_000_000,
        "day_cap": 0,
        "min_sessions": 0,
        "window_days": 0,
        "driver_cap": 0,
    }
    funded = {"campaign": 1, "funder": SOMEBODY, "amount": 1_000_000}
    town.world.mine(
        NOW - DAY,
        [("CampaignManager", "CampaignCreated", rules), ("Settlement", "BudgetFunded", funded)],
    )
    assert not [name for name in await matters(pages) if "budget" in name]
    paid: dict[str, Any] = {"campaign_id": 1, "campaign_paid": 950_000, "paid": 8_050_000}
    town.world.settle(NOW - 100, [Made(town.harbour[0], NOW - HOUR, **paid)])
    one = (await matters(pages))["The budget of Nights is nearly spent"]
    assert one["href"] == "/owners/1/campaigns/1"
    assert "€0.05 of €1.00" in one["meaning"]


# --- in a browser ---


@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_is_accessible_and_nothing_is_cut_off(
    has: Services, browser: Browser, width: int
) -> None:
    viewport: Any = {"width": width, "height": 900}
    context = browser.new_context(viewport=viewport)
    page = context.new_page()
    faults = []
    with running(has) as address:
        page.goto(f"{address}{BASE}")
        # The oracles are asked beside the pages, and an open one shows what they say.
        expect(page.locator('[data-figure="kind-quarantined"]')).to_have_text("2")
        page.evaluate(AXE())
        for scheme, rules in (("light", RULES), ("dark", COLOUR_RULES)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            faults += [f"{scheme}: {one}" for one in violations(page, rules)]
            picture(page, f"exceptions of all kinds-{scheme}-{width}", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        faults += [f"{wide} px too wide"] * (wide > 0)
        page.get_by_role("list").get_by_role("link", name="Failed start").click()
        expect(page.locator("tbody tr")).to_have_count(2)
        page.goto(f"{address}/owners/1")
        page.get_by_role("link", name="1 dispute is open").click()
        expect(page.get_by_text("Until 5 Dec 2026")).to_be_visible()
        context.close()
    assert faults == []
