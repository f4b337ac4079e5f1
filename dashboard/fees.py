"""Where every cent of a session goes: VAT, energy, protocol fee, campaign, margin. Pure.

`margin = received - VAT - energy cost - fee - the owner's own campaign`, for each booking in
whole base units; sites and months are sums of these, so that everything adds up exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from typing import Final

from chargecoin.tariff import OPEN_END, vat_part
from dashboard.formats import zone_of
from dashboard.private.settings import CardRate, PurchasePrice
from indexer.read_model import Booking, RoutedFees

HOUR_S: Final = 3600
# An example, for whoever has entered none of their own.
CARD: Final = CardRate(bps=150, fixed=250_000)
SHARES: Final = ("oracles", "stakers", "drivers", "stations", "treasury", "unrouted")


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


_AMOUNTS: Final = attrgetter(*Breakdown.__dataclass_fields__)


def vat_of(amount: int, vat_bps: int | None) -> int:
    """Return the VAT within an amount, of a refund negative; 0 where no rate is known."""
    part = vat_part(abs(amount), vat_bps or 0)
    return part if amount >= 0 else -part


def card_cost(amount: int, rate: CardRate) -> int:
    """Return what a card processor would take of a payment, rounded half up (base units)."""
    return (2 * amount * rate.bps + 10_000) // 20_000 + rate.fixed


class SitePrices:
    """A site's price of a kWh by moment; of rows that cover an hour the last one counts."""

    def __init__(self, prices: Sequence[PurchasePrice], zone: str) -> None:
        """Hold the site's rows, by day and then as entered."""
        self._prices = prices
        self._local = zone_of(zone)
        # Where no price is of some hours only, a day has one price and need not be cut up.
        self._by_hour = any((one.hour_from, one.hour_to) != (0, 24) for one in prices)
        self._known: dict[tuple[date, int], int | None] = {}
        self._midnights: dict[date, int] = {}

    def at(self, moment: int) -> tuple[int | None, int]:
        """Return the price at a moment, None where none is entered, and until when it holds."""
        if not self._prices:
            return None, OPEN_END
        clock = datetime.fromtimestamp(moment, self._local)
        day, hour = clock.date(), clock.hour if self._by_hour else 0
        key = (day, hour)
        if key not in self._known:
            self._known[key] = next(
                (
                    one.per_kwh
                    for one in reversed(self._prices)
                    if one.since <= day and one.hour_from <= hour < one.hour_to
                ),
                None,
            )
        if self._by_hour:
            return self._known[key], moment + HOUR_S - clock.minute * 60 - clock.second
        if day not in self._midnights:
            midnight = datetime.combine(day + timedelta(days=1), time(), self._local)
            self._midnights[day] = int(midnight.timestamp())
        return self._known[key], self._midnights[day]


def energy_cost(booking: Booking, prices: SitePrices) -> int | None:
    """Return what a session's energy cost, rounded half up once; None where a price is missing.

    Energy is spread evenly over the seconds of charging, which come before those of idling:
    the same assumption as in the tables of hours.
    """
    seconds = max(1, booking.duration_s - min(booking.idle_s, booking.duration_s))
    start, end = booking.started_at, booking.started_at + seconds
    exact, taken, at = 0, 0, start
    while at < end:
        per_kwh, until = prices.at(at)
        until = min(end, until)
        share = booking.energy_wh * (until - start) // seconds
        if per_kwh is None and share > taken:
            return None
        exact += (share - taken) * (per_kwh or 0)
        taken, at = share, until
    return (2 * exact + 1000) // 2000


def breakdown(booking: Booking, prices: SitePrices, rate: CardRate) -> Breakdown:
    """Return where one booking went."""
    settled = booking.kind == "settled"
    cost = energy_cost(booking, prices) if settled else 0
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
    columns = zip(*map(_AMOUNTS, parts), strict=True)
    return Breakdown(*map(sum, columns))


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
