"""Stores of millions of sessions for benchmarks: opened where they are, built where they are not.

SQLite is filled by the production decoder and store (`benchmarks/_synthetic.py`); PostgreSQL
gets the same rows, copied table by table, since what the decoder writes does not depend on
the database (the indexer's tests hold both to the same rows). Both are brought to the newest
schema whenever they are opened. Built once, in a folder that the caller names; an hour for
ten million sessions where others use the machine too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Boolean, Engine, Table, event, text
from sqlalchemy.schema import CreateIndex, DropIndex

from benchmarks._postgres import Postgres
from benchmarks._synthetic import Year, fill
from indexer import schema
from indexer.binders import binders
from indexer.database import migrate, open_engine, writing
from indexer.store import Store
from tests.indexer.fake_chain import DEPLOYMENT

KINDS: Final = ("sqlite", "postgres")
FOLDER: Final = Path(__file__).resolve().parents[1] / ".cache" / "stores"
COPIED_AT_ONCE: Final = 20_000
MILLION: Final = 1_000_000
Say = Callable[[str], None]


@contextmanager
def stores(
    folder: Path, sessions: int, say: Say, wanted: Sequence[str] = KINDS
) -> Iterator[dict[str, str]]:
    """Yield the database URLs of the stores of so many sessions, by kind."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{sessions // MILLION}m" if sessions % MILLION == 0 else str(sessions)
    built = _sqlite(folder / f"{name}.sqlite", Year(sessions), say)
    found = {"sqlite": f"sqlite:///{built}"} if "sqlite" in wanted else {}
    if "postgres" not in wanted:
        yield found
        return
    with Postgres(folder / f"{name}.postgres") as server:
        _postgres(server.url, built, say)
        yield {**found, "postgres": server.url}


def _sqlite(path: Path, year: Year, say: Say) -> Path:
    """Return a filled and migrated SQLite store; an interrupted filling goes on."""
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    store = Store(engine, DEPLOYMENT)
    reached = store.cursor()
    if reached is None or reached.number <= year.batches:
        engine.dispose()
        event.listen(engine, "connect", _hurry)
        fill(store, year, say)
    engine.dispose()
    return path


def _hurry(connection: sqlite3.Connection, _record: Any) -> None:
    """A store that can be made again needs no journal while it is made."""
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-400000")


def _postgres(url: str, source: Path, say: Say) -> None:
    """Bring a PostgreSQL store to the newest schema, and fill it if it is empty."""
    engine = open_engine(url)
    migrate(engine)
    with engine.connect() as connection:
        empty = connection.scalar(text("SELECT count(*) FROM cursor")) == 0
    if empty:
        with sqlite3.connect(source) as rows, writing(engine) as connection:
            tables = list(schema.metadata.tables.values())
            indexes = [index for table in tables for index in table.indexes]
            # Made at the end, each by one sort.
            for index in indexes:
                connection.execute(DropIndex(index))
            bound = binders(tables, engine)
            for table in tables:
                say(f"PostgreSQL: copying {table.name}")
                for part in _rows(rows, table):
                    bound[table.name].insert(connection, part)
            connection.exec_driver_sql("SET maintenance_work_mem = '1GB'")
            for index in indexes:
                say(f"PostgreSQL: indexing {index.name}")
                connection.execute(CreateIndex(index))
            connection.exec_driver_sql(
                "SELECT setval('changes_id_seq', (SELECT max(id) FROM changes))"
            )
        _vacuum(engine, say)
    engine.dispose()


def _rows(source: sqlite3.Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    """Yield a table's rows by key, as they are to be written."""
    columns = [column.name for column in table.c]
    key = [column.name for column in table.primary_key]
    words = f"SELECT {', '.join(columns)} FROM {table.name} ORDER BY {', '.join(key)}"
    cursor = source.execute(words)
    convert: list[tuple[int, Callable[[Any], Any]]] = [
        (at, int if isinstance(column.type, schema.Amount) else bool)
        for at, column in enumerate(table.c)
        if isinstance(column.type, schema.Amount | Boolean)
    ]
    while rows := cursor.fetchmany(COPIED_AT_ONCE):
        for at, to in convert:
            rows = [(*row[:at], to(row[at]), *row[at + 1 :]) for row in rows]
        yield rows


def _vacuum(engine: Engine, say: Say) -> None:
    """Let PostgreSQL learn what is in the tables, as it would by itself over time."""
    say("PostgreSQL: vacuum and statistics")
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
