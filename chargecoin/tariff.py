"""Tariffs: one storage slot of bounds, and the one price formula.

Layout and formula: docs/protocol.md, section 3. The Vyper twin is held equal by
a property test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from chargecoin.errors import CodecError, FieldRangeError

OPEN_END: Final = (1 << 32) - 1
PRICE_BITS: Final = 27
MAX_PRICE: Final = (1 << PRICE_BITS) - 1
NOTICE_S: Final = 3600
FEE_DIVISOR: Final = 1000


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in base units: per kWh, per hour plugged in, per idle hour, per session."""

    kwh: int
    hour: int
    idle_hour: int
    session: int


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One line of a receipt. `amount_exact` is in base units times 3,600,000."""

    name: str
    quantity: int
    unit: str
    price: int
    amount_exact: int


SCALE: Final = 3_600_000


def price_lines(
    prices: Prices, *, energy_wh: int, duration_s: int, idle_s: int
) -> tuple[PriceLine, ...]:
    """Return a receipt's exact lines, in base units times 3,600,000; only their sum is floored.

    Raises `CodecError` if the vehicle idled longer than it was plugged in.
    """
    if idle_s > duration_s:
        raise CodecError(f"idle {idle_s} s is longer than the session of {duration_s} s")
    charging_s = duration_s - idle_s
    return (
        PriceLine("energy", energy_wh, "Wh", prices.kwh, energy_wh * prices.kwh * 3600),
        PriceLine("time", charging_s, "s", prices.hour, charging_s * prices.hour * 1000),
        PriceLine("idle", idle_s, "s", prices.idle_hour, idle_s * prices.idle_hour * 1000),
        PriceLine("session", 1, "session", prices.session, prices.session * SCALE),
    )


def gross(prices: Prices, *, energy_wh: int, duration_s: int, idle_s: int) -> int:
    """Return a session's price in base units, VAT included, floored once."""
    lines = price_lines(prices, energy_wh=energy_wh, duration_s=duration_s, idle_s=idle_s)
    return sum(line.amount_exact for line in lines) // SCALE


def fee(paid: int) -> int:
    """Return the protocol fee of a cumulative payment: exactly 0.1 %, floored (base units)."""
    return paid // FEE_DIVISOR


def vat_part(amount: int, vat_bps: int) -> int:
    """Return the VAT contained in an amount that includes it, rounded half up (base units)."""
    denominator = 10_000 + vat_bps
    return (2 * amount * vat_bps + denominator) // (2 * denominator)


@dataclass(frozen=True, slots=True)
class Tariff:
    """Bounds of the price of sessions that start in [valid_from, valid_to), UTC seconds."""

    valid_from: int
    valid_to: int
    minimum: Prices
    maximum: Prices

    @classmethod
    def flat(cls, prices: Prices, valid_from: int, valid_to: int = OPEN_END) -> Self:
        """Return a tariff with one exact price."""
        return cls(valid_from, valid_to, prices, prices)

    @property
    def is_flat(self) -> bool:
        """Whether the chain itself knows the exact price."""
        return self.minimum == self.maximum

    def prices7(self) -> list[int]:
        """Return the seven prices in the order `publish_tariff` takes them."""
        low, high = self.minimum, self.maximum
        if low.session != high.session:
            raise CodecError("a tariff has one session fee")
        return [low.kwh, high.kwh, low.hour, high.hour, low.idle_hour, high.idle_hour, low.session]

    def encode(self) -> int:
        """Return the storage slot. Raises `FieldRangeError` where a price does not fit."""
        slot = 0
        for name, value in (("valid_from", self.valid_from), ("valid_to", self.valid_to)):
            if not 0 <= value <= OPEN_END:
                raise FieldRangeError(name, value, OPEN_END)
            slot = slot << 32 | value
        for price in self.prices7():
            if not 0 <= price <= MAX_PRICE:
                raise FieldRangeError("price", price, MAX_PRICE)
            slot = slot << PRICE_BITS | price
        return slot << 3

    @classmethod
    def decode(cls, slot: int) -> Self:
        """Read a storage slot."""
        rest = slot >> 3
        values: list[int] = []
        for _ in range(7):
            values.append(rest & MAX_PRICE)
            rest >>= PRICE_BITS
        session, high_idle, low_idle, high_hour, low_hour, high_kwh, low_kwh = values
        return cls(
            valid_from=rest >> 32 & OPEN_END,
            valid_to=rest & OPEN_END,
            minimum=Prices(low_kwh, low_hour, low_idle, session),
            maximum=Prices(high_kwh, high_hour, high_idle, session),
        )

    def in_force(self, at: int) -> bool:
        """Whether a session that starts at `at` falls under this tariff."""
        return self.valid_from <= at < self.valid_to

    def bounds(self, *, energy_wh: int, duration_s: int, idle_s: int) -> tuple[int, int]:
        """Return the least and the most a session may cost, base units."""
        low, high = (
            gross(prices, energy_wh=energy_wh, duration_s=duration_s, idle_s=idle_s)
            for prices in (self.minimum, self.maximum)
        )
        return low, high
