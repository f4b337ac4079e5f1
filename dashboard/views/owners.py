"""Whose chargers: the list of station owners."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.render import Render, live_address
from dashboard.services import Has
from indexer.read_model import OwnerMonth

router = APIRouter()


@dataclass(frozen=True, slots=True)
class OwnersPage:
    """All owners."""

    owners: tuple[OwnerMonth, ...]


@router.get("/owners")
@router.get("/")
def owners(has: Has, render: Render) -> Response:
    """List the station owners registered on the chain."""
    lines = has.model.owner_months(has.now())
    table = Table(
        ("owner_id", "name", "account", "sites", "connectors", "month_sessions", "month_energy_wh"),
        [
            (
                one.owner.owner_id,
                one.owner.name,
                one.owner.account,
                one.sites,
                one.connectors,
                one.sessions,
                one.energy_wh,
            )
            for one in lines
        ],
    )
    page = OwnersPage(lines)
    return render(Page("owners.html", gettext("Station owners"), page, table, live=live_address(0)))
