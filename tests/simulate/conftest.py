"""A central system of the tests' own, the shared data, and a network to play with."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from simulate.generator import default_network
from simulate.network import Network

PROJECT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("CHARGECOIN_SHARED_DATA", PROJECT.parent / "shared" / "data"))


def shared(name: str) -> Path:
    """Return a file of the shared data, or skip the test that wants it."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"needs {name} of the shared data folder (CHARGECOIN_SHARED_DATA)")
    return path


@pytest.fixture(scope="session")
def network() -> Network:
    return default_network()


Answer = Callable[[ServerConnection, list[Any]], Awaitable[None]]


class CentralSystem:
    """Answers OCPP calls and remembers them; `answer` can be replaced to misbehave."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str, str, dict[str, Any]]] = []
        self.connections = 0
        self.passwords: set[str] = set()
        self.answer: Answer = self.answer_well
        self._transactions = 0
        self._server: Server | None = None
        self.url = ""

    async def start(self) -> None:
        self._server = await serve(
            self._handle, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")], compression=None
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/ocpp"

    async def stop(self) -> None:
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    async def _handle(self, connection: ServerConnection) -> None:
        self.connections += 1
        assert connection.request
        self.passwords.add(connection.request.headers["Authorization"])
        identity = connection.request.path.rsplit("/", 1)[1]
        async for text in connection:
            message = json.loads(text)
            if message[0] == 2:
                self.received.append((identity, message[1], message[2], message[3]))
                await self.answer(connection, message)

    async def answer_well(self, connection: ServerConnection, message: list[Any]) -> None:
        _, message_id, action, _ = message
        payload: dict[str, Any] = {}
        if action == "BootNotification":
            payload = {
                "status": "Accepted",
                "currentTime": "2026-01-01T00:00:00Z",
                "interval": 300,
            }
        elif action == "StartTransaction":
            self._transactions += 1
            payload = {
                "transactionId": self._transactions,
                "idTagInfo": {"status": "Accepted"},
            }
        await connection.send(json.dumps([3, message_id, payload]))

    def actions(self, identity: str) -> list[str]:
        return [action for who, _, action, _ in self.received if who == identity]


@pytest_asyncio.fixture
async def central_system() -> AsyncIterator[CentralSystem]:
    system = CentralSystem()
    await system.start()
    async with asyncio.timeout(30):
        yield system
        await system.stop()
