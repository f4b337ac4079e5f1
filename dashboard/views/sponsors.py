"""Sponsors: an owner's invitation, what a sponsor signs, and the sponsor's own report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eth_utils.address import is_address, to_checksum_address
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams

from chargecoin.campaigns import week_grid
from dashboard.campaigns.form import Filled, read
from dashboard.campaigns.launch import Launch, launch
from dashboard.campaigns.preview import MIN_SESSIONS, Outlook
from dashboard.errors import BadAddressError, NotFoundError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.views.campaign_new import by_site, outlooks, steps_table
from dashboard.views.campaigns import (
    COLUMNS,
    Line,
    Reader,
    campaign_of,
    campaign_page,
    line_row,
    ranges_of,
    split,
    state_of,
)
from dashboard.views.overview import owner_of
from indexer.read_model import Campaign, Owner

router = APIRouter()

INVITATION: Final = "/owners/{owner_id}/campaigns/sponsor"


@dataclass(frozen=True, slots=True)
class Invitation:
    """An owner's terms as the address has them, and how far a sponsor's account is with them.

    `account` None: no wallet is connected yet.
    """

    owner: Owner
    form: Filled
    hours: tuple[tuple[tuple[int, int], ...], ...]
    account: str | None
    outlooks: tuple[Outlook, ...]
    launch: Launch | None


@dataclass(frozen=True, slots=True)
class SponsorPage:
    """A sponsor's campaigns, newest first, and their sums in base units."""

    account: str
    campaigns: tuple[Line, ...]
    funded: int
    spent: int
    left: int
    sessions: int


def account_of(text: str) -> str:
    """Return an address with its checksum. Raises `BadAddressError`."""
    if not (text.startswith("0x") and is_address(text)):
        raise BadAddressError(gettext("a sponsor's address is 0x and 40 hex digits"))
    return to_checksum_address(text)


@router.get(INVITATION)
async def invitation(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """Show an owner's terms to anybody, and take a sponsor through signing."""
    owner = await run_in_threadpool(owner_of, has, owner_id)
    own = await run_in_threadpool(has.model.connectors, owner_id)
    fixed = [*request.query_params.multi_items(), ("kind", "co_branded"), ("show", "preview")]
    filled = read(QueryParams(fixed), own, owner_id, has.now())
    given = filled.given.get("address", "")
    account = account_of(given) if given else None
    past: tuple[Outlook, ...] = ()
    made = None
    if filled.wanted is not None:
        past = await run_in_threadpool(outlooks, has, own, filled.wanted)
        if account is not None:
            here = INVITATION.format(owner_id=owner_id) + filled.address()
            made = await launch(has, account, filled.wanted, here)
    hours = tuple(ranges_of(day) for day in week_grid(filled.hour_mask))
    page = Page(
        "sponsor_invitation.html",
        gettext("Sponsor charging at %(name)s", name=owner.name),
        Invitation(owner, filled, hours, account, past, made),
        steps_table(made),
        400 if filled.problems else 200,
        context={"owner_id": None, "sites": by_site(own), "min_sessions": MIN_SESSIONS},
    )
    return await run_in_threadpool(render, page)


@router.get("/sponsors/{address}")
def sponsor(has: Has, render: Render, address: str) -> Response:
    """Show what a sponsor's campaigns did, all of it from the chain."""
    account, now = account_of(address), has.now()
    found = [one for one in has.model.campaigns_of(account) if not one.owner_id]
    page = SponsorPage(
        account=account,
        campaigns=tuple(Line(one, state_of(one, now)) for one in reversed(found)),
        funded=sum(one.funded for one in found),
        spent=sum(one.spent for one in found),
        left=sum(one.left for one in found),
        sessions=sum(one.totals.sessions for one in found),
    )
    return render(
        Page(
            "sponsor.html",
            gettext("Sponsor %(account)s", account=account),
            page,
            Table(COLUMNS, (line_row(one) for one in page.campaigns)),
            live=live_address(0),
        )
    )


def _reader(has: Services, account: str, campaign_id: int) -> tuple[Campaign, Reader]:
    found = campaign_of(has, campaign_id)
    if found is None or found.owner_id or found.creator != account:
        raise NotFoundError(f"{account} sponsors no campaign {campaign_id}.")
    base = f"/sponsors/{account}/campaigns/{campaign_id}"
    own = has.model.connectors_beside(found.connectors)
    return found, Reader(None, account, *split(own, found), base)


@router.get("/sponsors/{address}/campaigns/{campaign_id}")
async def report(
    has: Has, render: Render, request: Request, address: str, campaign_id: int
) -> Response:
    """Report to a sponsor: what its campaign did, by day and site, and what may be sent."""
    found, reader = await run_in_threadpool(_reader, has, account_of(address), campaign_id)
    return await campaign_page(has, render, request, found, reader)
