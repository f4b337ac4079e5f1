"""The pages in a real browser: walked, live, by keyboard, without script, and accessible.

With CHARGECOIN_SCREENSHOTS=.cache/screenshots in the environment, a picture of each page is
kept there, to be looked at.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import Engine

from chargecoin.clock import ManualClock
from chargecoin.local_node import LocalNode, NodeOptions
from dashboard.access.roles import Role
from dashboard.services import Services
from indexer.database import open_database
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.people import key
from tests.dashboard.serving import running, services
from tests.dashboard.settled import Settled, index, serving, settle, settle_batch
from tests.dashboard.world import ACCOUNT, DEPLOYMENT
from tests.support.browser import ROOT, launch
from tests.support.charging import END, START

T = TypeVar("T")
AXE: Final = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOUR_RULES: Final = ["color-contrast", "link-in-text-block"]
TIMEOUT_MS: Final = 15_000
Scheme = Literal["light", "dark"]


def apart(work: Callable[[], T]) -> T:
    """Run something in a thread of its own: Playwright's event loop runs in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser, started once."""
    with sync_playwright() as playwright:
        made = launch(playwright)
        yield made
        made.close()


@dataclass(frozen=True, slots=True)
class Live:
    """A dashboard over a real chain, and how to bring its tables up to date."""

    address: str
    settled: Settled
    engine: Engine

    def index(self) -> None:
        """Bring the tables to the chain's head."""
        apart(lambda: asyncio.run(index(self.settled, self.engine)))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A dashboard over a chain on which sessions are settled for real."""
    folder = tmp_path_factory.mktemp("live")
    with LocalNode(NodeOptions(timestamp=START - 2 * 86_400)) as node:
        chain = apart(lambda: settle(node, folder))
        engine = open_database(f"sqlite:///{folder}/indexer.sqlite")
        has = services(
            engine,
            chain.protocol.deployment,
            ManualClock(END + 900),
            rpc_url=node.url,
            oracle=serving(chain.cases),
        )
        with running(has) as address:
            found = Live(address, chain, engine)
            found.index()
            yield found
        engine.dispose()


@dataclass(frozen=True, slots=True)
class Site:
    """A dashboard over a busy town, and the cookie of its first owner's admin."""

    address: str
    cookie: dict[str, str]


@pytest.fixture(scope="module")
def site(busy_seed: tuple[Path, Town], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A dashboard over a busy town."""
    path = tmp_path_factory.mktemp("town") / "indexer.sqlite"
    shutil.copy(busy_seed[0], path)
    engine = open_database(f"sqlite:///{path}")
    has: Services = services(engine, DEPLOYMENT, ManualClock(NOW), origin="")
    settle_in(has)
    token = has.access.sign_in(ACCOUNT, has.wall_now())
    with running(has) as address:
        yield Site(address, {"name": "session", "value": token, "url": address})
    engine.dispose()


@pytest.fixture
def town(site: Site) -> str:
    """Its address."""
    return site.address


def settle_in(has: Services) -> None:
    """Enter what an owner would have entered by then."""
    now = has.wall_now()
    has.access.invite(1, key("viewer").address, Role.VIEWER, ACCOUNT, now)
    has.access.invite(1, key("finance").address, Role.FINANCE, ACCOUNT, now)
    has.access.give_link(1, "uptime", date(2026, 10, 1), ACCOUNT, now, 14)
    has.settings.exclude(
        1,
        [1],
        since=NOW - 7200,
        until=NOW,
        reason="vandalism",
        note="Cable cut; reported to the police",
        by=key("finance").address,
        now=now,
    )


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
            lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None,
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


def picture(page: Page, name: str, **options: Any) -> None:
    """Keep a screenshot, where it is asked for."""
    folder = os.environ.get("CHARGECOIN_SCREENSHOTS")
    if folder:
        page.screenshot(path=ROOT / folder / f"{name}.png", **options)


def test_from_the_overview_down_to_the_block_and_verified(
    live: Live, opened: Callable[..., Page]
) -> None:
    page = opened(live.address)
    page.get_by_role("link", name="Harbour Parking").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("How are we doing today?")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Sessions").click()
    expect(page.get_by_role("heading", name="3 sessions")).to_be_visible()
    page.get_by_role("link", name="1/1", exact=True).click()
    expect(page.get_by_text("The lines add up exactly.")).to_be_visible()
    page.get_by_text("Show the messages").click()
    expect(page.get_by_text('"StartTransaction"').first).to_be_visible()
    page.get_by_text("Field by field").click()
    expect(page.get_by_role("row", name="energy_wh")).to_contain_text("1.101 kWh")
    picture(page, "session", full_page=True)
    page.get_by_role("link", name="Verify this session").first.click()
    expect(page.get_by_role("heading", name="Every step holds")).to_be_visible()
    assert page.locator("li.step.ok").count() == 10
    picture(page, "verify", full_page=True)


def test_a_copy_with_one_byte_flipped_fails_in_the_form(
    live: Live, opened: Callable[..., Page], tmp_path: Path
) -> None:
    case = live.settled.signed
    page = opened(f"{live.address}/sessions/{case.key}/verify")
    with page.expect_download() as bundle:
        page.get_by_role("link", name="Download the bundle").click()
    with page.expect_download() as proof:
        page.get_by_role("link", name="Download the proof").click()
    kept = tmp_path / bundle.value.suggested_filename
    bundle.value.save_as(kept)
    proof.value.save_as(tmp_path / "proof.json")
    assert kept.read_bytes() == case.bundle
    page.locator("input[type=file]").first.set_input_files(kept)
    page.locator("input[type=file]").last.set_input_files(tmp_path / "proof.json")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("heading", name="Every step holds")).to_be_visible()
    field = page.get_by_label("Bundle")
    field.fill(field.input_value().replace("StartTransaction", "StartTransactioN", 1))
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("heading", name="Fails at: charger's frames")).to_be_visible()
    failed = page.locator("li.step.failed")
    expect(failed.first).to_have_attribute("data-step", "frames")
    expect(failed.first).to_contain_text("The hash of frame 0 is stated as")


def test_a_check_that_takes_a_while_says_that_it_works(
    live: Live, opened: Callable[..., Page]
) -> None:
    page = opened(f"{live.address}/sessions/1/1")
    # The page as it stands while the server is still checking.
    page.evaluate("addEventListener('click', (event) => event.preventDefault())")
    page.get_by_role("link", name="Verify this session").first.click()
    waiting = page.get_by_role("link", name="Checking ten steps")
    expect(waiting).to_have_attribute("aria-busy", "true")


def test_a_session_moves_the_counter_without_a_reload(
    live: Live, opened: Callable[..., Page]
) -> None:
    page = opened(f"{live.address}/owners/1")
    counter = page.locator('[data-figure="answer-sessions"]')
    expect(page.locator("[data-live-status]")).to_have_text("Live")
    before = int(counter.inner_text())
    page.evaluate("window.stayed = true")
    details = page.get_by_text("The same as a table")
    details.click()
    apart(lambda: asyncio.run(settle_batch(live.settled.protocol, (1, 2))))
    live.index()
    expect(counter).to_have_text(str(before + 2), timeout=TIMEOUT_MS)
    assert page.evaluate("window.stayed") is True
    # What the reader opened stays open.
    assert page.locator("#days-table").get_attribute("open") is not None


def test_the_theme_is_the_systems_until_the_reader_chooses(
    town: str, opened: Callable[..., Page]
) -> None:
    page = opened(f"{town}/owners/1", scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.get_by_role("button", name="Switch between light and dark").click()
    light = page.evaluate(paper)
    assert light != dark
    page.goto(f"{town}/owners/1/sessions")
    assert page.evaluate(paper) == light
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(paper) == dark


def test_pages_read_without_javascript(live: Live, opened: Callable[..., Page]) -> None:
    page = opened(f"{live.address}/owners/1", java_script_enabled=False)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[data-theme-toggle]")).to_be_hidden()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Sessions").click()
    page.get_by_label("Assurance").select_option("3")
    page.get_by_role("button", name="Show").click()
    assert "assurance=3" in page.url
    page.locator("tbody a").last.click()
    page.get_by_role("link", name="Verify this session").first.click()
    expect(page.get_by_role("heading", name="Every step holds")).to_be_visible()


def test_everything_is_reached_by_keyboard(town: str, opened: Callable[..., Page]) -> None:
    page = opened(f"{town}/owners/1")
    wanted = page.evaluate(
        """() => [...document.querySelectorAll(`a[href], button, summary, input,
              select, [tabindex="0"]`)].filter(one => one.checkVisibility()).map((one, number) => {
              one.dataset.stop = number; return number; })"""
    )
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    expect(page.locator(".skip")).to_be_in_viewport()
    reached = []
    for _ in wanted:
        reached.append(int(page.evaluate("document.activeElement.dataset.stop ?? -1")))
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle !== 'none'")
        assert ring, "the focus can be seen"
        page.keyboard.press("Tab")
    assert reached == wanted
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


PAGES: Final = (
    ("owners", "/"),
    ("overview", "/owners/1"),
    ("sessions", "/owners/1/sessions?status=exceptions"),
    ("nothing found", "/owners/1/sessions?since=2030-01-01"),
    ("chargers", "/owners/1/chargers"),
    ("held back", "/owners/1/quarantine"),
    ("session", "/sessions/1/1"),
    ("verify", "/verify"),
    ("batch", "/batches/1"),
    ("method", "/methods/co2"),
    ("status", "/status"),
    ("not found", "/sessions/9/9"),
    ("uptime", "/owners/1/uptime"),
    ("sign in", "/sign-in"),
)
PRIVATE_PAGES: Final = (
    ("signed in", "/sign-in"),
    ("access", "/owners/1/access"),
    ("uptime of a member", "/owners/1/uptime"),
)
LIVE_PAGES: Final = (
    ("session with evidence", "/sessions/1/1"),
    ("session of an owner's key", "/sessions/2/1"),
    ("verified", "/sessions/1/1/verify"),
    ("verified in part", "/sessions/3/1/verify"),
)


def violations(page: Page, run_only: list[str]) -> list[str]:
    """Return what axe finds by some tags or rules, each with where."""
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.evaluate(AXE())
    found = page.evaluate("(wanted) => axe.run({runOnly: wanted})", run_only)
    return [
        f"{one['id']}: {one['help']} at {one['nodes'][0]['target']}"
        f" {one['nodes'][0].get('failureSummary', '')}"
        for one in found["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    site: Site, live: Live, browser: Browser, scheme: Scheme, width: int
) -> None:
    viewport: Any = {"width": width, "height": 900}
    context = browser.new_context(viewport=viewport, color_scheme=scheme)
    page = context.new_page()
    asked = [(name, site.address + path) for name, path in PAGES]
    asked += [(name, live.address + path) for name, path in LIVE_PAGES]
    asked += [(name, site.address + path) for name, path in PRIVATE_PAGES]
    # Both themes have the same elements at the same places, and other colours.
    rules = RULES if scheme == "light" else COLOUR_RULES
    faults = []
    for name, address in asked:
        if name == PRIVATE_PAGES[0][0]:
            cookie: Any = site.cookie
            context.add_cookies([cookie])
        page.goto(address)
        faults += [f"{name}: {one}" for one in violations(page, rules)]
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            faults.append(f"{name}: {wide} px too wide")
        picture(page, f"{name}-{scheme}-{width}", full_page=True)
    context.close()
    assert faults == []
