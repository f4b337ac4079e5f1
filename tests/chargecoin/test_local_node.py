"""The local chain that tests and the demo stand on."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from chargecoin.errors import ChainError, NodeUnavailableError
from chargecoin.local_node import CHAIN_ID, LocalNode, NodeOptions


def test_a_node_serves_the_local_chain_at_its_own_address(anvil: LocalNode) -> None:
    assert int(anvil.rpc("eth_chainId"), 16) == CHAIN_ID


def test_two_nodes_live_side_by_side(
    anvil: LocalNode, start_anvil: Callable[..., LocalNode]
) -> None:
    other = start_anvil()
    assert other.url != anvil.url


def test_what_happened_after_a_snapshot_is_undone(start_anvil: Callable[..., LocalNode]) -> None:
    node = start_anvil()
    before = node.snapshot()
    node.mine(3)
    node.revert(before)
    assert int(node.rpc("eth_blockNumber"), 16) == 0
    with pytest.raises(ChainError, match="each serves once"):
        node.revert(before)


def test_the_genesis_block_has_the_time_it_was_given(
    start_anvil: Callable[..., LocalNode],
) -> None:
    node = start_anvil(timestamp=1_767_225_600)
    genesis = node.rpc("eth_getBlockByNumber", "0x0", False)
    assert int(genesis["timestamp"], 16) == 1_767_225_600


def test_a_block_has_the_time_it_was_given(start_anvil: Callable[..., LocalNode]) -> None:
    node = start_anvil(timestamp=1_767_225_600)
    node.set_next_timestamp(1_767_312_000)
    node.mine()
    block = node.rpc("eth_getBlockByNumber", "latest", False)
    assert int(block["timestamp"], 16) == 1_767_312_000


def test_without_automine_a_transaction_waits(start_anvil: Callable[..., LocalNode]) -> None:
    node = start_anvil(automine=False)
    sender, receiver = node.rpc("eth_accounts")[:2]
    sent = node.rpc("eth_sendTransaction", {"from": sender, "to": receiver, "value": "0x1"})
    assert node.rpc("eth_getTransactionReceipt", sent) is None
    node.mine()
    assert node.rpc("eth_getTransactionReceipt", sent)["status"] == "0x1"


def test_a_block_is_safe_after_one_epoch_and_final_after_two(
    start_anvil: Callable[..., LocalNode],
) -> None:
    node = start_anvil(slots_in_an_epoch=4)
    node.mine(10)
    tags = [
        int(node.rpc("eth_getBlockByNumber", tag, False)["number"], 16)
        for tag in ("latest", "safe", "finalized")
    ]
    assert tags == [10, 6, 2]


def test_a_refusal_carries_the_nodes_words(anvil: LocalNode) -> None:
    with pytest.raises(ChainError, match=r"eth_noSuchMethod.*[Nn]ot found"):
        anvil.rpc("eth_noSuchMethod")


def test_a_stopped_node_is_gone_and_stopping_again_does_nothing() -> None:
    node = LocalNode()
    node.stop()
    node.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(node.pid, 0)


def test_a_taken_port_is_reported_in_anvils_words(anvil: LocalNode) -> None:
    with pytest.raises(NodeUnavailableError, match="in use"):
        LocalNode(NodeOptions(port=int(anvil.url.rsplit(":", 1)[1])))
