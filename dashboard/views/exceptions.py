"""Every session that is not simply settled: why, how much, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dashboard import exceptions
from dashboard.exceptions import OFF_CHAIN, ON_CHAIN, ExceptionQuery, Line
from dashboard.formats import session_key
from dashboard.language import gettext
from dashboard.pages import Page, Table, whole
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.under_way import RECENT_DAYS, off_chain
from dashboard.views.overview import owner_of
from indexer.read_model import COUNTED, Owner

router = APIRouter()

PAGE: Final = 50
COLUMNS: Final = tuple(one.name for one in fields(Line) if one.name not in {"tie", "zone"})


@dataclass(frozen=True, slots=True)
class ExceptionsPage:
    """Lines that only oracles tell of (`open`), and those of the chain (`rows`).

    `counts` are by kind, within site and days; `COUNTED` + 1 stands for more.
    """

    owner: Owner
    query: ExceptionQuery
    counts: dict[str, int]
    open: tuple[Line, ...]
    next_open: str | None
    rows: tuple[Line, ...]
    next: str | None


def _row(line: Line) -> tuple[Any, ...]:
    found = {name: getattr(line, name) for name in COLUMNS}
    return tuple((found | {"kinds": " ".join(line.kinds)}).values())


def _export(
    has: Services, owner_id: int, query: ExceptionQuery, lines: list[Line]
) -> Iterator[tuple[Any, ...]]:
    """Yield every line of a filter, what is not on the chain first."""
    yield from (_row(line) for line in lines)
    wanted = query.on_chain(owner_id)
    if wanted is not None:
        of, read = wanted, has.model.session_exceptions
        for one in whole(lambda after, limit: read(of, after, limit)):
            yield _row(exceptions.on_chain(one, session_key))


@router.get("/owners/{owner_id}/exceptions")
def show(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """List what is not simply settled, on the chain and before it."""
    query = ExceptionQuery.parse(request.query_params)
    now = has.now()
    base = f"/owners/{owner_id}/exceptions"
    wanted = query.on_chain(owner_id)
    rows: tuple[Line, ...] = ()
    after: int | None = None
    with has.at_once() as still:
        owner = owner_of(still, owner_id)
        sites = still.model.sites(owner_id)
        lines = off_chain(still, now, still.model.utilisation(owner_id, now), query)
        counts: dict[str, int] = {
            kind: sum(1 for line in lines if kind in line.kinds) for kind in OFF_CHAIN
        }
        counted = still.model.exception_counts([query.of(owner_id, kind) for kind in ON_CHAIN])
        counts |= {str(kind): count for kind, count in counted}
        if wanted is not None:
            found = still.model.session_exceptions(wanted, query.after, PAGE)
            rows = tuple(exceptions.on_chain(one, session_key) for one in found.items)
            after = found.after
    if query.kind is not None:
        lines = [line for line in lines if query.kind in line.kinds]
    shown, further = exceptions.page_of(lines, query.open, PAGE)
    page = ExceptionsPage(
        owner=owner,
        query=query,
        counts=counts,
        open=tuple(shown),
        next_open=None if further is None else base + query.address(open=further),
        rows=rows,
        next=None if after is None else base + query.address(after=after),
    )
    return render(
        Page(
            "exceptions.html",
            gettext("Exceptions"),
            page,
            Table(COLUMNS, _export(has, owner_id, query, lines)),
            live=live_address(owner_id) if query.after is None and query.open is None else None,
            context={
                "owner_id": owner_id,
                "sites": sites,
                "base": base,
                "counted": COUNTED,
                "of_chain": wanted is not None,
                "off_chain": query.kind is None or wanted is None,
                "first": base + query.address(after=None, open=None),
                "address": query.address,
                "recent_days": RECENT_DAYS if query.since is None else None,
            },
        )
    )
