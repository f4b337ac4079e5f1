"""OCMF, the Open Charge Metering Format (S.A.F.E., versions 0.4 to 1.4): reading and verifying.

`OCMF|{payload}|{signature}`. The meter signs the payload's bytes as they stand,
so they are kept and never written anew. A key inside a message would prove only
that the message agrees with itself: the key is always handed in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from coincurve import PublicKey
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from chargecoin.errors import CodecError, SignatureInvalidError
from chargecoin.sessions import exact_json
from chargecoin.sessions.secp192k1 import SECP192K1
from chargecoin.sessions.values import number, text_of, timestamp
from chargecoin.typed_data import CURVE_ORDER

DEFAULT_ALGORITHM: Final = "ECDSA-secp256r1-SHA256"
# Signature algorithms (OCMF, table 22), and the names of their curves in `cryptography`.
CURVES: Final = {
    "ECDSA-secp192k1-SHA256": "secp192k1",
    "ECDSA-secp192r1-SHA256": "secp192r1",
    "ECDSA-secp256k1-SHA256": "secp256k1",
    "ECDSA-secp256r1-SHA256": "secp256r1",
    "ECDSA-secp384r1-SHA256": "secp384r1",
    "ECDSA-brainpool256r1-SHA256": "brainpoolP256r1",
    "ECDSA-brainpool384r1-SHA256": "brainpoolP384r1",
}
BEGIN: Final = "B"
# End, and why: locally, remotely, aborted by an error, by a power failure.
ENDS: Final = frozenset("ELRAP")
# Import registers by the OBIS value group C, the one to bill first. B0 to B3 are OCMF 1.4's own
# (transaction before total, at the vehicle before at the mains), 98 and 9C a vendor's equivalents.
IMPORT_REGISTERS: Final = ("B3", "98", "B2", "B1", "9C", "B0", "1")

_OBIS: Final = re.compile(r"[0-9A-Fa-f]+-[0-9A-Za-z]+:0*([0-9A-Fa-f]+)\.0*8\.")
_PAGINATION: Final = re.compile(r"([TF])([0-9]{1,18})")
_HEX: Final = re.compile(r"[0-9A-Fa-f\s]+")
# SubjectPublicKeyInfo of an uncompressed secp192k1 point, up to the point (RFC 5480; SEC 2).
SPKI_SECP192K1: Final = bytes.fromhex("3046301006072a8648ce3d020106052b8104001f03320004")
_CARRIED: Final = ("TM", "TX", "RI", "RU", "RT", "EF", "ST")


@dataclass(frozen=True, slots=True)
class OcmfReading:
    """One reading. `value_wh` is exact, `None` where it is not energy; `at` is UTC seconds."""

    at: int | None
    time_status: str
    reason: str
    value_wh: Decimal | None
    register: str
    status: str
    error_flags: str


@dataclass(frozen=True, slots=True)
class OcmfDocument:
    """One signed data set. `payload` is exactly what was signed."""

    payload: bytes
    context: str
    page: int
    serial: str
    user: str
    readings: tuple[OcmfReading, ...]
    algorithm: str
    signature: bytes

    @property
    def pagination(self) -> str:
        """The page as the meter wrote it: `T` (transaction) or `F` (fiscal) and a number."""
        return f"{self.context}{self.page}"


def _object(text: str, part: str) -> dict[str, Any]:
    try:
        value = exact_json.loads(text)
    except CodecError as error:
        raise CodecError(f"OCMF {part} is {error}") from error
    if not isinstance(value, dict):
        raise CodecError(f"OCMF {part} is not a JSON object")
    return value


def _signature(section: dict[str, Any]) -> bytes:
    mime = section.get("SM", "application/x-der")
    if mime != "application/x-der":
        raise CodecError(f"OCMF signature is {mime!r}, only application/x-der is defined")
    data = text_of(section.get("SD"))
    try:
        # Some meters write base64 without saying so.
        if section.get("SE") != "base64" and _HEX.fullmatch(data):
            return bytes.fromhex(data)
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise CodecError(f"OCMF signature is neither hex nor base64: {error}") from error


def _register(obis: str) -> str:
    """Return the import register's OBIS value group C, empty for any other quantity."""
    found = _OBIS.match(obis)
    code = found[1].upper() if found else ""
    return code if code in IMPORT_REGISTERS else ""


def _energy_wh(value: object, unit: str) -> Decimal | None:
    reading = number(value)
    if reading is None or unit not in {"kWh", "Wh"}:
        return None
    return reading.scaleb(3) if unit == "kWh" else reading


def _readings(entries: object) -> tuple[OcmfReading, ...]:
    """Read `RD`. A field omitted has the previous reading's value (OCMF, "Readings")."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CodecError("OCMF payload has no list of readings (RD)")
    carried: dict[str, str] = {}
    readings = []
    for entry in entries:
        carried |= {name: text_of(entry[name]) for name in _CARRIED if name in entry}
        time, _, time_status = carried.get("TM", "").strip().partition(" ")
        register = _register(carried.get("RI", ""))
        readings.append(
            OcmfReading(
                at=timestamp(time),
                time_status=time_status.strip(),
                reason=carried.get("TX", ""),
                value_wh=_energy_wh(entry.get("RV"), carried.get("RU", "")) if register else None,
                register=register,
                status=carried.get("ST", ""),
                error_flags=carried.get("EF", ""),
            )
        )
    return tuple(readings)


def parse(text: str) -> OcmfDocument:
    """Read an OCMF text. Raises `CodecError` for what is not one."""
    sections = text.strip().split("|")
    if len(sections) != 3 or sections[0] != "OCMF":
        raise CodecError("not OCMF: want OCMF|{payload}|{signature}")
    payload, signature = _object(sections[1], "payload"), _object(sections[2], "signature")
    page = _PAGINATION.fullmatch(text_of(payload.get("PG")))
    if page is None:
        raise CodecError(f"OCMF pagination is {payload.get('PG')!r}, want T or F and a number")
    return OcmfDocument(
        payload=sections[1].encode(),
        context=page[1],
        page=int(page[2]),
        serial=text_of(payload.get("MS")) or text_of(payload.get("GS")),
        user=text_of(payload.get("ID")),
        readings=_readings(payload.get("RD")),
        algorithm=text_of(signature.get("SA")) or DEFAULT_ALGORITHM,
        signature=_signature(signature),
    )


def _encoded(value: str) -> str | None:
    """Return the OCMF text inside hex or base64."""
    value = "".join(value.split())
    for decode in (bytes.fromhex, lambda text: base64.b64decode(text, validate=True)):
        try:
            text = decode(value).decode()
        except (ValueError, binascii.Error):
            continue
        if text.lstrip().startswith("OCMF|"):
            return text.strip()
    return None


def extract(value: str) -> str:
    """Return the OCMF text carried in an OCPP 1.6 SignedData value.

    Found in the field: the text itself, its hex or base64, and a JSON object
    with it in `signedMeterValue` or `signedMeterData`, again in any of these
    forms. Raises `CodecError` where there is no OCMF in it.
    """
    value = value.strip()
    if value.startswith("OCMF|"):
        return value
    if value.startswith("{"):
        carrier = _object(value, "carrier")
        for name in ("signedMeterValue", "signedMeterData"):
            inner = carrier.get(name)
            if isinstance(inner, str) and not inner.lstrip().startswith("{"):
                return extract(inner)
    elif (text := _encoded(value)) is not None:
        return text
    raise CodecError("no OCMF in the signed meter value: neither text, hex, base64 nor JSON of it")


Verifier = Callable[[bytes, bytes], bool]


def _secp192k1(public_key_der: bytes) -> Verifier:
    point = public_key_der[-48:]
    key = int.from_bytes(point[:24], "big"), int.from_bytes(point[24:], "big")
    return lambda digest, signature: SECP192K1.verify(key, digest, *decode_dss_signature(signature))


def _secp256k1(loaded: ec.EllipticCurvePublicKey) -> Verifier:
    """Verify with libsecp256k1, five times as fast as OpenSSL, which wants s in the lower half."""
    key = PublicKey(loaded.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    def verifies(digest: bytes, signature: bytes) -> bool:
        r, s = decode_dss_signature(signature)
        if not 0 < s < CURVE_ORDER:
            return False
        lower = encode_dss_signature(r, min(s, CURVE_ORDER - s))
        return key.verify(lower, digest, hasher=None)

    return verifies


def _openssl(loaded: ec.EllipticCurvePublicKey) -> Verifier:
    def verifies(digest: bytes, signature: bytes) -> bool:
        try:
            loaded.verify(signature, digest, ec.ECDSA(Prehashed(SHA256())))
        except InvalidSignature:
            return False
        return True

    return verifies


@lru_cache(maxsize=4096)
def _verifier(public_key_der: bytes) -> tuple[str, Verifier]:
    """Return a key's curve and a function that says whether a DER signature is of a digest."""
    if public_key_der.startswith(SPKI_SECP192K1) and len(public_key_der) == 72:
        return "secp192k1", _secp192k1(public_key_der)
    try:
        loaded = load_der_public_key(public_key_der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CodecError(f"not a public key of a known curve: {error}") from error
    if not isinstance(loaded, ec.EllipticCurvePublicKey):
        raise CodecError("not an elliptic-curve public key")
    name = loaded.curve.name
    return name, _secp256k1(loaded) if name == "secp256k1" else _openssl(loaded)


def verify(document: OcmfDocument, public_key_der: bytes) -> None:
    """Check the signature under a key (DER SubjectPublicKeyInfo).

    Raises `SignatureInvalidError` where it does not verify, the algorithm is
    unknown, or the key is of another curve than the algorithm names; raises
    `CodecError` where the key cannot be read.
    """
    if document.algorithm not in CURVES:
        raise SignatureInvalidError(f"unknown signature algorithm {document.algorithm!r}")
    curve, verifies = _verifier(public_key_der)
    if CURVES[document.algorithm] != curve:
        raise SignatureInvalidError(f"{document.algorithm} under a key of {curve}")
    try:
        valid = verifies(hashlib.sha256(document.payload).digest(), document.signature)
    except ValueError:
        valid = False
    if not valid:
        raise SignatureInvalidError(
            f"the signature of meter {document.serial}, page {document.pagination}, does not verify"
        )
