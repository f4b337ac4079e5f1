"""The end of a settlement, and the one that continues it."""

from dataclasses import replace
from typing import Any

import boa
import pytest

from chargecoin.record import Status
from tests.contracts.adjusting import collect, owe, top_up
from tests.contracts.world import DAY_S, HOUR_S, TOKEN, World, events, session, wait

OWNER, CONNECTOR = 1, 1
FOR_GOOD = 2**32 - 1


def end(world: World, successor: Any = None) -> None:
    world.settlement.sunset(successor or world.stranger, sender=world.governance)


def continued(world: World) -> World:
    """A settlement of the same registry and token that continues the first one's heads."""
    return World(
        token=world.token,
        committee=world.committee,
        registry=world.registry,
        governance=world.governance,
        guardian=world.guardian,
        driver=world.driver,
        station_owner=world.station_owner,
        stranger=world.stranger,
        predecessor=world.settlement,
    )


def test_only_governance_ends_a_settlement(world: World) -> None:
    for caller in (world.guardian, world.station_owner, world.stranger):
        with boa.reverts("settlement: not governance"):
            world.settlement.sunset(world.stranger, sender=caller)
    end(world)
    assert events(world.settlement, "Sunset")[0].successor == world.stranger
    assert world.settlement.paused_until() == FOR_GOOD


def test_nothing_is_settled_after_the_end(world: World, account: int) -> None:
    batch = world.batch([world.run(CONNECTOR, [session(account).encode()])])
    end(world)
    wait(4 * HOUR_S)
    with boa.reverts("settlement: paused"):
        world.submit(batch)
    # It is no pause: none can follow, and clocks that stand still in pauses go on.
    assert world.settlement.paused_seconds() == 0
    with boa.reverts("settlement: pause cools down"):
        world.settlement.pause(sender=world.guardian)


def test_an_end_in_a_pause_ends_no_clock(world: World) -> None:
    world.settlement.pause(sender=world.guardian)
    wait(HOUR_S)
    end(world)
    assert world.settlement.paused_seconds() == HOUR_S
    wait(100 * DAY_S)
    assert world.settlement.paused_seconds() == 48 * HOUR_S


def test_vaults_are_withdrawn_at_once_after_the_end(world: World, account: int) -> None:
    settlement = world.settlement
    settlement.request_withdrawal(account, 40 * TOKEN, sender=world.driver)
    with boa.reverts("settlement: withdrawal not due"):
        settlement.withdraw(account, world.driver, sender=world.driver)
    end(world)
    settlement.withdraw(account, world.driver, sender=world.driver)
    settlement.request_withdrawal(account, 100 * TOKEN, sender=world.driver)
    # Nor does a request lapse.
    wait(100 * DAY_S)
    settlement.withdraw(account, world.driver, sender=world.driver)
    assert world.token.balanceOf(world.driver) == 100 * TOKEN
    with boa.reverts("settlement: no withdrawal requested"):
        settlement.withdraw(account, world.driver, sender=world.driver)


def test_after_the_end_everybody_takes_out_what_is_theirs(world: World, account: int) -> None:
    """What a vault keeps back for its debts is collected, so nothing stays behind."""
    settlement = world.settlement
    poor = world.open_account(world.fleet, limit=60 * TOKEN)
    world.settle_one(CONNECTOR, session(account))
    debt = owe(world, poor)
    end(world)
    top_up(world, poor, 20 * TOKEN)
    collect(world, debt)
    for number, holder in ((account, world.driver), (poor, world.fleet)):
        settlement.request_withdrawal(number, 2**80 - 1, sender=holder)
        settlement.withdraw(number, holder, sender=holder)
    settlement.withdraw_accrual(OWNER, settlement.accrual(OWNER)[0], sender=world.station_owner)
    settlement.set_fee_router(world.stranger, sender=world.governance)
    settlement.route_fees(sender=world.stranger)
    assert settlement.liabilities() == world.token.balanceOf(settlement) == 0


@pytest.fixture
def moved(world: World, account: int) -> World:
    """Two sessions settled in the old one; the new one has an account of the driver."""
    for _ in range(2):
        world.settle_one(CONNECTOR, session(account))
    new = continued(world)
    new.open_account(world.driver, balance=100 * TOKEN, limit=60 * TOKEN)
    return new


def test_a_successor_continues_sequence_and_hash(world: World, moved: World) -> None:
    end(world, moved.settlement)
    sequence, owner, running = world.settlement.head(CONNECTOR)
    assert moved.settlement.head(CONNECTOR) == (sequence, 0, running) == (2, 0, running)
    assert owner == OWNER
    assert moved.settle_one(CONNECTOR, session(1)).session_id == CONNECTOR << 64 | 3
    assert moved.settlement.head(CONNECTOR)[:2] == (3, OWNER)
    # From here on it has a head of its own.
    assert moved.settle_one(CONNECTOR, session(1)).session_id == CONNECTOR << 64 | 4
    assert world.settlement.head(CONNECTOR) == (2, OWNER, running)


def test_no_session_is_settled_in_both(world: World, moved: World) -> None:
    """What the old one has settled is not at the head of the new one."""
    again = world.run(CONNECTOR, [session(1).encode()])
    end(world, moved.settlement)
    first = replace(again, first_sequence=1, previous_hash=0)
    settled = moved.settle([first])
    assert (settled.skipped, settled.outcomes) == ((CONNECTOR,), ())
    assert moved.settle([again]).only.status == Status.SETTLED
    assert moved.settle([again]).skipped == (CONNECTOR,)


def test_a_successor_waits_for_the_end(world: World, moved: World) -> None:
    with boa.reverts("settlement: predecessor settles"):
        moved.settlement.head(CONNECTOR)
    with boa.reverts("settlement: predecessor settles"):
        run = replace(world.run(CONNECTOR, [session(1).encode()]))
        moved.submit(moved.batch([run]))


def test_a_connector_without_a_past_begins_at_one(world: World, moved: World) -> None:
    connector = world.add_connector(OWNER)
    end(world, moved.settlement)
    wait(2 * HOUR_S)
    assert moved.settle_one(connector, session(1)).session_id == connector << 64 | 1


def test_a_third_settlement_continues_what_the_second_inherited(world: World, moved: World) -> None:
    end(world, moved.settlement)
    end(moved)
    third = continued(moved)
    third.open_account(world.driver, balance=100 * TOKEN, limit=60 * TOKEN)
    assert third.settle_one(CONNECTOR, session(1)).session_id == CONNECTOR << 64 | 3
