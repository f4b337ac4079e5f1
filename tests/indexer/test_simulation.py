"""Whatever node, chain and process do, the tables end as those of a run without faults.

A failing seed replays by itself: `pytest tests/indexer/test_simulation.py -k "seed-7]"`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from chargecoin.errors import NodeUnavailableError, StoreError
from indexer.rpc import Log
from indexer.store import Block, Cursor, Store
from indexer.verify_rows import compare_books, compare_rollups
from tests.indexer.fake_chain import DEPLOYMENT, FakeChain
from tests.indexer.fake_node import FakeNode, Faults, ProcessKilled
from tests.indexer.tables import catch_up, contents, follower, fresh

FINALITY = 8
ROUNDS = 40
QUICK_SEEDS = 30


class UnreliableStore(Store):
    """Fails or is killed before or after a commit, never in between: that is what a commit is."""

    def __init__(self, *args: Any, draw: random.Random, likely: float) -> None:
        super().__init__(*args)
        self._draw = draw
        self._likely = likely

    def _maybe_fail(self) -> None:
        if self._draw.random() < self._likely:
            raise ProcessKilled if self._draw.random() < 0.5 else StoreError("disk full")

    def append(self, blocks: Sequence[Block], logs: Sequence[Log], cursor: Cursor) -> None:
        self._maybe_fail()
        super().append(blocks, logs, cursor)
        self._maybe_fail()

    def undo(self, ancestor: Block, cursor: Cursor) -> None:
        self._maybe_fail()
        super().undo(ancestor, cursor)
        self._maybe_fail()

    def save(self, cursor: Cursor, kind: str = "state") -> None:
        self._maybe_fail()
        super().save(cursor, kind)
        self._maybe_fail()


def change_chain(chain: FakeChain, node: FakeNode, draw: random.Random) -> None:
    """Let the chain grow, or replace its end: mostly shallow, now and then below finality."""
    action = draw.random()
    if action < 0.5:
        chain.mine(draw.choice((1, 2, 5, 40)))
    elif action < 0.7:
        node.other = chain.fork()
        depth = draw.randint(1, FINALITY - 1)
        chain.reorganise(depth, max(1, depth + draw.randint(-1, 2)))
    elif action < 0.72:
        chain.reorganise(draw.randint(FINALITY, 5 * FINALITY), 5 * FINALITY + 1)


async def simulate(seed: int, folder: Path) -> None:
    draw = random.Random(seed)
    chain = FakeChain(seed)
    node = FakeNode(chain, finality=FINALITY, seed=seed)
    engine = fresh(folder / "faulty.sqlite")
    likely = draw.choice((0, 0.02, 0.1))

    def restart() -> Any:
        store = UnreliableStore(engine, DEPLOYMENT, draw=draw, likely=likely)
        return follower(node, store, finality=FINALITY)

    chain.mine(draw.randint(1, 60))
    indexer = restart()
    for _ in range(ROUNDS):
        node.faults = Faults.drawn(draw)
        change_chain(chain, node, draw)
        for _ in range(draw.randint(1, 8)):
            try:
                await indexer.step()
            except (NodeUnavailableError, StoreError):
                continue
            except ProcessKilled:
                await indexer.close()
                indexer = restart()
    await indexer.close()

    # The faults end, and so does what the chain may still do to its unfinal end.
    node.faults = Faults()
    node.other = None
    chain.mine(2 * FINALITY)
    await catch_up(node, engine, finality=FINALITY)
    with engine.connect() as connection:
        checks = compare_rollups(connection, print) + compare_books(connection, print)
        assert not [check.differences for check in checks if check.differing]

    perfect = fresh(folder / "perfect.sqlite")
    await catch_up(FakeNode(chain, finality=FINALITY), perfect, finality=FINALITY)
    expected, found = contents(perfect), contents(engine)
    assert expected["sessions"], "a simulation without sessions shows nothing"
    for table, rows in expected.items():
        assert found[table] == rows, f"{table} differs; replay with seed {seed}"


@pytest.mark.parametrize("seed", range(QUICK_SEEDS), ids=lambda seed: f"seed-{seed}")
async def test_tables_after_faults_equal_those_without(seed: int, tmp_path: Path) -> None:
    await simulate(seed, tmp_path)


@pytest.mark.deep
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("hundred", range(10))
async def test_tables_after_faults_equal_those_without_over_a_thousand_seeds(
    hundred: int, tmp_path: Path
) -> None:
    for seed in range(1_000 + 100 * hundred, 1_100 + 100 * hundred):
        folder = tmp_path / str(seed)
        folder.mkdir()
        await simulate(seed, folder)
