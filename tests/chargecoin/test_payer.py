"""A payer's way on a real chain: open, deposit, limit, mandate, withdraw."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio

from chargecoin import payer as payers
from chargecoin.chain import Chain
from chargecoin.chain.calls import function
from chargecoin.chain.transactions import contract_call
from chargecoin.errors import MandateError, RevertedError
from chargecoin.local_node import CHAIN_ID
from chargecoin.payer import Payer, sign_mandate
from chargecoin.typed_data import Signer, recover, token_commitment
from scripts._funding import give_gas
from scripts._local import GAS_MONEY
from scripts._pipeline import Pipeline
from tests.support.protocol import Protocol, secret

HOUR = 3600
TERMS: Final[dict[str, Any]] = {
    "max_per_session": 60_000_000,
    "valid_from": 1_767_225_600,
    "valid_until": 1_798_761_600,
}


@pytest_asyncio.fixture
async def chain(protocol: Protocol) -> AsyncIterator[Chain]:
    async with await Chain.connect(protocol.url, protocol.deployment) as connected:
        yield connected


@pytest_asyncio.fixture
async def driver(protocol: Protocol, chain: Chain) -> Payer:
    """A driver without an account, with gas money and 1,000 tokens."""
    payer = Payer(chain, bytes.fromhex(secret("new driver")[2:]))
    pipeline = Pipeline(chain.rpc, CHAIN_ID)
    [giver] = await pipeline.senders([protocol.deployer])
    await give_gas(pipeline, giver, [payer.address], GAS_MONEY)
    token = protocol.deployment.address("Token")
    mint = contract_call("TestStablecoin", "mint", token, payer.address, 1_000_000_000)
    await pipeline.execute([(giver, mint)])
    return payer


async def balance_of(chain: Chain, address: str) -> int:
    called = function("TestStablecoin", "balanceOf")
    request = {
        "to": chain.deployment.address("Token"),
        "data": "0x" + called.encode(address).hex(),
    }
    [balance] = called.decode(
        bytes.fromhex((await chain.rpc.request("eth_call", request, "latest"))[2:])
    )
    return int(balance)


async def test_an_account_is_opened_filled_and_limited(driver: Payer, chain: Chain) -> None:
    assert await driver.accounts() == []
    account = await driver.open_account()
    await driver.deposit(account, 100_000_000)
    await driver.set_daily_limit(account, 50_000_000)
    state, withdrawal = await driver.account(account)
    assert (state.balance, state.daily_limit, withdrawal.amount) == (100_000_000, 50_000_000, 0)
    assert await driver.accounts() == [account]
    assert await chain.account_holder(account) == driver.address
    assert await balance_of(chain, driver.address) == 900_000_000


async def test_settlement_is_never_allowed_more_than_the_deposit(
    driver: Payer, chain: Chain, protocol: Protocol
) -> None:
    account = await driver.open_account()
    await driver.deposit(account, 100_000_000)
    allowance = function("TestStablecoin", "allowance")
    settlement = protocol.deployment.address("Settlement")
    data = "0x" + allowance.encode(driver.address, settlement).hex()
    request = {"to": protocol.deployment.address("Token"), "data": data}
    assert int(await chain.rpc.request("eth_call", request, "latest"), 16) == 0


def test_an_allowance_that_is_too_small_is_set_to_zero_before_it_is_raised(
    protocol: Protocol,
) -> None:
    approve = function("TestStablecoin", "approve")
    settlement = protocol.deployment.address("Settlement")

    def approvals(allowance: int) -> list[bytes]:
        *first, last = payers.deposit(protocol.deployment, 1, 10, allowance)
        assert last.name == "Settlement.deposit"
        return [call.data for call in first]

    assert approvals(0) == [approve.encode(settlement, 10)]
    assert approvals(3) == [approve.encode(settlement, 0), approve.encode(settlement, 10)]
    assert approvals(10) == []


async def test_a_deposit_beyond_what_one_holds_is_refused_before_it_is_sent(
    driver: Payer, chain: Chain
) -> None:
    account = await driver.open_account()
    with pytest.raises(RevertedError, match=r"Settlement\.deposit was refused"):
        await driver.deposit(account, 1_000_000_001)
    assert (await chain.account(account)).balance == 0


async def test_money_is_withdrawn_after_three_days_and_not_before(
    driver: Payer, chain: Chain, protocol: Protocol
) -> None:
    account = await driver.open_account()
    await driver.deposit(account, 100_000_000)
    requested = await driver.request_withdrawal(account, 40_000_000)
    block = await chain.block()
    assert block is not None
    assert requested.executable_at == block.timestamp + 72 * HOUR
    assert requested.lapses_at == block.timestamp + 96 * HOUR
    with pytest.raises(RevertedError, match="withdrawal not due"):
        await driver.withdraw(account)
    protocol.node.set_next_timestamp(requested.executable_at)
    protocol.node.mine()
    await driver.withdraw(account)
    state, left = await driver.account(account)
    assert (state.balance, left.amount) == (60_000_000, 0)
    assert await balance_of(chain, driver.address) == 940_000_000


async def test_a_withdrawal_lapses_and_can_be_asked_for_again(
    driver: Payer, protocol: Protocol
) -> None:
    account = await driver.open_account()
    await driver.deposit(account, 100_000_000)
    requested = await driver.request_withdrawal(account, 40_000_000)
    protocol.node.set_next_timestamp(requested.lapses_at)
    protocol.node.mine()
    with pytest.raises(RevertedError, match="withdrawal lapsed"):
        await driver.withdraw(account)
    again = await driver.request_withdrawal(account, 10_000_000)
    assert (again.amount, again.executable_at > requested.lapses_at) == (10_000_000, True)


async def test_a_withdrawal_request_is_taken_back(driver: Payer) -> None:
    account = await driver.open_account()
    await driver.deposit(account, 100_000_000)
    await driver.request_withdrawal(account, 40_000_000)
    await driver.cancel_withdrawal(account)
    assert (await driver.account(account))[1].amount == 0


async def test_money_goes_to_another_address_if_the_holder_says_so(
    driver: Payer, chain: Chain, protocol: Protocol
) -> None:
    account = await driver.open_account()
    await driver.deposit(account, 100_000_000)
    requested = await driver.request_withdrawal(account, 40_000_000)
    protocol.node.set_next_timestamp(requested.executable_at)
    protocol.node.mine()
    await driver.withdraw(account, "0x" + "42" * 20)
    assert await balance_of(chain, "0x" + "42" * 20) == 40_000_000


async def test_nobody_acts_on_an_account_that_is_not_theirs(
    driver: Payer, protocol: Protocol
) -> None:
    foreign = protocol.ids["payers"]["fleet"]["account"]
    for act in (
        driver.deposit(foreign, 1),
        driver.set_daily_limit(foreign, 1),
        driver.request_withdrawal(foreign, 1),
        driver.revoke_mandate(foreign, bytes(32)),
    ):
        with pytest.raises(RevertedError, match="not the holder"):
            await act


async def test_a_mandate_is_signed_by_the_holder_and_revoked_by_its_id(
    driver: Payer, chain: Chain, protocol: Protocol
) -> None:
    account = await driver.open_account()
    signed = driver.sign_mandate(account, ["TAG01", "de*abc*c1"], **TERMS)
    assert recover(signed.mandate.digest(protocol.deployment.domain), signed.signature) == (
        await chain.account_holder(account)
    )
    assert await chain.mandate_revoked_at(account, signed.id) == 0
    await driver.revoke_mandate(account, signed.id)
    block = await chain.block()
    assert block is not None
    assert await chain.mandate_revoked_at(account, signed.id) == block.timestamp


def test_a_mandate_opens_to_its_tokens_and_to_nothing_without_the_salts(
    protocol: Protocol,
) -> None:
    signer = Signer(bytes.fromhex(secret("driver")[2:]))
    signed = sign_mandate(signer, protocol.deployment.domain, 1, ["TAG01", "TAG02"], **TERMS)
    document = signed.to_json()
    for token, opening in zip(document["mandate"]["tokens"], document["openings"], strict=True):
        salt = bytes.fromhex(opening["salt"][2:])
        assert token == "0x" + token_commitment(salt, opening["token"]).hex()
    assert "TAG" not in str(document["mandate"])
    again = sign_mandate(signer, protocol.deployment.domain, 1, ["TAG01", "TAG02"], **TERMS)
    assert again.id != signed.id
    assert document["id"] == "0x" + signed.mandate.struct_hash().hex()


@pytest.mark.parametrize(
    ("tokens", "change"),
    [
        ([], {}),
        ([""], {}),
        (["TAG01"], {"max_per_session": 0}),
        (["TAG01"], {"valid_until": TERMS["valid_from"]}),
    ],
)
def test_a_mandate_that_no_session_could_meet_is_not_signed(
    protocol: Protocol, tokens: list[str], change: dict[str, int]
) -> None:
    signer = Signer(bytes.fromhex(secret("driver")[2:]))
    with pytest.raises(MandateError):
        sign_mandate(signer, protocol.deployment.domain, 1, tokens, **(TERMS | change))
