"""Refunds by the station owner: out of what the session brought, and never more."""

from typing import Any

import boa
import pytest

from tests.contracts.adjusting import (
    CONNECTOR,
    FEE,
    GROSS,
    OWNER,
    Presented,
    balanced,
    collect,
    owe,
    pay,
    position,
    refund,
    settle,
    settle_runs,
    top_up,
)
from tests.contracts.campaigning import co_branded, create, off_peak
from tests.contracts.world import DAY_S, HOUR_S, TOKEN, World, events, session, wait

WINDOW_S = 21 * DAY_S


@pytest.fixture
def poor(world: World) -> int:
    """An account with a limit and 2.5005 tokens."""
    return world.open_account(world.fleet, balance=2_500_500, limit=60 * TOKEN)


def adjusted(world: World, presented: Presented) -> tuple[int, ...]:
    """Collected, refunded with the fee, refunded without, waived."""
    return tuple(world.adjustments.adjustment(presented.session_id)[:4])


def test_a_refund_moves_from_the_owner_to_the_payer_with_its_fee(
    world: World, account: int
) -> None:
    settlement = world.settlement
    paid = pay(world, account)
    refund(world, paid, 3 * TOKEN, reason=3)
    [event] = events(world.adjustments, "SessionRefunded")
    assert (event.session_id, event.account, event.owner_id) == (paid.session_id, account, OWNER)
    assert (event.dispute, event.waived, event.to_payer) == (0, 0, 3 * TOKEN)
    assert (event.to_campaign, event.fee_back, event.reason) == (0, 3_000, 3)
    [returned] = events(world.adjustments, "FeeReturned")
    assert (returned.owner_id, returned.amount) == (OWNER, 3_000)
    assert settlement.account(account)[0] == 94 * TOKEN
    assert position(world) == GROSS - FEE - 3 * TOKEN + 3_000
    assert settlement.unrouted_fees() == 6_000
    assert adjusted(world, paid) == (0, 3 * TOKEN, 0, 0)
    balanced(world)


def test_the_fee_is_that_of_what_is_left_after_each_refund(world: World, account: int) -> None:
    paid = pay(world, account)
    left = GROSS
    for amount in (1, 998, 1, 500, 1_499_501, 3_000_000):
        refund(world, paid, amount)
        left -= amount
        assert world.settlement.unrouted_fees() == left // 1000
        assert position(world) == left - left // 1000
    balanced(world)


def test_what_the_payer_did_not_spend_that_day_stays_spent(world: World, account: int) -> None:
    """A refund does not open the day's limit again: it is what may leave, not what is left."""
    paid = pay(world, account)
    refund(world, paid, GROSS)
    assert world.settlement.account(account)[2] == GROSS


def test_no_more_is_refunded_than_was_paid(world: World, account: int) -> None:
    paid = pay(world, account)
    pay(world, account)
    with boa.reverts("adjustments: more than was paid"):
        refund(world, paid, GROSS + 1)
    refund(world, paid, 5 * TOKEN)
    with boa.reverts("adjustments: more than was paid"):
        refund(world, paid, 4 * TOKEN + 1)
    refund(world, paid, 4 * TOKEN)
    with boa.reverts("adjustments: more than was paid"):
        refund(world, paid, 1)
    assert position(world) == GROSS - FEE
    balanced(world)


def test_no_more_is_refunded_than_was_paid_and_collected(
    world: World, account: int, poor: int
) -> None:
    debt = owe(world, poor)
    pay(world, account)
    top_up(world, poor, 20 * TOKEN)
    collect(world, debt)
    with boa.reverts("adjustments: more than was paid"):
        refund(world, debt, GROSS + 1)
    refund(world, debt, GROSS)
    assert adjusted(world, debt) == (GROSS - 2_500_500, GROSS, 0, 0)
    assert world.settlement.account(poor)[0] == 2_500_500 + 20 * TOKEN
    assert (position(world), world.settlement.unrouted_fees()) == (GROSS - FEE, FEE)
    balanced(world)


def test_a_refund_late_after_a_collection_is_still_held_to_what_was_paid(
    world: World, account: int, poor: int
) -> None:
    debt = owe(world, poor)
    top_up(world, poor, TOKEN)
    collect(world, debt)
    wait(WINDOW_S)
    pay(world, account)
    with boa.reverts("adjustments: more than was paid"):
        refund(world, debt, GROSS + 1)
    refund(world, debt, GROSS)
    assert adjusted(world, debt) == (TOKEN, 0, 3_500_500, GROSS - 3_500_500)
    with boa.reverts("adjustments: more than was paid"):
        refund(world, debt, 1)
    balanced(world)


def test_debt_is_waived_before_money_is_paid_back(world: World, poor: int) -> None:
    settlement = world.settlement
    debt = owe(world, poor)
    before = position(world)
    refund(world, debt, TOKEN)
    [event] = events(world.adjustments, "SessionRefunded")
    assert (event.waived, event.to_payer, event.fee_back) == (TOKEN, 0, 0)
    assert settlement.account(poor)[4] == GROSS - 2_500_500 - TOKEN
    assert position(world) == before
    # All that is left of the debt, and half a token of what was paid.
    refund(world, debt, GROSS - 2_500_500 - TOKEN + 500_500)
    assert settlement.account(poor)[::4] == (500_500, 0)
    assert settlement.unrouted_fees() == 2_000
    assert position(world) == 2_000_000 - 2_000
    balanced(world)


def test_waived_debt_is_not_collected(world: World, poor: int) -> None:
    debt = owe(world, poor)
    top_up(world, poor, 50 * TOKEN)
    refund(world, debt, 6 * TOKEN)
    collect(world, debt)
    assert adjusted(world, debt)[0] == GROSS - 2_500_500 - 6 * TOKEN
    with boa.reverts("adjustments: nothing to collect"):
        collect(world, debt)
    other_account = world.open_account(world.driver, limit=60 * TOKEN)
    other = owe(world, other_account)
    refund(world, other, GROSS)
    top_up(world, other_account, 50 * TOKEN)
    with boa.reverts("adjustments: nothing to collect"):
        collect(world, other)
    balanced(world)


def test_the_fee_is_given_back_until_the_last_second_of_the_window(
    world: World, account: int
) -> None:
    paid = pay(world, account)
    wait(WINDOW_S - 1)
    refund(world, paid, TOKEN)
    assert world.settlement.unrouted_fees() == 8_000
    wait(1)
    before = position(world)
    refund(world, paid, TOKEN)
    [event] = events(world.adjustments, "SessionRefunded")
    assert event.fee_back == 0
    assert not events(world.adjustments, "FeeReturned")
    assert world.settlement.unrouted_fees() == 8_000
    assert before - position(world) == TOKEN
    assert adjusted(world, paid) == (0, TOKEN, TOKEN, 0)
    balanced(world)


def test_a_pause_lengthens_the_window_by_itself(world: World, account: int) -> None:
    paid = pay(world, account)
    wait(10 * DAY_S)
    world.settlement.pause(sender=world.guardian)
    wait(13 * DAY_S - 1)
    refund(world, paid, TOKEN)
    assert world.settlement.unrouted_fees() == 8_000
    wait(1)
    refund(world, paid, TOKEN)
    assert world.settlement.unrouted_fees() == 8_000


def test_a_refund_after_the_window_costs_the_owner_the_fee(world: World, account: int) -> None:
    paid = pay(world, account)
    wait(WINDOW_S)
    with boa.reverts("adjustments: accrual too small"):
        refund(world, paid, GROSS)
    refund(world, paid, GROSS - FEE)
    assert (position(world), world.settlement.unrouted_fees()) == (0, FEE)
    balanced(world)


def test_a_refund_that_the_accrual_cannot_pay_waits(world: World, account: int) -> None:
    paid = pay(world, account)
    world.settlement.withdraw_accrual(OWNER, 1, sender=world.station_owner)
    with boa.reverts("adjustments: accrual too small"):
        refund(world, paid, GROSS)
    # With the fee that comes back it reaches to the last unit.
    refund(world, paid, GROSS - 1)
    assert position(world) == 0
    # A fee is never returned for a unit that is still paid.
    assert world.settlement.unrouted_fees() == 0
    pay(world, account)
    refund(world, paid, 1)
    balanced(world)


def test_a_fee_that_was_routed_is_due_until_new_ones_come(world: World, account: int) -> None:
    settlement, adjustments = world.settlement, world.adjustments
    settlement.set_fee_router(world.stranger, sender=world.governance)
    paid = [pay(world, account) for _ in range(2)]
    settlement.route_fees(sender=world.stranger)
    before = position(world)
    refund(world, paid[0], GROSS)
    [event] = events(adjustments, "SessionRefunded")
    assert event.fee_back == FEE
    assert not events(adjustments, "FeeReturned")
    assert before - position(world) == GROSS
    assert (adjustments.fees_due(), adjustments.owed(OWNER)[2]) == (FEE, FEE)
    with boa.reverts("adjustments: no fee to return"):
        adjustments.return_fee(OWNER, sender=world.stranger)

    settle(world, session(account, energy_wh=10_000))
    assert settlement.unrouted_fees() == 4_500
    adjustments.return_fee(OWNER, sender=world.stranger)
    [returned] = events(adjustments, "FeeReturned")
    assert (returned.owner_id, returned.amount) == (OWNER, 4_500)
    assert (settlement.unrouted_fees(), adjustments.fees_due()) == (0, FEE - 4_500)
    balanced(world)


def test_what_is_due_is_not_routed(world: World, account: int) -> None:
    settlement, adjustments = world.settlement, world.adjustments
    settlement.set_fee_router(world.stranger, sender=world.governance)
    paid = [pay(world, account) for _ in range(2)]
    settlement.route_fees(sender=world.stranger)
    refund(world, paid[0], 4 * TOKEN)
    pay(world, account)
    settlement.route_fees(sender=world.stranger)
    assert settlement.unrouted_fees() == adjustments.fees_due() == 4_000
    with boa.reverts():
        settlement.route_fees(sender=world.stranger)
    adjustments.return_fee(OWNER, sender=world.stranger)
    assert (settlement.unrouted_fees(), adjustments.fees_due()) == (0, 0)
    balanced(world)


def test_the_next_refund_is_paid_what_is_due_too(world: World, account: int) -> None:
    settlement = world.settlement
    settlement.set_fee_router(world.stranger, sender=world.governance)
    paid = [pay(world, account) for _ in range(2)]
    settlement.route_fees(sender=world.stranger)
    refund(world, paid[0], 4 * TOKEN)
    third = pay(world, account)
    refund(world, third, TOKEN)
    [returned] = events(world.adjustments, "FeeReturned")
    assert (returned.amount, world.adjustments.fees_due()) == (5_000, 0)
    balanced(world)


@pytest.mark.parametrize("kind", ["own", "sponsored"])
def test_a_campaigns_part_goes_back_to_its_budget_to_the_unit(
    world: World, account: int, kind: str
) -> None:
    settlement = world.settlement
    new = off_peak(rate_bps=3_333) if kind == "own" else co_branded(rate_bps=3_333)
    by = world.station_owner if kind == "own" else world.stranger
    campaign = create(world, new, budget=50 * TOKEN, by=by)
    wait(2 * HOUR_S)
    presented = settle(world, session(account, campaign_id=campaign))
    outcome = presented.outcome
    assert (outcome.paid, outcome.campaign_paid) == (GROSS - 2_999_700, 2_999_700)
    to_payer = to_campaign = 0
    for amount in (1, 2, 3_000, 999_997, 4_000_000, GROSS - 5_003_000):
        refund(world, presented, amount)
        [event] = events(world.adjustments, "SessionRefunded")
        to_payer += event.to_payer
        to_campaign += event.to_campaign
        assert to_campaign == (to_payer + to_campaign) * 2_999_700 // GROSS
        assert settlement.budget(campaign)[0] == 50 * TOKEN - 2_999_700 + to_campaign
    assert (to_payer, to_campaign) == (GROSS - 2_999_700, 2_999_700)
    assert settlement.account(account)[0] == 100 * TOKEN
    assert (position(world), settlement.unrouted_fees()) == (0, 0)
    balanced(world)


def test_a_campaigns_part_of_a_session_that_was_collected(world: World, poor: int) -> None:
    campaign = create(world, off_peak(rate_bps=5_000), budget=50 * TOKEN)
    wait(2 * HOUR_S)
    debt = settle(world, session(poor, campaign_id=campaign))
    assert (debt.outcome.paid, debt.outcome.campaign_paid) == (2_500_500, 4_500_000)
    refund(world, debt, 999_500)
    top_up(world, poor, 20 * TOKEN)
    collect(world, debt)
    assert adjusted(world, debt)[0] == TOKEN
    # 8.0005 tokens were paid, and 4.5 of them by the campaign.
    for amount in (1_234_567, 8_000_500 - 1_234_567):
        refund(world, debt, amount)
    assert world.settlement.budget(campaign)[0] == 50 * TOKEN
    assert world.settlement.account(poor)[::4] == (2_500_500 + 20 * TOKEN, 0)
    assert position(world) == 0
    balanced(world)


@pytest.mark.parametrize("role", ["driver", "operator", "governance", "guardian", "stranger"])
def test_nobody_refunds_but_the_owner(world: World, account: int, role: str) -> None:
    world.registry.set_operator(OWNER, world.operator, True, sender=world.station_owner)
    paid = pay(world, account)
    with boa.reverts("adjustments: not the owner"):
        world.adjustments.refund(*paid.arguments(1, 1), sender=getattr(world, role))


@pytest.mark.parametrize("reason", [0, 7, 8, 2**256 - 1])
def test_a_refund_has_a_reason_that_owners_give(world: World, account: int, reason: int) -> None:
    paid = pay(world, account)
    with boa.reverts("adjustments: no such reason"):
        refund(world, paid, 1, reason)


def test_a_refund_of_nothing_is_refused(world: World, account: int) -> None:
    paid = pay(world, account)
    with boa.reverts("adjustments: nothing to refund"):
        refund(world, paid, 0)


@pytest.mark.parametrize("amount", [2**40, 2**255, 2**256 - 1])
def test_amounts_that_no_session_has_are_refused(world: World, account: int, amount: int) -> None:
    paid = pay(world, account)
    with boa.reverts("adjustments: more than was paid"):
        refund(world, paid, amount)


def test_a_session_that_nobody_paid_here_has_nothing_to_refund(world: World, account: int) -> None:
    rejected = session(account, hour_of_week=168)
    presented = settle(world, session(0), rejected, session(99), session(account, energy_wh=0))
    for index in range(4):
        one = Presented(presented.batch, presented.settled, index)
        with boa.reverts("adjustments: more than was paid"):
            refund(world, one, 1)


def test_an_owner_refunds_only_its_own_sessions(world: World, account: int) -> None:
    other = world.add_owner(world.operator)
    connector = world.add_connector(other)
    wait(2 * HOUR_S)
    runs = [world.run(one, [session(account).encode()]) for one in (CONNECTOR, connector)]
    presented = settle_runs(world, runs, index=1)
    with boa.reverts("adjustments: not the owner"):
        refund(world, presented, 1)
    world.adjustments.refund(*presented.arguments(TOKEN, 1), sender=world.operator)
    assert position(world, other) == GROSS - FEE - TOKEN + 1_000
    assert position(world) == GROSS - FEE


def test_a_pause_does_not_keep_an_owner_from_refunding(world: World, account: int) -> None:
    paid = pay(world, account)
    world.settlement.pause(sender=world.guardian)
    refund(world, paid, GROSS)
    assert world.settlement.account(account)[0] == 100 * TOKEN


def test_a_batch_is_presented_as_it_was_settled(world: World, account: int, poor: int) -> None:
    """What a batch did not commit to refunds nothing, whoever would gain by it."""
    presented = settle(world, session(account), session(poor))
    words = presented.settled.told
    first = presented.arguments(1, 1, index=0)
    later = pay(world, account)
    run = world.run(CONNECTOR, [session(poor).encode(), session(account).encode()])
    forged: list[dict[str, Any]] = [
        {"batch": 2},
        {"batch": 0},
        {"batch": 2**256 - 1},
        {"root": b"\x01" * 32},
        {"runs": run.encode()},
        {"outcomes": [words[0] | 1, words[1]]},
        {"outcomes": words[:1]},
        {"outcomes": [*words, words[1]]},
        {"outcomes": words[::-1]},
        {"batch": later.settled.batch, "root": bytes(32)},
        {"index": 2},
        {"index": 2**256 - 1},
    ]
    for changes in forged:
        with boa.reverts():
            world.adjustments.refund(
                *presented.arguments(1, 1, **({"index": 0} | changes)), sender=world.station_owner
            )
    world.adjustments.refund(*first, sender=world.station_owner)


def test_a_full_batch_is_refunded_within_a_transactions_gas(world: World, account: int) -> None:
    presented = settle(world, *[session(account, energy_wh=400)] * 256)
    last = Presented(presented.batch, presented.settled, 255)
    world.adjustments.refund(*last.arguments(1, 1), sender=world.station_owner, gas=2_000_000)
