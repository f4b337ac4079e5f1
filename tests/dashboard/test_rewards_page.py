"""Rewards: each epoch's funds, root and claims, and what the owner was paid."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from dashboard.services import Services
from dashboard.views.rewards import EPOCH_S, state_of
from indexer.read_model import ReadModel
from tests.dashboard.browsing import AXE, COLOUR_RULES, RULES, picture, violations
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import running, text_of
from tests.dashboard.world import ACCOUNT

NOW_EPOCH = NOW // EPOCH_S
OLD = NOW_EPOCH - 6
DAY = 86_400
CHG = 10**18


def fill(town: Town) -> None:
    """Fund two epochs; of the older one a voided root, its successor and two claims."""

    def log(at: int, name: str, **arguments: Any) -> None:
        town.world.mine(at, [("StationRewards", name, arguments)])

    for epoch in (OLD, NOW_EPOCH):
        at = epoch * EPOCH_S + 60
        log(at, "EpochFunded", epoch=epoch, source=ACCOUNT, payment=9_000_000, chg=40 * CHG)
    root: dict[str, Any] = {
        "epoch": OLD,
        "committee_epoch": 1,
        "payment": 8_000_000,
        "chg": 30 * CHG,
        "claimable_at": NOW - DAY,
        "expires_at": NOW + 90 * DAY,
    }
    log(NOW - 6 * DAY, "RootPosted", **root, attempt=0, root=b"\x01" * 32)
    log(NOW - 5 * DAY, "RootVoided", epoch=OLD, attempt=0, root=b"\x01" * 32)
    log(NOW - 4 * DAY, "RootPosted", **root, attempt=1, root=b"\x02" * 32)
    paid = {town.first: (3_000_000, 5 * CHG + CHG // 4), town.second: (1_000_000, 0)}
    for owner, (payment, chg) in paid.items():
        one = {"epoch": OLD, "recipient": owner, "to": ACCOUNT, "payment": payment, "chg": chg}
        log(NOW - 3_600, "RewardClaimed", **one)


async def test_without_funds_the_page_says_where_rewards_come_from(
    town: Town, pages: httpx.AsyncClient
) -> None:
    words = text_of((await pages.get(f"/owners/{town.first}/rewards")).text)
    assert "No reward yet" in words
    assert "No reward was paid to you yet." in words
    assert (await pages.get("/owners/9/rewards")).status_code == 404


async def test_each_epoch_says_what_it_holds_and_what_the_owner_was_paid(
    town: Town, pages: httpx.AsyncClient
) -> None:
    fill(town)
    where = f"/owners/{town.first}/rewards"
    answer = (await pages.get(f"{where}.json")).json()
    assert answer["paid"] == [3_000_000, str(5 * CHG + CHG // 4)]
    newest, older = answer["epochs"]
    assert (newest["state"], newest["claim"]) == ("open", None)
    assert older["epoch"]["root"] == "0x" + "02" * 32
    assert older["epoch"]["claimed"] == [4_000_000, str(5 * CHG + CHG // 4)]
    assert (older["state"], older["claim"]["payment"]) == ("claimable", 3_000_000)
    words = text_of((await pages.get(where)).text)
    assert "and 5.25 CHG paid to you so far." in words
    rows = list(csv.DictReader((await pages.get(f"{where}.csv")).text.splitlines()))
    assert [(one["allotted"], one["claimed_by_owner"]) for one in rows] == [
        ("0", "0"),
        ("8000000", "3000000"),
    ]


def test_an_epochs_state_follows_its_end_and_its_root(town: Town) -> None:
    fill(town)
    newest, older = ReadModel(town.world.engine).reward_epochs(2)
    assert older.claimable_at is not None
    assert older.expires_at is not None
    ends = (NOW_EPOCH + 1) * EPOCH_S
    assert [state_of(newest, at) for at in (ends - 1, ends)] == ["open", "awaited"]
    assert state_of(older, older.claimable_at - 1) == "challenge"
    assert state_of(older, older.claimable_at) == "claimable"
    assert state_of(older, older.expires_at) == "expired"
    assert state_of(replace(older, claimable_at=None, expires_at=None), NOW) == "awaited"


@pytest.mark.parametrize("width", [320, 1280])
def test_rewards_are_accessible_and_nothing_is_cut_off(
    town: Town, has: Services, browser: Browser, width: int
) -> None:
    fill(town)
    viewport: Any = {"width": width, "height": 900}
    context = browser.new_context(viewport=viewport)
    page = context.new_page()
    with running(has) as address:
        page.goto(f"{address}/owners/{town.first}/rewards")
        page.evaluate(AXE())
        faults = violations(page, RULES)
        picture(page, f"rewards-light-{width}", full_page=True)
        page.emulate_media(color_scheme="dark")
        faults += violations(page, COLOUR_RULES)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        context.close()
    assert (faults, wide) == ([], 0)
