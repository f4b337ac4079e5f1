"""The real contracts on a real anvil: campaigns, refunds, disputes, payouts, routed fees."""

from __future__ import annotations

from chargecoin import payouts
from chargecoin.chain.transactions import (
    check,
    limited,
    send,
    sign,
    suggest_fees,
    transaction_count,
    wait_for_receipt,
)
from chargecoin.local_node import CHAIN_ID
from indexer.read_model import ReadModel
from tests.indexer.acting import Cast, against_all, assert_found, assert_verified
from tests.indexer.real import DAY, Real

REFERENCE = b"\x07" * 32


async def test_a_campaign_and_refunds_are_followed_to_the_unit(real: Real) -> None:
    cast = Cast(real)
    await cast.start_campaign(budget=2_000_000)
    receipt = await cast.settle()
    await cast.act(
        "owner",
        cast.call("Adjustments", "refund", *cast.presented(receipt, 0), 3_000_000, 2),
        cast.call("Adjustments", "refund", *cast.presented(receipt, 2), 1_000_000, 4),
    )
    await assert_verified(real)
    model = ReadModel(real.store.engine)
    campaign = model.campaign(1)
    assert campaign is not None
    # 30 kWh at 0.45: 20 % are 2.70, of which the budget had 2.00.
    assert (campaign.totals.campaign, campaign.totals.discount) == (2_000_000, 700_000)
    assert campaign.left == campaign.totals.returned > 0
    whole, waived = reversed(model.refunds(owner_id=1).items)
    assert (whole.to_payer + whole.to_campaign, waived.waived) == (3_000_000, 1_000_000)
    kinds = [line.kind for line in model.statement(1).items]
    assert kinds == ["refunded", "fee_returned", "refunded", "settled"]


async def test_disputes_are_followed_from_hold_to_end(real: Real) -> None:
    cast = Cast(real)
    receipt = await cast.settle()
    await assert_verified(real)
    balance = ReadModel(real.store.engine).statement(1).items[0].balance
    # What the owner took out is not there to be held: the rest becomes its debt.
    await cast.act("owner", cast.call("Settlement", "withdraw_accrual", 1, balance - 1_000_000))
    for index in (0, 1):
        presented = cast.presented(receipt, index)
        await cast.act("fleet", cast.call("Adjustments", "open_dispute", *presented, 1))
    await assert_verified(real)
    model = ReadModel(real.store.engine)
    assert model.open_disputes(1)[0] == 2
    assert model.statement(1).items[0].debt > 0
    await cast.act("owner", cast.call("Adjustments", "answer_dispute", 1, REFERENCE))
    session = model.dispute(2)
    assert session is not None
    await cast.act("owner", cast.call("Adjustments", "concede", 2, session.amount))
    await assert_verified(real)
    cast.pass_time(15 * DAY)
    await cast.settle()
    await cast.act("owner", cast.call("Adjustments", "execute", 2))
    await cast.act("owner", cast.call("Adjustments", "lapse", 1))
    await assert_verified(real)
    assert {one.dispute: one.state for one in model.disputes().items} == {
        1: "lapsed",
        2: "conceded",
    }


async def test_payouts_and_fees_are_followed_to_where_they_go(real: Real) -> None:
    cast = Cast(real)
    to = real.protocol.payer("driver").address
    await cast.settle()
    await cast.act(
        "owner",
        cast.call("Settlement", "set_destination", 1, to, REFERENCE),
        cast.call("Payouts", "set_schedule", 1, 1, 5_000_000),
    )
    await assert_verified(real)
    assert ReadModel(real.store.engine).payout_plan(1, real.now).pending == to
    cast.pass_time(4 * DAY)
    await cast.settle()
    await real.settler.execute(
        cast.call("Payouts", "pay", [1, 2]),
        cast.call("Settlement", "route_fees"),
    )
    await assert_verified(real)
    model = ReadModel(real.store.engine)
    [payout] = model.payouts(1).items
    assert (payout.kind, payout.recipient, payout.reference) == (
        "paid_out",
        to,
        "0x" + REFERENCE.hex(),
    )
    assert model.overview(1, real.now).accrued == 0
    assert model.routed_fees().unrouted == 0


async def test_an_owner_who_falls_due_before_a_payout_is_mined_is_paid(real: Real) -> None:
    """What was estimated with nothing to pay is enough once a batch has paid in."""
    cast, rpc = Cast(real), real.settler.rpc
    await cast.act("owner", payouts.set_schedule(cast.book, 1, payouts.Cycle.DAILY))
    sender = cast.signer("fleet")
    call = await limited(rpc, payouts.pay(cast.book, [1, 2]), sender.address)
    await cast.settle()
    signed = sign(
        call,
        sender,
        chain_id=CHAIN_ID,
        nonce=await transaction_count(rpc, sender.address),
        fees=await suggest_fees(rpc),
    )
    await send(rpc, signed)
    await check(rpc, call, sender.address, await wait_for_receipt(rpc, signed.hash))
    await assert_verified(real)
    assert [one.kind for one in ReadModel(real.store.engine).payouts(1).items] == ["paid_out"]


CHANGES = [
    ("UPDATE owner_entries SET balance = '1'", "accruals"),
    ("UPDATE owner_entries SET amount = '1'", "owner_entries from rows"),
    ("UPDATE campaign_entries SET spent = '7'", "campaigns and budgets"),
    ("UPDATE campaign_entries SET amount = '7'", "campaign_entries from rows"),
    ("UPDATE campaign_days SET discount = discount + 1", "campaign_days from rows"),
    ("UPDATE refunds SET to_payer = to_payer + 1", "adjustments and disputes"),
    ("UPDATE refunds SET waived = waived + 1", "vault accounts"),
    ("UPDATE sessions SET discount = discount + 1", "sessions from logs"),
    ("UPDATE campaigns SET rate_bps = 1", "campaigns and budgets"),
    ("DELETE FROM budget_fundings", "budget_fundings from logs"),
    ("UPDATE fee_shares SET treasury = '1'", "fee router"),
    ("UPDATE dispute_entries SET hold = hold + 1", "adjustments and disputes"),
    ("UPDATE settlement_days SET refunded = refunded + 1", "settlement_days from rows"),
]


async def test_verification_finds_changed_money(real: Real) -> None:
    """Each kind of row and sum, changed by hand in a copy of the tables."""
    cast = Cast(real)
    await cast.start_campaign(budget=2_000_000)
    receipt = await cast.settle()
    await cast.act(
        "owner",
        cast.call("Adjustments", "refund", *cast.presented(receipt, 0), 3_000_000, 2),
        cast.call("Adjustments", "refund", *cast.presented(receipt, 2), 1_000_000, 4),
    )
    await cast.act(
        "fleet", cast.call("Adjustments", "open_dispute", *cast.presented(receipt, 1), 1)
    )
    await assert_verified(real)
    await assert_found(real, CHANGES, against_all)
