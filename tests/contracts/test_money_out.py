"""Accruals, fees, the router, and what governance can and cannot do."""

from collections.abc import Callable
from typing import Any

import boa
import pytest

from tests.contracts.world import HOUR_S, TOKEN, World, events, session, source, wait

OWNER, CONNECTOR = 1, 1
NET, FEE = 9 * TOKEN - 9_000, 9_000
SHARES = (4_000, 3_000, 2_000, 1_000)
NOBODY = "0x" + "00" * 20


@pytest.fixture
def settlement(world: World, account: int) -> Any:
    """One session of nine tokens has been settled."""
    world.settle_one(CONNECTOR, session(account))
    return world.settlement


@pytest.fixture
def destinations() -> tuple[Any, ...]:
    names = ("stakers", "drivers", "stations", "treasury")
    return tuple(boa.env.generate_address(name) for name in names)


@pytest.fixture
def router(world: World, settlement: Any, destinations: tuple[Any, ...]) -> Any:
    made = source("FeeRouter").deploy(
        world.token, settlement, world.governance, destinations, SHARES
    )
    settlement.set_fee_router(made, sender=world.governance)
    return made


def received(world: World, destinations: tuple[Any, ...]) -> list[int]:
    return [world.token.balanceOf(one) for one in destinations]


# Station owners


def test_an_owner_takes_its_accrual_out_in_parts(world: World, settlement: Any) -> None:
    settlement.withdraw_accrual(OWNER, TOKEN, sender=world.station_owner)
    [event] = events(settlement, "AccrualWithdrawn")
    assert (event.owner_id, event.to, event.amount) == (OWNER, world.station_owner, TOKEN)
    settlement.withdraw_accrual(OWNER, NET - TOKEN, sender=world.station_owner)
    assert world.token.balanceOf(world.station_owner) == NET
    balance, debt, _, day_gross = settlement.accrual(OWNER)
    assert (balance, debt, day_gross) == (0, 0, 9 * TOKEN)
    assert settlement.liabilities() == world.owed() == 91 * TOKEN + FEE


@pytest.mark.parametrize("amount", [0, NET + 1, 1 << 80, 2**256 - 1])
def test_an_owner_takes_out_no_more_than_there_is(
    world: World, settlement: Any, amount: int
) -> None:
    with boa.reverts("settlement: amount out of range"):
        settlement.withdraw_accrual(OWNER, amount, sender=world.station_owner)


def test_only_the_owners_account_takes_it_out(world: World, settlement: Any) -> None:
    world.registry.set_operator(OWNER, world.operator, True, sender=world.station_owner)
    for caller in (world.operator, world.stranger, world.governance, world.guardian):
        with boa.reverts("settlement: not the owner"):
            settlement.withdraw_accrual(OWNER, 1, sender=caller)
    with boa.reverts("settlement: not the owner"):
        settlement.withdraw_accrual(99, 1, sender=world.station_owner)


# Fees


def test_fees_go_to_the_router_whoever_asks(world: World, settlement: Any, router: Any) -> None:
    assert settlement.route_fees(sender=world.stranger) == FEE
    [event] = events(settlement, "FeesRouted")
    assert (event.router, event.amount) == (router.address, FEE)
    assert world.token.balanceOf(router) == FEE
    assert settlement.unrouted_fees() == 0
    assert settlement.batch_count() == 1
    with boa.reverts("settlement: nothing to route"):
        settlement.route_fees(sender=world.stranger)


def test_fees_wait_while_there_is_no_router(world: World, settlement: Any) -> None:
    with boa.reverts("custody: no recipient"):
        settlement.route_fees(sender=world.stranger)
    assert settlement.unrouted_fees() == FEE


def test_the_router_shares_what_arrived_to_the_last_unit(
    world: World, router: Any, destinations: tuple[Any, ...]
) -> None:
    world.token.mint(router, 10_003)
    assert router.route(sender=world.stranger) == 10_003
    [event] = events(router, "Routed")
    assert (event.amount, event.stakers, event.treasury) == (10_003, 4_001, 1_002)
    assert received(world, destinations) == [4_001, 3_000, 2_000, 1_002]
    with boa.reverts("router: nothing to route"):
        router.route(sender=world.stranger)


@pytest.mark.parametrize("amount", [1, 3, 9_999, 10_000, 123_456_789])
def test_the_treasury_takes_the_fractions(
    world: World, router: Any, destinations: tuple[Any, ...], amount: int
) -> None:
    world.token.mint(router, amount)
    router.route(sender=world.stranger)
    shares = [amount * share // 10_000 for share in SHARES[:3]]
    assert received(world, destinations) == [*shares, amount - sum(shares)]


def test_oracles_are_reimbursed_first_for_batches_since(
    world: World, settlement: Any, router: Any, destinations: tuple[Any, ...], account: int
) -> None:
    oracles = boa.env.generate_address("oracles")
    router.set_reimbursement(oracles, 500, sender=world.governance)
    for _ in range(3):
        world.settle_one(CONNECTOR, session(account))
    world.token.mint(router, 11_500)
    assert router.route(sender=world.stranger) == 10_000
    [event] = events(router, "Reimbursed")
    assert (event.oracles, event.batches, event.amount) == (oracles, 3, 1_500)
    assert world.token.balanceOf(oracles) == 1_500
    assert received(world, destinations) == list(SHARES)
    assert router.reimbursed_batches() == settlement.batch_count() == 4


def test_a_batch_that_the_money_does_not_reach_waits(
    world: World, router: Any, account: int
) -> None:
    oracles = boa.env.generate_address("oracles")
    router.set_reimbursement(oracles, 500, sender=world.governance)
    for _ in range(3):
        world.settle_one(CONNECTOR, session(account))
    world.token.mint(router, 1_100)
    assert router.route(sender=world.stranger) == 100
    world.token.mint(router, 499)
    assert router.route(sender=world.stranger) == 499
    world.token.mint(router, 1_000)
    assert router.route(sender=world.stranger) == 500
    assert world.token.balanceOf(oracles) == 1_500


def test_only_governance_changes_the_router_and_only_within_reason(
    world: World, router: Any, destinations: tuple[Any, ...]
) -> None:
    calls: tuple[Callable[[Any], object], ...] = (
        lambda by: router.set_shares(SHARES, sender=by),
        lambda by: router.set_destinations(destinations, sender=by),
        lambda by: router.set_reimbursement(world.stranger, 1, sender=by),
    )
    for call in calls:
        with boa.reverts("router: not governance"):
            call(world.guardian)
        call(world.governance)
    with boa.reverts("router: shares must sum to 10,000"):
        router.set_shares((4_000, 3_000, 2_000, 1_001), sender=world.governance)
    with boa.reverts("router: zero address"):
        router.set_destinations((*destinations[:3], NOBODY), sender=world.governance)
    with boa.reverts("router: zero address"):
        router.set_reimbursement(NOBODY, 1, sender=world.governance)
    with boa.reverts("router: reimbursement above maximum"):
        router.set_reimbursement(world.stranger, 100 * TOKEN + 1, sender=world.governance)


def test_the_router_says_what_it_was_set_to(
    world: World, router: Any, destinations: tuple[Any, ...]
) -> None:
    assert tuple(router.shares()) == SHARES
    assert tuple(router.destinations()) == destinations
    router.set_shares((0, 0, 0, 10_000), sender=world.governance)
    assert events(router, "SharesSet")[0].treasury == 10_000
    router.set_destinations(destinations[::-1], sender=world.governance)
    assert events(router, "DestinationsSet")[0].stakers == destinations[3]
    router.set_reimbursement(world.stranger, 7, sender=world.governance)
    assert events(router, "ReimbursementSet")[0].per_batch == 7
    assert (router.oracles(), router.reimbursement_per_batch()) == (world.stranger, 7)


# Governance


def test_governance_moves_caps_within_the_maxima_of_the_code(world: World) -> None:
    settlement = world.settlement
    maxima = (
        settlement.MAX_SESSION_CAP(),
        settlement.MAX_OWNER_DAY_CAP(),
        settlement.MAX_COMMITTEE_DAY_CAP(),
    )
    settlement.set_caps(*maxima, sender=world.governance)
    [event] = events(settlement, "CapsSet")
    assert (event.session_cap, event.owner_day_cap, event.committee_day_cap) == maxima
    assert settlement.caps() == maxima
    assert settlement.exposure_limit() == 50 * TOKEN
    for i in range(3):
        over = [maximum + (i == j) for j, maximum in enumerate(maxima)]
        with boa.reverts("settlement: cap above maximum"):
            settlement.set_caps(*over, sender=world.governance)
    limit = settlement.MAX_EXPOSURE_LIMIT()
    settlement.set_exposure_limit(limit, sender=world.governance)
    assert events(settlement, "ExposureLimitSet")[0].limit == limit
    assert settlement.caps() == maxima
    with boa.reverts("settlement: limit above maximum"):
        settlement.set_exposure_limit(limit + 1, sender=world.governance)


def test_nobody_else_governs(world: World) -> None:
    settlement = world.settlement
    calls: tuple[Callable[[Any], object], ...] = (
        lambda by: settlement.set_caps(1, 1, 1, sender=by),
        lambda by: settlement.set_exposure_limit(1, sender=by),
        lambda by: settlement.set_fee_router(world.stranger, sender=by),
        lambda by: settlement.recover_surplus(by, sender=by),
    )
    for caller in (world.guardian, world.station_owner, world.stranger):
        for call in calls:
            with boa.reverts("settlement: not governance"):
                call(caller)


def test_the_router_is_somebody(world: World) -> None:
    with boa.reverts("settlement: no router"):
        world.settlement.set_fee_router(NOBODY, sender=world.governance)
    world.settlement.set_fee_router(world.stranger, sender=world.governance)
    assert events(world.settlement, "FeeRouterSet")[0].router == world.stranger
    assert world.settlement.fee_router() == world.stranger


def test_only_what_nobody_is_owed_can_be_recovered(world: World, settlement: Any) -> None:
    with boa.reverts("custody: no surplus"):
        settlement.recover_surplus(world.governance, sender=world.governance)
    world.token.mint(settlement, 5 * TOKEN)
    with boa.reverts("custody: no recipient"):
        settlement.recover_surplus(NOBODY, sender=world.governance)
    settlement.recover_surplus(world.stranger, sender=world.governance)
    [event] = events(settlement, "SurplusRecovered")
    assert (event.to, event.amount) == (world.stranger, 5 * TOKEN)
    assert world.token.balanceOf(settlement) == settlement.liabilities() == 100 * TOKEN


def test_nothing_is_deployed_half(world: World) -> None:
    members = [one.address for one in world.committee]
    deploy = source("Settlement").deploy
    token, registry = world.token, world.registry
    with boa.reverts("settlement: no registry"):
        deploy(token, NOBODY, world.governance, world.guardian, members, 3)
    for governance, guardian in ((NOBODY, world.guardian), (world.governance, NOBODY)):
        with boa.reverts("settlement: no governance or guardian"):
            deploy(token, registry, governance, guardian, members, 3)
    with boa.reverts("settlement: threshold is not a majority"):
        deploy(token, registry, world.governance, world.guardian, members, 2)
    with boa.reverts("registry: no governance"):
        source("StationRegistry").deploy(NOBODY)
    four = (world.stranger,) * 4
    for triple in (
        (NOBODY, world.settlement, world.governance),
        (token, NOBODY, world.governance),
        (token, world.settlement, NOBODY),
    ):
        with boa.reverts("router: zero address"):
            source("FeeRouter").deploy(*triple, four, SHARES)


def test_a_day_later_the_accrual_is_still_there(world: World, settlement: Any) -> None:
    wait(30 * HOUR_S)
    settlement.withdraw_accrual(OWNER, NET, sender=world.station_owner)
    assert world.token.balanceOf(world.station_owner) == NET
