"""In a real browser with a wallet that signs for real: a payout, from its schedule to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import pytest
from eth_utils.address import to_checksum_address
from playwright.sync_api import Page, expect

from chargecoin.payouts import DESTINATION_DELAY_S, pay
from tests.dashboard.browsing import (
    TIMEOUT_MS,
    Live,
    apart,
    inspect,
    picture,
    sign_and_follow,
)
from tests.dashboard.settled import settle_batch
from tests.dashboard.wallet import Wallet
from tests.support.protocol import secret

OWNER: Final = bytes.fromhex(secret("station_owner 1")[2:])
PARTNER: Final = to_checksum_address("0x" + "ab" * 20)
BASE: Final = "/owners/1/payouts"


def test_a_payout_from_its_schedule_to_its_end(live: Live, opened: Callable[..., Page]) -> None:
    protocol = live.settled.protocol
    node = protocol.node
    page = opened(f"{live.address}/status")
    Wallet(OWNER, node).enter(page)
    page.goto(live.address + BASE)
    accrued = page.locator('[data-figure="accrued"]').inner_text()
    expect(page.get_by_text("no schedule is set")).to_be_visible()

    page.get_by_role("link", name="Change the destination").click()
    page.get_by_label("The partner's address").fill(PARTNER)
    page.get_by_label("Payment reference").fill("ACME-10442")
    page.get_by_role("button", name="Prepare").click()
    expect(page.get_by_text(f"Pay to {PARTNER} with the reference ACME-10442")).to_be_visible()
    picture(page, "payout destination prepared", full_page=True)
    sign_and_follow(live, page)
    expect(page.locator('[data-figure="pending"]')).to_contain_text("ACME-10442")

    page.get_by_role("link", name="Change the schedule").click()
    page.get_by_label("Every day").check()
    page.get_by_label("Only from this amount on").fill("1")
    page.get_by_role("button", name="Prepare").click()
    picture(page, "payout schedule prepared", full_page=True)
    sign_and_follow(live, page)
    expect(page.get_by_text("It is due now")).to_be_visible()
    picture(page, "payout due", full_page=True)

    live.pass_time(DESTINATION_DELAY_S)
    live.index()
    page.reload()
    expect(page.locator('[data-figure="destination"]')).to_contain_text(PARTNER[:8])
    # Anyone may send a payout run.
    call = pay(protocol.deployment, [1])
    stranger = node.rpc("eth_accounts")[0]
    node.rpc(
        "eth_sendTransaction",
        {"from": stranger, "to": call.to, "data": "0x" + call.data.hex(), "gas": hex(call.gas)},
    )
    live.index()
    page.reload()
    expect(page.locator('[data-figure="accrued"]')).to_have_text("€0.000000")
    paid = page.get_by_role("row").filter(has_text="Paid out").last
    expect(paid).to_contain_text("ACME-10442")
    expect(paid).to_contain_text(accrued)
    paid.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Where is this payout?")
    expect(page.locator('[data-figure="paid"]')).to_have_text(accrued)
    expect(page.get_by_text("It adds up, to the last unit.")).to_be_visible()
    final = page.locator('[data-step="final"]')
    expect(final).to_have_class("step skipped")
    node.mine(70)
    live.index()
    expect(final).to_have_class("step ok", timeout=TIMEOUT_MS)
    picture(page, "payout final", full_page=True)


def test_a_part_is_withdrawn_to_the_own_account(live: Live, opened: Callable[..., Page]) -> None:
    apart(lambda: asyncio.run(settle_batch(live.settled.protocol, (1, 2))))
    live.index()
    page = opened(f"{live.address}/status")
    Wallet(OWNER, live.settled.protocol.node).enter(page)
    page.goto(live.address + BASE)
    page.get_by_role("link", name="Be paid now").click()
    expect(page.get_by_text("Pay out all that is accrued to")).to_be_visible()
    page.get_by_role("link", name="A part, or to your own account instead").click()
    page.get_by_label("Amount").fill("0.25")
    page.get_by_role("button", name="Prepare").click()
    sign_and_follow(live, page)
    expect(page.get_by_role("row").filter(has_text="Withdrawn").last).to_contain_text("€0.250000")


@pytest.mark.parametrize("width", [320, 1280])
def test_payout_pages_are_accessible_and_nothing_is_cut_off(
    live: Live, opened: Callable[..., Page], width: int
) -> None:
    page = opened(live.address + BASE, width=width)
    paid = page.locator("[data-part=payouts] tbody a").first.get_attribute("href")
    assert paid
    filled = f"/destination?where=partner&to={PARTNER}&reference=ACME-10442"
    paths = {
        "payouts": BASE,
        "schedule": f"{BASE}/schedule?cycle=2&threshold=25",
        "destination": BASE + filled,
        "now": f"{BASE}/now",
        "payout": paid,
    }
    assert inspect(page, live.address, paths) == []
