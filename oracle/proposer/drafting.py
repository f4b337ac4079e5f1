"""Choosing what goes into the next batch, and leaving out what cannot go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Final

import structlog

from chargecoin.chain import Block, Chain
from chargecoin.clock import Clock
from chargecoin.errors import AttestationRefusedError, ChainError
from chargecoin.record import MAX_SESSIONS
from chargecoin.typed_data import Signer
from oracle.committee.attester import PASSING, Attester, Verified
from oracle.committee.proposal import Proposal
from oracle.crash import seam
from oracle.proposer import builder
from oracle.proposer.builder import Built
from oracle.registry import Registry
from oracle.store import attestations, batches, sessions
from oracle.store.attestations import Attestation, Conflict
from oracle.store.batches import Batch
from oracle.store.database import Database
from oracle.store.sessions import Pending

log = structlog.get_logger()

# Sessions that stand in one another's way are sorted out one a round; the rest waits.
MAX_ROUNDS: Final = 16
# How long (s, by the clock) a connector waits before what stood against it is tried again.
HOLD_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Drafted:
    """A stored batch with its proposal, verified by ourselves."""

    batch: Batch
    proposal: Proposal
    verified: Verified


class _Trial(Exception):  # noqa: N818  # No error: it takes back what was only tried.
    def __init__(self, found: dict[int, Conflict]) -> None:
        super().__init__()
        self.found = found


class Drafter:
    """Makes batches out of pending sessions."""

    def __init__(
        self,
        *,
        chain: Chain,
        database: Database,
        registry: Registry,
        attester: Attester,
        signer: Signer,
        clock: Clock,
        batch_valid_s: int,
    ) -> None:
        self._chain = chain
        self._database = database
        self._registry = registry
        self._attester = attester
        self._signer = signer
        self._clock = clock
        self._batch_valid_s = batch_valid_s
        self._held: dict[int, float] = {}

    async def draft(self) -> Drafted | None:
        """Make a batch of what is pending and store it, None if nothing can go now.

        What we ourselves would not attest goes into quarantine on the way. Raises
        `ChainError` if the chain is not as the batch needs it.
        """
        latest = await self._chain.block()
        if latest is None:
            return None
        held = self._held_now()
        waiting = await self._database.read(
            lambda c: sessions.pending(c, latest.timestamp, MAX_SESSIONS, held)
        )
        epoch = await self._chain.current_epoch()
        for _ in range(MAX_ROUNDS):
            waiting = await self._with_room(waiting, latest)
            if not waiting:
                return None
            built = await self._build(waiting, epoch, latest.timestamp + self._batch_valid_s)
            verified, against = await self._verify(built)
            if verified is not None and not against:
                return await self._store(built, verified, latest)
            for number, conflict in against.items():
                await self.take_out(number, conflict)
            held = self._held_now()
            waiting = [
                one for one in waiting if one.id not in against and one.connector_id not in held
            ]
        return None

    async def take_out(self, number: int, why: Conflict) -> None:
        """Keep a session out of batches: for a while if that may pass, else in quarantine."""
        at = self._clock.now()
        log.warning("session_refused", session=number, check=why.check, detail=why.sentence)
        if why.check in PASSING:
            # The connector's other sessions wait too, since sequences have no gaps.
            connector_id = await self._database.read(lambda c: sessions.connector(c, number))
            self._held[connector_id] = at + HOLD_S
            return
        await self._database.write(
            lambda c: sessions.put_in_quarantine(c, number, at, why.check, why.sentence)
        )

    def _held_now(self) -> set[int]:
        """Return the connectors whose sessions wait for what may pass."""
        at = self._clock.now()
        self._held = {one: until for one, until in self._held.items() if until > at}
        return set(self._held)

    async def again(self, batch: Batch) -> Drafted:
        """Make a stored batch's proposal again, after a restart.

        Raises `AttestationRefusedError` if we would not attest it any more.
        """
        stored = await self._database.read(lambda c: sessions.in_batch(c, batch.id))
        proposal = builder.again(
            stored,
            runs=batch.runs,
            epoch=batch.epoch,
            expiry=batch.expiry,
            evidence_root=batch.evidence_root,
        )
        return Drafted(batch, proposal, await self._attester.verify(proposal, self._signer.address))

    async def _with_room(self, waiting: Sequence[Pending], latest: Block) -> list[Pending]:
        """Leave out what today's caps have no room for."""
        owners = await self._owners(waiting)
        accruals = {owner: await self._chain.accrual(owner) for owner in set(owners.values())}
        day, gross = await self._chain.committee_day()
        return builder.within_caps(
            waiting,
            owners=owners,
            accruals=accruals,
            committee_gross=gross if day == latest.timestamp // builder.DAY_S else 0,
            caps=await self._registry.caps(),
            now=latest.timestamp,
        )

    async def _owners(self, waiting: Sequence[Pending]) -> dict[int, int]:
        connectors = {session.connector_id for session in waiting}
        return {one: await self._registry.owner(one) for one in connectors}

    async def _build(self, waiting: Sequence[Pending], epoch: int, expiry: int) -> Built:
        owners = await self._owners(waiting)
        heads = {one: await self._chain.head(one) for one in owners}
        return builder.build(waiting, owners=owners, heads=heads, epoch=epoch, expiry=expiry)

    async def _verify(self, built: Built) -> tuple[Verified | None, dict[int, Conflict]]:
        """Verify a proposal as an attester does; return what stands against which session."""
        try:
            verified = await self._attester.verify(built.proposal, self._signer.address)
        except AttestationRefusedError as error:
            if error.session_id is None:
                raise ChainError(f"no batch can be proposed now: {error}") from error
            number = built.numbers[error.session_id]
            return None, {number: Conflict(error.check, str(error))}
        final_time = self._registry.time
        try:
            await self._database.write(lambda c: _try(c, verified.sessions, final_time))
        except _Trial as trial:
            found = {built.numbers[one]: conflict for one, conflict in trial.found.items()}
            return verified, found
        return verified, {}

    async def _store(self, built: Built, verified: Verified, latest: Block) -> Drafted:
        proposal = built.proposal
        seam("batch_built")
        batch = await self._database.write(
            lambda c: batches.create(
                c,
                epoch=proposal.epoch,
                expiry=proposal.expiry,
                evidence_root=verified.evidence_root,
                runs=bytes.fromhex(proposal.runs[2:]),
                from_block=latest.number,
                sequences=built.sequences,
            )
        )
        seam("batch_stored")
        log.info("batch_proposed", batch=batch.id, sessions=len(built.sequences))
        return Drafted(batch, proposal, verified)


def _try(connection: Connection, batch: Sequence[Attestation], final_time: int) -> None:
    """Find what a batch's sessions conflict with, one another included, leaving no trace."""
    found: dict[int, Conflict] = {}
    for one in batch:
        conflict = attestations.conflict(connection, one, final_time)
        if conflict:
            found[one.session_id] = conflict
        else:
            attestations.add(connection, one)
    raise _Trial(found)
