"""The application: services in, routes and error pages out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlencode

import httpx
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Scope

from chargecoin.clock import Clock, SystemClock, open_clock
from chargecoin.deployments import Deployment
from chargecoin.deployments import load as load_deployment
from chargecoin.errors import StoreError
from dashboard.access.gate import Gate
from dashboard.access.siwe import SignInError
from dashboard.access.store import AccessStore
from dashboard.access.visitor import ForbiddenError, SignInNeededError, Visitor
from dashboard.config import Config
from dashboard.errors import BadAddressError, NotFoundError, TooLargeError
from dashboard.formats import in_every_language
from dashboard.language import Languages, gettext, language
from dashboard.node import Node
from dashboard.oracles import EvidenceUnavailableError, OracleRefusedError, Oracles
from dashboard.pages import Page, Suffixes, Table, form_of
from dashboard.private.carbon import CarbonStore
from dashboard.private.database import open_private
from dashboard.private.settings import SettingsStore
from dashboard.render import HERE, Renderer, environment, html_response
from dashboard.security import SecurityHeaders
from dashboard.services import Services
from dashboard.views import (
    access,
    audit,
    batches,
    campaign_new,
    campaigns,
    carbon,
    carbon_inputs,
    chargers,
    disputes,
    exceptions,
    feed,
    fees,
    languages,
    live,
    methods,
    onboarding,
    overview,
    owners,
    payers,
    payout_settings,
    payouts,
    prices,
    receipts,
    refunds,
    rewards,
    session,
    sessions,
    sign_in,
    sponsors,
    statement,
    stations,
    status,
    tariffs,
    transactions,
    uptime,
    verify,
)
from dashboard.watch import Watch
from indexer.read_model import ReadModel

log = structlog.get_logger()

# So many new objects between two looks of the collector, which then takes a few milliseconds.
YOUNG: Final = 10_000

VIEWS: Final = (
    owners,
    onboarding,
    overview,
    chargers,
    sessions,
    session,
    exceptions,
    verify,
    batches,
    methods,
    status,
    live,
    languages,
    sign_in,
    access,
    audit,
    uptime,
    feed,
    stations,
    tariffs,
    transactions,
    payers,
    receipts,
    fees,
    prices,
    payout_settings,
    payouts,
    statement,
    refunds,
    disputes,
    campaign_new,
    sponsors,
    campaigns,
    rewards,
    carbon,
    carbon_inputs,
)


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
    model = ReadModel.open(config.database)
    node = Node(config.rpc_url, deployment)
    oracles = Oracles(config.evidence, httpx.AsyncClient())
    private = config.private_database
    engine = open_private(private if "://" in private else f"sqlite:///{private}")
    return Services(
        config=config,
        model=model,
        clock=clock,
        wall=SystemClock(),
        access=AccessStore(engine),
        settings=SettingsStore(engine),
        carbon=CarbonStore(engine),
        formats_by_language=in_every_language(config.locale, config.currency),
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
        has.model.close()
        has.settings.close()


def _fault(request: Request, code: int, title: str, detail: str) -> Response:
    has: Services = request.app.state.services
    page = Page(
        "error.html",
        title,
        {"status": code, "title": title, "detail": detail},
        Table(("status", "title", "detail"), [(code, title, detail)]),
        status=code,
    )
    return Renderer(request, has, Visitor(request, has))(page)


def _sign_in_first(request: Request, error: SignInNeededError) -> Response:
    if request.method == "GET" and form_of(request) == "html":
        query = f"?{request.url.query}" if request.url.query else ""
        there = urlencode({"next": request.url.path + query})
        return RedirectResponse(f"/sign-in?{there}", 303)
    return _fault(request, 401, gettext("Sign in first"), str(error))


def _answer(request: Request, error: Exception) -> Response:  # noqa: PLR0911 -- one a fault
    match error:
        case SignInNeededError():
            return _sign_in_first(request, error)
        case ForbiddenError():
            return _fault(request, 403, gettext("This is not yours to see or change"), str(error))
        case SignInError():
            return _fault(request, 400, gettext("You are not signed in"), str(error))
        case NotFoundError():
            return _fault(request, 404, gettext("Not on the chain"), str(error))
        case BadAddressError():
            return _fault(request, 400, gettext("This cannot be read"), f"{error}.")
        case TooLargeError():
            return _fault(request, 413, gettext("Too large"), str(error))
        case EvidenceUnavailableError():
            return _fault(request, 502, gettext("The evidence could not be fetched"), str(error))
        case OracleRefusedError():
            return _fault(request, 409, gettext("The oracle did not take it"), str(error))
        case RequestValidationError():
            fault = error.errors()[0]
            where = fault["loc"][-1]
            return _fault(request, 400, gettext("This cannot be read"), f"{where}: {fault['msg']}.")
        case HTTPException():
            title = gettext("Nothing here") if error.status_code == 404 else str(error.detail)
            return _fault(
                request,
                error.status_code,
                title,
                gettext("There is no page at %(path)s.", path=request.url.path),
            )
        case _:
            raise error


def _without_frame(request: Request, title: str, detail: str, status: int) -> Response:
    """Answer without the page's frame, which itself reads the tables."""
    if form_of(request) != "html" or request.url.path == "/ready":
        return JSONResponse({"ready": False, "status": status, "title": title}, status)
    template = request.app.state.templates[language()].get_template("failed.html")
    body = template.render(title=title, detail=detail)
    return html_response(body, status)


def _store_failed(request: Request, error: Exception) -> Response:
    log.error("the tables cannot be read", path=request.url.path, error=str(error))
    detail = gettext(
        "The tables behind these pages do not answer. Nothing is lost: everything is on the chain, "
        "and the tables can be made again from it."
    )
    return _without_frame(request, gettext("The figures cannot be read"), detail, 503)


def _bug(request: Request, error: Exception) -> Response:
    log.error("a page failed", path=request.url.path, exc_info=error)
    detail = gettext("This is a fault of ours and not of the figures; other pages may work.")
    return _without_frame(request, gettext("This page failed"), detail, 500)


def create_app(has: Services) -> ASGIApp:
    """Return the application over its services.

    The headers, the form asked for and the language are outermost, so that faults have them too.
    """
    within = Gate(routed(has), has.wall.now)
    tls = has.config.origin.startswith("https:")
    return SecurityHeaders(Suffixes(Languages(within, has.config.locale)), tls=tls)


def routed(has: Services) -> FastAPI:
    """Return the routes alone, without what is refused before them."""
    app = FastAPI(
        title="ChargeCoin dashboard",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.services = has
    app.state.templates = {
        one: environment(formats) for one, formats in has.formats_by_language.items()
    }
    for views in VIEWS:
        app.include_router(views.router)
    app.mount("/static", Files(directory=HERE / "static"))
    for kind in (
        SignInNeededError,
        ForbiddenError,
        SignInError,
        NotFoundError,
        BadAddressError,
        TooLargeError,
        EvidenceUnavailableError,
        OracleRefusedError,
        RequestValidationError,
        HTTPException,
    ):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(StoreError, _store_failed)
    app.add_exception_handler(SQLAlchemyError, _store_failed)
    app.add_exception_handler(Exception, _bug)
    return app
