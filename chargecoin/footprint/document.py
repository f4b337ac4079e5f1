"""A carbon report as rows: the same rows as CSV, JSON and XLSX, and one digest of them all.

A report holds all it is worked out from, so that whoever has the file can work it out
again: what it is of (`report` rows), what was entered (`input` rows), a row a session with
its evidence, and the sums (`total` rows). The last row is the digest: SHA-256 over all rows
before it. Rows come one at a time, in constant memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NamedTuple

from chargecoin import record
from chargecoin.footprint.allocation import Allocation, Certificate, Place, Pool
from chargecoin.footprint.lines import POWER, STANDARDS, Line, Losses, Sums
from chargecoin.footprint.tables import Table, Value, is_factors

FORMAT: Final = "chargecoin carbon report 1"
COLUMNS: Final = (
    "session_id",
    "connector_id",
    "sequence",
    "site_id",
    "settled_at",
    "month",
    "started_at",
    "duration_s",
    "idle_s",
    "energy_wh",
    "power_type",
    "standard",
    "assurance",
    "solar_wh",
    "certificate_wh",
    "certificates",
    "residual_wh",
    "renewable_wh",
    "location_g",
    "market_g",
    "avoided_g",
    "factor_mg_per_kwh",
    "factor_period",
    "factor_table",
    "frozen_gco2e_per_kwh",
    "frozen_renewable_pct",
    "frozen_g",
    "frozen_avoided_g",
    "difference_g",
    "word",
    "batch",
    "evidence_root",
    "commitment",
    "transaction",
    "block",
)
"""Of a session: times in UTC seconds, energy in Wh, emissions in g CO2e, empty where unknown."""

DIGEST: Final = "sha256"
LEADING: Final = ("row", "name", "value")
COMPUTED: Final = COLUMNS[13:24] + COLUMNS[26:29]
"""What follows from the other columns and the inputs."""


class Row(NamedTuple):
    """One row: `report`, `input`, `session`, `total` or `digest`. Of a session, its `cells`."""

    kind: str
    name: str
    value: str
    cells: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report is of: whose sessions, settled in which months, narrowed to what.

    Months are of each site's calendar. `block` is the last block read, by number and hash;
    `power_type` is AC or DC, `standard` a name of OCPI, both None for all.
    """

    owner_id: int
    owner: str
    chain_id: int
    settlement: str
    since: str
    until: str
    site_id: int | None
    power_type: str | None
    standard: str | None
    block: int
    block_hash: str

    @property
    def narrowed(self) -> bool:
        """Whether it leaves sessions of its months out."""
        return any(one is not None for one in (self.site_id, self.power_type, self.standard))

    def holds(self, site_id: int, power_type: str, standard: str) -> bool:
        """Whether it holds the sessions of a connector."""
        return (
            self.site_id in {None, site_id}
            and self.power_type in {None, power_type}
            and self.standard in {None, standard}
        )


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a report is worked out from, beside its sessions."""

    sites: tuple[Place, ...]
    tables: tuple[Table, ...]
    certificates: tuple[Certificate, ...]
    pools: Mapping[Pool, int]
    hours: Mapping[Pool, Mapping[str, int]]
    baseline_g_per_kwh: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """A session's evidence: its record word, its batch, and the transaction that settled it."""

    word: int
    batch: int
    evidence_root: str
    commitment: str
    transaction: str
    block: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A session in a report: which one, where, its line, its record and its evidence."""

    connector_id: int
    sequence: int
    pool: Pool
    settled_at: int
    power_type: str
    standard: str
    line: Line
    said: record.SessionRecord
    anchor: Anchor

    def cells(self) -> tuple[Any, ...]:
        """Return the columns of `COLUMNS`."""
        line, said, anchor = self.line, self.said, self.anchor
        factor = line.factor
        grid, share = said.grid_gco2e_per_kwh, said.renewable_pct
        return (
            hex(record.session_id(self.connector_id, self.sequence)),
            self.connector_id,
            self.sequence,
            self.pool.site_id,
            self.settled_at,
            self.pool.month,
            said.started_at,
            said.duration_s,
            said.idle_s,
            said.energy_wh,
            self.power_type,
            self.standard,
            said.assurance,
            line.solar_wh,
            line.certificate_wh,
            ";".join(f"{one}:{amount}" for one, amount in line.certificates),
            line.residual_wh,
            line.renewable_wh,
            line.location_g,
            line.market_g,
            line.avoided_g,
            None if factor is None else factor.value,
            None if factor is None else factor.period,
            None if factor is None else factor.table,
            None if grid == record.GRID_UNKNOWN else grid,
            None if share == record.RENEWABLE_UNKNOWN else share,
            line.frozen_g,
            line.frozen_avoided_g,
            line.difference_g,
            f"0x{anchor.word:064x}",
            anchor.batch,
            anchor.evidence_root,
            anchor.commitment,
            anchor.transaction,
            anchor.block,
        )


def power_name(power_type: int) -> str:
    """Return AC or DC; empty for a power type that is not known."""
    return POWER.get(power_type, "")


def standard_name(standard: int) -> str:
    """Return a connector's standard as OCPI names it."""
    return STANDARDS[standard - 1] if 0 < standard <= len(STANDARDS) else ""


def text(cell: Any) -> str:
    """Return a cell as it is hashed and compared."""
    return "" if cell is None else str(cell)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _inputs(inputs: Inputs) -> Iterator[Row]:
    def row(name: str, *values: Any) -> Row:
        return Row("input", name, _json(values))

    yield row("baseline", inputs.baseline_g_per_kwh)
    for site in inputs.sites:
        yield row("site", *asdict(site).values())
    for table in inputs.tables:
        yield row("table", table.id, table.kind, table.source, table.sha256)
        for value in table.values:
            # Energy has no renewable part.
            yield row("value", table.id, *(value if is_factors(table.kind) else value[:3]))
    for one in inputs.certificates:
        yield row("certificate", *asdict(one).values())
    for pool, energy in sorted(inputs.pools.items()):
        yield row("pool", *pool, energy)
        for hour, part in sorted(inputs.hours.get(pool, {}).items()):
            yield row("hour", *pool, hour, part)


def totals(
    sums: Mapping[Pool, Sums], lost: Iterable[Losses], allocation: Allocation
) -> Iterator[Row]:
    """Yield the sums of a report: all, by site and month, losses, and what certificates gave."""
    whole = sum(sums.values(), Sums())
    for field in fields(Sums):
        yield Row("total", field.name, str(getattr(whole, field.name)))
    yield Row("total", "difference_g", str(whole.difference_g))
    for pool, one in sorted(sums.items()):
        values = _json([*pool, *asdict(one).values()])
        yield Row("total", "site_month", values)
    for loss in lost:
        values = _json([*loss.pool, loss.energy_wh, loss.location_g, loss.market_g])
        yield Row("total", "losses", values)
    for used in allocation.used:
        # Of all the owner's sessions, not only of this report's.
        values = _json([used.certificate.id, int(used.pooled), int(used.used)])
        yield Row("total", "certificate_used", values)


class Digest:
    """The running hash over a report's rows, whatever form they are written in."""

    def __init__(self) -> None:
        """Begin."""
        self._hash = hashlib.sha256()

    def add(self, row: Row) -> None:
        """Take a row in."""
        self._hash.update(_json([row.kind, row.name, row.value, *map(text, row.cells)]).encode())
        self._hash.update(b"\n")

    def row(self) -> Row:
        """Return the last row."""
        return Row("digest", DIGEST, self._hash.hexdigest())


def opening(scope: Scope, inputs: Inputs) -> Iterator[Row]:
    """Yield the rows before the sessions."""
    yield Row("report", "format", FORMAT)
    for name, value in asdict(scope).items():
        yield Row("report", name, text(value))
    yield from _inputs(inputs)


def sealed(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows and, after them, their digest."""
    digest = Digest()
    for row in rows:
        digest.add(row)
        yield row
    yield digest.row()


def session_row(entry: Entry) -> Row:
    """Return a session's row."""
    return Row("session", "", "", entry.cells())


class Reader:
    """Takes the rows before the sessions in, and gives back what they say."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.report: dict[str, str] = {}
        self._inputs: dict[str, list[list[Any]]] = {}

    def add(self, row: Row) -> None:
        """Take a `report` or `input` row in. Raises `ValueError` if it cannot be read."""
        if row.kind == "report":
            self.report[row.name] = row.value
        else:
            self._inputs.setdefault(row.name, []).append(json.loads(row.value))

    def scope(self) -> Scope:
        """Return what the report is of. Raises `ValueError` or `KeyError`."""
        said = self.report
        if said.get("format") != FORMAT:
            raise ValueError(f"it is no {FORMAT!r}")
        return Scope(
            owner_id=int(said["owner_id"]),
            owner=said["owner"],
            chain_id=int(said["chain_id"]),
            settlement=said["settlement"],
            since=said["since"],
            until=said["until"],
            site_id=int(said["site_id"]) if said["site_id"] else None,
            power_type=said["power_type"] or None,
            standard=said["standard"] or None,
            block=int(said["block"]),
            block_hash=said["block_hash"],
        )

    def inputs(self) -> Inputs:
        """Return what it is worked out from. Raises `ValueError`, `TypeError` or `KeyError`."""
        held = self._inputs
        values: dict[int, list[Value]] = {}
        kinds = {one[0]: one[1] for one in held.get("table", [])}
        for table, *value in held.get("value", []):
            if len(value) != (4 if is_factors(kinds[table]) else 3):
                raise ValueError(f"a value of table {table} has {len(value)} parts")
            values.setdefault(table, []).append(Value(*value))
        hours: dict[Pool, dict[str, int]] = {}
        for site, month, hour, energy in held.get("hour", []):
            hours.setdefault(Pool(site, month), {})[hour] = energy
        [[baseline]] = held["baseline"]
        return Inputs(
            sites=tuple(Place(*one) for one in held.get("site", [])),
            tables=tuple(
                Table(number, kind, source, tuple(values.get(number, ())))
                for number, kind, source, _ in held.get("table", [])
            ),
            certificates=tuple(Certificate(*one) for one in held.get("certificate", [])),
            pools={Pool(site, month): energy for site, month, energy in held.get("pool", [])},
            hours=hours,
            baseline_g_per_kwh=baseline,
        )

    def stated_hashes(self) -> dict[int, str]:
        """Return the hash that the report states of each table."""
        return {one[0]: one[3] for one in self._inputs.get("table", [])}
