"""One settled batch."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from dashboard.errors import NotFoundError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.render import Render, live_address
from dashboard.services import Has
from dashboard.views.sessions import COLUMNS, PAGE, export
from indexer.read_model import Batch, SessionFilter, SessionRow

router = APIRouter()


@dataclass(frozen=True, slots=True)
class BatchPage:
    """A batch and a page of its sessions."""

    batch: Batch
    rows: tuple[SessionRow, ...]
    next: str | None


@router.get("/batches/{number}")
def batch(has: Has, render: Render, number: int, after: int | None = None) -> Response:
    """Show a batch and the sessions that it settled."""
    found = has.model.batch(number)
    if found is None:
        raise NotFoundError(
            gettext(
                "The chain knows no batch %(number)s. A batch whose block was replaced comes "
                "back once it is settled again.",
                number=number,
            )
        )
    wanted = SessionFilter(batch=number)
    listed = has.model.sessions(wanted, after, PAGE)
    following = None if listed.after is None else f"/batches/{number}?after={listed.after}"
    return render(
        Page(
            "batch.html",
            gettext("Batch %(number)s", number=number),
            BatchPage(found, listed.items, following),
            Table(COLUMNS, export(has.model, wanted)),
            live=live_address(0),
        )
    )
