"""What sessions add to sums: exact in total, split without loss, undone without a trace."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from chargecoin.carbon import avoided_g, emitted_g
from indexer import schema
from indexer.columns import SessionColumns
from indexer.hours import LocalTime, local_time
from indexer.rollups import Deltas, hour_sums
from indexer.rows import CollectionRow, SessionRow
from indexer.schema import CAMPAIGN_SUMS, HOUR_SUMS, OUTCOME_SUMS, SETTLEMENT_SUMS
from indexer.sums import campaign_sums, collection_sums, outcome_sums, settlement_sums
from tests.indexer.test_hours import TIMES, ZONES, begins_an_hour, changes

MONEY = st.integers(0, (1 << 40) - 1)


@st.composite
def sessions(draw: st.DrawFn, status: int | None = None) -> SessionRow:
    """Draw a session as a contract would let it be: settled, unfunded or rejected."""
    found = draw(st.sampled_from((1, 2, 3))) if status is None else status
    duration = draw(st.integers(0, 12 * 86_400))
    gross = draw(MONEY)
    paid = {1: gross, 2: draw(st.integers(0, gross)), 3: 0}[found]
    settled_at = draw(TIMES)
    return SessionRow(
        id=draw(st.integers(1, 1 << 50)),
        connector_id=draw(st.integers(1, 3)),
        sequence=draw(st.integers(1, 1000)),
        owner_id=draw(st.integers(1, 2)),
        site_id=1,
        tariff_index=1,
        batch=1,
        settled_at=settled_at,
        settled_day=local_time("Europe/London").day(settled_at),
        payer=1,
        started_at=draw(TIMES),
        duration_s=duration,
        idle_s=draw(st.integers(0, duration)),
        energy_wh=draw(st.integers(0, (1 << 24) - 1)),
        recorded_gross=gross,
        campaign_id=draw(st.sampled_from((0, 0, 7))),
        hour_of_week=0,
        grid_gco2e_per_kwh=draw(st.sampled_from((0, 177, 1200, 4095))),
        renewable_pct=127,
        assurance=draw(st.sampled_from((1, 2, 3))),
        reserved=0,
        status=found,
        reason={1: 0, 2: draw(st.sampled_from((1, 2, 3, 4))), 3: 17}[found],
        flags=draw(st.sampled_from((0, 1, 2, 3))),
        paid=paid,
        campaign_paid=0,
        debt=gross - paid if found == 2 else 0,
        gross=gross,
        fee=paid // 1000,
        discount=0,
    )


def named(sums: tuple[int, ...], names: tuple[str, ...]) -> dict[str, int]:
    return dict(zip(names, sums, strict=True))


def hours_of(session: SessionRow, local: LocalTime) -> list[tuple[int, tuple[int, ...]]]:
    """Return the local hours of one session, and what it adds to each."""
    found = list(hour_sums(SessionColumns.of([session]), local))
    assert {connector for (connector, _), _ in found} <= {session.connector_id}
    return [(hour, sums) for (_, hour), sums in found]


def added(rows: list[SessionRow], local: LocalTime, *signs: int) -> Deltas:
    """Add sessions to nothing, once for each sign."""
    deltas = Deltas()
    for sign in signs:
        deltas.add_sessions(SessionColumns.of(rows), lambda _: local, sign)
    return deltas


def test_rows_have_the_columns_of_their_tables() -> None:
    assert SessionRow._fields == tuple(column.name for column in schema.sessions.c)
    assert CollectionRow._fields == tuple(column.name for column in schema.collections.c)


@given(sessions(status=1) | sessions(status=2), st.sampled_from(ZONES))
def test_the_hours_of_a_session_add_up_to_it(session: SessionRow, zone: str) -> None:
    parts = [named(sums, HOUR_SUMS) for _, sums in hours_of(session, local_time(zone))]
    total = {name: sum(part[name] for part in parts) for name in HOUR_SUMS}
    assert total == {
        "sessions": 1,
        "energy_wh": session.energy_wh,
        "gross": session.gross,
        "net": session.paid - session.fee,
        "fee": session.fee,
        "campaign": 0,
        "avoided_g": avoided_g(session.energy_wh, session.grid_gco2e_per_kwh) or 0,
        "occupied_s": session.duration_s,
        "charging_s": session.duration_s - session.idle_s,
        "idle_s": session.idle_s,
        "parts": len(parts),
    }
    signed = {"avoided_g"}
    assert all(part[name] >= 0 for part in parts for name in HOUR_SUMS if name not in signed)


@given(sessions(status=1), st.sampled_from(ZONES))
def test_an_hours_part_is_within_one_of_its_share_of_charging(
    session: SessionRow, zone: str
) -> None:
    charging = session.duration_s - session.idle_s
    for _, sums in hours_of(session, local_time(zone)):
        part = named(sums, HOUR_SUMS)
        share = Fraction(part["charging_s"], charging) if charging else None
        if share is not None:
            for name, total in (("energy_wh", session.energy_wh), ("gross", session.gross)):
                assert abs(part[name] - share * total) < 1


@given(sessions(), st.sampled_from(ZONES))
def test_each_hour_is_one_that_the_session_touches(session: SessionRow, zone: str) -> None:
    local = local_time(zone)
    end = session.started_at + session.duration_s
    found = [hour for hour, _ in hours_of(session, local)]
    assert found == ([] if session.status == 3 else local.hours(session.started_at, end))


@given(sessions(status=1), changes(), st.integers(-6 * 3600, 3600))
def test_over_a_clock_change_each_hour_has_the_seconds_that_its_clock_had(
    session: SessionRow, change: tuple[str, int], before: int
) -> None:
    zone, moved = change
    start = moved + before
    duration = session.duration_s % (12 * 3600)
    idle = min(session.idle_s, duration)
    row = session._replace(started_at=start, duration_s=duration, idle_s=idle)
    parts = {
        hour: named(sums, HOUR_SUMS)["occupied_s"] for hour, sums in hours_of(row, local_time(zone))
    }
    counted: dict[int, int] = {}
    hour = max(at for at in quarters_before(start) if begins_an_hour(at, zone))
    for at in range(start, start + duration):
        if at % 900 == 0 and begins_an_hour(at, zone):
            hour = at
        counted[hour] = counted.get(hour, 0) + 1
    assert parts == counted or (not duration and list(parts.values()) == [0])


def quarters_before(at: int) -> range:
    return range(at // 900 * 900 - 7_200, at + 1, 900)


@given(sessions(status=3))
def test_a_rejected_session_is_counted_and_nothing_else(session: SessionRow) -> None:
    sums = {name: value for name, value in named_settlement(session).items() if value}
    assert sums == {"rejected": 1, "parts": 1}


def named_settlement(session: SessionRow) -> dict[str, int]:
    return named(settlement_sums(session), SETTLEMENT_SUMS)


@given(sessions(status=1) | sessions(status=2))
def test_settlement_sums_say_what_the_session_says(session: SessionRow) -> None:
    sums = named_settlement(session)
    emitted = emitted_g(session.energy_wh, session.grid_gco2e_per_kwh)
    assert (sums["sessions"], sums["rejected"], sums["parts"]) == (1, 0, 1)
    assert sums["unfunded"] == (session.status == 2)
    assert sums["clamped"] == session.flags & 1
    assert sums["reported"] + 2 * sums["observed"] + 3 * sums["signed"] == session.assurance
    assert sums["signed_wh"] == (session.energy_wh if session.assurance == 3 else 0)
    assert sums["elsewhere"] == (session.gross if session.reason == 3 else 0)
    assert (sums["gross"], sums["paid"], sums["fee"], sums["debt"]) == (
        session.gross,
        session.paid,
        session.fee,
        session.debt,
    )
    assert sums["carbon_wh"] == (0 if emitted is None else session.energy_wh)
    assert sums["emitted_g"] == (emitted or 0)


@given(st.lists(sessions(), max_size=8), st.sampled_from(ZONES))
def test_what_is_added_and_taken_away_leaves_nothing(rows: list[SessionRow], zone: str) -> None:
    deltas = added(rows, local_time(zone), 1, -1)
    for sums in (
        *(deltas.settlement_hours, deltas.settlement_days, deltas.connector_hours),
        *(deltas.campaign_days, deltas.outcome_days),
    ):
        assert not any(any(values) for values in sums.values())


@given(st.lists(sessions(), max_size=8), st.sampled_from(ZONES))
def test_many_sessions_add_what_each_adds_by_itself(rows: list[SessionRow], zone: str) -> None:
    local = local_time(zone)
    together, one_by_one = added(rows, local, 1), Deltas()
    for row in rows:
        one_by_one.add_sessions(SessionColumns.of([row]), lambda _: local)
    assert vars(together) == vars(one_by_one)


@given(st.lists(sessions(), max_size=8), st.sampled_from(ZONES))
def test_sums_of_many_are_those_of_the_rows_formulas(rows: list[SessionRow], zone: str) -> None:
    local = local_time(zone)
    columns = SessionColumns.of(rows)
    assert columns.rows() == rows
    for formula, names in (
        (settlement_sums, SETTLEMENT_SUMS),
        (campaign_sums, CAMPAIGN_SUMS),
        (outcome_sums, OUTCOME_SUMS),
    ):
        each = [formula(row) for row in rows]
        assert all(len(sums) == len(names) for sums in each)
        assert [tuple(column.tolist()) for column in formula(columns)] == list(
            zip(*each, strict=True) if rows else [()] * len(names)
        )
    by_hour: dict[tuple[int, int], list[tuple[int, ...]]] = {}
    for row in rows:
        for hour, sums in hours_of(row, local):
            by_hour.setdefault((row.connector_id, hour), []).append(sums)
    assert dict(hour_sums(columns, local)) == {
        key: tuple(map(sum, zip(*parts, strict=True))) for key, parts in by_hour.items()
    }


@given(st.lists(sessions(), max_size=8))
def test_days_are_the_sums_of_their_hours(rows: list[SessionRow]) -> None:
    local = local_time("Europe/London")
    deltas = added(rows, local, 1)
    for (owner, day, connector, _), sums in deltas.settlement_days.items():
        hours = [
            values
            for (o, hour, c, _), values in deltas.settlement_hours.items()
            if (o, c) == (owner, connector) and local.day(hour) == day
        ]
        assert sums == tuple(map(sum, zip(*hours, strict=True)))


def test_a_collected_debt_counts_on_its_own_day() -> None:
    row = CollectionRow(1, 1, 1, 1, 1, 1, 1_767_225_600, 20_454, 5_000, 5, b"")
    sums = {k: v for k, v in named(collection_sums(row), SETTLEMENT_SUMS).items() if v}
    assert sums == {"collected": 5_000, "collected_fee": 5, "parts": 1}
