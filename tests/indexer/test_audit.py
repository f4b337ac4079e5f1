"""Old blocks are compared for ever, and the first row that differs is named."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text

from chargecoin.errors import NodeUnavailableError
from indexer import schema
from indexer.audit import Auditor, run
from indexer.database import open_engine
from tests.indexer.conftest import Databases
from tests.indexer.fake_chain import DEPLOYMENT, FakeChain
from tests.indexer.fake_node import FakeNode
from tests.indexer.tables import at_once, catch_up, fresh

FINALITY = 4


@pytest.fixture
async def node() -> FakeNode:
    chain = FakeChain(21)
    chain.mine(80)
    return FakeNode(chain, finality=FINALITY)


@pytest.fixture
def filled(databases: Databases) -> Iterator[Engine]:
    found = databases.new()
    yield found
    databases.drop(found)


def auditor(engine: Engine, node: FakeNode) -> Auditor:
    return Auditor(engine, DEPLOYMENT, node, random.Random(1), offload=at_once)


async def test_honest_tables_pass_wherever_one_looks(filled: Engine, node: FakeNode) -> None:
    await catch_up(node, filled, finality=FINALITY)
    one = auditor(filled, node)
    compared = 0
    for _ in range(40):
        check = await one.look()
        assert check is not None
        assert not check.differences
        compared += check.compared
    assert (one.counters.blocks, one.counters.differing) == (40, 0)
    with filled.connect() as connection:
        sessions = connection.scalar(select(func.count()).select_from(schema.sessions))
    assert compared > 100
    assert sessions


CHANGES = [
    ("UPDATE sessions SET energy_wh = energy_wh + 1", "sessions"),
    ("DELETE FROM sessions", "rows before"),
    ("UPDATE sessions SET discount = discount + 1", "sessions"),
    ("UPDATE owner_entries SET amount = '3'", "owner_entries"),
    ("UPDATE deposits SET amount = '3'", "deposits"),
    ("UPDATE blocks SET hash = parent", "blocks"),
    ("UPDATE campaign_entries SET day_spent = '1'", "campaign_entries"),
    ("UPDATE owners SET name = 'Another'", "owners"),
]


async def test_a_row_that_was_changed_is_found_and_named(tmp_path: Path, node: FakeNode) -> None:
    path = tmp_path / "index.sqlite"
    engine = fresh(path)
    await catch_up(node, engine, finality=FINALITY)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    for number, (statement, row) in enumerate(CHANGES):
        copy = tmp_path / f"{number}.sqlite"
        copy.write_bytes(path.read_bytes())
        changed = open_engine(f"sqlite:///{copy}")
        with changed.begin() as connection:
            assert connection.execute(text(statement)).rowcount
        one = auditor(changed, node)
        for _ in range(60):
            check = await one.look()
            if check is not None and check.differing:
                break
        changed.dispose()
        assert one.counters.first.startswith(f"{row} "), statement


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
async def test_nothing_is_looked_at_before_anything_is_final(
    filled: Engine, node: FakeNode
) -> None:
    assert await auditor(filled, node).look() is None


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
async def test_it_goes_on_where_the_node_does_not_answer(filled: Engine, node: FakeNode) -> None:
    await catch_up(node, filled, finality=FINALITY)
    one = auditor(filled, node)
    stop = asyncio.Event()
    answers = [NodeUnavailableError("no answer"), None, None]
    real = one.look

    async def look() -> None:
        answer = answers.pop()
        if not answers:
            stop.set()
        if answer:
            raise answer
        await real()

    one.look = look  # type: ignore[method-assign]
    await asyncio.wait_for(run(one, stop, interval_s=0), 60)
    assert one.counters.blocks == 2
