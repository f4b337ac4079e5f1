"""Collecting what a vault could not pay, against what the batch has committed to."""

from dataclasses import dataclass, replace
from typing import Any

import boa
import pytest

from chargecoin.record import Outcome, Status
from tests.contracts.world import (
    DAY_S,
    HOUR_S,
    TOKEN,
    Batch,
    Settled,
    World,
    events,
    session,
    wait,
)

OWNER, CONNECTOR = 1, 1
GROSS = 9 * TOKEN


@dataclass(frozen=True)
class Debt:
    """A batch of which one session was left unfunded; `index` is of what was told."""

    batch: Batch
    settled: Settled
    index: int

    @property
    def outcome(self) -> Outcome:
        return Outcome.decode(self.settled.told[self.index])

    @property
    def session_id(self) -> int:
        return self.outcome.session_id

    def arguments(self, **changes: Any) -> tuple[Any, ...]:
        """What `collect` takes; `changes` replace some of it."""
        words = changes.pop("outcomes", self.settled.told)
        values = {
            "batch": self.settled.batch,
            "runs": self.batch.runs,
            "root": self.batch.root,
            "outcomes": b"".join(word.to_bytes(32, "big") for word in words),
            "index": self.index,
        } | changes
        return tuple(values.values())


def owe(world: World, account: int, *others: int) -> Debt:
    """Settle a session of `account` after others of other accounts; it is left unfunded."""
    payers = [*others, account]
    batch = world.batch([world.run(CONNECTOR, [session(one).encode() for one in payers])])
    settled = world.submit(batch)
    assert settled.outcomes[-1].status == Status.UNFUNDED
    return Debt(batch, settled, len(others))


@pytest.fixture
def poor(world: World) -> int:
    """An account with a limit and 2.5005 tokens."""
    return world.open_account(world.fleet, balance=2_500_500, limit=60 * TOKEN)


def top_up(world: World, account: int, amount: int) -> None:
    world.fund(world.stranger, amount)
    world.settlement.deposit_for(
        account, world.settlement.account_holder(account), amount, 2**40, sender=world.stranger
    )


def test_a_deposit_is_collected_by_anyone(world: World, account: int, poor: int) -> None:
    settlement = world.settlement
    debt = owe(world, poor, account, account)
    assert debt.outcome.debt == GROSS - 2_500_500
    top_up(world, poor, 20 * TOKEN)
    before = settlement.accrual(OWNER)
    settlement.collect(*debt.arguments(), sender=world.stranger)
    [event] = events(settlement, "DebtCollected")
    amount = GROSS - 2_500_500
    fee = 9_000 - 2_500
    assert (event.session_id, event.account, event.owner_id) == (debt.session_id, poor, OWNER)
    assert (event.amount, event.fee) == (amount, fee)
    assert settlement.account(poor)[::4] == (20 * TOKEN - amount, 0)
    after = settlement.accrual(OWNER)
    assert after[0] - before[0] == amount - fee
    # What is collected counted against the caps when it was settled.
    assert after[3] == before[3]
    assert settlement.collected(debt.session_id) == amount
    assert world.owed() == settlement.liabilities()


def test_the_fee_of_all_payments_is_that_of_their_sum(world: World, poor: int) -> None:
    settlement = world.settlement
    debt = owe(world, poor)
    for amount in (999, 1, 500, 499_999, 3_000_000):
        top_up(world, poor, amount)
        settlement.collect(*debt.arguments(), sender=world.stranger)
        paid = 2_500_500 + settlement.collected(debt.session_id)
        assert settlement.unrouted_fees() == paid // 1000
        assert settlement.accrual(OWNER)[0] == paid - paid // 1000


def test_a_debt_is_collected_once(world: World, poor: int) -> None:
    debt = owe(world, poor)
    top_up(world, poor, 100 * TOKEN)
    world.settlement.collect(*debt.arguments(), sender=world.stranger)
    with boa.reverts("settlement: nothing to collect"):
        world.settlement.collect(*debt.arguments(), sender=world.stranger)


def test_nothing_is_collected_from_an_empty_vault(world: World, poor: int) -> None:
    debt = owe(world, poor)
    with boa.reverts("settlement: nothing to collect"):
        world.settlement.collect(*debt.arguments(), sender=world.stranger)


def test_a_settled_session_has_nothing_to_collect(world: World, account: int, poor: int) -> None:
    debt = owe(world, poor, account)
    with boa.reverts("settlement: nothing to collect"):
        world.settlement.collect(*debt.arguments(index=0), sender=world.stranger)


def test_collecting_keeps_to_the_days_limit(world: World) -> None:
    settlement = world.settlement
    account = world.open_account(world.driver, balance=100 * TOKEN, limit=4 * TOKEN)
    debt = owe(world, account)
    with boa.reverts("settlement: nothing to collect"):
        settlement.collect(*debt.arguments(), sender=world.stranger)
    for collected in (4 * TOKEN, 5 * TOKEN):
        wait(DAY_S)
        settlement.collect(*debt.arguments(), sender=world.stranger)
        assert settlement.collected(debt.session_id) == collected
    assert settlement.account(account)[2] == TOKEN


def test_lowering_the_limit_later_does_not_dodge_a_debt(world: World) -> None:
    settlement = world.settlement
    account = world.open_account(world.driver, balance=100 * TOKEN, limit=4 * TOKEN)
    debt = owe(world, account)
    settlement.set_daily_limit(account, 0, sender=world.driver)
    wait(DAY_S)
    settlement.collect(*debt.arguments(), sender=world.stranger)
    assert settlement.collected(debt.session_id) == 4 * TOKEN


def test_a_skipped_run_in_the_batch_is_in_nobodys_way(world: World, poor: int) -> None:
    other = world.add_connector(OWNER)
    wait(2 * HOUR_S)
    run = world.run(CONNECTOR, [session(poor).encode()])
    skipped = replace(world.run(other, [session(0).encode()] * 3), first_sequence=5)
    # One of them in the very place of the one that is settled, for another payer.
    shadow = replace(run, previous_hash=1, words=(session(99).encode(),))
    batch = world.batch([skipped, shadow, run, replace(skipped, connector_id=9)])
    debt = Debt(batch, world.submit(batch), 2)
    assert debt.settled.told == (0, 0, debt.outcome.encode(), 0)
    top_up(world, poor, 20 * TOKEN)
    for index in (0, 1, 3):
        with boa.reverts("settlement: no such session"):
            world.settlement.collect(*debt.arguments(index=index), sender=world.stranger)
    outcome = debt.outcome.encode()
    with boa.reverts("settlement: not that batch"):
        forged = debt.arguments(outcomes=[0, outcome, 0, 0], index=1)
        world.settlement.collect(*forged, sender=world.stranger)
    world.settlement.collect(*debt.arguments(), sender=world.stranger)
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
        world.settlement.collect(*debt.arguments(**changes[forged]), sender=world.stranger)
    world.settlement.collect(*debt.arguments(), sender=world.stranger)


def test_a_session_that_is_not_there_is_not_collected(world: World, poor: int) -> None:
    debt = owe(world, poor)
    top_up(world, poor, 50 * TOKEN)
    for index in (1, 256, 2**255, 2**256 - 1):
        with boa.reverts("settlement: no such session"):
            world.settlement.collect(*debt.arguments(index=index), sender=world.stranger)


def test_a_batch_that_never_was_collects_nothing(world: World, poor: int) -> None:
    debt = owe(world, poor)
    for number in (0, 2, 2**256 - 1):
        with boa.reverts("settlement: not that batch"):
            world.settlement.collect(*debt.arguments(batch=number), sender=world.stranger)


def test_debt_that_went_past_the_exposure_limit_is_not_collected(world: World) -> None:
    settlement = world.settlement
    account = world.open_account(world.driver, limit=1_000 * TOKEN)
    debts = [owe(world, account) for _ in range(7)]
    assert [debt.outcome.debt for debt in debts][5:] == [5 * TOKEN, 0]
    top_up(world, account, 1_000 * TOKEN)
    for debt in debts[:6]:
        settlement.collect(*debt.arguments(), sender=world.stranger)
    assert settlement.account(account)[::4] == (950 * TOKEN, 0)
    with boa.reverts("settlement: nothing to collect"):
        settlement.collect(*debts[6].arguments(), sender=world.stranger)


def test_a_full_batch_is_collected_within_a_transactions_gas(world: World, poor: int) -> None:
    batch = world.batch([world.run(CONNECTOR, [session(poor).encode()] * 256)])
    debt = Debt(batch, world.submit(batch), 5)
    top_up(world, poor, 60 * TOKEN)
    wait(DAY_S)
    world.settlement.collect(*debt.arguments(), sender=world.stranger, gas=2_000_000)
    assert world.settlement.collected(debt.session_id) == debt.outcome.debt
