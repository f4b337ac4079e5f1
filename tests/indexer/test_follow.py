"""Following a chain that moves: each way in which indexers are known to fail, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Engine, func, select

from chargecoin.errors import InconsistentNodeError, NodeUnavailableError, WrongChainError
from indexer import schema
from indexer.figures import Status
from indexer.follow import DEEP_SIGHTINGS, LIVE_BLOCKS, MISSING_SIGHTINGS, Follower
from indexer.read_model import ReadModel
from indexer.store import Store
from tests.indexer.conftest import Databases
from tests.indexer.fake_chain import DEPLOYMENT, FakeChain
from tests.indexer.fake_node import FakeNode
from tests.indexer.tables import catch_up, contents, follower

FINALITY = 8

# What PostgreSQL could do differently is in test_store and test_simulation.
pytestmark = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)


class World:
    """A chain, its node, and an indexer that follows it."""

    def __init__(self, databases: Databases, seed: int = 1, blocks: int = 60) -> None:
        self.databases = databases
        self.chain = FakeChain(seed)
        self.chain.mine(blocks)
        self.node = FakeNode(self.chain, finality=FINALITY)
        self.engine = databases.new()
        self.indexer = self.restarted()

    def restarted(self) -> Follower:
        return follower(self.node, Store(self.engine, DEPLOYMENT), finality=FINALITY)

    async def catch_up(self) -> None:
        while await self.indexer.step():
            pass
        await self.indexer.step()

    @property
    def status(self) -> Status:
        return ReadModel(self.engine).status()

    async def check(self) -> None:
        """The tables are those of an indexer that saw only the chain as it is."""
        other = self.databases.new()
        await catch_up(FakeNode(self.chain, finality=FINALITY), other, finality=FINALITY)
        assert contents(self.engine) == contents(other)
        self.databases.drop(other)


@pytest.fixture
def world(databases: Databases) -> Iterator[World]:
    found = World(databases)
    yield found
    databases.drop(found.engine)


def count(engine: Engine, table: object) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


async def test_backfill_goes_over_into_live_without_a_block_missed_or_doubled(
    world: World,
) -> None:
    seen = []
    while True:
        more = await world.indexer.step()
        seen.append((world.status.number, world.status.state, world.status.ready))
        if not more:
            break
        world.chain.mine(3)
        if len(world.chain.blocks) > 150:
            break
    await world.catch_up()
    numbers = [number for number, _, _ in seen]
    assert numbers == sorted(set(numbers))
    assert world.status.number == world.chain.head.number
    await world.check()


async def test_the_tables_are_ready_only_once_they_are_at_the_head(databases: Databases) -> None:
    world = World(databases, blocks=700)
    assert not world.status.ready
    states = []
    while await world.indexer.step():
        states.append(world.status.state)
    assert set(states[:-1]) == {"backfill"}
    assert world.status.ready
    # A little behind is still current; far behind is not.
    world.chain.mine(LIVE_BLOCKS + 1)
    await world.indexer.step()
    assert world.status.ready
    world.node.faults.max_logs = 50
    world.chain.mine(500)
    await world.indexer.step()
    assert not world.status.ready
    await world.catch_up()
    assert world.status.ready


@pytest.mark.parametrize("depth", [1, 2, FINALITY])
async def test_a_reorg_takes_its_rows_and_sums_along(world: World, depth: int) -> None:
    await world.catch_up()
    world.chain.reorganise(depth, depth)
    await world.catch_up()
    assert world.status.reorgs == 1
    assert world.status.deepest_reorg == depth
    await world.check()


async def test_two_reorgs_in_quick_succession(world: World) -> None:
    await world.catch_up()
    world.chain.reorganise(4, 5)
    await world.indexer.step()
    world.chain.reorganise(6, 6)
    await world.catch_up()
    await world.check()


async def test_a_reorg_while_the_indexer_was_down(world: World) -> None:
    await world.catch_up()
    await world.indexer.close()
    world.chain.reorganise(5, 9)
    world.indexer = world.restarted()
    await world.catch_up()
    assert world.status.reorgs == 1
    await world.check()


async def test_a_transaction_that_moves_to_a_later_block_counts_once(world: World) -> None:
    while not world.chain.head.logs:
        world.chain.mine()
    await world.catch_up()
    moved = world.chain.blocks[-1]
    # The same logs, now in the block after: cowprotocol/services#2069 kept both.
    world.chain.reorganise(1, 1)
    empty = world.chain.blocks[-1]
    empty.logs, empty.state = [], world.chain.blocks[-2].state
    later = replace(moved, number=moved.number + 1, hash="0x" + "cd" * 32, parent=empty.hash)
    later.logs = [
        structs.replace(log, block_number=hex(later.number), block_hash=later.hash)
        for log in moved.logs
    ]
    world.chain.blocks.append(later)
    await world.catch_up()
    await world.check()


async def test_a_node_that_is_still_syncing_is_not_a_reorg(world: World) -> None:
    await world.catch_up()
    before = contents(world.engine)["sessions"]
    behind = world.chain.fork()
    del behind.blocks[20:]
    world.node.chain = behind
    for _ in range(5):
        assert await world.indexer.step() is False
    assert world.status.state == "behind"
    assert world.status.ready
    assert "the node is at block 19" in world.status.detail
    assert contents(world.engine)["sessions"] == before
    assert world.status.reorgs == 0
    world.node.chain = world.chain
    world.chain.mine()
    await world.catch_up()
    found: str = world.status.state
    assert found == "live"
    await world.check()


async def test_below_finality_the_tables_fail_closed_and_mend_themselves(world: World) -> None:
    await world.catch_up()
    world.chain.reorganise(3 * FINALITY, 3 * FINALITY + 2)
    rows = count(world.engine, schema.sessions)
    for _ in range(DEEP_SIGHTINGS - 1):
        assert await world.indexer.step() is False
        assert (world.status.ready, world.status.state) == (False, "mending")
        assert "below block" in world.status.detail
        assert count(world.engine, schema.sessions) == rows
    await world.indexer.step()
    assert not world.status.ready
    # What is gone is not final any more, and nothing above it. Of the final blocks only
    # those with logs are stored, so the ancestor may be one below the last that is common.
    assert world.status.final_number <= world.status.number <= 60 - 3 * FINALITY
    await world.catch_up()
    assert world.status.ready
    assert world.status.deepest_reorg >= 3 * FINALITY
    await world.check()


async def test_a_node_that_changes_its_mind_about_final_blocks_undoes_nothing(
    world: World,
) -> None:
    await world.catch_up()
    honest = world.chain.fork()
    world.node.chain = world.chain.fork()
    world.node.chain.reorganise(3 * FINALITY, 3 * FINALITY)
    await world.indexer.step()
    assert not world.status.ready
    world.node.chain = honest
    await world.catch_up()
    assert world.status.ready
    assert world.status.reorgs == 0
    await world.check()


async def test_a_reorg_between_two_requests_is_not_built_upon(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.catch_up()
    world.chain.mine()
    asked = world.node.batch
    requests_seen = 0

    async def batch(kind: Any, requests: Any) -> Any:
        nonlocal requests_seen
        requests_seen += 1
        if requests_seen == 2:  # After the head was told, before the blocks are.
            world.chain.reorganise(3, 4)
        return await asked(kind, requests)

    monkeypatch.setattr(world.node, "batch", batch)
    with pytest.raises(InconsistentNodeError, match="does not follow"):
        await world.indexer.step()
    await world.catch_up()
    await world.check()


async def test_what_is_final_stays_final_whatever_a_node_says_later(world: World) -> None:
    await world.catch_up()
    final = world.status.final_number
    assert final == 60 - FINALITY
    world.node.finality = 3 * FINALITY
    world.chain.mine()
    await world.catch_up()
    assert world.status.final_number == final


async def test_two_nodes_behind_one_address_that_differ_are_not_a_reorg(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.catch_up()
    other = world.chain.fork()
    other.reorganise(2, 2)
    # The node that is asked for the head has another branch than the one asked after it.
    turns = iter([other, world.chain])
    asked = world.node.batch

    async def batch(kind: Any, requests: Any) -> Any:
        world.node.chain = next(turns, world.chain)
        return await asked(kind, requests)

    monkeypatch.setattr(world.node, "batch", batch)
    assert await world.indexer.step() is False
    assert world.status.reorgs == 0
    assert world.indexer.counters.inconsistent == 1
    await world.catch_up()
    await world.check()


async def test_another_chain_from_the_first_block_on_is_indexed_anew(world: World) -> None:
    await world.catch_up()
    world.chain = FakeChain(99)
    world.chain.mine(70)
    world.node.chain = world.chain
    for _ in range(DEEP_SIGHTINGS):
        await world.indexer.step()
    await world.catch_up()
    await world.check()


async def test_logs_that_were_left_out_before_are_fetched_again(world: World) -> None:
    """A node forgets a batch in blocks that are final; the gap shows at the next batch."""
    forgotten = next(
        block
        for block in world.chain.blocks[5:40]
        if any(len(log.topics) == 1 for log in block.logs)
    )
    logs, forgotten.logs = forgotten.logs, []
    with pytest.raises(InconsistentNodeError):
        await world.catch_up()
    forgotten.logs = logs
    # By then blocks behind the gap are stored: they are doubted once it is seen often enough.
    assert await failures_until_live(world) == MISSING_SIGHTINGS - 2
    await world.check()


async def failures_until_live(world: World) -> int:
    """Step until the tables are live; return how often a step failed."""
    failures = 0
    for _ in range(50):
        try:
            if not await world.indexer.step() and world.status.state == "live":
                break
        except NodeUnavailableError:
            failures += 1
    return failures


async def test_a_gap_behind_stored_blocks_is_undone_once_and_mended(databases: Databases) -> None:
    world = World(databases, blocks=20)
    while not any(len(log.topics) == 1 for log in world.chain.head.logs):
        world.chain.mine()
    forgotten = world.chain.head
    logs, forgotten.logs = forgotten.logs, []
    await world.catch_up()
    forgotten.logs = logs
    mined = len(world.chain.blocks)
    while len(world.chain.blocks) < mined + LIVE_BLOCKS - 2:
        world.chain.mine()
    assert await failures_until_live(world) == MISSING_SIGHTINGS - 1
    await world.check()


async def test_a_node_of_another_chain_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(world.node), "_answer", lambda *_: "0x1")
    with pytest.raises(WrongChainError, match="serves chain 1"):
        await world.indexer.step()


async def test_a_node_of_another_chain_does_not_undo_what_is_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.catch_up()
    before = contents(world.engine)
    monkeypatch.setattr(type(world.node), "_answer", lambda *_: "0x1")
    for _ in range(DEEP_SIGHTINGS + 1):
        with pytest.raises(WrongChainError):
            await world.restarted().step()
    assert contents(world.engine) == before


async def test_what_changed_is_told_in_order(world: World) -> None:
    await world.catch_up()
    model = ReadModel(world.engine)
    start = model.status().change
    assert model.changes_since(start) == ()
    while not any(len(log.topics) == 1 for log in world.chain.head.logs):
        world.chain.mine()
    await world.catch_up()
    kinds = {change.kind for change in model.changes_since(start)}
    assert "settled" in kinds
    owners = {c.owner_id for c in model.changes_since(start) if c.kind == "settled"}
    assert owners <= {owner.owner_id for owner in model.owners()}
    world.chain.reorganise(2, 2)
    await world.catch_up()
    assert "reorg" in {change.kind for change in model.changes_since(start)}
