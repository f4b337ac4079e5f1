"""Collecting what a vault could not pay, against what the batch has committed to."""

from dataclasses import replace
from typing import Any

import boa
import pytest

from tests.contracts.adjusting import (
    CONNECTOR,
    GROSS,
    OWNER,
    collect,
    dispute,
    owe,
    settle,
    settle_runs,
    top_up,
)
from tests.contracts.world import DAY_S, HOUR_S, TOKEN, World, events, session, wait


@pytest.fixture
def poor(world: World) -> int:
    """An account with a limit and 2.5005 tokens."""
    return world.open_account(world.fleet, balance=2_500_500, limit=60 * TOKEN)


def test_a_deposit_is_collected_by_anyone(world: World, account: int, poor: int) -> None:
    settlement = world.settlement
    debt = owe(world, poor, account, account)
    assert debt.outcome.debt == GROSS - 2_500_500
    top_up(world, poor, 20 * TOKEN)
    before = settlement.accrual(OWNER)
    collect(world, debt)
    [event] = events(world.adjustments, "DebtCollected")
    amount = GROSS - 2_500_500
    fee = 9_000 - 2_500
    assert (event.session_id, event.account, event.owner_id) == (debt.session_id, poor, OWNER)
    assert (event.amount, event.fee) == (amount, fee)
    assert settlement.account(poor)[::4] == (20 * TOKEN - amount, 0)
    after = settlement.accrual(OWNER)
    assert after[0] - before[0] == amount - fee
    # What is collected counted against the caps when it was settled.
    assert after[4] == before[4]
    assert world.adjustments.adjustment(debt.session_id)[0] == amount
    assert world.owed() == settlement.liabilities()


def test_the_fee_of_all_payments_is_that_of_their_sum(world: World, poor: int) -> None:
    settlement = world.settlement
    debt = owe(world, poor)
    for amount in (999, 1, 500, 499_999, 3_000_000):
        top_up(world, poor, amount)
        collect(world, debt)
        paid = 2_500_500 + world.adjustments.adjustment(debt.session_id)[0]
        assert settlement.unrouted_fees() == paid // 1000
        assert settlement.accrual(OWNER)[0] == paid - paid // 1000


def test_a_debt_is_collected_once(world: World, poor: int) -> None:
    debt = owe(world, poor)
    top_up(world, poor, 100 * TOKEN)
    collect(world, debt)
    with boa.reverts("adjustments: nothing to collect"):
        collect(world, debt)


def test_nothing_is_collected_from_an_empty_vault(world: World, poor: int) -> None:
    debt = owe(world, poor)
    with boa.reverts("adjustments: nothing to collect"):
        collect(world, debt)


def test_a_settled_session_has_nothing_to_collect(world: World, account: int, poor: int) -> None:
    debt = owe(world, poor, account)
    with boa.reverts("adjustments: nothing to collect"):
        world.adjustments.collect(*debt.arguments(index=0), sender=world.stranger)


def test_collecting_keeps_to_the_days_limit(world: World) -> None:
    settlement = world.settlement
    account = world.open_account(world.driver, balance=100 * TOKEN, limit=4 * TOKEN)
    debt = owe(world, account)
    with boa.reverts("adjustments: nothing to collect"):
        collect(world, debt)
    for collected in (4 * TOKEN, 5 * TOKEN):
        wait(DAY_S)
        collect(world, debt)
        assert world.adjustments.adjustment(debt.session_id)[0] == collected
    assert settlement.account(account)[2] == TOKEN


def test_lowering_the_limit_later_does_not_dodge_a_debt(world: World) -> None:
    settlement = world.settlement
    account = world.open_account(world.driver, balance=100 * TOKEN, limit=4 * TOKEN)
    debt = owe(world, account)
    settlement.set_daily_limit(account, 0, sender=world.driver)
    wait(DAY_S)
    collect(world, debt)
    assert world.adjustments.adjustment(debt.session_id)[0] == 4 * TOKEN


def test_a_skipped_run_in_the_batch_is_in_nobodys_way(world: World, poor: int) -> None:
    other = world.add_connector(OWNER)
    wait(2 * HOUR_S)
    run = world.run(CONNECTOR, [session(poor).encode()])
    skipped = replace(world.run(other, [session(0).encode()] * 3), first_sequence=5)
    # One of them in the very place of the one that is settled, for another payer.
    shadow = replace(run, previous_hash=1, words=(session(99).encode(),))
    debt = settle_runs(world, [skipped, shadow, run, replace(skipped, connector_id=9)], index=2)
    assert debt.settled.told == (0, 0, debt.outcome.encode(), 0)
    top_up(world, poor, 20 * TOKEN)
    for index in (0, 1, 3):
        with boa.reverts("settlement: no such session"):
            world.adjustments.collect(*debt.arguments(index=index), sender=world.stranger)
    outcome = debt.outcome.encode()
    with boa.reverts("adjustments: not that batch"):
        forged = debt.arguments(outcomes=[0, outcome, 0, 0], index=1)
        world.adjustments.collect(*forged, sender=world.stranger)
    collect(world, debt)
    assert world.settlement.account(poor)[4] == 0


@pytest.mark.parametrize(
    "forged", ["batch", "runs", "root", "outcomes", "fewer", "more", "reordered"]
)
def test_what_the_batch_did_not_commit_to_collects_nothing(
    world: World, account: int, poor: int, forged: str
) -> None:
    debt = owe(world, poor, account)
    owe(world, poor)
    top_up(world, poor, 50 * TOKEN)
    words = debt.settled.told
    run = world.run(CONNECTOR, [session(one).encode() for one in (poor, poor)])
    run = replace(run, first_sequence=1, previous_hash=0)
    changes: dict[str, dict[str, Any]] = {
        "batch": {"batch": 2},
        "runs": {"runs": run.encode()},
        "root": {"root": b"\x01" * 32},
        "outcomes": {"outcomes": [words[0] | 1, words[1]], "index": 0},
        "fewer": {"outcomes": words[:1], "index": 0},
        "more": {"outcomes": [*words, words[1]]},
        "reordered": {"outcomes": words[::-1], "index": 0},
    }
    with boa.reverts():
        world.adjustments.collect(*debt.arguments(**changes[forged]), sender=world.stranger)
    collect(world, debt)


def test_a_session_that_is_not_there_is_not_collected(world: World, poor: int) -> None:
    debt = owe(world, poor)
    top_up(world, poor, 50 * TOKEN)
    for index in (1, 256, 2**255, 2**256 - 1):
        with boa.reverts("settlement: no such session"):
            world.adjustments.collect(*debt.arguments(index=index), sender=world.stranger)


def test_a_batch_that_never_was_collects_nothing(world: World, poor: int) -> None:
    debt = owe(world, poor)
    for number in (0, 2, 2**256 - 1):
        with boa.reverts("adjustments: not that batch"):
            world.adjustments.collect(*debt.arguments(batch=number), sender=world.stranger)


def test_debt_that_went_past_the_exposure_limit_is_not_collected(world: World) -> None:
    settlement = world.settlement
    account = world.open_account(world.driver, limit=1_000 * TOKEN)
    debts = [owe(world, account) for _ in range(7)]
    assert [debt.outcome.debt for debt in debts][5:] == [5 * TOKEN, 0]
    top_up(world, account, 1_000 * TOKEN)
    for debt in debts[:6]:
        collect(world, debt)
    assert settlement.account(account)[::4] == (950 * TOKEN, 0)
    with boa.reverts("adjustments: nothing to collect"):
        collect(world, debts[6])


def test_nothing_is_collected_in_a_pause(world: World, poor: int) -> None:
    debt = owe(world, poor)
    top_up(world, poor, 20 * TOKEN)
    world.settlement.pause(sender=world.guardian)
    wait(48 * HOUR_S - 1)
    with boa.reverts("settlement: paused"):
        collect(world, debt)
    wait(1)
    collect(world, debt)


def test_nothing_is_collected_while_the_session_is_disputed(world: World, poor: int) -> None:
    debt = owe(world, poor)
    top_up(world, poor, 20 * TOKEN)
    number = dispute(world, debt, by=world.fleet)
    with boa.reverts("adjustments: disputed"):
        collect(world, debt)
    world.adjustments.concede(number, GROSS, sender=world.station_owner)
    with boa.reverts("adjustments: nothing to collect"):
        collect(world, debt)


def test_a_full_batch_is_collected_within_a_transactions_gas(world: World, poor: int) -> None:
    debt = replace(settle(world, *[session(poor)] * 256), index=5)
    top_up(world, poor, 60 * TOKEN)
    wait(DAY_S)
    world.adjustments.collect(*debt.arguments(), sender=world.stranger, gas=2_000_000)
    assert world.adjustments.adjustment(debt.session_id)[0] == debt.outcome.debt
