"""What goes into a batch: sequences on the head, one run a connector, room under the caps."""

from __future__ import annotations

from typing import Any

from chargecoin.chain import Accrual, Caps
from chargecoin.chain.transactions import Fees
from chargecoin.record import SessionRecord
from oracle.proposer import builder
from oracle.proposer.submitter import MAX_OVER_MARKET, outbid
from oracle.store.sessions import Pending

DAY = 20_000
NOW = DAY * 86_400 + 100
ROOMY = Caps(10**9, 10**12, 10**12)


def session(number: int, connector: int = 1, gross: int = 100, tariff: int = 1) -> Pending:
    word = SessionRecord(
        payer=1,
        started_at=1000 * number,
        duration_s=600,
        idle_s=0,
        energy_wh=1000,
        gross=gross,
        campaign_id=0,
        hour_of_week=1,
        grid_gco2e_per_kwh=100,
        renewable_pct=10,
        assurance=2,
    ).encode()
    return Pending(
        id=number,
        charge_point="CP",
        connector_id=connector,
        tariff_index=tariff,
        started_at=1000 * number,
        ended_at=1000 * number + 600,
        word=word,
        draft=b"",
        openings=b"{}",
        sequence=None,
    )


def room(sessions: list[Pending], **limits: Any) -> list[int]:
    """Return which sessions fit: owner 1 has connectors 1 and 2, owner 2 has connector 3."""
    owners = {1: 1, 2: 1, 3: 2}
    accruals = limits.pop("accruals", {1: Accrual(0, 0, 0, DAY, 0), 2: Accrual(0, 0, 0, DAY, 0)})
    committee_gross = limits.pop("committee_gross", 0)
    found = builder.within_caps(
        sessions,
        owners=owners,
        accruals=accruals,
        committee_gross=committee_gross,
        caps=ROOMY._replace(**limits),
        now=NOW,
    )
    return [one.id for one in found]


def test_everything_goes_that_has_room() -> None:
    assert room([session(1), session(2), session(3, 3)]) == [1, 2, 3]


def test_an_owners_day_makes_the_owners_sessions_wait() -> None:
    waiting = [session(1), session(2, 2), session(3, 3)]
    assert room(waiting, owner_day=150) == [1, 3]


def test_what_the_owner_settled_today_counts_and_yesterday_does_not() -> None:
    spent = {1: Accrual(0, 0, 0, DAY, 950), 2: Accrual(0, 0, 0, DAY - 1, 950)}
    waiting = [session(1), session(2, 3)]
    assert room(waiting, owner_day=1000, accruals=spent) == [2]


def test_the_committees_day_makes_sessions_wait() -> None:
    waiting = [session(1), session(2, 3)]
    assert room(waiting, committee_day=1000, committee_gross=850) == [1]


def test_a_session_that_waits_makes_its_connectors_later_ones_wait() -> None:
    waiting = [session(1, gross=200), session(2, gross=1), session(3, 2, gross=50)]
    assert room(waiting, owner_day=100) == [3]


def test_runs_are_by_owner_and_then_connector() -> None:
    groups = builder._grouped(
        [session(1, 3), session(2, 2), session(3, 1), session(4, 2)], {1: 1, 2: 1, 3: 0}
    )
    assert [[one.id for one in group] for group in groups] == [[1], [3], [2, 4]]


def test_sessions_after_a_change_of_tariff_wait_for_the_next_batch() -> None:
    waiting = [session(1), session(2, tariff=2), session(3)]
    groups = builder._grouped(waiting, {1: 1})
    assert [[one.id for one in group] for group in groups] == [[1]]


def test_a_replacement_offers_a_tenth_more_and_at_least_the_market() -> None:
    market = Fees(100, 10)
    assert outbid(Fees(100, 10), market) == Fees(110, 11)
    assert outbid(Fees(101, 11), market) == Fees(112, 13)
    assert outbid(Fees(50, 1), market) == market
    assert outbid(Fees(100, 1), market) == Fees(110, 10)


def test_no_replacement_offers_more_than_the_cap() -> None:
    market = Fees(100, 10)
    assert outbid(Fees(100 * MAX_OVER_MARKET, 10), market) is None
