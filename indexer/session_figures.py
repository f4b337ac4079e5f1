"""Sessions as the chain settled them, one by one: plain values, as `figures`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from chargecoin.carbon import emitted_g
from indexer.figures import Connector, Finality, Provenance, Tariff


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions to list; everything None lists all. Days are settlement days, inclusive."""

    owner_id: int | None = None
    site_id: int | None = None
    connector_id: int | None = None
    batch: int | None = None
    status: int | None = None
    reason: int | None = None
    assurance: int | None = None
    campaign_id: int | None = None
    payer: int | None = None
    exceptions: bool = False
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One line of the session list. `day` is the settlement day at the site.

    `discount` is what an owner's own campaign granted beyond its budget. Since then
    `collected` was paid of the debt and `waived` given up, and `refunded` went back.
    """

    session_id: int
    key: int
    connector_id: int
    sequence: int
    station_identity: str
    connector_number: int
    site_id: int
    site_name: str
    time_zone: str
    owner_id: int
    started_at: int
    duration_s: int
    idle_s: int
    energy_wh: int
    grid_gco2e_per_kwh: int
    renewable_pct: int
    gross: int
    paid: int
    campaign_paid: int
    fee: int
    debt: int
    collected: int
    campaign_id: int
    discount: int
    refunded: int
    waived: int
    assurance: int
    status: int
    reason: int
    flags: int
    settled_at: int
    day: date
    finality: Finality

    @property
    def emitted_g(self) -> int | None:
        """Grams of CO2e at the grid factor in the record; None where that is unknown."""
        return emitted_g(self.energy_wh, self.grid_gco2e_per_kwh)

    @property
    def net(self) -> int:
        """What the owner was credited at settlement, net of the fee."""
        return self.paid + self.campaign_paid - self.fee


@dataclass(frozen=True, slots=True)
class Collection:
    """A debt, or a part of it, paid later."""

    amount: int
    fee: int
    account: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class SessionDetail:
    """Everything the chain says of one session.

    `word` and `outcome` are the two words of its event; `recorded_gross` is the
    record's, `row.gross` that after the tariff's bounds.
    """

    row: SessionRow
    word: int
    outcome: int
    payer: int
    campaign_id: int
    hour_of_week: int
    grid_gco2e_per_kwh: int
    renewable_pct: int
    recorded_gross: int
    tariff_index: int
    tariff: Tariff | None
    connector: Connector | None
    batch: int
    epoch: int
    evidence_root: str
    commitment: str
    submitter: str
    provenance: Provenance
    collections: tuple[Collection, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """One settled batch."""

    batch: int
    epoch: int
    sessions: int
    evidence_root: str
    commitment: str
    submitter: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many sessions ended with a reason, and what they were short of (base units)."""

    status: int
    reason: int
    sessions: int
    gross: int
    debt: int
