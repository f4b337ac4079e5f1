"""A node that serves a `FakeChain`, and misbehaves as often as it is told to."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak
from msgspec import structs

from chargecoin.errors import NodeUnavailableError
from indexer.rpc import Header, Log, Receipt, RpcRefusedError
from tests.indexer.fake_chain import FakeBlock, FakeChain

FULL_BLOOM = "0x" + "ff" * 256
EMPTY_BLOOM = "0x" + "00" * 256


class ProcessKilled(BaseException):
    """The process ended here; nothing after it ran."""


@dataclass
class Faults:
    """How likely each fault is, per request."""

    silent: float = 0.0  # no answer
    killed: float = 0.0  # the process dies while it waits
    forgetful: float = 0.0  # logs of a block that is not final yet are left out
    lagging: float = 0.0  # an older head is told
    wandering: float = 0.0  # another branch is served
    lying: float = 0.0  # logs are doubled, of another block, or said to be removed
    max_logs: int = 10**9  # more are refused
    max_blocks: int = 10**9  # so are longer ranges
    no_tags: bool = False  # `safe` and `finalized` are unknown

    @classmethod
    def drawn(cls, draw: random.Random) -> Faults:
        return cls(
            silent=draw.choice((0, 0.02, 0.1)),
            killed=draw.choice((0, 0.01, 0.05)),
            forgetful=draw.choice((0, 0, 0.02)),
            lagging=draw.choice((0, 0.05, 0.2)),
            wandering=draw.choice((0, 0, 0.05)),
            lying=draw.choice((0, 0, 0.05)),
            max_logs=draw.choice((10**9, 40, 12)),
            no_tags=draw.random() < 0.2,
        )


class FakeNode:
    """Answers as an honest node does, but for its faults."""

    def __init__(self, chain: FakeChain, *, finality: int, seed: int = 0) -> None:
        self.chain = chain
        self.finality = finality
        self.faults = Faults()
        self.random = random.Random(seed)
        self.other: FakeChain | None = None  # the branch served while wandering
        self.requests = 0
        self.others: list[FakeNode] = []
        self.doubts: list[str] = []

    # --- the Node protocol ---

    async def call(self, kind: Any, method: str, *params: Any) -> Any:
        return (await self.batch(kind, [(method, params)]))[0]

    async def batch(
        self, kind: Any, requests: Sequence[tuple[str, tuple[Any, ...]]], most: int | None = None
    ) -> list[Any]:
        del kind, most
        self.requests += 1
        self._misbehave()
        chain = self.chain
        if self.other is not None and self._happens(self.faults.wandering):
            chain = self.other
        head = len(chain.blocks) - 1
        if self._happens(self.faults.lagging):
            head = max(0, head - self.random.randint(1, 2 * self.finality))
        return [self._answer(chain, head, method, params) for method, params in requests]

    async def ask_others(self, kind: Any, method: str, *params: Any) -> list[Any]:
        del kind
        return [
            one._answer(one.chain, len(one.chain.blocks) - 1, method, params) for one in self.others
        ]

    def doubt(self, why: str) -> None:
        self.doubts.append(why)

    def _happens(self, likely: float) -> bool:
        return self.random.random() < likely

    def _misbehave(self) -> None:
        if self._happens(self.faults.silent):
            raise NodeUnavailableError("no answer")
        if self._happens(self.faults.killed):
            raise ProcessKilled

    def _answer(self, chain: FakeChain, head: int, method: str, params: tuple[Any, ...]) -> Any:
        if method == "eth_chainId":
            return "0x7a69"
        if method == "eth_getBlockByNumber":
            return self._header(chain, head, params[0])
        if method == "eth_getBlockReceipts":
            number = int(params[0], 16)
            return [Receipt(list(chain.blocks[number].logs))] if number <= head else None
        assert method == "eth_getLogs", method
        return self._logs(chain, head, params[0])

    def _header(self, chain: FakeChain, head: int, tag: str) -> Header | None:
        if tag in {"safe", "finalized"} and self.faults.no_tags:
            raise RpcRefusedError("eth_getBlockByNumber", -32602, "unknown tag")
        depth = {"latest": 0, "safe": self.finality // 2, "finalized": self.finality}
        number = max(0, head - depth[tag]) if tag in depth else int(tag, 16)
        if number > head:
            return None
        block = chain.blocks[number]
        return block.header(bloom=FULL_BLOOM if block.logs else EMPTY_BLOOM)

    def _logs(self, chain: FakeChain, head: int, wanted: dict[str, Any]) -> list[Log]:
        if "blockHash" in wanted:
            found = [block for block in chain.blocks if block.hash == wanted["blockHash"]]
            if not found or found[0].number > head:
                raise RpcRefusedError("eth_getLogs", -32000, "unknown block")
        else:
            first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
            if last - first >= self.faults.max_blocks:
                raise RpcRefusedError("eth_getLogs", -32602, "block range is too large")
            found = chain.blocks[first : min(last, head) + 1]
        final = len(chain.blocks) - 1 - self.finality
        logs = [log for block in found for log in self._logs_of(block, final)]
        if len(logs) > self.faults.max_logs and len(found) > 1:
            raise RpcRefusedError("eth_getLogs", -32005, "query returned too many results")
        if logs and self._happens(self.faults.lying):
            position = self.random.randrange(len(logs))
            one = logs[position]
            lie = self.random.choice(
                (
                    one,
                    structs.replace(one, removed=True),
                    structs.replace(one, block_hash="0x" + "ee" * 32),
                )
            )
            logs[position : position + 1] = [one, lie] if lie is one else [lie]
        return logs

    def _logs_of(self, block: FakeBlock, final: int) -> list[Log]:
        """What nodes forget is what they have not indexed yet, so it is near the head."""
        if block.number > final and block.logs and self._happens(self.faults.forgetful):
            return []
        return list(block.logs)


def topic_of(text: str) -> str:
    """Return the topic of an event signature."""
    return "0x" + keccak(text=text).hex()
