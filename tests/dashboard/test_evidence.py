"""Evidence everywhere: from each figure of each page something leads to what it is made of."""

from __future__ import annotations

import csv
from typing import Any

import httpx
import pytest
from eth_utils.crypto import keccak
from playwright.sync_api import Browser

from chargecoin import canonical
from chargecoin.typed_data import recover
from indexer import feed_entries
from tests.dashboard.browsing import Live, Site, figures_without_a_way_down
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.test_browser import LIVE_PAGES, PAGES, PRIVATE_PAGES


async def test_what_uptime_is_made_of_can_be_checked_word_for_word(
    pages: httpx.AsyncClient, busy_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector, world = busy_town.station[0], busy_town.world
    for number, status in enumerate(("Available", "Charging", "Finishing")):
        world.feed(NOW - 30 + number, {connector: status}, session="5")
    html = (await pages.get("/owners/1/uptime")).text
    address = f"/owners/1/feed?connector={connector}&amp;month=2026-11"
    assert f'href="{address}"' in html
    monkeypatch.setattr("dashboard.views.feed.PAGE", 2)
    found: list[dict[str, Any]] = []
    further: str | None = address.replace("&amp;", "&")
    while further:
        page = (await pages.get(further.replace("feed?", "feed.json?"))).json()
        found += page["rows"]
        further = page["next"]
    assert [one["status"] for one in found] == ["Finishing", "Charging", "Available", "Faulted"]
    for one in found:
        body = {name: one[name] for name in one if name not in {"oracle", "signature"}}
        digest = keccak(feed_entries.DOMAIN + canonical.dumps(body))
        assert recover(digest, bytes.fromhex(one["signature"][2:])) == one["oracle"]
    rows = list(
        csv.DictReader((await pages.get(address.replace("feed?", "feed.csv?"))).text.splitlines())
    )
    assert [row["signature"] for row in rows] == [one["signature"] for one in found]
    assert (await pages.get("/owners/1/feed?after=x")).status_code == 400
    assert (await pages.get("/owners/1/feed?connector=5")).status_code == 404


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
            if "nothing found" in name:
                continue
            page.goto(origin.address + path)
            faults += [f"{name}: {one}" for one in figures_without_a_way_down(page)]
    context.close()
    assert not faults, "\n".join(faults)
