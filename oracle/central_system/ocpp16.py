"""What the messages of OCPP 1.6 mean for us, and how they are answered.

A handler reads what it needs leniently and answers: a StartTransaction,
StopTransaction or MeterValues that can be understood is never refused, because a
charge point may drop a message after repeated failure (OCPP 1.6 edition 2,
section 3.7.1) and the money with it. Where a message is not to the letter, notes
say how it was read; the frame itself stays as it was received.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from sqlite3 import Connection
from typing import Any, Final

import orjson
from jsonschema_rs import Draft4Validator
from ocpp.v16.enums import Action, AuthorizationStatus, DataTransferStatus, RegistrationStatus

from chargecoin.errors import CodecError
from chargecoin.sessions.transaction import UNDELIVERED, start_key
from chargecoin.sessions.values import integer, number, text_of
from oracle.feed.entries import FeedEvent
from oracle.store import connectors, transactions
from oracle.store.transactions import OpenedTransaction

HEARTBEAT_INTERVAL_S: Final = 300
MAX_NOTES: Final = 8
# In the feed: somebody meant to charge, and no energy flowed.
FAILED_START: Final = "failed_start"

Payload = dict[str, Any]


@dataclass(slots=True)
class Desk:
    """What a handler works on, and what it leaves. `at` is UTC seconds."""

    connection: Connection
    charge_point: str
    at: float
    notes: list[str] = field(default_factory=list)
    events: list[FeedEvent] = field(default_factory=list)
    set_aside: list[tuple[str, str]] = field(default_factory=list)
    transaction_id: int | None = None
    closes: int | None = None

    def quarantine(self, code: str, sentence: str) -> None:
        """Set this frame aside for a person."""
        self.set_aside.append((code, sentence))


def boot_notification(desk: Desk, _payload: Payload) -> Payload:
    """Accept; what was open before the boot has lost its end, unless that still comes."""
    for opened in transactions.still_open(desk.connection, desk.charge_point):
        transactions.abandon(desk.connection, opened, desk.at, "the charge point booted")
    # With the last state reported: what it is now, the charge point says next (4.2).
    for one in connectors.reported(desk.connection, desk.charge_point):
        event = FeedEvent("restart", one.connector_number, one.status, one.error_code)
        desk.events.append(event)
    return {
        "status": RegistrationStatus.accepted.value,
        "currentTime": iso_time(desk.at),
        "interval": HEARTBEAT_INTERVAL_S,
    }


def heartbeat(desk: Desk, _payload: Payload) -> Payload:
    """Tell the time."""
    return {"currentTime": iso_time(desk.at)}


def authorize(_desk: Desk, _payload: Payload) -> Payload:
    """Accept every token: who pays is decided by mandate, when the session is measured."""
    return {"idTagInfo": {"status": AuthorizationStatus.accepted.value}}


def data_transfer(_desk: Desk, _payload: Payload) -> Payload:
    """Know no vendor's own messages (4.3); the frame is stored like any other."""
    return {"status": DataTransferStatus.unknown_vendor_id.value}


def status_notification(desk: Desk, payload: Payload) -> Payload:
    """Keep what the connector reports, and its transaction's idle time with it."""
    connector_number = integer(payload.get("connectorId"))
    status = text_of(payload.get("status"))
    if connector_number is None or not status:
        raise CodecError("StatusNotification needs connectorId and status")
    error_code = text_of(payload.get("errorCode")) or "NoError"
    before = connectors.last_status(desk.connection, desk.charge_point, connector_number)
    connectors.report(
        desk.connection, desk.charge_point, connector_number, status, error_code, desk.at
    )
    opened = transactions.still_open(desk.connection, desk.charge_point, connector_number)
    if opened:
        desk.transaction_id = opened[-1].id
    if status == "Available":
        for transaction in opened:
            transactions.abandon(
                desk.connection, transaction, desk.at, "the connector is available again"
            )
    if before == "Preparing" and status == "Available" and not opened:
        # Card presented or vehicle plugged in, and no transaction came of it (4.9, A2 and B1).
        kind = FAILED_START
    else:
        kind = "fault" if status == "Faulted" else "status"
    desk.events.append(FeedEvent(kind, connector_number, status, error_code))
    return {}


def start_transaction(desk: Desk, payload: Payload) -> Payload:
    """Open a transaction, or find the one that the same message opened before."""
    key = start_key(payload)
    connector_number, token, started_at, meter_start = key
    if connector_number is None:
        raise CodecError("StartTransaction does not say its connector")
    written = orjson.dumps([connector_number, token, started_at, _text(meter_start)]).decode()
    before = transactions.by_start(desk.connection, desk.charge_point, written)
    if before:
        desk.notes.append(f"repeats the start of transaction {before.id}")
        desk.transaction_id = before.id
    else:
        for opened in transactions.still_open(desk.connection, desk.charge_point, connector_number):
            transactions.abandon(
                desk.connection, opened, desk.at, "another one started on the connector"
            )
        desk.transaction_id = transactions.open_new(
            desk.connection,
            desk.charge_point,
            connector_number,
            written,
            token,
            started_at,
            meter_start,
            desk.at,
        )
        desk.events.append(FeedEvent("session", connector_number, "Charging"))
    return {
        "transactionId": desk.transaction_id,
        "idTagInfo": {"status": AuthorizationStatus.accepted.value},
    }


def meter_values(desk: Desk, payload: Payload) -> Payload:
    """Put samples to the transaction they name, or to the connector's open one."""
    connector_number = integer(payload.get("connectorId"))
    named = integer(payload.get("transactionId"))
    if connector_number is None and named is None:
        raise CodecError("MeterValues names neither connector nor transaction")
    if named is None or named == UNDELIVERED:
        opened = transactions.still_open(desk.connection, desk.charge_point, connector_number)
        if opened:
            desk.transaction_id = opened[-1].id
    elif found := transactions.by_id(desk.connection, desk.charge_point, named):
        desk.transaction_id = found.id
    if desk.transaction_id is None and named is not None:
        desk.notes.append(f"there is no transaction {named} that this could belong to")
    return {}


def stop_transaction(desk: Desk, payload: Payload) -> Payload:
    """Close the transaction once; acknowledge always (4.10: a stop cannot be refused)."""
    named = integer(payload.get("transactionId"))
    if named is None:
        raise CodecError("StopTransaction does not say its transaction")
    meter_stop = number(payload.get("meterStop"))
    found = _stopped(desk, named, text_of(payload.get("idTag")).upper(), meter_stop)
    if found is None:
        desk.quarantine(
            "unknown_transaction",
            f"StopTransaction for transaction {named}, which this charge point has not started "
            "with us. If its StartTransaction comes later, replay this one.",
        )
    elif found.state == "closed":
        desk.transaction_id = found.id
        desk.notes.append(f"repeats the stop of transaction {found.id}")
        if found.meter_stop != meter_stop:
            desk.quarantine(
                "conflicting_stop",
                f"Transaction {found.id} was stopped at {found.meter_stop} Wh and now again at "
                f"{meter_stop} Wh. The first is what counts.",
            )
    else:
        desk.transaction_id = desk.closes = found.id
        transactions.close(desk.connection, found, meter_stop, desk.at)
        energy = _energy(found.meter_start, meter_stop)
        kind = FAILED_START if energy == 0 else "session"
        desk.events.append(FeedEvent(kind, found.connector_number, "Finishing", energy_wh=energy))
    if payload.get("idTag"):
        return {"idTagInfo": {"status": AuthorizationStatus.accepted.value}}
    return {}


def _stopped(
    desk: Desk, named: int, token: str, meter_stop: Decimal | None
) -> OpenedTransaction | None:
    """Return the transaction that a stop is of.

    -1 means that the answer to StartTransaction never arrived (errata 3.18); it
    is resolved only where one open transaction alone can be meant.
    """
    if named != UNDELIVERED:
        return transactions.by_id(desk.connection, desk.charge_point, named)
    candidates = [
        opened
        for opened in transactions.still_open(desk.connection, desk.charge_point)
        if token in {"", opened.token}
        and (meter_stop is None or opened.meter_start is None or opened.meter_start <= meter_stop)
    ]
    if len(candidates) != 1:
        return None
    desk.notes.append(f"transactionId -1 read as {candidates[0].id}, the only one it can be")
    return candidates[0]


def _energy(begin: Decimal | None, end: Decimal | None) -> int | None:
    if begin is None or end is None or not 0 <= end - begin < 1 << 24:
        return None
    return int(end - begin)


def _text(value: Decimal | None) -> str | None:
    """Return a number's text, the same for 5 and 5.0."""
    return None if value is None else str(value.normalize())


def iso_time(at: float) -> str:
    """Return UTC seconds as OCPP writes them, to the millisecond."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


HANDLERS: Final[dict[str, Callable[[Desk, Payload], Payload]]] = {
    Action.authorize.value: authorize,
    Action.boot_notification.value: boot_notification,
    Action.data_transfer.value: data_transfer,
    Action.heartbeat.value: heartbeat,
    Action.meter_values.value: meter_values,
    Action.start_transaction.value: start_transaction,
    Action.status_notification.value: status_notification,
    Action.stop_transaction.value: stop_transaction,
}


@cache
def _validator(action: str) -> Draft4Validator:
    schema = files("ocpp.v16").joinpath("schemas", f"{action}.json").read_bytes()
    return Draft4Validator(orjson.loads(schema), validate_formats=True)


def load_schemas() -> None:
    """Read the schemas now and not while the first charge point waits."""
    for action in HANDLERS:
        _validator(action)


def deviations(action: str, payload: Payload) -> list[str]:
    """Say where a request is not to the letter of OCPP 1.6, at most eight times."""
    validator = _validator(action)
    if validator.is_valid(payload):
        return []
    found = []
    for error in validator.iter_errors(payload):
        where = "/".join(str(step) for step in error.instance_path) or action
        found.append(f"{where}: {error.message}"[:200])
        if len(found) == MAX_NOTES:
            break
    return found
