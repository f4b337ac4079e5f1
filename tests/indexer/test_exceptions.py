"""What happened to sessions besides being settled: every one of them, by kind, site and day."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event as events
from sqlalchemy import select

from indexer import schema
from indexer.feed import FeedStore
from indexer.hours import is_zone
from indexer.queries.exceptions import KINDS
from indexer.read_model import ExceptionFilter, ReadModel, SessionException
from tests.indexer.conftest import Databases
from tests.indexer.fake_chain import FakeChain
from tests.indexer.fake_node import FakeNode
from tests.indexer.tables import catch_up
from tests.indexer.test_feed import Oracle

OWNER: Final = 1


@pytest.fixture(scope="module")
def model(databases: Databases) -> ReadModel:
    """A filled database."""
    chain = FakeChain(5)
    chain.mine(400)
    engine = databases.new()
    asyncio.run(catch_up(FakeNode(chain, finality=8), engine, finality=8))
    return ReadModel(engine)


def everything(model: ReadModel, wanted: ExceptionFilter, limit: int) -> list[SessionException]:
    """Return all pages of a list."""
    found: list[SessionException] = []
    after: int | None = None
    while True:
        page = model.session_exceptions(wanted, after, limit)
        found += page.items
        if page.after is None:
            return found
        after = page.after


def rows(model: ReadModel, table: Any) -> list[Any]:
    """Return an owner's rows of a table."""
    with model._engine.connect() as connection:
        return list(connection.execute(select(table).where(table.c.owner_id == OWNER)))


def keys(model: ReadModel) -> dict[str, set[int]]:
    """Return what there is of each kind, found by reading every row."""
    sessions, disputes = rows(model, schema.sessions), rows(model, schema.disputes)
    with model._engine.connect() as connection:
        closed = set(connection.scalars(select(schema.dispute_closings.c.dispute)))

    def of(matches: Callable[[Any], bool]) -> set[int]:
        return {row.id for row in sessions if matches(row)}

    return {
        "unfunded": of(lambda row: row.status == 2),
        "rejected": of(lambda row: row.status == 3),
        "clamped": of(lambda row: row.flags & 1),
        "campaign": of(lambda row: row.flags & 6),
        "no_energy": of(lambda row: row.energy_wh == 0),
        "disputed": {row.id for row in disputes if row.dispute not in closed},
        "dispute_ended": {row.id for row in disputes if row.dispute in closed},
        "refunded": {row.id for row in rows(model, schema.refunds) if not row.dispute},
    }


def test_each_kind_is_all_there_is_of_it(model: ReadModel) -> None:
    expected = keys(model)
    assert set(expected) == set(KINDS)
    assert sum(1 for found in expected.values() if found) >= 6
    for kind in KINDS:
        found = everything(model, ExceptionFilter(OWNER, kind), 3)
        assert [one.key for one in found] == sorted(expected[kind], reverse=True), kind
    counted = model.exception_counts([ExceptionFilter(OWNER, kind) for kind in KINDS])
    assert counted == tuple((kind, len(expected[kind])) for kind in KINDS)


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_all_kinds_together_come_newest_first_and_once(model: ReadModel, limit: int) -> None:
    found = [one.key for one in everything(model, ExceptionFilter(OWNER), limit)]
    assert found == sorted(set().union(*keys(model).values()), reverse=True)


def test_a_dispute_or_refund_names_its_session(model: ReadModel) -> None:
    found = everything(model, ExceptionFilter(OWNER), 100)
    later = [one for one in found if one.dispute or one.refund]
    assert later
    for one in later:
        about = one.dispute or one.refund
        assert about
        assert one.session.session_id == about.session_id
        assert one.at == about.provenance.block_timestamp


def test_days_are_those_of_the_site(model: ReadModel) -> None:
    found = everything(model, ExceptionFilter(OWNER), 100)
    sites = {one.session.site_id for one in found}

    def day(one: SessionException) -> date:
        name = one.session.time_zone
        return datetime.fromtimestamp(one.at, ZoneInfo(name if is_zone(name) else "UTC")).date()

    days = sorted({day(one) for one in found})
    since, until = days[len(days) // 4], days[3 * len(days) // 4]
    for site in sites:
        wanted = ExceptionFilter(OWNER, None, site, since, until)
        expected = [
            one.key for one in found if one.session.site_id == site and since <= day(one) <= until
        ]
        assert [one.key for one in everything(model, wanted, 5)] == expected
    assert everything(model, ExceptionFilter(OWNER, since=days[-1], until=days[0]), 5) == []


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_only_the_few_are_read(model: ReadModel) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    events.listen(model._engine, "before_cursor_execute", note)
    try:
        for kind in (None, *KINDS):
            wanted = ExceptionFilter(OWNER, kind)
            model.session_exceptions(wanted)
            model.exception_counts([wanted])
        model.failed_starts([1, 2], 0, 1 << 40)
    finally:
        events.remove(model._engine, "before_cursor_execute", note)
    used = set()
    with model._engine.connect() as connection:
        for statement, parameters in asked:
            if not statement.startswith("SELECT"):
                continue
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            for step in (row[3] for row in steps):
                assert not re.match(r"SCAN (sessions|refunds|disputes|feed_entries)\b", step), step
                used |= set(re.findall(r"INDEX (ix_sessions_\w+|ix_feed\w+)", step))
    assert {
        "ix_sessions_exceptions",
        "ix_sessions_remarks",
        "ix_feed_entries_failed_starts",
    } <= used
    assert "ix_sessions_owner_id_id" not in used


def test_failed_starts_come_from_the_feed_newest_first(databases: Databases) -> None:
    engine = databases.new()
    store = FeedStore(engine, 10_000)
    oracle = Oracle()
    for connector, kind, energy in (
        (1, "status", None),
        (1, "failed_start", None),
        (1, "failed_start", 0),
        (2, "failed_start", None),
    ):
        oracle.at += 100
        oracle.say(connector, kind, "Available", energy_wh=energy)
    assert store.add("http://oracle", oracle.entries, frozenset({oracle.signer.address})) == 4
    model = ReadModel(engine)
    ever = oracle.at + 1
    found = model.failed_starts([1], 0, ever)
    assert [(one.at, one.energy_wh) for one in found] == [(ever - 101, 0), (ever - 201, None)]
    assert [one.connector_id for one in model.failed_starts([1, 2], ever - 150, ever)] == [2, 1]
    assert [one.n for one in model.failed_starts([1, 2], 0, ever, limit=1)] == [4]
