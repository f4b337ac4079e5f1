"""Transactions on a real chain, step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from eth_account import Account

from chargecoin.chain import Rpc
from chargecoin.chain.transactions import (
    Call,
    Fees,
    KeySigner,
    contract_call,
    estimate_gas,
    failure_reason,
    receipt,
    send,
    sign,
    suggest_fees,
    transaction_count,
    wait_for_receipt,
)
from chargecoin.errors import ChainError, CodecError, NodeUnavailableError, RevertedError
from chargecoin.local_node import CHAIN_ID, LocalNode
from scripts._local import DEPLOYER
from tests.support.protocol import Protocol

STRANGER = "0x" + "42" * 20


@pytest.fixture
def sender() -> KeySigner:
    return DEPLOYER


@pytest_asyncio.fixture
async def rpc(anvil: LocalNode) -> AsyncIterator[Rpc]:
    connected = Rpc(anvil.url)
    yield connected
    await connected.close()


async def test_a_transfer_is_signed_sent_and_found_by_the_hash_known_before(
    rpc: Rpc, sender: KeySigner
) -> None:
    nonce = await transaction_count(rpc, sender.address)
    fees = await suggest_fees(rpc)
    call = Call(STRANGER, b"", 21_000, value=5)
    signed = sign(call, sender, chain_id=CHAIN_ID, nonce=nonce, fees=fees)
    assert await receipt(rpc, signed.hash) is None
    await send(rpc, signed)
    mined = await wait_for_receipt(rpc, signed.hash)
    assert mined.succeeded
    assert mined.gas_used == 21_000
    assert int(await rpc.request("eth_getBalance", STRANGER, "latest"), 16) == 5
    assert await transaction_count(rpc, sender.address, "latest") == nonce + 1


async def test_what_is_signed_names_chain_nonce_and_fees(sender: KeySigner) -> None:
    signed = sign(Call(STRANGER, b"\x01", 50_000), sender, chain_id=7, nonce=3, fees=Fees(200, 10))
    assert Account.recover_transaction(signed.raw) == sender.address
    assert signed.raw[0] == 2
    assert signed.raw.hex().startswith("02f8")
    assert bytes([7, 3, 10, 0x81, 200]) in signed.raw


async def test_sending_again_what_waits_changes_nothing(
    start_anvil: Callable[..., LocalNode], sender: KeySigner
) -> None:
    node = start_anvil(automine=False)
    rpc = Rpc(node.url)
    fees = await suggest_fees(rpc)
    signed = sign(Call(STRANGER, b"", 21_000), sender, chain_id=CHAIN_ID, nonce=0, fees=fees)
    await send(rpc, signed)
    await send(rpc, signed)
    assert await transaction_count(rpc, sender.address) == 1
    with pytest.raises(NodeUnavailableError, match="not mined after"):
        await wait_for_receipt(rpc, signed.hash, timeout_s=0.01)
    node.mine()
    assert (await wait_for_receipt(rpc, signed.hash)).succeeded
    await rpc.close()


async def test_a_bumped_transaction_replaces_the_one_that_waits(
    start_anvil: Callable[..., LocalNode], sender: KeySigner
) -> None:
    node = start_anvil(automine=False)
    rpc = Rpc(node.url)
    fees = await suggest_fees(rpc)
    call = Call(STRANGER, b"", 21_000, value=1)
    first = sign(call, sender, chain_id=CHAIN_ID, nonce=0, fees=fees)
    same = sign(Call(STRANGER, b"", 21_000, value=2), sender, chain_id=CHAIN_ID, nonce=0, fees=fees)
    better = sign(call, sender, chain_id=CHAIN_ID, nonce=0, fees=fees.bumped())
    await send(rpc, first)
    with pytest.raises(ChainError, match="underpriced"):
        await send(rpc, same)
    await send(rpc, better)
    node.mine()
    assert (await wait_for_receipt(rpc, better.hash)).succeeded
    assert await receipt(rpc, first.hash) is None
    await rpc.close()


async def test_a_used_nonce_is_refused(rpc: Rpc, sender: KeySigner) -> None:
    nonce = await transaction_count(rpc, sender.address)
    fees = await suggest_fees(rpc)
    for value in (1, 2):
        signed = sign(
            Call(STRANGER, b"", 21_000, value),
            sender,
            chain_id=CHAIN_ID,
            nonce=nonce,
            fees=fees.bumped(10 * value),
        )
        if value == 1:
            await send(rpc, signed)
            await wait_for_receipt(rpc, signed.hash)
        else:
            with pytest.raises(ChainError, match="nonce too low"):
                await send(rpc, signed)


def test_fees_are_bumped_by_at_least_the_percentage() -> None:
    assert Fees(101, 1).bumped(10) == Fees(112, 2)


async def test_a_call_that_would_be_refused_says_why_before_it_is_sent(
    rpc: Rpc, protocol: Protocol, sender: KeySigner
) -> None:
    settlement = protocol.deployment.address("Settlement")
    call = contract_call("Settlement", "set_daily_limit", settlement, 1, 5)
    with pytest.raises(RevertedError, match=r"Settlement\.set_daily_limit.*not the holder"):
        await estimate_gas(rpc, call, sender.address)


async def test_a_mined_failure_says_why_afterwards(
    rpc: Rpc, protocol: Protocol, sender: KeySigner
) -> None:
    settlement = protocol.deployment.address("Settlement")
    call = contract_call("Settlement", "set_daily_limit", settlement, 1, 5, gas=100_000)
    nonce = await transaction_count(rpc, sender.address)
    signed = sign(call, sender, chain_id=CHAIN_ID, nonce=nonce, fees=await suggest_fees(rpc))
    await send(rpc, signed)
    mined = await wait_for_receipt(rpc, signed.hash)
    assert not mined.succeeded
    reason = await failure_reason(rpc, call, sender.address, mined)
    assert reason == "settlement: not the holder"


async def test_running_out_of_gas_is_told_from_a_refusal(
    rpc: Rpc, protocol: Protocol, sender: KeySigner
) -> None:
    settlement = protocol.deployment.address("Settlement")
    call = contract_call("Settlement", "open_account", settlement, gas=30_000)
    nonce = await transaction_count(rpc, sender.address)
    signed = sign(call, sender, chain_id=CHAIN_ID, nonce=nonce, fees=await suggest_fees(rpc))
    await send(rpc, signed)
    mined = await wait_for_receipt(rpc, signed.hash)
    assert not mined.succeeded
    assert await failure_reason(rpc, call, sender.address, mined) == "out of gas at 30000"


def test_arguments_that_do_not_fit_are_named_before_anything_is_signed() -> None:
    with pytest.raises(CodecError, match=r"set_daily_limit\(uint256, uint256\)"):
        contract_call("Settlement", "set_daily_limit", STRANGER, 1, -5)


async def test_a_batch_answers_in_order_and_names_its_first_failure(rpc: Rpc) -> None:
    await_blocks = [("eth_getBlockByNumber", (hex(n), False)) for n in (0, 1, 0)]
    blocks = await rpc.batch(await_blocks)
    assert [int(block["number"], 16) for block in blocks] == [0, 1, 0]
    with pytest.raises(ChainError, match="eth_noSuchMethod"):
        await rpc.batch([("eth_chainId", ()), ("eth_noSuchMethod", ())])
