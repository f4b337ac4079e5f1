"""Whose chargers: the list of station owners."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, Response

from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.render import Render, live_address
from dashboard.services import Has
from indexer.read_model import Owner, Totals

router = APIRouter()


@dataclass(frozen=True, slots=True)
class OwnerLine:
    """One owner, with this month's totals by settlement day."""

    owner: Owner
    sites: int
    connectors: int
    month: Totals
    month_since: date
    month_until: date


@dataclass(frozen=True, slots=True)
class OwnersPage:
    """All owners."""

    owners: tuple[OwnerLine, ...]


@router.get("/owners")
@router.get("/")
def owners(has: Has, render: Render) -> Response:
    """List the station owners registered on the chain."""
    lines = []
    for owner in has.model.owners():
        sites = has.model.sites(owner.owner_id)
        month = has.model.overview(owner.owner_id, has.now()).month
        lines.append(
            OwnerLine(
                owner=owner,
                sites=len(sites),
                connectors=sum(site.connectors for site in sites),
                month=month.totals,
                month_since=month.since,
                month_until=month.until,
            )
        )
    table = Table(
        ("owner_id", "name", "account", "sites", "connectors", "month_sessions", "month_energy_wh"),
        [
            (
                one.owner.owner_id,
                one.owner.name,
                one.owner.account,
                one.sites,
                one.connectors,
                one.month.sessions,
                one.month.energy_wh,
            )
            for one in lines
        ],
    )
    page = OwnersPage(tuple(lines))
    return render(Page("owners.html", gettext("Station owners"), page, table, live=live_address(0)))
