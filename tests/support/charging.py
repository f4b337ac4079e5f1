"""Charging as tests need it: one transaction's OCPP frames, and a meter that signs."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_utils.crypto import keccak

from chargecoin.sessions.frames import Frame
from chargecoin.sessions.metering import VOUCHED_BY_MANUFACTURER, MeterKey

START: Final = 1_767_225_600  # 2026-01-01T00:00:00Z, a Thursday
END: Final = START + 3600
CURVES: Final[dict[str, tuple[int, type[ec.EllipticCurve]]]] = {
    "ECDSA-secp192r1-SHA256": (2, ec.SECP192R1),
    "ECDSA-secp256k1-SHA256": (3, ec.SECP256K1),
    "ECDSA-secp256r1-SHA256": (4, ec.SECP256R1),
    "ECDSA-secp384r1-SHA256": (5, ec.SECP384R1),
    "ECDSA-brainpool256r1-SHA256": (6, ec.BrainpoolP256R1),
    "ECDSA-brainpool384r1-SHA256": (7, ec.BrainpoolP384R1),
}


def iso(at: int) -> str:
    """Return UTC seconds as a charge point writes them."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


@cache
def private_key(algorithm: str, number: int) -> ec.EllipticCurvePrivateKey:
    """Return a fixed key of a curve, so that tests repeat."""
    return ec.derive_private_key(number, CURVES[algorithm][1]())


@dataclass
class Meter:
    """A meter that signs OCMF, page by page."""

    algorithm: str = "ECDSA-secp256r1-SHA256"
    serial: str = "1DZG0033016824"
    number: int = 7
    page: int = 144
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def public_key(self) -> bytes:
        """The DER SubjectPublicKeyInfo."""
        key = private_key(self.algorithm, self.number).public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def key(
        self,
        voucher_kind: int = VOUCHED_BY_MANUFACTURER,
        valid_from: int = 0,
        revoked_at: int | None = None,
    ) -> MeterKey:
        """Return the key as the registry holds it."""
        return MeterKey(
            curve=CURVES[self.algorithm][0],
            public_key=self.public_key,
            fingerprint=keccak(self.public_key),
            voucher_kind=voucher_kind,
            valid_from=valid_from,
            revoked_at=revoked_at,
        )

    def reading(self, reason: str, kwh: str, at: int, **changes: Any) -> dict[str, Any]:
        """Return one reading (`RD`) of exact kWh; a change to `None` leaves a field out."""
        time = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S,000+0000 I")
        reading: dict[str, Any] = {
            "TM": time,
            "TX": reason,
            "RV": Decimal(kwh),
            "RI": "1-b:1.8.0",
            "RU": "kWh",
            "RT": "AC",
            "EF": "",
            "ST": "G",
        } | changes
        return {name: value for name, value in reading.items() if value is not None}

    def sign(self, *readings: dict[str, Any]) -> str:
        """Sign readings as one data set and turn the page."""
        payload = {
            "FV": "1.0",
            "GI": "TEST",
            "GS": "1",
            "PG": f"T{self.page}",
            "MS": self.serial,
            "IS": False,
            "IF": [],
            "ID": "",
        } | self.options
        payload["RD"] = list(readings)
        self.page += 1
        return self.sign_text(dumps(payload))

    def sign_text(self, payload: str, encoding: str = "hex") -> str:
        """Sign a payload as it stands."""
        signature = private_key(self.algorithm, self.number).sign(
            payload.encode(), ec.ECDSA(SHA256())
        )
        section = {"SA": self.algorithm, "SD": signature.hex().upper()}
        if encoding == "base64":
            section |= {"SE": "base64", "SD": base64.b64encode(signature).decode()}
        return f"OCMF|{payload}|{json.dumps(section)}"


def dumps(value: Any) -> str:
    """Return JSON in which decimals are written as they are."""
    numbers: dict[str, str] = {}

    def mark(number: object) -> str:
        key = f"\x00{hashlib.sha256(str(number).encode()).hexdigest()}\x00"
        numbers[json.dumps(key)] = str(number)
        return key

    text = json.dumps(value, default=mark, separators=(",", ":"))
    for key, number in numbers.items():
        text = text.replace(key, number)
    return text


@dataclass
class Charging:
    """One transaction at a connector, message by message; each call appends frames."""

    connector_id: int = 1
    token: str = "04AB076A345B85"
    transaction_id: int = 4711
    delay_s: float = 1.0
    frames: list[Frame] = field(default_factory=list)
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    def call(self, at: float, action: str, payload: dict[str, Any], answer: Any) -> Charging:
        """Append a call of the charge point and our answer."""
        message_id = f"m{next(self._ids)}"
        self.frames.append(Frame(at, "charge_point", dumps([2, message_id, action, payload])))
        if answer is not None:
            self.frames.append(Frame(at + 0.25, "central_system", dumps([3, message_id, answer])))
        return self

    def start(self, at: int = START, meter: Any = 57_584, **changes: Any) -> Charging:
        """StartTransaction, accepted under the transaction's id."""
        answer = changes.pop(
            "answer", {"transactionId": self.transaction_id, "idTagInfo": {"status": "Accepted"}}
        )
        received_at = changes.pop("received_at", at + self.delay_s)
        payload = {
            "connectorId": self.connector_id,
            "idTag": self.token,
            "meterStart": meter,
            "timestamp": iso(at),
        } | changes
        return self.call(received_at, "StartTransaction", payload, answer)

    def values(self, at: int, *sampled: dict[str, Any], **changes: Any) -> Charging:
        """MeterValues with one set of samples."""
        payload = {
            "connectorId": self.connector_id,
            "transactionId": self.transaction_id,
            "meterValue": [{"timestamp": iso(at), "sampledValue": list(sampled)}],
        } | changes
        return self.call(at + self.delay_s, "MeterValues", payload, {})

    def signed(self, at: int, text: str) -> Charging:
        """MeterValues with one signed value."""
        return self.values(at, {"value": text, "format": "SignedData"})

    def status(self, at: int, status: str, **changes: Any) -> Charging:
        """StatusNotification of the connector."""
        payload = {
            "connectorId": self.connector_id,
            "errorCode": "NoError",
            "status": status,
            "timestamp": iso(at),
        } | changes
        payload = {name: value for name, value in payload.items() if value is not None}
        return self.call(at + self.delay_s, "StatusNotification", payload, {})

    def stop(self, at: int = END, meter: Any = 58_685, **changes: Any) -> Charging:
        """StopTransaction."""
        received_at = changes.pop("received_at", at + self.delay_s)
        payload = {
            "transactionId": self.transaction_id,
            "meterStop": meter,
            "timestamp": iso(at),
        } | changes
        return self.call(
            received_at, "StopTransaction", payload, {"idTagInfo": {"status": "Accepted"}}
        )

    def repeat(self, action: str) -> Charging:
        """Send the last message of an action again, with a new message id."""
        for frame in reversed(self.frames):
            message = json.loads(frame.text, parse_float=Decimal)
            if message[0] == 2 and message[2] == action:
                return self.call(frame.at + 60, action, message[3], {})
        raise LookupError(action)

    def redacted(self, commit: Callable[[str], str]) -> list[Frame]:
        """Return the frames with their personal fields replaced."""
        from chargecoin.sessions.frames import redact  # noqa: PLC0415

        return [Frame(one.at, one.sender, redact(one.text, commit)) for one in self.frames]


def signed_session(
    meter: Meter, begin: str = "57.584", end: str = "58.685", start: int = START
) -> Charging:
    """Return a whole session of one hour whose meter signed begin and end, in kWh."""
    stop = start + END - START
    return (
        Charging()
        .start(start, meter=int(Decimal(begin) * 1000))
        .signed(start, meter.sign(meter.reading("B", begin, start)))
        .status(start, "Charging")
        .status(stop - 300, "SuspendedEV")
        .signed(stop, meter.sign(meter.reading("E", end, stop)))
        .stop(stop, meter=int(Decimal(end) * 1000))
    )
