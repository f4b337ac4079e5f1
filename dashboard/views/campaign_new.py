"""Launching a campaign: a form, what it would have cost, and the transactions to sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from chargecoin.campaigns import ALL_HOURS, Kind, daily_hours, week_grid
from dashboard.campaigns.form import Filled, Wanted, read
from dashboard.campaigns.launch import Launch, launch
from dashboard.campaigns.preview import DAY_S, MIN_SESSIONS, WINDOWS, Outlook, outlook
from dashboard.language import Text, gettext
from dashboard.pages import Page, Table
from dashboard.render import Render
from dashboard.services import Has, Services
from dashboard.views.overview import owner_of
from indexer.read_model import Connector, Owner

router = APIRouter()

PATH: Final = "/owners/{owner_id}/campaigns/new"
PRESETS: Final = (
    (Text("Nights, 22 to 06 h"), daily_hours(22, 6)),
    (Text("Weekends"), daily_hours(0, 24, (5, 6))),
    (Text("Working days, 09 to 17 h"), daily_hours(9, 17, range(5))),
    (Text("The whole week"), ALL_HOURS),
)
DAYS: Final = tuple(daily_hours(0, 24, (day,)) for day in range(7))
HOURS: Final = tuple(daily_hours(hour, hour + 1) for hour in range(24))
COLUMNS: Final = ("step", "state", "from", "to", "data")


@dataclass(frozen=True, slots=True)
class CampaignForm:
    """What was filled in, what it would have cost, and how far its creation is.

    Nothing is prepared while the form has problems. A co-branded campaign is not the owner's
    to create: it has an `invitation` for the sponsor.
    """

    owner: Owner
    form: Filled
    outlooks: tuple[Outlook, ...]
    invitation: str | None
    launch: Launch | None


def outlooks(has: Services, own: Sequence[Connector], wanted: Wanted) -> tuple[Outlook, ...]:
    """Return what a campaign would have been in the days before, span by span.

    `own` are all of the owner's connectors.
    """
    new, now = wanted.new, has.now()
    since = now - (max(WINDOWS) + new.window_days) * DAY_S
    # Loyalty counts sessions at all of the owner's connectors.
    places = [one.connector_id for one in own] if new.min_sessions else wanted.connectors
    sessions = has.model.past_sessions(places, since)
    priced = has.model.priced_since(wanted.connectors)
    chosen = set(wanted.connectors)
    return tuple(outlook(new, chosen, sessions, days, now, priced) for days in WINDOWS)


def grid_context(mask: int) -> dict[str, object]:
    """Return what the week grid's template needs."""
    return {
        "week": week_grid(mask),
        "presets": [(name, f"{hours:x}") for name, hours in PRESETS],
        "day_masks": [f"{hours:x}" for hours in DAYS],
        "hour_masks": [f"{hours:x}" for hours in HOURS],
    }


def steps_table(made: Launch | None) -> Table:
    """Return the transactions as CSV has them."""
    rows = []
    for one in made.steps if made else ():
        sent = one.prepared
        rows.append(
            (
                one.name,
                one.state,
                sent and sent.sender,
                sent and sent.to,
                sent and sent.data,
            )
        )
    return Table(COLUMNS, rows)


def by_site(own: tuple[Connector, ...]) -> list[tuple[Connector, list[Connector]]]:
    """Return connectors by site, each site by its first connector."""
    sites: dict[int, list[Connector]] = {}
    for one in own:
        sites.setdefault(one.site_id, []).append(one)
    return [(members[0], members) for members in sites.values()]


@router.get(PATH)
async def new(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """Show the form; once it is whole, what it would have cost and what to sign."""
    owner = await run_in_threadpool(owner_of, has, owner_id)
    own = await run_in_threadpool(has.model.connectors, owner_id)
    filled = read(request.query_params, own, owner_id, has.now())
    base = f"/owners/{owner_id}/campaigns"
    past: tuple[Outlook, ...] = ()
    made, invitation = None, None
    if filled.wanted is not None:
        past = await run_in_threadpool(outlooks, has, own, filled.wanted)
        if filled.kind == Kind.CO_BRANDED:
            invitation = f"{base}/sponsor{filled.address()}"
        else:
            made = await launch(has, owner.account, filled.wanted, base + "/new" + filled.address())
    context = {
        "owner_id": owner_id,
        "sites": by_site(own),
        "min_sessions": MIN_SESSIONS,
        "origin": has.config.origin or str(request.base_url).rstrip("/"),
        **grid_context(filled.hour_mask),
    }
    page = Page(
        "campaign_new.html",
        gettext("New campaign of %(name)s", name=owner.name),
        CampaignForm(owner, filled, past, invitation, made),
        steps_table(made),
        400 if filled.problems else 200,
        context=context,
    )
    return await run_in_threadpool(render, page)
