"""What the read model hands out: plain values, each saying its unit and what it rests on.

Money is in base units of the payment token, energy in Wh, carbon in grams CO2e,
time in UTC seconds. A *settlement* figure goes by the day on which the chain
settled a session, in the site's calendar, and is exact. A *performance* figure
goes by the hours during which a session ran and is approximate where a session
covers more than one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from operator import add, attrgetter
from typing import Final, Generic, Literal, NamedTuple, TypeVar

T = TypeVar("T")
Finality = Literal["seen", "safe", "final"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where on the chain a row stands. `log_index` is the log's within its block."""

    block_number: int
    block_hash: str
    block_timestamp: int
    log_index: int
    transaction: str
    finality: Finality


@dataclass(frozen=True, slots=True)
class Owner:
    """A station owner as registered. `account` receives the accrual."""

    owner_id: int
    account: str
    name: str


@dataclass(frozen=True, slots=True)
class Site:
    """A place with chargers. `time_zone_known` is false where the registered zone does not exist.

    Such a site is counted in UTC.
    """

    site_id: int
    owner_id: int
    name: str
    time_zone: str
    time_zone_known: bool
    country: str
    grid_zone: str
    stations: int
    connectors: int


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector and where it is. `standard` and `power_type` are docs/protocol.md's indices."""

    connector_id: int
    connector_number: int
    standard: int
    power_type: int
    max_power_w: int
    evse: int
    evse_number: int
    evse_id: str
    station_id: int
    station_identity: str
    vendor: str
    model: str
    site_id: int
    site_name: str
    time_zone: str
    owner_id: int


@dataclass(frozen=True, slots=True)
class Tariff:
    """One published tariff: the registry's slot, VAT in basis points, where it was published."""

    connector_id: int
    tariff_index: int
    slot: int
    vat_bps: int
    terms_hash: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class MeterKey:
    """A meter's public key (DER) and who vouches: 1 owner, 2 manufacturer, 3 authority."""

    connector_id: int
    fingerprint: str
    curve: int
    public_key: str
    voucher_kind: int
    voucher: str
    valid_from: int
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Exact sums by settlement.

    `sessions` counts settled and unfunded ones; rejected ones moved nothing and are
    in no other sum. `gross` is what was due; of it `paid` came from vaults at
    settlement, `campaign` from budgets, `debt` is recorded and `collected` (later, in
    this span) is of such debts; `elsewhere` is the gross of sessions without a payer.
    `discount` is what the owner's own campaigns granted beyond their budgets. Of earlier
    revenue `refunded` went back (in this span), `refunded_fee` of it as protocol fee, and
    `waived` is debt given up.
    `reported`, `observed` and `signed` count sessions by assurance 1, 2 and 3.
    """

    sessions: int = 0
    unfunded: int = 0
    rejected: int = 0
    clamped: int = 0
    reported: int = 0
    observed: int = 0
    signed: int = 0
    energy_wh: int = 0
    signed_wh: int = 0
    gross: int = 0
    paid: int = 0
    campaign: int = 0
    fee: int = 0
    debt: int = 0
    elsewhere: int = 0
    collected: int = 0
    collected_fee: int = 0
    emitted_g: int = 0
    avoided_g: int = 0
    carbon_wh: int = 0
    discount: int = 0
    refunded: int = 0
    refunded_fee: int = 0
    waived: int = 0

    @property
    def revenue(self) -> int:
        """What the owner was credited before the fee, less what went back to payers and budgets."""
        return self.paid + self.campaign + self.collected - self.refunded

    @property
    def fees(self) -> int:
        """The protocol fee of that revenue."""
        return self.fee + self.collected_fee - self.refunded_fee

    @property
    def net(self) -> int:
        """Revenue net of fees: what the accrual rose by."""
        return self.revenue - self.fees

    @property
    def co2(self) -> Carbon:
        """The carbon of these sessions."""
        return Carbon(self.energy_wh, self.carbon_wh, self.emitted_g, self.avoided_g)

    @classmethod
    def of(cls, parts: Iterable[Totals]) -> Totals:
        """Add up spans or places, however many."""
        return cls(*map(sum, zip(*map(_values_of, parts), strict=True)))

    def __add__(self, other: Totals) -> Totals:
        """Add up two spans or places."""
        return Totals(*map(add, _values_of(self), _values_of(other)))


_values_of: Final = attrgetter(*(field.name for field in fields(Totals)))


@dataclass(frozen=True, slots=True)
class Period:
    """Totals of a span of settlement days, beside the same elapsed part of the span before.

    `since` and `until` (inclusive) are calendar dates at the site; where sites lie in
    several zones, the earliest and the latest of them.
    """

    label: Literal["today", "week", "month"]
    since: date
    until: date
    totals: Totals
    previous: Totals


@dataclass(frozen=True, slots=True)
class ConnectorTotals:
    """One connector's totals."""

    connector: Connector
    totals: Totals


@dataclass(frozen=True, slots=True)
class DayTotals:
    """One settlement day's totals."""

    day: date
    totals: Totals


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page: money and energy by settlement day, in each site's own calendar.

    `days` are the last 35, empty ones too. `receivable` is recorded debt not yet
    collected, `accrued` what the owner may withdraw now; both of all time.
    """

    today: Period
    week: Period
    month: Period
    days: tuple[DayTotals, ...]
    sites: tuple[Site, ...]
    receivable: int
    accrued: int


@dataclass(frozen=True, slots=True)
class Carbon:
    """Carbon of the sessions settled in a span.

    `emitted_g` and `avoided_g` cover `covered_wh` of `energy_wh`: the rest has no
    known grid factor. Method: docs/method-co2.md.
    """

    energy_wh: int
    covered_wh: int
    emitted_g: int
    avoided_g: int


class HourTotals(NamedTuple):
    """One local hour of performance, keyed by its UTC start; approximate (see `schema`)."""

    hour: int
    sessions: int
    energy_wh: int
    gross: int
    net: int
    fee: int
    campaign: int
    avoided_g: int
    occupied_s: int
    charging_s: int
    idle_s: int


class HourUse(NamedTuple):
    """What is asked of many local hours: energy, and seconds that a connector was occupied."""

    hour: int
    energy_wh: int
    occupied_s: int


@dataclass(frozen=True, slots=True)
class Payout:
    """What left an owner's accrual for it: withdrawn by itself, or paid out on schedule.

    `reference` is the destination's payment reference, zeros where there is none.
    """

    amount: int
    recipient: str
    kind: Literal["withdrawn", "paid_out"]
    reference: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class OwnerMonth:
    """An owner with this month so far, `since` to `until`, by settlement day.

    Each site goes by its own calendar. Rejected sessions are not counted.
    """

    owner: Owner
    sites: int
    connectors: int
    since: date
    until: date
    sessions: int
    energy_wh: int


@dataclass(frozen=True, slots=True)
class Status:
    """How far the tables are.

    `state` is `backfill`, `live`, `behind` (the node lags) or `mending` (a reorg deeper
    than finality is being undone). Only `live` and `behind` are `ready`; on anything
    else pages say so.
    """

    chain_id: int
    number: int
    hash: str
    timestamp: int
    head_number: int
    safe_number: int
    final_number: int
    state: Literal["backfill", "live", "behind", "mending"]
    detail: str
    reorgs: int
    deepest_reorg: int
    change: int

    @property
    def ready(self) -> bool:
        """Whether the tables may be shown as current."""
        return self.state in {"live", "behind"}

    @property
    def lag(self) -> int:
        """Blocks between the node's head and the tables."""
        return max(0, self.head_number - self.number)

    def finality(self, block_number: int) -> Finality:
        """Return how settled a block is by the node's own tags."""
        if block_number <= self.final_number:
            return "final"
        return "safe" if block_number <= self.safe_number else "seen"


@dataclass(frozen=True, slots=True)
class Change:
    """Something pages may want to show again. `owner_id` 0 concerns all.

    `kind`: `settled`, `registry`, `money`, `block` (nothing but the head moved), `reorg`,
    `state` or `feed`.
    """

    change: int
    kind: str
    owner_id: int
    block_number: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `after` continues it, None at its end."""

    items: tuple[T, ...]
    after: int | None
