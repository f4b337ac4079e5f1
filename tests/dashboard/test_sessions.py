"""The session list: filters in the address, pages by key, totals of the whole filter."""

from __future__ import annotations

import csv
from typing import Any

import httpx
import pytest

from chargecoin.record import Reason, Status
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import text_of
from tests.dashboard.world import Made

FILTERS = [
    "",
    "status=settled",
    "status=unfunded",
    "status=rejected",
    "status=unfunded",
    "assurance=3",
    "assurance=2",
    "site=2",
    "connector=1",
    "connector=2&assurance=2&status=settled",
    "since=2026-11-20&until=2026-11-21",
    "reason=1",
]


async def walk(pages: httpx.AsyncClient, address: str) -> list[dict[str, Any]]:
    """Return the rows of all pages of a list."""
    rows: list[dict[str, Any]] = []
    while address:
        page = (await pages.get(address.replace("/sessions", "/sessions.json"))).json()
        rows += page["rows"]
        address = page["next"]
    return rows


@pytest.mark.parametrize("narrowed", FILTERS)
async def test_the_pages_of_a_filter_add_up_to_its_totals_and_its_export(
    pages: httpx.AsyncClient, busy_town: Town, narrowed: str
) -> None:
    rows = await walk(pages, f"/owners/1/sessions?{narrowed}")
    keys = [row["key"] for row in rows]
    assert keys == sorted(set(keys), reverse=True)
    totals = (await pages.get(f"/owners/1/sessions.json?{narrowed}")).json()["totals"]
    moved = [row for row in rows if row["status"] != Status.REJECTED]
    assert totals["sessions"] == len(moved)
    assert totals["rejected"] == len(rows) - len(moved)
    for name, column in (("gross", "gross"), ("paid", "paid"), ("fee", "fee"), ("debt", "debt")):
        assert totals[name] == sum(row[column] for row in moved)
    assert totals["energy_wh"] == sum(row["energy_wh"] for row in moved)
    assert totals["unfunded"] == sum(1 for row in moved if row["status"] == Status.UNFUNDED)
    exported = (await pages.get(f"/owners/1/sessions.csv?{narrowed}")).text.splitlines()
    assert [row["session_id"] for row in csv.DictReader(exported)] == [
        hex(int(row["session_id"])) for row in rows
    ]


async def test_a_filter_holds_only_what_it_says(pages: httpx.AsyncClient, busy_town: Town) -> None:
    for row in await walk(pages, "/owners/1/sessions?site=2&assurance=2"):
        assert (row["site_id"], row["assurance"]) == (2, 2)
    for row in await walk(pages, "/owners/1/sessions?since=2026-11-20&until=2026-11-21"):
        assert "2026-11-20" <= row["day"] <= "2026-11-21"


async def test_one_owner_never_sees_anothers_sessions(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    kiel = busy_town.kiel[0]
    assert await walk(pages, f"/owners/1/sessions?connector={kiel}") == []
    assert await walk(pages, f"/owners/2/sessions?connector={kiel}") != []


async def test_a_list_that_grows_while_it_is_paged_repeats_and_skips_nothing(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    before = await walk(pages, "/owners/1/sessions")
    first = (await pages.get("/owners/1/sessions.json")).json()
    busy_town.world.settle(NOW - 60, [Made(busy_town.harbour[0], NOW - 8000) for _ in range(3)])
    rest = await walk(pages, first["next"])
    assert [row["key"] for row in first["rows"] + rest] == [row["key"] for row in before]


async def test_states_are_explained_in_plain_words(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    text = text_of((await pages.get("/owners/1/sessions?status=unfunded")).text)
    for words in (
        "The payer's vault did not hold enough.",
        "No vault stands behind the card that was used",
        "no accredited meter signed it",
        "what is missing is a receivable",
    ):
        assert words in text


async def test_levels_below_three_are_never_called_verified(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    for path in ("/owners/1", "/owners/1/sessions?assurance=2", "/sessions/2/1"):
        assert "verified" not in text_of((await pages.get(path)).text).lower()


async def test_the_filter_is_kept_by_the_form_and_by_the_next_page(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    html = (await pages.get("/owners/1/sessions?assurance=3&site=1")).text
    assert '<option value="3" selected>' in html
    assert '<option value="1" selected>Harbour' in html
    assert "/owners/1/sessions?site=1&amp;assurance=3&amp;after=" in html


@pytest.mark.parametrize(
    "query", ["site=x", "status=paid", "assurance=9", "since=yesterday", "after=-1"]
)
async def test_a_filter_that_cannot_be_read_says_so(
    pages: httpx.AsyncClient, busy_town: Town, query: str
) -> None:
    answer = await pages.get(f"/owners/1/sessions?{query}")
    assert answer.status_code == 400
    assert "This cannot be read" in answer.text
    assert (await pages.get(f"/owners/1/sessions.json?{query}")).json()["status"] == 400


async def test_an_export_cannot_carry_a_formula(pages: httpx.AsyncClient, town: Town) -> None:
    began = NOW - 3000
    [connector] = town.world.site(
        town.first, '=HYPERLINK("http://evil")', began, stations=[("+cmd", 1, 22_000)]
    )
    town.world.settle(NOW - 600, [Made(connector, NOW - 2900, duration_s=600)])
    [row] = csv.DictReader((await pages.get("/owners/1/sessions.csv")).text.splitlines())
    assert row["site"] == '\'=HYPERLINK("http://evil")'
    assert row["station"] == "'+cmd"
    html = (await pages.get("/owners/1/sessions")).text
    assert "=HYPERLINK(&#34;http://evil&#34;)" in html


async def test_unpaid_parts_are_said_and_not_counted_as_revenue(
    pages: httpx.AsyncClient, town: Town
) -> None:
    short = Made(
        town.harbour[0],
        NOW - 9000,
        status=Status.UNFUNDED,
        reason=Reason.LIMIT_SHORT,
        paid=4_000_000,
        debt=5_000_000,
    )
    town.world.settle(NOW - 600, [short])
    text = text_of((await pages.get("/owners/1/sessions")).text)
    assert "Gross €9.00 0000 Unpaid or paid elsewhere -€5.00 0000" in text
    assert "Protocol fee, 0.1% -€0.00 4000 Net at settlement €3.99 6000" in text
    detail = text_of((await pages.get("/sessions/1/1")).text)
    assert "Owed by the payer €5.00 0000" in detail
