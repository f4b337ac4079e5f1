"""Rows out of logs: read whole, put in their place, refused where a log must be missing."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from chargecoin.deployments import Deployment
from chargecoin.errors import CodecError, ConfigurationError, StoreError
from chargecoin.record import Outcome, OutcomeFlag, Reason, SessionRecord, Status, session_id
from chargecoin.tariff import Prices, Tariff
from indexer import schema
from indexer.database import migrate, open_engine
from indexer.ledger import MissingLogsError
from indexer.rows import outcome_word, session_word
from indexer.rpc import Log
from indexer.store import Block, Cursor, Store
from tests.indexer.conftest import Databases
from tests.indexer.fake_chain import DEPLOYMENT, GENESIS, FakeChain, Writer, event
from tests.indexer.fake_node import FakeNode
from tests.indexer.tables import catch_up, contents

HASH = "0x" + "ab" * 32
TARIFF = Tariff.flat(Prices(450_000, 0, 0, 0), GENESIS)
SESSION = SessionRecord(1, GENESIS, 3600, 600, 10_000, 4_500_000, 0, 72, 177, 43, 2)
PLACE = (
    event("StationRegistry", "OwnerRegistered", owner_id=1, account="0x" + "11" * 20, name="Owner"),
    event(
        "StationRegistry",
        "SiteAdded",
        site_id=1,
        owner_id=1,
        name="Site",
        time_zone="Asia/Kolkata",
        country="IN",
        grid_zone="IN",
    ),
    event(
        "StationRegistry",
        "StationAdded",
        station_id=1,
        site_id=1,
        identity="CP-1",
        vendor="Vendor",
        model="Model",
    ),
    event("StationRegistry", "EvseAdded", evse=1, station_id=1, evse_number=1, evse_id=""),
    event(
        "StationRegistry",
        "ConnectorAdded",
        connector_id=1,
        evse=1,
        connector_number=1,
        standard=4,
        power_type=2,
        max_power_w=22_000,
    ),
    event(
        "StationRegistry",
        "TariffPublished",
        connector_id=1,
        index=1,
        tariff=TARIFF.encode(),
        vat_bps=1900,
        terms_hash=bytes(32),
    ),
)


def run_of(first: int, count: int) -> tuple[str, list[str], str]:
    return event(
        "Settlement", "Run", run=1 << 224 | 1 << 192 | first << 160 | 1 << 128 | count << 112
    )


def settled(number: int, record: SessionRecord = SESSION, **outcome: Any) -> Any:
    values = {
        "status": Status.SETTLED,
        "reason": Reason.NONE,
        "flags": OutcomeFlag(0),
        "paid": record.gross,
        "campaign_paid": 0,
        "debt": 0,
    } | outcome
    word = Outcome(session_id(1, number), **values).encode()  # type: ignore[arg-type]
    return event("Settlement", "Session", session=word, word=record.encode())


def batch_of(number: int, sessions: int) -> Any:
    return event(
        "Settlement",
        "BatchSettled",
        batch=number,
        epoch=1,
        evidence_root=bytes(32),
        commitment=bytes(32),
        sessions=sessions,
        submitter="0x" + "22" * 20,
    )


def logs_of(number: int, *transactions: Any) -> list[Log]:
    writer = Writer(number, HASH)
    for events in transactions:
        writer.transaction(*events)
    return writer.logs


def append(store: Store, number: int, logs: list[Log], at: int | None = None) -> None:
    block = Block(number, bytes.fromhex(HASH[2:]), bytes(32), at or GENESIS + 7200 + number)
    cursor = Cursor(number, block.hash, block.timestamp, number, 0, 0, "live", "", 0, 0)
    store.append([block], logs, cursor)


@pytest.fixture
def store(engine: Engine) -> Store:
    found = Store(engine, DEPLOYMENT)
    append(found, 1, logs_of(1, PLACE))
    return found


def rows(store: Store, table: Any) -> list[Any]:
    with store.engine.connect() as connection:
        return list(connection.execute(select(table).order_by(table.c.id)))


def test_a_session_knows_its_place_its_batch_and_its_local_day(store: Store) -> None:
    append(store, 2, logs_of(2, (run_of(1, 1), settled(1), batch_of(1, 1))))
    [row] = rows(store, schema.sessions)
    assert (row.connector_id, row.sequence, row.owner_id, row.site_id) == (1, 1, 1, 1)
    assert (row.batch, row.tariff_index, row.gross, row.fee) == (1, 1, 4_500_000, 4_500)
    # 02:00:02 UTC is 07:30:02 in Kolkata.
    assert (row.settled_at, row.settled_day) == (GENESIS + 7202, GENESIS // 86_400)
    assert session_word(row) == SESSION.encode()
    assert outcome_word(row) == int(settled(1)[2][2:66], 16)


def test_place_and_session_may_come_in_one_block(engine: Engine) -> None:
    store = Store(engine, DEPLOYMENT)
    append(store, 1, logs_of(1, PLACE, (run_of(1, 1), settled(1), batch_of(1, 1))))
    assert rows(store, schema.sessions)[0].site_id == 1


def test_two_batches_of_one_transaction_keep_their_sessions_apart(store: Store) -> None:
    both = (run_of(1, 1), settled(1), batch_of(1, 1), run_of(2, 2), settled(2), settled(3))
    append(store, 2, logs_of(2, (*both, batch_of(2, 2))))
    assert [row.batch for row in rows(store, schema.sessions)] == [1, 2, 2]
    assert [(row.batch, row.sessions) for row in rows(store, schema.runs)] == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("recorded", "due"), [(5_000_000, 4_500_000), (4_000_000, 4_500_000)], ids=["above", "below"]
)
def test_what_was_due_is_within_the_tariff_where_the_contract_clamped(
    store: Store, recorded: int, due: int
) -> None:
    record = SessionRecord(1, GENESIS, 3600, 600, 10_000, recorded, 0, 72, 177, 43, 2)
    unfunded = settled(
        1,
        record,
        status=Status.UNFUNDED,
        reason=Reason.BALANCE_SHORT,
        flags=OutcomeFlag.CLAMPED,
        paid=1_000_000,
        debt=3_000_000,
    )
    append(store, 2, logs_of(2, (run_of(1, 1), unfunded, batch_of(1, 1))))
    [row] = rows(store, schema.sessions)
    assert (row.recorded_gross, row.gross, row.fee) == (recorded, due, 1_000)
    assert session_word(row) == record.encode()


@pytest.mark.parametrize(
    ("recorded", "due"), [(9_000_000, 5_000_000), (1_000_000, 4_000_000)], ids=["above", "below"]
)
def test_between_bounds_the_nearer_one_was_due(engine: Engine, recorded: int, due: int) -> None:
    store = Store(engine, DEPLOYMENT)
    bounds = Tariff(GENESIS, 1 << 31, Prices(400_000, 0, 0, 0), Prices(500_000, 0, 0, 0))
    published = event(
        "StationRegistry",
        "TariffPublished",
        connector_id=1,
        index=1,
        tariff=bounds.encode(),
        vat_bps=1900,
        terms_hash=bytes(32),
    )
    append(store, 1, logs_of(1, (*PLACE[:-1], published)))
    record = SessionRecord(1, GENESIS, 3600, 600, 10_000, recorded, 0, 72, 177, 43, 2)
    unfunded = settled(
        1,
        record,
        status=Status.UNFUNDED,
        reason=Reason.LIMIT_SHORT,
        flags=OutcomeFlag.CLAMPED,
        paid=0,
        debt=due,
    )
    append(store, 2, logs_of(2, (run_of(1, 1), unfunded, batch_of(1, 1))))
    assert rows(store, schema.sessions)[0].gross == due


def test_a_rejected_record_is_kept_bit_by_bit(store: Store) -> None:
    word = (1 << 256) - 1
    outcome = Outcome(
        session_id(1, 1), Status.REJECTED, Reason.FIELD_RANGE, OutcomeFlag(0), 0, 0, 0
    )
    odd = event("Settlement", "Session", session=outcome.encode(), word=word)
    append(store, 2, logs_of(2, (run_of(1, 1), odd, batch_of(1, 1))))
    [row] = rows(store, schema.sessions)
    assert session_word(row) == word
    assert outcome_word(row) == outcome.encode()


def test_amounts_of_more_than_63_bits_are_stored_to_the_unit(store: Store) -> None:
    amount = (1 << 80) - 1
    deposit = event("Settlement", "Deposited", account=1, sender="0x" + "11" * 20, amount=amount)
    append(store, 2, logs_of(2, (deposit,)))
    assert rows(store, schema.deposits)[0].amount == amount


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ((settled(1), batch_of(1, 1)), "no run covers"),
        ((run_of(1, 2), settled(1), batch_of(1, 2)), "has 2 sessions, the node gave 1"),
        ((run_of(1, 1), settled(1), batch_of(1, 2)), "has 2 sessions, the node gave 1"),
        ((run_of(1, 2), settled(2), settled(3), batch_of(1, 2)), "not the next of its run"),
        ((run_of(1, 2), settled(1), settled(1), batch_of(1, 2)), "not the next of its run"),
        ((run_of(1, 1), settled(1)), "no batch covers"),
        ((run_of(2, 1), settled(2), batch_of(1, 1)), "goes on at 2 after 0"),
        ((run_of(1, 1), settled(1), batch_of(2, 1)), "batch 2 comes after 0"),
        ((run_of(1, 2), settled(1), run_of(3, 1)), "a run ends early"),
    ],
)
def test_where_a_log_is_missing_nothing_is_stored(store: Store, events: Any, said: str) -> None:
    before = contents(store.engine)
    with pytest.raises(MissingLogsError, match=said):
        append(store, 2, logs_of(2, events))
    assert contents(store.engine) == before
    # And the writer is not confused by what it read and did not store.
    append(store, 2, logs_of(2, (run_of(1, 1), settled(1), batch_of(1, 1))))
    assert len(rows(store, schema.sessions)) == 1


@pytest.mark.parametrize("data", ["0x", "0x" + "0" * 64, "0x" + "zz" * 64, "0x" + "0" * 192])
def test_a_session_that_is_not_two_words_stops_the_indexer(store: Store, data: str) -> None:
    logs = logs_of(2, (run_of(1, 1), settled(1), batch_of(1, 1)))
    logs[1].data = data
    before = contents(store.engine)
    with pytest.raises(CodecError):
        append(store, 2, logs)
    assert contents(store.engine) == before


def test_a_log_of_no_known_event_stops_the_indexer(store: Store) -> None:
    log = logs_of(2, (batch_of(1, 1),))[0]
    log.topics = ("0x" + "ff" * 32,)
    with pytest.raises(CodecError, match="no event that this release knows"):
        append(store, 2, [log])


def test_a_database_of_another_deployment_is_refused(store: Store) -> None:
    other = Deployment(1, 1, DEPLOYMENT.contracts)
    with pytest.raises(StoreError, match="another deployment"):
        Store(store.engine, other)


async def test_much_is_undone_in_steps_and_leaves_no_trace(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.store.UNDO_ROWS", 5)
    chain = FakeChain(3)
    node = FakeNode(chain, finality=100)
    chain.mine(40)
    short = databases.new()
    await catch_up(node, short, finality=100)
    chain.mine(40)
    long = databases.new()
    await catch_up(node, long, finality=100)
    store = Store(long, DEPLOYMENT)
    [ancestor] = store.stored_below(40, 1)
    cursor = store.cursor()
    assert cursor is not None
    store.undo(ancestor, cursor)
    assert contents(long) == contents(short)


def test_the_migrations_make_the_tables_of_the_schema(engine: Engine) -> None:
    with engine.connect() as connection:
        assert not compare_metadata(MigrationContext.configure(connection), schema.metadata)
        if engine.dialect.name == "postgresql":
            return
        options = {
            row.name: "WITHOUT ROWID" in row.sql
            for row in connection.execute(text("SELECT name, sql FROM sqlite_master"))
            if row.name in {"settlement_days", "settlement_hours", "connector_hours"}
        }
    assert all(options.values())
    migrate(engine)  # Again does nothing.


def test_a_database_of_a_newer_release_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer release"):
        migrate(engine)


def test_the_schema_can_be_made_in_postgresql() -> None:
    new: Any = postgresql.dialect
    dialect = new()
    made = [
        str(CreateTable(table).compile(dialect=dialect)) for table in schema.metadata.sorted_tables
    ]
    made += [
        str(CreateIndex(index).compile(dialect=dialect))
        for table in schema.metadata.sorted_tables
        for index in table.indexes
    ]
    assert any("amount NUMERIC(78, 0)" in one for one in made)
    assert any("id BIGINT NOT NULL" in one for one in made)
    assert any("WHERE status != 1" in one for one in made)


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql+nodriver://x/y"])
def test_a_database_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_engine(url)
