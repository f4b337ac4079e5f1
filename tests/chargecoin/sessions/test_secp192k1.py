"""The verifier for secp192k1, held equal to libsecp256k1 on that library's own curve."""

from __future__ import annotations

import hashlib

from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from chargecoin.sessions.secp192k1 import SECP192K1, KoblitzCurve

SECP256K1 = KoblitzCurve(
    p=2**256 - 2**32 - 977,
    b=7,
    n=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    generator=(
        0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
        0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
    ),
)
secrets = st.integers(1, SECP256K1.n - 1)


def test_the_constants_are_those_of_a_curve() -> None:
    for curve in (SECP192K1, SECP256K1):
        assert curve.has(curve.generator)
        x, y = curve.generator
        assert not curve.has((x, y + 1))


def test_the_generators_order_is_n() -> None:
    # u1·G + u2·Q with Q = G and u1 + u2 = n is infinity, which verifies nothing;
    # with u1 + u2 = n + 1 it is G itself.
    x = SECP192K1.generator[0]
    r = x % SECP192K1.n
    s = pow(2, -1, SECP192K1.n)
    z = (SECP192K1.n + 1) * s % SECP192K1.n - r
    digest = (z % SECP192K1.n).to_bytes(24, "big")
    assert SECP192K1.verify(SECP192K1.generator, digest, r, s)


@settings(max_examples=40, deadline=None)
@given(secrets, st.binary(max_size=64), st.booleans())
def test_it_accepts_what_libsecp256k1_signs(secret: int, message: bytes, high_s: bool) -> None:
    key = PrivateKey.from_int(secret)
    r, s = decode_dss_signature(key.sign(message))
    point = key.public_key.point()
    digest = hashlib.sha256(message).digest()
    assert SECP256K1.verify(point, digest, r, SECP256K1.n - s if high_s else s)


@settings(max_examples=40, deadline=None)
@given(secrets, secrets, st.binary(max_size=64), st.sampled_from("rsdk"))
def test_it_refuses_everything_else(secret: int, other: int, message: bytes, what: str) -> None:
    key = PrivateKey.from_int(secret)
    r, s = decode_dss_signature(key.sign(message))
    point = key.public_key.point()
    digest = hashlib.sha256(message).digest()
    match what:
        case "r":
            r = r % (SECP256K1.n - 1) + 1
        case "s":
            s = s % (SECP256K1.n - 1) + 1
        case "d":
            digest = hashlib.sha256(digest).digest()
        case "k":
            point = PrivateKey.from_int(
                other if other != secret else other % 7 + 2
            ).public_key.point()
    assert not SECP256K1.verify(point, digest, r, s)


def test_numbers_out_of_range_and_points_off_the_curve_are_refused() -> None:
    g, n = SECP192K1.generator, SECP192K1.n
    digest = bytes(32)
    for r, s in ((0, 1), (1, 0), (n, 1), (1, n), (-1, 1)):
        assert not SECP192K1.verify(g, digest, r, s)
    assert not SECP192K1.verify((1, 1), digest, 1, 1)
    assert not SECP192K1.verify((g[0] + SECP192K1.p, g[1]), digest, 1, 1)
