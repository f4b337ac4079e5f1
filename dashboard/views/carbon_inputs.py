"""What an owner enters for carbon reports: factors, energy by site, certificates; private."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from chargecoin.errors import ReportError
from chargecoin.footprint.allocation import Certificate
from chargecoin.footprint.tables import (
    KINDS,
    MAX_ENERGY,
    MAX_FACTOR,
    Value,
    canonical,
    columns,
    is_factors,
    month_of,
    read_csv,
    read_value,
    thousandths,
)
from dashboard import carbon_words
from dashboard.access.visitor import Fields, ForFinance, ForViewer, Member
from dashboard.carbon import place_of
from dashboard.errors import BadAddressError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.private.carbon import CertificateEntry, NewTable, TableEntry
from dashboard.query import day_of, number_of
from dashboard.query import month_of as read_month
from dashboard.render import Render
from dashboard.services import Has, Services
from indexer.read_model import Owner, Site

router = APIRouter()

PATH: Final = "/owners/{owner_id}/carbon"
INSTRUMENTS: Final = ("certificate", "ppa")
LONGEST: Final = 400
SHOWN: Final = 1_000


@dataclass(frozen=True, slots=True)
class InputsPage:
    """What was entered, newest first, withdrawn ones too; `finance` may enter more."""

    owner: Owner
    sites: tuple[Site, ...]
    tables: tuple[TableEntry, ...]
    certificates: tuple[CertificateEntry, ...]
    finance: bool


@dataclass(frozen=True, slots=True)
class TablePage:
    """One table, with its first values."""

    owner: Owner
    kind: str
    source: str
    sha256: str
    count: int
    values: tuple[Value, ...]


@router.get(PATH + "/inputs")
def inputs(has: Has, render: Render, member: ForViewer) -> Response:
    """Show what was entered, by whom and when."""
    owner = member.owner
    page = InputsPage(
        owner=owner,
        sites=tuple(has.model.sites(owner.owner_id)),
        tables=has.carbon.listed(owner.owner_id),
        certificates=has.carbon.certificates(owner.owner_id),
        finance=member.role >= 2,
    )
    table = Table(
        (
            "table",
            "kind",
            "source",
            "licence",
            "published",
            "sha256",
            "values",
            "entered_by",
            "entered_at",
            "withdrawn_by",
            "withdrawn_at",
        ),
        [
            (
                one.id,
                one.kind,
                one.source,
                one.licence,
                one.published,
                one.sha256,
                one.values,
                one.entered.entered_by,
                one.entered.entered_at,
                one.entered.withdrawn_by,
                one.entered.withdrawn_at,
            )
            for one in page.tables
        ],
    )
    context = {
        "owner_id": owner.owner_id,
        "terms": carbon_words,
        "kinds": {kind: ",".join(columns(kind)) for kind in KINDS},
        "zones": sorted({one.grid_zone for one in page.sites}),
        "names": {one.site_id: one.name for one in page.sites},
    }
    title = gettext("Factors and certificates of %(owner)s", owner=owner.name)
    return render(Page("carbon_inputs.html", title, page, table, context=context))


@router.get(PATH + "/tables/{number}")
def table(has: Has, render: Render, member: ForViewer, number: int) -> Response:
    """Show one table; its CSV is in the form that is hashed."""
    owner = member.owner
    found = has.carbon.table(owner.owner_id, number)
    page = TablePage(
        owner, found.kind, found.source, found.sha256, len(found.values), found.values[:SHOWN]
    )
    names = columns(found.kind)
    rows = [line.split(",") for line in canonical(found.kind, found.values).splitlines()[1:]]
    return render(
        Page(
            "carbon_table.html",
            gettext("Table %(number)s", number=number),
            page,
            Table(names, rows),
            context={
                "owner_id": owner.owner_id,
                "terms": carbon_words,
                "columns": names,
                "rows": rows[:SHOWN],
                "factors": is_factors(found.kind),
            },
        )
    )


def _text(fields: dict[str, str], name: str, *, needed: bool) -> str:
    found = fields.get(name, "")
    if len(found) > LONGEST or (needed and not found):
        raise BadAddressError(
            gettext("%(name)s is text of 1 to %(most)s letters", name=name, most=LONGEST)
        )
    return found


def _kinds(known: Iterable[str], kind: str) -> str:
    return gettext(
        "kind is one of %(kinds)s, not %(kind)s", kinds=", ".join(known), kind=repr(kind)
    )


def table_of(fields: dict[str, str], places: frozenset[str]) -> NewTable:
    """Read a table, of a form or as CSV. Raises `BadAddressError`."""
    kind = fields.get("kind", "")
    if kind not in KINDS:
        raise BadAddressError(_kinds(KINDS, kind))
    published = day_of(fields, "published")
    given = fields.get("csv", "")
    try:
        values = read_csv(kind, given) if given else (read_value(kind, fields),)
    except ReportError as error:
        raise BadAddressError(str(error)) from None
    if not is_factors(kind):
        strangers = sorted({one.place for one in values} - places)
        if strangers:
            raise BadAddressError(
                gettext(
                    "site is the number of one of the owner's sites, not %(site)s",
                    site=repr(strangers[0]),
                )
            )
    return NewTable(
        kind,
        _text(fields, "source", needed=True),
        _text(fields, "licence", needed=False),
        published.isoformat() if published else "",
        values,
    )


def certificate_of(fields: dict[str, str], sites: dict[int, Site]) -> Certificate:
    """Read a certificate or contract; its id comes later. Raises `BadAddressError`."""
    kind = fields.get("kind", "")
    if kind not in INSTRUMENTS:
        raise BadAddressError(_kinds(INSTRUMENTS, kind))
    site_id = number_of(fields, "site", (1 << 32) - 1)
    if site_id is not None and site_id not in sites:
        raise BadAddressError(gettext("site is the number of one of the owner's sites, or empty"))
    zones = {place_of(one).grid_zone for one in sites.values()}
    zone = sites[site_id].grid_zone if site_id is not None else fields.get("zone", "")
    if zone not in zones:
        raise BadAddressError(
            gettext(
                "zone is one of %(zones)s, not %(zone)s",
                zones=", ".join(sorted(zones)),
                zone=repr(zone),
            )
        )
    since, until = read_month(fields, "since"), read_month(fields, "until")
    if since > until:
        raise BadAddressError(gettext("the months go from since to until"))
    try:
        quantity = thousandths(fields.get("kwh", "").replace(",", "."), "kwh", MAX_ENERGY)
        emits = thousandths(
            fields.get("gco2e_per_kwh", "").replace(",", ".") or "0", "gco2e_per_kwh", MAX_FACTOR
        )
    except ReportError as error:
        raise BadAddressError(str(error)) from None
    if not quantity:
        raise BadAddressError(gettext("kwh is what the certificate is for, more than 0"))
    return Certificate(
        id=0,
        kind=kind,
        reference=_text(fields, "reference", needed=True),
        zone=zone,
        site_id=site_id,
        since=month_of(since),
        until=month_of(until),
        quantity_wh=quantity,
        mg_per_kwh=emits,
        renewable=fields.get("renewable") == "yes",
    )


def _sites(has: Services, member: Member) -> dict[int, Site]:
    return {one.site_id: one for one in has.model.sites(member.owner.owner_id)}


def _back(owner: Owner) -> Response:
    return RedirectResponse(f"/owners/{owner.owner_id}/carbon/inputs", 303)


@router.post(PATH + "/tables")
def enter_table(has: Has, member: ForFinance, fields: Fields) -> Response:
    """Enter a table of one value, or of many as CSV: all of them or, where one is wrong, none."""
    places = frozenset(map(str, _sites(has, member)))
    new = table_of(fields, places)
    has.carbon.enter_table(member.owner.owner_id, new, member.address, has.wall_now())
    return _back(member.owner)


@router.post(PATH + "/tables/withdraw")
def withdraw_table(has: Has, member: ForFinance, fields: Fields) -> Response:
    """Let a table no longer count."""
    number = number_of(fields, "number", 1 << 53) or 0
    has.carbon.withdraw_table(member.owner.owner_id, number, member.address, has.wall_now())
    return _back(member.owner)


@router.post(PATH + "/certificates")
def enter_certificate(has: Has, member: ForFinance, fields: Fields) -> Response:
    """Enter a certificate or contract."""
    new = certificate_of(fields, _sites(has, member))
    has.carbon.enter_certificate(member.owner.owner_id, new, member.address, has.wall_now())
    return _back(member.owner)


@router.post(PATH + "/certificates/withdraw")
def withdraw_certificate(has: Has, member: ForFinance, fields: Fields) -> Response:
    """Let a certificate no longer count."""
    number = number_of(fields, "number", 1 << 53) or 0
    has.carbon.withdraw_certificate(member.owner.owner_id, number, member.address, has.wall_now())
    return _back(member.owner)
