"""Sums by hour and day, and the operational feed: what hangs off no single block."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy import func, select

from chargecoin import indexer_models as models
from indexer.api.parameters import LARGEST, WantedId
from indexer.database import snapshot
from indexer.figures import DayTotals, HourTotals
from indexer.hours import DAY_S, from_day, to_day
from indexer.read_model import ReadModel
from indexer.schema import blocks, feed_entries

DAYS_PAGE: Final = 366
HOURS_PAGE_S: Final = 31 * DAY_S
# A session may begin this long before the first block that settles any.
EARLIER_S: Final = 60 * DAY_S
_Moment = Annotated[int, Query(ge=0, le=LARGEST, description="UTC seconds")]
_After = Annotated[
    int | None, Query(ge=0, le=1 << 40, description="the `after` of the page before")
]
router = APIRouter(prefix="/v1")


def _model(request: Request) -> ReadModel:
    model: ReadModel = request.app.state.model
    return model


def _known(request: Request) -> tuple[int, int]:
    """Return the time of the first and the last block with anything in it, UTC seconds."""
    with snapshot(request.app.state.engine) as connection:
        first, last = connection.execute(
            select(func.min(blocks.c.timestamp), func.max(blocks.c.timestamp))
        ).one()
    return first or 0, last or 0


@router.get("/hours", tags=["sums"])
def hours(
    request: Request,
    since: _Moment,
    until: _Moment,
    after: _After = None,
    owner_id: WantedId = None,
    site_id: WantedId = None,
    connector_id: WantedId = None,
) -> models.Page[models.Hour]:
    """Performance by local hours that begin in [since, until), oldest first; approximate.

    Hours without a session are left out. A page covers 31 days.
    """
    first, last = _known(request)
    low = max(since, first - EARLIER_S, 0 if after is None else after + 1)
    high = min(until, last)
    if low >= high:
        return models.Page.model_construct(items=(), after=None)
    end = min(high, low + HOURS_PAGE_S)
    found = _model(request).hours(owner_id, low, end, site_id, connector_id)
    return models.Page.model_construct(
        items=tuple(_hour(one) for one in found), after=end - 1 if end < high else None
    )


def _hour(one: HourTotals) -> models.Hour:
    return models.Hour.model_construct(
        **{name: getattr(one, name) for name in models.Hour.model_fields}
    )


@router.get("/days", tags=["sums"])
def days(
    request: Request,
    since: date,
    until: date,
    after: _After = None,
    owner_id: WantedId = None,
    site_id: WantedId = None,
    connector_id: WantedId = None,
) -> models.Page[models.Day]:
    """Money and energy by settlement days `since` to `until` (included), oldest first; exact.

    Days before the first settlement and after the last are left out. A page has 366.
    """
    first, last = _known(request)
    # A site's day may be the one before or after that of UTC.
    low = max(to_day(since), first // DAY_S - 1, 0 if after is None else after + 1)
    high = min(to_day(until), last // DAY_S + 1)
    if low > high:
        return models.Page.model_construct(items=(), after=None)
    end = min(high, low + DAYS_PAGE - 1)
    found = _model(request).daily_totals(
        owner_id, from_day(low), from_day(end), site_id, connector_id
    )
    return models.Page.model_construct(
        items=tuple(_day(one) for one in found), after=end if end < high else None
    )


def _day(one: DayTotals) -> models.Day:
    return models.Day.model_construct(
        day=one.day,
        **{name: getattr(one.totals, name) for name in models.Day.model_fields if name != "day"},
    )


# --- the operational feed ---


@router.get("/feed", tags=["feed"])
def feed_sources(request: Request) -> list[models.FeedSource]:
    """The oracles whose feeds are followed, and how well."""
    return [
        models.FeedSource.model_construct(
            **{name: getattr(one, name) for name in models.FeedSource.model_fields}
        )
        for one in _model(request).feed_sources()
    ]


@router.get("/feed/{oracle}", tags=["feed"])
def feed(
    request: Request,
    oracle: Annotated[str, Path(pattern="^0x[0-9a-fA-F]{40}$")],
    connector_id: WantedId = None,
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> models.Page[models.FeedEntry]:
    """One oracle's signed entries by number, oldest first; not proven by the chain."""
    table = feed_entries.c
    query = select(feed_entries).where(table.oracle == oracle, table.n > after)
    if connector_id is not None:
        query = query.where(table.connector_id == connector_id)
    with snapshot(request.app.state.engine) as connection:
        rows = connection.execute(query.order_by(table.n).limit(limit + 1)).all()
    items = tuple(
        models.FeedEntry.model_construct(
            **{**row._mapping, "signature": "0x" + row.signature.hex()}  # noqa: SLF001 -- public
        )
        for row in rows[:limit]
    )
    after_this = items[-1].n if len(rows) > limit else None
    return models.Page.model_construct(items=items, after=after_this)
