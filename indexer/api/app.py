"""The application: routes, what every answer carries, and what is answered in trouble."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Engine

from chargecoin.errors import StoreError
from chargecoin.indexer_models import Problem
from indexer.api import events, routes, sums
from indexer.read_model import ReadModel

RETRY_AFTER_S: Final = 5
_PREFIX: Final = "/v1/"


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    watching = asyncio.create_task(app.state.watch.run())
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


def application(engine: Engine, withheld: Callable[[], str] = lambda: "") -> FastAPI:
    """Return the read API over a migrated database.

    `withheld` says why nothing is to be answered now, empty if something is; that the
    tables themselves say so is seen anyway.
    """
    app = FastAPI(
        title="ChargeCoin indexer",
        version="1",
        summary="What the chain says of charging sessions, as JSON; read only.",
        lifespan=_lifespan,
        redoc_url=None,
        docs_url=None,
        responses={503: {"model": Problem, "description": "figures are withheld"}},
    )
    app.state.engine = engine
    app.state.withheld = withheld
    app.state.model = ReadModel(engine)
    app.state.watch = events.Watch(app.state.model)
    for router in (routes.router, sums.router, events.router):
        app.include_router(router)
    app.middleware("http")(_answer)
    app.exception_handler(StoreError)(_no_store)
    return app


async def _no_store(_request: Request, error: Exception) -> JSONResponse:
    return _unavailable(str(error))


def _unavailable(why: str) -> JSONResponse:
    return JSONResponse({"detail": why}, 503, {"retry-after": str(RETRY_AFTER_S)})


async def _answer(request: Request, respond: Callable[[Request], Awaitable[Response]]) -> Response:
    """Withhold figures that are being mended; say how far they are, and what they hash to."""
    if not request.url.path.startswith(_PREFIX):
        return await respond(request)
    status = await asyncio.to_thread(request.app.state.model.status)
    why = request.app.state.withheld() or (status.detail if status.state == "mending" else "")
    if why:
        return _unavailable(why)
    response = await respond(request)
    response.headers["chargecoin-block"] = str(status.number)
    response.headers["chargecoin-block-hash"] = status.hash
    response.headers["chargecoin-state"] = status.state
    if response.status_code != 200 or request.url.path == f"{_PREFIX}events":
        return response
    return await _with_etag(request, response)


async def _with_etag(request: Request, response: Response) -> Response:
    """Name the answer by its content, and leave it out where the reader has it."""
    body = b"".join([part async for part in response.body_iterator])  # type: ignore[attr-defined]
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = dict(response.headers) | {"etag": tag, "cache-control": "no-cache"}
    known = {one.strip() for one in request.headers.get("if-none-match", "").split(",")}
    if known & {tag, f"W/{tag}", "*"}:
        for name in ("content-length", "content-type"):
            headers.pop(name, None)
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers)
