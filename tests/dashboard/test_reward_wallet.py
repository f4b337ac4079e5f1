"""In a real browser with a wallet that signs for real: a week's rewards worked out and claimed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from chargecoin.chain import Chain
from chargecoin.chain.calls import function
from chargecoin.chain.transactions import Call, KeySigner, contract_call
from chargecoin.local_node import CHAIN_ID
from chargecoin.reward_check import Recomputed, recompute
from chargecoin.reward_history import EpochReader
from chargecoin.rewards import CHALLENGE_S, Amounts, Kind, epoch_of, postable_from
from chargecoin.typed_data import order_signatures
from scripts._pipeline import Pipeline
from tests.dashboard.browsing import Live, apart, inspect, picture, sign_and_follow
from tests.dashboard.wallet import Wallet
from tests.support.charging import END
from tests.support.protocol import Protocol, secret

OWNER: Final = bytes.fromhex(secret("station_owner 1")[2:])
EPOCH: Final = epoch_of(END + 600)
WHERE: Final = f"/owners/1/rewards/{EPOCH}"
CHG: Final = 10**18
FUNDS: Final = 1_000_000


async def send(protocol: Protocol, by: KeySigner, *calls: Call) -> None:
    """Send calls one after the other."""
    async with await Chain.connect(protocol.url, protocol.deployment) as chain:
        pipeline = Pipeline(chain.rpc, CHAIN_ID)
        [sender] = await pipeline.senders([by])
        for call in calls:
            [receipt] = await pipeline.execute([(sender, call)])
            assert receipt.succeeded, call.name


async def worked_out(protocol: Protocol) -> Recomputed:
    """Work the week out up to the last final block."""
    async with await Chain.connect(protocol.url, protocol.deployment) as chain:
        until = await chain.block("finalized")
        assert until is not None
        history = await EpochReader(chain, until).read(Kind.STATIONS, EPOCH)
        return recompute(history, protocol.deployment)


def fund(protocol: Protocol) -> None:
    """Put money and CHG into the running week of the stations' rewards."""
    book = protocol.deployment
    distributor = book.address("StationRewards")
    calls = (
        contract_call("TestStablecoin", "mint", book.address("Token"), distributor, FUNDS),
        contract_call("RewardDistributor", "sync", distributor),
        contract_call("ChargeCoin", "approve", book.address("ChargeCoin"), distributor, 10 * CHG),
        contract_call("RewardDistributor", "sponsor", distributor, EPOCH, 10 * CHG),
    )
    apart(lambda: asyncio.run(send(protocol, protocol.deployer, *calls)))


def post(protocol: Protocol, root: bytes, totals: Amounts, attempt: int) -> None:
    """Have the committee sign a root, and post it."""
    found = apart(lambda: asyncio.run(worked_out(protocol)))
    digest = found.distributor.root_digest(
        committee_epoch=1, epoch=EPOCH, attempt=attempt, root=root, totals=totals
    )
    signers = protocol.members[: protocol.threshold]
    call = contract_call(
        "RewardDistributor",
        "post_root",
        found.distributor.address,
        EPOCH,
        root,
        (totals.payment, totals.chg),
        1,
        order_signatures(digest, [one.sign(digest) for one in signers]),
    )
    apart(lambda: asyncio.run(send(protocol, protocol.deployer, call)))


def balance(protocol: Protocol, contract: str, holder: str) -> int:
    """Return what somebody holds of a token."""
    asked = {
        "to": protocol.deployment.address(contract),
        "data": "0x" + function("TestStablecoin", "balanceOf").encode(holder).hex(),
    }
    return int(protocol.node.rpc("eth_call", asked, "latest"), 16)


def test_rewards_are_worked_out_and_claimed(live: Live, opened: Callable[..., Page]) -> None:
    protocol = live.settled.protocol
    node = protocol.node
    fund(protocol)
    node.mine(3)
    live.index()
    page = opened(f"{live.address}/status")
    Wallet(OWNER, node).enter(page)
    page.goto(f"{live.address}/owners/1/rewards")
    page.locator("[data-part=epochs] tbody a").first.click()
    verdict = page.locator('[data-figure="verdict"]')
    expect(verdict).to_have_text("No root stands posted")
    expect(page.get_by_text("preliminary")).to_be_visible()

    newest = int(node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    live.pass_time(postable_from(EPOCH) - newest)
    node.mine(3)
    right = apart(lambda: asyncio.run(worked_out(protocol)))
    assert right.root is not None
    mine = right.reward(1)
    assert mine is not None
    assert 0 < mine.payment < FUNDS
    assert mine.chg == 10 * CHG
    # A wrong root is told, and no claim is prepared of it.
    post(protocol, b"\x07" * 32, right.totals, attempt=0)
    node.mine(3)
    live.index()
    page.goto(live.address + WHERE)
    expect(verdict).to_have_text("The posted root is not the one worked out")
    picture(page, "reward wrong root", full_page=True)
    void = contract_call(
        "RewardDistributor", "void_root", protocol.deployment.address("StationRewards"), EPOCH
    )
    apart(lambda: asyncio.run(send(protocol, protocol.guardian, void)))
    post(protocol, right.root, right.totals, attempt=1)
    node.mine(3)
    live.index()
    page.goto(live.address + WHERE)
    expect(verdict).to_have_text("The posted root is the one worked out")
    assert page.locator("[data-wallet-send]").count() == 0, "it can still be voided"

    live.pass_time(CHALLENGE_S)
    node.mine(3)
    live.index()
    page.reload()
    account = Wallet(OWNER, node).address
    before = [balance(protocol, token, account) for token in ("Token", "ChargeCoin")]
    picture(page, "reward claim prepared", full_page=True)
    sign_and_follow(live, page)
    expect(page.locator('[data-figure="claimed"]')).to_have_text("Paid to you")
    after = [balance(protocol, token, account) for token in ("Token", "ChargeCoin")]
    assert [two - one for one, two in zip(before, after, strict=True)] == [mine.payment, mine.chg]
    assert page.locator("[data-wallet-send]").count() == 0
    page.goto(f"{live.address}/owners/1/rewards")
    expect(page.get_by_text("10 CHG").last).to_be_visible()


def test_a_week_that_has_not_begun_is_not_found(live: Live, opened: Callable[..., Page]) -> None:
    page = opened(f"{live.address}/status")
    for week in (EPOCH + 100, 1 << 30):
        answer = page.request.get(f"{live.address}/owners/1/rewards/{week}")
        assert answer.status == 404


@pytest.mark.parametrize("width", [320, 1280])
def test_a_weeks_page_is_accessible_and_nothing_is_cut_off(
    live: Live, opened: Callable[..., Page], width: int
) -> None:
    page = opened(f"{live.address}/status", width=width)
    paths: dict[str, Any] = {"reward epoch": WHERE, "rewards live": "/owners/1/rewards"}
    assert inspect(page, live.address, paths) == []
