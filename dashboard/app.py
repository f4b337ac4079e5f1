"""The application: services in, routes and error pages out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from chargecoin.clock import Clock, open_clock
from chargecoin.deployments import Deployment
from chargecoin.deployments import load as load_deployment
from chargecoin.errors import StoreError
from dashboard.config import Config
from dashboard.errors import BadAddressError, NotFoundError, TooLargeError
from dashboard.formats import Formats
from dashboard.node import Node
from dashboard.oracles import EvidenceUnavailableError, Oracles
from dashboard.pages import Page, Suffixes, Table, form_of
from dashboard.render import HERE, Renderer, environment
from dashboard.security import SecurityHeaders
from dashboard.services import Services
from dashboard.views import (
    batches,
    chargers,
    live,
    methods,
    overview,
    owners,
    session,
    sessions,
    status,
    verify,
)
from dashboard.watch import Watch
from indexer.database import open_engine
from indexer.read_model import ReadModel

log = structlog.get_logger()


class Files(StaticFiles):
    """Files whose address changes with their content, so that browsers need not ask again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve a file."""
        response = await super().get_response(path, scope)
        if scope["query_string"].startswith(b"v="):
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def build(config: Config) -> Services:
    """Open everything that the configuration names. Raises `ConfigurationError`."""
    deployment: Deployment = load_deployment(config.deployment)
    clock: Clock = open_clock(config.clock)
    model = ReadModel(open_engine(config.database_url))
    node = Node(config.rpc_url, deployment)
    oracles = Oracles(config.evidence, httpx.AsyncClient())
    return Services(
        config=config,
        model=model,
        clock=clock,
        formats=Formats(config.locale, config.currency),
        oracles=oracles,
        node=node,
        watch=Watch(model, node, oracles, clock),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    has: Services = app.state.services
    watching = asyncio.create_task(has.watch.run())
    try:
        yield
    finally:
        await has.watch.close()
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await has.oracles.close()
        await has.node.close()


def _fault(request: Request, code: int, title: str, detail: str) -> Response:
    has: Services = request.app.state.services
    page = Page(
        "error.html",
        title,
        {"status": code, "title": title, "detail": detail},
        Table(("status", "title", "detail"), [(code, title, detail)]),
        status=code,
    )
    return Renderer(request, has)(page)


def _answer(request: Request, error: Exception) -> Response:
    match error:
        case NotFoundError():
            return _fault(request, 404, "Not on the chain", str(error))
        case BadAddressError():
            return _fault(request, 400, "This address cannot be read", f"{error}.")
        case TooLargeError():
            return _fault(request, 413, "Too large", str(error))
        case EvidenceUnavailableError():
            return _fault(request, 502, "The evidence could not be fetched", str(error))
        case RequestValidationError():
            fault = error.errors()[0]
            where = fault["loc"][-1]
            return _fault(request, 400, "This address cannot be read", f"{where}: {fault['msg']}.")
        case HTTPException():
            title = "Nothing here" if error.status_code == 404 else str(error.detail)
            return _fault(
                request, error.status_code, title, f"There is no page at {request.url.path}."
            )
        case _:
            raise error


def _store_failed(request: Request, error: Exception) -> Response:
    # The page's own frame reads the tables, so this one answer is made without it.
    log.error("the tables cannot be read", path=request.url.path, error=str(error))
    title = "The figures cannot be read"
    if form_of(request) != "html" or request.url.path == "/ready":
        return JSONResponse({"ready": False, "status": 503, "title": title}, 503)
    template = request.app.state.templates.get_template("failed.html")
    return Response(template.render(title=title), 503, media_type="text/html; charset=utf-8")


def create_app(has: Services) -> FastAPI:
    """Return the application over its services."""
    app = FastAPI(
        title="ChargeCoin dashboard",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.services = has
    app.state.templates = environment(has.formats)
    for views in (
        owners,
        overview,
        chargers,
        sessions,
        session,
        verify,
        batches,
        methods,
        status,
        live,
    ):
        app.include_router(views.router)
    app.mount("/static", Files(directory=HERE / "static"))
    for kind in (
        NotFoundError,
        BadAddressError,
        TooLargeError,
        EvidenceUnavailableError,
        RequestValidationError,
        HTTPException,
    ):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(StoreError, _store_failed)
    app.add_exception_handler(SQLAlchemyError, _store_failed)
    app.add_middleware(Suffixes)
    app.add_middleware(SecurityHeaders)
    return app
