"""The pages in a real browser: walked, live, by keyboard, without script, and accessible.

With CHARGECOIN_SCREENSHOTS=.cache/screenshots in the environment, a picture of each page is
kept there, to be looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from chargecoin.evidence.verify import STEPS
from chargecoin.footprint.check import recompute
from chargecoin.footprint.files import read
from tests.dashboard.browsing import (
    AXE,
    COLOUR_RULES,
    RULES,
    TIMEOUT_MS,
    Live,
    Site,
    apart,
    picture,
    violations,
)
from tests.dashboard.settled import settle_batch


@pytest.fixture
def town(site: Site) -> str:
    """The address of a dashboard over a busy town."""
    return site.address


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
    assert page.locator("li.step.ok").count() == len(STEPS)
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
    waiting = page.get_by_role("link", name="Checking every step")
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


def test_a_file_of_factors_is_imported_and_the_report_taken_away_recomputes(
    site: Site, opened: Callable[..., Page], tmp_path: Path
) -> None:
    factors = tmp_path / "factors.csv"
    factors.write_text("zone,period,gco2e_per_kwh,renewable_pct\nGB,2026,159.75,58\n")
    page = opened(site.address)
    page.context.add_cookies([site.cookie])  # type: ignore[list-item]
    page.goto(f"{site.address}/owners/1/carbon/inputs")
    form = page.locator("form", has=page.locator("#csv"))
    form.get_by_label("Source").fill("Provisional factors 2026")
    form.locator("input[type=file]").set_input_files(factors)
    expect(form.locator("#csv")).to_have_value(factors.read_text())
    form.get_by_role("button", name="Import").click()
    expect(page.get_by_role("row", name="Provisional factors 2026")).to_contain_text("Withdraw")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Carbon").first.click()
    page.get_by_label("Current").select_option("DC")
    page.get_by_role("button", name="Show").click()
    assert "power=DC" in page.url
    expect(page.get_by_role("cell", name="159.75").first).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("link", name="XLSX").first.click()
    kept = tmp_path / taken.value.suggested_filename
    taken.value.save_as(kept)
    found = recompute(read(kept))
    assert found.faults == []
    assert {one.power_type for one in found.sessions.values()} == {"DC"}


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
    ("sessions", "/owners/1/sessions?status=unfunded"),
    ("nothing found", "/owners/1/sessions?since=2030-01-01"),
    ("chargers", "/owners/1/chargers"),
    ("exceptions", "/owners/1/exceptions"),
    ("exceptions of a kind", "/owners/1/exceptions?kind=failed_start&since=2026-11-20"),
    ("exceptions, nothing found", "/owners/1/exceptions?since=2030-01-01"),
    ("session", "/sessions/1/1"),
    ("verify", "/verify"),
    ("batch", "/batches/1"),
    ("method", "/methods/co2"),
    ("status", "/status"),
    ("not found", "/sessions/9/9"),
    ("uptime", "/owners/1/uptime"),
    ("signed words", "/owners/1/feed?connector=3"),
    ("signed words, nothing found", "/owners/1/feed?connector=3&month=2001-01"),
    ("sign in", "/sign-in"),
    ("stations", "/owners/1/stations"),
    ("station", "/owners/1/stations/1"),
    ("station with faults", "/owners/1/stations/2"),
    ("tariff", "/owners/1/tariffs/new?connector=1&kwh=0.49&vat=20&starts=2026-11-23T06:30"),
    ("tariff refused", "/owners/1/tariffs/new?connector=1&kwh=x&starts=2026-11-23T06:30"),
    ("fees", "/owners/1/fees"),
    ("fees of a session", "/owners/1/fees/1/1"),
    ("no campaign", "/owners/1/campaigns"),
    ("no reward", "/owners/1/rewards"),
    ("payouts", "/owners/1/payouts"),
    ("payouts, nothing found", "/owners/1/payouts?kind=refunds&month=2001-01"),
    ("transaction", "/transactions/0x" + "12" * 32),
    ("carbon", "/owners/1/carbon"),
    ("carbon, nothing found", "/owners/1/carbon?month=2026-11&standard=NACS"),
)
PRIVATE_PAGES: Final = (
    ("signed in", "/sign-in"),
    ("access", "/owners/1/access"),
    ("uptime of a member", "/owners/1/uptime"),
    ("fees of a member", "/owners/1/fees"),
    ("prices", "/owners/1/prices"),
    ("carbon of a member", "/owners/1/carbon?since=2026-10&until=2026-11"),
    ("carbon inputs", "/owners/1/carbon/inputs"),
    ("carbon table", "/owners/1/carbon/tables/1"),
)
LIVE_PAGES: Final = (
    ("session with evidence", "/sessions/1/1"),
    ("session of an owner's key", "/sessions/2/1"),
    ("verified", "/sessions/1/1/verify"),
    ("verified in part", "/sessions/3/1/verify"),
)


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("group", ["public", "live", "private"])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    site: Site, live: Live, browser: Browser, width: int, group: str
) -> None:
    viewport: Any = {"width": width, "height": 900}
    context = browser.new_context(viewport=viewport, color_scheme="light")
    page = context.new_page()
    address, pages = {
        "public": (site.address, PAGES),
        "live": (live.address, LIVE_PAGES),
        "private": (site.address, PRIVATE_PAGES),
    }[group]
    if group == "private":
        cookie: Any = site.cookie
        context.add_cookies([cookie])
    faults = []
    for name, path in pages:
        page.goto(address + path)
        page.evaluate(AXE())
        faults += [f"{name}: {one}" for one in violations(page, RULES)]
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            faults.append(f"{name}: {wide} px too wide")
        picture(page, f"{name}-light-{width}", full_page=True)
        # Both themes have the same elements at the same places, and other colours.
        page.emulate_media(color_scheme="dark")
        faults += [f"{name}, dark: {one}" for one in violations(page, COLOUR_RULES)]
        picture(page, f"{name}-dark-{width}", full_page=True)
        page.emulate_media(color_scheme="light")
    context.close()
    assert faults == []
