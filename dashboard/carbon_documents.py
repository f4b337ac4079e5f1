"""A carbon report as XLSX, to compute with and to be recomputed, and as PDF, to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from chargecoin.footprint.account import Account, Settled
from chargecoin.footprint.document import COLUMNS, Row, Scope
from chargecoin.footprint.files import SHEETS
from chargecoin.footprint.lines import Sums
from dashboard.carbon_words import TABLE
from dashboard.documents import PDF_ROWS, Column, Kind, Report, Section
from dashboard.formats import Formats, session_key
from dashboard.language import gettext

# Text that is compared letter by letter; all other columns of a session are numbers.
_TEXT: Final = frozenset(
    {
        "session_id",
        "month",
        "power_type",
        "standard",
        "certificates",
        "factor_period",
        "word",
        "evidence_root",
        "commitment",
        "transaction",
    }
)
COMMAND: Final = "chargecoin verify report FILE --rpc URL --deployment BOOK"


class _Kinds:
    """Hands out consecutive rows kind by kind, each read once and in order."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self._next: Row | None = next(self._rows, None)

    def of(self, kinds: tuple[str, ...]) -> Iterator[Row]:
        """Yield rows as long as they are of these kinds."""
        while self._next is not None and self._next.kind in kinds:
            yield self._next
            self._next = next(self._rows, None)


def workbook(title: str, scope: Scope, rows: Iterable[Row]) -> Report:
    """Return a report's rows as sheets, names as in its CSV so that it can be recomputed."""
    kinds = _Kinds(rows)
    said = (Column("name"), Column("value"))
    sessions = [Column(one, Kind.CODE if one in _TEXT else Kind.COUNT) for one in COLUMNS]
    sections = []
    for sheet, kind in SHEETS.items():
        several = (kind, "digest") if kind == "total" else (kind,)
        if kind == "session":
            cells: Iterable[Any] = (row.cells for row in kinds.of(several))
            sections.append(Section(sheet, sessions, cells))
        else:
            cells = ((row.name, row.value) for row in kinds.of(several))
            sections.append(Section(sheet, said, cells))
    return Report(title, scope.owner, sections=sections, evidence=COMMAND)


def booklet(
    title: str,
    account: Account,
    sessions: Iterable[Settled],
    months: str,
    formats: Formats,
) -> Report:
    """Return a report as it is read: the inventory, sites, certificates, sources, sessions.

    It reads all sessions first, for the digest that the files of the same report end with.
    """
    digest, shown, count = "", [], 0
    for row in account.rows(sessions):
        if row.kind == "session":
            count += 1
            if count <= PDF_ROWS + 1:
                shown.append(_session(dict(zip(COLUMNS, row.cells, strict=True))))
        elif row.kind == "digest":
            digest = row.value
    sums = account.sums()
    whole = sum(sums.values(), Sums())
    scope = account.scope
    names = {one.site_id: one.name for one in account.inputs.sites}
    narrowed = [
        *([names.get(scope.site_id, str(scope.site_id))] if scope.site_id is not None else []),
        *(one for one in (scope.power_type, scope.standard) if one is not None),
    ]
    facts = [
        (gettext("Settled in"), months),
        (gettext("Narrowed to"), ", ".join(narrowed) or gettext("nothing; all sessions")),
        (gettext("Sessions"), formats.number(whole.sessions)),
        (gettext("As of block"), f"{scope.block} ({scope.block_hash})"),
        (gettext("Settlement"), f"{scope.settlement}, chain {scope.chain_id}"),
        (gettext("Digest of the files"), digest),
    ]
    return Report(
        title,
        scope.owner,
        facts,
        [
            _inventory(account, whole),
            _mix(whole),
            _frozen(whole),
            _sites(account, sums),
            _certificates(account),
            _sources(account),
            _sessions(shown, whole),
        ],
        notes=[
            gettext(
                "Electricity resold to drivers is in scope 3, category 3, activity d (GHG "
                "Protocol, Corporate Value Chain Standard, table 5.5); charging losses are scope "
                "2. Avoided emissions are in neither and are never netted."
            ),
            gettext(
                "The CSV, JSON and XLSX of this report hold every session with its record on "
                "chain. Whoever has one of them can work all of it out again."
            ),
        ],
        evidence=f"{COMMAND}; {digest[:16]}",
    )


def _inventory(account: Account, whole: Sums) -> Section:
    columns = (
        Column(gettext("Inventory"), width=3),
        Column(gettext("Scope"), width=2),
        Column(gettext("kWh"), Kind.KWH),
        Column(gettext("Location-based, kg CO₂e"), Kind.KG, 1.4),
        Column(gettext("Market-based, kg CO₂e"), Kind.KG, 1.4),
    )
    rows: list[tuple[Any, ...]] = [
        (
            gettext("Electricity resold to drivers"),
            gettext("3, category 3"),
            whole.energy_wh,
            whole.location_g,
            whole.market_g,
        )
    ]
    names = {one.site_id: one.name for one in account.inputs.sites}
    rows += [
        (
            gettext("Charging losses, %(site)s, %(month)s", site=names[site], month=month),
            gettext("2"),
            lost.energy_wh,
            lost.location_g,
            lost.market_g,
        )
        for lost in account.losses()
        for site, month in (lost.pool,)
    ]
    notes = []
    if whole.covered_wh != whole.energy_wh:
        notes.append(gettext("No factor is known for a part of the energy; it is not counted."))
    return Section(gettext("Inventory"), columns, rows, notes=notes)


def _mix(whole: Sums) -> Section:
    columns = (Column(gettext("Energy mix"), width=3), Column(gettext("kWh"), Kind.KWH))
    rows = [
        (gettext("On-site solar"), whole.solar_wh),
        (gettext("Certificates and contracts"), whole.certificate_wh),
        (gettext("Residual mix of the grid"), whole.residual_wh),
    ]
    totals = (gettext("Delivered"), whole.energy_wh)
    return Section(gettext("Energy mix"), columns, rows, totals)


def _frozen(whole: Sums) -> Section:
    columns = (
        Column(gettext("Figure"), width=3),
        Column(gettext("Emitted, kg CO₂e"), Kind.KG),
        Column(gettext("Avoided, kg CO₂e"), Kind.KG),
    )
    rows = [
        (gettext("Frozen on chain"), whole.frozen_g, whole.frozen_avoided_g),
        (gettext("Restated, location-based"), whole.location_g, whole.avoided_g),
        (
            gettext("Difference"),
            whole.difference_g,
            whole.avoided_g - whole.frozen_avoided_g,
        ),
    ]
    return Section(gettext("Frozen on chain, and restated"), columns, rows)


def _sites(account: Account, sums: dict[Any, Sums]) -> Section:
    names = {one.site_id: one.name for one in account.inputs.sites}
    columns = (
        Column(gettext("Site"), width=2),
        Column(gettext("Month")),
        Column(gettext("kWh"), Kind.KWH),
        Column(gettext("Solar, kWh"), Kind.KWH),
        Column(gettext("Certificates, kWh"), Kind.KWH),
        Column(gettext("Location-based, kg CO₂e"), Kind.KG),
        Column(gettext("Market-based, kg CO₂e"), Kind.KG),
    )
    rows = [
        (
            names[site],
            month,
            one.energy_wh,
            one.solar_wh,
            one.certificate_wh,
            one.location_g,
            one.market_g,
        )
        for (site, month), one in sums.items()
    ]
    whole = sum(sums.values(), Sums())
    totals = (
        gettext("All"),
        None,
        whole.energy_wh,
        whole.solar_wh,
        whole.certificate_wh,
        whole.location_g,
        whole.market_g,
    )
    return Section(gettext("By site and month"), columns, rows, totals)


def _certificates(account: Account) -> Section:
    columns = (
        Column(gettext("No."), Kind.COUNT, 0.5),
        Column(gettext("Reference"), width=3),
        Column(gettext("Months"), width=1.5),
        Column(gettext("Entered, kWh"), Kind.KWH),
        Column(gettext("Used by all sessions, kWh"), Kind.KWH),
    )
    rows = [
        (
            used.certificate.id,
            used.certificate.reference,
            f"{used.certificate.since} – {used.certificate.until}",
            used.certificate.quantity_wh,
            int(used.used),
        )
        for used in account.method.allocation.used
    ]
    return Section(gettext("Certificates and contracts"), columns, rows)


def _sources(account: Account) -> Section:
    columns = (
        Column(gettext("No."), Kind.COUNT, 0.5),
        Column(gettext("What"), width=1.6),
        Column(gettext("Source"), width=3),
        Column("SHA-256", Kind.CODE, 3),
    )
    rows = [(one.id, TABLE[one.kind], one.source, one.sha256) for one in account.inputs.tables]
    return Section(gettext("Sources"), columns, rows)


def _session(cells: dict[str, Any]) -> tuple[Any, ...]:
    return (
        session_key(int(cells["session_id"], 16)),
        cells["started_at"],
        cells["energy_wh"],
        cells["solar_wh"],
        cells["certificate_wh"],
        cells["factor_mg_per_kwh"] and cells["factor_mg_per_kwh"] // 1000,
        cells["location_g"],
        cells["market_g"],
        cells["frozen_g"],
        cells["batch"],
    )


def _sessions(rows: list[tuple[Any, ...]], whole: Sums) -> Section:
    columns = (
        Column(gettext("Session")),
        Column(gettext("Started, UTC"), Kind.MOMENT, 1.7),
        Column(gettext("kWh"), Kind.KWH),
        Column(gettext("Solar, kWh"), Kind.KWH),
        Column(gettext("Certificates, kWh"), Kind.KWH, 1.3),
        Column(gettext("Factor, g/kWh"), Kind.COUNT),
        Column(gettext("Location-based, kg CO₂e"), Kind.KG, 1.3),
        Column(gettext("Market-based, kg CO₂e"), Kind.KG, 1.3),
        Column(gettext("On chain, kg CO₂e"), Kind.KG, 1.3),
        Column(gettext("Batch"), Kind.COUNT),
    )
    totals = (
        gettext("All"),
        None,
        whole.energy_wh,
        whole.solar_wh,
        whole.certificate_wh,
        None,
        whole.location_g,
        whole.market_g,
        whole.frozen_g,
        None,
    )
    return Section(gettext("Sessions"), columns, rows, totals)
