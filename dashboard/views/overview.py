"""An owner's first page: how are we doing today?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from fastapi import APIRouter, Response

from dashboard.attention import RECENT_DAYS, Attention, Concerns, gather
from dashboard.errors import NotFoundError
from dashboard.exceptions import ExceptionQuery
from dashboard.formats import Formats
from dashboard.language import gettext, ngettext
from dashboard.pages import Page, Table
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.under_way import failed_starts, waiting
from dashboard.words import ALWAYS_COUNTED
from indexer.read_model import (
    Carbon,
    ConnectorState,
    ConnectorTotals,
    DayTotals,
    ExceptionFilter,
    ExceptionKind,
    Overview,
    Owner,
    Period,
    SessionFilter,
    Site,
    Totals,
    Utilisation,
)

router = APIRouter()

Span = Literal["today", "week", "month"]


@dataclass(frozen=True, slots=True)
class SiteLine:
    """One site and its connectors over the span chosen, and its energy by hour of the day."""

    site: Site
    totals: Totals
    connectors: tuple[ConnectorTotals, ...]
    hours: tuple[int, ...]
    hours_text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart, with the list it leads to."""

    label: str
    short: str
    value: int
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """The first page. Times are UTC seconds, money base units, energy Wh."""

    owner: Owner
    now: int
    overview: Overview
    span: Span
    span_period: Period
    rows: tuple[SiteLine, ...]
    carbon: Carbon
    utilisation: Utilisation
    attention: tuple[Attention, ...]
    zones: tuple[str, ...]
    connectors: int
    ever: bool

    @property
    def busy(self) -> int:
        """Connectors with a vehicle plugged in."""
        return self.utilisation.counts["in_use"]

    @property
    def uses(self) -> list[str]:
        """The states counted on the page."""
        return [
            use for use, count in self.utilisation.counts.items() if count or use in ALWAYS_COUNTED
        ]

    @property
    def board(self) -> list[tuple[Site, list[ConnectorState]]]:
        """Connectors by site."""
        sites = self.overview.sites
        by_site: dict[int, list[ConnectorState]] = {site.site_id: [] for site in sites}
        for one in self.utilisation.connectors:
            by_site.setdefault(one.connector.site_id, []).append(one)
        return [(site, by_site[site.site_id]) for site in sites]


def busiest(hours: tuple[int, ...], formats: Formats) -> str:
    """Say in words what the strip shows."""
    if not any(hours):
        return gettext("no energy delivered in this span")
    hour = max(range(24), key=lambda one: hours[one])
    return gettext(
        "busiest from %(begin)s to %(end)s h with %(energy)s kWh",
        begin=format(hour, "02d"),
        end=format(hour + 1, "02d"),
        energy=formats.kwh(hours[hour]),
    )


def bars(days: tuple[DayTotals, ...], base: str, formats: Formats) -> list[Bar]:
    """Return net by day as bars."""
    return [
        Bar(
            label=formats.on(one.day, "EEE d MMM"),
            short=formats.on(one.day, "d MMM"),
            value=max(0, one.totals.net),
            text=ngettext(
                "%(net)s net, %(n)s session",
                "%(net)s net, %(n)s sessions",
                one.totals.sessions,
                net=formats.money_short(one.totals.net),
                n=formats.number(one.totals.sessions),
            ),
            href=f"{base}/sessions?since={one.day}&until={one.day}",
        )
        for one in days
    ]


def owner_of(has: Services, owner_id: int) -> Owner:
    """Return an owner. Raises `NotFoundError`."""
    owner = has.model.owner(owner_id)
    if owner is None:
        raise NotFoundError(
            gettext("No station owner %(owner_id)s is registered on this chain.", owner_id=owner_id)
        )
    return owner


def read(has: Services, owner_id: int, span: Span) -> OverviewPage:
    """Read everything that the first page says, from one state of the tables."""
    with has.at_once() as still:
        return _read(still, owner_id, span)


def _read(has: Services, owner_id: int, span: Span) -> OverviewPage:
    now = has.now()
    model = has.model
    owner = owner_of(has, owner_id)
    overview = model.overview(owner_id, now)
    period: Period = getattr(overview, span)
    sites = overview.sites
    utilisation = model.utilisation(owner_id, now)
    connectors = model.connector_totals(owner_id, period.since, period.until)
    places = [one.connector for one in connectors]
    profiles = model.energy_by_hour_of_day(places, period.since, period.until)
    lines = []
    for site in sites:
        own = tuple(one for one in connectors if one.connector.site_id == site.site_id)
        hours = profiles.get(site.site_id, (0,) * 24)
        lines.append(
            SiteLine(
                site=site,
                totals=Totals.of(one.totals for one in own),
                connectors=own,
                hours=hours,
                hours_text=busiest(hours, has.formats),
            )
        )
    until = overview.today.until
    month = [one for one in overview.days if one.day >= overview.month.since]
    return OverviewPage(
        owner=owner,
        now=now,
        overview=overview,
        span=span,
        span_period=period,
        rows=tuple(lines),
        carbon=Totals.of(one.totals for one in month).co2,
        utilisation=utilisation,
        attention=gather(concerns(has, owner_id, now, until, utilisation, sites), has.formats),
        zones=tuple(sorted({site.time_zone for site in sites})) or ("UTC",),
        connectors=utilisation.total,
        ever=overview.month.totals.sessions > 0
        or bool(model.sessions(SessionFilter(owner_id=owner_id), limit=1).items),
    )


def concerns(
    has: Services,
    owner_id: int,
    now: int,
    today: date,
    utilisation: Utilisation,
    sites: tuple[Site, ...],
) -> Concerns:
    """Read what an owner's attention is gathered from."""
    model = has.model
    since, yesterday = today - timedelta(days=RECENT_DAYS), today - timedelta(days=1)
    kinds: tuple[ExceptionKind, ...] = ("campaign", "clamped")
    counted = model.exception_counts(
        [ExceptionFilter(owner_id, kind, since=since) for kind in kinds]
    )
    disputed, _ = model.open_disputes(owner_id)
    disputes = ExceptionFilter(owner_id, "disputed")
    opened = model.session_exceptions(disputes, limit=100).items if disputed else ()
    lately = ExceptionQuery(since=yesterday)
    return Concerns(
        base=f"/owners/{owner_id}",
        now=now,
        since=since,
        yesterday=yesterday,
        exceptions=model.exceptions(owner_id, since),
        remarks={str(kind): count for kind, count in counted},
        open=waiting(has, now, utilisation),
        failed_starts=len(failed_starts(has, now, utilisation, lately)),
        disputes=tuple(one.dispute for one in opened if one.dispute),
        disputed=disputed,
        plan=model.payout_plan(owner_id, now),
        failures=model.payout_failures(owner_id),
        campaigns=model.campaigns(owner_id, running_at=now),
        utilisation=utilisation,
        sites=sites,
    )


_COLUMNS: Final = (
    "site_id",
    "site",
    "connector_id",
    "station",
    "connector",
    "since",
    "until",
    "sessions",
    "energy_wh",
    "gross",
    "paid",
    "campaign",
    "fee",
    "net",
    "signed_sessions",
    "observed_sessions",
    "reported_sessions",
)


def _row(page: OverviewPage, line: SiteLine, one: ConnectorTotals) -> tuple[object, ...]:
    totals = one.totals
    return (
        line.site.site_id,
        line.site.name,
        one.connector.connector_id,
        one.connector.station_identity,
        one.connector.connector_number,
        page.span_period.since,
        page.span_period.until,
        totals.sessions,
        totals.energy_wh,
        totals.gross,
        totals.paid,
        totals.campaign,
        totals.fees,
        totals.net,
        totals.signed,
        totals.observed,
        totals.reported,
    )


@router.get("/owners/{owner_id}")
def overview(has: Has, render: Render, owner_id: int, span: Span = "month") -> Response:
    """Say how an owner is doing: today, this week, this month, and now."""
    page = read(has, owner_id, span)
    rows = [_row(page, line, one) for line in page.rows for one in line.connectors]
    return render(
        Page(
            "overview.html",
            page.owner.name,
            page,
            Table(_COLUMNS, rows),
            live=live_address(owner_id),
            context={
                "owner_id": owner_id,
                "bars": bars(page.overview.days, f"/owners/{owner_id}", has.formats),
            },
        )
    )
