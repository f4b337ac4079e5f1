"""Disputes: what is put aside, who gets it, and when."""

import boa
import pytest

from tests.contracts.adjusting import (
    FEE,
    GROSS,
    OWNER,
    REASONS,
    balanced,
    collect,
    dispute,
    owe,
    pay,
    position,
    refund,
    rule,
    settle,
    top_up,
)
from tests.contracts.campaigning import create, off_peak
from tests.contracts.world import DAY_S, HOUR_S, TOKEN, World, events, now, session, wait

NET = GROSS - FEE
WINDOW_S, RULING_S = 7 * DAY_S, 14 * DAY_S
OPEN, UPHELD, DISMISSED, CONCEDED, LAPSED = range(5)


@pytest.fixture
def poor(world: World) -> int:
    """An account with a limit and 2.5005 tokens."""
    return world.open_account(world.fleet, balance=2_500_500, limit=60 * TOKEN)


def result(world: World, number: int) -> int:
    found: int = world.adjustments.dispute(number).result
    return found


def held(world: World) -> int:
    amount: int = world.settlement.held()
    return amount


def empty_the_accrual(world: World) -> None:
    world.settlement.withdraw_accrual(
        OWNER, world.settlement.accrual(OWNER)[0], sender=world.station_owner
    )


# Opening


def test_a_dispute_puts_the_owners_money_and_a_bond_aside(world: World, account: int) -> None:
    settlement = world.settlement
    paid = pay(world, account)
    number = dispute(world, paid, reason=2)
    [event] = events(world.adjustments, "DisputeOpened")
    assert (event.dispute, event.session_id, event.account) == (number, paid.session_id, account)
    assert (event.owner_id, event.amount, event.hold) == (OWNER, GROSS, NET)
    assert (event.bond, event.deadline, event.reason) == (TOKEN, now() + RULING_S, 2)
    assert settlement.account(account)[0] == 90 * TOKEN
    assert (settlement.accrual(OWNER)[:2], held(world)) == ((0, 0), NET + TOKEN)
    one = world.adjustments.dispute(number)
    assert (one.session.session_id, one.session.account) == (paid.session_id, account)
    assert (one.session.owner_id, one.session.settled_at) == (OWNER, now())
    # When it began is not kept.
    assert one.session.started_at == 0
    assert (one.bond, one.hold, one.short, one.result) == (TOKEN, NET, 0, OPEN)
    assert world.adjustments.adjustment(paid.session_id).dispute == number
    assert world.adjustments.deadline(number) == event.deadline
    balanced(world)


def test_the_bond_is_a_twentieth_and_at_least_a_token(world: World, account: int) -> None:
    dispute(world, pay(world, account, energy_wh=100_000))
    dispute(world, pay(world, account, energy_wh=100))
    assert [world.adjustments.dispute(i).bond for i in (1, 2)] == [2_250_000, TOKEN]


def test_an_odd_bond_is_kept_to_the_unit_beside_what_is_refunded(
    world: World, account: int
) -> None:
    number = dispute(world, pay(world, account, energy_wh=50_002))
    one = world.adjustments.dispute(number)
    assert (one.bond, one.refunded) == (1_125_045, 0)
    rule(world, number, TOKEN + 1)
    one = world.adjustments.dispute(number)
    assert (one.bond, one.refunded, one.result) == (1_125_045, TOKEN + 1, UPHELD)
    balanced(world)


def test_what_was_refunded_is_not_disputed_again(world: World, account: int) -> None:
    paid = pay(world, account)
    refund(world, paid, 4 * TOKEN)
    number = dispute(world, paid)
    [event] = events(world.adjustments, "DisputeOpened")
    assert (event.amount, event.hold) == (5 * TOKEN, 5 * TOKEN - 5_000)
    with boa.reverts("adjustments: more than was paid"):
        rule(world, number, 5 * TOKEN + 1)


def test_there_must_be_something_to_dispute(world: World, account: int) -> None:
    paid = pay(world, account)
    refund(world, paid, GROSS)
    free = settle(world, session(account, energy_wh=0))
    for one in (paid, free):
        with boa.reverts("adjustments: nothing to dispute"):
            dispute(world, one)


def test_an_unpaid_session_can_be_disputed(world: World, poor: int) -> None:
    debt = owe(world, poor)
    with boa.reverts("adjustments: balance below the bond"):
        dispute(world, debt, by=world.fleet)
    top_up(world, poor, 2 * TOKEN)
    number = dispute(world, debt, by=world.fleet)
    one = world.adjustments.dispute(number)
    assert (one.bond, one.hold) == (TOKEN, 2_500_500 - 2_500)
    rule(world, number, GROSS)
    assert world.settlement.account(poor)[::4] == (4_500_500, 0)
    assert (position(world), world.settlement.unrouted_fees(), held(world)) == (0, 0, 0)
    balanced(world)


def test_a_session_is_disputed_within_seven_days(world: World, account: int) -> None:
    first, second = pay(world, account), pay(world, account)
    wait(WINDOW_S - 1)
    dispute(world, first)
    wait(1)
    with boa.reverts("adjustments: too late to dispute"):
        dispute(world, second)


def test_the_seven_days_stand_still_in_a_pause(world: World, account: int) -> None:
    first, second = pay(world, account), pay(world, account)
    wait(DAY_S)
    world.settlement.pause(sender=world.guardian)
    wait(8 * DAY_S - 1)
    dispute(world, first)
    wait(1)
    with boa.reverts("adjustments: too late to dispute"):
        dispute(world, second)


def test_a_pause_does_not_open_a_window_again(world: World, account: int) -> None:
    paid = pay(world, account)
    wait(WINDOW_S - 1)
    with boa.env.anchor():
        # Begun in the last second, it keeps that second.
        world.settlement.pause(sender=world.guardian)
        wait(2 * DAY_S)
        dispute(world, paid)
    wait(1)
    world.settlement.pause(sender=world.guardian)
    with boa.reverts("adjustments: too late to dispute"):
        dispute(world, paid)


@pytest.mark.parametrize("role", ["station_owner", "fleet", "governance", "guardian", "stranger"])
def test_nobody_disputes_but_the_payer(world: World, account: int, role: str) -> None:
    paid = pay(world, account)
    with boa.reverts("adjustments: not the payer"):
        dispute(world, paid, by=getattr(world, role))


def test_a_session_without_a_payer_is_nobodys_to_dispute(world: World, account: int) -> None:
    for payer in (0, 99):
        with boa.reverts("adjustments: not the payer"):
            dispute(world, settle(world, session(payer)))


@pytest.mark.parametrize("reason", [0, 7, 8, 2**256 - 1])
def test_a_dispute_has_a_reason_that_payers_give(world: World, account: int, reason: int) -> None:
    paid = pay(world, account)
    with boa.reverts("adjustments: no such reason"):
        dispute(world, paid, reason=reason)


# Rulings


def test_a_ruling_for_the_payer(world: World, account: int) -> None:
    number = dispute(world, pay(world, account))
    rule(world, number, 4 * TOKEN)
    [ruled] = events(world.adjustments, "DisputeRuled")
    assert (ruled.dispute, ruled.epoch, ruled.refund, ruled.reason) == (
        number,
        1,
        4 * TOKEN,
        REASONS,
    )
    [refunded] = events(world.adjustments, "SessionRefunded")
    assert (refunded.dispute, refunded.to_payer, refunded.reason) == (number, 4 * TOKEN, 8)
    assert (refunded.waived, refunded.to_campaign, refunded.fee_back) == (0, 0, 4_000)
    [closed] = events(world.adjustments, "DisputeClosed")
    assert (closed.dispute, closed.result, closed.refunded) == (number, UPHELD, 4 * TOKEN)
    assert (closed.released, closed.bond_to_owner) == (NET - 4 * TOKEN, 0)
    assert world.settlement.account(account)[0] == 95 * TOKEN
    assert position(world) == 5 * TOKEN - 5_000
    assert (world.settlement.unrouted_fees(), held(world)) == (5_000, 0)
    balanced(world)


def test_a_ruling_for_all_of_it_costs_the_owner_no_fee(world: World, account: int) -> None:
    number = dispute(world, pay(world, account))
    rule(world, number, GROSS)
    assert world.settlement.account(account)[0] == 100 * TOKEN
    assert (position(world), world.settlement.unrouted_fees(), held(world)) == (0, 0, 0)
    balanced(world)


def test_a_ruling_for_the_owner_gives_it_the_bond(world: World, account: int) -> None:
    number = dispute(world, pay(world, account))
    rule(world, number, 0)
    [closed] = events(world.adjustments, "DisputeClosed")
    assert (closed.result, closed.refunded) == (DISMISSED, 0)
    assert (closed.released, closed.bond_to_owner) == (NET, TOKEN)
    assert not events(world.adjustments, "SessionRefunded")
    assert world.settlement.account(account)[0] == 90 * TOKEN
    assert (position(world), held(world)) == (NET + TOKEN, 0)
    balanced(world)


def test_a_ruling_counts_for_fourteen_days(world: World, account: int) -> None:
    first, second = (dispute(world, pay(world, account)) for _ in range(2))
    wait(RULING_S - 1)
    rule(world, first, TOKEN)
    wait(1)
    with boa.reverts("adjustments: too late to rule"):
        rule(world, second, TOKEN)


def test_a_dispute_that_nobody_rules_on_lapses(world: World, account: int) -> None:
    number = dispute(world, pay(world, account))
    wait(RULING_S - 1)
    with boa.reverts("adjustments: too early to lapse"):
        world.adjustments.lapse(number, sender=world.stranger)
    wait(1)
    world.adjustments.lapse(number, sender=world.stranger)
    [closed] = events(world.adjustments, "DisputeClosed")
    assert (closed.result, closed.refunded) == (LAPSED, 0)
    assert (closed.released, closed.bond_to_owner) == (NET, 0)
    assert world.settlement.account(account)[0] == 91 * TOKEN
    assert (position(world), held(world)) == (NET, 0)
    assert world.adjustments.open_disputes(account) == 0
    balanced(world)


def test_a_pause_stops_the_clock_of_rulings_and_no_withdrawal(world: World, account: int) -> None:
    settlement = world.settlement
    number, other = (dispute(world, pay(world, account)) for _ in range(2))
    pay(world, account)
    settlement.request_withdrawal(account, 10 * TOKEN, sender=world.driver)
    wait(72 * HOUR_S)
    settlement.pause(sender=world.guardian)
    assert world.adjustments.deadline(number) == now() + RULING_S - 3 * DAY_S + 2 * DAY_S
    settlement.withdraw(account, world.driver, sender=world.driver)
    settlement.withdraw_accrual(OWNER, 1, sender=world.station_owner)
    wait(13 * DAY_S - 1)
    with boa.reverts("adjustments: too early to lapse"):
        world.adjustments.lapse(number, sender=world.stranger)
    rule(world, other, TOKEN)
    wait(1)
    with boa.reverts("adjustments: too late to rule"):
        rule(world, number, TOKEN)
    world.adjustments.lapse(number, sender=world.stranger)
    balanced(world)


def test_a_dispute_opened_in_a_pause_has_its_fourteen_days(world: World, account: int) -> None:
    paid = pay(world, account)
    world.settlement.pause(sender=world.guardian)
    wait(HOUR_S)
    number = dispute(world, paid)
    assert world.adjustments.deadline(number) == now() + 47 * HOUR_S + RULING_S
    wait(47 * HOUR_S + RULING_S - 1)
    # The next pause cannot begin before the two weeks are over.
    with boa.reverts():
        world.settlement.pause(sender=world.guardian)
    wait(1)
    world.settlement.pause(sender=world.guardian)
    with boa.reverts("adjustments: too late to rule"):
        rule(world, number, TOKEN)
    world.adjustments.lapse(number, sender=world.stranger)


def test_disputes_end_also_after_settlement_moved_elsewhere(world: World, account: int) -> None:
    numbers = [dispute(world, pay(world, account)) for _ in range(2)]
    world.settlement.sunset(world.stranger, sender=world.governance)
    rule(world, numbers[0], TOKEN)
    wait(RULING_S)
    world.adjustments.lapse(numbers[1], sender=world.stranger)
    assert held(world) == 0
    balanced(world)


# Answers and concessions


def test_an_owner_answers(world: World, account: int) -> None:
    number = dispute(world, pay(world, account))
    world.adjustments.answer_dispute(number, b"\x07" * 32, sender=world.station_owner)
    [event] = events(world.adjustments, "DisputeAnswered")
    assert (event.dispute, event.owner_id, event.statement) == (number, OWNER, b"\x07" * 32)
    with boa.reverts("adjustments: not the owner"):
        world.adjustments.answer_dispute(number, b"\x07" * 32, sender=world.driver)
    rule(world, number, 0)
    with boa.reverts("adjustments: no open dispute"):
        world.adjustments.answer_dispute(number, b"\x07" * 32, sender=world.station_owner)


def test_an_owner_concedes(world: World, account: int) -> None:
    number = dispute(world, pay(world, account))
    with boa.reverts("adjustments: not the owner"):
        world.adjustments.concede(number, GROSS, sender=world.driver)
    world.adjustments.concede(number, GROSS, sender=world.station_owner)
    [refunded] = events(world.adjustments, "SessionRefunded")
    assert (refunded.to_payer, refunded.fee_back, refunded.reason) == (GROSS, FEE, 7)
    [closed] = events(world.adjustments, "DisputeClosed")
    assert (closed.result, closed.refunded, closed.bond_to_owner) == (CONCEDED, GROSS, 0)
    assert world.settlement.account(account)[0] == 100 * TOKEN
    assert (position(world), held(world)) == (0, 0)
    balanced(world)


def test_a_concession_in_part_is_paid_and_leaves_the_rest_to_the_arbiters(
    world: World, account: int
) -> None:
    number = dispute(world, pay(world, account))
    world.adjustments.concede(number, 2 * TOKEN, sender=world.station_owner)
    assert not events(world.adjustments, "DisputeClosed")
    assert world.settlement.account(account)[0] == 92 * TOKEN
    assert result(world, number) == OPEN
    with boa.reverts("adjustments: more than was paid"):
        rule(world, number, 7 * TOKEN + 1)
    rule(world, number, 3 * TOKEN)
    [closed] = events(world.adjustments, "DisputeClosed")
    assert (closed.result, closed.refunded) == (UPHELD, 5 * TOKEN)
    assert world.settlement.account(account)[0] == 96 * TOKEN
    assert (position(world), world.settlement.unrouted_fees()) == (4 * TOKEN - 4_000, 4_000)
    balanced(world)


def test_after_a_concession_in_part_the_bond_is_the_payers(world: World, account: int) -> None:
    number = dispute(world, pay(world, account))
    world.adjustments.concede(number, TOKEN, sender=world.station_owner)
    rule(world, number, 0)
    [closed] = events(world.adjustments, "DisputeClosed")
    assert (closed.result, closed.refunded, closed.bond_to_owner) == (UPHELD, TOKEN, 0)
    assert world.settlement.account(account)[0] == 92 * TOKEN
    balanced(world)


def test_a_part_is_conceded_only_as_far_as_it_is_there(world: World, account: int) -> None:
    paid = [pay(world, account) for _ in range(2)]
    number = dispute(world, paid[0])
    with boa.reverts("adjustments: more than was put aside"):
        world.adjustments.concede(number, GROSS - 1, sender=world.station_owner)
    empty_the_accrual(world)
    short = dispute(world, paid[1])
    with boa.reverts("adjustments: more than was put aside"):
        world.adjustments.concede(short, TOKEN, sender=world.station_owner)
    with boa.reverts("adjustments: nothing conceded"):
        world.adjustments.concede(number, 0, sender=world.station_owner)
    # All of it can be conceded; it is paid when it comes in.
    world.adjustments.concede(short, GROSS, sender=world.station_owner)
    assert result(world, short) == CONCEDED
    balanced(world)


# Sessions in dispute


def test_a_disputed_session_is_not_refunded_beside_the_dispute(world: World, account: int) -> None:
    paid = pay(world, account)
    number = dispute(world, paid)
    pay(world, account)
    with boa.reverts("adjustments: disputed"):
        refund(world, paid, 1)
    rule(world, number, TOKEN)
    refund(world, paid, 8 * TOKEN)
    with boa.reverts("adjustments: more than was paid"):
        refund(world, paid, 1)
    assert world.settlement.account(account)[0] == 91 * TOKEN
    balanced(world)


def test_a_debt_is_collected_again_when_the_dispute_is_over(world: World, poor: int) -> None:
    debt = owe(world, poor)
    top_up(world, poor, 20 * TOKEN)
    number = dispute(world, debt, by=world.fleet)
    rule(world, number, 2 * TOKEN)
    [refunded] = events(world.adjustments, "SessionRefunded")
    assert (refunded.waived, refunded.to_payer) == (2 * TOKEN, 0)
    collect(world, debt)
    assert world.adjustments.adjustment(debt.session_id)[0] == GROSS - 2_500_500 - 2 * TOKEN
    assert world.settlement.account(poor)[4] == 0
    balanced(world)


# Holds that the accrual does not reach


def test_an_owner_works_off_what_was_not_there(world: World, account: int) -> None:
    settlement = world.settlement
    paid = pay(world, account)
    empty_the_accrual(world)
    number = dispute(world, paid)
    assert settlement.accrual(OWNER)[:2] == (0, NET)
    assert held(world) == TOKEN
    settle(world, session(account, energy_wh=10_000))
    assert settlement.accrual(OWNER)[:2] == (0, NET - 4_495_500)
    assert held(world) == TOKEN + 4_495_500
    assert world.adjustments.owed(OWNER) == (NET - 4_495_500, 4_495_500, 0)
    rule(world, number, GROSS)
    [refunded] = events(world.adjustments, "SessionRefunded")
    # What was earned since, and the fee that came back.
    assert refunded.to_payer == 4_495_500 + FEE
    with boa.reverts("adjustments: nothing to execute"):
        world.adjustments.execute(number, sender=world.stranger)
    settle(world, session(account))
    assert position(world) == NET - (GROSS - 4_495_500 - FEE)
    world.adjustments.execute(number, sender=world.stranger)
    [rest] = events(world.adjustments, "SessionRefunded")
    assert (rest.dispute, rest.waived, rest.fee_back, rest.reason) == (number, 0, 0, 8)
    assert refunded.to_payer + rest.to_payer == GROSS
    assert settlement.account(account)[0] == 100 * TOKEN - 4_500_000 - GROSS
    assert held(world) == 0
    with boa.reverts("adjustments: nothing to execute"):
        world.adjustments.execute(number, sender=world.stranger)
    balanced(world)


def test_a_debt_that_is_collected_works_off_the_owners(world: World, poor: int) -> None:
    debt = owe(world, poor)
    other = world.open_account(world.driver, balance=20 * TOKEN, limit=60 * TOKEN)
    paid = pay(world, other)
    empty_the_accrual(world)
    number = dispute(world, paid)
    top_up(world, poor, 20 * TOKEN)
    collect(world, debt)
    rule(world, number, GROSS)
    assert world.settlement.accrual(OWNER)[1] == GROSS - FEE - (6_499_500 - 6_500)
    balanced(world)


def test_who_owes_nothing_any_more_is_released(world: World, account: int) -> None:
    paid = pay(world, account)
    empty_the_accrual(world)
    number = dispute(world, paid)
    settle(world, session(account, energy_wh=10_000))
    rule(world, number, 0)
    assert position(world) == 4_495_500 + TOKEN
    assert held(world) == 0
    assert world.adjustments.owed(OWNER) == (0, 0, 0)
    balanced(world)


def test_a_part_that_is_released_is_first_what_was_not_there(world: World, account: int) -> None:
    paid = pay(world, account)
    world.settlement.withdraw_accrual(OWNER, 4 * TOKEN, sender=world.station_owner)
    number = dispute(world, paid)
    assert world.settlement.accrual(OWNER)[1] == 4 * TOKEN
    rule(world, number, 3 * TOKEN)
    # Of 4.991 tokens that were there 3 went out; what is left, and the fee, is the owner's.
    assert world.settlement.account(account)[0] == 100 * TOKEN - GROSS + 3 * TOKEN
    assert position(world) == NET - 4 * TOKEN - 3 * TOKEN + 3_000
    assert held(world) == 0
    balanced(world)


def test_what_is_released_pays_what_another_dispute_lacks(world: World, account: int) -> None:
    first, second = pay(world, account), pay(world, account)
    world.settlement.withdraw_accrual(OWNER, NET, sender=world.station_owner)
    covered, short = dispute(world, first), dispute(world, second)
    assert world.settlement.accrual(OWNER)[1] == NET
    rule(world, covered, 0)
    # The hold and the bond went to the debt first.
    assert world.settlement.accrual(OWNER)[:2] == (TOKEN, 0)
    rule(world, short, GROSS)
    assert world.settlement.account(account)[0] == 100 * TOKEN - GROSS - TOKEN
    assert held(world) == 0
    balanced(world)


def test_a_fee_that_was_routed_is_put_forward_by_the_owner(world: World, account: int) -> None:
    settlement = world.settlement
    settlement.set_fee_router(world.stranger, sender=world.governance)
    number = dispute(world, pay(world, account))
    settlement.route_fees(sender=world.stranger)
    rule(world, number, GROSS)
    assert settlement.account(account)[0] == 100 * TOKEN - FEE
    assert (position(world), world.adjustments.fees_due()) == (-FEE, FEE)
    settle(world, session(account))
    assert position(world) == NET - FEE
    world.adjustments.execute(number, sender=world.stranger)
    world.adjustments.return_fee(OWNER, sender=world.stranger)
    assert settlement.account(account)[0] == 100 * TOKEN - GROSS
    assert (position(world), held(world)) == (NET, 0)
    assert (settlement.unrouted_fees(), world.adjustments.fees_due()) == (0, 0)
    balanced(world)


def test_a_fee_that_is_returned_pays_the_owners_debt_first(world: World, account: int) -> None:
    settlement = world.settlement
    settlement.set_fee_router(world.stranger, sender=world.governance)
    refunded, disputed = pay(world, account), pay(world, account)
    settlement.route_fees(sender=world.stranger)
    refund(world, refunded, GROSS)
    number = dispute(world, disputed)
    assert settlement.accrual(OWNER)[:2] == (0, FEE)
    # Another owner's session brings the fees.
    connector = world.add_connector(world.add_owner(world.operator))
    wait(2 * HOUR_S)
    settle(world, session(account), connector=connector)
    world.adjustments.return_fee(OWNER, sender=world.stranger)
    assert settlement.accrual(OWNER)[:2] == (0, 0)
    assert world.adjustments.owed(OWNER) == (0, FEE, 0)
    rule(world, number, 0)
    assert (position(world), held(world)) == (NET + TOKEN, 0)
    balanced(world)


def test_what_was_conceded_and_is_not_there_is_paid_from_what_the_owner_earns_next(
    world: World, account: int
) -> None:
    presented = pay(world, account)
    empty_the_accrual(world)
    number = dispute(world, presented)
    world.adjustments.concede(number, GROSS, sender=world.station_owner)
    assert world.adjustments.dispute(number).result == CONCEDED
    settle(world, session(account))
    world.adjustments.execute(number, sender=world.stranger)
    [paid] = events(world.adjustments, "SessionRefunded")
    assert (paid.dispute, paid.reason) == (number, 7)
    assert world.settlement.account(account)[0] == 100 * TOKEN - GROSS
    balanced(world)


@pytest.mark.py_evm
def test_disputes_are_used_up_after_32_bits(world: World, account: int) -> None:
    presented = pay(world, account)
    world.adjustments.eval("disputes.dispute_count = 2 ** 32 - 1")
    with boa.reverts("adjustments: disputes used up"):
        dispute(world, presented)


def test_the_payer_is_paid_before_the_campaign(world: World, account: int) -> None:
    settlement = world.settlement
    campaign = create(world, off_peak(rate_bps=5_000), budget=50 * TOKEN)
    wait(2 * HOUR_S)
    presented = settle(world, session(account, campaign_id=campaign))
    empty_the_accrual(world)
    number = dispute(world, presented)
    settle(world, session(account, energy_wh=10_000))
    rule(world, number, GROSS)
    [first] = events(world.adjustments, "SessionRefunded")
    assert (first.to_payer, first.to_campaign) == (4_500_000, 4_500)
    settle(world, session(account))
    world.adjustments.execute(number, sender=world.stranger)
    [rest] = events(world.adjustments, "SessionRefunded")
    assert (rest.to_payer, rest.to_campaign) == (0, 4_495_500)
    assert settlement.budget(campaign)[:2] == (50 * TOKEN, 0)
    assert held(world) == 0
    balanced(world)


def test_a_dispute_that_is_not_there_is_neither_ruled_nor_executed(world: World) -> None:
    for number in (0, 1, 2**256 - 1):
        with boa.reverts("adjustments: no open dispute"):
            rule(world, number, 0)
        with boa.reverts("adjustments: no open dispute"):
            world.adjustments.lapse(number, sender=world.stranger)
        with boa.reverts("adjustments: no open dispute"):
            world.adjustments.concede(number, 1, sender=world.station_owner)
        with boa.reverts("adjustments: nothing to execute"):
            world.adjustments.execute(number, sender=world.stranger)
