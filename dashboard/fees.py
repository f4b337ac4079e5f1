"""Where every cent of a session goes: VAT, energy, protocol fee, campaign, margin. Pure.

`margin = received - VAT - energy cost - fee - the owner's own campaign`, for each booking in
whole base units; sites and months are sums of these, so that everything adds up exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Final

from chargecoin.tariff import vat_part
from dashboard.formats import zone_of
from dashboard.private.settings import CardRate, PurchasePrice
from indexer.read_model import Booking, RoutedFees

HOUR_S: Final = 3600
# An example, for whoever has entered none of their own.
CARD: Final = CardRate(bps=150, fixed=250_000)
SHARES: Final = ("oracles", "stakers", "drivers", "stations", "treasury", "unrouted")
Price = Callable[[int], int | None]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Sums of bookings, base units and Wh.

    `campaign` is what the owner's own campaigns paid, which the owner had put in before;
    `sponsored` (what others' campaigns paid) is part of `received` like any payment.
    `energy_cost` covers `priced_wh` of `energy_wh`.
    """

    sessions: int = 0
    payments: int = 0
    received: int = 0
    sponsored: int = 0
    vat: int = 0
    fee: int = 0
    campaign: int = 0
    energy_wh: int = 0
    priced_wh: int = 0
    energy_cost: int = 0
    card: int = 0

    @property
    def margin(self) -> int:
        """What is left for the owner; before energy where no purchase price is entered."""
        return self.received - self.vat - self.energy_cost - self.fee - self.campaign

    @property
    def adds_up(self) -> bool:
        """Whether the parts are the whole, to the last unit."""
        parts = self.vat + self.energy_cost + self.fee + self.campaign + self.margin
        return parts == self.received

    def __add__(self, other: Breakdown) -> Breakdown:
        """Add up two places or spans."""
        return Breakdown(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def vat_of(amount: int, vat_bps: int | None) -> int:
    """Return the VAT within an amount, of a refund negative; 0 where no rate is known."""
    part = vat_part(abs(amount), vat_bps or 0)
    return part if amount >= 0 else -part


def card_cost(amount: int, rate: CardRate) -> int:
    """Return what a card processor would take of a payment, rounded half up (base units)."""
    return (2 * amount * rate.bps + 10_000) // 20_000 + rate.fixed


def price_at(prices: Sequence[PurchasePrice], zone: str) -> Price:
    """Return a site's price of a kWh by moment; of rows that cover an hour the last one counts.

    `prices` are the site's, by day and then as entered.
    """
    local = zone_of(zone)
    known: dict[tuple[date, int], int | None] = {}

    def at(moment: int) -> int | None:
        clock = datetime.fromtimestamp(moment, local)
        key = (clock.date(), clock.hour)
        if key not in known:
            known[key] = next(
                (
                    one.per_kwh
                    for one in reversed(prices)
                    if one.since <= key[0] and one.hour_from <= key[1] < one.hour_to
                ),
                None,
            )
        return known[key]

    return at


def energy_cost(booking: Booking, price: Price, zone: str) -> int | None:
    """Return what a session's energy cost, rounded half up once; None where a price is missing.

    Energy is spread evenly over the seconds of charging, which come before those of idling:
    the same assumption as in the tables of hours.
    """
    seconds = max(1, booking.duration_s - min(booking.idle_s, booking.duration_s))
    start, end = booking.started_at, booking.started_at + seconds
    local = zone_of(zone)
    exact, taken, at = 0, 0, start
    while at < end:
        offset = datetime.fromtimestamp(at, UTC).astimezone(local).utcoffset()
        shift = int(offset.total_seconds()) if offset else 0
        until = min(end, at + HOUR_S - (at + shift) % HOUR_S)
        share = booking.energy_wh * (until - start) // seconds
        per_kwh = price(at)
        if per_kwh is None and share > taken:
            return None
        exact += (share - taken) * (per_kwh or 0)
        taken, at = share, until
    return (2 * exact + 1000) // 2000


def breakdown(booking: Booking, price: Price, zone: str, rate: CardRate) -> Breakdown:
    """Return where one booking went."""
    settled = booking.kind == "settled"
    cost = energy_cost(booking, price, zone) if settled else 0
    # A card is charged once for what a driver pays; a refund gives none of it back.
    charged = booking.paid > 0
    return Breakdown(
        sessions=int(settled),
        payments=int(charged),
        received=booking.received,
        sponsored=0 if booking.own else booking.campaign,
        vat=vat_of(booking.received, booking.vat_bps),
        fee=booking.fee,
        campaign=booking.campaign if booking.own else 0,
        energy_wh=booking.energy_wh,
        priced_wh=0 if cost is None else booking.energy_wh,
        energy_cost=cost or 0,
        card=card_cost(booking.paid, rate) if charged else 0,
    )


def total(parts: Iterable[Breakdown]) -> Breakdown:
    """Return the sum."""
    return sum(parts, Breakdown())


def routed(fee: int, all_fees: RoutedFees) -> dict[str, int]:
    """Split a fee as the fees of all were routed so far, by largest remainder: it adds up.

    Fees are pooled before they are routed, so the part of one owner is a proportion.
    """
    weights = {name: max(0, getattr(all_fees, name)) for name in SHARES}
    whole = sum(weights.values())
    if fee <= 0 or not whole:
        return dict.fromkeys(SHARES, 0) | {"unrouted": max(0, fee)}
    found = {name: fee * weight // whole for name, weight in weights.items()}
    by_rest = sorted(SHARES, key=lambda name: (-(fee * weights[name] % whole), name))
    for name in by_rest[: fee - sum(found.values())]:
        found[name] += 1
    return found
