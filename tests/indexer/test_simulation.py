"""Whatever node, chain and process do, the tables end as those of a run without faults.

A failing seed replays by itself: `pytest tests/indexer/test_simulation.py -k "seed-7-"`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from chargecoin.errors import NodeUnavailableError, StoreError
from indexer.follow import Follower
from indexer.store import Store
from indexer.verify_rows import compare_books, compare_rollups
from tests.indexer.conftest import Databases
from tests.indexer.fake_chain import DEPLOYMENT, FakeChain
from tests.indexer.fake_node import FakeNode, Faults, ProcessKilled
from tests.indexer.tables import catch_up, contents, follower, fresh

FINALITY = 8
ROUNDS = 16
QUICK_SEEDS = 50


class UnreliableDatabase:
    """Fails, or the process is killed, at any statement: before it, so that a commit is whole."""

    def __init__(self, engine: Engine, draw: random.Random, likely: float) -> None:
        self._draw = draw
        self._likely = likely
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "commit", self._commit)

    def heal(self) -> None:
        self._likely = 0.0

    def _before(self, *_: Any) -> None:
        # A step is some twenty statements: as often as once in a few steps.
        if self._draw.random() < self._likely / 20:
            self._fail()

    def _commit(self, _: Any) -> None:
        if self._draw.random() < self._likely:
            self._fail()

    def _fail(self) -> None:
        if self._draw.random() < 0.5:
            raise ProcessKilled
        raise OperationalError("", {}, Exception("disk full"))


def change_chain(chain: FakeChain, node: FakeNode, draw: random.Random) -> None:
    """Let the chain grow, or replace its end: mostly shallow, now and then below finality."""
    action = draw.random()
    if action < 0.5:
        chain.mine(draw.choice((1, 2, 5, 40)))
    elif action < 0.7:
        for _ in range(draw.choice((1, 1, 2))):
            node.other = chain.fork()
            depth = draw.randint(1, FINALITY - 1)
            keep = draw.choice((0, depth))
            chain.reorganise(depth, max(1, depth + draw.randint(-1, 2)), keep=keep)
    elif action < 0.72:
        chain.reorganise(draw.randint(FINALITY, 5 * FINALITY), 5 * FINALITY + 1)


async def simulate(seed: int, new: Callable[[], Engine]) -> None:
    draw = random.Random(seed)
    chain = FakeChain(seed)
    node = FakeNode(chain, finality=FINALITY, seed=seed)
    engine = new()
    database = UnreliableDatabase(engine, draw, draw.choice((0, 0.02, 0.1)))
    chain.mine(draw.randint(1, 60))
    indexer: Follower | None = None
    for _ in range(ROUNDS):
        node.faults = Faults.drawn(draw)
        change_chain(chain, node, draw)
        for _ in range(draw.randint(1, 8)):
            try:
                indexer = indexer or follower(node, Store(engine, DEPLOYMENT), finality=FINALITY)
                await indexer.step()
            except (NodeUnavailableError, StoreError, OperationalError):
                continue
            except ProcessKilled:
                if indexer is not None:
                    await indexer.close()
                indexer = None
    if indexer is not None:
        await indexer.close()

    # The faults end, and so does what the chain may still do to its unfinal end.
    node.faults = Faults()
    node.other = None
    database.heal()
    chain.mine(2 * FINALITY)
    await catch_up(node, engine, finality=FINALITY)
    with engine.connect() as connection:
        checks = compare_rollups(connection, print) + compare_books(connection, print)
        assert not [check.differences for check in checks if check.differing]

    perfect = new()
    await catch_up(FakeNode(chain, finality=FINALITY), perfect, finality=FINALITY)
    expected, found = contents(perfect), contents(engine)
    assert expected["sessions"], "a simulation without sessions shows nothing"
    for table, rows in expected.items():
        assert found[table] == rows, f"{table} differs; replay with seed {seed}"


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", range(QUICK_SEEDS), ids=lambda seed: f"seed-{seed}")
async def test_tables_after_faults_equal_those_without(seed: int, databases: Databases) -> None:
    await simulate(seed, databases.new)


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize("seed", range(2), ids=lambda seed: f"seed-{seed}")
async def test_so_they_do_in_postgresql(seed: int, databases: Databases) -> None:
    await simulate(seed, databases.new)
    databases.drop_all()


@pytest.mark.deep
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("hundred", range(10))
async def test_tables_after_faults_equal_those_without_over_a_thousand_seeds(
    hundred: int, tmp_path: Path
) -> None:
    for seed in range(1_000 + 100 * hundred, 1_100 + 100 * hundred):
        names = count()
        folder = tmp_path / str(seed)
        folder.mkdir()
        await simulate(seed, lambda of=folder, at=names: fresh(of / f"{next(at)}.sqlite"))  # type: ignore[misc]
        rmtree(folder)
