"""Taking a frame in: stored, understood and answered in one durable step.

The frame, all that it changes and the answer to it are one transaction of the
store, and the answer leaves only after that transaction is on disk. Killed at any
point, the oracle has either nothing of a frame, and its charge point repeats it,
or all of it, and a repeat changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Final

import orjson
import structlog

from chargecoin.clock import Clock
from chargecoin.errors import CodecError, StoreError
from chargecoin.sessions.frames import Call, CallError, CallResult, parse
from oracle.central_system import ocpp16
from oracle.crash import seam
from oracle.feed.feed import Feed
from oracle.metrics import Metrics
from oracle.signals import Signal
from oracle.store import frames, quarantine, transactions
from oracle.store.database import Database

log = structlog.get_logger()

# Names of OCPP-J's error codes (OCPP-J 1.6, section 4.2.3).
NOT_IMPLEMENTED: Final = "NotImplemented"
FORMATION_VIOLATION: Final = "FormationViolation"
INTERNAL_ERROR: Final = "InternalError"
MAX_ID: Final = 36
_NUMERIC_ID: Final = re.compile(r"\s*\[\s*2\s*,\s*(-?\d+)\s*,")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a frame: the answer to send, and whether anyone could read it."""

    answer: str | None
    understood: bool = True
    closed: bool = False
    events: bool = False
    repaired: bool = False
    set_aside: bool = False


class Intake:
    """Takes frames in, of all connections."""

    def __init__(self, database: Database, feed: Feed, clock: Clock, metrics: Metrics) -> None:
        ocpp16.load_schemas()
        self._database = database
        self._feed = feed
        self._clock = clock
        self._metrics = metrics
        self.session_closed = Signal()

    async def receive(self, charge_point: str, text: str | bytes) -> Taken:
        """Store a frame with all it changes; return once that is on disk.

        Raises `StoreError` if it is not: then there must be no answer.
        """
        seam("frame_received")
        at = self._clock.now()
        try:
            taken = await self._database.write(
                lambda connection: self._take(connection, charge_point, text, at)
            )
        except StoreError:
            raise
        except Exception:
            log.exception("frame_failed", charge_point=charge_point)
            taken = await self._database.write(
                lambda connection: self._keep_failed(connection, charge_point, text, at)
            )
        seam("frame_stored")
        self._report(taken)
        return taken

    async def replay(self, entry: int) -> bool:
        """Take a quarantined frame in again; whether that resolved it."""

        def work(connection: Connection) -> Taken | None:
            found = quarantine.one(connection, entry)
            if found is None or found.frame is None or found.resolved_at is not None:
                return None
            charge_point, text = frames.one(connection, found.frame)
            taken = self._take(connection, charge_point, text, at, found.frame)
            if not taken.set_aside:
                quarantine.resolve(connection, entry, at, "replayed")
            return taken

        at = self._clock.now()
        taken = await self._database.write(work)
        if taken is None or taken.set_aside:
            return False
        self._report(taken)
        return True

    async def note(self, charge_point: str, code: str, sentence: str) -> None:
        """Set aside that something was lost before it could be stored."""
        at = self._clock.now()
        await self._database.write(
            lambda connection: quarantine.add(connection, at, charge_point, code, sentence)
        )
        self._metrics.count("frames_quarantined_total")

    def _report(self, taken: Taken) -> None:
        self._metrics.count("frames_total")
        if taken.repaired:
            self._metrics.count("frames_repaired_total")
        if taken.set_aside:
            self._metrics.count("frames_quarantined_total")
        if taken.closed:
            self.session_closed.set()
        if taken.events:
            self._feed.changed.set()

    def _take(
        self,
        connection: Connection,
        charge_point: str,
        text: str | bytes,
        at: float,
        replayed: int | None = None,
    ) -> Taken:
        """Read, handle, store and answer a frame. A replayed one is stored already."""
        try:
            if isinstance(text, bytes):
                raise CodecError("a binary frame; OCPP-J is text")
            message = parse(text)
        except CodecError as error:
            if replayed is None:
                frame = frames.add(connection, charge_point, "charge_point", at, text)
                quarantine.add(connection, at, charge_point, "not_ocpp", f"{error}", frame=frame)
            return Taken(None, understood=False, set_aside=True)
        desk = ocpp16.Desk(connection, charge_point, at)
        answer = self._answer(desk, message, text)
        frame = replayed or frames.add(
            connection, charge_point, "charge_point", at, text, desk.transaction_id, desk.notes
        )
        if replayed is not None:
            frames.attach(connection, replayed, desk.transaction_id)
        else:
            for code, sentence in desk.set_aside:
                quarantine.add(connection, at, charge_point, code, sentence, frame=frame)
        if answer is not None:
            last = frames.add(
                connection, charge_point, "central_system", at, answer, desk.transaction_id
            )
            if desk.closes is not None:
                transactions.ended_with(connection, desk.closes, last)
        self._feed.record(connection, charge_point, desk.events, at)
        return Taken(
            answer,
            closed=desk.closes is not None,
            events=bool(desk.events),
            repaired=bool(desk.notes),
            set_aside=bool(desk.set_aside),
        )

    def _answer(
        self, desk: ocpp16.Desk, message: Call | CallResult | CallError, text: str
    ) -> str | None:
        """Handle a message and return the answer as it is sent, None where none is due."""
        if not isinstance(message, Call):
            return None  # We ask charge points nothing, so nothing waits for it.
        if len(message.id) > MAX_ID:
            desk.notes.append(f"the message id is longer than {MAX_ID} characters")
        numeric = _NUMERIC_ID.match(text)
        answered = int(numeric[1]) if numeric else message.id
        handler = ocpp16.HANDLERS.get(message.action)
        if handler is None:
            return _error(answered, NOT_IMPLEMENTED, f"{message.action[:50]} is not supported")
        desk.notes += ocpp16.deviations(message.action, message.payload)
        try:
            payload = handler(desk, message.payload)
        except CodecError as error:
            desk.quarantine("not_understood", f"{message.action}: {error}")
            return _error(answered, FORMATION_VIOLATION, str(error))
        return orjson.dumps([3, answered, payload]).decode()

    def _keep_failed(
        self, connection: Connection, charge_point: str, text: str | bytes, at: float
    ) -> Taken:
        """Store a frame that a bug of ours could not handle."""
        frame = frames.add(connection, charge_point, "charge_point", at, text)
        sentence = "This message made the oracle fail; the log of that moment says how."
        quarantine.add(connection, at, charge_point, "internal_error", sentence, frame=frame)
        return Taken(None, set_aside=True)


def _error(message_id: str | int, code: str, description: str) -> str:
    # Descriptions are at most 255 characters (OCPP-J 1.6, section 4.2.3).
    return orjson.dumps([4, message_id, code, description[:255], {}]).decode()
