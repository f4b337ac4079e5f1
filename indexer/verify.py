"""Is what the tables say what the chain says? Compared three ways, to the unit.

1. *rows and rollups*: every sum and running balance is made again from the rows stored
   (`indexer.verify_rows`).
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, and_, select

from chargecoin.deployments import Deployment
from chargecoin.errors import ChainError, StoreError
from indexer import schema
from indexer.database import open_database, snapshot
from indexer.fetch import Fetcher
from indexer.report import Check, Report
from indexer.rpc import Node
from indexer.store import Cursor, Store
from indexer.verify_rows import compare_books, compare_rollups
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
        checks = compare_rollups(connection, progress) + compare_books(connection, progress)
        if node is not None:
            fetcher = Fetcher(node, [], 0)
            await _same_branch(fetcher, cursor)
            with tempfile.TemporaryDirectory(prefix="chargecoin-verify-") as folder:
                twin = await _index_again(node, deployment, cursor, Path(folder), progress)
                with snapshot(twin) as other:
                    checks += compare_tables(connection, other, progress)
                twin.dispose()
            checks += await compare_storage(
                connection, deployment, node, (cursor.number, cursor.timestamp), progress
            )
            await _same_branch(fetcher, cursor)
    return Report(cursor.number, "0x" + cursor.hash.hex(), tuple(checks))


async def _same_branch(fetcher: Fetcher, cursor: Cursor) -> None:
    [block] = await fetcher.headers([cursor.number])
    if block.hash != cursor.hash:
        raise ChainError(
            f"block {cursor.number} of the node is not the one the tables are at: a reorg, or "
            "another chain. Let the indexer catch up and verify again"
        )


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
    checks = []
    for table in (schema.blocks, *schema.EVENT_TABLES, *schema.ROLLUPS):
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
