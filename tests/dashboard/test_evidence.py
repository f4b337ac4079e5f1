"""Evidence everywhere: from each figure of each page something leads to what it is made of."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser

from tests.dashboard.browsing import Live, Site, figures_without_a_way_down
from tests.dashboard.test_browser import LIVE_PAGES, PAGES, PRIVATE_PAGES


def test_every_figure_leads_down_to_what_it_is_made_of(
    site: Site, live: Live, browser: Browser
) -> None:
    live.index()
    context = browser.new_context()
    page = context.new_page()
    faults = []
    for pages, origin in ((PAGES, site), (LIVE_PAGES, live), (PRIVATE_PAGES, site)):
        if pages is PRIVATE_PAGES:
            cookie: Any = site.cookie
            context.add_cookies([cookie])
        for name, path in pages:
            page.goto(origin.address + path)
            faults += [f"{name}: {one}" for one in figures_without_a_way_down(page)]
    context.close()
    assert not faults, "\n".join(faults)
