"""From a transaction to the energy that is billed, or to the reason why none can be stated.

Two methods. `ocmf`: the meter signed its readings at begin and end; they alone
are billed. `register`: the charge point's registers in StartTransaction and
StopTransaction. Where a signed value is there and cannot be used, nothing is
billed: falling back to the unsigned registers would let whoever breaks a
signature choose the energy.

Reading (`read`) needs no key and is what anyone repeats from the frames;
`measure` also verifies the signatures. Energy is the exact difference, floored
once to the Wh (docs/protocol.md, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Context, Decimal
from itertools import pairwise
from typing import Final, Protocol

from chargecoin.errors import CodecError, MeteringError, SignatureInvalidError
from chargecoin.record import MAX_DURATION_S, Assurance
from chargecoin.sessions import ocmf
from chargecoin.sessions.ocmf import OcmfDocument, OcmfReading
from chargecoin.sessions.transaction import Transaction
from chargecoin.sessions.values import is_clock_set

VOUCHED_BY_OWNER: Final = 1
VOUCHED_BY_MANUFACTURER: Final = 2
VOUCHED_BY_AUTHORITY: Final = 3
ACCREDITED: Final = frozenset({VOUCHED_BY_MANUFACTURER, VOUCHED_BY_AUTHORITY})

MAX_ENERGY_WH: Final = (1 << 24) - 1
# 10 GWh; a charge point of 350 kW would have to run at full power for three years.
MAX_REGISTER_WH: Final = Decimal(10) ** 10
# A charge point's clock may run this far ahead of ours before its times are refused.
CLOCK_AHEAD_S: Final = 300
# A synchronised meter's times may differ this much from the charge point's.
METER_CLOCK_S: Final = 900
# Signed and unsigned energy may differ as two instruments of class B do (EN 50470-3: 1 %), and
# by the resolution and the reading times of the registers.
UNSIGNED_PERCENT: Final = 1
UNSIGNED_SLACK_WH: Final = 10
# Average power above the connector's by more than this is no reading of that connector.
POWER_PERCENT: Final = 110

_EXACT: Final = Context(prec=80)


@dataclass(frozen=True, slots=True)
class MeterKey:
    """A meter's key in the registry (docs/protocol.md, section 5). Times are UTC seconds."""

    curve: int
    public_key: bytes
    fingerprint: bytes
    voucher_kind: int
    valid_from: int
    revoked_at: int | None

    def in_force(self, at: int) -> bool:
        """Whether readings of a session that starts at `at` may be signed with it."""
        return self.valid_from <= at and (self.revoked_at is None or at < self.revoked_at)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is billed. Registers are exact Wh, times UTC seconds, `idle_s` within them.

    `signed` are the OCMF texts that hold begin and end and all between, in the
    meter's order; `key` is the registered key they verify under, `None` before
    that was checked and where the meter does not sign.
    """

    method: str
    started_at: int
    ended_at: int
    begin_wh: Decimal
    end_wh: Decimal
    energy_wh: int
    idle_s: int
    signed: tuple[str, ...] = ()
    pagination: tuple[str, ...] = ()
    serial: str = ""
    key: MeterKey | None = None

    @property
    def duration_s(self) -> int:
        """Seconds plugged in."""
        return self.ended_at - self.started_at

    @property
    def assurance(self) -> Assurance:
        """How far down the proof of the energy goes."""
        return assurance(self.key.voucher_kind if self.key else None)


def read(transaction: Transaction) -> Reading:
    """Return what the frames say, signatures not yet verified. Raises `MeteringError`.

    Codes: `no_end`, `timestamp_unreadable`, `clock_unset`, `clock_future`,
    `negative_duration`, `over_duration`, `no_register`, `register_implausible`,
    `negative_energy`, `signed_unreadable`, `signed_incomplete`,
    `signed_not_billable`, `signed_other_meter`, `signed_other_time`,
    `pagination_gap`, `unsigned_mismatch`.
    """
    started_at, ended_at = _times(transaction)
    if not transaction.signed_values:
        begin, end = _registers(transaction)
        return Reading(
            method="register",
            started_at=started_at,
            ended_at=ended_at,
            begin_wh=begin,
            end_wh=end,
            energy_wh=_energy_wh(begin, end),
            idle_s=transaction.idle_s,
        )
    texts, documents = _signed(transaction)
    first, last = _begin_and_end(documents)
    _check_meter_clock(first, started_at)
    _check_meter_clock(last, ended_at)
    begin, end = _wh(first), _wh(last)
    energy_wh = _energy_wh(begin, end)
    _check_unsigned(transaction, energy_wh)
    return Reading(
        method="ocmf",
        started_at=started_at,
        ended_at=ended_at,
        begin_wh=begin,
        end_wh=end,
        energy_wh=energy_wh,
        idle_s=transaction.idle_s,
        signed=texts,
        pagination=tuple(document.pagination for document in documents),
        serial=documents[0].serial,
    )


def measure(transaction: Transaction, keys: Sequence[MeterKey] = ()) -> Reading:
    """Return what is billed, every signature verified under one of the registered `keys`.

    Raises `MeteringError` as `read`, and with `unknown_key` where the meter signs
    and none of its connector's keys is in force; `SignatureInvalidError` where a
    signature verifies under none of them.
    """
    reading = read(transaction)
    if not reading.signed:
        return reading
    in_force = [key for key in keys if key.in_force(reading.started_at)]
    if not in_force:
        raise MeteringError(
            "unknown_key",
            f"meter {reading.serial} signs, but its connector has no key in force at the start; "
            "enter the meter's key in the registry, then replay",
        )
    failure = SignatureInvalidError(f"meter {reading.serial} signs under none of its keys")
    for key in in_force:
        try:
            verify_signed(reading.signed, key.public_key)
        except (SignatureInvalidError, CodecError) as error:
            failure = SignatureInvalidError(str(error))
        else:
            return replace(reading, key=key)
    raise failure


def verify_signed(texts: Sequence[str], public_key: bytes) -> None:
    """Verify OCMF texts under one key. Raises `SignatureInvalidError` or `CodecError`."""
    for text in texts:
        ocmf.verify(ocmf.parse(text), public_key)


def assurance(voucher_kind: int | None) -> Assurance:
    """Return the level of a session watched on OCPP; `None` where the meter does not sign.

    A signature under a key that only the owner entered proves no more than the
    owner's word (DESIGN, section 3).
    """
    return Assurance.SIGNED if voucher_kind in ACCREDITED else Assurance.OBSERVED


class Measured(Protocol):
    """An energy (Wh) and the time (s) in which it was delivered."""

    @property
    def energy_wh(self) -> int:
        """Return Wh."""

    @property
    def duration_s(self) -> int:
        """Return seconds."""


def plausible_power(reading: Measured, max_power_w: int) -> bool:
    """Whether the connector can have delivered the energy in the time (max_power_w in W).

    Average power up to 110 % of the rating; a second is granted, because both
    times are floored.
    """
    limit = max_power_w * (reading.duration_s + 1) * POWER_PERCENT
    return reading.energy_wh * 3600 * 100 <= limit


def _times(transaction: Transaction) -> tuple[int, int]:
    if not transaction.closed:
        raise MeteringError("no_end", "the transaction has no StopTransaction")
    started_at, ended_at = transaction.started_at, transaction.ended_at
    if started_at is None or ended_at is None:
        raise MeteringError("timestamp_unreadable", "start or end has no readable timestamp")
    if not (is_clock_set(started_at) and is_clock_set(ended_at)):
        raise MeteringError(
            "clock_unset", "the charge point's clock was not set; the owner may approve an estimate"
        )
    for name, at, received_at in (
        ("start", started_at, transaction.start_received_at),
        ("end", ended_at, transaction.stop_received_at),
    ):
        if received_at is not None and at > received_at + CLOCK_AHEAD_S:
            raise MeteringError(
                "clock_future", f"the {name} is {at - received_at:.0f} s after we received it"
            )
    if ended_at < started_at:
        raise MeteringError(
            "negative_duration", f"it ends {started_at - ended_at} s before it starts"
        )
    if ended_at - started_at > MAX_DURATION_S:
        raise MeteringError(
            "over_duration", f"{ended_at - started_at} s are more than {MAX_DURATION_S} s (12 days)"
        )
    return started_at, ended_at


def _registers(transaction: Transaction) -> tuple[Decimal, Decimal]:
    begin, end = transaction.meter_start_wh, transaction.meter_stop_wh
    if begin is None or end is None:
        raise MeteringError("no_register", "meterStart or meterStop is missing or not a number")
    return begin, end


def _energy_wh(begin: Decimal, end: Decimal) -> int:
    for register in (begin, end):
        if not 0 <= register <= MAX_REGISTER_WH:
            raise MeteringError("register_implausible", f"no meter reads {register} Wh")
    exact = _EXACT.subtract(end, begin)
    if exact < 0:
        raise MeteringError("negative_energy", f"the register fell from {begin} to {end} Wh")
    energy_wh = int(exact.to_integral_value(ROUND_FLOOR, _EXACT))
    if energy_wh > MAX_ENERGY_WH:
        raise MeteringError("register_implausible", f"{energy_wh} Wh are not one session's energy")
    return energy_wh


def _signed(transaction: Transaction) -> tuple[tuple[str, ...], list[OcmfDocument]]:
    """Return the OCMF texts and data sets in the meter's order, checked as one chain."""
    try:
        parsed = {text: ocmf.parse(text) for text in map(ocmf.extract, transaction.signed_values)}
    except CodecError as error:
        raise MeteringError("signed_unreadable", str(error)) from error
    # Fiscal data sets are clock-aligned and of no transaction; they have a count of their own.
    chain = [(text, one) for text, one in parsed.items() if one.context == "T"]
    chain.sort(key=lambda pair: pair[1].page)
    documents = [document for _, document in chain]
    if not documents:
        raise MeteringError("signed_incomplete", "no signed value is of a transaction")
    if len({document.serial for document in documents}) > 1:
        raise MeteringError("signed_other_meter", "the signed values are of different meters")
    for before, after in pairwise(documents):
        if after.page != before.page + 1:
            raise MeteringError(
                "pagination_gap", f"page {after.pagination} follows {before.pagination}"
            )
    return tuple(text for text, _ in chain), documents


def _begin_and_end(documents: Sequence[OcmfDocument]) -> tuple[OcmfReading, OcmfReading]:
    """Return the readings to bill between, of the best register that has both."""
    readings = [reading for document in documents for reading in document.readings]
    for register in ocmf.IMPORT_REGISTERS:
        of_it = [reading for reading in readings if reading.register == register]
        begins = [reading for reading in of_it if reading.reason == ocmf.BEGIN]
        ends = [reading for reading in of_it if reading.reason in ocmf.ENDS]
        if begins or ends:
            break
    else:
        begins = ends = of_it = []
    # A meter may state the begin again, in the data set of the end.
    if len({one.value_wh for one in begins}) != 1 or len({one.value_wh for one in ends}) != 1:
        raise MeteringError(
            "signed_incomplete",
            f"{len(begins)} signed readings begin and {len(ends)} end the transaction, "
            "want one value each",
        )
    for reading in of_it:
        if reading.status != "G" or "E" in reading.error_flags or reading.reason == "X":
            raise MeteringError(
                "signed_not_billable",
                f"the meter marks a reading as not billable (status {reading.status!r}, "
                f"errors {reading.error_flags!r}, reason {reading.reason!r})",
            )
    return begins[0], ends[0]


def _wh(reading: OcmfReading) -> Decimal:
    if reading.value_wh is None:
        raise MeteringError("signed_unreadable", "a signed reading has no energy in Wh or kWh")
    return reading.value_wh


def _check_meter_clock(reading: OcmfReading, at: int) -> None:
    """Refuse readings of another time, where the meter's clock is synchronised and sound."""
    if reading.time_status != "S" or "t" in reading.error_flags:
        return
    if reading.at is None or abs(reading.at - at) > METER_CLOCK_S:
        raise MeteringError(
            "signed_other_time", "the signed reading is of another time than the session"
        )


def _check_unsigned(transaction: Transaction, energy_wh: int) -> None:
    begin, end = transaction.meter_start_wh, transaction.meter_stop_wh
    if begin is None or end is None:
        return
    difference = abs(_EXACT.subtract(end, begin) - energy_wh)
    if difference * 100 > max(energy_wh * UNSIGNED_PERCENT, UNSIGNED_SLACK_WH * 100):
        raise MeteringError(
            "unsigned_mismatch",
            f"the meter signed {energy_wh} Wh, the charge point's registers differ by "
            f"{difference} Wh from that",
        )
