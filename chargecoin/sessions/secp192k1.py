"""ECDSA verification on secp192k1, a curve of early OCMF meters that OpenSSL's users do not get.

Only verification, of public data: there is no secret here that timing could
leak. Formulas: SEC 1 v2.0, section 4.1.4; point arithmetic in Jacobian
coordinates for a = 0 (Explicit-Formulas Database, dbl-2009-l and madd-2007-bl).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

Affine: TypeAlias = tuple[int, int]
# x / z² and y / z³; z = 0 is the point at infinity.
Jacobian: TypeAlias = tuple[int, int, int]
_INFINITY: Final = (1, 1, 0)


@dataclass(frozen=True, slots=True)
class KoblitzCurve:
    """y² = x³ + b over the field of `p` elements, with a generator of prime order `n`."""

    p: int
    b: int
    n: int
    generator: Affine

    def has(self, point: Affine) -> bool:
        """Whether the point lies on the curve."""
        x, y = point
        return 0 <= x < self.p and 0 <= y < self.p and (y * y - x * x * x - self.b) % self.p == 0

    def _double(self, point: Jacobian) -> Jacobian:
        x, y, z = point
        p = self.p
        a, b = x * x % p, y * y % p
        c = b * b % p
        d = 2 * ((x + b) * (x + b) - a - c) % p
        e = 3 * a
        x3 = (e * e - 2 * d) % p
        return x3, (e * (d - x3) - 8 * c) % p, 2 * y * z % p

    def _add(self, point: Jacobian, other: Affine) -> Jacobian:
        x1, y1, z1 = point
        x2, y2 = other
        p = self.p
        if z1 == 0:
            return x2, y2, 1
        zz = z1 * z1 % p
        h = (x2 * zz - x1) % p
        r = (y2 * zz * z1 - y1) % p
        if h == 0:
            return self._double(point) if r == 0 else _INFINITY
        hh = h * h % p
        v = x1 * hh % p
        hhh = h * hh % p
        x3 = (r * r - hhh - 2 * v) % p
        return x3, (r * (v - x3) - y1 * hhh) % p, z1 * h % p

    def _affine(self, point: Jacobian) -> Affine | None:
        x, y, z = point
        if z == 0:
            return None
        inverse = pow(z, -1, self.p)
        square = inverse * inverse % self.p
        return x * square % self.p, y * square * inverse % self.p

    def verify(self, key: Affine, digest: bytes, r: int, s: int) -> bool:
        """Whether (r, s) signs the digest under the public key."""
        n = self.n
        if not (self.has(key) and 0 < r < n and 0 < s < n):
            return False
        excess = max(0, len(digest) * 8 - n.bit_length())
        w = pow(s, -1, n)
        u1 = (int.from_bytes(digest, "big") >> excess) * w % n
        u2 = r * w % n
        both = self._affine(self._add((*self.generator, 1), key))
        total: Jacobian = _INFINITY
        for bit in range(max(u1.bit_length(), u2.bit_length()) - 1, -1, -1):
            total = self._double(total)
            match u1 >> bit & 1, u2 >> bit & 1:
                case 1, 0:
                    total = self._add(total, self.generator)
                case 0, 1:
                    total = self._add(total, key)
                case 1, 1 if both is not None:
                    total = self._add(total, both)
        point = self._affine(total)
        return point is not None and point[0] % n == r


# SEC 2 v2.0, section 2.2.1.
SECP192K1: Final = KoblitzCurve(
    p=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFEE37,
    b=3,
    n=0xFFFFFFFFFFFFFFFFFFFFFFFE26F2FC170F69466A74DEFD8D,
    generator=(
        0xDB4FF10EC057E9AE26B07D0280B7F4341DA5D1B1EAE06C7D,
        0x9B2F2F6D9C5628A7844163D015BE86344082AA88D95E2F9D,
    ),
)
