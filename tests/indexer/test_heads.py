"""Announced heads wake the follower; that they stop coming costs it nothing but time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from chargecoin.local_node import LocalNode
from indexer.heads import Heads, wait_for_any

TIMEOUT_S = 60


class Node:
    """Takes subscriptions; tests announce, refuse and hang up."""

    def __init__(self) -> None:
        self.readers: list[ServerConnection] = []
        self.refuses = False
        self.subscribed = asyncio.Event()

    async def handle(self, socket: ServerConnection) -> None:
        asked = json.loads(await socket.recv())
        assert (asked["method"], asked["params"]) == ("eth_subscribe", ["newHeads"])
        answer: dict[str, Any] = {"id": asked["id"], "result": "0x1"}
        if self.refuses:
            answer = {"id": asked["id"], "error": {"code": -32601, "message": "no such method"}}
        await socket.send(json.dumps(answer))
        self.readers.append(socket)
        self.subscribed.set()
        await socket.wait_closed()

    async def announce(self) -> None:
        note = {"method": "eth_subscription", "params": {"subscription": "0x1", "result": {}}}
        await self.readers[-1].send(json.dumps(note))


@pytest.fixture
async def node() -> AsyncIterator[tuple[Node, str]]:
    found = Node()
    async with serve(found.handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield found, f"ws://127.0.0.1:{port}"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 -- it is the state of others
            await asyncio.sleep(0.005)


async def test_every_announced_head_is_news(node: tuple[Node, str]) -> None:
    served, url = node
    news, stop = asyncio.Event(), asyncio.Event()
    heads = Heads(url, news)
    task = asyncio.create_task(heads.run(stop))
    await asyncio.wait_for(news.wait(), TIMEOUT_S)  # What came before the subscription.
    await until(lambda: bool(served.readers))
    for number in (1, 2):
        news.clear()
        await served.announce()
        await asyncio.wait_for(news.wait(), TIMEOUT_S)
        assert heads.announced == number
    assert heads.connected
    stop.set()
    await asyncio.wait_for(task, TIMEOUT_S)


async def test_a_lost_connection_is_made_again(node: tuple[Node, str]) -> None:
    served, url = node
    news, stop = asyncio.Event(), asyncio.Event()
    heads = Heads(url, news, retry_s=0.0)
    task = asyncio.create_task(heads.run(stop))
    await until(lambda: len(served.readers) == 1)
    await served.readers[0].close()
    await until(lambda: len(served.readers) == 2)
    await until(lambda: heads.connected)
    before = heads.announced
    await served.announce()
    await until(lambda: heads.announced == before + 1)
    stop.set()
    await asyncio.wait_for(task, TIMEOUT_S)


async def test_a_node_that_refuses_or_is_not_there_ends_nothing(node: tuple[Node, str]) -> None:
    served, url = node
    served.refuses = True
    for address in (url, "ws://127.0.0.1:1"):
        stop = asyncio.Event()
        heads = Heads(address, asyncio.Event(), retry_s=0.0)
        task = asyncio.create_task(heads.run(stop))
        if address == url:
            await until(lambda: len(served.readers) > 1)
        assert not task.done()
        assert heads.announced == 0
        stop.set()
        await asyncio.wait_for(task, TIMEOUT_S)


async def test_anvil_announces_its_blocks(anvil: LocalNode) -> None:
    news, stop = asyncio.Event(), asyncio.Event()
    heads = Heads(anvil.url.replace("http", "ws", 1), news)
    task = asyncio.create_task(heads.run(stop))
    await until(lambda: heads.connected)
    await asyncio.to_thread(anvil.mine, 3)
    await until(lambda: heads.announced >= 3)
    stop.set()
    await asyncio.wait_for(task, TIMEOUT_S)


async def test_a_wait_ends_with_the_first_event_or_the_time() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    second.set()
    await asyncio.wait_for(wait_for_any(first, second, timeout_s=TIMEOUT_S), TIMEOUT_S)
    second.clear()
    await wait_for_any(first, second, timeout_s=0.0)
    assert not first.is_set()
