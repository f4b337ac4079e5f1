"""New heads as a node announces them (`eth_subscribe`), so that a block is seen at once.

Only a wake-up: what the announcement says is not used, and whoever follows the chain
polls as well. A node without subscriptions, a lost connection or one that keeps silent
therefore costs a poll interval of time and nothing else.
"""

from __future__ import annotations

import asyncio
from typing import Final

import orjson
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from chargecoin.node_words import failure_words, node_name

log = structlog.get_logger()

RETRY_S: Final = 5.0
_SUBSCRIBE: Final = '{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}'
# Headers are a kilobyte; nobody need send us more.
_MAX_MESSAGE: Final = 1 << 20


class Heads:
    """Sets an event at every head that a node announces."""

    def __init__(self, url: str, news: asyncio.Event, *, retry_s: float = RETRY_S) -> None:
        """Listen at a `ws://` or `wss://` address; `news` is set, and cleared by its reader.

        Raises `ConfigurationError` if it is no address.
        """
        # Without what may be a key in the address.
        self.name = node_name(url.replace("ws", "http", 1)).replace("http", "ws", 1)
        self._url = url
        self._news = news
        self._retry_s = retry_s
        self.announced = 0
        self.connected = False
        self._told = False

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop`, connecting again whenever the connection is lost."""
        listening = asyncio.create_task(self._listen())
        try:
            await stop.wait()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                async with connect(self._url, max_size=_MAX_MESSAGE, open_timeout=10) as socket:
                    await self._subscribe(socket)
            except (OSError, TimeoutError, WebSocketException, ValueError) as error:
                if not self._told:
                    log.warning("heads_unavailable", node=self.name, why=failure_words(error))
                self._told = True
            self.connected = False
            await asyncio.sleep(self._retry_s)

    async def _subscribe(self, socket: ClientConnection) -> None:
        await socket.send(_SUBSCRIBE)
        answer = orjson.loads(await socket.recv())
        if "result" not in answer:
            raise ValueError(f"the node refuses to announce heads: {answer.get('error')}")
        self.connected, self._told = True, False
        # What came between the last poll and now was not announced.
        self._news.set()
        async for message in socket:
            if orjson.loads(message).get("method") == "eth_subscription":
                self.announced += 1
                self._news.set()


async def wait_for_any(*events: asyncio.Event, timeout_s: float) -> None:
    """Wait until one of the events is set, but no longer than `timeout_s`."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
