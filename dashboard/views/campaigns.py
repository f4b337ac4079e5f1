"""Campaigns: what an owner's discounts allow, what they cost so far, and what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response

from chargecoin.campaigns import Kind, week_grid
from dashboard.errors import NotFoundError
from dashboard.pages import Page, Table
from dashboard.query import number_of
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.views.overview import owner_of
from indexer.read_model import BudgetEntry, Campaign, CampaignDay, Connector, Owner

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
    """One campaign, as it concerns an owner: `connectors` are that owner's.

    `hours` has the covered hours of each weekday, Monday first, as [from, to) in the
    site's time. `spent_today` counts against the day's cap. `next` continues the ledger.
    """

    owner: Owner
    campaign: Campaign
    state: State
    connectors: tuple[Connector, ...]
    hours: tuple[tuple[tuple[int, int], ...], ...]
    spent_today: int
    days: tuple[DayLine, ...]
    entries: tuple[BudgetEntry, ...]
    next: str | None


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


def _row(line: Line) -> tuple[Any, ...]:
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


def _zone(connectors: Sequence[Connector]) -> str:
    return connectors[0].time_zone if connectors else "UTC"


def _covered(has: Services, owner: Owner, campaign: Campaign) -> tuple[Connector, ...]:
    wanted = set(campaign.connectors)
    return tuple(one for one in has.model.connectors(owner.owner_id) if one.connector_id in wanted)


@router.get("/owners/{owner_id}/campaigns")
def campaigns(has: Has, render: Render, owner_id: int) -> Response:
    """List an owner's campaigns, and sponsors' at its connectors."""
    owner = owner_of(has, owner_id)
    now = has.now()
    connectors = has.model.connectors(owner_id)
    ids = {one.connector_id for one in connectors}

    def lines(found: Sequence[Campaign]) -> tuple[Line, ...]:
        return tuple(Line(one, state_of(one, now)) for one in reversed(found))

    page = CampaignsPage(
        owner,
        lines(has.model.campaigns(owner_id)),
        lines([one for one in has.model.campaigns(0) if not ids.isdisjoint(one.connectors)]),
    )
    return render(
        Page(
            "campaigns.html",
            f"Campaigns of {owner.name}",
            page,
            Table(COLUMNS, (_row(line) for line in (*page.own, *page.sponsored))),
            live=live_address(owner_id),
            context={"owner_id": owner_id, "zone": _zone(connectors)},
        )
    )


@router.get("/owners/{owner_id}/campaigns/{campaign_id}")
def campaign(
    has: Has, render: Render, request: Request, owner_id: int, campaign_id: int
) -> Response:
    """Show a campaign's rules, its budget and its sessions by day."""
    owner = owner_of(has, owner_id)
    found = None if campaign_id < 0 or campaign_id >> 32 else has.model.campaign(campaign_id)
    connectors = () if found is None else _covered(has, owner, found)
    if found is None or (found.owner_id != owner_id and not connectors):
        raise NotFoundError(f"{owner.name} has no campaign {campaign_id}.")
    after = number_of(request.query_params, "after", (1 << 62) - 1)
    entries = has.model.campaign_entries(campaign_id, after, PAGE)
    now = has.now()
    base = f"/owners/{owner_id}/campaigns/{campaign_id}"
    page = CampaignPage(
        owner=owner,
        campaign=found,
        state=state_of(found, now),
        connectors=connectors,
        hours=tuple(ranges_of(day) for day in week_grid(found.hour_mask)),
        spent_today=found.day_spent if found.day == now // DAY_S else 0,
        days=tuple(
            DayLine(EPOCH + timedelta(days=one.day), one)
            for one in reversed(has.model.campaign_days(campaign_id))
        ),
        entries=entries.items,
        next=None if entries.after is None else f"{base}?after={entries.after}",
    )
    return render(
        Page(
            "campaign.html",
            found.name,
            page,
            Table(DAY_COLUMNS, (_day_row(line) for line in page.days)),
            live=live_address(owner_id) if after is None else None,
            context={
                "owner_id": owner_id,
                "zone": _zone(connectors),
                "base": base,
                "grid": tuple(tuple(float(on) for on in day) for day in week_grid(found.hour_mask)),
            },
        )
    )
