"""What each charger does now, from the signed operational feed."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.query import choice_of
from dashboard.render import Render, live_address
from dashboard.services import Has
from dashboard.views.overview import owner_of
from dashboard.words import ALWAYS_COUNTED, CHARGER
from indexer.read_model import ConnectorState, Owner

router = APIRouter()


@dataclass(frozen=True, slots=True)
class ChargersPage:
    """Connectors and their states; `use` is the state the list is narrowed to."""

    owner: Owner
    now: int
    use: str | None
    counts: dict[str, int]
    total: int
    states: tuple[ConnectorState, ...]


@router.get("/owners/{owner_id}/chargers")
def chargers(has: Has, render: Render, owner_id: int, use: str = "") -> Response:
    """List an owner's connectors by what they do now."""
    choice_of({"use": use}, "use", CHARGER)
    owner = owner_of(has, owner_id)
    found = has.model.utilisation(owner_id, has.now())
    states = tuple(one for one in found.connectors if not use or one.use == use)
    counts: dict[str, int] = {
        name: count for name, count in found.counts.items() if count or name in ALWAYS_COUNTED
    }
    page = ChargersPage(owner, has.now(), use or None, counts, found.total, states)
    columns = (
        "connector_id",
        "station",
        "connector",
        "site",
        "use",
        "status",
        "error_code",
        "since",
        "silence_s",
        "oracle",
    )
    rows = [
        (
            one.connector.connector_id,
            one.connector.station_identity,
            one.connector.connector_number,
            one.connector.site_name,
            one.use,
            one.status,
            one.error_code,
            one.since,
            one.silence_s,
            one.oracle,
        )
        for one in states
    ]
    return render(
        Page(
            "chargers.html",
            gettext("Chargers now"),
            page,
            Table(columns, rows),
            live=live_address(owner_id),
            context={"owner_id": owner_id},
        )
    )
