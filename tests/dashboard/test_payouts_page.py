"""Payouts: what is accrued, when it leaves and where to, and a statement that adds up to it."""

from __future__ import annotations

import asyncio
import csv
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import httpx
import pytest
from eth_utils.address import to_checksum_address
from sqlalchemy import Engine

from chargecoin.chain import Rpc
from chargecoin.chain.transactions import contract_call
from chargecoin.clock import ManualClock
from chargecoin.local_node import CHAIN_ID, LocalNode
from dashboard.services import Services
from dashboard.views.payouts import NextPayout, next_payout
from indexer.contract_storage import Storage
from indexer.read_model import PayoutPlan
from indexer.rpc import Rpc as IndexerRpc
from scripts._pipeline import Pipeline
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import client, services, text_of
from tests.dashboard.settled import Settled, index
from tests.dashboard.world import ACCOUNT, Made, at

DAY: Final = 86_400
PARTNER: Final = to_checksum_address("0x" + "ab" * 20)
OTHER: Final = to_checksum_address("0x" + "cd" * 20)
REFERENCE: Final = b"\x07" * 32
PLAN: Final = PayoutPlan(2, 5_000_000, None, "0x", None, "0x", None, None)


def pay(town: Town, when: int, owner_id: int, amount: int) -> None:
    """Pay an owner's whole accrual to the partner, as the contracts log it."""
    paid = {"owner_id": owner_id, "to": PARTNER, "amount": amount, "reference": REFERENCE}
    town.world.mine(when, [("Settlement", "PaidOut", paid)])


def schedule(town: Town, when: int, cycle: int, threshold: int) -> None:
    arguments = {"owner_id": 1, "cycle": cycle, "threshold": threshold}
    town.world.mine(when, [("Payouts", "ScheduleSet", arguments)])


def send_to(town: Town, when: int, to: str) -> None:
    arguments = {
        "owner_id": 1,
        "to": to,
        "reference": REFERENCE,
        "effective_at": when + 3 * DAY,
    }
    town.world.mine(when, [("Settlement", "DestinationSet", arguments)])


@pytest.fixture
def moved(busy_town: Town, has: Services) -> Town:
    """A busy town where money went back, was refused, and was paid out, and came in again."""
    town, now = busy_town, NOW - 1000
    first = has.model.statement(1, limit=1).items[0].balance
    schedule(town, now, 2, 5_000_000)
    refused = {"owner_id": 1, "to": PARTNER, "amount": first}
    town.world.mine(now + 10, [("Settlement", "PayoutFailed", refused)])
    pay(town, now + 20, 1, first)
    [again, _] = town.world.settle(
        now + 30, [Made(town.harbour[0], now - 8000), Made(town.kiel[0], now - 8000)]
    )
    town.world.refund(now + 40, again, 1_000_000, 1_000)
    return town


async def walk(pages: httpx.AsyncClient, address: str) -> list[dict[str, Any]]:
    """Return the rows of all pages of a statement."""
    rows: list[dict[str, Any]] = []
    while address:
        page = (await pages.get(address.replace("/payouts", "/payouts.json"))).json()
        rows += page["rows"]
        address = page["next"]
    return rows


async def test_the_statement_goes_on_from_line_to_line_and_ends_in_the_accrual(
    pages: httpx.AsyncClient, moved: Town, has: Services
) -> None:
    rows = await walk(pages, "/owners/1/payouts")
    assert len(rows) > 50, "more than one page"
    for newer, older in pairwise(rows):
        assert newer["balance"] == older["balance"] + newer["amount"]
    assert rows[-1]["balance"] == rows[-1]["amount"]
    found = (await pages.get("/owners/1/payouts.json")).json()
    overview = has.model.overview(1, NOW)
    assert found["accrued"] == rows[0]["balance"] == overview.accrued
    assert found["receivable"] == overview.receivable > 0
    owed = [one["debt"] - one["collected"] - one["waived"] for one in found["debts"]]
    assert sum(owed) == found["receivable"]
    text = text_of((await pages.get("/owners/1/payouts")).text)
    assert "a receivable and not revenue" in text
    assert has.formats.money_plain(overview.receivable) in text


async def test_the_export_adds_up_to_the_accrual(
    pages: httpx.AsyncClient, moved: Town, has: Services
) -> None:
    text = (await pages.get("/owners/1/payouts.csv")).text
    rows = list(csv.DictReader(text.splitlines()))
    assert sum(int(row["amount"]) for row in rows) == has.model.overview(1, NOW).accrued
    assert [int(row["balance"]) for row in rows] == [
        row["balance"] for row in await walk(pages, "/owners/1/payouts")
    ]
    assert {row["kind"] for row in rows} == {"settled", "refunded", "paid_out"}


async def test_a_filter_holds_what_it_says_and_all_of_it(
    pages: httpx.AsyncClient, moved: Town
) -> None:
    everything = await walk(pages, "/owners/1/payouts")

    def of(month: int) -> list[dict[str, Any]]:
        first = at(f"2026-{month:02}-01 00:00")
        last = at(f"2026-{month + 1:02}-01 00:00")
        return [row for row in everything if first <= row["provenance"]["block_timestamp"] < last]

    assert of(10)
    assert await walk(pages, "/owners/1/payouts?month=2026-10") == of(10)
    settled = [row for row in of(11) if row["kind"] == "settled"]
    assert await walk(pages, "/owners/1/payouts?month=2026-11&kind=sessions") == settled
    exported = (await pages.get("/owners/1/payouts.csv?kind=refunds")).text
    assert [row["amount"] for row in csv.DictReader(exported.splitlines())] == ["-1000000"]
    html = (await pages.get("/owners/1/payouts?month=2026-10&kind=sessions")).text
    assert '<option value="sessions" selected>' in html
    assert 'value="2026-10"' in html


@pytest.mark.parametrize("query", ["kind=tips", "month=x", "month=9999-12", "after=-1", "paid=x"])
async def test_a_filter_that_cannot_be_read_says_so(
    pages: httpx.AsyncClient, town: Town, query: str
) -> None:
    assert (await pages.get(f"/owners/1/payouts?{query}")).status_code == 400


async def test_a_payout_names_its_transaction_finality_recipient_and_reference(
    pages: httpx.AsyncClient, moved: Town
) -> None:
    found = (await pages.get("/owners/1/payouts.json")).json()
    [paid], [failed] = found["payouts"], found["failures"]
    assert (paid["recipient"], paid["reference"]) == (PARTNER, "0x" + REFERENCE.hex())
    assert paid["amount"] == failed["amount"]
    html = (await pages.get("/owners/1/payouts")).text
    for exact in (paid["provenance"]["transaction"], PARTNER, "0x" + REFERENCE.hex()):
        assert f'title="{exact}"' in html
    assert "Failed attempts" in text_of(html)
    assert "the next payout run tries again" in text_of(html)


async def test_another_owners_money_is_not_mixed_in(
    pages: httpx.AsyncClient, moved: Town, has: Services
) -> None:
    before = (await pages.get("/owners/1/payouts.json")).json()
    other = has.model.overview(2, NOW).accrued
    pay(moved, NOW - 900, 2, other)
    found = (await pages.get("/owners/2/payouts.json")).json()
    assert (found["accrued"], found["failures"], found["plan"]["cycle"]) == (0, [], 0)
    assert [one["amount"] for one in found["payouts"]] == [other]
    after = (await pages.get("/owners/1/payouts.json")).json()
    for name in ("accrued", "payouts", "failures", "plan", "receivable"):
        assert after[name] == before[name]
    assert [row["key"] for row in after["rows"]] == [row["key"] for row in before["rows"]]


async def test_an_owner_without_money_is_told_what_will_show(
    pages: httpx.AsyncClient, town: Town
) -> None:
    text = text_of((await pages.get("/owners/1/payouts")).text)
    for words in ("Nothing has moved yet", "Nothing was paid out yet", "No payer owes anything"):
        assert words in text
    assert "no schedule is set" in text
    found = (await pages.get("/owners/1/payouts.csv")).text.splitlines()
    assert len(found) == 1
    assert (await pages.get("/owners/9/payouts")).status_code == 404


async def test_a_change_of_destination_is_announced_until_it_is_in_force(
    pages: httpx.AsyncClient, town: Town, clock: ManualClock
) -> None:
    send_to(town, NOW - 10 * DAY, PARTNER)
    send_to(town, NOW - DAY, OTHER)
    found = (await pages.get("/owners/1/payouts.json")).json()["plan"]
    assert (found["destination"], found["pending"]) == (PARTNER, OTHER)
    assert found["effective_at"] == NOW + 2 * DAY
    html = (await pages.get("/owners/1/payouts")).text
    assert f'title="{OTHER}"' in html
    assert "If you did not ask for the change" in text_of(html)
    clock.advance(2 * DAY)
    later = (await pages.get("/owners/1/payouts.json")).json()["plan"]
    assert (later["destination"], later["pending"]) == (OTHER, None)


async def test_without_a_destination_it_goes_to_the_owners_account(
    pages: httpx.AsyncClient, town: Town
) -> None:
    html = (await pages.get("/owners/1/payouts")).text
    assert "your own account" in text_of(html)
    assert f'title="{ACCOUNT.lower()}"' in html.lower()


# NOW is a Sunday: the week began on Monday, the 16th.
@pytest.mark.parametrize(
    ("cycle", "accrued", "last_paid", "state", "when"),
    [
        (0, 9_000_000, None, "demand", None),
        (1, 9_000_000, "2026-11-21 23:59", "due", "2026-11-22 00:00"),
        (1, 9_000_000, "2026-11-22 00:00", "planned", "2026-11-23 00:00"),
        (2, 5_000_000, "2026-11-15 23:59", "due", "2026-11-16 00:00"),
        (2, 4_999_999, "2026-11-15 23:59", "short", "2026-11-16 00:00"),
        (2, 9_000_000, "2026-11-16 00:00", "planned", "2026-11-23 00:00"),
        (3, 9_000_000, None, "due", "2026-11-01 00:00"),
        (3, 9_000_000, "2026-11-01 00:00", "planned", "2026-12-01 00:00"),
    ],
)
def test_the_next_payout_is_when_the_contracts_calendar_says(
    cycle: int, accrued: int, last_paid: str | None, state: Any, when: str | None
) -> None:
    plan = replace(PLAN, cycle=cycle, last_paid_at=at(last_paid) if last_paid else None)
    expected = NextPayout(state, at(when) if when else None)
    assert next_payout(plan, accrued, NOW) == expected


def test_nothing_is_never_due() -> None:
    assert next_payout(replace(PLAN, cycle=1, threshold=0), 0, NOW).state == "short"


async def test_figures_are_those_of_the_chain_before_and_after_a_payout(
    settled: Settled, node: LocalNode, engine: Engine
) -> None:
    protocol = settled.protocol
    book = protocol.deployment

    async def act(contract: str, name: str, *args: object) -> None:
        rpc = Rpc(protocol.url)
        try:
            pipeline = Pipeline(rpc, CHAIN_ID)
            [sender] = await pipeline.senders([protocol.owner(1)])
            call = contract_call(contract, name, book.address(contract), *args)
            [receipt] = await pipeline.execute([(sender, call)])
            assert receipt.succeeded
        finally:
            await rpc.close()

    async def read(contract: str, name: str) -> Any:
        async with IndexerRpc(protocol.url) as rpc:
            head = int(node.rpc("eth_blockNumber"), 16)
            return await Storage(rpc, book, head).read_one(contract, name, 1)

    async def page() -> tuple[dict[str, Any], str]:
        await index(settled, engine)
        now = int(node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        async with client(services(engine, book, ManualClock(now), rpc_url=node.url)) as pages:
            html = text_of((await pages.get("/owners/1/payouts")).text)
            return (await pages.get("/owners/1/payouts.json")).json(), html

    await act("Settlement", "set_destination", 1, PARTNER, REFERENCE)
    await act("Payouts", "set_schedule", 1, 1, 10_000)
    await asyncio.to_thread(node.rpc, "evm_increaseTime", 4 * DAY)
    await asyncio.to_thread(node.mine)
    before, said = await page()
    assert before["accrued"] == (await read("Settlement", "accrual"))[0] > 0
    assert (before["following"]["state"] == "due") is await read("Payouts", "is_due") is True
    assert before["plan"]["destination"] == PARTNER
    assert "It is due now" in said
    await act("Payouts", "pay", [1])
    after, said = await page()
    assert after["accrued"] == (await read("Settlement", "accrual"))[0] == 0
    assert (after["following"]["state"] == "due") is await read("Payouts", "is_due") is False
    [paid] = after["payouts"]
    assert paid["amount"] == before["accrued"]
    receipt = node.rpc("eth_getTransactionReceipt", paid["provenance"]["transaction"])
    assert int(receipt["blockNumber"], 16) == paid["provenance"]["block_number"]
    assert "The next payout is due on" in said
