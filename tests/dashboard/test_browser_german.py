"""Pages in German: said so, written so, accessible, and whole on a narrow screen."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.dashboard.browsing import AXE, RULES, Site, picture, violations

PAGES = ("/owners/1", "/owners/1/sessions", "/owners/1/payouts", "/owners/1/stations/1")


@pytest.mark.parametrize("width", [1280, 320])
def test_german_pages_are_accessible_and_whole(
    site: Site, opened: Callable[..., Page], width: int
) -> None:
    page = opened(site.address + PAGES[0], width=width, locale="de-DE")
    for path in PAGES:
        page.goto(site.address + path)
        assert page.locator("html").get_attribute("lang") == "de-DE"
        page.evaluate(AXE())
        assert violations(page, RULES) == []
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, path
        picture(page, f"de-{path.strip('/').replace('/', '-')}-{width}", full_page=True)


def test_the_choice_in_the_header_works_without_script(
    site: Site, opened: Callable[..., Page]
) -> None:
    page = opened(site.address + "/owners/1", locale="en-GB", java_script_enabled=False)
    page.get_by_role("button", name="Deutsch").click()
    assert page.url == site.address + "/owners/1"
    assert page.locator("html").get_attribute("lang") == "de-DE"
    accrued = page.locator("[data-figure=accrued]").text_content() or ""
    assert re.fullmatch(r"[\d.]+,\d{6}\s€", accrued.strip()), accrued
    page.get_by_role("button", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en-GB"
