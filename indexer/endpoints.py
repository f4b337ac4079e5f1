"""Several nodes of one chain: the next where one fails, and none where they contradict each other.

Requests go to one node until it does not answer, is caught contradicting itself, or
lags behind the others; then to the next. Every node is asked again and again what it
holds at a height that all of them call final. Where two name different blocks there,
one of them lies or follows another chain, and nobody here can know which: nothing is
answered any more until they agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import structlog

from chargecoin.errors import InconsistentNodeError, NodeUnavailableError
from indexer.rpc import Header, Rpc, RpcRefusedError

log = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")

# With others to turn to, one node is not waited for long.
ATTEMPTS_AMONG_OTHERS: Final = 2
# How long a node that failed is asked only after the others.
REST_S: Final = 30.0
# A node this many blocks behind the best, in two looks in a row, is left.
LAG_BLOCKS: Final = 4
LAG_SIGHTINGS: Final = 2


class DisagreeingNodesError(InconsistentNodeError):
    """Two nodes hold different blocks at a height that both call final; none is believed."""


@dataclass(slots=True)
class Endpoint:
    """One node and how it does. `resting_until` is of the monotonic clock."""

    rpc: Rpc
    failures: int = 0
    doubts: int = 0
    lagging: int = 0
    head: int | None = None
    resting_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """What operators see of a node. `failures` and `lagging` count in a row."""

    name: str
    active: bool
    failures: int
    doubts: int
    lagging: int
    head: int | None
    requests: int
    errors: int


class Endpoints:
    """Nodes that serve one chain, as one `Node`. Use as an async context manager."""

    def __init__(
        self,
        rpcs: Sequence[Rpc],
        *,
        finality_depth: int = 64,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask `rpcs`, the first first. `finality_depth` counts where one knows no finality."""
        self._all = [Endpoint(rpc) for rpc in rpcs]
        self._active = self._all[0]
        self._finality_depth = finality_depth
        self._monotonic = monotonic
        self.switches = 0
        self.disagreement = ""

    @classmethod
    def of(cls, urls: Sequence[str], *, finality_depth: int) -> Self:
        """Name nodes by address. Raises `ConfigurationError` for what is none."""
        attempts = ATTEMPTS_AMONG_OTHERS if len(urls) > 1 else None
        return cls([Rpc(url, attempts=attempts) for url in urls], finality_depth=finality_depth)

    async def __aenter__(self) -> Self:
        """Open the connections."""
        for one in self._all:
            await one.rpc.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close them."""
        for one in self._all:
            await one.rpc.__aexit__(kind, error, traceback)

    @property
    def requests(self) -> int:
        """HTTP requests sent to all nodes."""
        return sum(one.rpc.requests for one in self._all)

    @property
    def errors(self) -> int:
        """Of these, how many failed."""
        return sum(one.rpc.errors for one in self._all)

    def health(self) -> tuple[Health, ...]:
        """Return how each node does, in the order of the settings."""
        return tuple(
            Health(
                name=one.rpc.name,
                active=one is self._active,
                failures=one.failures,
                doubts=one.doubts,
                lagging=one.lagging,
                head=one.head,
                requests=one.rpc.requests,
                errors=one.rpc.errors,
            )
            for one in self._all
        )

    # --- as one node ---

    async def call(self, kind: type[T], method: str, *params: Any) -> T | None:
        """Return one result, as `Rpc.call`; raises `DisagreeingNodesError` too."""
        return await self._ask(lambda rpc: rpc.call(kind, method, *params))

    async def batch(
        self,
        kind: type[T],
        requests: Sequence[tuple[str, tuple[Any, ...]]],
        most: int | None = None,
    ) -> list[T | None]:
        """Return the results of several requests, as `Rpc.batch`, all of one node."""
        return await self._ask(lambda rpc: rpc.batch(kind, requests, most))

    async def ask_others(self, kind: type[T], method: str, *params: Any) -> list[T]:
        """Return what the nodes other than the one that is asked now say, those that answer."""
        found = []
        for one in self._all:
            if one is self._active or self._rests(one):
                continue
            try:
                answer = await one.rpc.call(kind, method, *params)
            except NodeUnavailableError:
                continue
            if answer is not None:
                found.append(answer)
        return found

    def doubt(self, why: str) -> None:
        """Turn from the node that is asked now: what it said contradicts itself.

        Not while nodes contradict each other: then none was asked.
        """
        if self.disagreement:
            return
        self._active.doubts += 1
        self._leave(self._active, why)

    async def _ask(self, ask: Callable[[Rpc], Awaitable[R]]) -> R:
        if self.disagreement:
            raise DisagreeingNodesError(self.disagreement)
        failure = NodeUnavailableError("no node is named; name one in the settings")
        for one in self._in_order():
            try:
                answer = await ask(one.rpc)
            except RpcRefusedError:
                # An answer all the same: the question was wrong or too large.
                self._take(one)
                raise
            except NodeUnavailableError as error:
                one.failures += 1
                one.resting_until = self._monotonic() + REST_S
                failure = error
            else:
                self._take(one)
                return answer
        raise failure

    def _in_order(self) -> list[Endpoint]:
        """The node asked last, then the others, those that failed lately at the end."""
        others = [one for one in self._all if one is not self._active]
        return [self._active, *sorted(others, key=self._rests)]

    def _rests(self, one: Endpoint) -> bool:
        return self._monotonic() < one.resting_until

    def _take(self, one: Endpoint) -> None:
        one.failures = 0
        if one is not self._active:
            log.warning("node_switched", before=self._active.rpc.name, after=one.rpc.name)
            self._active = one
            self.switches += 1

    def _leave(self, one: Endpoint, why: str) -> None:
        one.resting_until = self._monotonic() + REST_S
        fresh = [other for other in self._all if not self._rests(other)]
        if fresh and one is self._active:
            log.warning("node_left", node=one.rpc.name, why=why)
            self._take(fresh[0])

    # --- against each other ---

    async def compare(self) -> bool:
        """Ask all nodes for their heads and for a block that all call final; return if they agree.

        With one node, or one that answers, there is nothing to compare: what was found
        before stands.
        """
        answers = await asyncio.gather(*(self._final(one) for one in self._all))
        heard = [
            (one, final) for one, final in zip(self._all, answers, strict=True) if final is not None
        ]
        self._look_for_lag()
        if len(heard) > 1:
            height = min(final for _, final in heard)
            await self._compare_at(height, [one for one, _ in heard])
        return not self.disagreement

    async def _final(self, one: Endpoint) -> int | None:
        """Note a node's head; return the height up to which it calls blocks final."""
        tags = [("eth_getBlockByNumber", (tag, False)) for tag in ("latest", "finalized")]
        try:
            try:
                latest, final = await one.rpc.batch(Header, tags)
            except RpcRefusedError:
                [latest], final = await one.rpc.batch(Header, tags[:1]), None
        except NodeUnavailableError:
            one.head = None
            one.failures += 1
            one.resting_until = self._monotonic() + REST_S
            return None
        if latest is None:
            one.head = None
            return None
        one.failures = 0
        one.head = int(latest.number, 16)
        depth = max(0, one.head - self._finality_depth)
        return depth if final is None else int(final.number, 16)

    async def _compare_at(self, height: int, nodes: Sequence[Endpoint]) -> None:
        hashes: dict[str, str] = {}
        for one in nodes:
            try:
                header = await one.rpc.call(Header, "eth_getBlockByNumber", hex(height), False)
            except NodeUnavailableError:
                continue
            if header is not None:
                hashes[one.rpc.name] = header.hash
        if len(hashes) < 2:
            return
        before, self.disagreement = self.disagreement, ""
        if len(set(hashes.values())) > 1:
            said = ", ".join(f"{name} has {found}" for name, found in hashes.items())
            self.disagreement = (
                f"the nodes disagree about block {height}, which all call final: {said}; figures "
                "are withheld until they agree: take the wrong one out of the settings"
            )
        if self.disagreement and not before:
            log.error("nodes_disagree", detail=self.disagreement)
        elif before and not self.disagreement:
            log.warning("nodes_agree_again", height=height)

    def _look_for_lag(self) -> None:
        best = max((one.head for one in self._all if one.head is not None), default=0)
        for one in self._all:
            behind = one.head is not None and one.head + LAG_BLOCKS < best
            one.lagging = one.lagging + 1 if behind else 0
            if one.lagging >= LAG_SIGHTINGS:
                self._leave(one, f"at block {one.head}, another is at {best}")


async def compare_always(
    nodes: Endpoints,
    stop: asyncio.Event,
    withhold: Callable[[str], Awaitable[None]],
    *,
    every_s: float,
) -> None:
    """Compare nodes until `stop`; while they disagree, `withhold` is told what about."""
    while not stop.is_set():
        if not await nodes.compare():
            await withhold(nodes.disagreement)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every_s)
