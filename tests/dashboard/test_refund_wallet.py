"""In a real browser with a wallet that signs for real: a refund, and a dispute to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest
from eth_utils.crypto import keccak
from playwright.sync_api import Page, expect

from chargecoin.adjustments import RefundReason, open_dispute_call, present_from
from chargecoin.chain import Chain, Rpc
from chargecoin.chain.transactions import KeySigner
from chargecoin.local_node import CHAIN_ID
from indexer.contract_storage import Storage
from indexer.read_model import ReadModel
from indexer.rpc import Rpc as IndexerRpc
from scripts._pipeline import Pipeline
from tests.dashboard.browsing import Live, apart, inspect, picture, sign_and_follow
from tests.dashboard.settled import Case
from tests.dashboard.wallet import Wallet
from tests.support.protocol import secret

OWNER: Final = bytes.fromhex(secret("station_owner 1")[2:])


async def dispute(live: Live, case: Case) -> None:
    """Let the driver dispute a session."""
    protocol = live.settled.protocol
    rpc = Rpc(protocol.url)
    try:
        chain = Chain(rpc, protocol.deployment)
        settled_by = bytes.fromhex(case.proof.transaction[2:])
        presented = await present_from(chain, settled_by, case.session_id)
        pipeline = Pipeline(rpc, CHAIN_ID)
        [driver] = await pipeline.senders([KeySigner(bytes.fromhex(secret("driver")[2:]))])
        call = open_dispute_call(protocol.deployment, presented, RefundReason.ENERGY)
        [receipt] = await pipeline.execute([(driver, call)])
        assert receipt.succeeded
    finally:
        await rpc.close()


def stored(live: Live, contract: str, name: str, argument: int) -> Any:
    """Read a contract's storage at the head."""

    async def read() -> Any:
        head = int(live.settled.protocol.node.rpc("eth_blockNumber"), 16)
        async with IndexerRpc(live.settled.protocol.url) as rpc:
            storage = Storage(rpc, live.settled.protocol.deployment, head)
            return await storage.read_one(contract, name, argument)

    return apart(lambda: asyncio.run(read()))


def test_a_refund_comes_to_what_the_page_said(live: Live, opened: Callable[..., Page]) -> None:
    one = live.settled.signed.session_id
    model = ReadModel(live.engine)
    page = opened(f"{live.address}/status")
    Wallet(OWNER, live.settled.protocol.node).enter(page)
    page.goto(f"{live.address}/sessions/{live.settled.signed.key}")
    page.get_by_role("link", name="Refund this session").click()
    page.get_by_label("The charger was at fault").check()
    page.get_by_label("Amount").fill("0.5")
    page.get_by_role("button", name="Show what it comes to").click()
    expect(page.locator('[data-figure="to-payer"]')).to_have_text("€0.500000")
    fee = page.locator('[data-figure="fee-back"]').inner_text()
    picture(page, "refund prepared", full_page=True)
    sign_and_follow(live, page)
    expect(page.get_by_text("Refunded later")).to_be_visible()
    [moved] = model.refunds(session_id=one).items
    assert (moved.to_payer, moved.reason) == (500_000, RefundReason.CHARGER_FAULT)
    assert fee == f"-€0.{moved.fee_back:06}"
    assert moved.fee_back > 0
    assert stored(live, "Settlement", "accrual", 1)[0] == model.statement(1).items[0].balance
    # The rest, all of it; and then nothing is left.
    page.get_by_role("link", name="Refund this session").click()
    page.get_by_label("Goodwill").check()
    page.get_by_label("All of it").check()
    page.get_by_role("button", name="Show what it comes to").click()
    sign_and_follow(live, page)
    row = model.session(one)
    assert row is not None
    assert row.row.refunded == row.row.paid
    page.get_by_role("link", name="Refund this session").click()
    expect(page.get_by_text("Nothing is left that could be refunded")).to_be_visible()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("reason=1&amount=99", "mount is an amount from 0 to 0.762116"),
        ("reason=0&all=1", "hoose a reason"),
        ("reason=7&all=1", "eason is a whole number up to 6"),
        ("reason=1", "nter an amount above 0"),
    ],
)
def test_a_refund_that_cannot_be_says_why(
    live: Live, opened: Callable[..., Page], form: str, words: str
) -> None:
    page = opened(f"{live.address}/status")
    where = f"{live.address}/sessions/{live.settled.observed.key}/refund"
    answer = page.request.get(f"{where}?{form}")
    assert answer.status == 400
    assert words in answer.text()
    assert "data-wallet-send" not in answer.text()


def test_a_dispute_is_answered_and_conceded(live: Live, opened: Callable[..., Page]) -> None:
    case = live.settled.own_key
    apart(lambda: asyncio.run(dispute(live, case)))
    live.index()
    page = opened(f"{live.address}/status")
    Wallet(OWNER, live.settled.protocol.node).enter(page)
    page.goto(f"{live.address}/sessions/{case.key}/refund")
    expect(page.get_by_role("heading", name="This session is disputed")).to_be_visible()
    page.goto(f"{live.address}/owners/1/disputes")
    expect(page.get_by_text("1 dispute is open")).to_be_visible()
    picture(page, "disputes open", full_page=True)
    page.get_by_role("link", name="Dispute 1").click()
    statement = page.get_by_label("Your statement")
    assert f"/sessions/{case.key}/bundle" in statement.input_value()
    said = statement.input_value() + " shows that the meter signed."
    statement.fill(said)
    page.get_by_role("button", name="Prepare the answer").click()
    expect(page.get_by_text("0x" + keccak(text=said).hex()).first).to_be_visible()
    sign_and_follow(live, page)
    expect(page.locator('[data-figure="answer"] code')).to_have_attribute(
        "title", "0x" + keccak(text=said).hex()
    )
    # A part is paid at once, and the rest stays disputed.
    page.get_by_label("Amount").fill("0.1")
    page.get_by_role("button", name="Show what it comes to").click()
    expect(page.locator('[data-figure="to-payer"]')).to_have_text("€0.100000")
    sign_and_follow(live, page)
    expect(page.locator('[data-figure="state"]')).to_have_text("Open")
    expect(page.locator('[data-figure="refunded"]')).to_have_text("€0.100000")
    page.get_by_label("All of it").check()
    page.get_by_role("button", name="Show what it comes to").click()
    picture(page, "dispute conceding", full_page=True)
    sign_and_follow(live, page)
    expect(page.locator('[data-figure="state"]')).to_have_text("Conceded")
    picture(page, "dispute conceded", full_page=True)
    assert stored(live, "Adjustments", "dispute", 1)
    model = ReadModel(live.engine)
    assert stored(live, "Settlement", "accrual", 1)[0] == model.statement(1).items[0].balance


def test_more_than_was_put_aside_is_refused_before_it_is_signed(
    live: Live, opened: Callable[..., Page]
) -> None:
    case = live.settled.observed
    apart(lambda: asyncio.run(dispute(live, case)))
    live.index()
    [one] = [two for two in ReadModel(live.engine).disputes(1).items if two.state == "open"]
    part = f"{(one.amount - 1) / 1_000_000:.6f}"
    page = opened(
        f"{live.address}/owners/1/disputes/{one.dispute}?do=concede&amount={part}", width=1280
    )
    expect(page.get_by_role("alert")).to_contain_text("more than was put aside")
    assert page.locator("[data-wallet-send]").count() == 0


@pytest.mark.parametrize("width", [320, 1280])
def test_refund_and_dispute_pages_are_accessible_and_nothing_is_cut_off(
    live: Live, opened: Callable[..., Page], width: int
) -> None:
    page = opened(f"{live.address}/status", width=width)
    [one] = [two for two in ReadModel(live.engine).disputes(1).items if two.state == "open"]
    apart_key = live.settled.observed.key
    paths = {
        "refund": f"/sessions/{apart_key}/refund",
        "disputes": "/owners/1/disputes",
        "dispute": f"/owners/1/disputes/{one.dispute}?do=concede&all=1",
        "dispute conceded": "/owners/1/disputes/1",
    }
    assert inspect(page, live.address, paths) == []
