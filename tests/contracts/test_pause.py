"""Pauses: what stops, what goes on, and what stands still meanwhile."""

from typing import Any

import boa
import pytest

from chargecoin.record import Reason, Status
from tests.contracts.adjusting import owe, top_up
from tests.contracts.world import DAY_S, HOUR_S, TOKEN, World, events, now, session, wait

OWNER, CONNECTOR = 1, 1
PAUSE_S, COOL_DOWN_S, MAX_AGE_S = 48 * HOUR_S, 14 * DAY_S, 90 * DAY_S


@pytest.fixture
def settlement(world: World) -> Any:
    return world.settlement


def pause(world: World) -> None:
    world.settlement.pause(sender=world.guardian)


def test_only_the_guardian_pauses_and_nobody_ends_it_early(
    world: World, settlement: Any, account: int
) -> None:
    for caller in (world.governance, world.stranger):
        with boa.reverts("settlement: not the guardian"):
            settlement.pause(sender=caller)
    pause(world)
    assert events(settlement, "Paused")[0].until == now() + PAUSE_S == settlement.paused_until()
    with boa.reverts("settlement: pause cools down"):
        pause(world)
    wait(PAUSE_S - 1)
    with boa.reverts("settlement: paused"):
        world.settle_one(CONNECTOR, session(account))
    wait(1)
    assert world.settle_one(CONNECTOR, session(account)).status == Status.SETTLED


def test_a_pause_is_followed_by_14_days_without_one(world: World, settlement: Any) -> None:
    pause(world)
    wait(PAUSE_S + COOL_DOWN_S - 1)
    with boa.reverts("settlement: pause cools down"):
        pause(world)
    wait(1)
    pause(world)
    assert settlement.paused_until() == now() + PAUSE_S


def test_a_pause_stops_settling_and_collecting(world: World) -> None:
    account = world.open_account(world.driver, limit=60 * TOKEN)
    debt = owe(world, account)
    top_up(world, account, 20 * TOKEN)
    batch = world.batch([world.run(CONNECTOR, [session(account).encode()])])
    pause(world)
    with boa.reverts("settlement: paused"):
        world.submit(batch)
    with boa.reverts("settlement: paused"):
        world.adjustments.collect(*debt.arguments(), sender=world.stranger)
    wait(PAUSE_S)
    world.adjustments.collect(*debt.arguments(), sender=world.stranger)


def test_a_pause_stops_nobody_from_taking_out_what_is_theirs(
    world: World, settlement: Any, account: int
) -> None:
    world.settle_one(CONNECTOR, session(account))
    settlement.set_fee_router(world.stranger, sender=world.governance)
    settlement.request_withdrawal(account, 91 * TOKEN, sender=world.driver)
    wait(72 * HOUR_S)
    pause(world)
    settlement.withdraw(account, world.driver, sender=world.driver)
    settlement.withdraw_accrual(OWNER, 9 * TOKEN - 9_000, sender=world.station_owner)
    settlement.route_fees(sender=world.stranger)
    assert world.token.balanceOf(settlement) == settlement.liabilities() == 0
    # And all else that payers do.
    world.fund(world.driver, TOKEN)
    settlement.deposit(account, TOKEN, sender=world.driver)
    settlement.set_daily_limit(account, 0, sender=world.driver)
    settlement.request_withdrawal(account, TOKEN, sender=world.driver)


def test_sessions_do_not_age_while_settlement_is_paused(world: World, account: int) -> None:
    ended = session(account, started_at=now() - 600, duration_s=600)
    for _ in range(3):
        pause(world)
        wait(PAUSE_S + COOL_DOWN_S)
    boa.env.timestamp = ended.ended_at + MAX_AGE_S + 3 * PAUSE_S
    with boa.env.anchor():
        assert world.settle_one(CONNECTOR, ended).status == Status.SETTLED
    wait(1)
    assert world.settle_one(CONNECTOR, ended).reason == Reason.TOO_OLD


def test_a_session_that_ended_in_a_pause_ages_from_its_end(world: World, account: int) -> None:
    pause(world)
    wait(PAUSE_S // 2)
    ended = session(account, started_at=now() - 600, duration_s=600)
    boa.env.timestamp = ended.ended_at + MAX_AGE_S + PAUSE_S // 2
    with boa.env.anchor():
        assert world.settle_one(CONNECTOR, ended).status == Status.SETTLED
    wait(1)
    assert world.settle_one(CONNECTOR, ended).reason == Reason.TOO_OLD


def test_the_books_are_kept_beside_a_pause(world: World, settlement: Any, account: int) -> None:
    world.settle_one(CONNECTOR, session(account))
    before = (settlement.batch_count(), settlement.unrouted_fees(), settlement.committee_day())
    pause(world)
    assert before == (
        settlement.batch_count(),
        settlement.unrouted_fees(),
        settlement.committee_day(),
    )
