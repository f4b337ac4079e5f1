"""Attacks on campaigns and their budgets, each by its name."""

from typing import Any

import boa
import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from chargecoin.record import MAX_DURATION_S, OutcomeFlag, Reason, SessionRecord, Status
from tests.contracts.campaigning import (
    CONNECTOR,
    OWNER,
    SETTLING_S,
    budget_of,
    co_branded,
    create,
    fund,
    give_back,
    off_peak,
)
from tests.contracts.world import DAY_S, HOUR_S, TOKEN, Fault, World, now, session, source, wait

BENEFIT = 1_800_000  # a fifth of a session of 9 tokens


@pytest.fixture
def stranger_connector(world: World) -> int:
    """A connector of somebody else."""
    connector = world.add_connector(world.add_owner(world.operator))
    wait(2 * HOUR_S)
    return connector


def call(signature: str, *args: Any) -> bytes:
    types = signature[signature.index("(") + 1 : -1].split(",")
    return keccak(text=signature)[:4] + encode(types, args)


# Whose connector, whose budget


def test_enrolling_a_strangers_connector(world: World, stranger_connector: int) -> None:
    with boa.reverts("campaign_manager: not the owner's connector"):
        create(world, connectors=[CONNECTOR, stranger_connector])
    campaign = create(world)
    with boa.reverts("campaign_manager: not the owner's connector"):
        world.campaigns.enrol(campaign, [stranger_connector], sender=world.station_owner)
    assert not world.campaigns.is_enrolled(campaign, stranger_connector)


def test_a_session_that_names_the_campaign_of_another_connector(
    world: World, account: int, stranger_connector: int
) -> None:
    campaign = create(world, co_branded(), budget=10 * TOKEN, by=world.fleet)
    wait(2 * HOUR_S)
    outcome = world.settle_one(stranger_connector, session(account, campaign_id=campaign))
    assert (outcome.paid, outcome.campaign_paid) == (9 * TOKEN, 0)
    assert outcome.flags == OutcomeFlag.CAMPAIGN_NOT_APPLIED
    assert budget_of(world, campaign).left == 10 * TOKEN


def test_campaign_drained_by_its_own_owner_driver(world: World) -> None:
    account = world.open_account(world.station_owner, balance=10_000 * TOKEN, limit=2**50)
    campaign = create(world, co_branded(day_cap=5 * TOKEN), budget=100 * TOKEN, by=world.fleet)
    wait(HOUR_S)
    for day in range(1, 4):
        wait(DAY_S - HOUR_S)
        words = [session(account, campaign_id=campaign).encode()] * 10
        world.settle([world.run(CONNECTOR, words)])
        wait(HOUR_S)
        world.settle([world.run(CONNECTOR, words)])
        assert budget_of(world, campaign).spent == day * 5 * TOKEN
    world.campaigns.close(campaign, sender=world.fleet)
    wait(DAY_S)
    world.settle_one(CONNECTOR, session(account, campaign_id=campaign))
    wait(SETTLING_S)
    assert world.campaigns.reclaim(campaign, world.fleet) == 85 * TOKEN


def test_two_campaigns_in_turns_in_one_batch_spend_what_they_have_once(
    world: World, account: int
) -> None:
    first = create(world, budget=3 * TOKEN)
    second = create(world, co_branded(), budget=2 * TOKEN, by=world.fleet)
    wait(2 * HOUR_S)
    words = [
        session(account, campaign_id=campaign, energy_wh=10_000).encode()
        for campaign in (first, second, 0, first, 99, second, second)
    ]
    paid = [one.campaign_paid for one in world.settle([world.run(CONNECTOR, words)]).outcomes]
    assert paid == [900_000, 900_000, 0, 900_000, 0, 900_000, 200_000]
    assert (budget_of(world, first).left, budget_of(world, second).left) == (1_200_000, 0)


# Late sessions against reclaim


def last_session(account: int, campaign: int, ends_at: int) -> SessionRecord:
    """The session that begins in a campaign's last second and lasts as long as any."""
    return session(
        account,
        campaign_id=campaign,
        started_at=ends_at - 1,
        duration_s=MAX_DURATION_S,
        idle_s=0,
    )


@pytest.mark.parametrize("pause_after_days", [None, 10, 29, 31, 60, 120])
def test_late_sessions_against_reclaim(
    world: World, account: int, pause_after_days: int | None
) -> None:
    campaign = create(world, budget=10 * TOKEN)
    ends_at = now() + 30 * DAY_S
    record = last_session(account, campaign, ends_at)
    if pause_after_days:
        wait(pause_after_days * DAY_S)
        world.settlement.pause(sender=world.guardian)
        wait(2 * DAY_S)
    # In its last second the session counts, and nobody can have reclaimed.
    reclaimable = world.campaigns.reclaimable_from(campaign)
    boa.env.timestamp = ends_at + SETTLING_S - 1 + (2 * DAY_S if pause_after_days else 0)
    with boa.env.anchor():
        late = world.settle_one(CONNECTOR, record).reason == Reason.TOO_OLD
    assert late == (pause_after_days in {10, 29, 31})
    with boa.reverts("campaign_manager: sessions can still be settled"):
        world.campaigns.reclaim(campaign, world.station_owner)
    # And when they can, it counts no more.
    boa.env.timestamp = reclaimable
    with boa.env.anchor():
        world.campaigns.reclaim(campaign, world.station_owner)
    outcome = world.settle_one(CONNECTOR, record)
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.TOO_OLD)


def test_a_session_that_settles_in_the_last_second_leaves_less_to_reclaim(
    world: World, account: int
) -> None:
    campaign = create(world, budget=10 * TOKEN)
    ends_at = now() + 30 * DAY_S
    boa.env.timestamp = ends_at + SETTLING_S - 1
    outcome = world.settle_one(CONNECTOR, last_session(account, campaign, ends_at))
    assert outcome.campaign_paid == BENEFIT
    wait(1)
    assert world.campaigns.reclaim(campaign, world.station_owner) == 10 * TOKEN - BENEFIT


# Funders against each other


def test_money_that_comes_back_after_the_first_reclaim_is_everybodys(
    world: World, account: int
) -> None:
    campaign = create(world, budget=6 * TOKEN)
    fund(world, campaign, 3 * TOKEN, by=world.fleet)
    wait(2 * HOUR_S)
    for _ in range(3):
        world.settle_one(CONNECTOR, session(account, campaign_id=campaign))
    wait(SETTLING_S + 40 * DAY_S)
    left = 9 * TOKEN - 3 * BENEFIT
    assert world.campaigns.reclaim(campaign, world.station_owner) == left * 2 // 3
    give_back(world, campaign, BENEFIT)
    left += BENEFIT
    assert world.campaigns.reclaim(campaign, world.fleet) == left // 3
    assert world.campaigns.reclaim(campaign, world.station_owner) == BENEFIT * 2 // 3
    give_back(world, campaign, BENEFIT)
    assert world.campaigns.reclaim(campaign, world.station_owner) == BENEFIT * 2 // 3
    assert world.campaigns.reclaim(campaign, world.fleet) == BENEFIT // 3
    assert budget_of(world, campaign).left == 0
    assert world.campaigns.funds(campaign) == (9 * TOKEN, 9 * TOKEN - BENEFIT)


def test_who_funds_in_the_last_second_gains_nothing(world: World, account: int) -> None:
    campaign = create(world, budget=10 * TOKEN)
    wait(2 * HOUR_S)
    world.settle_one(CONNECTOR, session(account, campaign_id=campaign))
    boa.env.timestamp = world.campaigns.campaign(campaign)[4] - 1
    fund(world, campaign, 10 * TOKEN, by=world.stranger)
    wait(SETTLING_S + 1)
    assert world.campaigns.reclaim(campaign, world.stranger) < 10 * TOKEN
    assert world.campaigns.reclaim(campaign, world.station_owner) > 10 * TOKEN - BENEFIT


def test_dust_of_many_funders_stays_and_is_nobodys_loss_beyond_a_unit(
    world: World, account: int
) -> None:
    campaign = create(world, budget=1)
    funders = [boa.env.generate_address(f"funder {number}") for number in range(6)]
    for funder in funders:
        fund(world, campaign, 1_000_003, by=funder)
    wait(2 * HOUR_S)
    world.settle_one(CONNECTOR, session(account, campaign_id=campaign))
    wait(140 * DAY_S)
    for funder in funders:
        assert (
            world.campaigns.reclaim(campaign, funder)
            == 1_000_003 * (6_000_019 - BENEFIT) // 6_000_019
        )
        with boa.reverts("campaign_manager: nothing to reclaim"):
            world.campaigns.reclaim(campaign, funder)
    assert budget_of(world, campaign).left <= len(funders)


def test_a_frozen_funder_blocks_nobody(world: World) -> None:
    other = frozen_world()
    campaign = create(other, budget=6 * TOKEN)
    fund(other, campaign, 3 * TOKEN, by=other.fleet)
    wait(140 * DAY_S)
    other.token.freeze(other.fleet, True)
    with boa.reverts():
        other.campaigns.reclaim(campaign, other.fleet)
    assert other.campaigns.reclaim(campaign, other.station_owner) == 6 * TOKEN
    other.token.freeze(other.fleet, False)
    assert other.campaigns.reclaim(campaign, other.fleet) == 3 * TOKEN


def frozen_world() -> World:
    world = World(token=source("mocks/freezing_token_mock").deploy())
    world.add_connector(world.add_owner())
    return world


# Tokens that misbehave


@pytest.fixture
def odd(odd_token: Any) -> World:
    """A world whose token's faults can be chosen, with a funded campaign."""
    world = World(token=odd_token)
    world.add_connector(world.add_owner())
    create(world, budget=10 * TOKEN)
    return world


@pytest.mark.parametrize("fault", [Fault.TAKES_FEE, Fault.RETURNS_FALSE, Fault.MOVES_NOTHING])
def test_a_token_that_moves_another_amount_funds_nothing(odd: World, fault: Fault) -> None:
    odd.fund(odd.fleet, TOKEN)
    odd.token.set_fault(fault)
    with boa.reverts():
        odd.campaigns.fund(1, TOKEN, sender=odd.fleet)
    assert odd.campaigns.funds(1) == (10 * TOKEN, 0)
    assert budget_of(odd, 1).left == 10 * TOKEN


def test_reentrant_reclaim(odd: World) -> None:
    wait(140 * DAY_S)
    again = call("reclaim(uint256,address)", 1, str(odd.station_owner))
    odd.token.set_call_back(odd.campaigns, again)
    assert odd.campaigns.reclaim(1, odd.station_owner, sender=odd.stranger) == 10 * TOKEN
    assert not odd.token.called_back()
    assert odd.token.balanceOf(odd.station_owner) == 10 * TOKEN
    assert odd.settlement.liabilities() == 0


def test_reentrant_fund(odd: World) -> None:
    odd.fund(odd.fleet, 2 * TOKEN)
    odd.fund(odd.token.address, 2 * TOKEN)
    odd.token.set_call_back(odd.campaigns, call("fund(uint256,uint256)", 1, TOKEN))
    odd.campaigns.fund(1, TOKEN, sender=odd.fleet)
    assert not odd.token.called_back()
    assert odd.campaigns.funds(1) == (11 * TOKEN, 0)
    assert budget_of(odd, 1).left == 11 * TOKEN


def test_a_campaign_without_a_budget_costs_its_owner_and_nobody_else(
    world: World, account: int
) -> None:
    other = create(world, co_branded(), budget=10 * TOKEN, by=world.fleet)
    own = create(world, off_peak(rate_bps=10_000))
    wait(2 * HOUR_S)
    outcome = world.settle_one(CONNECTOR, session(account, campaign_id=own))
    assert (outcome.status, outcome.paid, outcome.campaign_paid) == (Status.SETTLED, 0, 0)
    assert world.settlement.accrual(OWNER)[0] == 0
    assert budget_of(world, other).left == 10 * TOKEN
