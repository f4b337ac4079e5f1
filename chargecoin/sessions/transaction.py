"""One OCPP 1.6 transaction as a pure function of its stored frames.

What counts, and what does not (clauses of OCPP 1.6 edition 2 and its errata):

- Begin and end are the timestamps and registers of StartTransaction and
  StopTransaction (6.45, 6.49). Samples in between are kept but bear no money:
  their contexts, units and even their zero points differ between charge points.
- A message repeated counts once, by content and not by message id, because
  charge points repeat with a new id or with the old one (3.7.1). The first
  StopTransaction ends it, whatever a later one says.
- `transactionId` -1 belongs to the transaction whose StartTransaction could not
  be delivered (errata 3.18); 0 and negative numbers are ids like any other.
- A timestamp without a zone is UTC, which is recommended for all (3.14, 3.15).
- The vehicle idles while the connector's last status is SuspendedEV. Not while
  it is SuspendedEVSE, where the charge point holds back, and not in Finishing,
  where the transaction has ended (4.9).

A second fold, for OCPP 2.0.1, gives the same `Transaction`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from chargecoin.errors import CodecError, MeteringError
from chargecoin.sessions.frames import Call, CallResult, Frame, Message, parse
from chargecoin.sessions.values import integer, is_clock_set, number, text_of, timestamp

UNDELIVERED: Final = -1
SUSPENDED_EV: Final = "SuspendedEV"


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled value with OCPP 1.6's defaults filled in (7.43).

    `at` is UTC seconds, `None` where unreadable; `value` is the text as sent.
    """

    at: int | None
    value: str
    context: str
    format: str
    measurand: str
    phase: str
    location: str
    unit: str

    @property
    def is_signed(self) -> bool:
        """Whether a meter's signature is in it, also where the format is not stated."""
        return self.format == "SignedData" or self.value.lstrip().startswith("OCMF|")

    @property
    def register_wh(self) -> Decimal | None:
        """The total import register at the outlet in Wh, where that is what was sampled."""
        what = self.measurand, self.location, self.phase
        if what != ("Energy.Active.Import.Register", "Outlet", "") or self.is_signed:
            return None
        value = number(self.value)
        return value.scaleb(3) if value is not None and self.unit == "kWh" else value


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A status of the connector from `at` (UTC seconds) on."""

    at: int
    status: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """One charging transaction as its charge point told it. Times are UTC seconds.

    `None` stands for what was absent or could not be read. `start_received_at`
    and `stop_received_at` are when the frames first reached us, against which
    the charge point's clock is judged.
    """

    connector_number: int
    token: str
    transaction_id: int | None
    started_at: int | None
    meter_start_wh: Decimal | None
    start_received_at: float
    closed: bool = False
    ended_at: int | None = None
    meter_stop_wh: Decimal | None = None
    stop_received_at: float | None = None
    stop_reason: str | None = None
    samples: tuple[Sample, ...] = ()
    statuses: tuple[StatusChange, ...] = ()

    @property
    def signed_values(self) -> tuple[str, ...]:
        """The texts of the signed meter values, each once, in the order they came."""
        return tuple(dict.fromkeys(sample.value for sample in self.samples if sample.is_signed))

    @property
    def idle_s(self) -> int:
        """Seconds between start and end in which the vehicle asked for no power."""
        if self.started_at is None or self.ended_at is None:
            return 0
        idle = 0
        for now, following in pairwise((*self.statuses, StatusChange(self.ended_at, "ended"))):
            if now.status == SUSPENDED_EV:
                until = min(following.at, self.ended_at)
                idle += max(0, until - max(now.at, self.started_at))
        return idle


def _list(value: object) -> Sequence[Any]:
    """Return a list, also where a single object was sent in its place."""
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []


def samples_of(meter_values: object) -> Iterator[Sample]:
    """Yield the sampled values of a `meterValue` or `transactionData` list."""
    for meter_value in _list(meter_values):
        if not isinstance(meter_value, dict):
            continue
        at = timestamp(meter_value.get("timestamp"))
        for sampled in _list(meter_value.get("sampledValue")):
            if isinstance(sampled, dict) and "value" in sampled:
                yield Sample(
                    at=at,
                    value=text_of(sampled["value"]),
                    context=text_of(sampled.get("context")) or "Sample.Periodic",
                    format=text_of(sampled.get("format")) or "Raw",
                    measurand=text_of(sampled.get("measurand")) or "Energy.Active.Import.Register",
                    phase=text_of(sampled.get("phase")),
                    location=text_of(sampled.get("location")) or "Outlet",
                    unit=text_of(sampled.get("unit")) or "Wh",
                )


@dataclass(frozen=True, slots=True)
class _Received:
    frame: Frame
    message: Message


def _calls(received: Iterable[_Received], action: str) -> list[tuple[Frame, Call]]:
    return [
        (one.frame, one.message)
        for one in received
        if isinstance(one.message, Call) and one.message.action == action
    ]


def start_key(payload: dict[str, Any]) -> tuple[int | None, str, int | None, Decimal | None]:
    """Return what makes two StartTransactions the same: connector, token, time and register."""
    return (
        integer(payload.get("connectorId")),
        text_of(payload.get("idTag")).upper(),
        timestamp(payload.get("timestamp")),
        number(payload.get("meterStart")),
    )


def _answered_ids(received: Sequence[_Received], starts: Iterable[Call]) -> list[int]:
    """Return the transaction ids that the StartTransactions were answered with, in order."""
    message_ids = {call.id for call in starts}
    answers = [
        integer(one.message.payload.get("transactionId"))
        for one in received
        if isinstance(one.message, CallResult) and one.message.id in message_ids
    ]
    return [answer for answer in answers if answer is not None]


def fold(frames: Sequence[Frame]) -> Transaction:
    """Return the one transaction these frames tell of.

    Frames that are not OCPP messages, or of another transaction or connector,
    change nothing. Raises `MeteringError` with `no_start` where StartTransaction
    is missing, and with `mixed_transactions` where there are two different ones.
    """
    received: list[_Received] = []
    for frame in frames:
        try:
            received.append(_Received(frame, parse(frame.text)))
        except CodecError:
            continue

    starts = _calls(received, "StartTransaction")
    if not starts:
        raise MeteringError("no_start", "no StartTransaction among the frames")
    first_frame, first = starts[0]
    if len({start_key(call.payload) for _, call in starts}) > 1:
        raise MeteringError("mixed_transactions", "the frames hold two different StartTransactions")
    connector_number = integer(first.payload.get("connectorId"))
    if connector_number is None:
        raise MeteringError("no_start", "StartTransaction does not say its connector")

    ids = _answered_ids(received, (call for _, call in starts))
    own = {*ids, UNDELIVERED}
    stops = [
        (frame, call)
        for frame, call in _calls(received, "StopTransaction")
        if integer(call.payload.get("transactionId")) in own
    ]
    samples = [
        sample
        for _, call in _calls(received, "MeterValues")
        if _is_sampled_in(call.payload, connector_number, own)
        for sample in samples_of(call.payload.get("meterValue"))
    ]
    stop_frame, stop = stops[0] if stops else (None, None)
    payload = stop.payload if stop else {}
    samples += samples_of(payload.get("transactionData"))
    stop_id = integer(payload.get("transactionId"))
    return Transaction(
        connector_number=connector_number,
        token=text_of(first.payload.get("idTag")),
        transaction_id=stop_id if stop_id in ids else ids[-1] if ids else None,
        started_at=timestamp(first.payload.get("timestamp")),
        meter_start_wh=number(first.payload.get("meterStart")),
        start_received_at=first_frame.at,
        closed=stop is not None,
        ended_at=timestamp(payload.get("timestamp")),
        meter_stop_wh=number(payload.get("meterStop")),
        stop_received_at=stop_frame.at if stop_frame else None,
        stop_reason=(text_of(payload.get("reason")) or "Local") if stop else None,
        samples=tuple(dict.fromkeys(samples)),
        statuses=_statuses(received, connector_number),
    )


def _is_sampled_in(payload: dict[str, Any], connector_number: int, own: set[int]) -> bool:
    """Whether a MeterValues is of this transaction.

    One without an id is of the connector (clock-aligned, errata 3.16), and was
    selected as sent while the transaction went on.
    """
    if integer(payload.get("connectorId")) not in {connector_number, None}:
        return False
    transaction_id = payload.get("transactionId")
    return transaction_id is None or integer(transaction_id) in own


def _statuses(received: Iterable[_Received], connector_number: int) -> tuple[StatusChange, ...]:
    """Return the connector's statuses in the order of their times.

    A notification without a readable time, which is optional (6.47), or sent
    before the clock was set, holds from when it reached us.
    """
    changes = []
    for frame, call in _calls(received, "StatusNotification"):
        if integer(call.payload.get("connectorId")) == connector_number:
            at = timestamp(call.payload.get("timestamp"))
            known = at is not None and is_clock_set(at)
            changes.append(
                StatusChange(
                    at=at if at is not None and known else int(frame.at),
                    status=text_of(call.payload.get("status")),
                )
            )
    return tuple(sorted(changes, key=lambda change: change.at))
