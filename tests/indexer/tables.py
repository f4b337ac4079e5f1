"""Databases for tests, and all their rows, for comparing two of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from indexer import schema
from indexer.database import open_database, open_engine
from indexer.follow import DEEP_SIGHTINGS, Follower
from indexer.rpc import Node
from indexer.store import Store
from tests.indexer.fake_chain import DEPLOYMENT


@cache
def _empty() -> bytes:
    """Return a migrated database: migrating takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.sqlite"
        open_database(f"sqlite:///{path}").dispose()
        return path.read_bytes()


def fresh(path: Path) -> Engine:
    path.write_bytes(_empty())
    return open_engine(f"sqlite:///{path}")


async def at_once(work: Callable[..., Any], *args: Any) -> Any:
    """Do database work in place, so that what happens when depends on the seed alone."""
    return work(*args)


def follower(node: Node, store: Store, *, finality: int) -> Follower:
    return Follower(node, store, finality_depth=finality, offload=at_once)


async def catch_up(node: Node, engine: Engine, *, finality: int) -> None:
    """Follow without faults until nothing is new, even where a deep reorg is to be believed."""
    one = follower(node, Store(engine, DEPLOYMENT), finality=finality)
    idle = 0
    while idle <= DEEP_SIGHTINGS:
        idle = 0 if await one.step() else idle + 1
    await one.close()


def contents(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row that the chain determines. Blocks without logs are kept or not by chance."""
    found = {}
    with engine.connect() as connection:
        for table in (*schema.EVENT_TABLES, *schema.ROLLUPS):
            query = select(table).order_by(*table.primary_key)
            found[table.name] = [tuple(row) for row in connection.execute(query)]
        query = select(schema.blocks).where(schema.blocks.c.logs > 0)
        found["blocks"] = [tuple(row) for row in connection.execute(query)]
        cursor = schema.cursor.c
        query = select(cursor.number, cursor.hash, cursor.timestamp, cursor.state)
        found["cursor"] = [tuple(row) for row in connection.execute(query)]
    return found
