"""Opening the database: the engine, its settings, and the schema brought up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib.resources import as_file, files
from typing import Concatenate, Final, ParamSpec, TypeVar

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from chargecoin.errors import ConfigurationError, StoreError

BUSY_TIMEOUT_MS: Final = 10_000
# Rows of an index far apart are read on the way of every insert; 32 MB keeps the
# hot pages of tens of millions of sessions at hand.
CACHE_KIB: Final = 32_768
# Every connection has its own; who only reads has many, and the system's cache beneath.
READERS_CACHE_KIB: Final = 4_096
_ANSWERS: Final = "answers"
P = ParamSpec("P")
T = TypeVar("T")


def _set_up_sqlite(connection: sqlite3.Connection, cache_kib: int) -> None:
    """WAL, so that readers never wait for the writer; NORMAL, because the chain has it all.

    A power cut may lose the last commits, never tear one; the cursor is in the same
    commit, so what was lost is read from the chain again.
    """
    # The driver would begin a transaction only at the first write: a reader's statements
    # would then see different states, and a migration would not be one transaction.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute(f"PRAGMA cache_size=-{cache_kib}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _refusals(engine: Engine) -> tuple[type[Exception], ...]:
    """Return what a database refuses with: rows are copied past SQLAlchemy into PostgreSQL."""
    driver = engine.dialect.loaded_dbapi if engine.dialect.name == "postgresql" else None
    return (SQLAlchemyError,) if driver is None else (SQLAlchemyError, driver.Error)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that writes: it waits for its turn at once, not at its first write.

    Raises `StoreError` where the database refuses; then nothing of it was stored.
    """
    try:
        with engine.execution_options(writes=True).begin() as connection:
            yield connection
    except _refusals(engine) as error:
        raise StoreError(f"the database refuses to write: {error}") from error


def asked_once(
    ask: Callable[Concatenate[Connection, P], T],
) -> Callable[Concatenate[Connection, P], T]:
    """Let a question be asked once in a snapshot, in which its answer cannot change.

    Outside of one it is asked every time.
    """

    @wraps(ask)
    def asked(connection: Connection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        answers = connection.info.get(_ANSWERS)
        if answers is None:
            return ask(connection, *args, **kwargs)
        question = (ask, args, tuple(sorted(kwargs.items())))
        if question not in answers:
            answers[question] = ask(connection, *args, **kwargs)
        found: T = answers[question]
        return found

    return asked


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction whose statements all see the same state.

    Raises `StoreError` where there is nothing to read: no database, or no tables in it.
    """
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    try:
        with engine.begin() as connection:
            # The connection is used again, and what is noted on it with it.
            noted = connection.info
            noted[_ANSWERS] = {}
            try:
                yield connection
            finally:
                noted.pop(_ANSWERS, None)
    except OperationalError as error:
        raise StoreError(
            f"the indexer's database cannot be read: {error.orig}; `chargecoin indexer run` "
            "makes and fills it"
        ) from error


def open_engine(url: str, cache_kib: int = CACHE_KIB) -> Engine:
    """Connect lazily to `sqlite:///path` or `postgresql+psycopg://…`.

    `cache_kib` is how much of a SQLite file each connection keeps in memory.

    Raises `ConfigurationError` if the URL is not one, or its driver is not installed.
    """
    try:
        engine = create_engine(make_url(url))
    except (ArgumentError, ImportError) as error:
        raise ConfigurationError(f"{url!r} is not a usable database URL: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: _set_up_sqlite(connection, cache_kib))
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name != "postgresql":
        raise ConfigurationError(f"the indexer stores in SQLite or PostgreSQL, not in {url!r}")
    return engine


def migrate(engine: Engine) -> None:
    """Bring the schema up to date. Raises `StoreError` if the database is newer than this code."""
    with as_file(files("indexer") / "migrations") as scripts:
        config = Config()
        config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        try:
            with writing(engine) as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"the database was written by a newer release ({error}); run that release, or "
                "index again into an empty database"
            ) from error


def open_database(url: str) -> Engine:
    """Connect and bring the schema up to date."""
    engine = open_engine(url)
    migrate(engine)
    return engine
