"""Campaigns: what an owner's discounts allow, what they cost so far, and what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from chargecoin.campaigns import Kind, week_grid
from dashboard.campaigns.acts import Acts, acts
from dashboard.campaigns.effect import (
    MIN_PACE_DAYS,
    MIN_PACE_SESSIONS,
    Effect,
    Pace,
    effect,
    pace,
)
from dashboard.errors import NotFoundError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.query import month_of, number_of
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.views.overview import owner_of
from indexer.read_model import (
    BudgetEntry,
    Campaign,
    CampaignDay,
    CampaignPlace,
    CampaignTotals,
    Connector,
    Owner,
)

router = APIRouter()

EPOCH: Final = date(1970, 1, 1)
DAY_S: Final = 86_400
PAGE: Final = 50
COLUMNS: Final = (
    "campaign_id",
    "name",
    "kind",
    "owner_id",
    "state",
    "starts_at",
    "ends_at",
    "rate_bps",
    "session_cap",
    "day_cap",
    "funded",
    "released",
    "spent",
    "left",
    "sessions",
    "refused",
    "energy_wh",
    "campaign",
    "discount",
    "returned",
)
DAY_COLUMNS: Final = (
    "settled_day",
    "sessions",
    "refused",
    "energy_wh",
    "gross",
    "paid",
    "campaign",
    "discount",
    "fee",
    "returned",
)

State = Literal["planned", "running", "paused", "used_up", "ended", "closed"]


@dataclass(frozen=True, slots=True)
class Line:
    """A campaign and how it stands now."""

    campaign: Campaign
    state: State


@dataclass(frozen=True, slots=True)
class CampaignsPage:
    """An owner's campaigns, newest first, and sponsors' that cover its connectors."""

    owner: Owner
    own: tuple[Line, ...]
    sponsored: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class DayLine:
    """One settlement day of a campaign."""

    date: date
    sums: CampaignDay


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """One campaign, as it concerns an owner, whose `connectors` are shown, or its sponsor (None).

    `hours` has the covered hours of each weekday, Monday first, as [from, to) in the
    site's time. `spent_today` counts against the day's cap. `places` are all of its sites.
    At its `pace` what is left `lasts` so many days. `next` continues the ledger.
    """

    owner: Owner | None
    campaign: Campaign
    state: State
    connectors: tuple[Connector, ...]
    hours: tuple[tuple[tuple[int, int], ...], ...]
    spent_today: int
    places: tuple[CampaignPlace, ...]
    pace: Pace
    lasts: int | None
    effect: Effect | None
    acts: Acts
    days: tuple[DayLine, ...]
    entries: tuple[BudgetEntry, ...]
    next: str | None

    @property
    def running(self) -> bool:
        """Whether more may be spent."""
        return self.state in {"running", "paused"}


def state_of(campaign: Campaign, now: int) -> State:
    """Return how a campaign stands at a moment, UTC seconds."""
    if now >= campaign.ends_at:
        return "closed" if campaign.closed else "ended"
    if now < campaign.starts_at:
        return "planned"
    if any(begin <= now and (end is None or now < end) for begin, end in campaign.pauses):
        return "paused"
    return "running" if campaign.left else "used_up"


def ranges_of(day: Sequence[bool]) -> tuple[tuple[int, int], ...]:
    """Return the hours that are on as [from, to), neighbours joined."""
    found = []
    for on, run in groupby(range(len(day)), key=day.__getitem__):
        hours = list(run)
        if on:
            found.append((hours[0], hours[-1] + 1))
    return tuple(found)


def line_row(line: Line) -> tuple[Any, ...]:
    """Return a campaign as CSV has it."""
    one = line.campaign
    return (
        one.campaign_id,
        one.name,
        Kind(one.kind),
        one.owner_id,
        line.state,
        one.starts_at,
        one.ends_at,
        one.rate_bps,
        one.session_cap,
        one.day_cap,
        one.funded,
        one.released,
        one.spent,
        one.left,
        one.totals.sessions,
        one.totals.refused,
        one.totals.energy_wh,
        one.totals.campaign,
        one.totals.discount,
        one.totals.returned,
    )


def _day_row(line: DayLine) -> tuple[Any, ...]:
    one = line.sums.totals
    return (
        line.date,
        one.sessions,
        one.refused,
        one.energy_wh,
        one.gross,
        one.paid,
        one.campaign,
        one.discount,
        one.fee,
        one.returned,
    )


def by_month(days: Sequence[DayLine]) -> tuple[tuple[date, CampaignTotals], ...]:
    """Return the first day of each month of some days, in their order, and its sums."""
    return tuple(
        (month, CampaignTotals.of(one.sums.totals for one in found))
        for month, found in groupby(days, lambda line: line.date.replace(day=1))
    )


def _zone(connectors: Sequence[Connector]) -> str:
    return connectors[0].time_zone if connectors else "UTC"


def split(
    connectors: Sequence[Connector], campaign: Campaign
) -> tuple[tuple[Connector, ...], tuple[Connector, ...]]:
    """Return those of some connectors that are in a campaign, and those that are not."""
    enrolled = set(campaign.connectors)
    return (
        tuple(one for one in connectors if one.connector_id in enrolled),
        tuple(one for one in connectors if one.connector_id not in enrolled),
    )


def campaign_of(has: Services, campaign_id: int) -> Campaign | None:
    """Return a campaign by a number of an address, None where there is none."""
    return None if campaign_id < 0 or campaign_id >> 32 else has.model.campaign(campaign_id)


@router.get("/owners/{owner_id}/campaigns")
def campaigns(has: Has, render: Render, owner_id: int) -> Response:
    """List an owner's campaigns, and sponsors' at its connectors."""
    owner = owner_of(has, owner_id)
    now = has.now()
    connectors = has.model.connectors(owner_id)

    def lines(found: Sequence[Campaign]) -> tuple[Line, ...]:
        return tuple(Line(one, state_of(one, now)) for one in reversed(found))

    page = CampaignsPage(
        owner,
        lines(has.model.campaigns(owner_id)),
        lines(has.model.sponsored_campaigns([one.connector_id for one in connectors])),
    )
    return render(
        Page(
            "campaigns.html",
            gettext("Campaigns of %(owner)s", owner=owner.name),
            page,
            Table(COLUMNS, (line_row(line) for line in (*page.own, *page.sponsored))),
            live=live_address(owner_id),
            context={"owner_id": owner_id, "zone": _zone(connectors)},
        )
    )


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a campaign's page is: whose connectors, which account signs, where it is.

    `more` are connectors that could be added.
    """

    owner: Owner | None
    account: str
    connectors: tuple[Connector, ...]
    more: tuple[Connector, ...]
    base: str


def _read(
    has: Services,
    campaign: Campaign,
    reader: Reader,
    after: int | None,
    month: date | None,
    made: Acts,
) -> Page:
    """Return a campaign's page; its days are shown of a month, the newest if none is given."""
    now, number = has.now(), campaign.campaign_id
    entries = has.model.campaign_entries(number, after, PAGE)
    days = has.model.campaign_days(number)
    speed = pace(campaign, days, now)
    base, owner = reader.base, reader.owner
    page = CampaignPage(
        owner=owner,
        campaign=campaign,
        state=state_of(campaign, now),
        connectors=reader.connectors,
        hours=tuple(ranges_of(day) for day in week_grid(campaign.hour_mask)),
        spent_today=campaign.day_spent if campaign.day == now // DAY_S else 0,
        places=has.model.campaign_places(number),
        pace=speed,
        lasts=speed.lasts(campaign.left),
        effect=effect(has, campaign, reader.connectors),
        acts=made,
        days=tuple(DayLine(EPOCH + timedelta(days=one.day), one) for one in reversed(days)),
        entries=entries.items,
        next=None if entries.after is None else f"{base}?after={entries.after}",
    )
    months = by_month(page.days)
    month = month or (months[0][0] if months else None)
    listed = f"/owners/{owner.owner_id}/sessions?campaign={number}" if owner else None
    return Page(
        "campaign.html",
        campaign.name,
        page,
        Table(DAY_COLUMNS, (_day_row(line) for line in page.days)),
        live=live_address(owner.owner_id if owner else 0) if after is None else None,
        context={
            "owner_id": owner.owner_id if owner else None,
            "zone": _zone(reader.connectors),
            "base": base,
            "listed": listed,
            "months": months,
            "month": month,
            "days": [line for line in page.days if line.date.replace(day=1) == month],
            "least_days": MIN_PACE_DAYS,
            "least_sessions": MIN_PACE_SESSIONS,
            "grid": tuple(tuple(float(on) for on in day) for day in week_grid(campaign.hour_mask)),
        },
    )


async def campaign_page(
    has: Services, render: Render, request: Request, campaign: Campaign, reader: Reader
) -> Response:
    """Answer with a campaign's page: its rules, its money, how it goes, what may be sent."""
    asked = request.query_params
    after = number_of(asked, "after", (1 << 62) - 1)
    month = month_of(asked, "month") if asked.get("month") else None
    decider = campaign.creator
    if campaign.owner_id:
        decider = reader.account if reader.owner else ""
    made = await acts(has, campaign, reader.account, decider, reader.more, asked, reader.base)

    def read_at_once() -> Page:
        with has.at_once() as still:
            return _read(still, campaign, reader, after, month, made)

    page = await run_in_threadpool(read_at_once)
    page.context["asked"] = asked
    return await run_in_threadpool(render, page)


def _reader(has: Services, owner_id: int, campaign_id: int) -> tuple[Campaign, Reader]:
    owner, found = owner_of(has, owner_id), campaign_of(has, campaign_id)
    inside, more = split(has.model.connectors(owner_id), found) if found else ((), ())
    if found is None or (found.owner_id != owner_id and not inside):
        raise NotFoundError(f"{owner.name} has no campaign {campaign_id}.")
    base = f"/owners/{owner_id}/campaigns/{campaign_id}"
    own = found.owner_id == owner_id
    return found, Reader(owner, owner.account, inside, more if own else (), base)


@router.get("/owners/{owner_id}/campaigns/{campaign_id}")
async def campaign(
    has: Has, render: Render, request: Request, owner_id: int, campaign_id: int
) -> Response:
    """Show a campaign's rules, its budget, its sessions by day, and what may be sent."""

    def read() -> tuple[Campaign, Reader]:
        with has.at_once() as still:
            return _reader(still, owner_id, campaign_id)

    found, reader = await run_in_threadpool(read)
    return await campaign_page(has, render, request, found, reader)
