"""Databases of both kinds: what one stores, the other stores too."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from indexer import schema
from indexer.database import open_database, open_engine
from tests.indexer.tables import fresh
from tests.support.postgres import Postgres, UnavailableError


class Pool:
    """Databases of one PostgreSQL. One is emptied and used again: making one takes seconds."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._template = server.create()
        engine = open_database(server.url(self._template))
        with engine.connect() as connection:
            self._version = connection.scalar(text("SELECT version_num FROM alembic_version"))
        engine.dispose()
        self._free: list[str] = []

    def take(self) -> tuple[str, Engine]:
        name = self._free.pop() if self._free else self._server.create(self._template)
        return name, open_engine(self._server.url(name))

    def give_back(self, name: str, engine: Engine) -> None:
        with engine.begin() as connection:
            for table in schema.metadata.tables.values():
                connection.execute(table.delete())
            connection.execute(text("ALTER SEQUENCE changes_id_seq RESTART"))
            connection.execute(text(f"UPDATE alembic_version SET version_num = '{self._version}'"))
        engine.dispose()
        self._free.append(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Pool]:
    try:
        with Postgres() as server:
            yield Pool(server)
    except UnavailableError as error:
        pytest.skip(f"PostgreSQL cannot run here: {error}")


class Databases:
    """Makes empty, migrated databases of one kind."""

    def __init__(self, folder: Path, pool: Pool | None) -> None:
        self._folder = folder
        self._pool = pool
        self._names = count()
        self._made: dict[Engine, str] = {}

    def new(self) -> Engine:
        if self._pool is None:
            return fresh(self._folder / f"{next(self._names)}.sqlite")
        name, engine = self._pool.take()
        self._made[engine] = name
        return engine

    def drop(self, engine: Engine) -> None:
        if self._pool is None:
            engine.dispose()
        else:
            self._pool.give_back(self._made.pop(engine), engine)

    def drop_all(self) -> None:
        for engine in list(self._made):
            self.drop(engine)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Databases]:
    pool = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    found = Databases(tmp_path_factory.mktemp("databases"), pool)
    yield found
    found.drop_all()


@pytest.fixture
def engine(databases: Databases) -> Iterator[Engine]:
    found = databases.new()
    yield found
    databases.drop(found)
