"""The stream that pages follow: it says that something changed, never what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

from dashboard.language import gettext
from dashboard.services import Has

router = APIRouter()

RETRY_MS: Final = 2000


def room(has: Has) -> None:
    """Refuse a stream where there are too many already."""
    if has.watch.streams >= has.watch.limit:
        raise HTTPException(503, gettext("Too many live pages"))


@router.get("/live", response_class=EventSourceResponse, dependencies=[Depends(room)])
async def live(
    has: Has,
    owner: int = 0,
    after: int | None = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Send `changed` whenever something about an owner (0: anyone) may show differently.

    A broken stream resumes from the id it heard last.
    """
    start = after if after is not None else has.watch.newest
    if last_event_id is not None and last_event_id.isdecimal():
        start = int(last_event_id)
    yield ServerSentEvent(event="hello", data={}, retry=RETRY_MS)
    async for signal in has.watch.follow(owner, start):
        yield ServerSentEvent(
            event="changed", id=str(signal.number), data={"kinds": list(signal.kinds)}
        )
