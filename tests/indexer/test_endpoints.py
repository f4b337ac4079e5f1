"""Several nodes as one: the next where one fails, none where they contradict each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import web

from chargecoin.errors import ConfigurationError, NodeUnavailableError
from indexer.endpoints import LAG_BLOCKS, LAG_SIGHTINGS, REST_S, DisagreeingNodesError, Endpoints
from indexer.rpc import Header, Rpc, RpcRefusedError
from tests.indexer.serving import serve


@dataclass
class Served:
    """A node over HTTP: blocks named by a letter, a head, and what is final."""

    branch: str = "a"
    head: int = 100
    final: int | None = 90
    up: bool = True
    refuses: bool = False
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        if not self.up:
            return web.Response(status=503)
        some = body if isinstance(body, list) else [body]
        answers = [self.answer(one) for one in some]
        found = answers if isinstance(body, list) else answers[0]
        return web.Response(body=orjson.dumps(found), content_type="application/json")

    def answer(self, one: Any) -> Any:
        self.asked.append(one["method"])
        if one["method"] == "eth_chainId":
            if self.refuses:
                return {"id": one["id"], "error": {"code": -32005, "message": "too much"}}
            return {"id": one["id"], "result": "0x7a69"}
        tag = one["params"][0]
        if tag == "finalized" and self.final is None:
            return {"id": one["id"], "error": {"code": -32602, "message": "unknown tag"}}
        number = {"latest": self.head, "finalized": self.final}.get(tag)
        number = int(tag, 16) if number is None else number
        block = {
            "number": hex(number),
            "hash": f"0x{self.branch}{number:x}",
            "parentHash": "0x",
            "timestamp": "0x1",
        }
        return {"id": one["id"], "result": block if number <= self.head else None}


class Clock:
    """Time that goes on only where told."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
async def served() -> AsyncIterator[list[Served]]:
    nodes = [Served(), Served()]
    closers = []
    for one in nodes:
        app = web.Application()
        app.router.add_post("/", one.handle)
        port, close = await serve(app, "127.0.0.1", 0)
        one.url = f"http://127.0.0.1:{port}/"
        closers.append(close)
    yield nodes
    for close in closers:
        await close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def nodes(served: list[Served], clock: Clock) -> AsyncIterator[Endpoints]:
    async def at_once(_seconds: float) -> None:
        return

    rpcs = [Rpc(one.url, attempts=2, sleep=at_once) for one in served]
    async with Endpoints(rpcs, finality_depth=8, monotonic=clock) as found:
        yield found


async def test_the_first_is_asked_as_long_as_it_answers(
    nodes: Endpoints, served: list[Served]
) -> None:
    for _ in range(3):
        assert await nodes.call(str, "eth_chainId") == "0x7a69"
    assert (len(served[0].asked), len(served[1].asked)) == (3, 0)


async def test_where_one_is_gone_the_next_is_asked_and_kept(
    nodes: Endpoints, served: list[Served], clock: Clock
) -> None:
    served[0].up = False
    assert await nodes.call(str, "eth_chainId") == "0x7a69"
    served[0].up = True
    clock.at = REST_S + 1
    assert await nodes.call(str, "eth_chainId") == "0x7a69"
    assert (len(served[0].asked), len(served[1].asked)) == (0, 2)
    assert nodes.switches == 1
    assert [one.active for one in nodes.health()] == [False, True]
    assert nodes.health()[0].failures == 1


async def test_where_all_are_gone_it_says_so_and_goes_on_when_one_is_back(
    nodes: Endpoints, served: list[Served]
) -> None:
    served[0].up = served[1].up = False
    with pytest.raises(NodeUnavailableError, match="HTTP status 503"):
        await nodes.call(str, "eth_chainId")
    served[0].up = True
    assert await nodes.call(str, "eth_chainId") == "0x7a69"


async def test_a_refusal_is_an_answer_and_no_reason_to_ask_another(
    nodes: Endpoints, served: list[Served]
) -> None:
    served[0].refuses = True
    with pytest.raises(RpcRefusedError):
        await nodes.call(str, "eth_chainId")
    assert served[1].asked == []


async def test_a_node_caught_contradicting_itself_is_left_for_a_while(
    nodes: Endpoints, served: list[Served], clock: Clock
) -> None:
    nodes.doubt("a log is missing")
    await nodes.call(str, "eth_chainId")
    assert (len(served[0].asked), len(served[1].asked)) == (0, 1)
    # The other is no better: back to the first only once it has rested.
    nodes.doubt("another is missing")
    await nodes.call(str, "eth_chainId")
    assert len(served[1].asked) == 2
    clock.at = REST_S + 1
    nodes.doubt("and another")
    await nodes.call(str, "eth_chainId")
    assert len(served[0].asked) == 1


async def test_others_are_asked_for_a_second_opinion(
    nodes: Endpoints, served: list[Served]
) -> None:
    wanted = ("eth_getBlockByNumber", "0x5", False)
    [other] = await nodes.ask_others(Header, *wanted)
    assert other.hash == "0xa5"
    assert served[0].asked == []
    served[1].up = False
    assert await nodes.ask_others(Header, *wanted) == []


async def test_nodes_that_name_different_final_blocks_are_both_not_believed(
    nodes: Endpoints, served: list[Served]
) -> None:
    assert await nodes.compare()
    served[1].branch = "b"
    assert not await nodes.compare()
    assert "block 90, which all call final" in nodes.disagreement
    for asking in (nodes.call(str, "eth_chainId"), nodes.batch(str, [("eth_chainId", ())])):
        with pytest.raises(DisagreeingNodesError, match="disagree about block 90"):
            await asking
    # Not forgotten because one of them is silent for a moment.
    served[1].up = False
    assert not await nodes.compare()
    served[1].up, served[1].branch = True, "a"
    assert await nodes.compare()
    assert await nodes.call(str, "eth_chainId") == "0x7a69"


async def test_they_are_compared_at_what_the_slower_one_calls_final(
    nodes: Endpoints, served: list[Served]
) -> None:
    """Above it, two honest nodes may differ."""
    served[1].final = 40
    served[1].head = 50
    assert await nodes.compare()
    served[1].branch = "b"
    assert not await nodes.compare()
    assert "block 40" in nodes.disagreement


async def test_without_the_tag_finality_is_counted_by_depth(
    nodes: Endpoints, served: list[Served]
) -> None:
    served[0].final = served[1].final = None
    served[1].branch = "b"
    assert not await nodes.compare()
    assert "block 92" in nodes.disagreement


async def test_a_node_that_stays_behind_the_others_is_left(
    nodes: Endpoints, served: list[Served]
) -> None:
    served[1].head = served[0].head + LAG_BLOCKS + 1
    for look in range(LAG_SIGHTINGS):
        assert nodes.health()[0].active, look
        assert await nodes.compare()
    assert [one.active for one in nodes.health()] == [False, True]
    assert [one.head for one in nodes.health()] == [100, 105]


def test_an_address_that_is_none_is_told_without_its_key() -> None:
    with pytest.raises(ConfigurationError, match="does not read as one"):
        Endpoints.of(["htp://node/secret-key"], finality_depth=64)
    [node] = Endpoints.of(["https://node/secret-key"], finality_depth=64).health()
    assert node.name == "https://node"


async def test_doubts_do_not_turn_from_a_node_while_all_are_doubted(
    nodes: Endpoints, served: list[Served]
) -> None:
    served[1].branch = "b"
    assert not await nodes.compare()
    nodes.doubt("the nodes disagree")
    assert [(one.active, one.doubts) for one in nodes.health()] == [(True, 0), (False, 0)]
