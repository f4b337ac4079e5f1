"""A meter's public key as people have it: from a label, a file or a message.

What the registry takes is the DER SubjectPublicKeyInfo and the number of its curve
(docs/protocol.md, section 5).
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from eth_utils.crypto import keccak

from chargecoin.errors import CodecError
from chargecoin.sessions import ocmf
from chargecoin.sessions.ocmf import SPKI_SECP192K1, OcmfDocument

# Numbered from 1 in docs/protocol.md, in this order.
NAMES: Final = tuple(ocmf.CURVES.values())
# What `cryptography` knows; secp192k1 it does not.
_CURVES: Final[dict[str, type[ec.EllipticCurve]]] = {
    "secp192r1": ec.SECP192R1,
    "secp256k1": ec.SECP256K1,
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
}
_SIZES: Final = {48: "192", 64: "256", 96: "384"}
MAX_TEXT: Final = 512 * 1024

_PEM: Final = re.compile(r"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", re.DOTALL)
# The transparency software's file, and OCPP's signed meter values.
_XML: Final = re.compile(r"<publicKey[^>]*>([^<]+)</publicKey>")
_SIGNED_XML: Final = re.compile(r"<signedData[^>]*>([^<]+)</signedData>")
_JSON: Final = re.compile(r'\\?"publicKey\\?"\s*:\s*\\?"([^"\\]+)\\?"')
# OCA, Signed meter values in OCPP: `oca:base16:asn1:<hex>`, itself in base64 as a rule.
_OCA: Final = re.compile(r"oca:(base16|base64):asn1:(.+)", re.DOTALL)
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A meter's key: DER SubjectPublicKeyInfo, and its curve as the registry numbers it."""

    der: bytes
    curve: int

    @property
    def name(self) -> str:
        """The curve's name."""
        return NAMES[self.curve - 1]

    @property
    def fingerprint(self) -> bytes:
        """keccak256 of the key, by which the registry finds it."""
        return keccak(self.der)


def find_sample(text: str) -> OcmfDocument | None:
    """Return the first signed data set in a text, None where there is none.

    Takes the OCMF text, its hex or base64, OCPP's JSON of it, or the transparency
    software's XML. Raises `CodecError` for a text too long to be one.
    """
    _bounded(text)
    inside = _SIGNED_XML.search(text)
    try:
        return ocmf.parse(ocmf.extract(html.unescape(inside[1]) if inside else text))
    except CodecError:
        return None


def read_key(text: str, sample: OcmfDocument | None = None) -> PublicKey:
    """Read a public key from whatever carries it.

    Takes DER in hex or base64, PEM, OCA's prefix, OCPP's JSON, the transparency
    software's XML, and the bare point, whose curve only a sample of what the meter
    signs tells. Raises `CodecError` saying what is missing.
    """
    _bounded(text)
    for pattern in (_PEM, _XML, _JSON):
        if inside := pattern.search(text):
            text = inside[1]
            break
    data = _bytes("".join(html.unescape(text).split()))
    if not _is_der(data):
        return _from_point(data, sample)
    if data.startswith(SPKI_SECP192K1) and len(data) == 72:
        return PublicKey(data, NAMES.index("secp192k1") + 1)
    try:
        loaded = load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CodecError(f"this is no public key of a curve that meters use: {error}") from error
    if not isinstance(loaded, ec.EllipticCurvePublicKey) or loaded.curve.name not in NAMES:
        raise CodecError(f"meters sign with one of {', '.join(NAMES)}; this key is of another kind")
    return _known(loaded)


def _bounded(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise CodecError(f"a key or a sample has at most {MAX_TEXT >> 10} kB")


def _bytes(text: str) -> bytes:
    if found := _OCA.fullmatch(text):
        text = found[2]
        if found[1] == "base64":
            return _base64(text)
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    data = _base64(text.removeprefix("0x"))
    if data.startswith(b"oca:"):
        return _bytes(data.decode("latin-1"))
    return data


def _base64(text: str) -> bytes:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CodecError(
            "this is no public key: enter hex, base64 or PEM, or the meter's file that has it"
        ) from None


def _is_der(data: bytes) -> bool:
    """Whether it is one DER sequence, by its tag and its length."""
    return data[:1] == b"\x30" and (data[1:2] >= b"\x80" or data[1:2] == bytes([len(data) - 2]))


def _from_point(data: bytes, sample: OcmfDocument | None) -> PublicKey:
    point = data[1:] if len(data) % 2 and data.startswith(b"\x04") else data
    if len(point) not in _SIZES:
        raise CodecError("this is neither a key in DER nor the point of one; is all of it there?")
    name = ocmf.CURVES.get(sample.algorithm, "") if sample else ""
    if _SIZES[len(point)] not in name:
        raise CodecError(
            "this is the point of a key without the name of its curve; add a sample of what the "
            "meter signs (OCMF), which names it"
        )
    if name == "secp192k1":
        return PublicKey(SPKI_SECP192K1 + point, NAMES.index(name) + 1)
    try:
        return _known(
            ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[name](), b"\x04" + point)
        )
    except ValueError as error:
        raise CodecError(f"this point is not on {name}; is it the right meter's?") from error


def _known(loaded: ec.EllipticCurvePublicKey) -> PublicKey:
    der = loaded.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(der, NAMES.index(loaded.curve.name) + 1)
