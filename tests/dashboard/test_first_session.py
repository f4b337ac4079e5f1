"""From nothing to the first settled session, in a browser, on everything that is real.

A wallet that signs, a chain, a committee of oracles, a charge point on a WebSocket, the
indexer and the dashboard: what a new station owner goes through, page by page.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from chargecoin.chain import Account, Chain
from chargecoin.chain.transactions import KeySigner, contract_call
from chargecoin.local_node import LocalNode, NodeOptions
from chargecoin.record import Status
from indexer.read_model import SessionFilter
from tests.dashboard.browsing import (
    AXE,
    COLOUR_RULES,
    RULES,
    TIMEOUT_MS,
    apart,
    picture,
    violations,
)
from tests.dashboard.stack import Stack, begin, boot, end, whole
from tests.dashboard.wallet import Wallet
from tests.support.anvil import GENESIS
from tests.support.protocol import secret

OWNER: Final = bytes.fromhex(secret("station_owner 9")[2:])
IDENTITY: Final = "QUAY-01"
TOKEN: Final = "04AB076A345B85"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything, on a chain of its own."""
    folder = tmp_path_factory.mktemp("stack")
    with LocalNode(NodeOptions(timestamp=GENESIS)) as node:
        entered = whole(node, folder, time.time)
        made = apart(entered.__enter__)
        try:
            yield made
        finally:
            apart(lambda: entered.__exit__(None, None, None))


def checked(page: Page, name: str) -> None:
    """Look at a page as axe does, in both themes and at both widths, and keep pictures of it."""
    faults = []
    page.evaluate(AXE())
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            chosen: Any = scheme
            page.emulate_media(color_scheme=chosen)
            rules = RULES if scheme == "light" else COLOUR_RULES
            faults += [f"{scheme} {width}: {one}" for one in violations(page, rules)]
            picture(page, f"{name}-{scheme}-{width}", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            faults.append(f"{width}: {wide} px too wide")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    assert faults == []


def step(page: Page, name: str) -> Locator:
    """Return a step of the rail."""
    return page.locator(f'li[data-step="{name}"]')


def at(page: Page, name: str, state: str) -> None:
    """Wait until a step is in a state; the page follows by itself."""
    expect(step(page, name)).to_have_attribute("data-state", state, timeout=TIMEOUT_MS)


def sign(page: Page, stack: Stack) -> None:
    """Sign the one transaction on a page, let it become final, and go on."""
    page.get_by_role("button", name="Sign with Test Wallet").click()
    stage = page.locator('[data-figure="stage"]')
    expect(stage).to_be_visible()
    apart(stack.finalise)
    expect(stage).to_have_text("Final", timeout=TIMEOUT_MS)
    page.get_by_role("link", name=re.compile("Go on|See what it changed")).click()


def prepare(page: Page) -> None:
    """Send the form on a page that is before the transaction."""
    page.get_by_role("button", name="Prepare").first.click()


def register(page: Page, stack: Stack) -> None:
    """Go from the start page to a station with a tariff, each step signed and final."""
    page.get_by_role("link", name="Register as a station owner").first.click()
    page.get_by_label("Name, as drivers know you").fill("Quayside Charging")
    prepare(page)
    checked(page, "register owner")
    sign(page, stack)

    expect(page.get_by_role("heading", level=1)).to_have_text("What is there, and what comes next?")
    page.get_by_label("Name", exact=True).fill("Quay")
    page.get_by_label("Time zone").select_option("Europe/London")
    page.get_by_role("combobox", name="Country").select_option("United Kingdom")
    prepare(page)
    sign(page, stack)

    page.get_by_label("OCPP identity").fill(IDENTITY)
    page.get_by_label("Maker").fill("Vendor")
    checked(page, "onboarding")
    prepare(page)
    sign(page, stack)

    page.get_by_role("link", name=IDENTITY).click()
    at(page, "station", "final")
    expect(step(page, "evses")).to_have_attribute("aria-current", "step")
    prepare(page)
    sign(page, stack)
    page.get_by_label("Most it delivers, kW").fill("22")
    prepare(page)
    sign(page, stack)

    # Whoever goes away finds the way where it was left.
    here = page.url
    page.goto(stack.address)
    page.goto(here)
    page.get_by_role("link", name="Go to the tariff").click()
    page.get_by_label("A kWh").fill("0.45")
    page.get_by_label("VAT, per cent").fill("20")
    prepare(page)
    sign(page, stack)
    at(page, "tariff", "final")


def test_a_new_site_goes_from_nothing_to_its_first_settled_session(
    stack: Stack, opened: Callable[..., Page]
) -> None:
    wallet = Wallet(OWNER, stack.node)
    stack.fund(wallet.address)
    page = opened(stack.address)
    wallet.enter(page)
    page.goto(stack.address)
    register(page, stack)

    # The password is made in the page; the oracle gets a hash that the wallet signed.
    page.get_by_role("link", name="Sign in first").click()
    page.get_by_role("button", name="Continue with Test Wallet").click()
    page.get_by_role("button", name="Make a password and sign with Test Wallet").click()
    made = page.locator("[data-made-password]")
    expect(made).to_have_text(re.compile("[0-9a-f]{40}"))
    checked(page, "charger's password")
    assert "eth_signTypedData_v4" in wallet.asked
    charger = stack.charge_point(IDENTITY, made.inner_text())
    address = page.locator("[data-made-url]").inner_text()
    assert address.endswith(f"/ocpp/{IDENTITY}")

    at(page, "connected", "now")
    stack.do(boot(charger))
    at(page, "connected", "done")
    at(page, "heard", "done")
    code, answer = stack.do(stack.oracles[0].post("/mandates", stack.world.mandate()))
    assert code == 200, answer
    began = stack.world.now
    transaction = stack.do(begin(charger, TOKEN, began))
    at(page, "began", "done")
    checked(page, "onboarding, charging")
    apart(lambda: stack.finalise(3700))
    stack.do(end(charger, transaction, began + 3600))
    at(page, "ended", "done")
    apart(stack.settle)
    at(page, "settled", "final")
    stack.do(charger.close())

    expect(page.locator('[data-part="lead"]')).to_contain_text("Its first session is settled")
    page.reload()
    checked(page, "onboarding, done")
    page.get_by_role("link", name="Session 3/1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("3/1")
    [session] = stack.has.model.sessions(SessionFilter(owner_id=2)).items
    assert (session.status, session.energy_wh, session.paid) == (Status.SETTLED, 1_101, 495_450)


async def charge(stack: Stack) -> None:
    """Let a charge point report an hour of the driver's at the owner's first connector."""
    world, node = stack.world, stack.oracles[0]
    begun = world.now
    await world.advance(3700, *stack.oracles)
    async with world.charge_point(node) as charger:
        await charger.replay(world.charging(begun))


def move(page: Page, stack: Stack, field: str, amount: str, button: str) -> None:
    """Fill one of the vault's forms, sign what it prepares, and go back to the account."""
    page.get_by_label(field).fill(amount)
    page.get_by_role("button", name=button).click()
    sign(page, stack)


def test_a_payer_sees_and_moves_what_is_in_the_vault(
    stack: Stack, opened: Callable[..., Page]
) -> None:
    wallet = Wallet(bytes.fromhex(secret("driver")[2:]), stack.node)
    apart(stack.finalise)
    code, answer = stack.do(stack.oracles[0].post("/mandates", stack.world.mandate()))
    assert code == 200, answer
    stack.do(charge(stack))
    apart(stack.settle)
    page = opened(f"{stack.address}/payers/1")
    wallet.enter(page)
    page.reload()
    expect(page.get_by_role("heading", name="The rest is for its holder")).to_be_visible()
    checked(page, "payer, public")
    page.get_by_role("link", name="Sign in with the holder's wallet").click()
    page.get_by_role("button", name="Continue with Test Wallet").click()
    expect(page.get_by_role("heading", name="Money in and out")).to_be_visible()

    balance = int(stack.do(vault_of(stack)).balance)
    token = stack.world.protocol.deployment.address("Token")
    mint = contract_call("TestStablecoin", "mint", token, wallet.address, 12_500_000)
    stack.do(stack.world.send_call(KeySigner(wallet.secret), mint))
    page.get_by_label("Deposit").fill("12.50")
    page.get_by_role("button", name="Prepare the deposit").click()
    expect(page.locator(".lead")).to_contain_text("It takes 2 transactions")
    sign(page, stack)
    expect(page.get_by_text("Pay €12.50 into the vault")).to_be_visible()
    sign(page, stack)
    assert stack.do(vault_of(stack)).balance == balance + 12_500_000

    move(page, stack, "New limit a day", "33", "Prepare the limit")
    expect(page.locator('[data-figure="limit"]')).to_contain_text("€33.00")
    move(page, stack, "Withdraw", "10", "Prepare the request")
    expect(page.get_by_text(re.compile("A withdrawal of €10.00.* is requested"))).to_be_visible()
    checked(page, "payer")
    apart(lambda: stack.finalise(72 * 3600 + 60))
    page.reload()
    page.get_by_role("link", name="Pay it out").click()
    sign(page, stack)
    assert stack.do(vault_of(stack)).balance == balance + 2_500_000

    page.get_by_role("link", name="Sign a mandate").click()
    page.get_by_label("Card numbers").fill("CARD-1\nCARD-2")
    page.get_by_label("Most a session may cost").fill("25")
    page.get_by_role("button", name="Prepare").click()
    checked(page, "mandate")
    page.get_by_role("button", name="Sign with Test Wallet").click()
    expect(page.get_by_role("heading", name="The mandate counts")).to_be_visible()
    kept = page.locator("#mandate-id").inner_text()
    page.goto(f"{stack.address}/payers/1")
    page.get_by_role("link", name="End it").click()
    sign(page, stack)
    expect(page.get_by_role("row").filter(has_text=kept[:8])).to_contain_text("Ended")

    page.locator('[data-part="sessions"] tbody a').first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Receipt of session")
    checked(page, "receipt")
    page.get_by_label("What is wrong").select_option("energy")
    page.get_by_role("button", name="Prepare the dispute").click()
    sign(page, stack)
    expect(page.locator('[data-figure="disputed"]')).to_have_text(
        page.locator('[data-figure="due"]').inner_text()
    )
    checked(page, "receipt, disputed")


async def vault_of(stack: Stack) -> Account:
    """Return what the chain says of the driver's account."""
    async with await Chain.connect(
        stack.world.protocol.url, stack.world.protocol.deployment
    ) as chain:
        return await chain.account(1)
