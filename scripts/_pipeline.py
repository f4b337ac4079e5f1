"""Many transactions of several senders in flight at once, in a fixed order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from chargecoin.chain import Receipt, Rpc
from chargecoin.chain.transactions import (
    Call,
    Signed,
    TransactionSigner,
    check,
    limited,
    send,
    sign,
    suggest_fees,
    transaction_count,
    wait_for_receipt,
)
from scripts._book import LOCAL_CHAINS

IN_FLIGHT: Final = 60
"""How many transactions wait at once. Nodes drop long queues of one sender."""


@dataclass(slots=True)
class Sender:
    """A key that only this process uses while it runs, and its next nonce."""

    signer: TransactionSigner
    nonce: int

    @property
    def address(self) -> str:
        """The sender's address."""
        return self.signer.address


class Pipeline:
    """Sends calls through one node, and says how far it is."""

    def __init__(
        self, rpc: Rpc, chain_id: int, report: Callable[[str], None] = lambda _line: None
    ) -> None:
        """Send on `chain_id` through `rpc`; `report` gets a line now and then."""
        self.rpc = rpc
        self.chain_id = chain_id
        self.report = report

    async def senders(self, signers: Iterable[TransactionSigner]) -> list[Sender]:
        """Return senders that continue after what the node knows of them."""
        found = list(signers)
        nonces = await asyncio.gather(
            *(transaction_count(self.rpc, signer.address) for signer in found)
        )
        return [Sender(signer, nonce) for signer, nonce in zip(found, nonces, strict=True)]

    async def sign(self, sender: Sender, call: Call) -> Signed:
        """Return a call as the sender's next transaction, signed and not sent.

        It is tried first, so that what would be refused costs nothing: raises
        `RevertedError` then.
        """
        tried = await limited(self.rpc, call, sender.address)
        fees = await suggest_fees(self.rpc)
        signed = sign(tried, sender.signer, chain_id=self.chain_id, nonce=sender.nonce, fees=fees)
        sender.nonce += 1
        return signed

    async def confirm(self, sender: Sender, call: Call, signed: Signed) -> Receipt:
        """Send what was signed and return its receipt. Raises `RevertedError` if it failed."""
        await send(self.rpc, signed)
        found = await wait_for_receipt(self.rpc, signed.hash)
        await check(self.rpc, call, sender.address, found)
        return found

    async def execute(
        self, jobs: Sequence[tuple[Sender, Call]], what: str = "transactions"
    ) -> list[Receipt]:
        """Send all jobs in order and return their receipts in the same order.

        A single one is tried before it is sent, so that what would be refused costs
        nothing. Raises `RevertedError` with the contract's reason for the first that
        failed; those sent together with it may have been done.
        """
        if len(jobs) == 1:
            [(sender, call)] = jobs
            receipts = [await self.confirm(sender, call, await self.sign(sender, call))]
            self.report(f"{what}: 1 of 1")
            return receipts
        receipts = []
        for start in range(0, len(jobs), IN_FLIGHT):
            receipts += await self._execute(jobs[start : start + IN_FLIGHT])
            self.report(f"{what}: {len(receipts)} of {len(jobs)}")
        return receipts

    async def _execute(self, jobs: Sequence[tuple[Sender, Call]]) -> list[Receipt]:
        fees = await suggest_fees(self.rpc)
        signed: list[Signed] = []
        for sender, call in jobs:
            signed.append(
                sign(call, sender.signer, chain_id=self.chain_id, nonce=sender.nonce, fees=fees)
            )
            sender.nonce += 1
        async with self._in_one_block(len(jobs)):
            for one in signed:
                await send(self.rpc, one)
        await wait_for_receipt(self.rpc, signed[-1].hash)
        asked = [("eth_getTransactionReceipt", ("0x" + one.hash.hex(),)) for one in signed]
        answers = await self.rpc.batch(asked)
        # Other senders' may still wait.
        receipts = [
            Receipt.from_json(raw) if raw else await wait_for_receipt(self.rpc, one.hash)
            for one, raw in zip(signed, answers, strict=True)
        ]
        for (sender, call), found in zip(jobs, receipts, strict=True):
            await check(self.rpc, call, sender.address, found)
        return receipts

    @asynccontextmanager
    async def _in_one_block(self, count: int) -> AsyncIterator[None]:
        """On an anvil that mines each transaction at once, let it mine them together.

        It hashes its whole state for every block, which at a few hundred accounts
        takes ten times as long as the transaction.
        """
        held = count > 1 and self.chain_id in LOCAL_CHAINS
        held = held and bool(await self.rpc.request("anvil_getAutomine"))
        if held:
            await self.rpc.request("evm_setAutomine", False)
        try:
            yield
        finally:
            if held:
                await self.rpc.request("evm_mine")
                await self.rpc.request("evm_setAutomine", True)
