"""Attacks on settlement, each by its name. None may take, block or hide anything."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boa
import pytest

from chargecoin.record import OutcomeFlag, Reason, Status
from chargecoin.tariff import OPEN_END, Prices, Tariff
from chargecoin.typed_data import CURVE_ORDER, batch_digest
from tests.contracts.adjusting import owe
from tests.contracts.world import (
    DAY_S,
    HOUR_S,
    TOKEN,
    Batch,
    Fault,
    World,
    attesters,
    now,
    session,
    wait,
)

OWNER, CONNECTOR = 1, 1
GROSS = 9 * TOKEN


@pytest.fixture
def batch(world: World, account: int) -> Batch:
    return world.batch([world.run(CONNECTOR, [session(account).encode()] * 2)])


def state(world: World, account: int) -> tuple[Any, ...]:
    settlement = world.settlement
    return (
        settlement.account(account),
        settlement.accrual(OWNER),
        settlement.head(CONNECTOR),
        settlement.unrouted_fees(),
        settlement.batch_count(),
        settlement.committee_day(),
        settlement.liabilities(),
        world.token.balanceOf(settlement),
    )


# Replays


def test_replay_of_a_batch(world: World, account: int, batch: Batch) -> None:
    world.submit(batch)
    before = state(world, account)
    assert world.submit(batch).skipped == (CONNECTOR,)
    assert state(world, account) == before


def test_replay_of_sessions_under_a_new_signature(world: World, account: int, batch: Batch) -> None:
    world.submit(batch)
    before = state(world, account)
    later = world.sign(replace(batch, expiry=batch.expiry + 1))
    assert world.submit(later).skipped == (CONNECTOR,)
    assert state(world, account) == before


def test_replay_on_another_settlement(world: World, batch: Batch) -> None:
    other = World()
    other.add_connector(other.add_owner())
    wait(2 * HOUR_S)
    other.open_account(other.driver, balance=100 * TOKEN, limit=60 * TOKEN)
    with boa.reverts():
        other.submit(batch)


@pytest.mark.py_evm
def test_replay_on_a_fork_of_the_chain(world: World, account: int, batch: Batch) -> None:
    before = state(world, account)
    chain_id = boa.env.evm.patch.chain_id
    boa.env.evm.patch.chain_id = chain_id + 1
    try:
        with boa.reverts():
            world.submit(batch)
        # Signed for the fork, it settles on the fork.
        with boa.env.anchor():
            assert len(world.submit(world.sign(batch)).outcomes) == 2
    finally:
        boa.env.evm.patch.chain_id = chain_id
    assert state(world, account) == before


def test_two_batches_for_one_place(world: World, account: int) -> None:
    run = world.run(CONNECTOR, [session(account).encode()])
    dear = replace(run, words=(session(account, energy_wh=100_000).encode(),))
    first, second = world.batch([run]), world.batch([dear])
    assert world.submit(second).only.paid == 45 * TOKEN
    assert world.submit(first).skipped == (CONNECTOR,)


# Signatures


def test_malleable_signature(world: World, batch: Batch) -> None:
    flipped = []
    for start in range(0, len(batch.signatures), 65):
        r, s, v = (
            batch.signatures[start : start + 32],
            int.from_bytes(batch.signatures[start + 32 : start + 64], "big"),
            batch.signatures[start + 64],
        )
        flipped.append(r + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([55 - v]))
    whole = [batch.signatures[i : i + 65] for i in range(0, 195, 65)]
    for i in range(3):
        forged = [*whole[:i], flipped[i], *whole[i + 1 :]]
        with boa.reverts("ecdsa: invalid signature `s` value"):
            world.submit(replace(batch, signatures=b"".join(forged)))


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_signature_with_another_v(world: World, batch: Batch, v: int) -> None:
    with boa.reverts("ecdsa: invalid signature"):
        world.submit(replace(batch, signatures=batch.signatures[:-1] + bytes([v])))


def test_signature_of_nobody(world: World, batch: Batch) -> None:
    with boa.reverts("ecdsa: invalid signature"):
        world.submit(replace(batch, signatures=bytes(65) + batch.signatures[65:]))


def test_compact_signatures(world: World, batch: Batch) -> None:
    compact = b"".join(batch.signatures[i : i + 64] for i in range(0, 195, 65))
    with boa.reverts("quorum: wrong number of signatures"):
        world.submit(replace(batch, signatures=compact))


def test_signers_of_a_committee_that_was_replaced(world: World, batch: Batch) -> None:
    replaced = attesters(3, team="replacement")
    world.settlement.appoint_committee(
        [one.address for one in replaced], 2, 0, sender=world.governance
    )
    with boa.reverts("settlement: wrong committee epoch"):
        world.submit(batch)
    # Nor under the new epoch.
    with boa.reverts("quorum: wrong number of signatures"):
        world.submit(world.sign(replace(batch, epoch=2), world.committee[:3]))
    with boa.reverts("settlement: not a member"):
        world.submit(world.sign(replace(batch, epoch=2), world.committee[:2]))


def test_a_removed_signer_with_those_who_stayed(world: World, batch: Batch) -> None:
    removed, stayed = world.committee[0], world.committee[1:]
    world.settlement.appoint_committee(
        [one.address for one in stayed], 3, DAY_S, sender=world.governance
    )
    with boa.reverts("settlement: not a member"):
        world.submit(world.sign(replace(batch, epoch=2), [removed, *stayed[:2]]))


def test_signature_over_another_digest(world: World, batch: Batch) -> None:
    digest = batch_digest(
        world.domain,
        epoch=batch.epoch,
        expiry=batch.expiry,
        evidence_root=bytes(32),
        runs=batch.runs,
    )
    forged = b"".join(one.sign(digest) for one in world.committee[:3])
    with boa.reverts():
        world.submit(replace(batch, signatures=forged))


# Tokens


@pytest.mark.parametrize("fault", [Fault.TAKES_FEE, Fault.MOVES_NOTHING])
def test_token_that_delivers_less_than_it_says(odd_token: Any, fault: Fault) -> None:
    world = World(token=odd_token)
    account = world.open_account(world.driver)
    world.fund(world.driver, 100 * TOKEN)
    odd_token.set_fault(fault)
    with boa.reverts("custody: token moved another amount"):
        world.settlement.deposit(account, 100 * TOKEN, sender=world.driver)
    assert world.settlement.account(account)[0] == world.settlement.liabilities() == 0


def test_donation_changes_nothing_that_is_owed(world: World, account: int, batch: Batch) -> None:
    world.token.mint(world.settlement, 1_000 * TOKEN)
    before = state(world, account)
    world.settlement.recover_surplus(world.governance, sender=world.governance)
    assert state(world, account)[:-1] == before[:-1]
    assert len(world.submit(batch).outcomes) == 2
    assert world.token.balanceOf(world.settlement) == world.settlement.liabilities()


ENTRANCES: dict[str, Callable[[World, int], tuple[str, tuple[Any, ...]]]] = {
    "deposit": lambda w, account: ("deposit", (account, TOKEN)),
    "withdraw": lambda w, account: ("withdraw", (account, w.stranger)),
    "withdraw_accrual": lambda w, account: ("withdraw_accrual", (OWNER, 1)),
    "route_fees": lambda w, account: ("route_fees", ()),
    "recover_surplus": lambda w, account: ("recover_surplus", (w.stranger,)),
    "pay_out": lambda w, account: ("pay_out", (OWNER, 0, 2**24)),
    "fund_budget": lambda w, account: ("fund_budget", (1, w.driver, TOKEN)),
    "release_budget": lambda w, account: ("release_budget", (1, w.stranger, TOKEN)),
    "settle": lambda w, account: (
        "settle",
        w.batch([w.run(CONNECTOR, [session(account).encode()])]).arguments,
    ),
}


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize(
    "exit_",
    [
        *("deposit", "withdraw", "withdraw_accrual", "route_fees"),
        *("pay_out", "fund_budget", "release_budget"),
    ],
)
def test_reentrancy(odd_token: Any, exit_: str, entrance: str) -> None:
    """The token calls back in the middle of a transfer, in the name of whoever may."""
    # The token itself is in every role, so that only the lock stands in its way.
    token = odd_token.address
    roles = dict.fromkeys(("driver", "station_owner", "governance", "campaigns", "payouts"), token)
    world = World(token=odd_token, **roles)
    world.add_connector(world.add_owner())
    wait(2 * HOUR_S)
    account = world.open_account(token, balance=100 * TOKEN, limit=60 * TOKEN)
    world.settle_one(CONNECTOR, session(account))
    world.settlement.set_fee_router(world.stranger, sender=token)
    world.settlement.request_withdrawal(account, 10 * TOKEN, sender=token)
    wait(73 * HOUR_S)
    odd_token.mint(world.settlement, TOKEN)
    world.fund(token, 4 * TOKEN)
    world.settlement.fund_budget(1, token, TOKEN, sender=token)

    name, arguments = ENTRANCES[entrance](world, account)
    call = getattr(world.settlement, name).prepare_calldata(*arguments)
    # On its own the call goes through ...
    with boa.env.anchor():
        boa.env.raw_call(world.settlement.address, sender=token, data=call)
    before = world.owed(campaigns=1)
    odd_token.set_call_back(world.settlement, call)
    outer, others = ENTRANCES[exit_](world, account)
    getattr(world.settlement, outer)(*others, sender=token)
    # ... and in the middle of another it does not.
    assert not odd_token.called_back()
    assert world.owed(campaigns=1) == world.settlement.liabilities()
    moved = {
        "deposit": TOKEN,
        "withdraw": -10 * TOKEN,
        "withdraw_accrual": -1,
        "route_fees": -9_000,
        "pay_out": -(GROSS - 9_000),
        "fund_budget": TOKEN,
        "release_budget": -TOKEN,
    }
    assert world.owed(campaigns=1) - before == moved[exit_]


# Payers


def test_limit_lowered_after_plugging_in(world: World, account: int) -> None:
    charging = session(account, started_at=now() - 60)
    wait(30)
    world.settlement.set_daily_limit(account, 0, sender=world.driver)
    wait(2 * HOUR_S)
    assert world.settle_one(CONNECTOR, charging).paid == GROSS


def test_limit_lowered_and_raised_a_little_to_hide_the_old_one(world: World, account: int) -> None:
    charging = session(account, started_at=now() - 60)
    for limit in (0, 1, 0, 2):
        wait(1)
        world.settlement.set_daily_limit(account, limit, sender=world.driver)
    wait(2 * HOUR_S)
    assert world.settle_one(CONNECTOR, charging).paid == GROSS


def test_standing_withdrawal(world: World, account: int) -> None:
    """A request kept open for the day it is wanted: it lapses, and must be made anew."""
    world.settlement.request_withdrawal(account, 100 * TOKEN, sender=world.driver)
    wait(96 * HOUR_S)
    with boa.reverts("settlement: withdrawal lapsed"):
        world.settlement.withdraw(account, world.driver, sender=world.driver)
    world.settlement.request_withdrawal(account, 100 * TOKEN, sender=world.driver)
    wait(71 * HOUR_S)
    assert world.settle_one(CONNECTOR, session(account)).status == Status.SETTLED


def test_withdrawal_ahead_of_ones_debt(world: World) -> None:
    account = world.open_account(world.driver, balance=20 * TOKEN, limit=TOKEN)
    world.settlement.request_withdrawal(account, 20 * TOKEN, sender=world.driver)
    owe(world, account)
    wait(72 * HOUR_S)
    world.settlement.withdraw(account, world.driver, sender=world.driver)
    assert world.token.balanceOf(world.driver) == 11 * TOKEN
    assert world.settlement.account(account)[0] == 8 * TOKEN


def test_debt_griefing_of_a_strangers_account(world: World) -> None:
    """Who deposits for another must not find the money gone to an unknown debt."""
    account = world.open_account(world.driver, limit=60 * TOKEN)
    world.fund(world.stranger, 20 * TOKEN)
    owe(world, account)
    with boa.reverts("settlement: debt above maximum"):
        world.settlement.deposit_for(
            account, world.driver, 20 * TOKEN, GROSS - 1, sender=world.stranger
        )
    world.settlement.deposit_for(account, world.driver, 20 * TOKEN, GROSS, sender=world.stranger)


def test_reorged_account_number(world: World) -> None:
    """A deposit sent for an account that a reorganisation gave to somebody else."""
    world.fund(world.fleet, 20 * TOKEN)
    with boa.env.anchor():
        account = world.open_account(world.driver)
    assert world.open_account(world.stranger) == account
    with boa.reverts("settlement: not its holder"):
        world.settlement.deposit_for(account, world.driver, TOKEN, 0, sender=world.fleet)
    with boa.reverts("settlement: not the holder"):
        world.settlement.deposit(account, TOKEN, sender=world.driver)


def test_account_opened_after_a_session_named_it(world: World) -> None:
    """A number that no account had yet owes nothing once somebody has it."""
    assert world.settle_one(CONNECTOR, session(1)).reason == Reason.UNKNOWN_ACCOUNT
    account = world.open_account(world.driver, balance=20 * TOKEN, limit=20 * TOKEN)
    assert account == 1
    assert world.settlement.account(account)[::4] == (20 * TOKEN, 0)


# Station owners


def test_tariff_flip_around_a_start(world: World, account: int) -> None:
    """Ten times the price for who is plugged in already."""
    dear = Tariff.flat(Prices(kwh=4_500_000, hour=0, idle_hour=0, session=0), now() + HOUR_S)
    world.publish(CONNECTOR, dear)
    started = now() + HOUR_S - 1
    wait(3 * HOUR_S)
    charged = session(account, started_at=started, gross=10 * GROSS)
    outcomes = world.settle([world.run(CONNECTOR, [charged.encode()], tariff_index=2)]).outcomes
    assert outcomes[0].reason == Reason.TARIFF_NOT_IN_FORCE
    outcome = world.settle_one(CONNECTOR, charged)
    assert (outcome.paid, outcome.flags) == (GROSS, OutcomeFlag.CLAMPED)


def test_tariff_published_for_the_past(world: World, account: int) -> None:
    connector = world.add_connector(OWNER, tariff=None)
    started = now() - HOUR_S
    world.publish(connector, Tariff(started, OPEN_END, *2 * (Prices(900_000, 0, 0, 0),)))
    wait(1)
    outcome = world.settle_one(connector, session(account, started_at=started))
    assert outcome.reason == Reason.TARIFF_NOT_IN_FORCE


# The committee


def test_hour_and_campaign_that_carry_through_each_other(world: World, account: int) -> None:
    sneaky = session(account, hour_of_week=255, campaign_id=(1 << 32) - 1)
    assert world.settle_one(CONNECTOR, sneaky).reason == Reason.FIELD_RANGE


def test_a_quorum_that_invents_sessions_takes_a_days_limit_at_most(
    world: World, account: int
) -> None:
    settlement = world.settlement
    for _ in range(3):
        words = [session(account, energy_wh=100_000).encode()] * 200
        world.settle([world.run(CONNECTOR, words)])
    assert settlement.account(account)[0] == 40 * TOKEN
    assert settlement.account(account)[4] == settlement.exposure_limit()
    wait(DAY_S)
    world.settle([world.run(CONNECTOR, [session(account, energy_wh=100_000).encode()] * 9)])
    assert settlement.account(account)[0] == 0
    assert settlement.account(account)[4] == settlement.exposure_limit()
    assert settlement.accrual(OWNER)[0] + settlement.unrouted_fees() == 100 * TOKEN


def test_a_quorum_that_prices_beyond_the_tariff_is_held_to_it(world: World, account: int) -> None:
    outcome = world.settle_one(CONNECTOR, session(account, gross=(1 << 40) - 1))
    assert (outcome.paid, outcome.flags) == (GROSS, OutcomeFlag.CLAMPED)


def test_a_batch_of_poison(world: World, account: int) -> None:
    """Random words around one good session; it is paid, whatever is beside it."""
    poison = [(1 << 256) - 1, 0, 1, 1 << 255, (1 << 216) - 1, session(0).encode() | 1]
    words = [*poison, session(account).encode(), *poison]
    settled = world.settle([world.run(CONNECTOR, words)])
    assert settled.outcomes[len(poison)].paid == GROSS
    assert {one.status for i, one in enumerate(settled.outcomes) if i != len(poison)} == {
        Status.REJECTED
    }
