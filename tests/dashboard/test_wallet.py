"""In a real browser with a wallet that signs for real: signing in, and publishing a tariff."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from eth_utils.crypto import keccak
from playwright.sync_api import Page, Route, expect

from dashboard.node_check import COMPARED
from tests.dashboard.browsing import TIMEOUT_MS, Live, Site, picture
from tests.dashboard.people import OWNER_KEY
from tests.dashboard.wallet import Wallet
from tests.support.charging import END
from tests.support.protocol import secret

OWNER = bytes.fromhex(secret("station_owner 1")[2:])


def test_a_wallet_signs_in_and_out(site: Site, opened: Callable[..., Page]) -> None:
    wallet = Wallet(OWNER_KEY, node=None)
    page = opened(f"{site.address}/status")
    wallet.enter(page)
    page.goto(f"{site.address}/owners/1/access")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in with your wallet")
    page.get_by_role("button", name="Continue with Test Wallet").click()
    # The wallet chosen there goes on by itself, and one is back where one wanted to be.
    expect(page.get_by_role("heading", level=1)).to_have_text("Who may see and change what?")
    assert wallet.asked == ["eth_requestAccounts", "eth_requestAccounts", "personal_sign"]
    page.get_by_label("Account", exact=True).fill("0x" + "ab" * 20)
    page.get_by_label("Role").select_option("finance")
    page.get_by_role("button", name="Invite").click()
    row = page.get_by_role("row").filter(has_text="0xabABabAB")
    expect(row).to_contain_text("Finance")
    row.get_by_role("button", name="Take off").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("#fresh").inner_text()
    page.goto(f"{site.address}/sign-in")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    page.goto(f"{site.address}/owners/1/access")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in with your wallet")
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Were the chargers up?")
    expect(page.locator(".eyebrow")).to_contain_text("opened by an auditor's link")


def test_who_declines_in_the_wallet_is_told_that_nothing_happened(
    site: Site, opened: Callable[..., Page]
) -> None:
    wallet = Wallet(OWNER_KEY, node=None, declines=True)
    page = opened(f"{site.address}/status")
    wallet.enter(page)
    page.goto(f"{site.address}/sign-in")
    page.get_by_role("button", name="Continue with Test Wallet").click()
    expect(page.locator("[data-wallet-status]")).to_have_text(
        "You declined in the wallet. Nothing was sent."
    )
    picture(page, "sign in declined", full_page=True)
    wallet.declines = False
    page.get_by_role("button", name="Sign with Test Wallet").click()
    expect(page.get_by_role("link", name="0x7099…79C8")).to_be_visible()


def test_without_a_wallet_the_message_can_be_signed_elsewhere(
    site: Site, opened: Callable[..., Page]
) -> None:
    wallet = Wallet(OWNER_KEY, node=None)
    page = opened(f"{site.address}/sign-in", java_script_enabled=False)
    page.get_by_label("Or enter its address").fill(wallet.address)
    page.get_by_role("button", name="Continue").click()
    message = page.locator("#message").inner_text()
    page.get_by_label("Signature").fill(
        wallet._do("personal_sign", ["0x" + message.encode().hex()])
    )
    picture(page, "sign in message", full_page=True)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{site.address}/sign-in")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed in")


def test_a_tariff_is_published_and_followed_until_it_is_final(
    live: Live, opened: Callable[..., Page]
) -> None:
    node = live.settled.protocol.node
    # On another chain at first: the page brings the wallet over.
    wallet = Wallet(OWNER, node, chain_id=1)
    page = opened(f"{live.address}/status")
    wallet.enter(page)
    page.goto(f"{live.address}/owners/1/stations")
    page.get_by_role("link", name="CP-0001").click()
    page.get_by_role("link", name="Publish a tariff").click()
    page.get_by_label("A kWh").fill("0.39")
    page.get_by_label("VAT, per cent").fill("20")
    start = datetime.fromtimestamp(END + 3 * 3600, UTC)
    page.get_by_label("In force from").fill(f"{start:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Prepare").click()
    expect(page.get_by_role("cell", name="€11.70")).to_be_visible()
    picture(page, "tariff prepared", full_page=True)
    page.get_by_role("button", name="Sign with Test Wallet").click()
    stage = page.locator('[data-figure="stage"]')
    expect(stage).to_have_text("In a block")
    assert "wallet_switchEthereumChain" in wallet.asked
    picture(page, "transaction mined", full_page=True)
    live.index()
    expect(stage).to_have_text("In the tables", timeout=TIMEOUT_MS)
    node.mine(70)
    live.index()
    expect(stage).to_have_text("Final", timeout=TIMEOUT_MS)
    picture(page, "transaction final", full_page=True)
    page.goto(f"{live.address}/owners/1/stations/1")
    expect(page.get_by_text("€0.39 a kWh")).to_be_visible()
    expect(page.get_by_text("not in force yet")).to_be_visible()


def test_several_transactions_are_signed_one_after_the_other(
    live: Live, opened: Callable[..., Page]
) -> None:
    wallet = Wallet(OWNER, live.settled.protocol.node)
    page = opened(f"{live.address}/status")
    wallet.enter(page)
    start = datetime.fromtimestamp(END + 5 * 3600, UTC)
    page.goto(
        f"{live.address}/owners/1/tariffs/new?connector=2&connector=3&kwh=0.5"
        f"&starts={start:%Y-%m-%dT%H:%M}"
    )
    forms = page.locator("[data-wallet-send]")
    for number in range(2):
        forms.nth(number).get_by_role("button", name="Sign with Test Wallet").click()
        expect(forms.nth(number).get_by_role("link", name="Sent. Follow it")).to_be_visible()
    assert wallet.asked.count("eth_sendTransaction") == 2
    forms.nth(1).get_by_role("link", name="Sent. Follow it").click()
    expect(page.locator('[data-figure="stage"]')).to_have_text("In a block")


def test_the_wrong_account_is_told_which_one_is_right(
    live: Live, opened: Callable[..., Page]
) -> None:
    wallet = Wallet(OWNER_KEY, live.settled.protocol.node)
    page = opened(f"{live.address}/status")
    wallet.enter(page)
    start = datetime.fromtimestamp(END + 5 * 3600, UTC)
    page.goto(
        f"{live.address}/owners/1/tariffs/new?connector=2&kwh=0.5&starts={start:%Y-%m-%dT%H:%M}"
    )
    page.get_by_role("button", name="Sign with Test Wallet").click()
    expect(page.locator("[data-wallet-status]")).to_contain_text("Choose the account")
    assert "eth_sendTransaction" not in wallet.asked


def test_a_transaction_that_nobody_knows_or_that_failed_says_so(
    live: Live, opened: Callable[..., Page]
) -> None:
    page = opened(f"{live.address}/transactions/0x{'12' * 32}")
    expect(page.locator('[data-figure="stage"]')).to_have_text("The node knows no such transaction")
    node = live.settled.protocol.node
    wallet = Wallet(OWNER, node)
    registry = live.settled.protocol.deployment.address("StationRegistry")
    sent = node.rpc(
        "eth_sendTransaction",
        {
            "from": node.rpc("eth_accounts")[0],
            "to": registry,
            "data": "0x12345678",
            "gas": "0x30000",
        },
    )
    assert wallet.asked == []
    page.goto(f"{live.address}/transactions/{sent}")
    expect(page.locator('[data-figure="stage"]')).to_have_text("The contract refused it")


# --- asking the node of one's own wallet what the chain has of a session ---

READS = {"eth_chainId", "eth_getTransactionReceipt", "eth_call", "eth_getBlockByNumber"}
Change = Callable[[bytes], bytes]


def ask(page: Page, live: Live, wallet: Wallet, changed: str = "", change: Change = bytes) -> None:
    """Open a session's verify page, where the server lies about what is named, and ask."""
    address = f"{live.address}/sessions/1/1/verify"

    def lie(route: Route) -> None:
        answer = route.fetch()
        body = change(answer.body())
        assert body != answer.body()
        route.fulfill(response=answer, body=body)

    if changed:
        page.route(f"{live.address}/sessions/1/1/{changed}", lie)
    wallet.enter(page)
    page.goto(address)
    page.get_by_role("button", name="Ask the node of Test Wallet").click()


def test_the_readers_own_node_says_what_the_page_says(
    live: Live, opened: Callable[..., Page]
) -> None:
    live.index()
    page = opened(f"{live.address}/status")
    wallet = Wallet(OWNER_KEY, live.settled.protocol.node)
    ask(page, live, wallet)
    expect(page.get_by_role("heading", name="Your node says the same")).to_be_visible()
    expect(page.locator("[data-check].ok")).to_have_count(6)
    rows = page.locator("[data-compared]")
    expect(page.locator("[data-compared].ok")).to_have_count(rows.count())
    assert rows.count() == len(COMPARED)
    energy = page.locator('[data-compared="energy"]')
    expect(energy.locator("[data-found]")).to_have_text("1.101")
    # It read and nothing else: no account was shown, nothing was signed or sent.
    assert set(wallet.asked) == READS
    picture(page, "own node agrees", full_page=True)


@pytest.mark.parametrize(
    ("changed", "change", "failed"),
    [
        ("verify", lambda body: body.replace(b">1.101<", b">9.999<"), ["figures", "energy"]),
        ("verify", lambda body: body.replace(b"<code data-shown>0x", b"<code data-shown>0xff"),
         ["figures", "transaction", "block_hash"]),
        ("bundle", lambda body: body.replace(b"StartTransaction", b"StartTransactioN"), ["bundle"]),
        ("proof", lambda body: body.replace(b'"word":"0x0', b'"word":"0x1'), ["event"]),
        ("proof", lambda body: body.replace(b'"runs":"0x0', b'"runs":"0x1'), ["commitment"]),
    ],
    ids=["a figure", "a hash", "the bundle", "the proof", "the batch"],
)  # fmt: skip
def test_a_server_that_lies_is_caught_by_the_readers_own_node(
    live: Live, opened: Callable[..., Page], changed: str, change: Change, failed: list[str]
) -> None:
    page = opened(f"{live.address}/status")
    ask(page, live, Wallet(OWNER_KEY, live.settled.protocol.node), changed, change)
    expect(page.get_by_role("heading", name="Your node says something else")).to_be_visible()
    expect(page.get_by_role("heading", name="Your node says the same")).to_be_hidden()
    found = page.locator("[data-check].failed, [data-compared].failed")
    names = found.evaluate_all("all => all.map(one => one.dataset.check ?? one.dataset.compared)")
    assert sorted(names) == sorted(failed)
    if "energy" in failed:
        energy = page.locator('[data-compared="energy"]')
        expect(energy.locator("[data-shown]")).to_have_text("9.999")
        expect(energy.locator("[data-found]")).to_have_text("1.101")
        picture(page, "own node disagrees", full_page=True)


def test_a_wallet_that_does_not_answer_is_no_finding(
    live: Live, opened: Callable[..., Page]
) -> None:
    page = opened(f"{live.address}/status")
    wallet = Wallet(OWNER_KEY, live.settled.protocol.node, declines=True)
    ask(page, live, wallet)
    expect(page.locator("form[data-wallet-check] > [data-wallet-status]")).to_contain_text(
        "You declined in the wallet"
    )
    for verdict in ("holds", "failed"):
        expect(page.locator(f'[data-outcome="{verdict}"]')).to_be_hidden()
    assert page.locator("[data-check].ok, [data-check].failed").count() == 0


def test_the_page_hashes_as_everybody_does(live: Live, opened: Callable[..., Page]) -> None:
    page = opened(f"{live.address}/status")
    data = bytes(range(256)) * 3
    # Around the rate of 136 bytes the padding changes; beyond it there are several blocks.
    sizes = [*range(5), *range(133, 140), *range(269, 275), 700]
    found = page.evaluate(
        """async ([data, sizes]) => {
             const { keccak256 } = await import("/static/keccak.js");
             return sizes.map((size) => [...keccak256(Uint8Array.from(data.slice(0, size)))]);
           }""",
        [list(data), sizes],
    )
    assert [bytes(one) for one in found] == [keccak(data[:size]) for size in sizes]
