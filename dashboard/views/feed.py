"""What oracles signed about one connector in a month: what uptime and live states are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from dashboard.errors import BadAddressError, NotFoundError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.query import number_of
from dashboard.render import Render
from dashboard.services import Has
from dashboard.spans import last_day, starts
from dashboard.views.overview import owner_of
from dashboard.views.stations import month_asked, months_around
from indexer.read_model import Connector, Owner, ReadModel, SignedWord

router = APIRouter()

PAGE: Final = 100
EXPORT_PAGE: Final = 1000
COLUMNS: Final = tuple(one.name for one in fields(SignedWord))


@dataclass(frozen=True, slots=True)
class FeedPage:
    """One page of the entries, newest first; `next` continues it."""

    owner: Owner
    connector: Connector
    month: date
    rows: tuple[SignedWord, ...]
    next: str | None


def _rows(model: ReadModel, connector_id: int, span: tuple[int, int]) -> Iterator[tuple[Any, ...]]:
    after: str | None = None
    while True:
        found, after = model.signed_words(connector_id, *span, after, EXPORT_PAGE)
        yield from (tuple(getattr(one, name) for name in COLUMNS) for one in found)
        if after is None:
            return


@router.get("/owners/{owner_id}/feed")
def show(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """List the signed entries of the operational feed about one connector of an owner."""
    owner = owner_of(has, owner_id)
    asked = request.query_params
    wanted = number_of(asked, "connector", (1 << 32) - 1)
    after = asked.get("after", "").strip() or None
    if after is not None and not all(part.isdecimal() for part in after.split(".")[:2]):
        raise BadAddressError(f"after is where a page before ended, not {after!r}")
    connectors = has.model.connectors(owner_id)
    connector = next((one for one in connectors if wanted in {None, one.connector_id}), None)
    if connector is None:
        raise NotFoundError(gettext("This owner has no such connector."))
    month = month_asked(has, request, owner_id)
    zone = connector.time_zone
    span = starts(month, zone), starts(last_day(month) + timedelta(days=1), zone)
    found, rest = has.model.signed_words(connector.connector_id, *span, after, PAGE)
    base = f"/owners/{owner_id}/feed"
    here = {"connector": connector.connector_id, "month": f"{month:%Y-%m}"}
    further = None if rest is None else f"{base}?{urlencode(here | {'after': rest})}"
    return render(
        Page(
            "feed.html",
            gettext("Signed words"),
            FeedPage(owner, connector, month, found, further),
            Table(COLUMNS, _rows(has.model, connector.connector_id, span)),
            context={
                "owner_id": owner_id,
                "base": base,
                "connectors": connectors,
                "newest": f"{base}?{urlencode(here)}" if after else None,
                **months_around(has, owner_id, month),
            },
        )
    )
