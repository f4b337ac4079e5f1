"""What changed, as server-sent events that continue where a reader left off.

An event's id is the number of the change. Who comes back with it (`Last-Event-ID`) is
told all that happened in between; where that is forgotten already, one `reset` says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import func, select

from chargecoin.indexer_models import Change
from indexer.api.parameters import LARGEST
from indexer.database import snapshot
from indexer.read_model import ReadModel
from indexer.schema import changes

# How often the tables are looked at, once for all readers together.
LOOK_EVERY_S: Final = 0.1
# After this long without a change a comment keeps the connection open.
KEEP_ALIVE_S: Final = 15.0
MEDIA_TYPE: Final = "text/event-stream"
router = APIRouter(prefix="/v1")


class Watch:
    """Looks for changes, for all streams together."""

    def __init__(self, model: ReadModel) -> None:
        """Look into these tables."""
        self._model = model
        self._moved = asyncio.Condition()
        self.newest = 0
        self.closed = False

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            newest = (await asyncio.to_thread(self._model.status)).change
            if newest != self.newest:
                async with self._moved:
                    self.newest = newest
                    self._moved.notify_all()
            await asyncio.sleep(LOOK_EVERY_S)

    async def close(self) -> None:
        """Let every stream end."""
        async with self._moved:
            self.closed = True
            self._moved.notify_all()

    async def beyond(self, change: int) -> None:
        """Wait until there is a change after `change`, but not longer than a keep-alive."""
        async with self._moved:
            try:
                async with asyncio.timeout(KEEP_ALIVE_S):
                    await self._moved.wait_for(lambda: self.closed or self.newest > change)
            except TimeoutError:
                return


def _oldest(request: Request) -> int:
    with snapshot(request.app.state.engine) as connection:
        return connection.scalar(select(func.min(changes.c.id))) or 0


def _event(change: Change) -> str:
    return f"id: {change.change}\nevent: {change.kind}\ndata: {change.model_dump_json()}\n\n"


async def _stream(request: Request, after: int | None, owner_id: int | None) -> AsyncIterator[str]:
    watch: Watch = request.app.state.watch
    model: ReadModel = request.app.state.model
    newest = (await asyncio.to_thread(model.status)).change
    position = newest if after is None else after
    oldest = await asyncio.to_thread(_oldest, request)
    if position > newest or position + 1 < oldest:
        # Forgotten, or numbered by another database.
        position = newest
        yield _event(Change(change=newest, kind="reset", owner_id=0, block_number=0))
    else:
        # So that the reader knows at once that the stream stands, and from where.
        yield f": from {position}\n\n"
    while not watch.closed:
        found = await asyncio.to_thread(model.changes_since, position)
        for one in found:
            position = one.change
            if owner_id is None or one.owner_id in {0, owner_id}:
                yield _event(
                    Change(
                        change=one.change,
                        kind=one.kind,
                        owner_id=one.owner_id,
                        block_number=one.block_number,
                    )
                )
        if not found:
            await watch.beyond(position)
            if watch.newest <= position:
                yield ": still here\n\n"


_DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "events"}
}


@router.get("/events", tags=["events"], response_class=StreamingResponse, responses=_DOCUMENTED)
async def events(
    request: Request,
    owner_id: Annotated[int | None, Query(ge=0, le=LARGEST)] = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=LARGEST)] = None,
) -> StreamingResponse:
    """Changes as they come, from after `Last-Event-ID` or from now."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(
        _stream(request, last_event_id, owner_id), media_type=MEDIA_TYPE, headers=headers
    )
