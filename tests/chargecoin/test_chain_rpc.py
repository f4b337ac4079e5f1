"""What a node can do wrong, and what each of it means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from eth_abi.abi import encode

from chargecoin.chain import Rpc
from chargecoin.chain.rpc import revert_reason
from chargecoin.errors import ChainError, ConfigurationError, NodeUnavailableError, RevertedError

# Error(string), as contracts refuse.
REFUSED = bytes.fromhex("08c379a0") + encode(["string"], ["settlement: not the holder"])


class Node:
    """A node that answers what it is told to."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.text = ""
        self.released = asyncio.Event()
        self.released.set()

    def answer(self, **fields: Any) -> None:
        self.text = json.dumps({"jsonrpc": "2.0", "id": 1} | fields)

    async def handle(self, _request: web.Request) -> web.Response:
        await self.released.wait()
        return web.Response(status=self.status, text=self.text, content_type="application/json")


@pytest_asyncio.fixture
async def node() -> AsyncIterator[Node]:
    served = Node()
    application = web.Application()
    application.router.add_post("/", served.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield served
    served.released.set()
    await runner.cleanup()


@pytest_asyncio.fixture
async def rpc(node: Node) -> AsyncIterator[Rpc]:
    connected = Rpc(node.url, timeout_s=2.0)
    yield connected
    await connected.close()


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (500, "{}"),
        (429, "{}"),
        (200, "not JSON"),
        (200, '{"jsonrpc": "2.0", "id": 1}'),
        (200, "[]"),
        (200, "null"),
    ],
)
async def test_an_answer_that_is_none_means_that_the_node_is_unavailable(
    node: Node, rpc: Rpc, status: int, text: str
) -> None:
    node.status, node.text = status, text
    with pytest.raises(NodeUnavailableError):
        await rpc.request("eth_chainId")


async def test_a_node_that_keeps_silent_is_given_up_on(node: Node) -> None:
    node.released.clear()
    rpc = Rpc(node.url, timeout_s=0.05)
    with pytest.raises(NodeUnavailableError, match="gives no answer to eth_chainId"):
        await rpc.request("eth_chainId")
    await rpc.close()


async def test_a_node_that_is_not_there_is_told_with_what_to_do() -> None:
    rpc = Rpc("http://127.0.0.1:1")
    with pytest.raises(NodeUnavailableError) as unavailable:
        await rpc.request("eth_chainId")
    await rpc.close()
    assert str(unavailable.value) == (
        "http://127.0.0.1:1 gives no answer to eth_chainId: it cannot be connected to "
        "(Connection refused); start the node there, or name another"
    )


@pytest.mark.parametrize(
    "url", ["nonsense", "", "node.example/v3/secret", "ftp://x", "http://", "http://x:secret"]
)
def test_what_is_no_address_of_a_node_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"such as http://127\.0\.0\.1:8545") as refused:
        Rpc(url)
    assert "secret" not in str(refused.value)


async def test_a_node_that_limits_us_is_unavailable_and_not_wrong(node: Node, rpc: Rpc) -> None:
    node.answer(error={"code": -32005, "message": "too many requests"})
    with pytest.raises(NodeUnavailableError, match="limits us: too many requests"):
        await rpc.request("eth_chainId")


async def test_a_node_that_refuses_is_quoted(node: Node, rpc: Rpc) -> None:
    node.answer(error={"code": -32000, "message": "missing trie node"})
    with pytest.raises(ChainError, match="eth_call: missing trie node") as refused:
        await rpc.request("eth_call")
    assert not isinstance(refused.value, NodeUnavailableError | RevertedError)


async def test_a_contract_that_refuses_is_quoted(node: Node, rpc: Rpc) -> None:
    error = {"code": 3, "message": "execution reverted", "data": "0x" + REFUSED.hex()}
    node.answer(error=error)
    with pytest.raises(RevertedError) as refused:
        await rpc.request("eth_call")
    assert refused.value.reason == "settlement: not the holder"


async def test_a_batch_that_is_not_answered_as_one_is_no_answer(node: Node, rpc: Rpc) -> None:
    node.answer(result="0x1")
    with pytest.raises(NodeUnavailableError, match="does not answer batches"):
        await rpc.batch([("eth_chainId", ()), ("eth_blockNumber", ())])


async def test_a_batch_with_an_answer_missing_is_no_answer(node: Node, rpc: Rpc) -> None:
    node.text = json.dumps([{"jsonrpc": "2.0", "id": 1, "result": "0x1"}])
    with pytest.raises(NodeUnavailableError, match="does not answer batches"):
        await rpc.batch([("eth_chainId", ()), ("eth_blockNumber", ())])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", ""),
        (bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big"), "panic 0x11"),
        (bytes.fromhex("118cdaa7"), "custom error 0x118cdaa7"),
        (bytes.fromhex("08c379a0ff"), "custom error 0x08c379a0ff"),
        (
            bytes.fromhex("e450d38c")
            + encode(["address", "uint256", "uint256"], ["0x" + "11" * 20, 5, 7]),
            f"the token balance of 0x{'11' * 20} is 5 base units, 7 are needed",
        ),
        (bytes.fromhex("fb8f41b2ff"), "custom error 0xfb8f41b2ff"),
    ],
)
def test_the_words_in_a_reverts_data_are_read(data: bytes, reason: str) -> None:
    assert revert_reason(data) == reason


async def test_the_key_in_a_nodes_address_is_in_no_message(node: Node) -> None:
    node.status = 500
    rpc = Rpc(node.url.replace("127.0.0.1", "user:secret@127.0.0.1") + "v3/secret?key=secret")
    with pytest.raises(NodeUnavailableError) as unavailable:
        await rpc.request("eth_chainId")
    assert "secret" not in str(unavailable.value)
    await rpc.close()
