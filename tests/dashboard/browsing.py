"""What tests in a real browser share: a dashboard over a real chain, one over a busy town."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, TypeVar

from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from chargecoin.clock import ManualClock
from chargecoin.footprint.allocation import Certificate
from chargecoin.footprint.tables import Value
from dashboard.access.roles import Role
from dashboard.private.carbon import NewTable
from dashboard.private.settings import CardRate, PurchasePrice
from dashboard.services import Services
from tests.dashboard.people import key
from tests.dashboard.settled import Settled, index
from tests.dashboard.world import ACCOUNT
from tests.support.browser import ROOT

T = TypeVar("T")
AXE: Final = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOUR_RULES: Final = ["color-contrast", "link-in-text-block"]
# Generous: a busy machine is slow, and a wait ends as soon as what it waits for is there.
TIMEOUT_MS: Final = 90_000
Scheme = Literal["light", "dark"]


def apart(work: Callable[[], T]) -> T:
    """Run something in a thread of its own: Playwright's event loop runs in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


@dataclass(frozen=True, slots=True)
class Live:
    """A dashboard over a real chain, and how to bring its tables up to date."""

    address: str
    settled: Settled
    engine: Engine
    clock: ManualClock

    def pass_time(self, seconds: int) -> None:
        """Let chain and dashboard be later by so much than the newest block."""
        node = self.settled.protocol.node
        newest = int(node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        node.set_next_timestamp(newest + seconds)
        node.mine()
        self.clock.advance(newest + seconds - self.clock.now())

    def index(self) -> None:
        """Bring the tables to the chain's head."""
        apart(lambda: asyncio.run(index(self.settled, self.engine)))


@dataclass(frozen=True, slots=True)
class Site:
    """A dashboard over a busy town, and the cookie of its first owner's admin."""

    address: str
    cookie: dict[str, str]


def settle_in(has: Services) -> None:
    """Enter what an owner would have entered by then."""
    now = has.wall_now()
    has.access.invite(1, key("viewer").address, Role.VIEWER, ACCOUNT, now)
    has.access.invite(1, key("finance").address, Role.FINANCE, ACCOUNT, now)
    prices = [
        PurchasePrice(1, date(2026, 1, 1), 0, 24, 210_000),
        PurchasePrice(1, date(2026, 7, 1), 22, 24, 160_000),
        PurchasePrice(2, date(2026, 11, 10), 0, 24, 195_000),
    ]
    has.settings.enter_prices(1, prices, ACCOUNT, now)
    has.settings.set_card_rate(1, CardRate(bps=140, fixed=200_000), ACCOUNT, now)
    has.access.give_link(1, "uptime", date(2026, 10, 1), ACCOUNT, now, 14)
    months = [(1, "2026-11", 1_957_000), (2, "2026-11", 3_312_500)]
    metered = [Value(str(site), month, energy) for site, month, energy in months]
    tables = (
        ("location", "Government factors 2026", [Value("GB", "2026", 168_250, 52)]),
        ("residual", "Residual mix 2025", [Value("GB", "2025", 341_800)]),
        ("solar", "Roof of the harbour", [Value("1", "2026-11", 412_000)]),
        ("metered", "Network operator's bill", metered),
    )
    for kind, source, values in tables:
        has.carbon.enter_table(1, NewTable(kind, source, "OGL v3.0", "", values), ACCOUNT, now)
    rego = Certificate(
        0, "certificate", "REGO 0001 to 0009", "GB", None, "2026-11", "2026-11", 3_000_000, 0, True
    )
    has.carbon.enter_certificate(1, rego, ACCOUNT, now)
    has.settings.exclude(
        1,
        [1],
        since=has.now() - 7200,
        until=has.now(),
        reason="vandalism",
        note="Cable cut; reported to the police",
        by=key("finance").address,
        now=now,
    )


def picture(page: Page, name: str, **options: Any) -> None:
    """Keep a screenshot, where it is asked for."""
    folder = os.environ.get("CHARGECOIN_SCREENSHOTS")
    if folder:
        page.screenshot(path=ROOT / folder / f"{name}.png", **options)


def violations(page: Page, run_only: list[str]) -> list[str]:
    """Return what axe finds by some tags or rules, each with where."""
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => (one.open = true))")
    found = page.evaluate("(wanted) => axe.run({runOnly: wanted})", run_only)
    return [
        f"{one['id']}: {one['help']} at {one['nodes'][0]['target']}"
        f" {one['nodes'][0].get('failureSummary', '')}"
        for one in found["violations"]
    ]


def inspect(page: Page, address: str, paths: dict[str, str]) -> list[str]:
    """Return what is wrong with pages, by name and path: by axe in both themes, and cut off."""
    width = page.evaluate("innerWidth")
    faults = []
    for name, path in paths.items():
        page.emulate_media(color_scheme="light")
        page.goto(address + path)
        page.evaluate(AXE())
        found = violations(page, RULES)
        picture(page, f"{name}-light-{width}", full_page=True)
        page.emulate_media(color_scheme="dark")
        found += violations(page, COLOUR_RULES)
        picture(page, f"{name}-dark-{width}", full_page=True)
        beyond = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if beyond:
            found.append(f"{beyond} px are cut off")
        faults += [f"{path}: {one}" for one in found]
    return faults


def sign_and_follow(live: Live, page: Page) -> None:
    """Sign what a page prepared with the wallet that is there, and follow it to its effect."""
    page.get_by_role("button", name="Sign with Test Wallet").click()
    stage = page.locator('[data-figure="stage"]')
    expect(stage).to_have_text("In a block")
    live.index()
    expect(stage).to_have_text("In the tables", timeout=TIMEOUT_MS)
    page.get_by_role("link", name="See what it changed").click()


def figures_without_a_way_down(page: Page) -> list[str]:
    """Return the figures of a page from which nothing leads to what they are made of.

    A figure (an amount of money, a heat map, or what is marked as one) is in a link or holds
    one, or its row does; or it stands in a part that names its list (`data-lists`, the id of a
    heading or table): the section of that has links. Such links lead to sessions, or to a page
    from which one gets there. What is entered or only an example is marked `data-example`.
    """
    found: list[str] = page.evaluate(
        """() => {
          const LEADS = new RegExp("^(/owners/[0-9]+)?/(sessions|batches|transactions|exceptions|"
            + "chargers|stations|fees|payouts|campaigns|disputes|feed)(?![a-z])");
          const leads = (place) => [...(place?.querySelectorAll("a[href]") ?? [])]
            .some((one) => LEADS.test(one.getAttribute("href")));
          const figures = "main .money, main [data-figure], svg.week, svg.heat";
          return [...document.querySelectorAll(figures)]
            .filter((one) => one.matches("svg") || /[0-9]/.test(one.textContent))
            .filter((one) => !one.closest("[data-example], .empty, form.filters"))
            .filter((one) => {
              const link = one.closest("a[href]");
              if (link && (LEADS.test(link.getAttribute("href")) || link.hash)) return false;
              if (leads(one) || leads(one.closest("tr"))) return false;
              const name = one.closest("[data-lists]")?.dataset.lists;
              const list = name && document.getElementById(name)?.closest("section, table");
              return !leads(list);
            })
            .map((one) => {
              const head = one.closest("section")?.querySelector("h2")?.textContent ?? "";
              return `${head}: ${one.dataset.figure ?? ""} ${one.textContent}`.trim();
            });
        }"""
    )
    return found
