"""Connections of charge points: who may connect, and one frame after the other.

One frame of a connection is in hand at a time, so what waits in the store is
bounded by the number of connections; what a charge point sends meanwhile waits in
a queue of 16 messages, then in its own network stack.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from chargecoin.errors import ConfigurationError, StoreError
from oracle.central_system.intake import Intake
from oracle.central_system.passwords import ChargePoints
from oracle.crash import seam
from oracle.feed.feed import Feed
from oracle.metrics import Metrics

log = structlog.get_logger()

PATH: Final = "/ocpp/"
OCPP_1_6: Final = Subprotocol("ocpp1.6")
# Signed meter values come several to a message, and a StopTransaction may carry a day of samples.
MAX_FRAME: Final = 256 * 1024
MAX_QUEUE: Final = 16
# A charge point that is never understood is told to go, before it fills the disk.
MAX_UNREADABLE: Final = 32
PING_S: Final = 60
HANDSHAKE_TIMEOUT_S: Final = 20

# Close codes of RFC 6455, section 7.4.1.
GOING_AWAY: Final = 1001
NOT_UTF8: Final = 1007
POLICY_VIOLATION: Final = 1008
TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011

LOST: Final = {
    TOO_BIG: (
        "oversized_frame",
        f"A message was longer than {MAX_FRAME} bytes and was not read; the connection was closed.",
    ),
    NOT_UTF8: ("not_utf8", "A message was not UTF-8 text; the connection was closed."),
}


class CentralSystem:
    """The WebSocket server that charge points connect to."""

    def __init__(
        self, charge_points: ChargePoints, intake: Intake, feed: Feed, metrics: Metrics
    ) -> None:
        self._charge_points = charge_points
        self._intake = intake
        self._feed = feed
        self._metrics = metrics
        self._connections: dict[str, ServerConnection] = {}
        self._replaced: set[asyncio.Task[None]] = set()
        self._server: Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen and return the port, which the system chooses if it is 0."""
        self._server = await serve(
            self._serve,
            host,
            port,
            process_request=self._authenticate,
            subprotocols=[OCPP_1_6],
            # Compression costs 50 kB a connection and saves little on frames of 300 bytes.
            compression=None,
            max_size=MAX_FRAME,
            max_queue=MAX_QUEUE,
            open_timeout=HANDSHAKE_TIMEOUT_S,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            server_header=None,
        )
        sockets = list(self._server.sockets)
        return int(sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Let no one in any more, finish the frames in hand, and close."""
        if self._server:
            self._server.close()
            await self._server.wait_closed()
            await asyncio.gather(*self._replaced)

    @property
    def connected(self) -> frozenset[str]:
        """The charge points that are connected now."""
        return frozenset(self._connections)

    def _authenticate(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let a handshake pass, or answer it with a refusal."""
        identity = _identity(request.path)
        try:
            self._charge_points.refresh()
        except ConfigurationError as error:
            log.warning("charge_points_unreadable", error=str(error))
        if identity is None or not self._charge_points.knows(identity):
            return self._refuse(connection, HTTPStatus.NOT_FOUND, "unknown_charge_point", identity)
        user, password = _basic_auth(request.headers.get("Authorization", ""))
        if user != identity or not self._charge_points.accepts(identity, password):
            response = self._refuse(connection, HTTPStatus.UNAUTHORIZED, "wrong_password", identity)
            response.headers["WWW-Authenticate"] = 'Basic realm="ChargeCoin", charset="UTF-8"'
            return response
        return None

    def _refuse(
        self, connection: ServerConnection, status: HTTPStatus, reason: str, identity: str | None
    ) -> Response:
        self._metrics.count("connections_refused_total", reason)
        log.warning(
            "connection_refused",
            reason=reason,
            charge_point=identity,
            remote=connection.remote_address[0] if connection.remote_address else None,
        )
        return connection.respond(status, f"{status.phrase}\n")

    async def _serve(self, connection: ServerConnection) -> None:
        """Serve one connection from its handshake to its end."""
        identity = _identity(connection.request.path) if connection.request else None
        if identity is None:
            return
        self._metrics.count("connections_total")
        before = self._connections.get(identity)
        self._connections[identity] = connection
        if before is not None:
            # Half-open sockets are common after a charge point reboots; the newest one is it.
            log.info("connection_replaced", charge_point=identity)
            task = asyncio.create_task(before.close(GOING_AWAY, "connected anew"))
            self._replaced.add(task)
            task.add_done_callback(self._replaced.discard)
        try:
            await self._feed.connected(identity)
            await self._receive(connection, identity)
        except ConnectionClosed as closed:
            lost = LOST.get(closed.sent.code) if closed.sent else None
            if lost:
                log.warning(lost[0], charge_point=identity)
                await self._intake.note(identity, *lost)
        except StoreError as error:
            # Unanswered, the charge point keeps its message and sends it again.
            log.warning("not_stored", charge_point=identity, error=str(error))
            await connection.close(INTERNAL_ERROR, "cannot store")
        finally:
            if self._connections.get(identity) is connection:
                del self._connections[identity]
                await self._leave(identity)

    async def _leave(self, identity: str) -> None:
        try:
            await self._feed.disconnected(identity)
        except StoreError as error:
            log.warning("not_stored", charge_point=identity, error=str(error))

    async def _receive(self, connection: ServerConnection, identity: str) -> None:
        unreadable = 0
        async for text in connection:
            taken = await self._intake.receive(identity, text)
            unreadable = 0 if taken.understood else unreadable + 1
            if unreadable == MAX_UNREADABLE:
                log.warning("unreadable", charge_point=identity)
                await connection.close(POLICY_VIOLATION, "this is not OCPP")
                return
            if taken.answer is not None:
                await connection.send(taken.answer)
                seam("answer_sent")


def _identity(path: str) -> str | None:
    """Return the charge point's identity in a path (OCPP-J 1.6, section 3.1.1)."""
    if not path.startswith(PATH):
        return None
    return unquote(path.removeprefix(PATH).partition("?")[0])


def _basic_auth(header: str) -> tuple[str, str]:
    """Return user and password of a header (RFC 7617), empty where there is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
