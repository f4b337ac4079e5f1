"""Databases of both kinds, what one stores the other stores too; and an indexer of a real chain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from chargecoin.chain import Chain
from indexer import schema
from indexer.database import open_database, open_engine
from indexer.follow import Follower
from indexer.rpc import Rpc
from indexer.store import Store
from scripts._settling import Settler
from tests.indexer.real import Real
from tests.indexer.tables import fresh
from tests.support.postgres import Postgres, UnavailableError
from tests.support.protocol import Protocol


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


@pytest.fixture
def finality() -> int:
    """How many blocks an epoch of the real chain has; final after two."""
    return 1


@pytest.fixture
async def real(
    finality: int, start_protocol: Callable[..., Protocol], tmp_path: Path
) -> AsyncIterator[Real]:
    """The contracts on a chain of their own, and an indexer that has not begun."""
    protocol = await asyncio.to_thread(
        start_protocol, timestamp=1_767_225_600, slots_in_an_epoch=finality
    )
    engine = open_database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    store = Store(engine, protocol.deployment)
    async with (
        await Chain.connect(protocol.url, protocol.deployment) as chain,
        Rpc(protocol.url) as rpc,
    ):
        settler = Settler(protocol.node, chain, protocol.members[: protocol.threshold])
        yield Real(protocol, settler, store, Follower(rpc, store), rpc, tmp_path)
    engine.dispose()
