"""What becomes of a session, reason by reason, and of what is counted beside it."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import boa
import pytest

from chargecoin import record
from chargecoin.record import Outcome, OutcomeFlag, Reason, Run, SessionRecord, Status
from chargecoin.tariff import OPEN_END, Prices, Tariff
from tests.contracts.world import DAY_S, HOUR_S, ROOT, TOKEN, World, events, now, session, wait

OWNER, CONNECTOR = 1, 1
GROSS = 9 * TOKEN
FEE = GROSS // 1000
MAX_AGE_S = 90 * DAY_S


@pytest.fixture
def settlement(world: World) -> Any:
    return world.settlement


def verdict(outcome: Outcome) -> tuple[Status, Reason]:
    return outcome.status, outcome.reason


def rejected(reason: Reason) -> tuple[Status, Reason]:
    return Status.REJECTED, reason


# Settled


def test_a_settled_session_moves_its_gross_from_the_payer_to_the_owner_less_the_fee(
    world: World, settlement: Any, account: int
) -> None:
    outcome = world.settle_one(CONNECTOR, session(account))
    assert outcome == Outcome(1 << 64 | 1, Status.SETTLED, Reason.NONE, OutcomeFlag(0), GROSS, 0, 0)
    today = now() // DAY_S
    assert tuple(settlement.account(account)) == (91 * TOKEN, 60 * TOKEN, GROSS, today, 0)
    assert tuple(settlement.accrual(OWNER)) == (GROSS - FEE, 0, 0, today, GROSS)
    assert settlement.unrouted_fees() == FEE
    assert settlement.committee_day() == (today, GROSS)
    assert settlement.liabilities() == world.owed() == 100 * TOKEN


def test_the_fee_is_exactly_a_thousandth_rounded_down(world: World, account: int) -> None:
    tariff = Tariff(0, OPEN_END, Prices(0, 0, 0, 0), Prices(10**6, 0, 0, 0))
    connector = world.add_connector(OWNER, tariff)
    wait(2 * HOUR_S)
    fees = 0
    for gross in (1, 999, 1_000, 1_999, 2_000):
        world.settle_one(connector, session(account, gross=gross))
        fees += gross // 1000
        assert world.settlement.unrouted_fees() == fees
    assert world.settlement.accrual(OWNER)[0] == 1 + 999 + 1_000 + 1_999 + 2_000 - fees
    assert world.settlement.FEE_BPS() == 10


def test_events_commitment_and_head_say_the_same(
    world: World, settlement: Any, account: int
) -> None:
    words = [session(account, energy_wh=wh).encode() for wh in (1_000, 2_000, 3_000)]
    run = world.run(CONNECTOR, words)
    batch = world.batch([run])
    settled = world.submit(batch)
    [told] = events(settlement, "Run")
    [event] = events(settlement, "BatchSettled")
    assert record.decode_run_event(told.run) == (CONNECTOR, OWNER, 1, 1, 3)
    assert settled.words == tuple(words)
    assert [outcome.session_id for outcome in settled.outcomes] == list(run.session_ids())
    running = 0
    for word, outcome in zip(words, settled.outcomes, strict=True):
        running = record.next_hash(running, word, outcome.encode())
    assert tuple(settlement.head(CONNECTOR)) == (3, OWNER, running)
    expected = record.commitment(batch.runs, ROOT, [one.encode() for one in settled.outcomes])
    assert settled.commitment == settlement.batch_commitment(1)
    assert settled.commitment == expected + now().to_bytes(5, "big")
    assert record.settled_at(settled.commitment) == now()
    assert (event.batch, event.epoch, event.evidence_root) == (1, 1, ROOT)
    assert (event.sessions, event.submitter) == (3, world.stranger)
    assert settlement.batch_count() == 1


def test_a_session_that_costs_nothing_is_settled_whoever_its_payer_is(
    world: World, settlement: Any, account: int
) -> None:
    for payer in (account, 0, 99):
        outcome = world.settle_one(CONNECTOR, session(payer, energy_wh=0))
        assert (verdict(outcome), outcome.paid) == ((Status.SETTLED, Reason.NONE), 0)
    # Nor has that made the account exist.
    assert tuple(settlement.account(99)) == (0, 0, 0, 0, 0)
    assert verdict(world.settle_one(CONNECTOR, session(99))) == (
        Status.UNFUNDED,
        Reason.UNKNOWN_ACCOUNT,
    )


def test_spending_begins_anew_each_day(world: World, settlement: Any, account: int) -> None:
    for _ in range(6):
        assert world.settle_one(CONNECTOR, session(account)).status == Status.SETTLED
    assert world.settle_one(CONNECTOR, session(account)).reason == Reason.LIMIT_SHORT
    wait(DAY_S)
    assert world.settle_one(CONNECTOR, session(account)).status == Status.SETTLED
    assert settlement.account(account)[2] == GROSS


# Prices


def test_a_gross_outside_the_bounds_is_clamped_and_flagged(world: World, account: int) -> None:
    tariff = Tariff(
        0, OPEN_END, Prices(100_000, 60_000, 10_000, 50), Prices(300_000, 90_000, 120_000, 50)
    )
    connector = world.add_connector(OWNER, tariff)
    wait(2 * HOUR_S)
    base = session(account)
    low, high = tariff.bounds(energy_wh=20_000, duration_s=HOUR_S, idle_s=600)
    for stated, paid, flag in (
        (low, low, 0),
        (low - 1, low, 1),
        (0, low, 1),
        ((low + high) // 2, (low + high) // 2, 0),
        (high, high, 0),
        (high + 1, high, 1),
        ((1 << 40) - 1, high, 1),
    ):
        outcome = world.settle_one(connector, replace(base, gross=stated))
        assert (outcome.paid, outcome.flags) == (paid, OutcomeFlag(flag))
        assert outcome.status == Status.SETTLED


def test_a_campaign_is_named_and_not_applied_yet(world: World, account: int) -> None:
    outcome = world.settle_one(CONNECTOR, session(account, campaign_id=7))
    assert (outcome.paid, outcome.campaign_paid) == (GROSS, 0)
    assert outcome.flags == OutcomeFlag.CAMPAIGN_NOT_APPLIED
    both = world.settle_one(CONNECTOR, session(account, campaign_id=7, gross=1))
    assert both.flags == OutcomeFlag.CAMPAIGN_NOT_APPLIED | OutcomeFlag.CLAMPED
    assert both.paid == GROSS


def test_the_tariff_at_the_start_holds_for_the_whole_session(world: World, account: int) -> None:
    boundary = now() + HOUR_S
    cheaper = Tariff.flat(Prices(kwh=100_000, hour=0, idle_hour=0, session=0), boundary)
    world.publish(CONNECTOR, cheaper)
    wait(3 * HOUR_S)
    last = session(account, started_at=boundary - 1)
    words = [
        replace(last, started_at=start, gross=gross).encode()
        for start in (boundary - 1, boundary)
        for gross in (GROSS, 2 * TOKEN)
    ]
    wrong = rejected(Reason.TARIFF_NOT_IN_FORCE)
    right = (Status.SETTLED, Reason.NONE)
    settled = world.settle([world.run(CONNECTOR, words, tariff_index=1)])
    assert [verdict(one) for one in settled.outcomes] == [right, right, wrong, wrong]
    assert [one.paid for one in settled.outcomes] == [GROSS, GROSS, 0, 0]
    settled = world.settle([world.run(CONNECTOR, words, tariff_index=2)])
    assert [verdict(one) for one in settled.outcomes] == [wrong, wrong, right, right]
    assert [one.paid for one in settled.outcomes] == [0, 0, 2 * TOKEN, 2 * TOKEN]


# Unfunded


def test_what_is_there_is_paid_and_the_rest_is_debt(
    world: World, settlement: Any, account: int
) -> None:
    settlement.set_daily_limit(account, 1_000 * TOKEN, sender=world.driver)
    outcomes = [world.settle_one(CONNECTOR, session(account)) for _ in range(13)]
    assert {one.status for one in outcomes[:11]} == {Status.SETTLED}
    assert verdict(outcomes[11]) == (Status.UNFUNDED, Reason.BALANCE_SHORT)
    assert (outcomes[11].paid, outcomes[11].debt) == (TOKEN, 8 * TOKEN)
    assert (outcomes[12].paid, outcomes[12].debt) == (0, GROSS)
    assert settlement.account(account)[::4] == (0, 17 * TOKEN)
    assert settlement.accrual(OWNER)[0] == 100 * TOKEN - 11 * FEE - TOKEN // 1000
    assert world.owed() == settlement.liabilities() == 100 * TOKEN


def test_a_limit_that_is_short_leaves_debt_though_the_balance_would_do(
    world: World, account: int
) -> None:
    outcomes = [world.settle_one(CONNECTOR, session(account)) for _ in range(7)]
    assert verdict(outcomes[6]) == (Status.UNFUNDED, Reason.LIMIT_SHORT)
    assert (outcomes[6].paid, outcomes[6].debt) == (6 * TOKEN, 3 * TOKEN)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_balance_does_to_the_last_unit(world: World, settlement: Any, missing: int) -> None:
    account = world.open_account(world.driver, balance=GROSS - missing, limit=GROSS)
    outcome = world.settle_one(CONNECTOR, session(account))
    assert (outcome.paid, outcome.debt) == (GROSS - missing, missing)
    assert outcome.reason == (Reason.BALANCE_SHORT if missing else Reason.NONE)
    assert settlement.account(account)[::4] == (0, missing)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_limit_does_to_the_last_unit(world: World, settlement: Any, missing: int) -> None:
    account = world.open_account(world.driver, balance=3 * GROSS, limit=2 * GROSS - missing)
    world.settle_one(CONNECTOR, session(account))
    outcome = world.settle_one(CONNECTOR, session(account))
    assert (outcome.paid, outcome.debt) == (GROSS - missing, missing)
    assert outcome.reason == (Reason.LIMIT_SHORT if missing else Reason.NONE)
    assert settlement.account(account)[::4] == (GROSS + missing, missing)


def test_debt_stops_at_the_exposure_limit(world: World, settlement: Any) -> None:
    account = world.open_account(world.driver)
    outcomes = [world.settle_one(CONNECTOR, session(account)) for _ in range(7)]
    assert [one.debt for one in outcomes] == [GROSS] * 5 + [5 * TOKEN, 0]
    assert settlement.account(account)[4] == settlement.exposure_limit() == 50 * TOKEN
    settlement.set_exposure_limit(20 * TOKEN, sender=world.governance)
    assert world.settle_one(CONNECTOR, session(account)).debt == 0


@pytest.mark.parametrize(("payer", "reason"), [(0, 3), (99, 4), ((1 << 40) - 1, 4)])
def test_a_session_that_no_vault_pays_is_recorded_without_debt(
    world: World, settlement: Any, payer: int, reason: int
) -> None:
    outcome = world.settle_one(CONNECTOR, session(payer))
    assert verdict(outcome) == (Status.UNFUNDED, Reason(reason))
    assert (outcome.paid, outcome.debt) == (0, 0)
    assert settlement.accrual(OWNER)[4] == settlement.committee_day()[1] == 0


def test_a_lowered_limit_binds_sessions_that_start_after_it(world: World, account: int) -> None:
    plugged_in = session(account, started_at=now() - 60, duration_s=30, idle_s=0)
    world.settlement.set_daily_limit(account, TOKEN, sender=world.driver)
    wait(HOUR_S)
    later = replace(plugged_in, started_at=now() - HOUR_S)
    assert verdict(world.settle_one(CONNECTOR, later)) == (Status.UNFUNDED, Reason.LIMIT_SHORT)
    outcome = world.settle_one(CONNECTOR, plugged_in)
    assert (outcome.status, outcome.paid) == (Status.SETTLED, GROSS)


# Rejected


FAULTS: dict[str, tuple[Callable[[SessionRecord], SessionRecord | int], Reason]] = {
    "reserved bits": (lambda one: one.encode() | 1, Reason.FIELD_RANGE),
    "highest reserved bit": (lambda one: one.encode() | 1 << 18, Reason.FIELD_RANGE),
    "no assurance": (lambda one: replace(one, assurance=0), Reason.FIELD_RANGE),
    "hour": (lambda one: replace(one, hour_of_week=168), Reason.FIELD_RANGE),
    "renewable": (lambda one: replace(one, renewable_pct=101), Reason.FIELD_RANGE),
    "idle": (lambda one: replace(one, idle_s=one.duration_s + 1), Reason.FIELD_RANGE),
    "duration": (
        lambda one: replace(one, duration_s=record.MAX_DURATION_S + 1),
        Reason.FIELD_RANGE,
    ),
    "future": (lambda one: replace(one, started_at=now() - HOUR_S + 1), Reason.ENDS_IN_FUTURE),
    "far future": (lambda one: replace(one, started_at=(1 << 32) - 1), Reason.ENDS_IN_FUTURE),
    "long ago": (lambda one: replace(one, started_at=0), Reason.TOO_OLD),
    "before the tariff": (
        lambda one: replace(one, started_at=now() - 3 * HOUR_S),
        Reason.TARIFF_NOT_IN_FORCE,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_is_rejected_and_moves_nothing(
    world: World, settlement: Any, account: int, fault: str
) -> None:
    change, reason = FAULTS[fault]
    outcome = world.settle_one(CONNECTOR, change(session(account)))
    assert outcome == Outcome(1 << 64 | 1, Status.REJECTED, reason, OutcomeFlag(0), 0, 0, 0)
    assert settlement.account(account)[:3] == (100 * TOKEN, 60 * TOKEN, 0)
    assert settlement.accrual(OWNER)[0] == settlement.unrouted_fees() == 0
    # It has its sequence all the same.
    assert settlement.head(CONNECTOR)[0] == 1


def test_the_edge_of_each_field_is_still_in_range(world: World, account: int) -> None:
    wait(13 * DAY_S)
    start = now() - record.MAX_DURATION_S
    for one in (
        session(account, started_at=start, duration_s=record.MAX_DURATION_S),
        session(account, hour_of_week=167),
        session(account, renewable_pct=100),
        session(account, renewable_pct=127),
        session(account, idle_s=HOUR_S),
        session(account, started_at=now() - HOUR_S),
    ):
        assert world.settle_one(CONNECTOR, one).status == Status.SETTLED


def test_a_session_is_too_old_90_days_after_its_end(world: World, account: int) -> None:
    ended = session(account, started_at=now() - 600, duration_s=600)
    boa.env.timestamp = ended.ended_at + MAX_AGE_S
    assert world.settle_one(CONNECTOR, ended).status == Status.SETTLED
    wait(1)
    assert verdict(world.settle_one(CONNECTOR, ended)) == rejected(Reason.TOO_OLD)


def test_an_unknown_tariff_is_never_in_force(world: World, account: int) -> None:
    for index in (0, 2, (1 << 32) - 1):
        run = world.run(CONNECTOR, [session(account).encode()], tariff_index=index)
        assert verdict(world.settle([run]).only) == rejected(Reason.TARIFF_NOT_IN_FORCE)


def test_a_session_over_the_session_cap_is_rejected(world: World, account: int) -> None:
    caps = world.settlement.caps()
    world.settlement.set_caps(GROSS - 1, *caps[1:], sender=world.governance)
    assert verdict(world.settle_one(CONNECTOR, session(account))) == rejected(Reason.SESSION_CAP)
    world.settlement.set_caps(GROSS, *caps[1:], sender=world.governance)
    assert world.settle_one(CONNECTOR, session(account)).status == Status.SETTLED


def test_an_owners_day_is_capped_and_another_owners_is_not(world: World, account: int) -> None:
    settlement = world.settlement
    caps = settlement.caps()
    settlement.set_caps(caps[0], 2 * GROSS, caps[2], sender=world.governance)
    other = world.add_connector(world.add_owner())
    wait(2 * HOUR_S)
    words = [session(account).encode()] * 3
    settled = world.settle([world.run(CONNECTOR, words), world.run(other, words[:1])])
    assert [one.reason for one in settled.outcomes] == [0, 0, Reason.OWNER_DAY_CAP, 0]
    assert verdict(world.settle_one(CONNECTOR, session(account))) == rejected(Reason.OWNER_DAY_CAP)
    wait(DAY_S)
    assert world.settle_one(CONNECTOR, session(account)).status == Status.SETTLED


def test_the_committees_day_is_capped_over_all_owners(world: World, account: int) -> None:
    settlement = world.settlement
    caps = settlement.caps()
    settlement.set_caps(*caps[:2], 2 * GROSS, sender=world.governance)
    other = world.add_connector(world.add_owner())
    wait(2 * HOUR_S)
    words = [session(account).encode()] * 2
    settled = world.settle([world.run(CONNECTOR, words[:1]), world.run(other, words)])
    assert [one.reason for one in settled.outcomes] == [0, 0, Reason.COMMITTEE_DAY_CAP]
    assert settlement.committee_day()[1] == 2 * GROSS
    wait(DAY_S)
    assert world.settle_one(CONNECTOR, session(account)).status == Status.SETTLED


def test_a_day_cap_binds_in_the_middle_of_a_run(world: World, account: int) -> None:
    settlement = world.settlement
    words = [session(account).encode()] * 4
    for caps, reason in (
        ((GROSS, 2 * GROSS, 10 * GROSS), Reason.OWNER_DAY_CAP),
        ((GROSS, 10 * GROSS, 3 * GROSS - 1), Reason.COMMITTEE_DAY_CAP),
    ):
        with boa.env.anchor():
            settlement.set_caps(*caps, sender=world.governance)
            settled = world.settle([world.run(CONNECTOR, words)])
            assert [one.reason for one in settled.outcomes] == [0, 0, reason, reason]


def test_a_cap_lowered_below_what_is_used_rejects_and_does_not_fail(
    world: World, account: int
) -> None:
    settlement = world.settlement
    world.settle_one(CONNECTOR, session(account))
    settlement.set_caps(20 * TOKEN, 1, 1, sender=world.governance)
    assert verdict(world.settle_one(CONNECTOR, session(account))) == rejected(Reason.OWNER_DAY_CAP)


def test_a_smaller_session_still_fits_where_a_larger_did_not(world: World, account: int) -> None:
    caps = world.settlement.caps()
    world.settlement.set_caps(caps[0], GROSS + 450, caps[2], sender=world.governance)
    words = [session(account, energy_wh=wh).encode() for wh in (20_000, 20_000, 1)]
    settled = world.settle([world.run(CONNECTOR, words)])
    assert [one.reason for one in settled.outcomes] == [0, Reason.OWNER_DAY_CAP, 0]


def test_one_bad_session_changes_nothing_for_the_others(world: World, account: int) -> None:
    good = session(account)
    for change, _ in FAULTS.values():
        with boa.env.anchor():
            bad = change(good)
            words = [good.encode(), bad if isinstance(bad, int) else bad.encode(), good.encode()]
            settled = world.settle([world.run(CONNECTOR, words)])
            assert [one.paid for one in settled.outcomes] == [GROSS, 0, GROSS]


# Runs


def test_a_run_that_is_not_at_the_head_is_skipped_and_the_others_are_not(
    world: World, settlement: Any, account: int
) -> None:
    other = world.add_connector(OWNER)
    wait(2 * HOUR_S)
    word = session(account).encode()
    good, at_head = world.run(other, [word]), world.run(CONNECTOR, [word])
    for wrong in (
        replace(at_head, first_sequence=0),
        replace(at_head, first_sequence=2),
        replace(at_head, previous_hash=1),
        replace(at_head, connector_id=0),
        replace(at_head, connector_id=99),
        replace(at_head, connector_id=(1 << 32) - 1),
    ):
        with boa.env.anchor():
            batch = world.batch([wrong, good])
            settled = world.submit(batch)
            assert settled.skipped == (wrong.connector_id,)
            [outcome] = settled.outcomes
            assert outcome.session_id >> 64 == other
            assert settled.told == (0, outcome.encode())
            assert settled.commitment[:27] == record.commitment(batch.runs, ROOT, settled.told)
    assert settlement.head(CONNECTOR)[0] == 0


def test_a_skipped_run_says_where_the_head_is(world: World, settlement: Any, account: int) -> None:
    word = session(account).encode()
    run = world.run(CONNECTOR, [word])
    world.settle([run])
    settled = world.settle([run])
    [event] = events(settlement, "RunSkipped")
    assert (event.connector_id, event.first_sequence, event.head_sequence) == (CONNECTOR, 1, 1)
    # A batch of nothing but skipped runs is no batch.
    assert settled.batch is None
    assert settlement.batch_count() == 1


def test_a_connector_may_have_several_runs_in_a_batch(
    world: World, settlement: Any, account: int
) -> None:
    word = session(account).encode()
    first = world.run(CONNECTOR, [word, word])
    running = 0
    for number in first.session_ids():
        paid = Outcome(number, Status.SETTLED, Reason.NONE, OutcomeFlag(0), GROSS, 0, 0)
        running = record.next_hash(running, word, paid.encode())
    second = Run(CONNECTOR, 3, 1, running, (word,))
    assert len(world.settle([first, second]).outcomes) == 3
    assert settlement.head(CONNECTOR)[0] == 3


def test_owners_who_take_turns_are_each_credited(
    world: World, settlement: Any, account: int
) -> None:
    other = world.add_connector(world.add_owner())
    wait(2 * HOUR_S)
    mine, theirs = (session(account, energy_wh=wh).encode() for wh in (2_000, 4_000))
    world.settle([world.run(CONNECTOR, [mine]), world.run(other, [theirs])])
    third = world.add_connector(OWNER)
    wait(2 * HOUR_S)
    world.settle(
        [
            world.run(CONNECTOR, [mine]),
            world.run(other, [theirs, theirs]),
            world.run(third, [session(account, energy_wh=2_000).encode()]),
        ]
    )
    assert settlement.accrual(OWNER)[0] == 3 * 900_000 - 3 * 900
    assert settlement.accrual(2)[0] == 3 * 1_800_000 - 3 * 1_800
    assert world.owed() == settlement.liabilities()


@pytest.mark.parametrize("batches", [1, 3])
def test_sessions_of_different_connectors_commute(
    world: World, settlement: Any, account: int, batches: int
) -> None:
    """In any order, in one batch or each in its own, they become the same."""
    other = world.add_owner(world.operator)
    connectors = [CONNECTOR, world.add_connector(OWNER), world.add_connector(other)]
    wait(2 * HOUR_S)
    # A vault that is short matters to one connector alone; the other vault pays at all three.
    poor = world.open_account(world.fleet, balance=GROSS + 1, limit=60 * TOKEN)
    runs = [
        world.run(connector, [session(payer).encode() for payer in payers])
        for connector, payers in zip(
            connectors, [(account, 0), (poor, account, poor), (account, 99)], strict=True
        )
    ]
    ends = []
    for order in permutations(runs):
        with boa.env.anchor():
            parts = [order] if batches == 1 else [[run] for run in order]
            told = [one for part in parts for one in world.settle(part).outcomes]
            ends.append(
                (
                    sorted(told, key=lambda one: one.session_id),
                    [tuple(settlement.head(one)) for one in connectors],
                    [tuple(settlement.account(one)) for one in (account, poor)],
                    [tuple(settlement.accrual(one)) for one in (OWNER, other)],
                    settlement.unrouted_fees(),
                    settlement.committee_day(),
                )
            )
    assert [one.paid for one in ends[0][0]] == [GROSS, 0, GROSS, GROSS, 1, GROSS, 0]
    assert all(end == ends[0] for end in ends)


def test_malformed_runs_revert_the_batch(world: World, settlement: Any, account: int) -> None:
    run = world.run(CONNECTOR, [session(account).encode()])
    good = run.encode()
    a, b = (int.from_bytes(good[i : i + 32], "big") for i in (0, 32))

    def with_headers(first: int, second: int) -> bytes:
        return first.to_bytes(32, "big") + second.to_bytes(32, "big") + good[64:]

    for bad in (
        good[:-1],
        good[:-32],
        good[:64],
        good[:32],
        good + bytes(1),
        good + bytes(32),
        good + good[:64],
        with_headers(a ^ 1 << 144, b),  # a count of zero
        with_headers(a ^ 1 << 144, b)[:64],
        with_headers(a ^ 1 << 144, b)[:64] + good,
        with_headers(a ^ 3 << 144, b),  # a count of two
        with_headers(a | 1, b),
        with_headers(a | 1 << 143, b),
        with_headers(a, b | 1 << 192),
        with_headers(a, b | 1 << 255),
    ):
        with boa.reverts():
            world.submit(world.batch(bad))
    with boa.reverts():
        world.submit(world.batch(b""))
    assert settlement.head(CONNECTOR)[0] == 0
    assert world.submit(world.batch(good)).only.status == Status.SETTLED


def test_a_sequence_stays_below_its_field(world: World, account: int) -> None:
    word = session(account).encode()
    last = (1 << 32) - 1
    skipped = world.settle([Run(CONNECTOR, last - 1, 1, 0, (word,))])
    assert skipped.skipped == (CONNECTOR,)
    for first, count in ((last, 1), (last - 1, 2)):
        with boa.reverts("settlement: malformed runs"):
            world.settle([Run(CONNECTOR, first, 1, 0, (word,) * count)])


def test_a_batch_holds_256_sessions_and_not_one_more(world: World) -> None:
    word = session(0).encode()
    assert len(world.settle([world.run(CONNECTOR, [word] * 256)]).outcomes) == 256
    full = world.run(CONNECTOR, [word] * 255)
    with boa.reverts("settlement: malformed runs"):
        world.submit(world.batch(full.encode() + Run(9, 1, 1, 0, (word, word)).encode()))


def test_a_batch_holds_256_runs(world: World, settlement: Any) -> None:
    word = session(0).encode()
    runs = [Run(number, 1, 1, 0, (word,)) for number in range(1, 257)]
    settled = world.settle(runs)
    assert (len(settled.outcomes), len(settled.skipped)) == (1, 255)
    assert settlement.batch_count() == 1
