"""Opening the private database, and bringing its schema up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from chargecoin.errors import ConfigurationError, StoreError

BUSY_TIMEOUT_MS: Final = 10_000


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """FULL, unlike the indexer's tables: what was entered here is nowhere else."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE: a transaction that reads and then writes never has to be taken back.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def open_private(url: str) -> Engine:
    """Connect to `sqlite:///path` or `postgresql+psycopg://…` and bring the schema up to date.

    Raises `ConfigurationError` if the URL is not one, `StoreError` if the database cannot be
    opened or is of a newer release.
    """
    try:
        engine = create_engine(make_url(url))
    except (ArgumentError, ImportError) as error:
        raise ConfigurationError(f"{url!r} is not a usable database URL: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name != "postgresql":
        raise ConfigurationError(f"private settings are in SQLite or PostgreSQL, not in {url!r}")
    _migrate(engine)
    return engine


def _migrate(engine: Engine) -> None:
    with as_file(files("dashboard") / "private" / "migrations") as scripts:
        config = Config()
        config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        try:
            with transaction(engine) as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"the private settings were written by a newer release ({error}); run that release"
            ) from error


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction. Raises `StoreError` where the database refuses."""
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise StoreError(f"the private settings cannot be reached: {error}") from error
