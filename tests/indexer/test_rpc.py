"""JSON-RPC over a real socket: what passes by itself is waited out, what is refused is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from aiohttp import web

from chargecoin.errors import NodeUnavailableError
from indexer.rpc import ATTEMPTS, BATCH, AnswerTooLargeError, Header, Log, Rpc, RpcRefusedError
from tests.indexer.serving import serve

Answer = Callable[[Any], Any]


class Server:
    """Answers each HTTP request with the next of `answers`; the last one stays."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[Any] = []
        self.pauses: list[float] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        self.requests.append(body)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        found = answer(body)
        if isinstance(found, web.StreamResponse):
            return found
        return web.Response(body=orjson.dumps(found), content_type="application/json")

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    app = web.Application()
    app.router.add_post("/", found.handle)
    port, close = await serve(app, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{port}/"  # type: ignore[attr-defined]
    yield found
    await close()


@pytest.fixture
async def rpc(server: Server) -> AsyncIterator[Rpc]:
    url: str = server.url  # type: ignore[attr-defined]
    async with Rpc(url, sleep=server.pause) as found:
        yield found


def result(value: Any) -> Answer:
    def answer(body: Any) -> Any:
        if isinstance(body, list):
            # Servers may answer a batch in any order.
            return [{"jsonrpc": "2.0", "id": one["id"], "result": value} for one in body[::-1]]
        return {"jsonrpc": "2.0", "id": body["id"], "result": value}

    return answer


def status(code: int) -> Answer:
    return lambda _: web.Response(status=code, text="not now")


def fault(code: int, message: str) -> Answer:
    return lambda body: {"id": body["id"], "error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    "trouble",
    [status(429), status(503), lambda _: web.Response(text="<html>"), result(5)],
    ids=["429", "503", "no JSON", "another type"],
)
async def test_what_passes_by_itself_is_waited_out(
    rpc: Rpc, server: Server, trouble: Answer
) -> None:
    server.answers = [trouble, trouble, result("0x1")]
    assert await rpc.call(str, "eth_chainId") == "0x1"
    assert server.pauses == [0.1, 0.2]
    assert (rpc.requests, rpc.errors) == (3, 2)


async def test_after_six_attempts_the_node_is_called_unavailable(rpc: Rpc, server: Server) -> None:
    server.answers = [status(500)]
    with pytest.raises(
        NodeUnavailableError, match="gives no answer to eth_chainId: HTTP status 500"
    ):
        await rpc.call(str, "eth_chainId")
    assert len(server.requests) == ATTEMPTS


async def test_what_the_node_refuses_is_told_at_once(rpc: Rpc, server: Server) -> None:
    server.answers = [fault(-32005, "query returned more than 10000 results")]
    with pytest.raises(RpcRefusedError, match="more than 10000 results") as refused:
        await rpc.call(list[Log], "eth_getLogs", {})
    assert refused.value.code == -32005
    assert len(server.requests) == 1


async def test_a_batch_is_split_and_put_back_in_order(rpc: Rpc, server: Server) -> None:
    def echo(body: Any) -> Any:
        return [{"id": one["id"], "result": one["params"][0]} for one in body[::-1]]

    server.answers = [echo]
    wanted = [hex(i) for i in range(BATCH + 5)]
    assert await rpc.batch(str, [("echo", (one,)) for one in wanted]) == wanted
    assert [len(body) for body in server.requests] == [BATCH, 5]


async def test_a_batch_answered_in_part_is_not_used(rpc: Rpc, server: Server) -> None:
    server.answers = [lambda body: [{"id": body[0]["id"], "result": "0x1"}]]
    with pytest.raises(NodeUnavailableError, match="1 of 2"):
        await rpc.batch(str, [("a", ()), ("b", ())])


async def test_a_block_the_node_does_not_have_is_none(rpc: Rpc, server: Server) -> None:
    server.answers = [result(None)]
    assert await rpc.call(Header, "eth_getBlockByNumber", "0x9", False) is None


async def test_fields_nobody_asked_for_are_ignored(rpc: Rpc, server: Server) -> None:
    header = {
        "number": "0x1",
        "hash": "0x01",
        "parentHash": "0x00",
        "timestamp": "0x5",
        "logsBloom": "0x00",
        "miner": "0x",
        "transactions": ["0x"] * 3,
    }
    server.answers = [result(header)]
    found = await rpc.call(Header, "eth_getBlockByNumber", "0x1", False)
    assert found == Header("0x1", "0x01", "0x00", "0x5", "0x00")


async def test_without_a_server_the_node_is_unavailable(server: Server) -> None:
    async with Rpc("http://127.0.0.1:1/", sleep=server.pause) as rpc:
        with pytest.raises(NodeUnavailableError):
            await rpc.call(str, "eth_chainId")


async def test_an_answer_that_is_too_large_is_refused_at_once_and_read_whole_where_it_may_be(
    server: Server, rpc: Rpc
) -> None:
    server.answers = [result("0x" + "ab" * 5_000)]
    requests = [("eth_getLogs", ())]
    with pytest.raises(RpcRefusedError, match="larger than 8000 bytes"):
        await rpc.batch(str, requests, 8_000)
    assert server.pauses == []
    log = {"blockNumber": "0x1f", "data": "0x" + "ab" * 200}
    server.answers = [result([log] * 30 + [{**log, "blockNumber": "0x20"}] * 60)]
    with pytest.raises(AnswerTooLargeError) as cut:
        await rpc.batch(list[Any], requests, 16_000)
    # Thirty logs have some 13,000 characters.
    assert cut.value.reached == 0x20
    server.answers = [result("0x" + "ab" * 5_000)]
    assert await rpc.batch(str, requests, 80_000) == await rpc.batch(str, requests)
