"""What settlement makes of a campaign's rules, whatever they are, against the SDK."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargecoin.campaigns import ALL_HOURS, OPEN_PAUSE, Budget, Rules
from chargecoin.record import OutcomeFlag, Reason, SessionRecord, Status
from tests.contracts.world import (
    DAY_S,
    HOUR_S,
    TOKEN,
    World,
    a_chain,
    events,
    now,
    session,
    source,
    wait,
)

CAMPAIGN = 1
OWN = Rules(0, 2**32 - 1, 1_000, 10**9, own=True)
SPONSORED = replace(OWN, own=False)


@pytest.fixture(scope="module")
def ruled() -> Iterator[World]:
    """Settlement with a manager that says what a test wants; two connectors, two payers."""
    with a_chain():
        world = World(campaigns=source("mocks/campaigns_mock").deploy())
        owner = world.add_owner()
        for _ in range(2):
            world.add_connector(owner)
        wait(DAY_S)
        world.open_account(world.driver, balance=1_000 * TOKEN, limit=500 * TOKEN)
        world.open_account(world.fleet, balance=12 * TOKEN, limit=500 * TOKEN)
        yield world


@pytest.fixture
def world(ruled: World) -> Iterator[World]:
    """The deployment, for one test."""
    with boa.env.anchor():
        yield ruled


def rule(world: World, rules: Rules, hours: int = ALL_HOURS, campaign: int = CAMPAIGN) -> None:
    for connector in (1, 2):
        world.campaigns.set_terms(campaign, connector, rules.encode(), hours)


def fund(world: World, amount: int, campaign: int = CAMPAIGN) -> None:
    world.fund(world.stranger, amount)
    manager = world.campaigns.address
    world.settlement.fund_budget(campaign, world.stranger, amount, sender=manager)


@dataclass(frozen=True)
class Case:
    """A session and what it is about: payer, energy, when and in which hour it started."""

    payer: int
    connector: int
    campaign: int
    energy_wh: int
    ago: int
    hour: int

    def record(self) -> SessionRecord:
        return session(
            self.payer,
            energy_wh=self.energy_wh,
            campaign_id=self.campaign,
            started_at=now() - self.ago,
            hour_of_week=self.hour,
        )


cases = st.builds(
    Case,
    payer=st.sampled_from([1, 1, 2]),
    connector=st.sampled_from([1, 2]),
    campaign=st.sampled_from([0, 1, 1, 2]),
    energy_wh=st.integers(0, 3) | st.integers(0, 40_000),
    ago=st.sampled_from([3 * HOUR_S, 4 * HOUR_S, 5 * HOUR_S, 6 * HOUR_S]),
    hour=st.sampled_from([0, 7, 100, 167]),
)


@st.composite
def some_rules(draw: st.DrawFn, at: int) -> Rules:
    """Rules whose ends and pauses lie about the sessions' starts."""
    edge = st.sampled_from([at - i * HOUR_S + d for i in range(2, 8) for d in (0, 1)])
    pauses = st.just((0, 0)) | st.tuples(edge, edge | st.just(OPEN_PAUSE))
    paused_from, paused_to = draw(pauses)
    return Rules(
        starts_at=draw(st.just(0) | edge),
        ends_at=draw(st.just(at + DAY_S) | edge),
        rate_bps=draw(st.sampled_from([1, 1_000, 3_333, 10_000]) | st.integers(1, 10_000)),
        session_cap=draw(st.sampled_from([1, TOKEN, 10**10])),
        day_cap=draw(st.sampled_from([0, 1, 2 * TOKEN, 10**12])),
        own=draw(st.booleans()),
        paused_from=paused_from,
        paused_to=paused_to,
    )


def expected(
    rules: Rules, hours: int, budget: Budget, record: SessionRecord, balance: int
) -> tuple[int, int, OutcomeFlag, Budget]:
    """(paid, campaign_paid, flags, the budget afterwards) of a session, by the SDK."""
    wanted, campaign_paid, flags = record.gross, 0, OutcomeFlag(0)
    if not rules.covers(record.started_at, record.hour_of_week, hours):
        return min(wanted, balance), 0, OutcomeFlag.CAMPAIGN_NOT_APPLIED, budget
    today = now() // DAY_S
    share = rules.share(record.gross, budget, today)
    wanted, campaign_paid = share.payer, share.campaign
    if not share.applied:
        flags = OutcomeFlag.CAMPAIGN_NOT_APPLIED
    elif share.short:
        flags = OutcomeFlag.CAMPAIGN_SHORT
    after = Budget(
        budget.left - campaign_paid,
        budget.spent + campaign_paid,
        today,
        budget.spent_on(today) + campaign_paid,
    )
    return min(wanted, balance), campaign_paid, flags, after


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(cases, min_size=1, max_size=12), st.data())
def test_sessions_of_campaigns_are_shared_as_the_sdk_says(
    ruled: World, sessions: Sequence[Case], data: st.DataObject
) -> None:
    """Two campaigns in any order at two connectors, in two batches on two days."""
    world, settlement = ruled, ruled.settlement
    with boa.env.anchor():
        rules, hours, budgets = {}, {}, {}
        for campaign in (1, 2):
            rules[campaign] = data.draw(some_rules(now()))
            hours[campaign] = data.draw(st.sampled_from([ALL_HOURS, 1 << 7, 1 | 1 << 167, 0]))
            rule(world, rules[campaign], hours[campaign], campaign)
            amount = data.draw(st.sampled_from([0, 1, 2 * TOKEN, 500 * TOKEN]))
            if amount:
                fund(world, amount, campaign)
            budgets[campaign] = Budget(amount)
        balances = {payer: settlement.account(payer)[0] for payer in (1, 2)}
        for _ in range(2):
            nets = settlement.accrual(1)[0] + settlement.unrouted_fees()
            ordered = sorted(sessions, key=lambda one: one.connector)
            records = [one.record() for one in ordered]
            runs = [
                world.run(
                    connector,
                    [
                        record.encode()
                        for one, record in zip(ordered, records, strict=True)
                        if one.connector == connector
                    ],
                )
                for connector in sorted({one.connector for one in ordered})
            ]
            for record, outcome in zip(records, world.settle(runs).outcomes, strict=True):
                number, balance = record.campaign_id, balances[record.payer]
                wanted = min(record.gross, balance), 0, OutcomeFlag(0)
                if number:
                    paid, part, flags, budgets[number] = expected(
                        rules[number], hours[number], budgets[number], record, balance
                    )
                    wanted = paid, part, flags
                assert (outcome.paid, outcome.campaign_paid, outcome.flags) == wanted
                balances[record.payer] -= outcome.paid
                nets += outcome.paid + outcome.campaign_paid
            assert settlement.accrual(1)[0] + settlement.unrouted_fees() == nets
            for number, budget in budgets.items():
                left, spent, day, day_spent = settlement.budget(number)
                held = Budget(left, spent, day, day_spent)
                today = now() // DAY_S
                assert (left, spent) == (budget.left, budget.spent)
                assert held.spent_on(today) == budget.spent_on(today)
            assert {payer: settlement.account(payer)[0] for payer in (1, 2)} == balances
            assert settlement.liabilities() == world.owed()
            wait(DAY_S)
            # The same hours before this moment.
            for number, one in rules.items():
                shifted = {
                    name: getattr(one, name) + DAY_S
                    for name in ("starts_at", "ends_at", "paused_from", "paused_to")
                    if 0 < getattr(one, name) < OPEN_PAUSE
                }
                rules[number] = replace(one, **shifted)
                rule(world, rules[number], hours[number], number)


@pytest.mark.parametrize("rate_bps", [10_001, 65_535])
@pytest.mark.parametrize("kind", [OWN, SPONSORED])
def test_no_rules_grant_more_than_a_session_costs(world: World, rate_bps: int, kind: Rules) -> None:
    """A manager that lies about its rates takes no more out of a budget than what was due."""
    rule(world, replace(kind, rate_bps=rate_bps))
    fund(world, 100 * TOKEN)
    outcome = world.settle_one(1, session(1, campaign_id=CAMPAIGN))
    assert (outcome.status, outcome.paid) == (Status.SETTLED, 0)
    assert outcome.campaign_paid == 9 * TOKEN
    assert world.settlement.budget(CAMPAIGN)[:2] == (91 * TOKEN, 9 * TOKEN)


def test_a_budget_holds_80_bits_and_no_more(world: World) -> None:
    """Settlement holds to it by itself, whatever its campaign manager asks for."""
    fund(world, TOKEN)
    with boa.reverts("settlement: budget too large"):
        fund(world, 2**80 - TOKEN)
    fund(world, 2**80 - 1 - TOKEN)
    assert world.settlement.budget(CAMPAIGN)[:2] == (2**80 - 1, 0)


def test_a_budget_says_what_comes_and_goes_and_releases_no_more_than_is_left(world: World) -> None:
    settlement, manager = world.settlement, world.campaigns.address
    fund(world, 2 * TOKEN)
    [funded] = events(settlement, "BudgetFunded")
    assert (funded.campaign, funded.funder, funded.amount) == (CAMPAIGN, world.stranger, 2 * TOKEN)
    settlement.release_budget(CAMPAIGN, world.driver, TOKEN - 1, sender=manager)
    [released] = events(settlement, "BudgetReleased")
    assert (released.campaign, released.to) == (CAMPAIGN, world.driver)
    assert released.amount == world.token.balanceOf(world.driver) == TOKEN - 1
    with boa.reverts("settlement: budget too small"):
        settlement.release_budget(CAMPAIGN, world.driver, TOKEN + 2, sender=manager)
    settlement.release_budget(CAMPAIGN, world.driver, TOKEN + 1, sender=manager)
    assert settlement.budget(CAMPAIGN)[:2] == (0, 0)


@pytest.mark.parametrize(("payer", "reason"), [(0, Reason.NO_PAYER), (99, Reason.UNKNOWN_ACCOUNT)])
def test_a_session_without_an_account_has_no_campaign(
    world: World, payer: int, reason: Reason
) -> None:
    rule(world, SPONSORED)
    fund(world, 100 * TOKEN)
    outcome = world.settle_one(1, session(payer, campaign_id=CAMPAIGN))
    assert (outcome.status, outcome.reason) == (Status.UNFUNDED, reason)
    assert outcome.flags == OutcomeFlag.CAMPAIGN_NOT_APPLIED
    assert world.settlement.budget(CAMPAIGN)[:2] == (100 * TOKEN, 0)


def test_a_rejected_session_spends_nothing_of_a_budget(world: World) -> None:
    rule(world, SPONSORED)
    fund(world, 100 * TOKEN)
    outcome = world.settle_one(1, session(1, campaign_id=CAMPAIGN, assurance=0))
    assert (outcome.status, outcome.flags) == (Status.REJECTED, OutcomeFlag(0))
    assert world.settlement.budget(CAMPAIGN)[:2] == (100 * TOKEN, 0)


def test_what_the_payer_cannot_pay_is_debt_and_the_campaigns_part_stands(world: World) -> None:
    rule(world, SPONSORED)
    fund(world, 100 * TOKEN)
    outcome = world.settle_one(1, session(2, campaign_id=CAMPAIGN, energy_wh=40_000))
    assert (outcome.status, outcome.reason) == (Status.UNFUNDED, Reason.BALANCE_SHORT)
    assert (outcome.paid, outcome.campaign_paid) == (12 * TOKEN, 1_800_000)
    assert outcome.debt == 18 * TOKEN - 12 * TOKEN - 1_800_000
    net = 12 * TOKEN + 1_800_000
    assert world.settlement.accrual(1)[0] == net - net // 1_000


def test_256_campaigns_that_do_not_exist_fit_a_transaction(world: World) -> None:
    words = [session(1, campaign_id=i + 7, energy_wh=1).encode() for i in range(256)]
    batch = world.batch([world.run(1, words)])
    world.settlement.settle(*batch.arguments, sender=world.stranger, gas=16_777_216)
    assert world.settlement.head(1)[0] == 256
    assert all(not any(world.settlement.budget(i + 7)) for i in range(256))
