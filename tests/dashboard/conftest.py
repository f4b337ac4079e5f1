"""What the dashboard's tests start from: a written world, and a chain where it matters."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import Engine

from chargecoin.clock import ManualClock
from chargecoin.local_node import LocalNode, NodeOptions
from chargecoin.record import Reason, Status
from dashboard.services import Services
from indexer.database import open_database
from tests.dashboard.browsing import TIMEOUT_MS, Live, Scheme, Site, apart, settle_in
from tests.dashboard.serving import client, running, services
from tests.dashboard.settled import Settled, serving, settle
from tests.dashboard.world import ACCOUNT, DEPLOYMENT, Made, World, at, history
from tests.support.browser import launch
from tests.support.charging import END, START

# A Sunday, a quarter past one in Perth.
NOW = at("2026-11-22 13:15", "Europe/London")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database with the indexer's schema."""
    made = open_database(f"sqlite:///{tmp_path}/indexer.sqlite")
    yield made
    made.dispose()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at `NOW`."""
    return ManualClock(NOW)


@pytest.fixture
def world(engine: Engine) -> World:
    """A chain with nothing on it."""
    return World(engine)


# The browser says so of a letter's file when a busy machine takes seconds to draw a page.
UNUSED_YET: Final = "was preloaded using link preload but not used"


@dataclass(frozen=True, slots=True)
class Town:
    """Two owners, three sites, six connectors; `first` and `second` are the owners' ids."""

    world: World
    first: int
    second: int
    harbour: list[int]
    station: list[int]
    kiel: list[int]


def _town(world: World) -> Town:
    began = NOW - 70 * 86_400
    first = world.owner("Tay Valley Charging", began)
    second = world.owner("Nordlicht Ladeparks", began)
    harbour = world.site(first, "Harbour", began, stations=[("TAY-01", 2, 22_000)])
    station = world.site(first, "Station Road", began, stations=[("TAY-02", 2, 150_000)])
    kiel = world.site(
        second,
        "Hafen Kiel",
        began,
        zone="Europe/Berlin",
        country="DE",
        stations=[("NL-01", 2, 22_000)],
    )
    return Town(world, first, second, harbour, station, kiel)


@pytest.fixture
def town(world: World) -> Town:
    """Two owners with registered chargers and no session yet."""
    return _town(world)


@pytest.fixture(scope="session")
def busy_seed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Town]:
    """A town with weeks of sessions, a few that were not paid, and a feed; built once."""
    path = tmp_path_factory.mktemp("busy") / "indexer.sqlite"
    engine = open_database(f"sqlite:///{path}")
    town = _town(World(engine))
    for _ in history(town.world, NOW, days=40):
        pass
    unpaid = [
        Made(
            town.harbour[0],
            NOW - 9000,
            status=Status.UNFUNDED,
            reason=Reason.BALANCE_SHORT,
            paid=1_250_000,
            debt=7_750_000,
        ),
        Made(
            town.harbour[1],
            NOW - 9000,
            payer=0,
            status=Status.UNFUNDED,
            reason=Reason.NO_PAYER,
            assurance=2,
        ),
        Made(
            town.station[0], NOW - 9000, status=Status.REJECTED, reason=Reason.SESSION_CAP, paid=0
        ),
    ]
    town.world.settle(NOW - 1200, unpaid)
    states = ("Charging", "Available", "Faulted", "Offline")
    connectors = town.harbour + town.station
    town.world.feed(
        NOW - 42,
        dict(zip(connectors, states, strict=True)),
        errors={town.station[0]: "GroundFailure"},
    )
    engine.dispose()  # Closing the last connection puts all of it into the one file.
    return path, town


@pytest.fixture
def busy_town(busy_seed: tuple[Path, Town], engine: Engine) -> Town:
    """A copy of that town, the test's own."""
    path, town = busy_seed
    engine.dispose()
    shutil.copy(path, str(engine.url.database))
    return replace(town, world=town.world.copy(engine))


@pytest.fixture
def has(engine: Engine, clock: ManualClock) -> Services:
    """The services of a dashboard whose node and oracles do not answer."""
    return services(engine, DEPLOYMENT, clock)


@pytest.fixture
async def pages(has: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that dashboard."""
    async with client(has) as made:
        yield made


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    """A chain of the module's own that began two days before the sessions."""
    with LocalNode(NodeOptions(timestamp=START - 2 * 86_400)) as made:
        yield made


@pytest.fixture(scope="module")
def settled(node: LocalNode, tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """Three sessions settled for real."""
    return settle(node, tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser, started once."""
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        made = launch(playwright)
        yield made
        made.close()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A dashboard over a chain on which sessions are settled for real."""
    folder = tmp_path_factory.mktemp("live")
    with LocalNode(NodeOptions(timestamp=START - 2 * 86_400)) as node:
        chain = apart(lambda: settle(node, folder))
        engine = open_database(f"sqlite:///{folder}/indexer.sqlite")
        clock = ManualClock(END + 900)
        has = services(
            engine,
            chain.protocol.deployment,
            clock,
            rpc_url=node.url,
            oracle=serving(chain.cases),
        )
        with running(has) as address:
            found = Live(address, chain, engine, clock)
            found.index()
            yield found
        engine.dispose()


@pytest.fixture(scope="module")
def site(busy_seed: tuple[Path, Town], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A dashboard over a busy town."""
    path = tmp_path_factory.mktemp("town") / "indexer.sqlite"
    shutil.copy(busy_seed[0], path)
    engine = open_database(f"sqlite:///{path}")
    world = busy_seed[1].world.copy(engine)
    for connector in busy_seed[1].harbour:
        world.tariff(connector, 2, NOW - 41, NOW - 18 * 86_400, 390_000)
    for moment, status in ((NOW - 40, "Available"), (NOW - 35, "Offline")):
        world.feed(moment, {busy_seed[1].station[1]: status})
    has: Services = services(engine, DEPLOYMENT, ManualClock(NOW), origin="")
    settle_in(has)
    token = has.access.sign_in(ACCOUNT, has.wall_now())
    with running(has) as address:
        yield Site(address, {"name": "session", "value": token, "url": address})
    engine.dispose()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages whose console must stay free of faults and that ask nobody else."""
    contexts = []
    faults: list[str] = []

    def open_(address: str, *, width: int = 1280, scheme: Scheme = "light", **options: Any) -> Page:
        viewport: Any = {"width": width, "height": 900}
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda said: (
                faults.append(said.text)
                if said.type in {"error", "warning"} and UNUSED_YET not in said.text
                else None
            ),
        )
        origin = "/".join(address.split("/")[:3])
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(origin) else faults.append(asked.url),
        )
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []
