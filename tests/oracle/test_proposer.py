"""Batches on a real chain: restarts, refusals, skipped runs, reorganisations, expiry, fees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from chargecoin.chain import Chain
from chargecoin.chain.transactions import KeySigner
from chargecoin.errors import AttestationRefusedError, NodeUnavailableError
from chargecoin.evidence.format import Proof, session_hex
from chargecoin.evidence.verify import verify
from oracle.committee import attester
from oracle.keys import read_key
from oracle.proposer import submitter
from oracle.proposer.proposer import Proposer
from oracle.store import batches, sessions
from tests.oracle.harness import TOKEN, Node, World, until
from tests.support.charging import Charging

NEVER: dict[str, Any] = {"batch_min_sessions": 1_000_000, "batch_max_age_s": 10**9}


async def pend(world: World, node: Node, count: int = 2, connector: int = 1) -> None:
    """Let sessions become pending, one after the other at one connector."""
    before = (await node.get("/status"))["sessions"]["pending"]
    begin = world.now
    await world.advance(3600 * count, node)
    for n in range(count):
        await world.take(node, world.charging(begin + 3600 * n, connector_id=connector))
    await until(node, lambda s: s["sessions"]["pending"] == before + count)


@asynccontextmanager
async def stepping(world: World, count: int = 2, **changes: Any) -> AsyncIterator[list[Node]]:
    """Run a committee whose proposer steps only when told to."""
    async with world.oracles(count, **(NEVER | changes)) as nodes:
        for task in nodes[0].oracle._tasks:
            if task.get_name() == "proposer":
                task.cancel()
        await world.advance(10, nodes[0])
        assert (await nodes[0].post("/mandates", world.mandate()))[0] == 200
        yield nodes


def proposer(node: Node) -> Proposer:
    assert node.oracle.proposer
    return node.oracle.proposer


async def step_until(node: Node, state: str, most: int = 30) -> batches.Batch:
    """Step until the newest batch is in a state, and return it."""
    proposer(node).flush()
    for _ in range(most):
        rest = await proposer(node).step()
        row = await node.oracle.database.read(
            lambda c: c.execute("SELECT * FROM batches ORDER BY id DESC").fetchone()
        )
        if row and row["state"] == state:
            return batches._row(row)
        if rest:
            # A step that wants to rest has nothing to do until the chain has moved.
            node.oracle.registry.advanced.set()
    raise AssertionError(f"no batch is {state}")


async def test_a_batch_is_due_when_enough_sessions_wait(world: World) -> None:
    async with world.oracles(2, batch_min_sessions=2, batch_max_age_s=10**9) as (first, _):
        await world.advance(10, first)
        await pend(world, first, 1)
        await proposer(first).step()
        assert (await first.get("/status"))["batches"]["in_flight"] == 0
        begin = world.now
        await world.advance(3600, first)
        await world.take(first, world.charging(begin))
        await until(first, lambda s: s["sessions"]["settled"] == 2)


async def test_a_batch_is_due_when_the_oldest_session_has_waited_long_enough(
    world: World,
) -> None:
    async with world.oracles(2, batch_min_sessions=100, batch_max_age_s=900) as (first, _):
        await world.advance(10, first)
        await pend(world, first, 1)
        await world.advance(901, first)
        await until(first, lambda s: s["sessions"]["settled"] == 1)


async def test_flushing_makes_whatever_waits_due(world: World) -> None:
    async with world.oracles(2, **NEVER) as (first, _):
        await world.advance(10, first)
        await pend(world, first, 1)
        assert await first.post("/flush") == (202, {"pending": 1})
        await until(first, lambda s: s["sessions"]["settled"] == 1)


async def test_a_session_that_has_not_ended_on_chain_waits(world: World) -> None:
    async with stepping(world) as (first, _):
        begin = world.now
        await world.take(first, Charging(token=TOKEN).start(begin))
        await world.advance(600, first)
        # By the clock it has ended, by the chain it has not.
        world.clock.set(begin + 3700)
        await world.take(first, world.charging(begin))
        await until(first, lambda s: s["sessions"]["pending"] == 1)
        proposer(first).flush()
        assert await proposer(first).step() > 0
        await world.advance(1, first)
        await step_until(first, "mined")


@pytest.mark.parametrize("state", ["proposed", "signed", "submitted", "mined"])
async def test_a_restarted_proposer_goes_on_where_it_was(world: World, state: str) -> None:
    async with stepping(world) as (first, _):
        await pend(world, first)
        await step_until(first, state)
    async with world.oracles(2, batch_min_sessions=1) as (first, _):
        status = await until(first, lambda s: s["sessions"]["settled"] == 2)
        assert status["sessions"]["in"] == 2
        assert status["batches"]["released"] == 0
        async with await Chain.connect(world.protocol.url, world.protocol.deployment) as chain:
            assert await chain.batch_count() == 1
            connector = first.oracle.registry.ids["CP-0001", 1]
            assert (await chain.head(connector)).sequence == 2


async def test_attesters_that_are_away_are_waited_for(world: World) -> None:
    async with stepping(world, 1, attesters=("http://127.0.0.1:9",)) as (first,):
        await pend(world, first)
        await step_until(first, "proposed")
        await proposer(first).step()
        status = await first.get("/status")
        assert (status["batches"]["in_flight"], status["sessions"]["quarantined"]) == (1, 0)
    async with world.oracles(2) as (first, _):
        await until(first, lambda s: s["sessions"]["settled"] == 2)


async def test_another_attester_is_asked_when_one_refuses(world: World) -> None:
    async with stepping(world, 3) as (first, second, _):
        await pend(world, first)
        assert second.oracle.attester
        second.oracle.attester._batch_valid_s = -86_400
        await step_until(first, "mined")
        assert second.oracle.metrics.total("attestations_refused_total") <= 1


async def test_a_session_that_the_committee_refuses_is_set_aside_and_the_rest_settles(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stepping(world) as (first, second):
        await pend(world, first)
        connector = first.oracle.registry.ids["CP-0001", 1]
        checked = attester._check_contract

        def strict(bundle: Any, caps: Any) -> None:
            if asking and bundle.session.sequence == 1:
                raise AttestationRefusedError("price", "not at this price")
            checked(bundle, caps)

        asking: list[bool] = []
        verify_there = second.oracle.attester.verify  # type: ignore[union-attr]

        async def refusing(*args: Any) -> Any:
            asking.append(True)
            try:
                return await verify_there(*args)
            finally:
                asking.clear()

        monkeypatch.setattr(attester, "_check_contract", strict)
        monkeypatch.setattr(second.oracle.attester, "verify", refusing)
        await step_until(first, "proposed")
        await proposer(first).step()
        status = await first.get("/status")
        assert status["quarantine"] == {"price": 1}
        assert status["batches"]["released"] == 1
        monkeypatch.undo()
        await step_until(first, "mined")
        status = await first.get("/status")
        assert (status["sessions"]["settled"], status["sessions"]["quarantined"]) == (1, 1)
        assert (await first.oracle.chain.head(connector)).sequence == 1


async def test_a_batch_that_someone_else_submitted_settles_once(world: World) -> None:
    async with stepping(world) as (first, _):
        await pend(world, first)
        batch = await step_until(first, "signed")
        relayer = world.protocol.payer("fleet")
        arguments = (
            batch.epoch,
            batch.expiry,
            batch.evidence_root,
            batch.runs,
            batch.signatures,
        )
        await world.send(relayer, "Settlement", "settle", *arguments)
        await world.advance(1, first)
        # The follower found it in a final block, whatever becomes of our own transaction.
        status = await until(first, lambda s: s["sessions"]["final"] == 2)
        await step_until(first, "mined")
        status = await first.get("/status")
        assert status["sessions"]["settled"] == 2
        assert status["backlog"] == 0
        assert await first.oracle.chain.batch_count() == 1
        session = session_hex(first.oracle.registry.ids["CP-0001", 1], 2)
        proof = Proof.from_json(await first.get(f"/proof/{session}"))
        bundle = await first.bytes(f"/evidence/{session}")
        assert (await verify(bundle, proof, first.oracle.chain)).ok


async def test_a_settlement_that_a_reorganisation_takes_back_is_sent_again(world: World) -> None:
    node = world.protocol.node
    async with stepping(world) as (first, _):
        await pend(world, first)
        await step_until(first, "signed")
        snapshot = node.snapshot()
        await step_until(first, "mined")
        before = (await first.oracle.database.read(batches.not_final))[0]
        node.revert(snapshot)
        node.set_next_timestamp(world.now + 50)
        node.mine(1)
        await step_until(first, "submitted")
        assert (await first.get("/status"))["sessions"]["settled"] == 0
        await step_until(first, "mined")
        after = (await first.oracle.database.read(batches.not_final))[0]
        assert after.tx_hash == before.tx_hash
        assert after.block_hash != before.block_hash
        status = await first.get("/status")
        assert (status["sessions"]["settled"], status["sessions"]["in"]) == (2, 2)
        assert await first.oracle.chain.batch_count() == 1


async def test_an_expired_batch_is_released_and_its_sessions_settle_in_another(
    world: World,
) -> None:
    async with stepping(world, batch_valid_s=600) as (first, _):
        await pend(world, first)
        batch = await step_until(first, "signed")
        await world.advance(601, first)
        await step_until(first, "released")
        await step_until(first, "mined")
        status = await first.get("/status")
        assert (status["sessions"]["settled"], status["batches"]["released"]) == (2, 1)
        found = await first.oracle.database.read(lambda c: sessions.in_batch(c, batch.id + 1))
        assert [one.sequence for one in found] == [1, 2]


async def test_a_waiting_transaction_is_outbid_under_its_nonce(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = world.protocol.node
    async with stepping(world) as (first, _):
        await pend(world, first)
        await step_until(first, "signed")
        node.rpc("evm_setAutomine", False)
        monkeypatch.setattr(submitter, "BUMP_AFTER_BLOCKS", 0)
        try:
            batch = await step_until(first, "submitted")
            for _ in range(3):
                await proposer(first).step()
            attempts = await first.oracle.database.read(
                lambda c: batches.attempts_of_batch(c, batch.id)
            )
            assert len(attempts) == 4
            assert len({attempt.signed.nonce for attempt in attempts}) == 1
            offers = [attempt.fees for attempt in reversed(attempts)]
            for before, after in pairwise(offers):
                assert after.max_fee * 10 >= before.max_fee * 11
                assert after.max_priority_fee * 10 >= before.max_priority_fee * 11
        finally:
            node.rpc("evm_setAutomine", True)
        node.mine(1)
        await step_until(first, "mined")
        [settlement] = await first.oracle.database.read(batches.not_final)
        assert settlement.tx_hash == attempts[0].signed.hash


async def test_a_transaction_that_the_node_forgot_is_sent_again(world: World) -> None:
    node = world.protocol.node
    async with stepping(world) as (first, _):
        await pend(world, first)
        await step_until(first, "signed")
        node.rpc("evm_setAutomine", False)
        try:
            batch = await step_until(first, "submitted")
            node.rpc("anvil_dropAllTransactions")
        finally:
            node.rpc("evm_setAutomine", True)
        await step_until(first, "mined")
        attempts = await first.oracle.database.read(
            lambda c: batches.attempts_of_batch(c, batch.id)
        )
        assert len(attempts) == 1


async def test_a_nonce_that_another_transaction_took_is_given_up(world: World) -> None:
    node = world.protocol.node
    async with stepping(world) as (first, _):
        await pend(world, first)
        await step_until(first, "signed")
        node.rpc("evm_setAutomine", False)
        try:
            await step_until(first, "submitted")
            node.rpc("anvil_dropAllTransactions")
        finally:
            node.rpc("evm_setAutomine", True)
        # Somebody uses the gas key beside the oracle.
        await world.send(
            KeySigner(read_key(world.folder / "gas.key")), "Settlement", "open_account"
        )
        # Until that is final, ours might still be the one.
        for _ in range(3):
            await proposer(first).step()
        await step_until(first, "submitted", 1)
        await world.advance(1, first)
        await step_until(first, "mined")
        assert (await first.get("/status"))["sessions"]["settled"] == 2
        assert await first.oracle.chain.batch_count() == 1


async def test_a_receipt_that_the_node_has_late_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stepping(world) as (first, _):
        await pend(world, first)
        await step_until(first, "submitted")
        receipt = first.oracle.chain.receipt

        async def none_yet(_hash: bytes) -> None:
            return None

        # The nonce is used already and there is no receipt: nothing else may be sent.
        monkeypatch.setattr(first.oracle.chain, "receipt", none_yet)
        for _ in range(3):
            await proposer(first).step()
        monkeypatch.setattr(first.oracle.chain, "receipt", receipt)
        batch = await step_until(first, "mined")
        attempts = await first.oracle.database.read(
            lambda c: batches.attempts_of_batch(c, batch.id)
        )
        assert len(attempts) == 1
        assert (await first.get("/status"))["sessions"]["settled"] == 2


async def test_while_settlement_is_paused_the_batch_waits(world: World) -> None:
    async with stepping(world) as (first, _):
        await pend(world, first)
        batch = await step_until(first, "signed")
        await world.send(world.protocol.guardian, "Settlement", "pause")
        assert await proposer(first).step() > 0
        found = await first.oracle.database.read(batches.in_flight)
        assert found
        assert (found.id, found.state) == (batch.id, "signed")


async def test_an_oracle_that_starts_without_its_node_serves_charge_points(world: World) -> None:
    async with world.oracles(1) as (only,):
        await world.advance(10, only)
    async with (
        world.oracles(1, rpc_url="http://127.0.0.1:9") as (only,),
        world.charge_point(only) as charge_point,
    ):
        assert not (await only.get("/ready"))["ready"]
        number = await charge_point.replay(world.charging(world.now))
        assert number
        status = await only.get("/status")
        assert (status["sessions"]["closed"], status["feed"]["n"] > 5) == (1, True)


async def test_the_node_being_away_stops_nothing_for_good(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.oracles(2, **NEVER) as (first, _):
        await world.advance(10, first)
        await pend(world, first)
        request = first.oracle.chain.rpc.request

        async def away(*_args: Any) -> Any:
            raise NodeUnavailableError("away")

        monkeypatch.setattr(first.oracle.chain.rpc, "request", away)
        begin = world.now
        world.clock.set(begin + 3600)
        await world.take(first, world.charging(begin))
        status, _ = await first.post("/mandates", world.mandate("fleet"))
        assert status == 503
        monkeypatch.setattr(first.oracle.chain.rpc, "request", request)
        await world.advance(100, first)
        await first.post("/flush")
        async with asyncio.timeout(20):
            await until(first, lambda s: s["sessions"]["settled"] == 3)
