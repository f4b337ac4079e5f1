"""The running indexer on a real chain with two ways to it: one that fails, lies or forgets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from chargecoin.chain import Chain
from chargecoin.indexer_client import IndexerClient
from indexer import service
from indexer.config import IndexerConfig
from indexer.service import follow_all
from scripts._settling import Settler
from tests.indexer.real import Past
from tests.indexer.serving import serve
from tests.support.protocol import Protocol

TIMEOUT_S = 60
HASH = "0x" + "ab" * 32


@dataclass
class Relay:
    """Passes requests on to a node, but for what it is told to do to the answers."""

    target: str
    url: str = ""
    up: bool = True
    change: Callable[[Any, Any], Any] = lambda _question, answer: answer
    asked: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.asked += 1
        if not self.up:
            return web.Response(status=502)
        headers = {"content-type": "application/json"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.target, data=body, headers=headers) as answer,
        ):
            found = orjson.loads(await answer.read())
        question = orjson.loads(body)
        if isinstance(question, list):
            by_id = {one["id"]: one for one in question}
            found = [self.change(by_id[one["id"]], one) for one in found]
        else:
            found = self.change(question, found)
        return web.Response(body=orjson.dumps(found), content_type="application/json")


@pytest.fixture
async def relay(protocol: Protocol) -> AsyncIterator[Relay]:
    found = Relay(protocol.url)
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/", found.handle)
    port, close = await serve(app, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{port}/"
    yield found
    await close()


@pytest.fixture
def config(protocol: Protocol, relay: Relay, tmp_path: Path) -> IndexerConfig:
    return IndexerConfig(
        deployment=protocol.book,
        rpc_url=relay.url,
        other_rpc_urls=(protocol.url,),
        database=str(tmp_path / "index.sqlite"),
        http_port=0,
        poll_interval_s=0.02,
    )


@contextlib.asynccontextmanager
async def running(config: IndexerConfig) -> AsyncIterator[IndexerClient]:
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(follow_all(config, stop, port.set_result))
    try:
        url = f"http://127.0.0.1:{await asyncio.wait_for(port, TIMEOUT_S)}"
        async with IndexerClient(url) as client:
            yield client
    finally:
        stop.set()
        await asyncio.wait_for(task, TIMEOUT_S)


async def settle(protocol: Protocol) -> int:
    """Settle a batch; return the number of the last batch."""
    async with await Chain.connect(protocol.url, protocol.deployment) as chain:
        past = Past(protocol, Settler(protocol.node, chain, protocol.members[: protocol.threshold]))
        await past.settle()
        return await chain.batch_count()


async def until_batch(client: IndexerClient, batch: int) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            page = await client.batches(limit=1)
            if page.items and page.items[0].batch == batch:
                return
            await asyncio.sleep(0.01)


async def ready(client: IndexerClient) -> tuple[int, str]:
    answer = await client._http.get("/ready")
    return answer.status_code, answer.text


async def listening(client: IndexerClient) -> bool:
    heads: dict[str, Any] = (await client._http.get("/status")).json()["heads"]
    return bool(heads["connected"])


async def until_ready(client: IndexerClient, status: int) -> str:
    async with asyncio.timeout(TIMEOUT_S):
        while (found := await ready(client))[0] != status:  # noqa: ASYNC110 -- of another task
            await asyncio.sleep(0.01)
    return found[1]


async def test_a_node_that_dies_is_replaced_by_the_other(
    config: IndexerConfig, relay: Relay, protocol: Protocol
) -> None:
    async with running(config) as client:
        await until_batch(client, await settle(protocol))
        assert relay.asked
        relay.up = False
        await until_batch(client, await settle(protocol))
        assert (await ready(client))[0] == 200
        nodes = (await client._http.get("/status")).json()["nodes"]
        assert [one["active"] for one in nodes] == [False, True]
        metrics = (await client._http.get("/metrics")).text
        assert "chargecoin_indexer_node_switches_total 1\n" in metrics


async def test_nodes_that_disagree_withhold_figures_until_they_agree(
    config: IndexerConfig,
    relay: Relay,
    protocol: Protocol,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "COMPARE_S", 0.02)

    def lie(question: Any, answer: Any) -> Any:
        if question["method"] == "eth_getBlockByNumber" and answer.get("result"):
            return answer | {"result": answer["result"] | {"hash": HASH}}
        return answer

    async with running(config) as client:
        batch = await settle(protocol)
        await until_batch(client, batch)
        honest, relay.change = relay.change, lie
        assert "the nodes disagree about block" in await until_ready(client, 503)
        answer = await client._http.get("/v1/batches")
        assert answer.status_code == 503
        assert HASH in answer.json()["detail"]
        await settle(protocol)
        relay.change = honest
        await until_ready(client, 200)
        await until_batch(client, batch + 1)


async def test_logs_that_a_node_leaves_out_are_had_from_the_other(
    config: IndexerConfig, relay: Relay, protocol: Protocol
) -> None:
    def forget(question: Any, answer: Any) -> Any:
        if question["method"] == "eth_getBlockReceipts":
            return {"id": answer["id"], "error": {"code": -32601, "message": "not here"}}
        if question["method"] == "eth_getLogs" and "blockHash" in question["params"][0]:
            return answer | {"result": []}
        return answer

    async with running(config) as client:
        await until_batch(client, await settle(protocol))
        relay.change = forget
        await until_batch(client, await settle(protocol))
        nodes = (await client._http.get("/status")).json()["nodes"]
        assert nodes[0]["doubts"] == 1
        assert nodes[1]["active"]


async def test_an_announced_block_is_followed_long_before_the_next_poll(
    config: IndexerConfig, protocol: Protocol
) -> None:
    announced = replace(
        config, ws_url=protocol.url.replace("http", "ws", 1), poll_interval_s=10 * TIMEOUT_S
    )
    async with running(announced) as client:
        async with asyncio.timeout(TIMEOUT_S):
            while not await listening(client):  # noqa: ASYNC110 -- of another task
                await asyncio.sleep(0.01)
        await until_batch(client, await settle(protocol))
        assert (await client._http.get("/status")).json()["heads"]["announced"]
