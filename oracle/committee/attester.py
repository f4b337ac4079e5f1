"""What a committee member checks before it signs, each refusal under the check's name.

The bundle's own steps (docs/evidence.md) are the ones that anybody verifies with.
Around them stand the checks that need the registry as of the last final block, the
chain's heads, or this attester's memory of what it signed before.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from sqlite3 import Connection
from typing import Final

from chargecoin import merkle
from chargecoin.chain import Block, Caps, Chain
from chargecoin.errors import (
    AttestationRefusedError,
    ChainError,
    CodecError,
    EvidenceCheckError,
    EvidenceError,
)
from chargecoin.evidence import checks
from chargecoin.evidence.campaign import check_campaign
from chargecoin.evidence.format import Bundle, evidence_hash, from_bytes, unhexed
from chargecoin.record import Run, decode_runs
from chargecoin.typed_data import Signer, batch_digest, token_commitment
from oracle.committee.proposal import Opening, Proposal
from oracle.crash import seam
from oracle.registry import Registry
from oracle.sessions import campaigns
from oracle.sessions.pipeline import MAX_AGE_S
from oracle.store import attestations
from oracle.store.attestations import Attestation, Pages
from oracle.store.database import Database

# How much later than ours a proposer's chain may say it is.
SLACK_S: Final = 300

# What says nothing against the session itself: it may pass later, or in another batch.
PASSING: Final = frozenset(
    {
        "already_attested",
        "epoch",
        "evidence_root",
        "expiry",
        "future",
        "head",
        "not_final",
        "proposer",
    }
)


@dataclass(frozen=True, slots=True)
class Verified:
    """A batch that passed every check but those against our memory."""

    digest: bytes
    evidence_root: bytes
    sessions: tuple[Attestation, ...]


class Attester:
    """One committee member."""

    def __init__(
        self,
        *,
        chain: Chain,
        database: Database,
        registry: Registry,
        signer: Signer,
        batch_valid_s: int,
    ) -> None:
        """`batch_valid_s` is the longest a batch may stay valid (s, chain time)."""
        self._chain = chain
        self._database = database
        self._registry = registry
        self._signer = signer
        self._batch_valid_s = batch_valid_s

    async def attest(self, proposal: Proposal, proposer: str) -> bytes:
        """Return our signature over a batch, every check passed and the evidence stored.

        Raises `AttestationRefusedError` naming the check, `ChainError` if the chain
        could not be asked.
        """
        return await self.sign(await self.verify(proposal, proposer))

    async def sign(self, verified: Verified) -> bytes:
        """Remember and store a verified batch, then sign it. Raises `AttestationRefusedError`."""

        def store(connection: Connection) -> None:
            for one in verified.sessions:
                found = attestations.conflict(connection, one, self._registry.time)
                if found:
                    raise AttestationRefusedError(found.check, found.sentence, one.session_id)
                attestations.add(connection, one)
            attestations.add_batch(connection, verified.evidence_root, verified.sessions)

        seam("proposal_verified")
        await self._database.write(store)
        seam("proposal_attested")
        return self._signer.sign(verified.digest)

    async def verify(self, proposal: Proposal, proposer: str) -> Verified:
        """Check a batch without signing it. Raises as `attest`."""
        latest = await self._chain.block()
        if latest is None or self._registry.block is None:
            raise ChainError("the node has no block yet")
        await self._check_committee(proposal, proposer, latest)
        runs, root = _batch(proposal)
        await self._check_heads(runs)
        caps = await self._registry.caps()
        sessions: list[Attestation] = []
        uses: Counter[tuple[int, int]] = Counter()
        position = 0
        for run in runs:
            for session_id, word in zip(run.session_ids(), run.words, strict=True):
                with _about(session_id):
                    data = proposal.bundles[position].encode()
                    bundle = from_bytes(data)
                    _check_place_in_batch(bundle, run, session_id, word)
                    _check_times(bundle, latest, self._registry.time)
                    _check_contract(bundle, caps)
                    _check_source(bundle, proposer)
                    await self._check_bundle(bundle)
                    await self._check_use(bundle, uses)
                    _check_opening(bundle, proposal.openings)
                    sessions.append(_attestation(bundle, data, word, root, proposal.expiry))
                position += 1
                # A batch takes a second: whoever else this process serves must not wait for it.
                await asyncio.sleep(0)
        _check_root(sessions, root)
        digest = batch_digest(
            self._chain.deployment.domain,
            epoch=proposal.epoch,
            expiry=proposal.expiry,
            evidence_root=root,
            runs=unhexed(proposal.runs),
        )
        return Verified(digest, root, tuple(sessions))

    async def _check_committee(self, proposal: Proposal, proposer: str, latest: Block) -> None:
        epoch = proposal.epoch
        committee = await self._registry.committee(epoch)
        if not committee.threshold or committee.valid_until <= latest.timestamp:
            raise AttestationRefusedError("epoch", f"there is no valid committee of epoch {epoch}")
        for name, address in (("proposer", proposer), ("epoch", self._signer.address)):
            if not await self._registry.is_member(epoch, address):
                raise AttestationRefusedError(name, f"{address} is no member of committee {epoch}")
        last = latest.timestamp + self._batch_valid_s + SLACK_S
        if not latest.timestamp < proposal.expiry <= last:
            raise AttestationRefusedError(
                "expiry",
                f"the batch expires at {proposal.expiry}, want {latest.timestamp} to {last}",
            )

    async def _check_heads(self, runs: Sequence[Run]) -> None:
        for run in runs:
            head = await self._chain.head(run.connector_id)
            if (run.first_sequence, run.previous_hash) != (head.sequence + 1, head.hash):
                raise AttestationRefusedError(
                    "head",
                    f"connector {run.connector_id} is at sequence {head.sequence}, and the run "
                    f"starts at {run.first_sequence}, or on another running hash",
                )

    async def _check_use(self, bundle: Bundle, uses: Counter[tuple[int, int]]) -> None:
        """Hold a campaign against our memory; `uses` counts it by payer in the batch so far."""
        campaign = bundle.campaign.id if bundle.campaign else 0
        used = bundle.payer.account, campaign

        def check(connection: Connection) -> None:
            campaigns.check_nothing_left_out(connection, bundle)
            campaigns.check_driver_cap(connection, bundle, self._registry.time, uses[used])

        await self._database.read(check)
        uses[used] += 1

    async def _check_bundle(self, bundle: Bundle) -> None:
        """Run the steps of docs/evidence.md on final data."""
        registry, connector_id = self._registry, bundle.session.connector_id
        checks.check_frames(bundle)
        checks.check_reading(bundle)
        registered = None
        if bundle.meter is not None:
            fingerprint = unhexed(bundle.meter.fingerprint, 32)
            registered = await registry.registered_key(connector_id, fingerprint)
        checks.check_signature(bundle, registered)
        holder, revoked_at = "", 0
        if bundle.payer.account and bundle.payer.mandate is not None:
            account = bundle.payer.account
            holder = await registry.holder(account) or ""
            mandate = checks.mandate_of(bundle.payer.mandate)
            revoked_at = await registry.revoked_at(account, mandate.struct_hash())
        domain = self._chain.deployment.domain
        checks.check_payer(bundle, domain, holder=holder, revoked_at=revoked_at)
        slot = await registry.tariff_slot(connector_id, bundle.price.tariff_index)
        checks.check_price(bundle, slot)
        terms, earlier = await self._database.read(
            lambda c: (campaigns.terms_of(c, bundle), campaigns.earlier_of(c, bundle))
        )
        check_campaign(bundle, terms, earlier)
        if not await registry.owner(connector_id):
            raise EvidenceCheckError("record", f"there is no connector {connector_id}")
        checks.check_record(bundle, self._chain.deployment, await registry.place(connector_id))


@contextmanager
def _about(session_id: int) -> Iterator[None]:
    """Let every refusal inside name its session, and its step as the check."""
    try:
        yield
    except EvidenceCheckError as error:
        raise AttestationRefusedError(error.step, str(error), session_id) from error
    except AttestationRefusedError as error:
        raise AttestationRefusedError(error.check, str(error), session_id) from error
    except (EvidenceError, CodecError) as error:
        raise AttestationRefusedError("bundle", str(error), session_id) from error


def _batch(proposal: Proposal) -> tuple[list[Run], bytes]:
    """Return the runs and the evidence root that a proposal states."""
    try:
        runs, root = decode_runs(unhexed(proposal.runs)), unhexed(proposal.evidence_root, 32)
    except (CodecError, EvidenceError) as error:
        raise AttestationRefusedError("malformed", str(error)) from error
    if sum(len(run.words) for run in runs) != len(proposal.bundles):
        raise AttestationRefusedError("malformed", "there is not one bundle a session")
    if len({run.connector_id for run in runs}) != len(runs):
        raise AttestationRefusedError("malformed", "a connector has two runs in one batch")
    return runs, root


def _check_place_in_batch(bundle: Bundle, run: Run, session_id: int, word: int) -> None:
    if int.from_bytes(unhexed(bundle.session.id, 32), "big") != session_id:
        raise AttestationRefusedError("session", "the bundle is of another session")
    if int.from_bytes(unhexed(bundle.word, 32), "big") != word:
        raise AttestationRefusedError("word", "the bundle's word is not the run's")
    if bundle.price.tariff_index != run.tariff_index:
        raise AttestationRefusedError("tariff_index", "the run is under another tariff")


def _check_times(bundle: Bundle, latest: Block, final_time: int) -> None:
    started_at, ended_at = bundle.reading.started_at, bundle.reading.ended_at
    if ended_at > latest.timestamp:
        raise AttestationRefusedError("future", "it ends after the latest block")
    if started_at > final_time:
        raise AttestationRefusedError("not_final", "it starts after the last final block")
    if ended_at < latest.timestamp - MAX_AGE_S - SLACK_S:
        raise AttestationRefusedError("too_old", "it ended more than 89 days ago")


def _check_contract(bundle: Bundle, caps: Caps) -> None:
    if bundle.price.gross > caps.session:
        raise AttestationRefusedError("session_cap", f"over {caps.session} base units a session")


def _check_source(bundle: Bundle, proposer: str) -> None:
    if bundle.source.oracle != proposer:
        raise AttestationRefusedError("source", "another oracle than the proposer saw the frames")
    if bundle.session.transaction_id is None:
        raise AttestationRefusedError("source", "the transaction has no id")


def _check_opening(bundle: Bundle, openings: dict[str, Opening]) -> None:
    """Whoever is billed presented a token that the mandate's commitment really hides."""
    if not bundle.payer.account:
        return
    opening = openings.get(bundle.payer.token)
    if opening is None:
        raise AttestationRefusedError("opening", "the payer's token is not opened")
    if token_commitment(unhexed(opening.salt, 32), opening.token) != unhexed(bundle.payer.token):
        raise AttestationRefusedError("opening", "the opening is of another token")


def _attestation(bundle: Bundle, data: bytes, word: int, root: bytes, expiry: int) -> Attestation:
    session, reading = bundle.session, bundle.reading
    return Attestation(
        connector_id=session.connector_id,
        sequence=session.sequence,
        word=word,
        evidence_hash=evidence_hash(data),
        evidence_root=root,
        expiry=expiry,
        source=bundle.source.oracle,
        charge_point=session.charge_point,
        transaction_id=session.transaction_id or 0,
        started_at=reading.started_at,
        ended_at=reading.ended_at,
        begin_wh=Decimal(reading.begin_wh),
        end_wh=Decimal(reading.end_wh),
        pages=_pages(bundle),
        bundle=data,
    )


def _pages(bundle: Bundle) -> Pages | None:
    """Return the pages of the meter that a session took (OCMF `PG`: a letter and a count)."""
    if bundle.meter is None:
        return None
    counted = [int(page[1:]) for page in bundle.meter.pagination]
    return Pages(
        meter=unhexed(bundle.meter.fingerprint, 32),
        context=bundle.meter.pagination[0][:1],
        first=min(counted),
        last=max(counted),
    )


def _check_root(sessions: Sequence[Attestation], root: bytes) -> None:
    leaves = [merkle.leaf(one.session_id, one.word, one.evidence_hash) for one in sessions]
    if merkle.root(leaves) != root:
        raise AttestationRefusedError("evidence_root", "the bundles do not lead to the root")
