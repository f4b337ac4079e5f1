"""A campaign from the form to its first session: a real chain, a real browser, a wallet that signs.

The launch is made by keyboard alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from chargecoin.campaigns import ALL_HOURS, daily_hours
from chargecoin.chain.calls import function
from tests.dashboard.browsing import AXE, RULES, TIMEOUT_MS, Live, apart, picture, violations
from tests.dashboard.settled import settle_batch
from tests.dashboard.wallet import Wallet
from tests.support.protocol import secret

OWNER = bytes.fromhex(secret("station_owner 1")[2:])
FORM = "/owners/1/campaigns/new"
FILLED = "?kind=off_peak&name=Nights&site=1&last=2026-01-31&rate=20&cap=5&budget=25&show=preview"
MOST_STOPS = 400
# docs/protocol.md, section 10: the longest session, and the age at which one is too old.
SETTLING_S = (12 + 90) * 86_400


def give(live: Live, wallet: Wallet, amount: int) -> None:
    """Let a wallet have test tokens."""
    mint = function("TestStablecoin", "mint").encode(wallet.address, amount)
    token = live.settled.protocol.deployment.address("Token")
    wallet._send({"from": wallet.address, "to": token, "data": "0x" + mint.hex()})


def tab_to(page: Page, what: str) -> None:
    """Press Tab until the focus is on what a selector means, as somebody without a mouse does."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate("(what) => document.activeElement.matches(what)", what):
            return
    raise AssertionError(f"{what} is not reached by Tab")


def press(page: Page, what: str, key: str = "Enter") -> None:
    """Go somewhere by keyboard and press a key there."""
    tab_to(page, what)
    page.keyboard.press(key)


def enter(page: Page, field: str, text: str) -> None:
    """Go to a field by keyboard and type."""
    tab_to(page, f"#{field}")
    page.keyboard.type(text)


def fill_in(page: Page) -> None:
    """Fill the form in by keyboard: nights at the one site, 20 % up to 5.00, a budget of 25.00."""
    press(page, f'a[href="{FORM}"]')
    expect(page.get_by_role("heading", level=1)).to_have_text("Launch a campaign")
    enter(page, "name", "Nights at the harbour")
    press(page, "input[name=site]", "Space")
    enter(page, "last", "01312026")
    press(page, "button[data-week]")
    # Arrows move within the week, and the space bar switches one hour.
    tab_to(page, "input[name=hour]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.ariaLabel") == "Tuesday 01 to 02 h"
    page.keyboard.press("Space")
    assert not page.evaluate("document.activeElement.checked")
    page.keyboard.press("Space")
    enter(page, "rate", "20")
    enter(page, "cap", "5")
    enter(page, "budget", "25")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What it would have cost")).to_be_visible()


def test_a_campaign_is_launched_by_keyboard_and_its_first_session_gets_it(
    live: Live, opened: Callable[..., Page]
) -> None:
    node, deployment = live.settled.protocol.node, live.settled.protocol.deployment
    wallet = Wallet(OWNER, node)
    page = opened(f"{live.address}/status")
    wallet.enter(page)
    page.goto(f"{live.address}/owners/1/campaigns")
    fill_in(page)
    # Without the money nothing is offered; with it the page goes on from the same address.
    expect(page.get_by_text("The account holds too little")).to_be_visible()
    give(live, wallet, 25_000_000)
    page.reload()
    button = "[data-wallet-choices] button"
    states = page.locator("ol.descent .state")
    expect(states).to_have_text(["To be signed now", "After that"])
    picture(page, "campaign to sign", full_page=True)
    page.evaluate(AXE())
    assert violations(page, RULES) == []
    prepared = page.url
    press(page, button)
    stage = page.locator('[data-figure="stage"]')
    expect(stage).to_have_text("In a block")
    live.index()
    expect(stage).to_have_text("In the tables")
    press(page, '[data-part="stages"] a')
    expect(states).to_have_text(["Done", "To be signed now"])
    press(page, button)
    expect(stage).to_have_text("In a block")
    followed = page.url
    page.goto(prepared)
    # On the chain, and not in the tables: it is not offered again.
    expect(page.get_by_text("The chain has it as campaign 1.")).to_be_visible()
    expect(states).to_have_text(["Done", "Done"])
    expect(page.locator("[data-wallet-send]")).to_have_count(0)
    page.goto(followed)
    live.index()
    expect(stage).to_have_text("In the tables", timeout=TIMEOUT_MS)
    node.mine(70)
    live.index()
    expect(stage).to_have_text("Final", timeout=TIMEOUT_MS)
    press(page, '[data-part="stages"] a')
    expect(page.get_by_role("heading", name="Launched")).to_be_visible()
    picture(page, "campaign launched", full_page=True)
    press(page, 'a[href="/owners/1/campaigns/1"]')
    expect(page.get_by_role("heading", level=1)).to_have_text("Nights at the harbour")
    # The contract has what was filled in.
    read = function("CampaignManager", "campaign")
    asked = {
        "to": deployment.address("CampaignManager"),
        "data": "0x" + read.encode(1).hex(),
    }
    [stored] = read.decode(bytes.fromhex(node.rpc("eth_call", asked, "latest")[2:]))
    assert stored[7:10] == (daily_hours(22, 6), 2_000, 5_000_000)
    # A session at two in the morning gets it.
    apart(lambda: asyncio.run(settle_batch(live.settled.protocol, (1,), campaign=1)))
    live.index()
    page.reload()
    session = told(live, "/sessions/1/2.json")["detail"]["row"]
    assert session["campaign_paid"] == session["gross"] // 5 > 0
    campaign = told(live, "/owners/1/campaigns/1.json")["campaign"]
    assert campaign["left"] == 25_000_000 - session["gross"] // 5
    page.get_by_role("link", name="Its sessions").click()
    page.get_by_role("link", name="1/2", exact=True).click()
    expect(page.get_by_text("Paid by the campaign")).to_be_visible()
    picture(page, "session with campaign", full_page=True)


def told(live: Live, path: str) -> Any:
    """Return what a page says to machines."""
    answer = httpx.get(live.address + path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_allowance_that_is_there_already_is_not_asked_for_again(live: Live) -> None:
    approve = function("TestStablecoin", "approve")
    spender = live.settled.protocol.deployment.address("Settlement")
    token = live.settled.protocol.deployment.address("Token")
    wallet = Wallet(OWNER, live.settled.protocol.node)

    def allow(amount: int) -> None:
        data = "0x" + approve.encode(spender, amount).hex()
        wallet._send({"from": wallet.address, "to": token, "data": data})

    allow(0)
    steps = told(live, f"{FORM}.json{FILLED}&hours=1")["launch"]["steps"]
    assert [one["state"] for one in steps] == ["now", "later"]
    # One that is too small is set to zero first: some tokens refuse to change it.
    allow(1)
    steps = told(live, f"{FORM}.json{FILLED}&hours=1")["launch"]["steps"]
    assert [one["state"] for one in steps] == ["now", "later", "later"]
    allow(0)
    allow(25_000_000)
    steps = told(live, f"{FORM}.json{FILLED}&hours=1")["launch"]["steps"]
    assert [one["state"] for one in steps] == ["done", "now"]
    allow(0)


def test_the_week_is_drawn_with_a_mouse_and_switched_without_script(
    live: Live, opened: Callable[..., Page]
) -> None:
    page = opened(live.address + FORM)
    first, last = page.get_by_label("Monday 03 to 04 h"), page.get_by_label("Monday 06 to 07 h")
    first.hover()
    page.mouse.down()
    last.hover()
    page.mouse.up()
    expect(first).to_be_checked()
    expect(last).to_be_checked()
    page.get_by_role("button", name="Su: Sunday, all hours").click()
    expect(page.get_by_label("Sunday 23 to 24 h")).to_be_checked()
    page.get_by_role("button", name="None").click()
    expect(page.locator("input[name=hour]:checked")).to_have_count(0)
    plain = opened(live.address + FORM + FILLED.replace("show", "shown"), java_script_enabled=False)
    plain.get_by_label("Name").fill("Kept")
    plain.get_by_role("button", name="05 to 06 h, all days").click()
    expect(plain.locator("input[name=hour]:checked")).to_have_count(7)
    expect(plain.get_by_label("Name")).to_have_value("Kept")
    plain.get_by_role("button", name="Weekends").click()
    expect(plain.locator("input[name=hour]:checked")).to_have_count(53)
    plain.get_by_role("button", name="Show what it would cost").click()
    expect(plain.get_by_role("heading", name="What it would be")).to_be_visible()


def act(live: Live, page: Page, name: str) -> None:
    """Do something about a campaign on its page, and come back to it a second later."""
    page.get_by_role("link", name=name, exact=True).click()
    sign(live, page)
    live.pass_time(1)
    page.reload()


def sign(live: Live, page: Page) -> None:
    """Sign what is prepared, wait until the tables have it, and go back to its page."""
    page.get_by_role("button", name="Sign with Test Wallet").click()
    stage = page.locator('[data-figure="stage"]')
    expect(stage).to_have_text("In a block")
    live.index()
    expect(stage).to_have_text("In the tables")
    page.get_by_role("link", name="See what it changed").click()


def test_a_sponsor_is_invited_signs_steers_and_gets_back_what_is_left(
    live: Live, opened: Callable[..., Page]
) -> None:
    protocol = live.settled.protocol
    wallet = Wallet(bytes.fromhex(secret("sponsor")[2:]), protocol.node)
    protocol.node.rpc("anvil_setBalance", wallet.address, hex(10**18))
    give(live, wallet, 15_000_000)
    page = opened(f"{live.address}/status")
    wallet.enter(page)
    page.goto(
        f"{live.address}{FORM}?kind=co_branded&name=Shop+and+charge&site=1&last=2026-01-31"
        f"&hours={ALL_HOURS:x}&rate=50&cap=5&budget=8&day_cap=4&show=preview"
    )
    page.get_by_role("link", name="Open it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sponsor “Shop and charge”")
    # The sponsor decides about the money.
    page.get_by_label("Budget in EUR").fill("10")
    page.get_by_role("button", name="Show what it would cost").click()
    page.get_by_role("button", name="Connect Test Wallet").click()
    states = page.locator("ol.descent .state")
    expect(states).to_have_text(["To be signed now", "After that"])
    picture(page, "invitation to sign", full_page=True)
    page.evaluate(AXE())
    assert violations(page, RULES) == []
    sign(live, page)
    expect(states).to_have_text(["Done", "To be signed now"])
    sign(live, page)
    expect(page.get_by_role("heading", name="Launched")).to_be_visible()
    page.get_by_role("link", name="Open your report").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shop and charge")
    report = page.url.removeprefix(live.address)
    number = int(report.rpartition("/")[2])
    # A session gets half of its price from the sponsor.
    apart(lambda: asyncio.run(settle_batch(protocol, (1,), campaign=number)))
    live.pass_time(60)
    live.index()
    made = told(live, f"{report}.json")
    [place] = made["places"]
    spent = place["totals"]["campaign"]
    assert (place["site"], place["totals"]["sessions"]) == ("Harbour", 1)
    assert spent == place["totals"]["gross"] // 2 > 0
    page.reload()
    act(live, page, "Pause it")
    expect(page.locator(".lead")).to_contain_text("Paused")
    act(live, page, "Go on with it")
    expect(page.locator(".lead")).to_contain_text("Running")
    page.get_by_role("link", name="Put in more").click()
    page.get_by_label("Amount in EUR").fill("5")
    page.get_by_role("button", name="Prepare").click()
    sign(live, page)
    sign(live, page)
    page.goto(live.address + report)
    act(live, page, "End it")
    expect(page.locator(".lead")).to_contain_text("Closed")
    assert told(live, f"{report}.json")["acts"]["offered"] == []
    picture(page, "report of a sponsor", full_page=True)
    # What is left goes back once no session can be settled any more.
    live.pass_time(SETTLING_S)
    live.index()
    page.reload()
    page.get_by_role("link", name="Give back to").click()
    sign(live, page)
    made = told(live, f"{report}.json")
    assert made["campaign"]["left"] == 0
    assert made["campaign"]["released"] == 15_000_000 - spent
    held = function("TestStablecoin", "balanceOf")
    asked = {
        "to": protocol.deployment.address("Token"),
        "data": "0x" + held.encode(wallet.address).hex(),
    }
    assert int(protocol.node.rpc("eth_call", asked, "latest"), 16) == 15_000_000 - spent
