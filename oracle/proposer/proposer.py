"""The proposer: one batch at a time from pending sessions to a mined transaction.

Its state is in the store alone. Each step reads where the batch is and brings it
one state further, so that a kill between any two steps loses nothing:

    pending → proposed → signed → submitted → mined → final
                 └──────────┴─────────┴→ released (expired in a final block; pending again)

Final is what the follower finds in final blocks. A settlement that vanishes from
the chain before that is undone here, and its transaction sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Final

import structlog

from chargecoin import record
from chargecoin.chain import Chain, Receipt
from chargecoin.chain.events import Event, decode_events
from chargecoin.clock import Clock
from chargecoin.errors import AttestationRefusedError, ChainError, RevertedError, StoreError
from chargecoin.typed_data import order_signatures
from oracle.committee.attester import Attester
from oracle.crash import seam
from oracle.metrics import Metrics
from oracle.proposer.collection import Collected, Collector
from oracle.proposer.drafting import Drafted, Drafter
from oracle.proposer.submitter import Submitter
from oracle.registry import Registry
from oracle.settlements import Settlement
from oracle.signals import Signal
from oracle.store import batches, sessions
from oracle.store.attestations import Conflict
from oracle.store.batches import Batch
from oracle.store.database import Database

log = structlog.get_logger()

# How long to rest when there is nothing to do, after a refusal, and between looks at a receipt.
IDLE_S: Final = 0.5
RETRY_S: Final = 2.0
POLL_FIRST_S: Final = 0.02
POLL_MOST_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Due:
    """When a batch is due: so many sessions, or the oldest waiting so long (s by the clock)."""

    sessions: int
    age_s: int


class Proposer:
    """Drives the batches of one gas key."""

    def __init__(  # noqa: PLR0913  # The parts it drives, each by name, once.
        self,
        *,
        chain: Chain,
        database: Database,
        registry: Registry,
        attester: Attester,
        drafter: Drafter,
        collector: Collector,
        submitter: Submitter,
        clock: Clock,
        metrics: Metrics,
        due: Due,
    ) -> None:
        self._chain = chain
        self._database = database
        self._registry = registry
        self._attester = attester
        self._drafter = drafter
        self._collector = collector
        self._submitter = submitter
        self._clock = clock
        self._metrics = metrics
        self._due = due
        self._flush = False
        self._looked_at = 0
        self._poll_s = POLL_FIRST_S
        self._drafted: Drafted | None = None

    def flush(self) -> None:
        """Let what waits be due, however little it is."""
        self._flush = True

    async def run(self, woken: Signal) -> None:
        """Step until cancelled, at once whenever `woken` changes."""
        while True:
            seen = woken.version
            try:
                rest = await self.step()
            except (ChainError, StoreError) as error:
                log.warning("proposer_waits", error=str(error))
                rest = RETRY_S
            if rest:
                await woken.wait_at_most(seen, rest)

    async def step(self) -> float:
        """Bring one batch one state further and return how long to rest (s).

        Raises `ChainError` or `StoreError`; the next step goes on where this one was.
        """
        final_time = self._registry.time
        if final_time != self._looked_at:
            await self._database.write(lambda c: sessions.release_lost(c, final_time))
            self._looked_at = final_time
        batch = await self._database.read(batches.in_flight)
        if batch is None:
            await self._check_settlements()
            return await self._next()
        if batch.state == "submitted" and (receipts := await self._submitter.receipts(batch)):
            return await self._mined(batch, receipts)
        if batch.expiry < final_time:
            await self._release(batch, "it expired")
            return 0.0
        if batch.state == "proposed":
            return await self._collect(batch)
        if batch.state == "signed":
            return await self._submit(batch)
        await self._submitter.press_on(batch)
        self._poll_s = min(2 * self._poll_s, POLL_MOST_S)
        return self._poll_s

    # -------------------------------------------------------------- proposing

    async def _next(self) -> float:
        count, oldest = await self._database.read(sessions.waiting)
        if oldest is None:
            self._flush = False
            return IDLE_S
        waited = self._clock.now() - oldest
        if not self._flush and count < self._due.sessions and waited < self._due.age_s:
            return IDLE_S
        self._drafted = await self._drafter.draft()
        return IDLE_S if self._drafted is None else 0.0

    async def _collect(self, batch: Batch) -> float:
        """Gather the committee's signatures for a proposed batch."""
        try:
            if self._drafted is None or self._drafted.batch.id != batch.id:
                self._drafted = await self._drafter.again(batch)
        except AttestationRefusedError as error:
            await self._release(batch, str(error))
            return 0.0
        drafted, self._drafted = self._drafted, None
        verified = drafted.verified
        wanted = (await self._registry.committee(batch.epoch)).threshold - 1
        collected = await self._collector.collect(drafted.proposal, verified.digest, wanted)
        if len(collected.signatures) < wanted:
            return await self._refused(batch, collected, wanted)
        try:
            own = await self._attester.sign(verified)
        except AttestationRefusedError as error:
            await self._release(batch, str(error))
            return RETRY_S
        others = list(collected.signatures.values())[:wanted]
        joined = order_signatures(verified.digest, [*others, own])
        await self._database.write(lambda c: batches.sign(c, batch.id, joined))
        seam("signatures_stored")
        return 0.0

    async def _refused(self, batch: Batch, collected: Collected, wanted: int) -> float:
        """Take out what too many members refuse; otherwise ask again later."""
        hopeless = collected.hopeless(self._collector.members - wanted)
        if not hopeless:
            return RETRY_S
        numbers = {
            record.session_id(one.connector_id, one.sequence or 0): one.id
            for one in await self._database.read(lambda c: sessions.in_batch(c, batch.id))
        }
        for refusal in hopeless:
            number = numbers.get(int(refusal.session or "0x0", 16))
            if number is not None:
                sentence = f"The committee refuses it: {refusal.detail}"
                await self._drafter.take_out(number, Conflict(refusal.reason, sentence))
        await self._release(batch, "the committee refuses sessions in it")
        return 0.0

    async def _release(self, batch: Batch, because: str) -> None:
        log.warning("batch_released", batch=batch.id, because=because)
        await self._database.write(lambda c: batches.release(c, batch.id))

    # ------------------------------------------------------------- submitting

    async def _submit(self, batch: Batch) -> float:
        try:
            await self._submitter.submit(batch)
        except RevertedError as error:
            # Paused, expired or another committee: a batch that we would not attest any more is
            # given up, anything else passes.
            log.warning("settlement_refuses", batch=batch.id, reason=error.reason)
            try:
                await self._drafter.again(batch)
            except AttestationRefusedError as refusal:
                await self._release(batch, str(refusal))
                return 0.0
            return RETRY_S
        self._poll_s = POLL_FIRST_S
        return POLL_FIRST_S

    async def _mined(self, batch: Batch, receipts: Sequence[Receipt]) -> float:
        """Store what a batch's mined transactions did: one, unless a nonce was lost and found."""
        seam("receipt_seen")
        for receipt in receipts:
            self._metrics.count("gas_used_total", by=receipt.gas_used)
            self._metrics.count("gas_cost_wei_total", by=receipt.gas_used * receipt.gas_price)
        succeeded = [receipt for receipt in receipts if receipt.succeeded]
        if not succeeded:
            failed = [receipt.transaction_hash for receipt in receipts]
            log.error(
                "transaction_failed", batch=batch.id, transactions=[one.hex() for one in failed]
            )
            await self._database.write(lambda c: batches.forget_attempts(c, batch.id, failed))
            return RETRY_S
        for receipt in succeeded:
            await self._store(batch, receipt)
        await self._database.write(lambda c: batches.set_state(c, batch.id, "mined"))
        seam("receipt_stored")
        self._metrics.count("batches_total")
        return 0.0

    async def _store(self, batch: Batch, receipt: Receipt) -> None:
        """Take outcomes from a receipt's events, and nothing else.

        Sessions of skipped runs stay proposed: either someone else settled them,
        which the follower finds, or another session has their sequence.
        """
        stored = await self._database.read(lambda c: sessions.in_batch(c, batch.id))
        numbers = {(one.connector_id, one.sequence, one.word): one.id for one in stored}
        outcomes: dict[int, int] = {}
        words: list[int] = []
        settlement: Settlement | None = None
        address = self._chain.deployment.address("Settlement")
        for event in decode_events("Settlement", address, receipt.logs):
            if event.name == "Session":
                outcome, word = event.args["session"], event.args["word"]
                words.append(outcome)
                number = numbers.get((*record.split_session_id(outcome >> 160), word))
                if number is not None:
                    outcomes[number] = outcome
            elif event.name == "RunSkipped":
                words.append(0)
                log.warning("run_skipped", batch=batch.id, connector_id=event.args["connector_id"])
            elif event.name == "BatchSettled":
                settlement = _settlement(batch, receipt, event)
                expected = record.commitment(batch.runs, batch.evidence_root, words)
                if event.args["commitment"][: record.COMMITMENT_BYTES] != expected:
                    log.error("commitment_differs", batch=batch.id, number=settlement.number)

        def store(connection: Connection) -> None:
            sessions.settle(connection, outcomes)
            if settlement:
                batches.add_settlement(connection, settlement, final=False)

        await self._database.write(store)
        log.info("batch_mined", batch=batch.id, sessions=len(outcomes), block=receipt.block_number)

    async def _check_settlements(self) -> None:
        """Undo what a reorganisation took back, so that it is sent again."""
        for settlement in await self._database.read(batches.not_final):
            # Not the receipt, which holds hundreds of events.
            mined = await self._chain.transaction(settlement.tx_hash)
            if mined is None or mined.block_hash != settlement.block_hash:
                log.warning("settlement_reorganised", number=settlement.number)
                await self._database.write(
                    lambda c, settlement=settlement: batches.undo_settlement(c, settlement)  # type: ignore[misc]
                )


def _settlement(batch: Batch, receipt: Receipt, event: Event) -> Settlement:
    return Settlement(
        number=event.args["batch"],
        evidence_root=batch.evidence_root,
        epoch=batch.epoch,
        expiry=batch.expiry,
        runs=batch.runs,
        signatures=batch.signatures or b"",
        tx_hash=receipt.transaction_hash,
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
    )
