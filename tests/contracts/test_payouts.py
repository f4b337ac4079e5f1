"""Who is paid when: schedules, cycles, destinations, and transfers that are refused."""

from datetime import UTC, date, datetime
from typing import Any

import boa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chargecoin.deployments import NO_ADDRESS
from chargecoin.payouts import (
    CENT,
    DESTINATION_DELAY_S,
    MAX_THRESHOLD,
    Cycle,
    began,
    day_of,
    is_due,
)
from chargecoin.record import Reason
from tests.contracts.world import DAY_S, HOUR_S, World, events, now, session, source, wait

OWNER, CONNECTOR = 1, 1
NET = 8_991_000  # of a session of 9 tokens
DELAY_S = 3 * DAY_S
LAST_DAY = (date(9_999, 12, 31) - date(1970, 1, 1)).days


@pytest.fixture
def earned(world: World, account: int) -> int:
    """Have the owner earn something; return how much."""
    return earn(world, account)


def earn(world: World, account: int, connector: int = CONNECTOR) -> int:
    outcome = world.settle_one(connector, session(account))
    return outcome.paid - outcome.paid // 1_000


def schedule(world: World, cycle: Cycle, threshold: int = 0, owner: int = OWNER) -> None:
    by = world.registry.owner_account(owner)
    world.payouts.set_schedule(owner, int(cycle), threshold, sender=by)


def pay(world: World, *owners: int) -> int:
    paid: int = world.payouts.pay(list(owners or (OWNER,)), sender=world.stranger)
    return paid


def at(year: int, month: int, of_month: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(year, month, of_month, hour, minute, tzinfo=UTC).timestamp())


# Schedules


def test_at_first_an_owner_is_paid_on_demand(world: World) -> None:
    assert world.payouts.schedule(OWNER) == (Cycle.ON_DEMAND, 0)


@pytest.mark.usefixtures("earned")
def test_an_owner_on_demand_is_never_due(world: World) -> None:
    wait(400 * DAY_S)
    assert not world.payouts.is_due(OWNER)
    assert pay(world) == 0


def test_an_owner_says_when_it_is_paid(world: World) -> None:
    schedule(world, Cycle.MONTHLY, MAX_THRESHOLD)
    [event] = events(world.payouts, "ScheduleSet")
    assert (event.owner_id, event.cycle, event.threshold) == (OWNER, 3, MAX_THRESHOLD)
    assert world.payouts.schedule(OWNER) == (Cycle.MONTHLY, MAX_THRESHOLD)
    assert world.payouts.MAX_THRESHOLD() == MAX_THRESHOLD


def test_nobody_else_says_when_an_owner_is_paid(world: World) -> None:
    for other in (world.operator, world.driver, world.governance):
        with boa.reverts("payouts: not the owner"):
            world.payouts.set_schedule(OWNER, 1, 0, sender=other)


def test_there_are_no_other_cycles(world: World) -> None:
    with boa.reverts("payouts: no such cycle"):
        world.payouts.set_schedule(OWNER, 4, 0, sender=world.station_owner)


@pytest.mark.parametrize("threshold", [1, CENT - 1, CENT + 1, MAX_THRESHOLD + CENT, 2**256 - 1])
def test_a_threshold_is_in_cents_and_has_an_end(world: World, threshold: int) -> None:
    with boa.reverts("payouts: threshold out of range"):
        world.payouts.set_schedule(OWNER, 1, threshold, sender=world.station_owner)


def test_a_destination_waits_as_long_as_the_sdk_says(world: World) -> None:
    assert world.settlement.DESTINATION_DELAY_S() == DESTINATION_DELAY_S


def test_owners_in_one_slot_do_not_disturb_each_other(world: World) -> None:
    owners = [OWNER, *(world.add_owner() for _ in range(16))]
    wanted = {owner: (owner % 4, owner * 1_000 * CENT) for owner in owners}
    for owner, (cycle, threshold) in wanted.items():
        schedule(world, Cycle.MONTHLY, MAX_THRESHOLD, owner)
        schedule(world, Cycle(cycle), threshold, owner)
    assert {owner: world.payouts.schedule(owner) for owner in owners} == wanted


# Cycles


@settings(max_examples=300, deadline=None)
@given(st.integers(4, LAST_DAY))
@example(day_of(at(2000, 2, 29)))
@example(day_of(at(2000, 3, 1)))
@example(day_of(at(2100, 2, 28)))
@example(day_of(at(2100, 3, 1)))
@example(day_of(at(2028, 12, 31)))
@example(day_of(at(2029, 1, 1)))
@example(day_of(at(2400, 2, 29)))
@example(LAST_DAY)
def test_a_cycle_began_where_the_calendar_says(cycles: Any, day: int) -> None:
    expected = [0, *(began(cycle, day) for cycle in (Cycle.DAILY, Cycle.WEEKLY, Cycle.MONTHLY))]
    assert cycles.due_days(day) == expected


@pytest.fixture(scope="module")
def cycles() -> Any:
    return source("mocks/payout_cycles_mock").deploy()


# The last minute before a cycle begins, and the next: 2028-02-28 is a Monday.
EDGES = [
    (Cycle.DAILY, at(2028, 2, 28, 23, 59)),
    (Cycle.DAILY, at(2028, 2, 29, 23, 59)),
    (Cycle.WEEKLY, at(2028, 2, 27, 23, 59)),
    (Cycle.WEEKLY, at(2028, 1, 2, 23, 59)),
    (Cycle.MONTHLY, at(2028, 2, 29, 23, 59)),
    (Cycle.MONTHLY, at(2027, 2, 28, 23, 59)),
    (Cycle.MONTHLY, at(2027, 12, 31, 23, 59)),
]


@pytest.mark.parametrize(("cycle", "eve"), EDGES)
def test_a_payout_is_due_from_the_first_second_of_a_cycle(
    world: World, account: int, cycle: Cycle, eve: int
) -> None:
    schedule(world, cycle)
    boa.env.timestamp = eve - HOUR_S
    first = earn(world, account)
    assert pay(world) == first
    boa.env.timestamp = eve
    more = earn(world, account)
    wait(59)
    assert not world.payouts.is_due(OWNER)
    assert pay(world) == 0
    wait(1)
    assert world.payouts.is_due(OWNER)
    assert pay(world) == more
    assert world.settlement.accrual(OWNER)[2] == day_of(eve + 60)


@pytest.mark.parametrize("cycle", [Cycle.DAILY, Cycle.WEEKLY, Cycle.MONTHLY])
def test_an_owner_is_paid_once_a_cycle_for_a_hundred_days(
    world: World, account: int, cycle: Cycle
) -> None:
    schedule(world, cycle)
    earn(world, account)
    world.settlement.set_daily_limit(account, 2**56 - 1, sender=world.driver)
    world.fund(world.driver, 10**9)
    world.settlement.deposit(account, 10**9, sender=world.driver)
    boa.env.timestamp = boa.env.timestamp // DAY_S * DAY_S + 12 * HOUR_S
    paid_day = 0
    for _ in range(100):
        today = boa.env.timestamp // DAY_S
        balance = world.settlement.accrual(OWNER)[0]
        due = is_due(cycle, 0, balance=balance, paid_day=paid_day, today=today)
        assert world.payouts.is_due(OWNER) == due
        assert pay(world) == (balance if due else 0)
        paid_day = today if due else paid_day
        earn(world, account)
        wait(DAY_S)


@pytest.mark.parametrize(("threshold", "paid"), [(8_990_000, NET), (9_000_000, 0)])
def test_less_than_the_threshold_waits(
    world: World, earned: int, threshold: int, paid: int
) -> None:
    assert earned == NET
    schedule(world, Cycle.DAILY, threshold)
    assert world.payouts.is_due(OWNER) == bool(paid)
    assert pay(world) == paid


def test_exactly_the_threshold_is_paid(world: World, account: int) -> None:
    # 10.4004 tokens less a fee of 0.0104 are whole cents.
    world.settle_one(CONNECTOR, session(account, energy_wh=23_112))
    net = 10_390_000
    assert world.settlement.accrual(OWNER)[0] == net
    schedule(world, Cycle.DAILY, net + CENT)
    assert pay(world) == 0
    schedule(world, Cycle.DAILY, net)
    assert pay(world) == net


def test_with_no_threshold_nothing_is_still_nothing(world: World) -> None:
    schedule(world, Cycle.DAILY)
    assert not world.payouts.is_due(OWNER)
    assert pay(world) == 0


# Batches


def test_a_batch_pays_those_who_are_due_and_says_so(world: World, account: int) -> None:
    other = world.add_owner(world.operator)
    connector = world.add_connector(other)
    wait(2 * HOUR_S)
    nets = earn(world, account), earn(world, account, connector)
    for owner in (OWNER, other):
        schedule(world, Cycle.DAILY, owner=owner)
    assert pay(world, OWNER, 777, other, OWNER) == sum(nets)
    [batch] = events(world.payouts, "PayoutBatch")
    assert (batch.batch, batch.submitter) == (1, world.stranger)
    assert (batch.paid, batch.failed, batch.amount) == (2, 0, sum(nets))
    assert world.token.balanceOf(world.station_owner) == nets[0]
    assert world.token.balanceOf(world.operator) == nets[1]
    assert world.payouts.batch_count() == 1


def test_a_payout_is_logged_by_settlement_with_its_destination(world: World, earned: int) -> None:
    schedule(world, Cycle.DAILY)
    pay(world)
    [paid] = [e for e in world.payouts.get_logs() if type(e).__name__ == "PaidOut"]
    assert (paid.owner_id, paid.to, paid.amount) == (OWNER, world.station_owner, earned)
    assert paid.reference == bytes(32)


def test_a_batch_without_anyone_due_is_none(world: World, earned: int) -> None:
    assert pay(world) == 0  # on demand
    schedule(world, Cycle.DAILY)
    pay(world)
    assert pay(world) == 0  # paid today
    assert pay(world, 0, 2, 2**32, 2**256 - 1) == 0  # nobody
    assert world.payouts.pay([], sender=world.stranger) == 0
    assert events(world.payouts, "PayoutBatch") == []
    assert world.payouts.batch_count() == 1


def test_a_batch_is_bounded(world: World) -> None:
    assert world.payouts.MAX_OWNERS() == 100
    pay(world, *[OWNER] * 100)
    with boa.reverts():
        pay(world, *[OWNER] * 101)


def test_owners_are_paid_while_settlement_is_paused_and_after_it_has_ended(
    world: World, account: int
) -> None:
    schedule(world, Cycle.DAILY)
    first = earn(world, account)
    world.settlement.pause(sender=world.guardian)
    assert pay(world) == first
    wait(3 * DAY_S)
    second = earn(world, account)
    world.settlement.sunset(world.stranger, sender=world.governance)
    assert pay(world) == second


def test_only_payouts_has_settlement_pay_out(world: World, earned: int) -> None:
    for other in (world.station_owner, world.governance, world.stranger):
        with boa.reverts("settlement: not payouts"):
            world.settlement.pay_out(OWNER, 0, 2**256 - 1, sender=other)


def test_payouts_of_another_settlement_cannot_be_deployed(world: World) -> None:
    with boa.reverts("payouts: not the settlement's"):
        source("Payouts").deploy(world.settlement)


# On demand


def test_a_single_unit_is_paid(world: World, earned: int) -> None:
    world.settlement.withdraw_accrual(OWNER, earned - 1, sender=world.station_owner)
    assert world.payouts.pay_now(OWNER, sender=world.station_owner) == 1


def test_a_payout_leaves_what_counts_against_the_days_cap(world: World, account: int) -> None:
    """On a day of an even number and on one of an odd: fields of a slot are side by side."""
    caps = world.settlement.caps()
    world.settlement.set_caps(caps[0], 18_000_000, caps[2], sender=world.governance)
    for _ in range(2):
        wait(DAY_S)
        earn(world, account)
        world.payouts.pay_now(OWNER, sender=world.station_owner)
        earn(world, account)
        assert world.settlement.accrual(OWNER)[3:] == (now() // DAY_S, 18_000_000)
        assert world.settle_one(CONNECTOR, session(account)).reason == Reason.OWNER_DAY_CAP


def test_an_owner_is_paid_when_it_asks_whatever_its_schedule(world: World, account: int) -> None:
    first = earn(world, account)
    assert world.payouts.pay_now(OWNER, sender=world.station_owner) == first
    schedule(world, Cycle.WEEKLY, MAX_THRESHOLD)
    second = earn(world, account)
    assert world.payouts.pay_now(OWNER, sender=world.station_owner) == second
    assert world.token.balanceOf(world.station_owner) == first + second


def test_who_asks_is_not_paid_again_in_the_same_cycle(world: World, account: int) -> None:
    schedule(world, Cycle.DAILY)
    earn(world, account)
    world.payouts.pay_now(OWNER, sender=world.station_owner)
    earn(world, account)
    assert pay(world) == 0
    wait(DAY_S)
    assert pay(world) == NET


def test_nobody_else_asks(world: World, earned: int) -> None:
    with boa.reverts("payouts: not the owner"):
        world.payouts.pay_now(OWNER, sender=world.stranger)


def test_who_has_nothing_is_told_so(world: World) -> None:
    with boa.reverts("payouts: nothing to pay"):
        world.payouts.pay_now(OWNER, sender=world.station_owner)


# Destinations


def test_a_destination_change_takes_effect_only_after_the_delay(world: World, account: int) -> None:
    schedule(world, Cycle.DAILY)
    partner, reference = boa.env.generate_address("partner"), b"IBAN 1234".ljust(32, b"\0")
    changed = boa.env.timestamp
    world.settlement.set_destination(OWNER, partner, reference, sender=world.station_owner)
    [event] = events(world.settlement, "DestinationSet")
    assert (event.owner_id, event.to, event.reference) == (OWNER, partner, reference)
    assert event.effective_at == now() + DELAY_S
    assert tuple(world.settlement.destination(OWNER)) == (
        *(world.station_owner, bytes(32)),
        *(partner, reference, event.effective_at),
    )
    boa.env.timestamp = changed + DELAY_S - 120
    first = earn(world, account)
    boa.env.timestamp = changed + DELAY_S - 1
    assert pay(world) == first
    assert world.token.balanceOf(world.station_owner) == first
    wait(DAY_S)
    second = earn(world, account)
    assert pay(world) == second
    assert world.token.balanceOf(partner) == second
    assert tuple(world.settlement.destination(OWNER)) == (
        *(partner, reference),
        *(NO_ADDRESS, bytes(32), 0),
    )
    [paid] = [e for e in world.payouts.get_logs() if type(e).__name__ == "PaidOut"]
    assert (paid.to, paid.reference) == (partner, reference)


def test_a_new_account_of_an_owner_is_paid_unless_a_destination_is_set(
    world: World, earned: int
) -> None:
    schedule(world, Cycle.DAILY)
    world.registry.offer_account(OWNER, world.fleet, sender=world.station_owner)
    world.registry.accept_account(OWNER, sender=world.fleet)
    assert pay(world) == earned
    assert world.token.balanceOf(world.fleet) == earned
    with boa.reverts("payouts: not the owner"):
        world.payouts.pay_now(OWNER, sender=world.station_owner)
