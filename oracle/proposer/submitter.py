"""Bringing a signed batch to the chain: one nonce, stored before it is sent, outbid if it waits.

Every transaction is stored before it is broadcast, and sending one again is
harmless. Two batches never share a nonce while both can settle: a nonce passes on
only from a batch that was given up.
"""

from __future__ import annotations

from dataclasses import replace
from sqlite3 import Connection
from typing import Final

import structlog

from chargecoin.chain import Chain, Receipt
from chargecoin.chain.transactions import (
    Call,
    Fees,
    TransactionSigner,
    contract_call,
    send,
    sign,
    suggest_fees,
    transaction_count,
)
from chargecoin.errors import ChainError, NodeUnavailableError
from oracle.crash import seam
from oracle.metrics import Metrics
from oracle.store import batches
from oracle.store.batches import Attempt, Batch
from oracle.store.database import Database

log = structlog.get_logger()

# Nodes replace a waiting transaction for 10 % more (geth's `txpool.pricebump`).
BUMP_PERCENT: Final = 10
BUMP_AFTER_BLOCKS: Final = 3
# The most a replacement may offer, as a multiple of what the node suggests now.
MAX_OVER_MARKET: Final = 5
GAS_MARGIN_PERCENT: Final = 10


def outbid(waiting: Fees, market: Fees) -> Fees | None:
    """Return fees that replace a waiting transaction, None if that would be over the cap."""
    bumped = waiting.bumped(BUMP_PERCENT)
    fees = Fees(
        max(bumped.max_fee, market.max_fee),
        max(bumped.max_priority_fee, market.max_priority_fee),
    )
    return fees if fees.max_fee <= MAX_OVER_MARKET * market.max_fee else None


class Submitter:
    """Sends the batches of one gas key."""

    def __init__(
        self, chain: Chain, database: Database, signer: TransactionSigner, metrics: Metrics
    ) -> None:
        self._chain = chain
        self._database = database
        self._signer = signer
        self._metrics = metrics

    async def submit(self, batch: Batch) -> None:
        """Sign, store and broadcast a signed batch's first transaction.

        Raises `RevertedError` if settlement would refuse the batch now, `ChainError`
        if the node refuses it.
        """
        call = await self._call(batch)
        fees = await suggest_fees(self._chain.rpc)
        await self._send(batch, call, fees)

    async def receipts(self, batch: Batch) -> list[Receipt]:
        """Return the receipts of those of a batch's transactions that were mined."""
        attempts = await self._database.read(lambda c: batches.attempts_of_batch(c, batch.id))
        found = [await self._chain.receipt(attempt.signed.hash) for attempt in attempts]
        return [receipt for receipt in found if receipt is not None]

    async def press_on(self, batch: Batch) -> None:
        """Broadcast again what waits, with higher fees after a few blocks.

        Nodes forget transactions, and a reorganisation may have thrown one out: all
        nonces that the chain has not used are filled, in order.
        """
        rpc, sender = self._chain.rpc, self._signer.address
        mined = await transaction_count(rpc, sender, "latest")
        for attempt in await self._database.read(lambda c: batches.latest_from(c, mined)):
            await self._broadcast(attempt)
        own = await self._database.read(lambda c: batches.attempts_of_batch(c, batch.id))
        if not own:
            return
        last = own[0]
        if last.signed.nonce < mined:
            # Mined, or the nonce is another transaction's. A node may know the one before the
            # other, so that only a final block tells.
            if last.signed.nonce < await transaction_count(rpc, sender, "finalized"):
                await self._give_up_nonce(batch, last)
            return
        latest = await self._chain.block()
        if latest is not None and latest.number >= last.at_block + BUMP_AFTER_BLOCKS:
            await self._replace(batch, last)

    async def _give_up_nonce(self, batch: Batch, last: Attempt) -> None:
        """Let a batch have another nonce, its own being used for good by another transaction."""
        if not await self.receipts(batch):
            log.warning("nonce_lost", batch=batch.id, nonce=last.signed.nonce)
            await self._database.write(lambda c: batches.set_state(c, batch.id, "signed"))

    async def _call(self, batch: Batch) -> Call:
        call = contract_call(
            "Settlement",
            "settle",
            self._chain.deployment.address("Settlement"),
            batch.epoch,
            batch.expiry,
            batch.evidence_root,
            batch.runs,
            batch.signatures,
        )
        request = {"from": self._signer.address, "to": call.to, "data": "0x" + call.data.hex()}
        # On the latest block: on what is pending, the batch may have settled already.
        gas = int(await self._chain.rpc.request("eth_estimateGas", request, "latest"), 16)
        return replace(call, gas=gas * (100 + GAS_MARGIN_PERCENT) // 100)

    async def _replace(self, batch: Batch, waiting: Attempt) -> None:
        fees = outbid(waiting.fees, await suggest_fees(self._chain.rpc))
        if fees is None:
            log.warning("fee_cap_reached", batch=batch.id, max_fee=waiting.fees.max_fee)
            return
        self._metrics.count("replacements_total")
        await self._send(batch, await self._call(batch), fees, waiting.signed.nonce)

    async def _send(self, batch: Batch, call: Call, fees: Fees, nonce: int | None = None) -> None:
        """Claim a nonce unless it has one, sign, store, and only then broadcast."""
        chain_id, sender = self._chain.deployment.chain_id, self._signer.address
        mined = await transaction_count(self._chain.rpc, sender, "latest")
        latest = await self._chain.block()

        def store(connection: Connection) -> Attempt:
            used = nonce
            if used is None:
                used = batches.claim_nonce(connection, chain_id, sender, batch.id, mined)
            offered = fees
            for before in batches.attempts_with_nonce(connection, used)[:1]:
                # What waits under this nonce is replaced, whichever batch it is of.
                bumped = before.fees.bumped(BUMP_PERCENT)
                offered = Fees(
                    max(offered.max_fee, bumped.max_fee),
                    max(offered.max_priority_fee, bumped.max_priority_fee),
                )
            signed = sign(call, self._signer, chain_id=chain_id, nonce=used, fees=offered)
            seam("attempt_signed")
            attempt = Attempt(batch.id, signed, offered, latest.number if latest else 0)
            batches.add_attempt(connection, attempt)
            return attempt

        attempt = await self._database.write(store)
        seam("attempt_stored")
        await self._broadcast(attempt)
        seam("attempt_broadcast")

    async def _broadcast(self, attempt: Attempt) -> None:
        try:
            await send(self._chain.rpc, attempt.signed)
        except NodeUnavailableError:
            raise
        except ChainError as error:
            # A used nonce, a better offer in the pool, or no funds: the next look at the receipt
            # and the nonce tells which, and the transaction is kept.
            log.warning("not_broadcast", batch=attempt.batch, error=str(error))
