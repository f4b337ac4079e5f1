"""How far the pages are, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.render import Render, live_address
from dashboard.services import Has
from indexer.read_model import FeedSource, Status

router = APIRouter()


@dataclass(frozen=True, slots=True)
class StatusPage:
    """The indexer's cursor, the node's head, the feeds. `status` None: nothing indexed yet."""

    now: int
    status: Status | None
    node_head: int | None
    feeds: tuple[FeedSource, ...]
    evidence: tuple[str, ...]


@router.get("/status")
def status(has: Has, render: Render) -> Response:
    """Show how far the tables are and what the pages rest on."""
    found = has.model.status()
    page = StatusPage(
        now=has.now(),
        status=found if found.chain_id else None,
        node_head=has.watch.node_head,
        feeds=has.model.feed_sources(),
        evidence=has.oracles.urls,
    )
    table = Table(
        ("chain_id", "block", "hash", "state", "node_head", "safe", "final", "reorgs"),
        [
            (
                found.chain_id,
                found.number,
                found.hash,
                found.state,
                page.node_head,
                found.safe_number,
                found.final_number,
                found.reorgs,
            )
        ],
    )
    return render(Page("status.html", gettext("Status"), page, table, live=live_address(0)))


@router.get("/health")
def health() -> JSONResponse:
    """Say that the process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/ready")
def ready(has: Has) -> JSONResponse:
    """Say whether the tables may be shown as current; 503 where they may not."""
    found = has.model.status()
    body = {"ready": found.ready, "state": found.state, "detail": found.detail}
    return JSONResponse(body, 200 if found.ready else 503)
