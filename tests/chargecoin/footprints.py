"""A report of a made-up owner, for tests of carbon accounts; any part of it can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chargecoin.footprint.account import Account, Settled, charged
from chargecoin.footprint.allocation import Certificate, HourPools, Place, Pool
from chargecoin.footprint.document import Anchor, Inputs, Row, Scope
from chargecoin.footprint.tables import Energy, Table, Value, built_in
from chargecoin.record import RENEWABLE_UNKNOWN, SessionRecord

# 2026-11-03 12:00 UTC.
NOON: Final = 1_793_707_200
MONTH: Final = "2026-11"
SITES: Final = (
    Place(1, "Harbour", "GB", "GB", "Europe/London"),
    Place(2, "Hafen", "DE", "DE", "Europe/Berlin"),
)
SCOPE: Final = Scope(
    owner_id=1,
    owner="Tay Valley Charging",
    chain_id=31337,
    settlement="0x" + "5e" * 20,
    since=MONTH,
    until=MONTH,
    site_id=None,
    power_type=None,
    standard=None,
    block=812,
    block_hash="0x" + "b1" * 32,
)


def word(**changes: Any) -> int:
    """Return a record: an hour and a half from noon on, 20 kWh, GB's factor of 2025."""
    said: dict[str, Any] = {
        "payer": 1,
        "started_at": NOON,
        "duration_s": 5_400,
        "idle_s": 0,
        "energy_wh": 20_000,
        "gross": 9_000_000,
        "campaign_id": 0,
        "hour_of_week": 36,
        "grid_gco2e_per_kwh": 177,
        "renewable_pct": RENEWABLE_UNKNOWN,
        "assurance": 3,
    }
    return SessionRecord(**(said | changes)).encode()


def settled(connector_id: int = 1, sequence: int = 1, site_id: int = 1, **changes: Any) -> Settled:
    """Return a session that was settled an hour after it began."""
    record = word(**changes)
    return Settled(
        connector_id,
        sequence,
        Pool(site_id, MONTH),
        changes.get("started_at", NOON) + 7_200,
        "AC" if connector_id % 2 else "DC",
        "IEC_62196_T2",
        Anchor(record, 9, "0x" + "e1" * 32, "0x" + "c0" * 32, "0x" + "7a" * 32, 800),
    )


def certificate(**changes: Any) -> Certificate:
    """Return a guarantee of origin for 10 kWh of November."""
    said: dict[str, Any] = {
        "id": 1,
        "kind": "certificate",
        "reference": "REGO 0001 to 0001",
        "zone": "GB",
        "site_id": None,
        "since": MONTH,
        "until": MONTH,
        "quantity_wh": 10_000,
        "mg_per_kwh": 0,
        "renewable": True,
    }
    return Certificate(**(said | changes))


@dataclass
class Made:
    """Sessions and what was entered; `account` and `rows` make a report of them."""

    sessions: Sequence[Settled] = ()
    tables: Sequence[Table] = ()
    certificates: Sequence[Certificate] = ()
    scope: Scope = SCOPE
    earlier: dict[Pool, int] = field(default_factory=dict)

    def inputs(self) -> Inputs:
        """Return what the report is worked out from; pools are those of all sessions."""
        tables = (built_in(), *self.tables)
        hours = HourPools(Energy(tables, "solar", {one.site_id: one.time_zone for one in SITES}))
        pools = dict(self.earlier)
        for one in self.sessions:
            said = charged(one.pool, one.anchor.word)
            pools[one.pool] = pools.get(one.pool, 0) + said.energy_wh
            hours.add(*said[:5])
        return Inputs(SITES, tables, tuple(self.certificates), pools, hours.sums, 947)

    def account(self) -> Account:
        """Return the report with all sessions of its scope entered."""
        made = Account(self.scope, self.inputs())
        for one in self.held():
            made.enter(one)
        return made

    def held(self) -> list[Settled]:
        """Return the sessions that the scope holds."""
        return [
            one
            for one in self.sessions
            if self.scope.holds(one.pool.site_id, one.power_type, one.standard)
        ]

    def rows(self) -> list[Row]:
        """Return the rows of the report."""
        return list(Account(self.scope, self.inputs()).rows(self.held()))


def full() -> Made:
    """Return a report with something of everything: hours, solar, certificates, losses."""
    sessions = [
        settled(1, 1),
        settled(1, 2, started_at=NOON + 86_400, energy_wh=33_333, idle_s=900),
        settled(2, 1, started_at=NOON + 3_000, energy_wh=41_111, assurance=2),
        settled(4, 1, site_id=2, grid_gco2e_per_kwh=363, energy_wh=7_777, assurance=1),
        settled(4, 2, site_id=2, grid_gco2e_per_kwh=4095, energy_wh=15_001, started_at=NOON + 600),
        settled(5, 1, energy_wh=0),
    ]
    hours = tuple(
        Value("GB", f"2026-11-03T{hour:02}", 100_000 + 7_919 * hour, 40 + hour)
        for hour in range(24)
    )
    sun = tuple(Value("1", f"2026-11-03T{hour:02}", 4_001) for hour in (11, 12, 13, 14))
    return Made(
        sessions,
        tables=(
            Table(1, "location", "half-hourly feed, averaged", hours),
            Table(2, "residual", "residual mix 2025", (Value("GB", "2025", 345_678),)),
            Table(3, "solar", "inverter", sun),
            Table(4, "solar", "roof at the harbour of Hamburg", (Value("2", MONTH, 5_000),)),
            Table(5, "metered", "utility's bill", (Value("1", MONTH, 99_999),)),
        ),
        certificates=(
            certificate(),
            certificate(id=2, zone="DE", quantity_wh=7_001, since="2026-01", until="2026-12"),
            certificate(id=3, kind="ppa", reference="PPA 7", quantity_wh=9_999, mg_per_kwh=11_000),
        ),
        earlier={Pool(2, "2026-10"): 12_345},
    )
