"""An owner's sessions: a list narrowed by the address, with the totals of all it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from chargecoin.record import GRID_UNKNOWN, RENEWABLE_UNKNOWN, Reason, Status
from dashboard.language import gettext
from dashboard.pages import Page, Table, whole
from dashboard.query import SessionQuery
from dashboard.render import Render, live_address
from dashboard.services import Has
from dashboard.views.overview import owner_of
from indexer.read_model import Connector, Owner, ReadModel, SessionFilter, SessionRow, Site, Totals

router = APIRouter()

PAGE: Final = 50
COLUMNS: Final = (
    "session_id",
    "connector_id",
    "sequence",
    "station",
    "connector",
    "site_id",
    "site",
    "time_zone",
    "started_at",
    "duration_s",
    "idle_s",
    "energy_wh",
    "grid_gco2e_per_kwh",
    "renewable_pct",
    "emitted_g",
    "gross",
    "paid",
    "campaign_paid",
    "fee",
    "net",
    "debt",
    "collected",
    "assurance",
    "status",
    "reason",
    "settled_at",
    "settled_day",
    "finality",
)


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """One page of the list. `totals` are of the whole filter; `next` continues it."""

    owner: Owner
    query: SessionQuery
    totals: Totals
    rows: tuple[SessionRow, ...]
    next: str | None

    @property
    def listed(self) -> int:
        """How many sessions the filter holds; `totals.sessions` leaves rejected ones out."""
        return self.totals.sessions + self.totals.rejected


def csv_row(row: SessionRow) -> tuple[Any, ...]:
    """Return a session as exports write it; money in base units, energy in Wh, times UTC."""
    return (
        hex(row.session_id),
        row.connector_id,
        row.sequence,
        row.station_identity,
        row.connector_number,
        row.site_id,
        row.site_name,
        row.time_zone,
        row.started_at,
        row.duration_s,
        row.idle_s,
        row.energy_wh,
        None if row.grid_gco2e_per_kwh == GRID_UNKNOWN else row.grid_gco2e_per_kwh,
        None if row.renewable_pct == RENEWABLE_UNKNOWN else row.renewable_pct,
        row.emitted_g,
        row.gross,
        row.paid,
        row.campaign_paid,
        row.fee,
        row.net,
        row.debt,
        row.collected,
        row.assurance,
        Status(row.status),
        Reason(row.reason),
        row.settled_at,
        row.day,
        row.finality,
    )


def export(model: ReadModel, wanted: SessionFilter) -> Iterator[tuple[Any, ...]]:
    """Yield every session of a filter, newest first."""
    return map(csv_row, whole(lambda after, limit: model.sessions(wanted, after, limit)))


@router.get("/owners/{owner_id}/sessions")
def sessions(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """List an owner's sessions, newest settlement first."""
    owner = owner_of(has, owner_id)
    query = SessionQuery.parse(request.query_params)
    wanted = query.selection(owner_id)
    found = has.model.sessions(wanted, query.after, PAGE)
    base = f"/owners/{owner_id}/sessions"
    page = SessionsPage(
        owner=owner,
        query=query,
        totals=has.model.session_totals(wanted),
        rows=found.items,
        next=None if found.after is None else base + query.address(after=found.after),
    )
    sites: tuple[Site, ...] = has.model.sites(owner_id)
    connectors: tuple[Connector, ...] = has.model.connectors(owner_id, query.site)
    return render(
        Page(
            "sessions.html",
            gettext("Sessions of %(owner)s", owner=owner.name),
            page,
            Table(COLUMNS, export(has.model, replace(wanted))),
            # Further down the list nothing new comes in at the top.
            live=live_address(owner_id) if query.after is None else None,
            context={
                "owner_id": owner_id,
                "sites": sites,
                "connectors": connectors,
                "first": base + query.address(after=None),
            },
        )
    )
