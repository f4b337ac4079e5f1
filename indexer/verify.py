"""Is what the tables say what the chain says? Compared three ways, to the unit.

1. *rows and rollups*: every sum is made again from the rows stored.
2. *tables and logs*: every log is fetched again and indexed anew, into a database of
   its own; each table is compared with its twin, row by row.
3. *tables and storage*: what the contracts hold (vaults, accruals, heads with their
   running hashes, fees, liabilities, batch commitments) is asked of the contracts at
   the block the tables are at, and compared with the sum of the rows
   (`indexer.verify_storage`).

The first needs no node; the third shares no code with the indexing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, and_, func, select, union

from chargecoin.deployments import Deployment
from chargecoin.errors import ChainError, StoreError
from indexer import schema
from indexer.database import open_database, snapshot
from indexer.fetch import Fetcher
from indexer.ledger import Ledger
from indexer.report import Check, Report
from indexer.rollups import Deltas
from indexer.rows import CollectionRow, SessionRow
from indexer.rpc import Node
from indexer.store import Cursor, Store
from indexer.verify_storage import compare_storage

Progress = Callable[[str], None]


async def verify(
    engine: Engine,
    deployment: Deployment,
    node: Node | None,
    progress: Progress = lambda _line: None,
) -> Report:
    """Compare everything; without a node only rows and rollups.

    Raises `StoreError` if nothing is indexed yet, `ChainError` if the node is on
    another branch than the tables (a reorg meanwhile: run it again).
    """
    with snapshot(engine) as connection:
        row = connection.execute(select(schema.cursor)).one_or_none()
        if row is None:
            raise StoreError("nothing is indexed yet; start `chargecoin indexer run` first")
        cursor = Cursor(**{name: getattr(row, name) for name in Cursor.__dataclass_fields__})
        checks = compare_rollups(connection, progress)
        if node is not None:
            fetcher = Fetcher(node, [], 0)
            await _same_branch(fetcher, cursor)
            with tempfile.TemporaryDirectory(prefix="chargecoin-verify-") as folder:
                twin = await _index_again(node, deployment, cursor, Path(folder), progress)
                with snapshot(twin) as other:
                    checks += compare_tables(connection, other, progress)
                twin.dispose()
            checks += await compare_storage(connection, deployment, node, cursor.number, progress)
            await _same_branch(fetcher, cursor)
    return Report(cursor.number, "0x" + cursor.hash.hex(), tuple(checks))


async def _same_branch(fetcher: Fetcher, cursor: Cursor) -> None:
    [block] = await fetcher.headers([cursor.number])
    if block.hash != cursor.hash:
        raise ChainError(
            f"block {cursor.number} of the node is not the one the tables are at: a reorg, or "
            "another chain. Let the indexer catch up and verify again"
        )


# --- rows and rollups ---


def compare_rollups(connection: Connection, progress: Progress) -> list[Check]:
    """Make every sum again from the rows stored, owner by owner."""
    tables = (schema.settlement_hours, schema.settlement_days, schema.connector_hours)
    checks = {table.name: Check(f"{table.name} from rows") for table in tables}
    seen = dict.fromkeys(checks, 0)
    for owner_id in _owners(connection):
        progress(f"sums of owner {owner_id}")
        deltas, connectors = _sums_of(connection, owner_id)
        expected: dict[str, dict[Any, tuple[int, ...]]] = {
            "settlement_hours": {key[:3]: sums for key, sums in deltas.settlement_hours.items()},
            "settlement_days": {key[:3]: sums for key, sums in deltas.settlement_days().items()},
            "connector_hours": dict(deltas.connector_hours),
        }
        for table in tables:
            stored = _stored_sums(connection, table, owner_id, connectors)
            wanted = expected[table.name]
            seen[table.name] += len(stored)
            for key in sorted(stored.keys() | wanted.keys()):
                check = checks[table.name]
                check.see(f"{table.name} {key}", stored.get(key), wanted.get(key))
    for table in tables:
        rows = connection.scalar(select(func.count()).select_from(table)) or 0
        checks[table.name].see(f"rows of {table.name}", rows, seen[table.name])
    return list(checks.values())


def _owners(connection: Connection) -> list[int]:
    found = union(
        select(schema.sessions.c.owner_id),
        select(schema.collections.c.owner_id),
        select(schema.settlement_days.c.owner_id),
        select(schema.settlement_hours.c.owner_id),
    )
    return sorted(connection.scalars(found))


def _sums_of(connection: Connection, owner_id: int) -> tuple[Deltas, list[int]]:
    deltas = Deltas()
    connectors = set()
    ledger = Ledger()
    ledger.use(connection, lambda: None)
    for session in _rows(connection, schema.sessions, owner_id):
        row = SessionRow._make(session)
        connectors.add(row.connector_id)
        deltas.add_session(row, ledger.place(row.connector_id).local)
    for collection in _rows(connection, schema.collections, owner_id):
        paid = CollectionRow._make(collection)
        deltas.add_collection(paid, ledger.place(paid.connector_id).local)
    return deltas, sorted(connectors)


def _rows(connection: Connection, table: Table, owner_id: int) -> Iterator[Any]:
    query = select(table).where(table.c.owner_id == owner_id).order_by(table.c.id)
    return iter(connection.execute(query.execution_options(yield_per=2_000)))


def _stored_sums(
    connection: Connection, table: Table, owner_id: int, connectors: Iterable[int]
) -> dict[Any, tuple[int, ...]]:
    key = list(table.primary_key)
    sums = [one for one in table.c if not one.primary_key and one.name != "site_id"]
    found: dict[Any, tuple[int, ...]] = {}
    queries = (
        [select(*key, *sums).where(table.c.owner_id == owner_id)]
        if "owner_id" in table.c
        else [select(*key, *sums).where(table.c.connector_id == one) for one in connectors]
    )
    for query in queries:
        for row in connection.execute(query):
            found[tuple(row[: len(key)])] = tuple(row[len(key) :])
    return found


# --- tables and logs ---


async def _index_again(
    node: Node, deployment: Deployment, cursor: Cursor, folder: Path, progress: Progress
) -> Engine:
    """Index from the first block to the cursor's, into a database of its own."""
    engine = open_database(f"sqlite:///{folder / 'twin.sqlite'}")
    store = Store(engine, deployment)
    fetcher = Fetcher(node, store.addresses, 0)
    first = deployment.start_block
    while first <= cursor.number:
        fetched = await fetcher.range(first, cursor.number)
        last = fetched.last
        at = Cursor(
            number=last.number,
            hash=last.hash,
            timestamp=last.timestamp,
            head_number=cursor.number,
            safe_number=cursor.number,
            final_number=cursor.number,
            state="backfill",
            detail="",
            reorgs=0,
            deepest_reorg=0,
        )
        store.append(fetched.blocks, fetched.logs, at)
        progress(f"indexed again to block {last.number} of {cursor.number}")
        first = last.number + 1
    return engine


def compare_tables(ours: Connection, theirs: Connection, progress: Progress) -> list[Check]:
    """Compare each table that comes from the chain with its twin, row by row."""
    rollups = (schema.settlement_hours, schema.settlement_days, schema.connector_hours)
    checks = []
    for table in (schema.blocks, *schema.EVENT_TABLES, *rollups):
        progress(f"comparing {table.name}")
        check = Check(f"{table.name} from logs")
        key_size = len(table.primary_key.columns)
        mine, other = _ordered(ours, table), _ordered(theirs, table)
        left, right = next(mine, None), next(other, None)
        while left is not None or right is not None:
            left_key = tuple(left[:key_size]) if left is not None else None
            right_key = tuple(right[:key_size]) if right is not None else None
            if right_key is None or (left_key is not None and left_key < right_key):
                check.see(f"{table.name} {left_key}", _said(left), None)
                left = next(mine, None)
            elif left_key is None or right_key < left_key:
                check.see(f"{table.name} {right_key}", None, _said(right))
                right = next(other, None)
            else:
                check.see(f"{table.name} {left_key}", _said(left), _said(right))
                left, right = next(mine, None), next(other, None)
        checks.append(check)
    return checks


def _ordered(connection: Connection, table: Table) -> Iterator[Any]:
    key = list(table.primary_key)
    rest = [column for column in table.c if not column.primary_key]
    # Blocks without logs are kept or not by when they were stored.
    where = table.c.logs > 0 if table is schema.blocks else and_(True)
    query = select(*key, *rest).where(where).order_by(*key)
    return iter(connection.execute(query.execution_options(yield_per=2_000)))


def _said(row: Any) -> dict[str, Any]:
    return {
        name: "0x" + value.hex() if isinstance(value, bytes) else value
        for name, value in row._mapping.items()  # noqa: SLF001 -- its public face
    }
