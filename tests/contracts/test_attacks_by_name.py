"""Attacks that go through several contracts, each by its name; docs/proofs.md lists them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import boa
import pytest

from chargecoin.record import Reason, Status
from chargecoin.rewards import (
    CHALLENGE_S,
    Amounts,
    Kind,
    ProducedFee,
    allot,
    epoch_of,
    postable_from,
)
from tests.contracts.adjusting import CONNECTOR, OWNER, refund, settle
from tests.contracts.protocol_world import ProtocolWorld
from tests.contracts.world import DAY_S, HOUR_S, TOKEN, World, a_chain, now, session, wait

CHG = 10**18
WEEK_S = 7 * DAY_S


@pytest.fixture
def protocol() -> Iterator[ProtocolWorld]:
    with a_chain():
        protocol = ProtocolWorld()
        protocol.world.add_connector(protocol.world.add_owner())
        wait(2 * HOUR_S)
        yield protocol


def share_fees(protocol: ProtocolWorld) -> None:
    """Let fees arrive where they go, and be counted there."""
    protocol.world.settlement.route_fees(sender=protocol.world.stranger)
    protocol.router.route(sender=protocol.world.stranger)
    for contract in (protocol.pool, *protocol.distributors.values()):
        contract.sync(sender=protocol.world.stranger)


def reward(protocol: ProtocolWorld, fees: list[ProducedFee]) -> None:
    """Post the roots of the running epoch when they can be, and claim all."""
    epoch = epoch_of(now())
    wait(postable_from(epoch) - now())
    trees = {}
    for kind, distributor in protocol.distributors.items():
        trees[kind] = protocol.tree(
            kind, epoch, allot(kind, fees, Amounts(*distributor.funds(epoch)))
        )
        protocol.post_root(kind, trees[kind])
    wait(CHALLENGE_S)
    for kind, tree in trees.items():
        for one in tree.rewards:
            protocol.distributors[kind].claim(
                epoch, one.recipient, (one.payment, one.chg), tree.proof(one.recipient)
            )


@pytest.mark.parametrize("left_over", [0, 1_000 * TOKEN])
def test_self_charging_for_rewards(protocol: ProtocolWorld, left_over: int) -> None:
    """Owner, driver and all stakers in one, with what earlier epochs left over for the taking."""
    world, farmer = protocol.world, protocol.world.station_owner
    start = 1_000 * TOKEN
    account = world.open_account(farmer, balance=start, limit=start)
    position = protocol.stake(farmer, 100 * CHG, 0)
    for kind in Kind:
        world.token.mint(protocol.distributors[kind], left_over)
    made_up = [replace(session(account, energy_wh=100_000), assurance=3)] * 20
    presented = settle(world, *made_up)
    spent = sum(one.paid for one in presented.settled.outcomes)
    assert spent == 900 * TOKEN
    share_fees(protocol)
    reward(
        protocol,
        [ProducedFee(account, OWNER, one.paid // 1_000, 3) for one in presented.settled.outcomes],
    )
    protocol.pool.claim(position, farmer, sender=farmer)
    world.settlement.request_withdrawal(account, start, sender=farmer)
    wait(3 * DAY_S)
    world.settlement.withdraw(account, farmer, sender=farmer)
    world.settlement.withdraw_accrual(OWNER, world.settlement.accrual(OWNER)[0], sender=farmer)
    fees, lost = spent // 1_000, start - world.token.balanceOf(farmer)
    print(f"of {fees} base units of fees {fees - lost} came back")
    # A tenth of the fees is the treasury's, whatever else there was to take.
    assert lost >= fees // 10


def test_self_charging_and_refunding_it_when_the_reward_is_paid(protocol: ProtocolWorld) -> None:
    """The fee is not given back any more when a root can be posted."""
    world = protocol.world
    account = world.open_account(world.driver, balance=100 * TOKEN, limit=60 * TOKEN)
    presented = settle(world, session(account))
    share_fees(protocol)
    reward(protocol, [ProducedFee(account, OWNER, 9_000, 2)])
    fees = world.settlement.unrouted_fees()
    world.fund(world.stranger, 100 * TOKEN)
    before = world.settlement.accrual(OWNER)[0]
    refund(world, presented, before)
    assert world.adjustments.fees_due() == 0
    assert world.settlement.unrouted_fees() == fees
    assert world.settlement.accrual(OWNER)[0] == 0


# Balance and daily limit of payers, and what can be taken of each in a day, in tokens.
PAYERS = {
    (4_500, 90): 90,
    (4_500, 1_800): 1_800,
    (45, 900): 45,
    (2_700, 0): 0,
    (2_700, 2_700): 2_700,
}


def invent(world: World, connectors: list[int], accounts: list[int]) -> None:
    """A quorum signs sessions that take of each payer all that can be taken, and more."""
    runs = []
    for connector in connectors:
        words = [
            # 450 base units a Wh; half at each of two connectors.
            session(one, energy_wh=most * TOKEN // 450 // 2).encode()
            for one, most in zip(accounts, PAYERS.values(), strict=True)
        ]
        runs.append(world.run(connector, words))
    world.settle(runs)


@pytest.mark.parametrize("cap", [1_000_000, 3_600])
def test_compromised_quorum(cap: int) -> None:
    """It takes in a day what limits, balances and caps let it, and not a unit more."""
    with a_chain():
        world = World()
        owners = [world.add_owner(who) for who in (world.station_owner, world.operator)]
        connectors = [world.add_connector(owner) for owner in owners]
        accounts = [
            world.open_account(world.driver, balance * TOKEN, limit * TOKEN)
            for balance, limit in PAYERS
        ]
        wait(2 * HOUR_S)
        by, liabilities = world.governance, world.settlement.liabilities()
        world.settlement.set_caps(2_000 * TOKEN, 6_000 * TOKEN, cap * TOKEN, sender=by)
        for _ in range(3):
            invent(world, connectors, accounts)
        accrued = sum(world.settlement.accrual(owner)[0] for owner in owners)
        taken = accrued + world.settlement.unrouted_fees()
        most = sum(PAYERS.values()) * TOKEN
        print(f"taken in a day: {taken / TOKEN:,.2f} tokens of {most / TOKEN:,.2f}, cap {cap:,}")
        assert taken == most if cap > most // TOKEN else 0 < taken <= cap * TOKEN
        assert world.settlement.committee_day()[1] <= cap * TOKEN
        # All of it is still here, in accruals; and the guardian ends it in the next block.
        assert world.settlement.liabilities() == liabilities
        world.settlement.revoke_committee(1, sender=world.guardian)
        with boa.reverts("settlement: wrong committee epoch"):
            invent(world, connectors, accounts)


def test_compromised_quorum_debits_nobody_beyond_the_exposure_limit() -> None:
    with a_chain():
        world = World()
        connector = world.add_connector(world.add_owner())
        poor = world.open_account(world.driver, balance=TOKEN, limit=TOKEN)
        wait(2 * HOUR_S)
        for _ in range(3):
            world.settle([world.run(connector, [session(poor, energy_wh=100_000).encode()] * 50)])
        assert world.settlement.account(poor)[4] == world.settlement.exposure_limit()


def test_rounding_dust() -> None:
    """Sessions just below a fee's unit: each saves its owner less than a unit, and none is lost."""
    with a_chain():
        world = World()
        connector = world.add_connector(world.add_owner())
        account = world.open_account(world.driver, balance=100 * TOKEN, limit=100 * TOKEN)
        wait(2 * HOUR_S)
        dust = session(account, energy_wh=2)  # 900 base units
        settled = world.settle([world.run(connector, [dust.encode()] * 200)])
        assert {one.status for one in settled.outcomes} == {Status.SETTLED}
        assert world.settlement.unrouted_fees() == 0
        assert world.settlement.accrual(OWNER)[0] == 200 * 900
        assert world.settlement.account(account)[0] == 100 * TOKEN - 200 * 900
        assert world.settlement.liabilities() == world.owed() == 100 * TOKEN


def test_replay_of_an_old_epoch(protocol: ProtocolWorld) -> None:
    """What a committee signed and nobody sent is worth nothing after its grace."""
    world = protocol.world
    account = world.open_account(world.driver, balance=100 * TOKEN, limit=60 * TOKEN)
    batch = world.batch([world.run(CONNECTOR, [session(account).encode()])], expiry=now() + WEEK_S)
    members = [one.address for one in world.committee]
    world.settlement.appoint_committee(members, 3, HOUR_S, sender=world.governance)
    wait(HOUR_S)
    with boa.reverts("settlement: wrong committee epoch"):
        world.submit(batch)
    assert world.settle_one(CONNECTOR, session(account)).reason == Reason.NONE
