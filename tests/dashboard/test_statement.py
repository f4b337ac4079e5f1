"""A month's statement: the same totals on the page, in its files and in the contract's storage."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx
import openpyxl
import pytest
from playwright.sync_api import Page
from pypdf import PdfReader
from sqlalchemy import Engine

from chargecoin.adjustments import RefundReason, present_from, refund_call
from chargecoin.chain import Chain, Rpc
from chargecoin.chain.transactions import Call
from chargecoin.clock import ManualClock
from chargecoin.local_node import CHAIN_ID, LocalNode
from chargecoin.payouts import withdraw_accrual
from chargecoin.tariff import vat_part
from dashboard.services import Services
from indexer.contract_storage import Storage
from indexer.rpc import Rpc as IndexerRpc
from scripts._pipeline import Pipeline
from tests.dashboard.browsing import Site, inspect
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import client, services, text_of
from tests.dashboard.settled import Settled, index, settle_batch
from tests.dashboard.test_payouts_page import pay

WHERE: Final = "/owners/1/statement"


@dataclass(frozen=True)
class Files:
    """A statement in all its forms."""

    page: dict[str, Any]
    html: str
    text: str
    pdf: str
    book: openpyxl.Workbook
    rows: list[dict[str, str]]


async def taken(pages: httpx.AsyncClient, month: str) -> Files:
    """Take a statement away in every form."""

    async def get(form: str) -> httpx.Response:
        answer = await pages.get(f"{WHERE}{form}?month={month}")
        assert answer.status_code == 200, answer.text
        return answer

    pdf = await get(".pdf")
    assert pdf.headers["content-disposition"] == f'attachment; filename="statement-1-{month}.pdf"'
    html = (await get("")).text
    reader = PdfReader(io.BytesIO(pdf.content))
    return Files(
        page=(await get(".json")).json(),
        html=html,
        text=text_of(html),
        pdf="\n".join(one.extract_text() for one in reader.pages),
        book=openpyxl.load_workbook(io.BytesIO((await get(".xlsx")).content)),
        rows=list(csv.DictReader((await get(".csv")).text.splitlines())),
    )


def units(value: object) -> int:
    """Return a cell's amount in base units."""
    assert isinstance(value, int | float)
    return round(value * 10**6)


def agree(files: Files, has: Services) -> None:
    """Hold the forms of a statement against each other, to the unit."""
    span = files.page["span"]
    opening, closing = span["opening"][0], span["closing"][0]
    moved = sum(line["amount"] for line in span["lines"])
    assert opening + moved == closing
    assert "Debits and credits add up." in files.text
    first, *entries, last = files.rows
    assert (first["kind"], last["kind"]) == ("opening", "closing")
    assert (int(first["balance"]), int(last["balance"])) == (opening, closing)
    assert sum(int(row["amount"]) for row in entries) == moved
    assert len(entries) == sum(line["entries"] for line in span["lines"])
    for row, before in zip(entries, [first, *entries], strict=False):
        assert int(row["balance"]) == int(before["balance"]) + int(row["amount"])
    # The spreadsheet: exact decimals of the same base units.
    summary = {line[0].value: line for line in files.book["Summary"].iter_rows()}
    assert units(summary["Opening balance"][3].value) == opening
    assert units(summary["Closing balance"][2].value) == closing
    debit, credit = (units(summary["Sum"][at].value) for at in (2, 3))
    assert debit == credit == opening + sum(max(0, one["amount"]) for one in span["lines"])
    lines = list(files.book["Entries"].iter_rows(min_row=2, values_only=True))
    assert [units(line[4]) for line in lines[:-1]] == [int(r["amount"]) for r in entries]
    assert units(lines[-1][4]) == moved
    assert units(lines[-1][5]) == closing
    assert [line[7] for line in lines[:-1]] == [row["transaction"] for row in entries]
    money = has.formats.money_text
    for amount in (opening, closing, debit, span["received"], span["vat"], span["fee"]):
        assert money(amount) in files.pdf
        assert str(has.formats.money(amount)) in files.html


async def test_totals_are_those_of_the_chain_on_the_page_and_in_every_file(
    settled: Settled, node: LocalNode, engine: Engine
) -> None:
    protocol, book = settled.protocol, settled.protocol.deployment

    async def send(call: Call) -> None:
        rpc = Rpc(protocol.url)
        try:
            pipeline = Pipeline(rpc, CHAIN_ID)
            [sender] = await pipeline.senders([protocol.owner(1)])
            [receipt] = await pipeline.execute([(sender, call)])
            assert receipt.succeeded
        finally:
            await rpc.close()

    async def refund(amount: int) -> None:
        async with Chain(Rpc(protocol.url), book) as chain:
            case = settled.signed
            settled_by = bytes.fromhex(case.proof.transaction[2:])
            presented = await present_from(chain, settled_by, case.session_id)
        await send(refund_call(book, presented, amount, RefundReason.GOODWILL))

    await refund(300_000)
    await send(withdraw_accrual(book, 1, 250_000))
    await asyncio.to_thread(node.mine, 70)
    await settle_batch(protocol, (1,))
    await index(settled, engine)
    now = int(node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    has = services(engine, book, ManualClock(now), rpc_url=node.url)
    async with client(has) as pages:
        files = await taken(pages, "2026-01")
    agree(files, has)
    span = files.page["span"]
    kinds = {line["kind"]: line["amount"] for line in span["lines"]}
    assert kinds["refunded"] == -300_000
    assert kinds["withdrawn"] == -250_000
    assert kinds["fee_returned"] == 300
    # The batch that is not final is left out, and said.
    assert span["not_final"][0] == 1
    assert "1 entry of the month" in files.text
    assert "The month is not over." in files.pdf
    async with IndexerRpc(protocol.url) as rpc:
        kept = await Storage(rpc, book, span["last_block"]).read_one("Settlement", "accrual", 1)
    assert kept[:2] == (span["closing"][0], span["closing"][1])
    sessions = [has.model.session(one.session_id) for one in settled.cases]
    paid = [one.row.paid for one in sessions if one]
    assert span["received"] == sum(paid) - 300_000
    assert span["fee"] == sum(one.row.fee for one in sessions if one) - 300
    assert span["vat"] == sum(vat_part(one, 2_000) for one in paid) - vat_part(300_000, 2_000)


async def test_a_month_opens_where_the_one_before_it_closed(
    pages: httpx.AsyncClient, busy_town: Town, has: Services
) -> None:
    town = busy_town
    amount = has.model.statement(1, limit=1).items[0].balance
    pay(town, NOW - 600, 1, amount)
    months = [await taken(pages, month) for month in ("2026-10", "2026-11")]
    for files in months:
        agree(files, has)
    october, november = (files.page["span"] for files in months)
    assert october["opening"] == [0, 0]
    assert november["opening"] == october["closing"]
    assert november["keys"][0] == october["keys"][1]
    receivable = has.model.overview(1, NOW).receivable
    assert months[1].page["receivable"] == receivable > 0
    assert has.formats.money_plain(receivable) in months[1].pdf.replace("\n", " ")
    # The month that is shown without being asked for is the last that is over.
    default = (await pages.get(f"{WHERE}.json")).json()
    assert default["month"] == "2026-10-01"
    assert default["over"] is True


async def test_a_statement_in_german_is_german_and_its_csv_is_not(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    german = {"accept-language": "de"}
    pdf = await pages.get(f"{WHERE}.pdf?month=2026-10", headers=german)
    reader = PdfReader(io.BytesIO(pdf.content))
    assert str(reader.root_object["/Lang"]) == "de-DE"
    assert "Oktober 2026" in reader.pages[0].extract_text()
    rows = (await pages.get(f"{WHERE}.csv?month=2026-10", headers=german)).text
    assert rows.startswith("block_timestamp,kind,")


@pytest.mark.parametrize("month", ["x", "2026-12", "9999-12", "1969-12"])
async def test_a_month_that_cannot_be_says_why(
    pages: httpx.AsyncClient, town: Town, month: str
) -> None:
    answer = await pages.get(f"{WHERE}?month={month}")
    assert answer.status_code == 400
    assert (await pages.get(f"{WHERE}.pdf?month={month}")).status_code == 400


async def test_before_anything_moved_a_statement_is_of_nothing(
    pages: httpx.AsyncClient, town: Town, has: Services
) -> None:
    files = await taken(pages, "2026-11")
    assert files.page["span"]["lines"] == []
    assert [row["kind"] for row in files.rows] == ["opening", "closing"]
    assert "Debits and credits add up." in files.text


@pytest.mark.parametrize("width", [320, 1280])
def test_a_statement_is_accessible_and_nothing_is_cut_off(
    site: Site, opened: Callable[..., Page], width: int
) -> None:
    page = opened(site.address + WHERE, width=width)
    with page.expect_download() as download:
        page.get_by_role("link", name="PDF").first.click()
    assert download.value.suggested_filename == "statement-1-2026-10.pdf"
    assert download.value.path().read_bytes().startswith(b"%PDF-")
    assert inspect(page, site.address, {"statement": f"{WHERE}?month=2026-11"}) == []
