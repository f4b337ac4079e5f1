"""The dashboard over a test's own database, node and oracle."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Final

import httpx
import uvicorn
from sqlalchemy import Engine

from chargecoin.clock import Clock, ManualClock, SystemClock
from chargecoin.deployments import Deployment
from dashboard.access.store import AccessStore
from dashboard.app import create_app
from dashboard.config import Config
from dashboard.formats import in_every_language
from dashboard.node import Node
from dashboard.oracles import Oracles
from dashboard.private.carbon import CarbonStore
from dashboard.private.database import open_private
from dashboard.private.settings import SettingsStore
from dashboard.services import Services
from dashboard.watch import Watch
from indexer.read_model import ReadModel

NO_NODE: Final = "http://127.0.0.1:1"
ORIGIN: Final = "http://dashboard.test"
ORACLE: Final = "http://oracle.test"
Handler = Callable[[httpx.Request], httpx.Response]


def nobody(_request: httpx.Request) -> httpx.Response:
    """Answer as an oracle that knows no session."""
    return httpx.Response(404)


def services(
    engine: Engine,
    deployment: Deployment,
    clock: Clock,
    *,
    rpc_url: str = NO_NODE,
    oracle: Handler = nobody,
    locale: str = "en_GB",
    wall: Clock | None = None,
    origin: str = ORIGIN,
    private: Path | None = None,
) -> Services:
    """Make what the application works with; the private settings are beside the tables."""
    config = Config(
        database=str(engine.url),
        rpc_url=rpc_url,
        deployment=Path("deployment.json"),
        evidence=(ORACLE,),
        locale=locale,
        origin=origin,
    )
    beside = Path(str(engine.url.database)).with_name("dashboard.sqlite")
    settings = open_private(f"sqlite:///{private or beside}")
    model = ReadModel(engine)
    node = Node(rpc_url, deployment)
    oracles = Oracles((ORACLE,), httpx.AsyncClient(transport=httpx.MockTransport(oracle)))
    return Services(
        config=config,
        model=model,
        clock=clock,
        wall=wall or SystemClock(),
        access=AccessStore(settings),
        settings=SettingsStore(settings),
        carbon=CarbonStore(settings),
        formats_by_language=in_every_language(locale, "EUR"),
        oracles=oracles,
        node=node,
        watch=Watch(model, node, oracles, clock),
    )


async def look(has: Services) -> None:
    """Let the dashboard look at its tables, its node and its oracles once."""
    await has.watch.look()
    await has.watch.ask_node()
    await has.watch.ask_oracles()


def client(has: Services, base_url: str = ORIGIN) -> httpx.AsyncClient:
    """Return a client of the application, in this process and without a socket.

    What it sends, it sends as a browser does from a page of ours.
    """
    transport = httpx.ASGITransport(app=create_app(has))
    headers = {"sec-fetch-site": "same-origin"}
    return httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers)


def text_of(html: str) -> str:
    """Return what a page says, as one line of text."""
    without = re.sub(r"(?s)<(script|style|title|svg)\b.*?</\1>", "", html)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", without))).replace(" ,", ",")


@contextmanager
def running(has: Services) -> Iterator[str]:
    """Serve on a free port and yield the address."""
    config = uvicorn.Config(
        create_app(has), port=0, log_level="warning", timeout_graceful_shutdown=2
    )
    socket = config.bind_socket()
    # Whoever connects before the server's thread has come so far waits and is not refused.
    socket.listen()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        socket.close()


def manual(now: int) -> ManualClock:
    """Return a clock that stands at `now`, UTC seconds."""
    return ManualClock(now)
