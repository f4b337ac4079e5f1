"""Verification of a session's evidence against a chain, step by step (docs/evidence.md).

It needs the bundle's bytes, the proof and a node, and trusts none of who handed
over the first two. Every step runs, whatever the others found.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, ParamSpec

from chargecoin.chain.events import decode_events
from chargecoin.chain.reader import ChainReader
from chargecoin.errors import (
    ChargeCoinError,
    EvidenceError,
    NodeUnavailableError,
    WrongChainError,
)
from chargecoin.evidence import anchors, checks
from chargecoin.evidence.campaign import check_campaign, logged_sessions
from chargecoin.evidence.checks import Place
from chargecoin.evidence.format import Bundle, Proof, from_bytes, unhexed, word_hex

STEPS: Final = (*checks.BUNDLE_STEPS, "proof", "attestation", "settlement", "block")

_P = ParamSpec("_P")


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step: held (`ok`), did not, or had nothing to check (`None`), and why in words."""

    step: str
    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What verification found, every step in order."""

    session_id: str
    steps: tuple[StepResult, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the steps that failed; the first is the cause of those after it."""
        return tuple(result.step for result in self.steps if result.ok is False)


async def place_of(chain: ChainReader, connector_id: int) -> Place:
    """Return what the registry says of a connector. Raises `EvidenceError` if it has none."""
    connector = await chain.connector(connector_id)
    if not connector.evse:
        raise EvidenceError(f"the registry has no connector {connector_id}")
    evse = await chain.evse(connector.evse)
    station = await chain.station(evse.station_id)
    site = await chain.site(station.site_id)
    return Place(
        charge_point=station.identity,
        connector_number=connector.connector_number,
        max_power_w=connector.max_power_w,
        time_zone=site.time_zone,
        grid_zone=site.grid_zone,
    )


async def _signature(bundle: Bundle, chain: ChainReader) -> str:
    registered = None
    if bundle.meter is not None:
        fingerprint = unhexed(bundle.meter.fingerprint, 32)
        registered = await chain.meter_key(bundle.session.connector_id, fingerprint)
    return checks.check_signature(bundle, registered)


async def _payer(bundle: Bundle, chain: ChainReader) -> str:
    account, part = bundle.payer.account, bundle.payer.mandate
    holder, revoked_at = "", 0
    if account and part is not None:
        holder = await chain.account_holder(account)
        mandate_id = checks.mandate_of(part).struct_hash()
        revoked_at = await chain.mandate_revoked_at(account, mandate_id)
    domain = chain.deployment.domain
    return checks.check_payer(bundle, domain, holder=holder, revoked_at=revoked_at)


async def _price(bundle: Bundle, chain: ChainReader) -> str:
    terms = await chain.run_terms(bundle.session.connector_id, bundle.price.tariff_index)
    return checks.check_price(bundle, terms.tariff)


async def _campaign(bundle: Bundle, chain: ChainReader) -> str:
    terms, earlier = None, {}
    if bundle.campaign is not None:
        terms = await chain.campaign_terms(bundle.campaign.id, bundle.session.connector_id)
        settlement = chain.deployment.address("Settlement")
        for stated in bundle.campaign.sessions:
            receipt = await chain.receipt(unhexed(stated.transaction, 32))
            if receipt is not None and receipt.succeeded:
                logged = decode_events("Settlement", settlement, receipt.logs)
                found = {word_hex(one.session_id): one for one in logged_sessions(logged)}
                if stated.id in found:
                    earlier[stated.id] = found[stated.id]
    return check_campaign(bundle, terms, earlier)


async def _record(bundle: Bundle, chain: ChainReader) -> str:
    place = await place_of(chain, bundle.session.connector_id)
    return checks.check_record(bundle, chain.deployment, place)


async def _attestation(proof: Proof, chain: ChainReader) -> str:
    domain = chain.deployment.domain
    threshold = (await chain.committee(proof.epoch)).threshold
    members = {
        address
        for address in anchors.signers(proof, domain)
        if await chain.is_member(proof.epoch, address)
    }
    return anchors.check_attestation(proof, domain, threshold=threshold, members=members)


async def _settlement(proof: Proof, chain: ChainReader) -> str:
    receipt = await chain.receipt(unhexed(proof.transaction, 32))
    commitment = await chain.batch_commitment(proof.batch)
    return anchors.check_settlement(proof, chain.deployment, receipt=receipt, commitment=commitment)


async def _block(proof: Proof, chain: ChainReader) -> str:
    safe, final = await chain.block("safe"), await chain.block("finalized")
    return anchors.check_block(
        proof,
        receipt=await chain.receipt(unhexed(proof.transaction, 32)),
        block=await chain.block(proof.block_number),
        safe=safe.number if safe else -1,
        final=final.number if final else -1,
    )


async def _now(check: Callable[_P, str], *args: _P.args, **kwargs: _P.kwargs) -> str:
    return check(*args, **kwargs)


async def _run(name: str, check: Awaitable[str]) -> StepResult:
    try:
        return StepResult(name, True, await check)
    except (NodeUnavailableError, WrongChainError):
        raise
    except ChargeCoinError as error:
        return StepResult(name, False, str(error))


async def verify(data: bytes, proof: Proof, chain: ChainReader) -> Report:
    """Check a bundle's bytes and their proof against a chain.

    Whatever is wrong with either is in the report. Raises `NodeUnavailableError`
    where the node does not answer, since then nothing can be said.
    """
    bundle_steps, *proof_steps = await gather(
        _bundle_steps(data, chain),
        _run("proof", _now(anchors.check_proof, data, proof)),
        _run("attestation", _attestation(proof, chain)),
        _run("settlement", _settlement(proof, chain)),
        _run("block", _block(proof, chain)),
    )
    return Report(session_id=proof.session_id, steps=(*bundle_steps, *proof_steps))


async def _bundle_steps(data: bytes, chain: ChainReader) -> tuple[StepResult, ...]:
    try:
        bundle = from_bytes(data)
    except EvidenceError as error:
        first, *unread = checks.BUNDLE_STEPS
        why = "not checked: the bundle cannot be read"
        return (
            StepResult(first, False, str(error)),
            *(StepResult(name, None, why) for name in unread),
        )
    frames, reading, signature, *others = await gather(
        _run("frames", _now(checks.check_frames, bundle)),
        _run("reading", _now(checks.check_reading, bundle)),
        _run("signature", _signature(bundle, chain)),
        _run("payer", _payer(bundle, chain)),
        _run("price", _price(bundle, chain)),
        _run("campaign", _campaign(bundle, chain)),
        _run("record", _record(bundle, chain)),
    )
    if signature.ok and bundle.meter is None:
        signature = replace(signature, ok=None)
    return (frames, reading, signature, *others)
