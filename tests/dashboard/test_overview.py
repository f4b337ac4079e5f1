"""An owner's first page: what it says is what was settled, and each figure leads to its list."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import httpx
import pytest

from chargecoin.record import Reason, Status
from dashboard.formats import Formats
from dashboard.services import Services
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import client, look, services, text_of
from tests.dashboard.world import DEPLOYMENT, Made, at

MONEY = Formats("en_GB", "EUR")


async def figures(pages: httpx.AsyncClient, path: str) -> Any:
    """Return a page's JSON."""
    answer = await pages.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_owners_are_listed_with_links(pages: httpx.AsyncClient, town: Town) -> None:
    answer = await pages.get("/")
    assert 'href="/owners/1">Tay Valley Charging</a>' in answer.text
    assert 'href="/owners/2">Nordlicht Ladeparks</a>' in answer.text
    assert (await pages.get("/index.json")).json()["owners"][0]["connectors"] == 4


async def test_revenue_is_net_of_fees_and_beside_the_same_span_before(
    pages: httpx.AsyncClient, town: Town
) -> None:
    connector = town.harbour[0]
    noon = at("2026-11-22 12:00", "Europe/London")
    yesterday_noon, yesterday_evening = noon - 86_400, noon - 86_400 + 6 * 3600
    for settled_at, energy in ((yesterday_noon, 10_000), (yesterday_evening, 40_000)):
        town.world.settle(settled_at, [Made(connector, settled_at - 4000, energy_wh=energy)])
    town.world.settle(noon, [Made(connector, noon - 4000, energy_wh=20_000)])
    page = await figures(pages, "/owners/1.json")
    today = page["overview"]["today"]
    # 20 kWh and 10 kWh at €0.45; what came after this time of day yesterday is not compared.
    assert today["totals"]["paid"] == 9_000_000
    assert today["totals"]["fee"] == 9_000
    assert today["previous"]["paid"] == 4_500_000
    text = text_of((await pages.get("/owners/1")).text)
    assert "€8.99 1000 net so far today from 1 settled session" in text
    assert "100.0% more than yesterday by this time" in text


async def test_totals_equal_a_recomputation_from_the_sessions(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    rows = list(csv.DictReader((await pages.get("/owners/1/sessions.csv")).text.splitlines()))
    page = await figures(pages, "/owners/1.json")
    for label in ("today", "week", "month"):
        period = page["overview"][label]
        inside = [
            row
            for row in rows
            if period["since"] <= row["settled_day"] <= period["until"]
            and row["status"] != "rejected"
        ]
        totals = period["totals"]
        assert totals["sessions"] == len(inside)
        for name, column in (("energy_wh", "energy_wh"), ("paid", "paid"), ("fee", "fee")):
            assert totals[name] == sum(int(row[column]) for row in inside)
        for name, level in (("signed", "3"), ("observed", "2"), ("reported", "1")):
            assert totals[name] == sum(1 for row in inside if row["assurance"] == level)
    by_site = {line["site"]["site_id"]: line["totals"] for line in page["rows"]}
    month = page["overview"]["month"]["totals"]
    for name in ("sessions", "energy_wh", "gross", "paid", "fee"):
        assert sum(totals[name] for totals in by_site.values()) == month[name]
        for line in page["rows"]:
            parts = sum(one["totals"][name] for one in line["connectors"])
            assert parts == line["totals"][name]


async def test_every_figure_leads_to_the_list_it_is_made_of(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    html = (await pages.get("/owners/1")).text
    linked = re.findall(r'<a href="(/owners/1/sessions\?[^"]+)"[^>]*>([\d,]+)</a>', html)
    assert len(linked) >= 7  # Two sites, four connectors, and all of them.
    for address, shown in linked:
        page = await figures(pages, unescape(address).replace("sessions?", "sessions.json?"))
        assert page["totals"]["sessions"] == int(shown.replace(",", ""))
    for label in ("today", "week", "month"):
        overview = await figures(pages, "/owners/1.json")
        period = overview["overview"][label]
        link = f"/owners/1/sessions?since={period['since']}&amp;until={period['until']}"
        assert link in html


async def test_the_board_counts_from_the_feed_and_says_its_age(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    page = await figures(pages, "/owners/1.json")
    counts = page["utilisation"]["counts"]
    assert (counts["in_use"], counts["free"], counts["faulted"], counts["offline"]) == (1, 1, 1, 1)
    text = text_of((await pages.get("/owners/1")).text)
    assert "Last heard 42 s ago" in text
    assert "1 of 4 connectors is in use now" in text


async def test_silence_shows_as_unknown_and_never_as_the_last_state(
    pages: httpx.AsyncClient, has: Services, busy_town: Town, clock: Any
) -> None:
    clock.advance(901)
    page = await figures(pages, "/owners/1.json")
    assert page["utilisation"]["counts"]["unknown"] == 4
    html = (await pages.get("/owners/1")).text
    assert 'href="/owners/1/chargers?use=unknown"' in html
    assert "4 connectors unknown" in text_of(html)
    listed = await figures(pages, "/owners/1/chargers.json?use=unknown")
    assert len(listed["states"]) == 4


async def test_what_needs_attention_leads_to_exactly_that(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    page = await figures(pages, "/owners/1.json")
    matters = {one["name"]: one for one in page["attention"]}
    assert [one["tone"] for one in page["attention"]] == ["bad", "bad", "warn", "warn", "info"]
    assert "€7.75 is owed" in matters["1 session short of money in the vault"]["meaning"]
    for name, status, reason in (
        ("1 session rejected", Status.REJECTED, Reason.SESSION_CAP),
        ("1 session short of money in the vault", Status.UNFUNDED, Reason.BALANCE_SHORT),
        ("1 session without a vault", Status.UNFUNDED, Reason.NO_PAYER),
    ):
        address = matters[name]["href"].replace("sessions?", "sessions.json?")
        [row] = (await figures(pages, address))["rows"]
        assert (row["status"], row["reason"]) == (int(status), int(reason))
    faulted = await figures(pages, matters["1 connector faulted"]["href"].replace("?", ".json?"))
    [state] = faulted["states"]
    assert state["error_code"] == "GroundFailure"


async def test_what_the_oracles_hold_back_is_shown_to_its_owner_alone(
    engine: Any, clock: Any, busy_town: Town
) -> None:
    entry = {"id": 1, "at": NOW - 60.5, "charge_point": "TAY-01", "code": "no_end"}
    held = [entry | {"sentence": "The transaction never ended.", "session": 4, "frame": None}]

    def oracle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=held if request.url.path == "/quarantine" else [])

    has = services(engine, DEPLOYMENT, clock, oracle=oracle)
    async with client(has) as pages:
        await look(has)
        mine = text_of((await pages.get("/owners/1")).text)
        assert "1 session held back" in mine
        assert "The transaction never ended." in (await pages.get("/owners/1/exceptions")).text
        assert "held back" not in text_of((await pages.get("/owners/2")).text)
        assert "never ended" not in (await pages.get("/owners/2/exceptions")).text


async def test_avoided_carbon_is_an_estimate_one_click_from_its_method(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    page = await figures(pages, "/owners/1.json")
    html = (await pages.get("/owners/1")).text
    avoided = MONEY.kg(page["carbon"]["avoided_g"])
    assert f"{avoided} kg" in text_of(html)
    assert 'href="/methods/co2"' in html
    assert "stand apart from any inventory" in html
    method = text_of((await pages.get("/methods/co2")).text)
    for words in ("= 947 g CO2e per kWh charged", "What is not counted", "scope 3, category 3"):
        assert words in method


async def test_each_site_has_its_own_day(pages: httpx.AsyncClient, town: Town) -> None:
    # Half past eleven at night in London is already tomorrow in Kiel.
    late = at("2026-11-21 23:30", "Europe/London")
    town.world.settle(late, [Made(town.harbour[0], late - 4000), Made(town.kiel[0], late - 4000)])
    london = await figures(pages, "/owners/1.json")
    kiel = await figures(pages, "/owners/2.json")
    assert london["overview"]["today"]["totals"]["sessions"] == 0
    assert kiel["overview"]["today"]["totals"]["sessions"] == 1
    assert "in Europe/Berlin" in text_of((await pages.get("/owners/2")).text)


async def test_the_span_of_the_table_stands_in_the_address(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    for span in ("today", "week", "month"):
        page = await figures(pages, f"/owners/1.json?span={span}")
        total = sum(line["totals"]["sessions"] for line in page["rows"])
        assert total == page["overview"][span]["totals"]["sessions"]
    assert (await pages.get("/owners/1?span=year")).status_code == 400


async def test_the_strip_of_hours_is_in_the_sites_own_time(
    pages: httpx.AsyncClient, town: Town
) -> None:
    start = at("2026-11-20 18:05", "Europe/Berlin")
    made = Made(town.kiel[0], start, duration_s=1800, energy_wh=12_345)
    town.world.settle(start + 4000, [made])
    page = await figures(pages, "/owners/2.json")
    hours = page["rows"][0]["hours"]
    assert hours[18] == 12_345
    assert sum(hours) == 12_345
    assert datetime.fromtimestamp(start, UTC).hour == 17


@pytest.mark.parametrize("path", ["/owners/9", "/owners/9/sessions", "/owners/9/chargers"])
async def test_an_unknown_owner_is_not_found(pages: httpx.AsyncClient, path: str) -> None:
    answer = await pages.get(path)
    assert answer.status_code == 404
    assert "No station owner 9 is registered on this chain." in text_of(answer.text)
