"""Every figure is the sum of the rows it is made of, counted another way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Table, select
from sqlalchemy import event as events

from chargecoin.errors import StoreError
from indexer import schema
from indexer.books import Hold
from indexer.hours import is_zone
from indexer.ledger import Ledger
from indexer.read_model import Period, ReadModel, SessionFilter, Totals
from indexer.rows import CollectionRow, RefundRow, SessionRow
from indexer.schema import SETTLEMENT_SUMS
from indexer.store import Store
from indexer.sums import collection_sums, refund_sums, settlement_sums
from tests.indexer.conftest import Databases
from tests.indexer.fake_chain import DEPLOYMENT, FakeChain, event
from tests.indexer.fake_node import FakeNode
from tests.indexer.tables import catch_up, fresh
from tests.indexer.test_store import PLACE, append, batch_of, logs_of, run_of, settled

FINALITY = 8
Row = SessionRow | CollectionRow | RefundRow


class Filled:
    """A filled database, and its rows by themselves."""

    def __init__(self, model: ReadModel, chain: FakeChain, rows: list[Row]) -> None:
        self.model = model
        self.chain = chain
        self.rows = rows
        self.zones = {
            site.site_id: ZoneInfo(site.time_zone if is_zone(site.time_zone) else "UTC")
            for site in model.sites()
        }

    @property
    def sessions(self) -> list[SessionRow]:
        return [row for row in self.rows if isinstance(row, SessionRow)]

    def local(self, row: Row) -> datetime:
        return datetime.fromtimestamp(row.settled_at, self.zones[row.site_id])


@pytest.fixture(scope="module")
def filled(databases: Databases) -> Any:
    chain = FakeChain(5)
    chain.mine(700)
    engine = databases.new()
    asyncio.run(catch_up(FakeNode(chain, finality=FINALITY), engine, finality=FINALITY))
    with engine.connect() as connection:
        rows: list[Row] = [
            SessionRow._make(row) for row in connection.execute(select(schema.sessions))
        ]
        rows += [CollectionRow._make(row) for row in connection.execute(select(schema.collections))]
        rows += [RefundRow._make(row) for row in connection.execute(select(schema.refunds))]
    return Filled(ReadModel(engine), chain, rows)


def total(rows: Iterable[Row]) -> Totals:
    """Add rows up one by one."""
    sums = dict.fromkeys(SETTLEMENT_SUMS, 0)
    for row in rows:
        match row:
            case SessionRow():
                found = settlement_sums(row)
            case CollectionRow():
                found = collection_sums(row)
            case RefundRow():
                found = refund_sums(row)
        for name, value in zip(SETTLEMENT_SUMS, found, strict=True):
            sums[name] += value
    return Totals(**{one.name: sums[one.name] for one in fields(Totals)})


def test_there_is_enough_to_tell_apart(filled: Filled) -> None:
    assert len(filled.sessions) > 500
    assert len(filled.zones) > 10
    assert {row.status for row in filled.sessions} == {1, 2, 3}
    assert {type(row) for row in filled.rows} == {SessionRow, CollectionRow, RefundRow}


def moments(filled: Filled) -> list[int]:
    """Moments after all of it, from the last second to the month after next."""
    last = max(row.settled_at for row in filled.rows)
    midnight = last - last % 86_400 + 86_400
    around = [midnight + shift for shift in (-1, 0, 1, 19_800, 19_799)]
    return [
        last,
        last + 1,
        last + 86_400,
        *around,
        *(last + 100_003 * step for step in range(1, 40, 3)),
    ]


@pytest.mark.parametrize("owner", [None, 1, 3])
def test_periods_are_the_rows_settled_in_them(filled: Filled, owner: int | None) -> None:
    for now in moments(filled):
        found = filled.model.overview(owner, now)
        mine = [row for row in filled.rows if owner in {None, row.owner_id}]
        firsts: list[tuple[Period, Callable[[date], date]]] = [
            (found.today, lambda day: day),
            (found.week, lambda day: day - timedelta(days=day.weekday())),
            (found.month, lambda day: day.replace(day=1)),
        ]
        for period, first_day in firsts:
            current, before = [], []
            for row in mine:
                at = datetime.fromtimestamp(now, filled.zones[row.site_id])
                first = first_day(at.date())
                previous = first_day(first - timedelta(days=1))
                if first <= filled.local(row).date() <= at.date():
                    current.append(row)
                if previous <= filled.local(row).date() < first:
                    before.append((row, at, first, previous))
            assert period.totals == total(current), (period.label, now)
            assert period.previous == total(
                row
                for row, at, first, previous in before
                if elapsed(filled, row, at, first, previous)
            ), (period.label, now)


def elapsed(filled: Filled, row: Row, at: datetime, first: date, previous: date) -> bool:
    """Whether the row lies in the part of the span before that matches the part elapsed."""
    days = (at.date() - first).days
    match = previous + timedelta(days=days)
    if match >= first:
        return True  # A shorter month: all of it.
    here = filled.local(row)
    midnight = datetime(match.year, match.month, match.day, tzinfo=at.tzinfo)
    today = datetime(at.year, at.month, at.day, tzinfo=at.tzinfo)
    until = midnight.astimezone(UTC) + (at.astimezone(UTC) - today.astimezone(UTC))
    return here.date() < match or (here.date() == match and here.astimezone(UTC) < until)


def test_the_short_day_before_ends_where_today_begins(tmp_path: Path) -> None:
    """29 March 2026 has 23 hours in London; half past eleven on the 30th matches none of them."""
    store = Store(fresh(tmp_path / "index.sqlite"), DEPLOYMENT)
    place = list(PLACE)
    place[1] = event(
        "StationRegistry",
        "SiteAdded",
        site_id=1,
        owner_id=1,
        name="Site",
        time_zone="Europe/London",
        country="GB",
        grid_zone="GB",
    )
    append(store, 1, logs_of(1, place))
    change = int(datetime(2026, 3, 29, tzinfo=UTC).timestamp())
    for number, at in enumerate((change, change + 23 * 3600 - 1, change + 23 * 3600 + 600), 1):
        settle = (run_of(number, 1), settled(number), batch_of(number, 1))
        append(store, number + 1, logs_of(number + 1, settle), at)
    now = change + 46 * 3600 + 1800
    today = ReadModel(store.engine).overview(1, now).today
    assert (today.totals.sessions, today.previous.sessions) == (1, 2)


def test_what_is_asked_at_once_is_of_one_state(tmp_path: Path) -> None:
    store = Store(fresh(tmp_path / "index.sqlite"), DEPLOYMENT)
    append(store, 1, logs_of(1, PLACE))
    model = ReadModel(store.engine)
    with model.at_once() as held:
        assert held.sessions().items == ()
        append(store, 2, logs_of(2, (run_of(1, 1), settled(1), batch_of(1, 1))))
        assert held.status().number == 1
        assert held.batch(1) is None
        assert held.sessions().items == ()
    assert len(model.sessions().items) == 1


def test_spans_of_days_sites_and_connectors_add_up_to_the_same(filled: Filled) -> None:
    days = sorted({filled.local(row).date() for row in filled.rows})
    since, until = days[1], days[-2]
    for owner in (None, 2):
        mine = [
            row
            for row in filled.rows
            if owner in {None, row.owner_id} and since <= filled.local(row).date() <= until
        ]
        expected = total(mine)
        model = filled.model
        assert model.totals(owner, since, until) == expected
        connectors = model.connector_totals(owner, since, until)
        assert sum((one.totals for one in connectors), Totals()) == expected
        daily = model.daily_totals(owner, since, until)
        assert [one.day for one in daily] == [
            since + timedelta(days=i) for i in range((until - since).days + 1)
        ]
        assert sum((one.totals for one in daily), Totals()) == expected


def test_what_is_owed_to_an_owner_is_what_was_earned_and_is_nowhere_else(filled: Filled) -> None:
    """Earned, and fees and bonds given: less what went out, went back and is put aside."""
    owners = {row.owner_id for row in filled.rows}
    holds = [one for owner in owners for one in check_accrual(filled, owner)]
    assert {one.open for one in holds} == {True, False}


def check_accrual(filled: Filled, owner: int) -> list[Hold]:
    overview = filled.model.overview(owner, moments(filled)[-1])
    earned = total(row for row in filled.rows if row.owner_id == owner)
    assert overview.receivable == earned.debt - earned.collected - earned.waived

    def amounts(table: Table) -> int:
        return sum(connection.scalars(select(table.c.amount).where(table.c.owner_id == owner)))

    with filled.model._snapshot() as connection:
        disputes = select(schema.disputes.c.dispute).where(schema.disputes.c.owner_id == owner)
        closings = schema.dispute_closings.c
        of_owner = select(closings.bond_to_owner).where(closings.dispute.in_(disputes))
        bonds = sum(connection.scalars(of_owner))
        ledger = Ledger()
        ledger.use(connection, lambda: None)
        holds = [ledger.hold(one) for one in connection.scalars(disputes)]
        given = amounts(schema.fees_returned) - earned.refunded_fee + bonds
        out = amounts(schema.payouts)
        accrual = ledger.accrual(owner)
    aside = sum(one.hold - one.short for one in holds) + accrual.pool
    assert overview.accrued == earned.net + given - out - aside
    return holds


def test_hours_add_up_to_the_sessions_that_are_in_them(filled: Filled) -> None:
    hours = filled.model.hours(None, 0, 1 << 32)
    moved = [row for row in filled.sessions if row.status != 3]
    assert sum(hour.energy_wh for hour in hours) == sum(row.energy_wh for row in moved)
    assert sum(hour.gross for hour in hours) == sum(row.gross for row in moved)
    assert sum(hour.sessions for hour in hours) == len(moved)
    assert sum(hour.occupied_s for hour in hours) == sum(row.duration_s for row in moved)
    ids = [one.connector_id for one in filled.model.connectors()]
    use = filled.model.hours_of(ids, 0, 1 << 32)
    assert list(use) == [(hour.hour, hour.energy_wh, hour.occupied_s) for hour in hours]
    one = filled.model.hours(None, 0, 1 << 32, connector_id=1)
    assert sum(hour.sessions for hour in one) == sum(row.connector_id == 1 for row in moved)


@pytest.mark.parametrize(
    ("since", "until"),
    # The clocks of Europe and America change in a different week; Lord Howe's by half an hour.
    [(date(2026, 1, 2), date(2026, 1, 9)), (date(2025, 9, 1), date(2026, 5, 31))],
)
def test_energy_by_hour_of_day_is_that_of_the_local_hours(
    filled: Filled, since: date, until: date
) -> None:
    found = filled.model.energy_by_hour_of_day(filled.model.connectors(), since, until)
    for site_id, zone in filled.zones.items():
        expected = [0] * 24
        for hour in filled.model.hours(None, 0, 1 << 32, site_id):
            local = datetime.fromtimestamp(hour.hour, zone)
            if since <= local.date() <= until:
                expected[local.hour] += hour.energy_wh
        assert list(found.get(site_id, [0] * 24)) == expected


@pytest.mark.parametrize(
    "wanted",
    [
        SessionFilter(),
        SessionFilter(owner_id=2),
        SessionFilter(site_id=1, status=2),
        SessionFilter(exceptions=True, assurance=3),
        SessionFilter(connector_id=1, reason=17),
        SessionFilter(since=date(2026, 1, 5), until=date(2026, 1, 9)),
        SessionFilter(owner_id=3, since=date(2027, 1, 1)),
    ],
    ids=str,
)
def test_pages_follow_each_other_without_gap_or_overlap(
    filled: Filled, wanted: SessionFilter
) -> None:
    def matches(row: SessionRow) -> bool:
        day = filled.local(row).date()
        narrow = ("owner_id", "site_id", "connector_id", "status", "reason", "assurance")
        return (
            all(getattr(wanted, name) in {None, getattr(row, name)} for name in narrow)
            and (not wanted.exceptions or row.status != 1)
            and (wanted.since is None or day >= wanted.since)
            and (wanted.until is None or day <= wanted.until)
        )

    expected = sorted((row for row in filled.sessions if matches(row)), reverse=True)
    found: list[Any] = []
    after = None
    while True:
        page = filled.model.sessions(wanted, after, limit=7)
        assert len(page.items) <= 7
        found += page.items
        after = page.after
        if after is None:
            break
    assert [row.key for row in found] == [row.id for row in expected]
    assert [row.day for row in found] == [filled.local(row).date() for row in expected]
    later = {"collected", "collected_fee", "emitted_g", "avoided_g", "carbon_wh"}
    totals, sums = filled.model.session_totals(wanted), total(expected)
    for one in fields(Totals):
        if one.name not in later:
            assert getattr(totals, one.name) == getattr(sums, one.name), one.name


def test_a_session_says_what_the_chain_says_and_where(filled: Filled) -> None:
    row = filled.sessions[10]
    identifier = row.connector_id << 64 | row.sequence
    found = filled.model.session(identifier)
    assert found is not None
    block = filled.chain.blocks[row.id >> 20]
    log = next(log for log in block.logs if int(log.log_index, 16) == row.id & 0xFFFFF)
    assert int(log.data[2:66], 16) == found.outcome
    assert int(log.data[66:], 16) == found.word
    where = found.provenance
    assert (where.block_hash, where.transaction) == (block.hash, log.transaction_hash)
    assert (where.block_number, where.log_index) == (block.number, int(log.log_index, 16))
    assert where.block_timestamp == block.timestamp
    assert found.tariff is not None
    assert found.connector is not None
    assert found.connector.site_id == found.row.site_id == row.site_id
    batch = filled.model.batch(found.batch)
    assert batch is not None
    assert batch.provenance.transaction == log.transaction_hash
    paid = [r for r in filled.rows if isinstance(r, CollectionRow)]
    debtor = filled.model.session(paid[0].connector_id << 64 | paid[0].sequence)
    assert debtor is not None
    assert debtor.row.collected == sum(one.amount for one in debtor.collections) > 0


@pytest.mark.parametrize("identifier", [0, 1 << 64 | 10**6, 1 << 95, 1 << 40 | 5])
def test_a_session_that_is_not_there_is_none(filled: Filled, identifier: int) -> None:
    assert filled.model.session(identifier) is None


def test_each_row_says_how_final_it_is(filled: Filled) -> None:
    status = filled.model.status()
    assert (status.head_number, status.final_number) == (700, 700 - FINALITY)
    assert status.finality(700) == "seen"
    assert status.finality(700 - FINALITY // 2) == "safe"
    assert status.finality(700 - FINALITY) == "final"
    assert {row.finality for row in filled.model.sessions(limit=1000).items} >= {"final"}


def test_batches_are_listed_newest_first(filled: Filled) -> None:
    numbers, after = [], None
    while True:
        page = filled.model.batches(after, limit=50)
        numbers += [batch.batch for batch in page.items]
        after = page.after
        if after is None:
            break
    assert numbers == list(range(filled.chain.head.state.batches, 0, -1))


def test_exceptions_are_counted_by_reason(filled: Filled) -> None:
    counted = {(one.status, one.reason): one.sessions for one in filled.model.exceptions()}
    expected: dict[tuple[int, int], int] = {}
    for row in filled.sessions:
        if row.status != 1:
            key = (row.status, row.reason)
            expected[key] = expected.get(key, 0) + 1
    assert counted == expected


def test_a_limit_is_held_within_bounds(filled: Filled) -> None:
    assert len(filled.model.sessions(limit=0).items) == 1
    assert len(filled.model.sessions(limit=10**9).items) <= 1_000


def test_nothing_is_shown_of_a_database_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="chargecoin indexer run"):
        ReadModel.open(str(tmp_path / "none.sqlite")).status()


def test_an_empty_database_shows_zeros(tmp_path: Path) -> None:
    model = ReadModel(fresh(tmp_path / "empty.sqlite"))
    assert not model.status().ready
    assert model.overview(None, 1_767_225_600).month.totals == Totals()
    assert [*model.sessions().items, *model.batches().items, *model.owners()] == []


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_no_question_reads_all_sessions(filled: Filled) -> None:
    """A page costs the same at any number of sessions: every statement searches by an index."""
    model = filled.model
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    now = moments(filled)[-1]
    since, until = date(2026, 1, 2), date(2026, 1, 9)
    events.listen(model._engine, "before_cursor_execute", note)
    try:
        model.overview(1, now)
        model.connector_totals(1, since, until)
        model.daily_totals(1, since, until)
        model.hours(1, 0, now)
        model.exceptions(1)
        model.batches()
        model.batch(3)
        model.session(1 << 64 | 1)
        model.utilisation(1, now)
        model.payouts(1)
        model.status()
        model.changes_since(0)
        for wanted in (
            SessionFilter(owner_id=1),
            SessionFilter(owner_id=1, exceptions=True),
            SessionFilter(site_id=1),
            SessionFilter(connector_id=1),
            SessionFilter(batch=1),
            SessionFilter(owner_id=1, since=since, until=until),
        ):
            model.sessions(wanted)
    finally:
        events.remove(model._engine, "before_cursor_execute", note)
    assert len(asked) > 40
    tables = "sessions|collections|blocks|feed_entries|settlement_days|settlement_hours"
    grows = rf"SCAN ({tables}|connector_hours)\b(?!.*USING)"
    with model._engine.connect() as connection:
        for statement, parameters in asked:
            if statement.startswith("SELECT"):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                steps = [row[3] for row in plan]
                assert not [step for step in steps if re.match(grows, step)], (statement, steps)


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_exceptions_are_found_by_their_own_index(filled: Filled) -> None:
    query = select(schema.sessions.c.id).where(schema.not_settled, schema.sessions.c.owner_id == 1)
    statement = str(query.compile(dialect=filled.model._engine.dialect))
    with filled.model._engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (1,))
        assert "ix_sessions_exceptions" in str(list(plan))
