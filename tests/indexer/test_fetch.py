"""What a node answers is used only where its answers agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chargecoin.errors import InconsistentNodeError
from indexer.fetch import FIRST_RANGE, PROBE_AFTER, Fetcher
from indexer.rpc import AnswerTooLargeError, Log, RpcRefusedError
from tests.indexer.fake_chain import DEPLOYMENT, FakeChain
from tests.indexer.fake_node import FakeNode

ADDRESSES = [address.lower() for address in DEPLOYMENT.contracts.values()]


@pytest.fixture
def chain() -> FakeChain:
    found = FakeChain(1)
    found.mine(80)
    return found


@pytest.fixture
def node(chain: FakeChain) -> FakeNode:
    return FakeNode(chain, finality=8)


@pytest.fixture
def fetcher(node: FakeNode) -> Fetcher:
    return Fetcher(node, ADDRESSES, 8)


def logs_of(chain: FakeChain, first: int, last: int) -> list[Log]:
    return [log for block in chain.blocks[first : last + 1] for log in block.logs]


async def test_a_range_holds_all_logs_and_the_blocks_they_are_of(
    fetcher: Fetcher, chain: FakeChain
) -> None:
    found: list[Log] = []
    blocks: list[int] = []
    ends: set[int] = set()
    while 80 not in ends:
        fetched = await fetcher.range(max(ends, default=0) + 1, 80)
        found += fetched.logs
        blocks += [block.number for block in fetched.blocks]
        ends.add(fetched.last.number)
    assert found == logs_of(chain, 1, 80)
    with_logs = {block.number for block in chain.blocks[1:] if block.logs}
    assert blocks == sorted(with_logs | ends)
    assert fetched.last.hash.hex() == chain.head.hash[2:]


async def test_a_range_that_is_refused_is_halved_until_it_is_not(
    fetcher: Fetcher, node: FakeNode, chain: FakeChain
) -> None:
    node.faults.max_logs = 25
    found: list[Log] = []
    first = 1
    while first <= 80:
        fetched = await fetcher.range(first, 80)
        found += fetched.logs
        first = fetched.last.number + 1
    assert found == logs_of(chain, 1, 80)


def quiet(node: FakeNode, blocks: int) -> None:
    """Let the node's chain be this many blocks in which nothing happened."""
    first = node.chain.blocks[0]
    node.chain.blocks = [
        replace(first, number=number, hash="0x" + number.to_bytes(32, "big").hex())
        for number in range(blocks)
    ]


async def test_ranges_grow_where_little_happens(fetcher: Fetcher, node: FakeNode) -> None:
    quiet(node, 1_500)
    first = await fetcher.range(1, 1_499)
    second = await fetcher.range(first.last.number + 1, 1_499)
    assert first.last.number == FIRST_RANGE
    assert second.last.number - first.last.number == 2 * FIRST_RANGE


async def test_what_a_node_refused_is_asked_of_it_again_only_now_and_then(
    fetcher: Fetcher, node: FakeNode
) -> None:
    quiet(node, 20_000)
    node.faults.max_blocks = 50
    lengths: list[int] = []
    refused: list[int] = []
    first = 1
    while first < 2_500:
        before = node.requests
        fetched = await fetcher.range(first, 19_999)
        lengths.append(fetched.last.number - first + 1)
        # Besides the headers, each range is one request, and one more for each refusal.
        refused.append(node.requests - before - 2)
        first = fetched.last.number + 1
    assert max(lengths) == 32
    assert sum(refused) == len([at for at, count in enumerate(refused) if count])
    assert sum(refused) == 1 + (len(lengths) - lengths.index(32) - 1) // PROBE_AFTER
    # When the node allows more, that is found out.
    node.faults.max_blocks = 10**9
    for _ in range(3 * PROBE_AFTER):
        fetched = await fetcher.range(first, 19_999)
        lengths.append(fetched.last.number - first + 1)
        first = fetched.last.number + 1
    assert lengths[-1] > 100


async def test_one_block_too_large_is_told(
    fetcher: Fetcher, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> Any:
        raise RpcRefusedError("eth_getLogs", -32005, "too much")

    monkeypatch.setattr(node, "batch", refuse)
    with pytest.raises(RpcRefusedError):
        await fetcher.range(1, 1)


async def test_an_answer_too_large_tells_how_far_the_next_may_go(
    fetcher: Fetcher, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, batch = 1, node.batch
    for _ in range(4):
        first = (await fetcher.range(first, 60)).last.number + 1
    part = b'{"blockNumber":"%#x","data":"0x"},{"blockNumber": "%#x","da' % (first, first + 3)
    cut: list[Exception] = [AnswerTooLargeError("eth_getLogs", 5_000, part)]

    async def cut_once(*asked: Any) -> Any:
        if cut:
            raise cut.pop()
        return await batch(*asked)

    monkeypatch.setattr(node, "batch", cut_once)
    fetched = await fetcher.range(first, 60)
    assert fetched.last.number == first + 2
    # It says nothing of what the node allows: the next one is longer at once.
    after = fetched.last.number + 1
    assert (await fetcher.range(after, 60)).last.number > after + 2


@pytest.mark.parametrize("fault", ["other block", "removed", "twice"])
async def test_logs_that_do_not_belong_are_not_used(
    fetcher: Fetcher, chain: FakeChain, fault: str
) -> None:
    block = next(block for block in chain.blocks if len(block.logs) > 1)
    if fault == "other block":
        block.logs[0].block_hash = "0x" + "00" * 32
    elif fault == "removed":
        block.logs[0].removed = True
    else:
        block.logs.append(block.logs[0])
    with pytest.raises(InconsistentNodeError):
        await fetcher.range(block.number, 80)
    with pytest.raises(InconsistentNodeError):
        await fetcher.blocks(block.number, block.number, None)


async def test_a_node_without_the_end_of_a_range_is_not_believed_about_its_logs(
    fetcher: Fetcher,
) -> None:
    # The first range is of one block, the next of two.
    await fetcher.range(79, 81)
    with pytest.raises(InconsistentNodeError, match="does not have block 81"):
        await fetcher.range(80, 81)


async def test_blocks_that_form_no_chain_are_not_used(fetcher: Fetcher, chain: FakeChain) -> None:
    parent = bytes.fromhex(chain.blocks[70].hash[2:])
    fetched = await fetcher.blocks(71, 80, parent)
    assert [block.number for block in fetched.blocks] == list(range(71, 81))
    with pytest.raises(InconsistentNodeError, match="does not follow"):
        await fetcher.blocks(71, 80, bytes(32))
    chain.blocks[75].parent = "0x" + "00" * 32
    with pytest.raises(InconsistentNodeError, match="75 does not follow"):
        await fetcher.blocks(71, 80, parent)


async def test_receipts_decide_where_the_bloom_speaks_of_logs_that_did_not_come(
    fetcher: Fetcher, node: FakeNode, chain: FakeChain
) -> None:
    node.faults.forgetful = 1.0
    fetched = await fetcher.blocks(74, 80, None)
    assert list(fetched.logs) == logs_of(chain, 74, 80)
    assert fetched.logs, "the blocks of this test have logs"


async def test_finality_goes_by_depth_where_the_node_does_not_know_it(
    fetcher: Fetcher, node: FakeNode
) -> None:
    known = await fetcher.tips(1)
    node.faults.no_tags = True
    guessed = await fetcher.tips(1)
    assert (known.final, known.safe) == (72, 76)
    assert (guessed.final, guessed.safe) == (72, 72)
    assert guessed.head == known.head
