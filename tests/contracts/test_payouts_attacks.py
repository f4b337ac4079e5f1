"""Attacks on payouts, each by its name: no transfer loses or doubles what is owed."""

from typing import Any

import boa
import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from chargecoin.payouts import Cycle
from tests.contracts.test_payouts import earn, pay, schedule
from tests.contracts.world import DAY_S, HOUR_S, TOKEN, Fault, World, events, session, source, wait

OWNER, OTHER = 1, 2


def two_owners(token: Any) -> World:
    """Two owners with a connector each and a daily schedule, and a driver's account."""
    world = World(token=token)
    for who in (world.station_owner, world.operator):
        owner = world.add_owner(who)
        world.add_connector(owner)
        schedule(world, Cycle.DAILY, owner=owner)
    wait(2 * HOUR_S)
    world.open_account(world.driver, balance=100 * TOKEN, limit=60 * TOKEN)
    return world


@pytest.fixture
def freezing() -> World:
    return two_owners(source("mocks/freezing_token_mock").deploy())


@pytest.fixture
def odd(odd_token: Any) -> World:
    return two_owners(odd_token)


def test_a_frozen_address_is_skipped_logged_and_retried_and_loses_nothing(freezing: World) -> None:
    world = freezing
    nets = [earn(world, 1, connector) for connector in (OWNER, OTHER)]
    world.token.freeze(world.station_owner, True)
    owed = world.settlement.liabilities()
    assert pay(world, OWNER, OTHER) == nets[1]
    [batch] = events(world.payouts, "PayoutBatch")
    assert (batch.paid, batch.failed, batch.amount) == (1, 1, nets[1])
    [failed] = [e for e in world.payouts.get_logs() if type(e).__name__ == "PayoutFailed"]
    assert (failed.owner_id, failed.to, failed.amount) == (OWNER, world.station_owner, nets[0])
    assert world.settlement.accrual(OWNER)[:3] == (nets[0], 0, 0)
    assert world.settlement.liabilities() == owed - nets[1]
    assert world.payouts.is_due(OWNER)
    # Nothing changes while it is frozen, and what is earned meanwhile adds up.
    wait(DAY_S)
    more = earn(world, 1, OWNER)
    assert pay(world, OWNER) == 0
    world.token.freeze(world.station_owner, False)
    assert pay(world, OWNER) == nets[0] + more
    assert world.token.balanceOf(world.station_owner) == nets[0] + more
    assert world.settlement.accrual(OWNER)[0] == 0


def test_an_owner_who_asks_hears_that_the_token_refuses(freezing: World) -> None:
    world = freezing
    net = earn(world, 1, OWNER)
    world.token.freeze(world.station_owner, True)
    with boa.reverts("payouts: transfer refused"):
        world.payouts.pay_now(OWNER, sender=world.station_owner)
    assert world.settlement.accrual(OWNER)[0] == net


def test_a_frozen_owner_points_elsewhere(freezing: World) -> None:
    world = freezing
    net = earn(world, 1, OWNER)
    world.token.freeze(world.station_owner, True)
    world.settlement.set_destination(OWNER, world.fleet, bytes(32), sender=world.station_owner)
    wait(3 * DAY_S)
    assert pay(world, OWNER) == net
    assert world.token.balanceOf(world.fleet) == net


@pytest.mark.parametrize("fault", [Fault.RETURNS_FALSE, Fault.NOTHING])
def test_a_token_that_says_no_is_believed(odd: World, fault: Fault) -> None:
    net = earn(odd, 1, OWNER)
    odd.token.set_fault(fault)
    refused = fault == Fault.RETURNS_FALSE
    assert pay(odd, OWNER) == (0 if refused else net)
    assert odd.settlement.accrual(OWNER)[0] == (net if refused else 0)


def call(signature: str, types: list[str], *args: Any) -> bytes:
    return keccak(text=signature)[:4] + encode(types, args)


def test_reentrant_token_at_payout_pays_once(odd: World) -> None:
    nets = [earn(odd, 1, connector) for connector in (OWNER, OTHER)]
    again = call("pay(uint256[])", ["uint256[]"], [OWNER, OTHER])
    odd.token.set_call_back(odd.payouts, again)
    assert pay(odd, OWNER, OTHER) == sum(nets)
    assert not odd.token.called_back()
    assert odd.token.balanceOf(odd.station_owner) == nets[0]
    assert odd.token.balanceOf(odd.operator) == nets[1]
    assert odd.payouts.batch_count() == 1


def test_reentrant_token_settles_nothing_in_the_middle_of_a_payout(odd: World) -> None:
    net = earn(odd, 1, OWNER)
    batch = odd.batch([odd.run(OWNER, [session(1).encode()])])
    types = ["uint256", "uint256", "bytes32", "bytes", "bytes"]
    data = call("settle(uint256,uint256,bytes32,bytes,bytes)", types, *batch.arguments)
    odd.token.set_call_back(odd.settlement, data)
    assert pay(odd, OWNER) == net
    assert not odd.token.called_back()
    odd.token.set_fault(Fault.NOTHING)
    assert odd.submit(batch).only.paid  # the same batch settles afterwards
    assert odd.token.balanceOf(odd.settlement) == odd.settlement.liabilities()


def test_reentrant_owner_takes_no_accrual_twice(odd: World) -> None:
    # The token itself is the owner, and asks for its accrual while it is paid.
    third = odd.add_owner(odd.token.address)
    connector = odd.add_connector(third)
    wait(2 * HOUR_S)
    odd.payouts.set_schedule(third, Cycle.DAILY, 0, sender=odd.token.address)
    net = earn(odd, 1, connector)
    taken = call("withdraw_accrual(uint256,uint256)", ["uint256", "uint256"], third, net)
    odd.token.set_call_back(odd.settlement, taken)
    assert pay(odd, third) == net
    assert not odd.token.called_back()
    assert odd.token.balanceOf(odd.token.address) == net


def test_a_stranger_who_pays_too_little_gas_takes_nothing_from_anyone(freezing: World) -> None:
    """A batch either reverts, or each of its owners is paid or still has its accrual."""
    world = freezing
    nets = [earn(world, 1, connector) for connector in (OWNER, OTHER)]
    for gas in range(40_000, 260_000, 10_000):
        with boa.env.anchor():
            try:
                world.payouts.pay([OWNER, OTHER], sender=world.stranger, gas=gas)
            except boa.BoaError:
                continue
            for owner, who, net in zip(
                (OWNER, OTHER), (world.station_owner, world.operator), nets, strict=True
            ):
                assert world.settlement.accrual(owner)[0] + world.token.balanceOf(who) == net
