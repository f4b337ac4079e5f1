"""Stations: how each one performs, connector by connector and tariff by tariff."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from fastapi import APIRouter, Request, Response

from dashboard.access.visitor import Asking
from dashboard.availability import ErrorCount, Incident, Uptime, errors, incidents, spells, uptime
from dashboard.errors import NotFoundError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.private.settings import Exclusion
from dashboard.query import month_of
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.spans import last_day, months_after, starts
from dashboard.tariffs import TariffHistory, histories
from dashboard.views.overview import owner_of
from dashboard.views.uptime import this_month
from dashboard.weekhours import WeekHours, week_of
from indexer.read_model import USES, Connector, ConnectorState, FeedWord, Owner, Totals, Use

router = APIRouter()

LATEST: Final = 12


@dataclass(frozen=True, slots=True)
class Dwell:
    """How long vehicles were plugged in (s): the middle one, and the middle half around it."""

    sessions: int
    median: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class StationLine:
    """One station over a month: money by settlement day, use by session time."""

    station_id: int
    identity: str
    site_name: str
    vendor: str
    model: str
    connectors: tuple[Connector, ...]
    totals: Totals
    share: float
    uses: dict[Use, int]


@dataclass(frozen=True, slots=True)
class StationsPage:
    """An owner's stations over a month."""

    owner: Owner
    month: date
    stations: tuple[StationLine, ...]


@dataclass(frozen=True, slots=True)
class ConnectorLine:
    """One connector of a station over a month. `exclusions` count only for members."""

    connector: Connector
    state: ConnectorState
    totals: Totals
    uptime: Uptime
    errors: tuple[ErrorCount, ...]
    incidents: tuple[Incident, ...]


@dataclass(frozen=True, slots=True)
class StationPage:
    """One station over a month, in its site's calendar."""

    owner: Owner
    month: date
    since: int
    until: int
    station: StationLine
    dwell: Dwell | None
    week: WeekHours
    connectors: tuple[ConnectorLine, ...]
    tariffs: tuple[TariffHistory, ...]
    private: bool


def dwell_of(durations: Sequence[int]) -> Dwell | None:
    """Return the quartiles of sorted durations, None of none (nearest rank)."""
    count = len(durations)
    if not count:
        return None

    def rank(quarters: int) -> int:
        return durations[max(0, -(-count * quarters // 4) - 1)]

    return Dwell(count, rank(2), rank(1), rank(3))


def span_of(has: Services, month: date, zone: str) -> tuple[int, int]:
    """Return a month of a zone's calendar up to now, as UTC seconds."""
    since = starts(month, zone)
    return since, max(since, min(has.now(), starts(months_after(month, 1), zone)))


@dataclass(frozen=True, slots=True)
class _Month:
    """What was asked for some connectors of one owner, by connector id; spans by time zone."""

    connectors: Sequence[Connector]
    totals: dict[int, Totals]
    states: dict[int, ConnectorState]
    occupied: dict[int, int]
    spans: dict[str, tuple[int, int]]


def _month_of(has: Services, owner_id: int, month: date, only: int | None = None) -> _Month:
    """Ask for a month of an owner's connectors, or of one station's."""
    connectors = [one for one in has.model.connectors(owner_id) if only in {None, one.station_id}]
    if not connectors:
        return _Month((), {}, {}, {}, {})
    site_id = None if only is None else connectors[0].site_id
    spans = {one.time_zone: span_of(has, month, one.time_zone) for one in connectors}
    occupied: dict[int, int] = {}
    for zone, (since, until) in spans.items():
        ids = [one.connector_id for one in connectors if one.time_zone == zone]
        occupied |= has.model.occupied(ids, since, until)
    totals = has.model.connector_totals(owner_id, month, last_day(month), site_id)
    states = has.model.utilisation(owner_id, has.now(), site_id).connectors
    return _Month(
        connectors=connectors,
        totals={one.connector.connector_id: one.totals for one in totals},
        states={one.connector.connector_id: one for one in states},
        occupied=occupied,
        spans=spans,
    )


def _lines(of: _Month) -> tuple[StationLine, ...]:
    members: dict[int, list[Connector]] = defaultdict(list)
    for one in of.connectors:
        members[one.station_id].append(one)
    return tuple(_line(found, of) for found in members.values())


def _line(connectors: Sequence[Connector], of: _Month) -> StationLine:
    first = connectors[0]
    ids = [one.connector_id for one in connectors]
    uses = Counter(of.states[key].use for key in ids)
    since, until = of.spans[first.time_zone]
    whole = (until - since) * len(ids)
    return StationLine(
        station_id=first.station_id,
        identity=first.station_identity,
        site_name=first.site_name,
        vendor=first.vendor,
        model=first.model,
        connectors=tuple(connectors),
        totals=sum((of.totals[key] for key in ids), Totals()),
        share=sum(of.occupied.get(key, 0) for key in ids) / whole if whole else 0.0,
        uses={use: uses[use] for use in USES if uses[use]},
    )


def month_asked(has: Services, request: Request, owner_id: int) -> date:
    """Return the month in the address, else this one. Raises `BadAddressError`."""
    asked = request.query_params
    return month_of(asked, "month") if asked.get("month") else this_month(has, owner_id)


def months_around(has: Services, owner_id: int, month: date) -> dict[str, date]:
    """Return the months before and after, the one that it is, and the last day of `month`."""
    return {
        "previous": months_after(month, -1),
        "following": months_after(month, 1),
        "last": last_day(month),
        "current": this_month(has, owner_id),
    }


@router.get("/owners/{owner_id}/stations")
def stations(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """List an owner's stations with what they earned and how much they were used."""
    owner = owner_of(has, owner_id)
    month = month_asked(has, request, owner_id)
    page = StationsPage(owner, month, _lines(_month_of(has, owner_id, month)))
    columns = (
        "station_id",
        "station",
        "site",
        "connectors",
        "sessions",
        "energy_wh",
        "gross",
        "net",
        "share_in_use",
    )
    rows = [
        (
            one.station_id,
            one.identity,
            one.site_name,
            len(one.connectors),
            one.totals.sessions,
            one.totals.energy_wh,
            one.totals.gross,
            one.totals.net,
            round(one.share, 6),
        )
        for one in page.stations
    ]
    return render(
        Page(
            "stations.html",
            gettext("Stations of %(owner)s", owner=owner.name),
            page,
            Table(columns, rows),
            live=live_address(owner_id),
            context={"owner_id": owner_id, **months_around(has, owner_id, month)},
        )
    )


def _connectors(
    has: Services, of: _Month, exclusions: Sequence[Exclusion], since: int, until: int
) -> tuple[ConnectorLine, ...]:
    words: dict[int, list[FeedWord]] = defaultdict(list)
    for word in has.model.feed_words([one.connector_id for one in of.connectors], since, until):
        words[word.connector_id].append(word)
    silences = has.model.silences(since, until)
    return tuple(
        ConnectorLine(
            connector=one,
            state=of.states[key],
            totals=of.totals[key],
            uptime=uptime(
                words[key],
                silences,
                [each for each in exclusions if each.connector_id == key],
                since,
                until,
            ),
            errors=errors(spells(words[key], silences, since, until)),
            incidents=incidents(words[key], since)[:LATEST],
        )
        for one in of.connectors
        for key in (one.connector_id,)
    )


@router.get("/owners/{owner_id}/stations/{station_id}")
def station(
    has: Has, render: Render, visitor: Asking, request: Request, owner_id: int, station_id: int
) -> Response:
    """Show one station: what it earned, when it is used, its connectors, its tariffs."""
    owner = owner_of(has, owner_id)
    month = month_asked(has, request, owner_id)
    of = _month_of(has, owner_id, month, station_id)
    if not of.connectors:
        raise NotFoundError(
            gettext(
                "%(owner)s has no station %(station_id)s.", owner=owner.name, station_id=station_id
            )
        )
    (line,) = _lines(of)
    ((zone, (since, until)),) = of.spans.items()
    ids = [one.connector_id for one in line.connectors]
    private = visitor.sees(owner)
    page = StationPage(
        owner=owner,
        month=month,
        since=since,
        until=until,
        station=line,
        dwell=dwell_of(has.model.durations(ids, since, until)),
        week=week_of(has.model.hours_of(ids, since, until), len(ids), since, until, zone),
        connectors=_connectors(
            has, of, has.settings.exclusions(owner_id) if private else (), since, until
        ),
        tariffs=histories(has, line.connectors),
        private=private,
    )
    columns = ("weekday", "hour", "occupied_s", "available_s")
    rows = [
        (day, hour, page.week.occupied_s[day][hour], page.week.available_s[day][hour])
        for day in range(7)
        for hour in range(24)
    ]
    return render(
        Page(
            "station.html",
            gettext("%(identity)s of %(owner)s", identity=line.identity, owner=owner.name),
            page,
            Table(columns, rows),
            live=live_address(owner_id),
            context={
                "owner_id": owner_id,
                "zone": zone,
                **months_around(has, owner_id, month),
            },
        )
    )
