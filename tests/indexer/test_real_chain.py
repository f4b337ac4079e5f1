"""The real contracts on a real anvil: reorgs as the node makes them, and verification."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from chargecoin.chain.events import decode_events
from chargecoin.chain.transactions import contract_call
from chargecoin.errors import NodeUnavailableError
from chargecoin.local_node import CHAIN_ID, LocalNode, NodeOptions
from indexer.read_model import ReadModel
from scripts._pipeline import Pipeline
from tests.indexer.real import DAY, Real
from tests.indexer.tables import contents

# A sum that no row is behind.
PHANTOM = (
    "INSERT INTO connector_hours SELECT connector_id, hour + 36000000, sessions, energy_wh,"
    " gross, net, fee, campaign, avoided_g, occupied_s, charging_s, idle_s, parts"
    " FROM connector_hours LIMIT 1"
)


@pytest.fixture
def finality() -> int:
    """How many blocks an epoch has; final after two."""
    return 16


async def test_the_tables_are_what_the_contracts_hold(real: Real) -> None:
    await real.settle()
    await real.settle()
    await real.catch_up()
    report = await real.verify()
    assert [check.differences for check in report.checks if check.differing] == []
    assert {check.name for check in report.checks} >= {
        "vault accounts",
        "accruals",
        "connector heads",
        "ledger",
        "batch commitments",
        "sessions from logs",
        "settlement_days from rows",
    }
    assert all(
        check.compared
        for check in report.checks
        if check.name in {"vault accounts", "accruals", "connector heads", "batch commitments"}
    )
    outcomes = {(one.status, one.reason) for one in ReadModel(real.store.engine).exceptions()}
    assert outcomes == {(2, 1), (2, 3), (3, 17)}


async def test_money_that_moves_otherwise_is_followed_too(real: Real) -> None:
    """Deposits, a debt collected, fees routed, an owner's withdrawal, a payer's request."""
    receipt = await real.settle()
    deployment = real.protocol.deployment
    settlement, token = deployment.address("Settlement"), deployment.address("Token")
    adjustments = deployment.address("Adjustments")
    driver = real.protocol.ids["payers"]["driver"]
    await real.settler.execute(
        contract_call("TestStablecoin", "mint", token, real.protocol.deployer.address, 10**12),
        contract_call("TestStablecoin", "approve", token, settlement, 10**12),
        contract_call(
            "Settlement",
            "deposit_for",
            settlement,
            *(driver["account"], driver["holder"], 10**9, 10**12),
        ),
        contract_call("Settlement", "route_fees", settlement),
    )
    real.protocol.node.rpc("evm_increaseTime", DAY)
    words = [
        event.args["session"].to_bytes(32, "big")
        for event in decode_events("Settlement", settlement, receipt.logs)
        if event.name == "Session"
    ]
    runs, root = real.settler.settled[1]
    await real.settler.execute(
        contract_call("Adjustments", "collect", adjustments, 1, runs, root, b"".join(words), 1)
    )
    await withdraw(real, 1_000_000)
    await real.catch_up()
    rows = contents(real.store.engine)
    assert [len(rows[name]) for name in ("collections", "fees_routed", "accrual_withdrawals")] == [
        *(1, 1, 1)
    ]
    report = await real.verify()
    assert [check.differences for check in report.checks if check.differing] == []
    [payout] = ReadModel(real.store.engine).payouts(1).items
    assert payout.amount == 1_000_000


async def withdraw(real: Real, amount: int) -> None:
    """Withdraw of the first owner's accrual, by its own key."""
    rpc = real.settler.rpc
    pipeline = Pipeline(rpc, CHAIN_ID)
    [owner] = await pipeline.senders([real.protocol.owner(1)])
    settlement = real.protocol.deployment.address("Settlement")
    call = contract_call("Settlement", "withdraw_accrual", settlement, 1, amount)
    await pipeline.execute([(owner, call)])


async def test_runs_that_were_skipped_are_noted_and_change_nothing(real: Real) -> None:
    await real.settle()
    first = await real.settler.batch({1: [real.session("fleet")]})
    overlapping = await real.settler.batch({1: [real.session("")], 2: [real.session("fleet")]})
    receipts = await real.settler.execute(first, overlapping)
    assert all(receipt.succeeded for receipt in receipts)
    await real.catch_up()
    assert len(contents(real.store.engine)["skipped_runs"]) == 1
    report = await real.verify()
    assert [check.differences for check in report.checks if check.differing] == []


@pytest.mark.parametrize("depth", [1, 5, 40, 64])
async def test_reorgs_of_anvil_are_undone_and_followed_in_backfill_and_live(
    real: Real, depth: int
) -> None:
    """Final after 32 blocks: the deeper ones are below that, fail closed and mend."""
    for _ in range(4):
        await real.settle()
        real.protocol.node.mine(24)
    real.follower._fetcher._range = 8  # Several steps of backfill; it doubles at each.
    for _ in range(4):
        await real.follower.step()
    status = ReadModel(real.store.engine).status()
    assert status.state == "backfill"
    real.protocol.node.rpc("anvil_reorg", depth, [])
    await real.mend()
    assert contents(real.store.engine) == await real.anew()

    await real.settle()
    await real.catch_up()
    sessions = len(contents(real.store.engine)["sessions"])
    before = ReadModel(real.store.engine).status()
    assert before.state == "live"
    real.protocol.node.rpc("anvil_reorg", depth, [])
    await real.follower.step()
    deep = before.number - depth < before.final_number
    assert ReadModel(real.store.engine).status().ready is not deep
    await real.mend()
    after = ReadModel(real.store.engine).status()
    assert (after.ready, after.reorgs) == (True, before.reorgs + 1)
    assert len(contents(real.store.engine)["sessions"]) < sessions
    assert contents(real.store.engine) == await real.anew()
    report = await real.verify()
    assert [check.differences for check in report.checks if check.differing] == []


async def test_a_node_that_is_killed_and_started_again_is_followed_on(real: Real) -> None:
    await real.settle()
    await real.catch_up()
    node = real.protocol.node
    state = real.folder / "state.json"
    node.dump(state)
    port = urlsplit(node.url).port
    assert port
    os.kill(node.pid, signal.SIGKILL)
    node.stop()
    with pytest.raises(NodeUnavailableError):
        await real.follower.step()
    options = NodeOptions(state=state, port=port, slots_in_an_epoch=16)
    with LocalNode(options) as restarted:
        real.protocol = replace(real.protocol, node=restarted)
        real.settler._node = restarted
        await real.settle()
        await real.catch_up()
        status = ReadModel(real.store.engine).status()
        assert (status.ready, status.reorgs) == (True, 0)
        assert contents(real.store.engine) == await real.anew()
        report = await real.verify()
        assert [check.differences for check in report.checks if check.differing] == []


@pytest.mark.parametrize("finality", [1])
async def test_a_reorg_below_finality_fails_closed_and_mends(real: Real) -> None:
    await real.settle()
    await real.settle()
    await real.catch_up()
    real.protocol.node.rpc("anvil_reorg", 5, [])
    await real.follower.step()
    assert not ReadModel(real.store.engine).status().ready
    for _ in range(3):
        await real.catch_up()
    assert ReadModel(real.store.engine).status().ready
    assert contents(real.store.engine) == await real.anew()


@pytest.mark.parametrize(
    ("statement", "found_by"),
    [
        ("UPDATE sessions SET paid = paid + 1 WHERE sequence = 1", "sessions from logs"),
        ("UPDATE sessions SET energy_wh = energy_wh + 1 WHERE sequence = 2", "connector heads"),
        ("UPDATE sessions SET owner_id = 2 WHERE id = (SELECT min(id) FROM sessions)", "accruals"),
        ("UPDATE settlement_days SET fee = fee + 1", "settlement_days from rows"),
        ("UPDATE connector_hours SET energy_wh = energy_wh - 1", "connector_hours from rows"),
        (PHANTOM, "connector_hours from rows"),
        ("DELETE FROM settlement_hours WHERE connector_id = 1", "settlement_hours from logs"),
        ("UPDATE deposits SET amount = '1' WHERE account = 1", "vault accounts"),
        ("DELETE FROM tariffs WHERE connector_id = 2", "registry"),
        ("UPDATE batches SET commitment = evidence_root", "batch commitments"),
        ("DELETE FROM sessions WHERE sequence = 2", "batch commitments"),
        ("UPDATE blocks SET hash = parent WHERE logs > 0", "blocks from logs"),
        ("UPDATE accounts SET holder = '0x00' WHERE account = 1", "vault accounts"),
    ],
)
async def test_verification_finds_what_was_changed_by_hand(
    real: Real, statement: str, found_by: str
) -> None:
    await real.settle()
    await real.catch_up()
    with real.store.engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount
    report = await real.verify()
    assert not report.ok
    assert found_by in {check.name for check in report.checks if check.differing}
