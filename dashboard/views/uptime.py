"""How available each connector was, and the exclusions an owner enters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from dashboard.access.roles import Role
from dashboard.access.visitor import Asking, Fields, ForFinance
from dashboard.availability import REQUIRED, Uptime, uptime
from dashboard.errors import BadAddressError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.private.settings import Exclusion
from dashboard.query import month_of, number_of
from dashboard.render import Render
from dashboard.services import Has, Services
from dashboard.spans import local_day, moment_of, months_after, starts
from dashboard.views.overview import owner_of
from dashboard.words import EXCLUDED
from indexer.read_model import Connector, FeedWord, Owner

router = APIRouter()

PATH: Final = "/owners/{owner_id}/uptime"
MONTHS: Final = (1, 12)
MAX_EXCLUSION_S: Final = 366 * 86_400


@dataclass(frozen=True, slots=True)
class UptimeLine:
    """One connector's uptime."""

    connector: Connector
    uptime: Uptime


@dataclass(frozen=True, slots=True)
class UptimePage:
    """Uptime of an owner's connectors over `months` months, the last of them `month`.

    `exclusions` None: the reader may not see them, and none is counted.
    """

    owner: Owner
    month: date
    months: int
    now: int
    lines: tuple[UptimeLine, ...]
    exclusions: tuple[Exclusion, ...] | None

    @property
    def enough(self) -> tuple[UptimeLine, ...]:
        """Connectors with history for the whole span."""
        return tuple(one for one in self.lines if one.uptime.enough)

    @property
    def short(self) -> tuple[UptimeLine, ...]:
        """Connectors below what is required."""
        return tuple(one for one in self.enough if (one.uptime.share or 0) <= REQUIRED)


def lines_of(
    has: Services,
    connectors: Sequence[Connector],
    exclusions: Sequence[Exclusion],
    month: date,
    months: int = 1,
) -> tuple[UptimeLine, ...]:
    """Return the uptime of connectors over months of their sites' calendars, up to now."""
    by_zone: dict[str, list[Connector]] = defaultdict(list)
    for one in connectors:
        by_zone[one.time_zone].append(one)
    found: dict[int, UptimeLine] = {}
    for zone, members in by_zone.items():
        since = starts(months_after(month, 1 - months), zone)
        until = max(since, min(has.now(), starts(months_after(month, 1), zone)))
        words: dict[int, list[FeedWord]] = defaultdict(list)
        for word in has.model.feed_words([one.connector_id for one in members], since, until):
            words[word.connector_id].append(word)
        silences = has.model.silences(since, until)
        for one in members:
            mine = [each for each in exclusions if each.connector_id == one.connector_id]
            made = uptime(words[one.connector_id], silences, mine, since, until)
            found[one.connector_id] = UptimeLine(one, made)
    return tuple(found[one.connector_id] for one in connectors)


def report(has: Services, owner: Owner, month: date, *, private: bool, months: int = 1) -> Page:
    """Return the uptime of all of an owner's connectors, with exclusions if `private`."""
    exclusions = has.settings.exclusions(owner.owner_id) if private else ()
    connectors = has.model.connectors(owner.owner_id)
    page = UptimePage(
        owner=owner,
        month=month,
        months=months,
        now=has.now(),
        lines=lines_of(has, connectors, exclusions, month, months),
        exclusions=exclusions if private else None,
    )
    columns = (
        "connector_id",
        "station",
        "connector",
        "site",
        "since",
        "until",
        "feed_began",
        "observed_s",
        "outage_s",
        "excluded_s",
        "unobserved_s",
        "uptime_basis_points",
    )
    rows = [
        (
            one.connector.connector_id,
            one.connector.station_identity,
            one.connector.connector_number,
            one.connector.site_name,
            one.uptime.since,
            one.uptime.until,
            one.uptime.began,
            one.uptime.observed_s,
            one.uptime.outage_s,
            one.uptime.excluded_s,
            one.uptime.unobserved_s,
            one.uptime.basis_points,
        )
        for one in page.lines
    ]
    context = {
        "owner_id": owner.owner_id,
        "connectors": connectors,
        "names": {
            one.connector_id: f"{one.station_identity}/{one.connector_number}" for one in connectors
        },
        "zones": {one.connector_id: one.time_zone for one in connectors},
        "required": float(REQUIRED),
        "previous": months_after(month, -1),
        "following": months_after(month, 1),
        "current": this_month(has, owner.owner_id),
        "edits": False,
        "audit": False,
    }
    return Page(
        "uptime.html",
        gettext("Uptime of %(owner)s", owner=owner.name),
        page,
        Table(columns, rows),
        context=context,
    )


def this_month(has: Services, owner_id: int) -> date:
    """Return the first day of the month that it is at an owner's sites, the latest of them."""
    zones = {site.time_zone for site in has.model.sites(owner_id)} or {"UTC"}
    return max(local_day(has.now(), zone) for zone in zones).replace(day=1)


@router.get(PATH)
def show(has: Has, render: Render, visitor: Asking, request: Request, owner_id: int) -> Response:
    """Show how available each connector was in a month, or in twelve."""
    owner = owner_of(has, owner_id)
    asked = request.query_params
    month = month_of(asked, "month") if asked.get("month") else this_month(has, owner_id)
    months = number_of(asked, "months", 12) or 1
    if months not in MONTHS:
        raise BadAddressError(gettext("months is 1 or 12"))
    page = report(has, owner, month, private=visitor.sees(owner), months=months)
    page.context["edits"] = visitor.role(owner) >= Role.FINANCE
    return render(page)


@router.post(PATH + "/exclusions")
def exclude(has: Has, member: ForFinance, fields: Fields) -> Response:
    """Enter a span that does not count against a connector, or all connectors of a station."""
    owner_id = member.owner.owner_id
    own = {one.connector_id: one for one in has.model.connectors(owner_id)}
    connector = own.get(number_of(fields, "connector", (1 << 32) - 1) or 0)
    if connector is None:
        raise BadAddressError(gettext("choose one of the owner's connectors"))
    reason = fields.get("reason", "")
    if reason not in EXCLUDED:
        raise BadAddressError(
            gettext(
                "a reason is one of %(excluded)s, not %(reason)s",
                excluded=", ".join(EXCLUDED),
                reason=repr(reason),
            )
        )
    since = moment_of(fields.get("since", ""), connector.time_zone)
    until = moment_of(fields.get("until", ""), connector.time_zone)
    if since is None or until is None or not 0 <= since < until <= since + MAX_EXCLUSION_S:
        raise BadAddressError(gettext("an exclusion begins, then ends, and lasts a year at most"))
    note = fields.get("note", "")
    if not 0 < len(note) <= 500:
        raise BadAddressError(gettext("say in up to 500 characters what happened"))
    wanted = [connector.connector_id]
    if fields.get("station"):
        wanted = [key for key, one in own.items() if one.station_id == connector.station_id]
    has.settings.exclude(
        owner_id,
        wanted,
        since=since,
        until=until,
        reason=reason,
        note=note,
        by=member.address,
        now=has.wall_now(),
    )
    month = f"{local_day(since, connector.time_zone):%Y-%m}"
    return RedirectResponse(f"/owners/{owner_id}/uptime?month={month}", 303)


@router.post(PATH + "/exclusions/remove")
def take_back(has: Has, member: ForFinance, fields: Fields) -> Response:
    """Let an exclusion no longer count."""
    owner_id = member.owner.owner_id
    has.settings.take_back(owner_id, number_of(fields, "exclusion", 1 << 53) or 0)
    return RedirectResponse(f"/owners/{owner_id}/uptime", 303)
