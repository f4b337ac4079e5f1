"""Transactions: built, signed, sent and awaited in separate steps.

Who owns a key knows which nonce is next, and may have to store a transaction before it is
sent; `execute` is for those who send one after the other. Nothing here sends twice. Fees are
EIP-1559.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from eth_account import Account as EthAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chargecoin.chain.calls import Function, function
from chargecoin.chain.rpc import Rpc
from chargecoin.chain.values import Receipt
from chargecoin.errors import ChainError, NodeUnavailableError, RevertedError

RECEIPT_TIMEOUT_S: Final = 120.0
RECEIPT_INTERVAL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Call:
    """What a transaction does. `gas` is its limit, `value` in wei; without `to` it creates.

    `spare` is gas that it may need beyond a fifth more than estimated, since there can be more
    for it to do by the time it is mined.
    """

    to: str | None
    data: bytes
    gas: int
    value: int = 0
    name: str = "transaction"
    spare: int = 0


@dataclass(frozen=True, slots=True)
class Fees:
    """The most per unit of gas, in wei: in all, and to the block's builder."""

    max_fee: int
    max_priority_fee: int

    def bumped(self, percent: int = 10) -> Fees:
        """Return fees that replace a waiting transaction: nodes want at least 10 % more."""
        factor = 100 + percent
        return Fees(-(-self.max_fee * factor // 100), -(-self.max_priority_fee * factor // 100))


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction: its hash is known before it is sent."""

    hash: bytes
    raw: bytes
    nonce: int


class TransactionSigner(Protocol):
    """Signs transactions for one address."""

    @property
    def address(self) -> str:
        """The sender."""

    def sign_transaction(self, fields: dict[str, Any]) -> bytes:
        """Return the raw signed transaction."""


class KeySigner:
    """Signs with a secret key held in memory."""

    def __init__(self, secret: bytes) -> None:
        """Hold a 32-byte secret."""
        self._account = EthAccount.from_key(secret)
        self.address = str(self._account.address)

    def sign_transaction(self, fields: dict[str, Any]) -> bytes:
        """Return the raw signed transaction."""
        return bytes(self._account.sign_transaction(fields).raw_transaction)


def contract_call(
    contract: str,
    name: str,
    address: str,
    *args: Any,
    gas: int = 500_000,
    value: int = 0,
    spare: int = 0,
) -> Call:
    """Return a call of a contract's function. `gas` is only a limit; `limited` refines it."""
    called: Function = function(contract, name)
    return Call(address, called.encode(*args), gas, value, f"{contract}.{name}", spare)


async def suggest_fees(rpc: Rpc) -> Fees:
    """Return fees that outlast six full blocks: twice the base fee, and the node's tip."""
    block, tip = await asyncio.gather(
        rpc.request("eth_getBlockByNumber", "latest", False),
        rpc.request("eth_maxPriorityFeePerGas"),
    )
    priority = int(tip, 16)
    return Fees(2 * int(block["baseFeePerGas"], 16) + priority, priority)


async def transaction_count(rpc: Rpc, address: str, block: str = "pending") -> int:
    """Return the nonce after the last transaction that the node knows of an address."""
    return int(await rpc.request("eth_getTransactionCount", address, block), 16)


async def estimate_gas(rpc: Rpc, call: Call, sender: str) -> int:
    """Return the gas a call would use now. Raises `RevertedError` if it would be refused."""
    request = {"from": sender, "data": "0x" + call.data.hex(), "value": hex(call.value)}
    if call.to is not None:
        request["to"] = call.to
    try:
        return int(await rpc.request("eth_estimateGas", request), 16)
    except RevertedError as error:
        raise RevertedError(call.name, error.reason) from error


async def limited(rpc: Rpc, call: Call, sender: str) -> Call:
    """Return a call with the gas that it may use: a fifth more than now, and its spare.

    What else happens until it is mined may make it a little dearer. Raises `RevertedError` if
    it would be refused.
    """
    gas = await estimate_gas(rpc, call, sender)
    return replace(call, gas=gas * 6 // 5 + call.spare)


def sign(call: Call, signer: TransactionSigner, *, chain_id: int, nonce: int, fees: Fees) -> Signed:
    """Return the signed transaction, not yet sent."""
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "gas": call.gas,
        "maxFeePerGas": fees.max_fee,
        "maxPriorityFeePerGas": fees.max_priority_fee,
        "value": call.value,
        "data": call.data,
    }
    if call.to is not None:
        fields["to"] = to_checksum_address(call.to)
    raw = signer.sign_transaction(fields)
    return Signed(keccak(raw), raw, nonce)


async def send(rpc: Rpc, signed: Signed) -> None:
    """Give a transaction to the node; giving it again is harmless.

    Raises `ChainError` with the node's words if it refuses: a nonce that is used,
    fees that do not replace, too little balance.
    """
    try:
        await rpc.request("eth_sendRawTransaction", "0x" + signed.raw.hex())
    except ChainError as error:
        if "already" not in str(error):  # "already known", "already imported"
            raise


async def receipt(rpc: Rpc, transaction_hash: bytes) -> Receipt | None:
    """Return a transaction's receipt, None while it has none."""
    raw = await rpc.request("eth_getTransactionReceipt", "0x" + transaction_hash.hex())
    return Receipt.from_json(raw) if raw else None


async def wait_for_receipt(
    rpc: Rpc, transaction_hash: bytes, timeout_s: float = RECEIPT_TIMEOUT_S
) -> Receipt:
    """Return the receipt when there is one. Raises `NodeUnavailableError` after `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                found = await receipt(rpc, transaction_hash)
                if found is not None:
                    return found
                await asyncio.sleep(RECEIPT_INTERVAL_S)
    except TimeoutError:
        raise NodeUnavailableError(
            f"transaction 0x{transaction_hash.hex()} is not mined after {timeout_s:.0f} s; "
            "it may still be: look it up before sending another"
        ) from None


async def execute(rpc: Rpc, call: Call, signer: TransactionSigner, *, chain_id: int) -> Receipt:
    """Send a call and return its receipt; for one at a time, as it asks the node for the nonce.

    Raises `RevertedError` with the contract's reason, before it is sent where that is known.
    """
    signed = sign(
        await limited(rpc, call, signer.address),
        signer,
        chain_id=chain_id,
        nonce=await transaction_count(rpc, signer.address),
        fees=await suggest_fees(rpc),
    )
    await send(rpc, signed)
    found = await wait_for_receipt(rpc, signed.hash)
    await check(rpc, call, signer.address, found)
    return found


async def check(rpc: Rpc, call: Call, sender: str, found: Receipt) -> None:
    """Raise `RevertedError` with the contract's reason if a mined call failed."""
    if not found.succeeded:
        raise RevertedError(call.name, await failure_reason(rpc, call, sender, found))


async def failure_reason(rpc: Rpc, call: Call, sender: str, failed: Receipt) -> str:
    """Return why a mined transaction failed: a receipt does not say, so the node repeats it."""
    request = {"from": sender, "data": "0x" + call.data.hex(), "value": hex(call.value)}
    if call.to is not None:
        request["to"] = call.to
    try:
        await rpc.request("eth_call", request, hex(failed.block_number))
    except RevertedError as error:
        return error.reason
    except ChainError as error:
        return str(error)
    if failed.gas_used >= call.gas:
        return f"out of gas at {call.gas}"
    return "it succeeds when repeated after its block"
