"""The demo's keys: derived from its seed, so that a run can be repeated, and worth nothing."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chargecoin.errors import ConfigurationError

_CURVES: dict[int, type[ec.EllipticCurve]] = {3: ec.SECP256K1, 4: ec.SECP256R1}


def secret(seed: int, role: str) -> bytes:
    """Return the 32-byte secret of a role. Anyone who knows the seed knows it."""
    return hashlib.sha256(f"chargecoin demo|{seed}|{role}".encode()).digest()


def secret_hex(seed: int, role: str) -> str:
    """Return `secret` as `0x` and hex digits."""
    return f"0x{secret(seed, role).hex()}"


def meter_key(seed: int, place: str, curve: int) -> ec.EllipticCurvePrivateKey:
    """Return the signing key of the meter at a connector.

    `curve` is numbered as in docs/protocol.md, section 5: 3 secp256k1, 4 secp256r1.
    Raises `ConfigurationError` for any other.
    """
    if curve not in _CURVES:
        raise ConfigurationError(f"virtual meters sign on curves 3 and 4, not {curve}")
    number = int.from_bytes(secret(seed, f"meter {place}"), "big")
    return ec.derive_private_key(number, _CURVES[curve]())


def public_key_der(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a key's DER SubjectPublicKeyInfo, as the registry keeps it."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
