"""A virtual charge point: OCPP 1.6-J over a WebSocket, as a charge point in the field does it.

It sends one call at a time, keeps a message until it is answered, reconnects and
sends it again under the same id (OCPP-J 1.6, sections 4.1 and 5; OCPP 1.6,
section 3.7: queued messages are delivered in order). So whatever the central
system does not answer for, it gets again.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from chargecoin.errors import CentralSystemError

CALL: Final = 2
CALL_RESULT: Final = 3
CALL_ERROR: Final = 4
SUBPROTOCOL: Final = Subprotocol("ocpp1.6")
FIRST_RETRY_S: Final = 0.05
LONGEST_RETRY_S: Final = 1.0
CLOSE_TIMEOUT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for one answer before reconnecting, and for all tries together (s)."""

    answer_s: float = 10.0
    total_s: float = 120.0


class VirtualChargePoint:
    """One charge point's connection to its central system."""

    def __init__(
        self,
        identity: str,
        password: str,
        url: str,
        ids: Iterator[str],
        patience: Patience | None = None,
    ) -> None:
        """Connect to `<url>/<identity>` on the first call; `ids` yields unused message ids."""
        self.identity = identity
        self._url = f"{url.rstrip('/')}/{identity}"
        credentials = base64.b64encode(f"{identity}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}"}
        self._ids = ids
        self._patience = patience or Patience()
        self._one_call = asyncio.Lock()
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[str, asyncio.Future[list[Any]]] = {}

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a call until it is answered and return the answer's payload.

        Raises `CentralSystemError` if the central system refuses the charge point or
        the call, or gives no answer within `Patience.total_s`.
        """
        async with self._one_call:
            message_id = next(self._ids)
            text = json.dumps([CALL, message_id, action, payload], separators=(",", ":"))
            try:
                async with asyncio.timeout(self._patience.total_s):
                    answer = await self._send_until_answered(message_id, text)
            except TimeoutError:
                raise CentralSystemError(
                    f"{self.identity}: no answer to {action} from {self._url} for "
                    f"{self._patience.total_s:.0f} s; is the oracle running?"
                ) from None
        if answer[0] == CALL_ERROR:
            raise CentralSystemError(f"{self.identity}: {action} refused: {answer[2:4]}")
        result: dict[str, Any] = answer[2]
        return result

    async def _send_until_answered(self, message_id: str, text: str) -> list[Any]:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                connection = await self._connected()
                answer = asyncio.get_running_loop().create_future()
                self._waiting[message_id] = answer
                await connection.send(text)
                return await asyncio.wait_for(answer, self._patience.answer_s)
            except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError) as error:
                self._refused_for_good(error)
                await self.close()
            finally:
                self._waiting.pop(message_id, None)
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, LONGEST_RETRY_S)

    def _refused_for_good(self, error: Exception) -> None:
        if isinstance(error, InvalidStatus) and 400 <= error.response.status_code < 500:
            raise CentralSystemError(
                f"{self.identity}: {self._url} refuses the connection with HTTP "
                f"{error.response.status_code}; is the charge point known to the oracle, "
                "with this password?"
            ) from error

    async def _connected(self) -> ClientConnection:
        if self._connection is None:
            self._connection = await connect(
                self._url,
                subprotocols=[SUBPROTOCOL],
                additional_headers=self._headers,
                compression=None,
                open_timeout=self._patience.answer_s,
                close_timeout=CLOSE_TIMEOUT_S,
            )
            self._reader = asyncio.create_task(self._read(self._connection))
        return self._connection

    async def _read(self, connection: ClientConnection) -> None:
        """Hand answers to who waits for them; answer what the central system asks."""
        with suppress(ConnectionClosed):
            async for text in connection:
                message = json.loads(text)
                if message[0] == CALL:
                    await connection.send(json.dumps(_reply(message)))
                elif (waiting := self._waiting.get(message[1])) and not waiting.done():
                    waiting.set_result(message)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the connection closed before the answer"))

    async def close(self) -> None:
        """Close the connection; the next call opens a new one."""
        connection, self._connection = self._connection, None
        reader, self._reader = self._reader, None
        if connection:
            await connection.close()
        if reader:
            await reader


def _reply(call: list[Any]) -> list[Any]:
    """Accept configuration, which changes nothing here; say of all else that it is not there."""
    if call[2] == "ChangeConfiguration":
        return [CALL_RESULT, call[1], {"status": "Accepted"}]
    return [CALL_ERROR, call[1], "NotImplemented", f"{call[2]} is not simulated", {}]
