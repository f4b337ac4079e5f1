"""Sessions settled for real: contracts on anvil, frames, meters that sign, mandates, attestations.

What pages verify is made here by the code that makes it in production, and served
as an oracle serves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import orjson
from sqlalchemy import Engine

from chargecoin import merkle
from chargecoin.carbon import factor_for
from chargecoin.chain import Chain, Rpc
from chargecoin.chain.transactions import contract_call
from chargecoin.evidence import bundle
from chargecoin.evidence.bundle import Payer, SessionRef, Terms
from chargecoin.evidence.format import (
    Bundle,
    CampaignPart,
    Proof,
    evidence_hash,
    hexed,
    to_bytes,
    word_hex,
)
from chargecoin.local_node import CHAIN_ID, LocalNode
from chargecoin.record import Run, encode_runs, session_id
from chargecoin.sessions.metering import MeterKey, Reading, measure
from chargecoin.sessions.transaction import fold
from chargecoin.tariff import Tariff, gross
from chargecoin.typed_data import (
    Mandate,
    Signer,
    batch_digest,
    order_signatures,
    token_commitment,
)
from indexer.follow import Follower
from indexer.rpc import Rpc as IndexerRpc
from indexer.store import Store
from scripts._onboarding_file import (
    ConnectorInput,
    EvseInput,
    MeterKeyInput,
    Onboarding,
    OwnerInput,
    PayerInput,
    SiteInput,
    StationInput,
    TariffInput,
)
from scripts._pipeline import Pipeline
from tests.support.charging import END, START, Charging, Meter
from tests.support.protocol import Protocol, secret, set_up

Handler = Callable[[httpx.Request], httpx.Response]

SALT: Final = bytes(range(32))
TOKEN: Final = "04AB076A345B85"
ORACLE_URL: Final = "http://oracle.test"
IDENTITY: Final = "CP-0001"


@dataclass(frozen=True, slots=True)
class Case:
    """One session's evidence as an oracle serves it."""

    session_id: int
    bundle: bytes
    proof: Proof

    @property
    def key(self) -> str:
        """The session as addresses write it."""
        return f"{self.session_id >> 64}/{self.session_id & 0xFFFFFFFF}"


@dataclass(frozen=True, slots=True)
class Settled:
    """A chain on which a batch of three sessions was settled.

    `signed`: the meter signs and its manufacturer vouches. `own_key`: the meter signs and
    only the owner vouches. `observed`: the meter does not sign.
    """

    protocol: Protocol
    signed: Case
    own_key: Case
    observed: Case

    @property
    def cases(self) -> tuple[Case, ...]:
        """All three."""
        return self.signed, self.own_key, self.observed


METERS: Final = (Meter(number=11, serial="METER-1"), Meter(number=12, serial="METER-2"), None)


def _onboarding() -> Onboarding:
    tariff = TariffInput(kwh=450_000, hour=200_000, idle_hour=1_000_000, session=0, vat_bps=2_000)
    keys = (
        MeterKeyInput(4, "0x" + METERS[0].public_key.hex(), "manufacturer"),
        MeterKeyInput(4, "0x" + METERS[1].public_key.hex(), "owner"),
        None,
    )
    evses = tuple(
        EvseInput(number, (ConnectorInput(number, 4, 2, 22_000, tariff, key),))
        for number, key in enumerate(keys, 1)
    )
    station = StationInput(IDENTITY, "Vendor", "AC-22", evses)
    site = SiteInput("Harbour", "Europe/London", "GB", "GB", (station,))
    return Onboarding(
        owners=(OwnerInput("Harbour Parking", secret("station_owner 1"), (site,)),),
        payers=(PayerInput("driver", secret("driver"), 100_000_000, 50_000_000),),
        vouchers={"manufacturer": secret("manufacturer")},
    )


def _charging(number: int, meter: Meter | None, sequence: int) -> Charging:
    """Return an hour of charging at a connector, with the meter's signatures where it signs."""
    start = START + (sequence - 1) * 7200
    end = start + 3600
    begin_wh = 57_584 + (sequence - 1) * 1101
    end_wh = begin_wh + 1101
    charging = Charging(connector_id=number, transaction_id=4710 + sequence)
    charging.start(start, meter=begin_wh)
    if meter is not None:
        reading = meter.reading("B", f"{begin_wh / 1000:.3f}", start)
        charging.signed(start, meter.sign(reading))
    charging.status(start, "Charging").status(end - 300, "SuspendedEV")
    if meter is not None:
        charging.signed(end, meter.sign(meter.reading("E", f"{end_wh / 1000:.3f}", end)))
    return charging.stop(end, meter=end_wh)


async def settle_batch(
    protocol: Protocol, numbers: Sequence[int], campaign: int = 0
) -> tuple[Case, ...]:
    """Let one session of an hour at each connector happen and settle them in one batch.

    With a `campaign` each has what that takes off its price.
    """
    rpc = Rpc(protocol.url)
    chain = Chain(rpc, protocol.deployment)
    try:
        payer = _payer(protocol)
        bundles, runs = [], []
        for number in numbers:
            meter = METERS[number - 1]
            connector = protocol.ids["connectors"][f"{IDENTITY}/{number}"]
            head = await chain.head(connector)
            sequence = head.sequence + 1
            redacted = _charging(number, meter, sequence).redacted(
                lambda token: hexed(token_commitment(SALT, token))
            )
            keys: tuple[MeterKey, ...] = ()
            if meter is not None:
                kept = await chain.meter_key(connector, meter.key().fingerprint)
                keys = (meter.key(voucher_kind=kept.voucher_kind, valid_from=kept.valid_from),)
            slot = (await chain.run_terms(connector, 1)).tariff
            transaction = fold(redacted)
            reading, tariff = measure(transaction, keys), Tariff.decode(slot)
            made = bundle.build(
                deployment=protocol.deployment,
                oracle=protocol.members[0].address,
                session=SessionRef(
                    connector, sequence, IDENTITY, transaction.transaction_id, "Europe/London"
                ),
                frames=redacted,
                reading=reading,
                payer=payer,
                terms=Terms(
                    1, tariff, await _campaign(chain, campaign, connector, reading, tariff)
                ),
                factor=factor_for("GB", START),
            )
            bundles.append(made)
            runs.append(Run(connector, sequence, 1, head.hash, (made.record.encode(),)))
        number_of_batch = await chain.batch_count() + 1
        return await _submit(protocol, rpc, bundles, runs, number_of_batch)
    finally:
        await rpc.close()


async def _campaign(
    chain: Chain, campaign: int, connector: int, reading: Reading, tariff: Tariff
) -> CampaignPart | None:
    """Return what a campaign takes off, by the chain's terms as an oracle reads them."""
    terms = await chain.campaign_terms(campaign, connector) if campaign else None
    if terms is None:
        return None
    price = gross(
        tariff.minimum,
        energy_wh=reading.energy_wh,
        duration_s=reading.duration_s,
        idle_s=reading.idle_s,
    )
    return CampaignPart(terms.id, terms.rate_bps, terms.session_cap, terms.benefit(price), ())


def _payer(protocol: Protocol) -> Payer:
    commitment = token_commitment(SALT, TOKEN)
    account = protocol.ids["payers"]["driver"]["account"]
    mandate = Mandate(account, (commitment,), 25_000_000, 0, 4_102_444_800)
    holder = Signer(bytes.fromhex(secret("driver")[2:]))
    signature = holder.sign(mandate.digest(protocol.deployment.domain))
    return Payer(commitment, account, mandate, signature)


async def _submit(
    protocol: Protocol, rpc: Rpc, bundles: list[Bundle], runs: list[Run], batch: int
) -> tuple[Case, ...]:
    """Attest and settle one batch, and return each session's evidence and proof."""
    data = [to_bytes(one) for one in bundles]
    ids = [session_id(run.connector_id, run.first_sequence) for run in runs]
    leaves = [
        merkle.leaf(one, run.words[0], evidence_hash(bytes_))
        for one, run, bytes_ in zip(ids, runs, data, strict=True)
    ]
    encoded, root, expiry = encode_runs(runs), merkle.root(leaves), END + 864_000
    digest = batch_digest(
        protocol.deployment.domain, epoch=1, expiry=expiry, evidence_root=root, runs=encoded
    )
    members = protocol.members[: protocol.threshold]
    signatures = order_signatures(digest, [member.sign(digest) for member in members])
    call = contract_call(
        "Settlement",
        "settle",
        protocol.deployment.address("Settlement"),
        1,
        expiry,
        root,
        encoded,
        signatures,
        gas=3_000_000,
    )
    ended = max(one.record.ended_at for one in bundles)
    newest = int(protocol.node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    protocol.node.set_next_timestamp(max(ended + 600, newest + 1))
    pipeline = Pipeline(rpc, CHAIN_ID)
    [sender] = await pipeline.senders([protocol.deployer])
    [receipt] = await pipeline.execute([(sender, call)])
    return tuple(
        Case(
            session_id=one,
            bundle=bytes_,
            proof=Proof(
                session_id=word_hex(one),
                word=word_hex(run.words[0]),
                evidence_hash=hexed(evidence_hash(bytes_)),
                index=index,
                path=tuple(step.encode() for step in merkle.path(leaves, index)),
                evidence_root=hexed(root),
                epoch=1,
                expiry=expiry,
                runs=hexed(encoded),
                signatures=hexed(signatures),
                transaction=hexed(receipt.transaction_hash),
                block_number=receipt.block_number,
                batch=batch,
            ),
        )
        for index, (one, run, bytes_) in enumerate(zip(ids, runs, data, strict=True))
    )


def settle(node: LocalNode, folder: Path) -> Settled:
    """Deploy, onboard and settle on a node whose chain began before the sessions."""
    protocol = set_up(node, folder, onboarding=_onboarding())
    return Settled(protocol, *asyncio.run(settle_batch(protocol, (1, 2, 3))))


async def index(settled: Settled, engine: Engine) -> None:
    """Bring tables up to the node's head with the indexer's follower."""
    async with IndexerRpc(settled.protocol.url) as rpc:
        follower = Follower(rpc, Store(engine, settled.protocol.deployment))
        while await follower.step():
            pass
        await follower.close()


def serving(cases: tuple[Case, ...], held_back: list[dict[str, object]] | None = None) -> Handler:
    """Return an oracle's HTTP interface over these sessions."""
    bundles = {f"/evidence/{word_hex(one.session_id)}": one.bundle for one in cases}
    proofs = {
        f"/proof/{word_hex(one.session_id)}": orjson.dumps(one.proof.to_json()) for one in cases
    }
    answers = {**bundles, **proofs, "/quarantine": orjson.dumps(held_back or []), "/backlog": b"[]"}

    def handle(request: httpx.Request) -> httpx.Response:
        body = answers.get(request.url.path)
        return httpx.Response(404) if body is None else httpx.Response(200, content=body)

    return handle
