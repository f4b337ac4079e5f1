"""Campaigns: what can be created, who decides about it, what it grants, what comes back."""

from dataclasses import replace
from typing import Any

import boa
import pytest

from chargecoin.campaign_calls import NewCampaign
from chargecoin.campaigns import ALL_HOURS, MAX_SESSION_CAP, OPEN_PAUSE, Kind, Rules, daily_hours
from chargecoin.contracts import abi
from chargecoin.record import OutcomeFlag, Status
from tests.contracts.campaigning import (
    CONNECTOR,
    OWNER,
    SETTLING_S,
    budget_of,
    co_branded,
    create,
    fund,
    off_peak,
)
from tests.contracts.world import DAY_S, HOUR_S, TOKEN, World, events, now, session, source, wait

LONGEST_S = 366 * DAY_S


# Creating


def test_a_campaign_is_what_its_creator_said(world: World) -> None:
    new = off_peak(
        starts_at=now() + HOUR_S,
        ends_at=now() + DAY_S,
        hour_mask=daily_hours(22, 6),
        session_cap=3 * TOKEN,
        day_cap=50 * TOKEN,
        driver_cap=7,
    )
    campaign = create(world, new)
    [event] = events(world.campaigns, "CampaignCreated")
    assert (event.campaign, event.creator, event.owner_id) == (1, world.station_owner, OWNER)
    assert (event.kind, event.name) == (1, "Nights")
    assert (event.starts_at, event.ends_at) == (new.starts_at, new.ends_at)
    assert (event.hour_mask, event.rate_bps) == (new.hour_mask, 2_000)
    assert (event.session_cap, event.day_cap) == (3 * TOKEN, 50 * TOKEN)
    assert (event.min_sessions, event.window_days, event.driver_cap) == (0, 0, 7)
    assert tuple(world.campaigns.campaign(campaign)) == (
        *(1, OWNER, world.station_owner, new.starts_at, new.ends_at, 0, 0),
        *(new.hour_mask, 2_000, 3 * TOKEN, 50 * TOKEN, 0, 0, 7),
    )
    word, hours = world.campaigns.terms(campaign, CONNECTOR)
    assert hours == new.hour_mask
    assert Rules.decode(word) == Rules(
        *(new.starts_at, new.ends_at, 2_000, 3 * TOKEN, 50 * TOKEN), own=True
    )


def test_every_field_is_kept_to_its_last_bit(world: World) -> None:
    loyalty = off_peak(
        kind=Kind.LOYALTY,
        rate_bps=10_000,
        day_cap=2**64 - 1,
        min_sessions=2**32 - 1,
        window_days=2**16 - 1,
        driver_cap=2**32 - 1,
    )
    kept = world.campaigns.campaign(create(world, loyalty))
    assert tuple(kept)[7:] == (
        *(ALL_HOURS, 10_000, MAX_SESSION_CAP, 2**64 - 1),
        *(2**32 - 1, 2**16 - 1, 2**32 - 1),
    )


@pytest.mark.parametrize(
    "conditions", [(2**32 - 1, 2, 0), (1, 2**16 - 1, 0), (1, 2, 2**32 - 1), (2**31, 2**15, 2**31)]
)
def test_a_field_says_nothing_of_the_one_beside_it(
    world: World, conditions: tuple[int, int, int]
) -> None:
    sessions, days, cap = conditions
    loyalty = off_peak(
        kind=Kind.LOYALTY, min_sessions=sessions, window_days=days, driver_cap=cap
    )
    kept = world.campaigns.campaign(create(world, loyalty))
    assert (kept[7], *tuple(kept)[11:]) == (ALL_HOURS, *conditions)


def test_a_sponsor_needs_no_owner(world: World) -> None:
    campaign = create(world, co_branded(), by=world.fleet, budget=10 * TOKEN)
    kept = world.campaigns.campaign(campaign)
    assert (kept[0], kept[1], kept[2]) == (3, 0, world.fleet)
    assert not Rules.decode(world.campaigns.terms(campaign, CONNECTOR)[0]).own
    assert budget_of(world, campaign).left == 10 * TOKEN


def test_a_start_in_the_past_is_now(world: World) -> None:
    campaign = create(world, off_peak(starts_at=now() - DAY_S))
    assert world.campaigns.campaign(campaign)[3] == now()


def test_campaigns_are_counted_from_one(world: World) -> None:
    assert [create(world), create(world)] == [1, 2]
    assert world.campaigns.campaign_count() == 2


def test_what_does_not_exist_is_zero(world: World) -> None:
    assert tuple(world.campaigns.terms(1, CONNECTOR)) == (0, 0)
    assert tuple(world.campaigns.terms(2**255, 2**255)) == (0, 0)
    assert not any(
        int(str(part), 16) if i == 2 else part for i, part in enumerate(world.campaigns.campaign(9))
    )
    with boa.reverts("campaign_manager: no such campaign"):
        world.campaigns.reclaimable_from(9)


REFUSED = [
    ({"name": ""}, "empty name"),
    ({"ends_at": now}, "dates out of range"),
    ({"starts_at": lambda: now() + 10, "ends_at": lambda: now() + 10}, "dates out of range"),
    ({"ends_at": lambda: now() + LONGEST_S + 1}, "dates out of range"),
    ({"starts_at": 2**32 - 10, "ends_at": 2**32}, "dates out of range"),
    ({"starts_at": 2**256 - 2, "ends_at": 2**256 - 1}, "dates out of range"),
    ({"hour_mask": 0}, "hours out of range"),
    ({"hour_mask": 1 << 168}, "hours out of range"),
    ({"rate_bps": 0}, "rate out of range"),
    ({"rate_bps": 10_001}, "rate out of range"),
    ({"session_cap": 0}, "cap out of range"),
    ({"session_cap": 1 << 40}, "cap out of range"),
    ({"day_cap": 1 << 64}, "cap out of range"),
    ({"driver_cap": 1 << 32}, "condition out of range"),
    ({"kind": 2, "min_sessions": 1 << 32, "window_days": 1}, "condition out of range"),
    ({"kind": 2, "min_sessions": 1, "window_days": 1 << 16}, "condition out of range"),
    ({"kind": 2}, "sessions and days are for loyalty"),
    ({"kind": 2, "min_sessions": 1}, "sessions and days are for loyalty"),
    ({"kind": 2, "window_days": 1}, "sessions and days are for loyalty"),
    ({"min_sessions": 1, "window_days": 1}, "sessions and days are for loyalty"),
    ({"kind": 0}, "no such kind"),
    ({"kind": 4}, "no such kind"),
    ({"kind": 3}, "a sponsor's has no owner"),
    ({"kind": 3, "owner_id": 0}, "a sponsor's needs a day cap"),
    ({"owner_id": 0}, "not the owner"),
    ({"owner_id": 2}, "not the owner"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_what_no_campaign_can_be_is_refused(
    world: World, changes: dict[str, Any], reason: str
) -> None:
    values = {name: value() if callable(value) else value for name, value in changes.items()}
    with boa.reverts(f"campaign_manager: {reason}"):
        create(world, off_peak(**values))


def test_the_longest_and_the_shortest_campaign(world: World) -> None:
    create(world, off_peak(ends_at=now() + LONGEST_S))
    create(world, off_peak(ends_at=now() + 1))
    assert world.campaigns.MAX_LENGTH_S() == LONGEST_S


def test_dates_reach_as_far_as_their_bits(world: World) -> None:
    last = 2**32 - 1
    campaign = create(world, off_peak(starts_at=last - 1, ends_at=last))
    assert world.campaigns.campaign(campaign)[3:5] == (last - 1, last)


@pytest.mark.py_evm
def test_campaigns_are_used_up_after_as_many_as_a_record_can_name(world: World) -> None:
    world.campaigns.eval("self.campaign_count = 2 ** 32 - 2")
    assert create(world, budget=TOKEN) == 2**32 - 1
    assert budget_of(world, 2**32 - 1).left == TOKEN
    with boa.reverts("campaign_manager: campaigns used up"):
        create(world)


@pytest.mark.py_evm
def test_a_connector_of_any_number_is_enrolled_and_no_other(world: World) -> None:
    world.registry.eval("equipment.connector_count = 255")
    connector = world.add_connector(OWNER)
    campaign = create(world, connectors=[connector])
    enrolled = [one for one in (0, 128, 256, 512) if world.campaigns.is_enrolled(campaign, one)]
    assert enrolled == [connector] == [256]


def test_only_the_owners_account_creates_its_campaign(world: World) -> None:
    world.registry.set_operator(OWNER, world.operator, True, sender=world.station_owner)
    for other in (world.operator, world.stranger, world.governance):
        with boa.reverts("campaign_manager: not the owner"):
            create(world, by=other)


def test_a_manager_of_another_settlement_cannot_be_deployed(world: World) -> None:
    with boa.reverts("campaign_manager: not the settlement's"):
        source("CampaignManager").deploy(world.settlement)


# Connectors


def test_connectors_are_enrolled_one_bit_each(world: World) -> None:
    others = [world.add_connector(OWNER) for _ in range(3)]
    campaign = create(world, connectors=[others[0]])
    world.campaigns.enrol(campaign, [others[2], others[0]], sender=world.station_owner)
    [event] = events(world.campaigns, "ConnectorsEnrolled")
    assert (event.campaign, event.connectors) == (campaign, [others[2], others[0]])
    enrolled = [world.campaigns.is_enrolled(campaign, one) for one in (CONNECTOR, *others, 99)]
    assert enrolled == [False, True, False, True, False]
    assert world.campaigns.terms(campaign, others[1]) == (0, 0)
    assert world.campaigns.terms(campaign, others[2])[0] != 0
    # Neither in another campaign, nor 256 connectors further on.
    assert not world.campaigns.is_enrolled(create(world), others[0])
    assert not world.campaigns.is_enrolled(campaign, others[0] + 256)


def test_a_connector_that_does_not_exist_is_not_enrolled(world: World) -> None:
    for connector in (0, 2, 2**32 + CONNECTOR, 2**256 - 1):
        with boa.reverts("campaign_manager: no such connector"):
            create(world, connectors=[connector])
        with boa.reverts("campaign_manager: no such connector"):
            create(world, co_branded(), connectors=[connector], by=world.fleet)


def test_only_who_decides_enrols_and_not_after_the_end(world: World) -> None:
    own = create(world, connectors=[])
    sponsored = create(world, co_branded(), connectors=[], by=world.fleet)
    with boa.reverts("campaign_manager: not the owner"):
        world.campaigns.enrol(own, [CONNECTOR], sender=world.fleet)
    with boa.reverts("campaign_manager: not the creator"):
        world.campaigns.enrol(sponsored, [CONNECTOR], sender=world.station_owner)
    with boa.reverts("campaign_manager: no connectors"):
        world.campaigns.enrol(own, [], sender=world.station_owner)
    wait(30 * DAY_S)
    with boa.reverts("campaign_manager: has ended"):
        world.campaigns.enrol(own, [CONNECTOR], sender=world.station_owner)


def test_a_new_account_of_the_owner_decides_about_its_campaigns(world: World) -> None:
    campaign = create(world)
    world.registry.offer_account(OWNER, world.fleet, sender=world.station_owner)
    world.registry.accept_account(OWNER, sender=world.fleet)
    with boa.reverts("campaign_manager: not the owner"):
        world.campaigns.pause(campaign, sender=world.station_owner)
    world.campaigns.pause(campaign, sender=world.fleet)


# What it grants, in settlement


def start(world: World, account: int, campaign: int, **changes: Any) -> Any:
    """Settle a session of 9 tokens with a campaign."""
    return world.settle_one(CONNECTOR, session(account, campaign_id=campaign, **changes))


def test_an_own_campaign_takes_the_rest_from_the_owners_net(world: World, account: int) -> None:
    campaign = create(world, budget=TOKEN)
    wait(2 * HOUR_S)
    outcome = start(world, account, campaign)
    assert (outcome.status, outcome.paid) == (Status.SETTLED, 7_200_000)
    assert outcome.campaign_paid == TOKEN
    assert outcome.flags == OutcomeFlag(4)  # the budget paid less than the benefit
    # 8.2 tokens were paid, the fee is a thousandth of that.
    assert world.settlement.accrual(OWNER)[0] == 8_200_000 - 8_200


def test_a_sponsors_campaign_gives_what_its_day_has(world: World, account: int) -> None:
    campaign = create(world, co_branded(day_cap=2 * TOKEN), budget=10 * TOKEN, by=world.fleet)
    wait(2 * HOUR_S)
    outcomes = [start(world, account, campaign) for _ in range(3)]
    assert [one.campaign_paid for one in outcomes] == [1_800_000, 200_000, 0]
    assert [one.paid for one in outcomes] == [7_200_000, 8_800_000, 9_000_000]
    assert [one.flags for one in outcomes] == [0, 4, OutcomeFlag.CAMPAIGN_NOT_APPLIED]
    assert world.settlement.accrual(OWNER)[0] == 3 * 8_991_000
    wait(DAY_S)
    assert start(world, account, campaign).campaign_paid == 1_800_000


@pytest.mark.parametrize(
    ("hour", "mask", "granted"),
    [
        (0, 1, True),
        (0, ALL_HOURS ^ 1, False),
        (167, 1 << 167, True),
        (167, ALL_HOURS >> 1, False),
        (166, 1 << 167, False),
        (1, 1, False),
    ],
)
def test_the_hour_mask_at_the_edges_of_the_week(
    world: World, account: int, hour: int, mask: int, granted: bool
) -> None:
    campaign = create(world, off_peak(hour_mask=mask), budget=10 * TOKEN)
    wait(2 * HOUR_S)
    outcome = start(world, account, campaign, hour_of_week=hour)
    assert outcome.campaign_paid == (1_800_000 if granted else 0)
    assert bool(outcome.flags & OutcomeFlag.CAMPAIGN_NOT_APPLIED) is not granted


def test_a_campaign_grants_from_its_first_second_to_its_last(world: World, account: int) -> None:
    begin, end = now() + DAY_S, now() + 2 * DAY_S
    campaign = create(world, off_peak(starts_at=begin, ends_at=end), budget=100 * TOKEN)
    wait(3 * DAY_S)
    paid = [
        start(world, account, campaign, started_at=at, energy_wh=1_000).campaign_paid
        for at in (begin - 1, begin, end - 1, end)
    ]
    assert paid == [0, 90_000, 90_000, 0]


def test_a_pause_binds_only_sessions_that_start_later(world: World, account: int) -> None:
    campaign = create(world, budget=100 * TOKEN)
    wait(DAY_S)
    begin = now()
    world.campaigns.pause(campaign, sender=world.station_owner)
    [event] = events(world.campaigns, "CampaignPaused")
    assert (event.campaign, event.paused_from) == (campaign, begin)
    assert world.campaigns.campaign(campaign)[5:7] == (begin, OPEN_PAUSE)
    wait(DAY_S)

    def paid(at: int) -> int:
        granted: int = start(world, account, campaign, started_at=at, energy_wh=1_000).campaign_paid
        return granted

    assert [paid(begin - 1), paid(begin), paid(begin + DAY_S // 2)] == [90_000, 0, 0]
    end = now()
    world.campaigns.resume(campaign, sender=world.station_owner)
    [event] = events(world.campaigns, "CampaignResumed")
    assert (event.campaign, event.paused_to) == (campaign, end)
    wait(DAY_S)
    assert [paid(begin - 1), paid(begin), paid(end - 1), paid(end)] == [90_000, 0, 0, 90_000]


def test_a_close_binds_only_sessions_that_start_later(world: World, account: int) -> None:
    campaign = create(world, budget=100 * TOKEN)
    wait(DAY_S)
    end = now()
    world.campaigns.close(campaign, sender=world.station_owner)
    [event] = events(world.campaigns, "CampaignClosed")
    assert (event.campaign, event.ends_at) == (campaign, end)
    assert world.campaigns.campaign(campaign)[4] == end
    wait(DAY_S)
    paid = [
        start(world, account, campaign, started_at=at, energy_wh=1_000).campaign_paid
        for at in (end - 1, end)
    ]
    assert paid == [90_000, 0]


def test_pausing_and_closing_leave_all_other_rules_as_they_are(world: World) -> None:
    new = off_peak(session_cap=MAX_SESSION_CAP, day_cap=2**64 - 1, hour_mask=ALL_HOURS)
    campaign = create(world, new)
    before = Rules.decode(world.campaigns.terms(campaign, CONNECTOR)[0])
    wait(5)
    for act in (world.campaigns.pause, world.campaigns.resume, world.campaigns.pause):
        act(campaign, sender=world.station_owner)
        wait(5)
    world.campaigns.close(campaign, sender=world.station_owner)
    after, hours = world.campaigns.terms(campaign, CONNECTOR)
    expected = replace(before, paused_from=now() - 5, paused_to=OPEN_PAUSE, ends_at=now())
    assert (Rules.decode(after), hours) == (expected, ALL_HOURS)


def test_a_campaign_that_was_closed_before_it_began_grants_nothing(
    world: World, account: int
) -> None:
    begin = now() + DAY_S
    campaign = create(world, off_peak(starts_at=begin), budget=100 * TOKEN)
    world.campaigns.close(campaign, sender=world.station_owner)
    wait(2 * DAY_S)
    assert start(world, account, campaign, started_at=begin).campaign_paid == 0


def test_what_is_paused_or_over_is_not_paused_or_closed_again(world: World) -> None:
    campaign = create(world)
    by = {"sender": world.station_owner}
    with boa.reverts("campaign_manager: not paused"):
        world.campaigns.resume(campaign, **by)
    world.campaigns.pause(campaign, **by)
    with boa.reverts("campaign_manager: paused already"):
        world.campaigns.pause(campaign, **by)
    world.campaigns.resume(campaign, **by)
    world.campaigns.close(campaign, **by)
    for act in (world.campaigns.close, world.campaigns.pause):
        with boa.reverts("campaign_manager: has ended"):
            act(campaign, **by)
    with boa.reverts("campaign_manager: has ended"):
        fund(world, campaign, TOKEN, by=world.fleet)


@pytest.mark.parametrize("name", ["pause", "resume", "close"])
def test_nobody_else_pauses_resumes_or_closes(world: World, name: str) -> None:
    own = create(world)
    sponsored = create(world, co_branded(), by=world.fleet)
    fund(world, own, TOKEN, by=world.stranger)
    for other in (world.stranger, world.governance, world.guardian, world.fleet):
        with boa.reverts("campaign_manager: not the owner"):
            getattr(world.campaigns, name)(own, sender=other)
    for other in (world.stranger, world.governance, world.station_owner):
        with boa.reverts("campaign_manager: not the creator"):
            getattr(world.campaigns, name)(sponsored, sender=other)
    with boa.reverts("campaign_manager: not the creator"):
        getattr(world.campaigns, name)(99, sender=world.stranger)


# Funding and reclaiming


def test_anyone_funds_and_is_remembered(world: World) -> None:
    campaign = create(world, budget=3 * TOKEN)
    fund(world, campaign, 2 * TOKEN, by=world.fleet)
    fund(world, campaign, TOKEN, by=world.fleet)
    assert world.campaigns.contribution(campaign, world.station_owner) == (3 * TOKEN, 0)
    assert world.campaigns.contribution(campaign, world.fleet) == (3 * TOKEN, 0)
    assert world.campaigns.funds(campaign) == (6 * TOKEN, 0)
    assert budget_of(world, campaign).left == 6 * TOKEN
    assert world.token.balanceOf(world.settlement) == world.settlement.liabilities()


def test_what_cannot_be_funded_is_refused(world: World) -> None:
    campaign = create(world)
    with boa.reverts("campaign_manager: nothing to fund"):
        world.campaigns.fund(campaign, 0, sender=world.fleet)
    with boa.reverts("campaign_manager: has ended"):
        world.campaigns.fund(9, 1, sender=world.fleet)
    world.fund(world.fleet, 2**81)
    for amount in (2**80, 2**256 - 1):
        with boa.reverts("campaign_manager: budget too large"):
            world.campaigns.fund(campaign, amount, sender=world.fleet)
    world.campaigns.fund(campaign, 2**80 - 1, sender=world.fleet)
    with boa.reverts("campaign_manager: budget too large"):
        world.campaigns.fund(campaign, 1, sender=world.fleet)
    world.settlement.sunset(world.stranger, sender=world.governance)
    with boa.reverts("campaign_manager: settlement has stopped"):
        world.campaigns.fund(create(world), 1, sender=world.fleet)


def test_nothing_is_reclaimed_before_the_last_session_can_be_settled(world: World) -> None:
    campaign = create(world, budget=10 * TOKEN)
    ends_at = now() + 30 * DAY_S
    assert world.campaigns.SETTLING_S() == SETTLING_S
    assert world.campaigns.reclaimable_from(campaign) == ends_at + SETTLING_S
    boa.env.timestamp = ends_at + SETTLING_S - 1
    with boa.reverts("campaign_manager: sessions can still be settled"):
        world.campaigns.reclaim(campaign, world.station_owner, sender=world.stranger)
    wait(1)
    assert world.campaigns.reclaim(campaign, world.station_owner, sender=world.stranger) == (
        10 * TOKEN
    )
    assert world.token.balanceOf(world.station_owner) == 10 * TOKEN
    assert world.campaigns.contribution(campaign, world.station_owner) == (10 * TOKEN,) * 2
    assert world.campaigns.funds(campaign) == (10 * TOKEN,) * 2
    with boa.reverts("campaign_manager: nothing to reclaim"):
        world.campaigns.reclaim(campaign, world.station_owner, sender=world.stranger)


def test_a_campaign_that_was_closed_is_reclaimed_earlier(world: World) -> None:
    campaign = create(world, budget=10 * TOKEN)
    wait(DAY_S)
    world.campaigns.close(campaign, sender=world.station_owner)
    assert world.campaigns.reclaimable_from(campaign) == now() + SETTLING_S
    wait(SETTLING_S)
    world.campaigns.reclaim(campaign, world.station_owner, sender=world.stranger)


def test_a_pause_of_settlement_extends_the_wait_and_none_before_a_close(world: World) -> None:
    world.settlement.pause(sender=world.guardian)
    wait(20 * DAY_S)
    campaign = create(world, budget=10 * TOKEN)
    expected = now() + 30 * DAY_S + SETTLING_S
    assert world.campaigns.reclaimable_from(campaign) == expected
    wait(29 * DAY_S)
    world.settlement.pause(sender=world.guardian)
    wait(HOUR_S)
    assert world.campaigns.reclaimable_from(campaign) == expected + HOUR_S
    wait(2 * DAY_S)
    assert world.campaigns.reclaimable_from(campaign) == expected + 2 * DAY_S
    boa.env.timestamp = expected + 2 * DAY_S - 1
    with boa.reverts("campaign_manager: sessions can still be settled"):
        world.campaigns.reclaim(campaign, world.station_owner, sender=world.stranger)
    wait(1)
    world.campaigns.reclaim(campaign, world.station_owner, sender=world.stranger)


def test_a_close_forgets_the_pauses_before_it(world: World) -> None:
    campaign = create(world)
    world.settlement.pause(sender=world.guardian)
    wait(3 * DAY_S)
    world.campaigns.close(campaign, sender=world.station_owner)
    assert world.campaigns.reclaimable_from(campaign) == now() + SETTLING_S


def test_when_settlement_has_ended_for_good_budgets_are_reclaimed_at_once(world: World) -> None:
    campaign = create(world, budget=10 * TOKEN)
    world.settlement.sunset(world.stranger, sender=world.governance)
    wait(DAY_S)
    assert world.campaigns.reclaimable_from(campaign) == now()
    assert world.campaigns.reclaim(campaign, world.station_owner) == 10 * TOKEN


def test_funders_get_back_in_proportion(world: World, account: int) -> None:
    campaign = create(world, budget=3 * TOKEN)
    fund(world, campaign, 5 * TOKEN, by=world.fleet)
    fund(world, campaign, TOKEN, by=world.stranger)
    wait(2 * HOUR_S)
    assert start(world, account, campaign).campaign_paid == 1_800_000
    wait(140 * DAY_S)
    left = 9 * TOKEN - 1_800_000
    shares = {
        who: world.campaigns.reclaim(campaign, who)
        for who in (world.fleet, world.station_owner, world.stranger)
    }
    assert list(shares.values()) == [left * 5 // 9, left * 3 // 9, left // 9]
    assert budget_of(world, campaign).left < len(shares)
    assert {who: world.token.balanceOf(who) for who in shares} == shares


def test_who_funded_nothing_reclaims_nothing(world: World) -> None:
    campaign = create(world, budget=10 * TOKEN)
    wait(140 * DAY_S)
    for other in (world.stranger, world.fleet, world.governance):
        with boa.reverts("campaign_manager: not a funder"):
            world.campaigns.reclaim(campaign, other, sender=other)


def test_only_the_manager_moves_budgets(world: World) -> None:
    campaign = create(world, budget=10 * TOKEN)
    world.fund(world.fleet, TOKEN)
    for other in (world.station_owner, world.governance, world.fleet):
        with boa.reverts("settlement: not the campaigns"):
            world.settlement.fund_budget(campaign, world.fleet, TOKEN, sender=other)
        with boa.reverts("settlement: not the campaigns"):
            world.settlement.release_budget(campaign, other, TOKEN, sender=other)


def test_the_sdk_and_the_contract_have_the_same_fields() -> None:
    inputs = next(one for one in abi("CampaignManager") if one.get("name") == "create")["inputs"]
    fields = [part["name"] for part in inputs[0]["components"]]
    assert fields == list(NewCampaign.__dataclass_fields__)
