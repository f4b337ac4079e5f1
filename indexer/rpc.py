"""JSON-RPC over HTTP, as raw as the speed of a backfill asks for.

Answers are read straight into small structs; requests that belong together go in
one HTTP request. What may pass by itself (no connection, a time-out, 429, 5xx) is
tried again with growing pauses; what the node refuses is told at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar

import aiohttp
import msgspec

from chargecoin.errors import NodeUnavailableError
from chargecoin.node_words import failure_words, node_name

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

ATTEMPTS: Final = 6
FIRST_PAUSE_S: Final = 0.1
BATCH: Final = 100
# Parts of an answer in which to look for the block that it has reached.
LAST_PARTS: Final = 8
_JSON: Final = {"Content-Type": "application/json"}
# Of a log, in an answer that is not read to its end.
_BLOCK_NUMBER: Final = re.compile(rb'"blockNumber":\s*"(0x[0-9a-f]+)"')
_PASSING: Final = (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, NodeUnavailableError)


class RpcRefusedError(NodeUnavailableError):
    """The node answered with an error: asked the same at once, it would say the same."""

    def __init__(self, method: str, code: int, message: str) -> None:
        """Name the method and what the node said."""
        super().__init__(f"{method}: {message} (code {code})")
        self.code = code


class AnswerTooLargeError(RpcRefusedError):
    """We do not take so large an answer: `reached` is the last block in what was read of it."""

    def __init__(self, method: str, most: int, part: bytes) -> None:
        """Say how much was allowed; `part` is what was read."""
        super().__init__(method, 0, f"the answer is larger than {most} bytes")
        found = _BLOCK_NUMBER.findall(part)
        self.reached = int(found[-1], 16) if found else None


class Header(msgspec.Struct, rename="camel", gc=False):
    """What is needed of a block. Quantities are hex, as JSON-RPC has them."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str
    logs_bloom: str = "0x"


class Log(msgspec.Struct, rename="camel", gc=False):
    """One log."""

    address: str
    topics: tuple[str, ...]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    removed: bool = False


class Receipt(msgspec.Struct, rename="camel"):
    """A transaction's logs."""

    logs: list[Log]


class _Fault(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Envelope(msgspec.Struct, Generic[T]):
    id: int
    result: T | None = None
    error: _Fault | None = None


class Node(Protocol):
    """What the indexer asks of a node. `Rpc` is the real one; tests have another."""

    async def call(self, kind: type[T], method: str, *params: Any) -> T | None:
        """Return one result, None where the node says `null`."""

    async def batch(
        self,
        kind: type[T],
        requests: Sequence[tuple[str, tuple[Any, ...]]],
        most: int | None = None,
    ) -> list[T | None]:
        """Return the results of several requests in their order.

        An answer of more than `most` bytes is refused as if the node had.
        """

    async def ask_others(self, kind: type[T], method: str, *params: Any) -> list[T]:
        """Return what the other nodes that answer say, if there are others."""

    def doubt(self, why: str) -> None:
        """Note that an answer contradicts itself or what is known: ask another node next."""


class Rpc:
    """A node at an HTTP address. Use as an async context manager."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 30.0,
        sleep: Sleep = asyncio.sleep,
        attempts: int | None = None,
    ) -> None:
        """Name the node; nothing is sent yet. `sleep` passes the pauses between attempts.

        Raises `ConfigurationError` if it is no address.
        """
        self._url = url
        # Without what may be a key in the address.
        self.name = node_name(url)
        self._attempts = attempts
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None
        self._decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
        self._encoder = msgspec.json.Encoder()
        self.requests = 0
        self.errors = 0

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        if self._session:
            await self._session.close()

    async def call(self, kind: type[T], method: str, *params: Any) -> T | None:
        """Return one result, None where the node says `null`.

        Raises `RpcRefusedError` for the node's own errors, `NodeUnavailableError` where
        no attempt (six, if not told otherwise) got an answer that can be read.
        """
        body = {"jsonrpc": "2.0", "id": 0, "method": method, "params": params}
        envelope = await self._post(_Envelope[kind], body, method)  # type: ignore[valid-type]
        return _result(envelope, method)

    async def batch(
        self,
        kind: type[T],
        requests: Sequence[tuple[str, tuple[Any, ...]]],
        most: int | None = None,
    ) -> list[T | None]:
        """Return the results of several requests in their order, 100 to an HTTP request.

        An answer of more than `most` bytes is `AnswerTooLargeError`, not read to its end.
        """
        results: list[T | None] = []
        for first in range(0, len(requests), BATCH):
            part = requests[first : first + BATCH]
            body = [
                {"jsonrpc": "2.0", "id": i, "method": method, "params": params}
                for i, (method, params) in enumerate(part)
            ]
            envelopes = await self._post(list[_Envelope[kind]], body, part[0][0], most)  # type: ignore[valid-type]
            found = {envelope.id: envelope for envelope in envelopes}
            if len(found) != len(part):
                raise NodeUnavailableError(
                    f"the node answered {len(found)} of {len(part)} requests of a batch"
                )
            results += [_result(found[i], part[i][0]) for i in range(len(part))]
        return results

    async def ask_others(self, kind: type[T], method: str, *params: Any) -> list[T]:
        """Return nothing: there is no other node."""
        del kind, method, params
        return []

    def doubt(self, why: str) -> None:
        """Count it: there is no other node to ask."""
        del why
        self.errors += 1

    async def _post(self, kind: type[T], body: Any, method: str, most: int | None = None) -> T:
        if self._session is None:
            raise NodeUnavailableError("the connection to the node is not open")
        decoder = self._decoders.get(kind)
        if decoder is None:
            decoder = self._decoders[kind] = msgspec.json.Decoder(kind)
        data = self._encoder.encode(body)
        failure: Exception | None = None
        for attempt in range(self._attempts or ATTEMPTS):
            if attempt:
                await self._sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
            self.requests += 1
            try:
                async with self._session.post(self._url, data=data, headers=_JSON) as answer:
                    text = await _read(answer, method, most)
                    if answer.status == 429 or answer.status >= 500:
                        raise NodeUnavailableError(
                            f"HTTP status {answer.status}; try again later, or name another node"
                        )
                    found: T = decoder.decode(text)
                    return found
            except RpcRefusedError:
                raise
            except _PASSING as error:
                self.errors += 1
                failure = error
        # Not chained: aiohttp's errors quote the whole address.
        raise NodeUnavailableError(
            f"{self.name} gives no answer to {method}: {_said(failure)}"
        ) from None


async def _read(answer: aiohttp.ClientResponse, method: str, most: int | None) -> bytes:
    if most is None:
        return await answer.read()
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > most:
            raise AnswerTooLargeError(method, most, b"".join([*parts[-LAST_PARTS:], part]))
        parts.append(part)
    return b"".join(parts)


def _said(failure: Exception | None) -> str:
    # Ours say it themselves.
    return (
        failure_words(failure)
        if failure and not isinstance(failure, NodeUnavailableError)
        else f"{failure}"
    )


def _result(envelope: _Envelope[T], method: str) -> T | None:
    if envelope.error is not None:
        raise RpcRefusedError(method, envelope.error.code, envelope.error.message)
    return envelope.result
