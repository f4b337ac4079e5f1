"""Accruals, fees, and what governance can and cannot do."""

from collections.abc import Callable
from typing import Any

import boa
import pytest

from tests.contracts.world import HOUR_S, TOKEN, World, events, session, source, wait

OWNER, CONNECTOR = 1, 1
NET, FEE = 9 * TOKEN - 9_000, 9_000
NOBODY = "0x" + "00" * 20


@pytest.fixture
def settlement(world: World, account: int) -> Any:
    """One session of nine tokens has been settled."""
    world.settle_one(CONNECTOR, session(account))
    return world.settlement


@pytest.fixture
def router(world: World, settlement: Any) -> Any:
    router = boa.env.generate_address("router")
    settlement.set_fee_router(router, sender=world.governance)
    return router


# Station owners


def test_an_owner_takes_its_accrual_out_in_parts(world: World, settlement: Any) -> None:
    settlement.withdraw_accrual(OWNER, TOKEN, sender=world.station_owner)
    [event] = events(settlement, "AccrualWithdrawn")
    assert (event.owner_id, event.to, event.amount) == (OWNER, world.station_owner, TOKEN)
    settlement.withdraw_accrual(OWNER, NET - TOKEN, sender=world.station_owner)
    assert world.token.balanceOf(world.station_owner) == NET
    balance, debt, _, _, day_gross = settlement.accrual(OWNER)
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
    assert (event.router, event.amount) == (router, FEE)
    assert world.token.balanceOf(router) == FEE
    assert settlement.unrouted_fees() == 0
    assert settlement.batch_count() == 1
    with boa.reverts("settlement: nothing to route"):
        settlement.route_fees(sender=world.stranger)


def test_fees_wait_while_there_is_no_router(world: World, settlement: Any) -> None:
    with boa.reverts("custody: no recipient"):
        settlement.route_fees(sender=world.stranger)
    assert settlement.unrouted_fees() == FEE


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
    rest = (world.campaigns, world.adjustments, world.payouts), NOBODY
    with boa.reverts("settlement: no registry"):
        deploy(token, NOBODY, world.governance, world.guardian, members, 3, *rest)
    for governance, guardian in ((NOBODY, world.guardian), (world.governance, NOBODY)):
        with boa.reverts("settlement: no governance or guardian"):
            deploy(token, registry, governance, guardian, members, 3, *rest)
    with boa.reverts("settlement: threshold is not a majority"):
        deploy(token, registry, world.governance, world.guardian, members, 2, *rest)
    for missing in range(3):
        peers = [peer if i != missing else NOBODY for i, peer in enumerate(rest[0])]
        with boa.reverts("settlement: no peers"):
            deploy(token, registry, world.governance, world.guardian, members, 3, peers, NOBODY)
    with boa.reverts("registry: no governance"):
        source("StationRegistry").deploy(NOBODY)


def test_a_day_later_the_accrual_is_still_there(world: World, settlement: Any) -> None:
    wait(30 * HOUR_S)
    settlement.withdraw_accrual(OWNER, NET, sender=world.station_owner)
    assert world.token.balanceOf(world.station_owner) == NET


def test_a_batch_gives_back_to_oracles_no_more_than_its_fees(world: World, settlement: Any) -> None:
    """Nine tokens bring 9,000 units of fee; what may be reimbursed is counted up for ever."""
    assert (settlement.reimbursement_per_batch(), settlement.reimbursable()) == (0, 0)
    expected = 0
    for per_batch in (4_000, 9_000, 9_001, settlement.MAX_REIMBURSEMENT()):
        settlement.set_reimbursement(per_batch, sender=world.governance)
        assert events(settlement, "ReimbursementSet")[0].per_batch == per_batch
        world.settle_one(CONNECTOR, session(1))
        expected += min(per_batch, 9_000)
        assert settlement.reimbursable() == expected
        assert settlement.reimbursement_per_batch() == per_batch
    # Neither caps nor routing change it, and it changes none of the caps.
    settlement.set_fee_router(world.stranger, sender=world.governance)
    settlement.route_fees(sender=world.stranger)
    caps = settlement.caps()
    settlement.set_caps(*caps, sender=world.governance)
    assert settlement.reimbursable() == expected
    assert settlement.reimbursement_per_batch() == settlement.MAX_REIMBURSEMENT()
    assert (settlement.caps(), settlement.exposure_limit()) == (caps, 50 * TOKEN)


def test_reimbursement_is_governances_within_the_maximum(world: World, settlement: Any) -> None:
    with boa.reverts("settlement: above the maximum"):
        most = settlement.MAX_REIMBURSEMENT()
        settlement.set_reimbursement(most + 1, sender=world.governance)
    with boa.reverts("settlement: not governance"):
        settlement.set_reimbursement(1, sender=world.guardian)
