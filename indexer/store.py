"""Writing: blocks appended and undone, each with its rows, rollups and the cursor in one commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from eth_utils.crypto import keccak
from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, update

from chargecoin.deployments import Deployment
from chargecoin.errors import StoreError
from indexer import schema
from indexer.assemble import Assembler, read_contracts
from indexer.binders import Binder, binders
from indexer.columns import SessionColumns
from indexer.database import snapshot, writing
from indexer.ledger import Ledger
from indexer.rollups import Deltas
from indexer.rows import CollectionRow, RefundRow
from indexer.rpc import Log
from indexer.schema import LOG_BITS, row_id

State = Literal["backfill", "live", "behind", "mending"]

KEPT_CHANGES: Final = 5_000
# Logs after which the statistics of the indexes are made anew.
ANALYSE_AFTER: Final = 100_000
# Blocks undone in one transaction at most: bounds memory where very much has to go.
UNDO_ROWS: Final = 20_000
_MANY_OWNERS: Final = 50
_REGISTRY: Final = frozenset(
    table.name
    for table in (
        schema.owners,
        schema.owner_accounts,
        schema.sites,
        schema.stations,
        schema.evses,
        schema.connectors,
        schema.tariffs,
        schema.meter_keys,
        schema.meter_key_vouchings,
        schema.meter_key_revocations,
    )
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block that is to be stored. Hashes are 32 bytes, the time is UTC seconds."""

    number: int
    hash: bytes
    parent: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the tables are; the same fields as the table `cursor`."""

    number: int
    hash: bytes
    timestamp: int
    head_number: int
    safe_number: int
    final_number: int
    state: State
    detail: str
    reorgs: int
    deepest_reorg: int


class _Transaction:
    """The rows and sums of one transaction on their way into the database."""

    def __init__(self, connection: Connection, binders: dict[str, Binder]) -> None:
        self.connection = connection
        self.deltas = Deltas()
        self.tables: set[str] = set()
        self._binders = binders
        self._rows: dict[str, list[tuple[Any, ...]]] = {}

    def add(self, table: Table, row: tuple[Any, ...]) -> None:
        """Take a row, in the table's column order."""
        self._rows.setdefault(table.name, []).append(row)

    def extend(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take rows, in the table's column order."""
        self._rows.setdefault(table.name, []).extend(rows)

    def flush(self) -> None:
        """Write the rows taken so far, so that the transaction can read them."""
        for name, rows in self._rows.items():
            self._binders[name].insert(self.connection, rows)
            self.tables.add(name)
        self._rows.clear()

    def add_sums(self) -> None:
        """Add the sums to the rollups."""
        for table, sums in self._sums():
            if sums:
                # By key: neighbours in the index are written together.
                rows = [(*key, *sums[key]) for key in sorted(sums)]
                self._binders[table.name].add_up(self.connection, rows)

    def forget_empty(self) -> None:
        """Delete those of the touched rollup rows that nothing is behind any more."""
        for table, sums in self._sums():
            keys = len(table.primary_key.columns)
            if sums:
                rows = [key[:keys] for key in sums]
                self._binders[table.name].delete_empty(self.connection, rows)

    def _sums(self) -> Iterable[tuple[Table, Mapping[tuple[int, ...], Sequence[int]]]]:
        yield schema.settlement_hours, self.deltas.settlement_hours  # type: ignore[misc]
        yield schema.settlement_days, self.deltas.settlement_days  # type: ignore[misc]
        yield schema.connector_hours, self.deltas.connector_hours  # type: ignore[misc]
        yield schema.campaign_days, self.deltas.campaign_days  # type: ignore[misc]
        yield schema.outcome_days, self.deltas.outcome_days  # type: ignore[misc]


class Store:
    """The one writer of what comes from the chain."""

    def __init__(self, engine: Engine, deployment: Deployment) -> None:
        """Write into a migrated database. Raises `StoreError` if it holds another deployment."""
        self.engine = engine
        self.deployment = deployment
        self._events = read_contracts(deployment)
        self._ledger: Ledger | None = None
        # As if very much had come: what came before this process is not known.
        self._unanalysed = ANALYSE_AFTER
        self._binders = binders(list(schema.metadata.tables.values()), engine)
        self._identity = keccak(
            text="\n".join(
                [
                    str(deployment.chain_id),
                    str(deployment.start_block),
                    *sorted(self._events),
                ]
            )
        )
        self._check_identity()

    @property
    def addresses(self) -> list[str]:
        """The contracts whose logs are indexed."""
        return list(self._events)

    def cursor(self) -> Cursor | None:
        """Return how far the tables are, None before the first block."""
        with snapshot(self.engine) as connection:
            row = connection.execute(select(schema.cursor)).one_or_none()
        if row is None:
            return None
        return Cursor(**{name: getattr(row, name) for name in Cursor.__dataclass_fields__})

    def stored_hash(self, number: int) -> bytes | None:
        """Return the hash of a stored block."""
        with snapshot(self.engine) as connection:
            return connection.scalar(
                select(schema.blocks.c.hash).where(schema.blocks.c.number == number)
            )

    def stored_below(self, number: int, limit: int) -> list[Block]:
        """Return the newest stored blocks at or below a number, newest first."""
        table = schema.blocks
        with snapshot(self.engine) as connection:
            rows = connection.execute(
                select(table)
                .where(table.c.number <= number)
                .order_by(table.c.number.desc())
                .limit(limit)
            )
            return [Block(row.number, row.hash, row.parent, row.timestamp) for row in rows]

    def append(self, blocks: Sequence[Block], logs: Sequence[Log], cursor: Cursor) -> None:
        """Store blocks above the cursor with their logs, and move the cursor there.

        `blocks` hold at least those that have logs and the cursor's own; `logs` are in
        chain order. Raises what `Assembler.read` raises, and then nothing is stored.
        """
        counts = dict.fromkeys((block.number for block in blocks), 0)
        for log in logs:
            counts[int(log.block_number, 16)] += 1
        ledger = self._ledger or Ledger()
        self._ledger = None
        with writing(self.engine) as connection:
            transaction = _Transaction(connection, self._binders)
            ledger.use(connection, transaction.flush)
            for block in blocks:
                row = (block.number, block.hash, block.parent, block.timestamp)
                transaction.add(schema.blocks, (*row, counts[block.number]))
            timestamps = {block.number: block.timestamp for block in blocks}
            Assembler(self._events, ledger).read(logs, timestamps, transaction)
            transaction.flush()
            transaction.add_sums()
            self._forget_blocks(connection, cursor)
            self._write_cursor(connection, cursor)
            self._tell(connection, transaction, cursor.number)
            self._unanalysed += len(logs)
            if cursor.state == "live" and self._unanalysed >= ANALYSE_AFTER:
                self._analyse(connection)
        # Only now: what a failed transaction taught the ledger is not so.
        self._ledger = ledger

    def undo(self, ancestor: Block, cursor: Cursor) -> None:
        """Take away every block above `ancestor` with all that hangs off it.

        In steps of whole blocks, newest first, each one commit with the cursor at the
        block below, so an interruption leaves a consistent, higher state.
        """
        self._ledger = None
        while True:
            with writing(self.engine) as connection:
                below = self._undo_point(connection, ancestor)
                transaction = _Transaction(connection, self._binders)
                ledger = Ledger()
                ledger.use(connection, transaction.flush)
                owners = self._subtract(connection, transaction, ledger, below.number)
                transaction.add_sums()
                transaction.forget_empty()
                for table in schema.EVENT_TABLES:
                    connection.execute(
                        delete(table).where(table.c.id >= row_id(below.number + 1, 0))
                    )
                connection.execute(
                    delete(schema.blocks).where(schema.blocks.c.number > below.number)
                )
                at = replace(
                    cursor, number=below.number, hash=below.hash, timestamp=below.timestamp
                )
                self._write_cursor(connection, at)
                self._add_changes(connection, "reorg", owners, below.number)
            if below.number == ancestor.number:
                return

    def save(self, cursor: Cursor, kind: str = "state") -> None:
        """Write the cursor alone: the head, finality or state changed, the tables did not."""
        with writing(self.engine) as connection:
            self._forget_blocks(connection, cursor)
            self._write_cursor(connection, cursor)
            self._add_changes(connection, kind, [0], cursor.number)

    def withhold(self, why: str) -> None:
        """Say that the tables are not to be shown as current, whatever else is being written."""
        with writing(self.engine) as connection:
            connection.execute(update(schema.cursor).values(state="mending", detail=why))
            self._add_changes(connection, "state", [0], 0)

    def tell(self, kind: str) -> None:
        """Announce a change that is not the chain's, such as the feed's."""
        with writing(self.engine) as connection:
            self._add_changes(connection, kind, [0], 0)

    # --- inside a transaction ---

    def _check_identity(self) -> None:
        with snapshot(self.engine) as connection:
            row = connection.execute(select(schema.cursor)).one_or_none()
        if row is not None and row.identity != self._identity:
            raise StoreError(
                f"the database holds the tables of another deployment (chain {row.chain_id}, from "
                f"block {row.start_block}); name another database, or delete this one: it is "
                "filled again from the chain"
            )

    def _analyse(self, connection: Connection) -> None:
        """Let SQLite learn which index finds least, from a sample; PostgreSQL does it by itself."""
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA analysis_limit=1000")
            connection.exec_driver_sql("ANALYZE")
        self._unanalysed = 0

    def _write_cursor(self, connection: Connection, cursor: Cursor) -> None:
        values = {name: getattr(cursor, name) for name in Cursor.__dataclass_fields__}
        if connection.execute(update(schema.cursor).values(**values)).rowcount == 0:
            connection.execute(
                insert(schema.cursor).values(
                    id=1,
                    chain_id=self.deployment.chain_id,
                    identity=self._identity,
                    start_block=self.deployment.start_block,
                    **values,
                )
            )

    @staticmethod
    def _forget_blocks(connection: Connection, cursor: Cursor) -> None:
        table = schema.blocks
        kept_from = min(cursor.final_number, cursor.number)
        connection.execute(delete(table).where(table.c.logs == 0, table.c.number < kept_from))

    def _tell(self, connection: Connection, transaction: _Transaction, number: int) -> None:
        owners = transaction.deltas.owners()
        if owners:
            self._add_changes(connection, "settled", owners, number)
        if transaction.tables & _REGISTRY:
            self._add_changes(connection, "registry", [0], number)
        elif not owners:
            kind = "money" if transaction.tables - {schema.blocks.name} else "block"
            self._add_changes(connection, kind, [0], number)

    @staticmethod
    def _add_changes(connection: Connection, kind: str, owners: Sequence[int], number: int) -> None:
        table = schema.changes
        concerned = list(owners) if 0 < len(owners) <= _MANY_OWNERS else [0]
        connection.execute(
            insert(table),
            [{"kind": kind, "owner_id": one, "block_number": number} for one in concerned],
        )
        newest = connection.scalar(select(func.max(table.c.id))) or 0
        # By the newest that undid blocks, answers are known to be of rows that are gone.
        old = (table.c.id <= newest - KEPT_CHANGES) & (table.c.kind != "reorg")
        connection.execute(delete(table).where(old))

    @staticmethod
    def _undo_point(connection: Connection, ancestor: Block) -> Block:
        """Return the block to undo down to now: the ancestor, or one above it where it is far."""
        table = schema.blocks
        sessions = schema.sessions
        far = connection.scalar(
            select(sessions.c.id)
            .where(sessions.c.id >= row_id(ancestor.number + 1, 0))
            .order_by(sessions.c.id.desc())
            .offset(UNDO_ROWS)
            .limit(1)
        )
        if far is None:
            return ancestor
        newest = select(func.max(table.c.number)).scalar_subquery()
        row = connection.execute(
            select(table)
            .where(
                table.c.number <= far >> LOG_BITS,
                table.c.number > ancestor.number,
                table.c.number < newest,
            )
            .order_by(table.c.number.desc())
            .limit(1)
        ).one_or_none()
        return ancestor if row is None else Block(*row[:4])

    @staticmethod
    def _subtract(
        connection: Connection, transaction: _Transaction, ledger: Ledger, number: int
    ) -> list[int]:
        """Take the sums of the rows above block `number` away; return the owners concerned."""
        owners: set[int] = set()
        first = row_id(number + 1, 0)
        sessions, collections, refunds = schema.sessions, schema.collections, schema.refunds
        undone = SessionColumns.of(
            connection.execute(select(sessions).where(sessions.c.id >= first)).all()
        )
        transaction.deltas.add_sessions(undone, lambda one: ledger.place(one).local, -1)
        owners.update(undone.owner_id.tolist())
        for row in connection.execute(select(collections).where(collections.c.id >= first)):
            collection = CollectionRow._make(row)
            local = ledger.place(collection.connector_id).local
            transaction.deltas.add_collection(collection, local, -1)
            owners.add(collection.owner_id)
        for row in connection.execute(select(refunds).where(refunds.c.id >= first)):
            refund = RefundRow._make(row)
            transaction.deltas.add_refund(refund, ledger.place(refund.connector_id).local, -1)
            owners.add(refund.owner_id)
        return sorted(owners)
