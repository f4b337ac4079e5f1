"""A chain that answers from tables: what verification reads, and one batch settled on it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chargecoin import merkle, record
from chargecoin.campaign_terms import CampaignTerms
from chargecoin.chain import (
    Block,
    BlockId,
    Committee,
    Connector,
    Evse,
    Head,
    Log,
    Receipt,
    RegisteredKey,
    RunTerms,
    Site,
    Station,
    Transaction,
)
from chargecoin.deployments import NO_ADDRESS, Deployment
from chargecoin.evidence.format import Proof, evidence_hash, hexed, session_hex, word_hex
from chargecoin.record import Outcome, OutcomeFlag, Reason, Run, SessionRecord, Status
from chargecoin.tariff import Tariff
from chargecoin.typed_data import Signer, batch_digest, order_signatures

DEPLOYMENT: Final = Deployment(
    chain_id=31_337,
    start_block=0,
    contracts={
        "Settlement": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        "StationRegistry": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
    },
)
ATTESTERS: Final = tuple(Signer(bytes([value]) * 32) for value in (1, 2, 3))
EPOCH: Final = 4
OWNER: Final = 1
NO_KEY: Final = RegisteredKey(0, 0, NO_ADDRESS, 0, 0)


def _block(number: int) -> Block:
    return Block(number, keccak(b"block %d" % number), keccak(b"parent"), 1_767_300_000 + number, 0)


@dataclass
class FakeChain:
    """A node whose answers are these tables; change one to lie."""

    deployment: Deployment = DEPLOYMENT
    holders: dict[int, str] = field(default_factory=dict)
    revocations: dict[tuple[int, bytes], int] = field(default_factory=dict)
    tariffs: dict[tuple[int, int], Tariff] = field(default_factory=dict)
    keys: dict[tuple[int, bytes], RegisteredKey] = field(default_factory=dict)
    connectors: dict[int, Connector] = field(default_factory=dict)
    evses: dict[int, Evse] = field(default_factory=dict)
    stations: dict[int, Station] = field(default_factory=dict)
    sites: dict[int, Site] = field(default_factory=dict)
    committees: dict[int, Committee] = field(default_factory=dict)
    members: dict[int, set[str]] = field(default_factory=dict)
    commitments: dict[int, bytes] = field(default_factory=dict)
    campaigns: dict[tuple[int, int], CampaignTerms] = field(default_factory=dict)
    receipts: dict[bytes, Receipt] = field(default_factory=dict)
    blocks: dict[int, Block] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)

    async def head(self, connector_id: int, block: BlockId = "latest") -> Head:
        """Return an untouched head."""
        return Head(0, 0, 0)

    async def account_holder(self, account: int, block: BlockId = "latest") -> str:
        """Return a vault account's holder."""
        return self.holders.get(account, NO_ADDRESS)

    async def mandate_revoked_at(
        self,
        account: int,
        mandate: bytes,
        block: BlockId = "latest",
    ) -> int:
        """Return when a mandate was revoked."""
        return self.revocations.get((account, mandate), 0)

    async def run_terms(
        self,
        connector_id: int,
        index: int,
        block: BlockId = "latest",
    ) -> RunTerms:
        """Return a connector's owner and tariff slot."""
        tariff = self.tariffs.get((connector_id, index))
        return RunTerms(1, tariff.encode() if tariff else 0)

    async def site(self, site_id: int, block: BlockId = "latest") -> Site:
        """Return a site."""
        return self.sites[site_id]

    async def station(self, station_id: int, block: BlockId = "latest") -> Station:
        """Return a station."""
        return self.stations[station_id]

    async def evse(self, evse: int, block: BlockId = "latest") -> Evse:
        """Return an EVSE."""
        return self.evses[evse]

    async def connector(self, connector_id: int, block: BlockId = "latest") -> Connector:
        """Return a connector."""
        return self.connectors.get(connector_id, Connector(0, 0, 0, 0, 0, 0))

    async def meter_key(
        self,
        connector_id: int,
        fingerprint: bytes,
        block: BlockId = "latest",
    ) -> RegisteredKey:
        """Return a registered key."""
        return self.keys.get((connector_id, fingerprint), NO_KEY)

    async def campaign_terms(
        self, campaign: int, connector_id: int, block: BlockId = "latest"
    ) -> CampaignTerms | None:
        """Return a campaign's terms at a connector."""
        return self.campaigns.get((campaign, connector_id))

    async def committee(self, epoch: int, block: BlockId = "latest") -> Committee:
        """Return a committee."""
        return self.committees.get(epoch, Committee(0, 0))

    async def is_member(self, epoch: int, address: str, block: BlockId = "latest") -> bool:
        """Whether an address is of a committee."""
        return address in self.members.get(epoch, ())

    async def batch_commitment(self, batch: int, block: BlockId = "latest") -> bytes:
        """Return a batch's commitment."""
        return self.commitments.get(batch, bytes(32))

    async def block(self, block: BlockId = "latest") -> Block | None:
        """Return a block."""
        number = block if isinstance(block, int) else self.tags.get(block, -1)
        return self.blocks.get(number)

    async def transaction(self, transaction_hash: bytes) -> Transaction | None:
        """Return no transaction: nothing reads it."""
        return None

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return a receipt."""
        return self.receipts.get(transaction_hash)


def _log(
    address: str, event: str, topics: Sequence[int], data: bytes, number: int, index: int
) -> Log:
    return Log(
        address=address,
        topics=(keccak(text=event), *(topic.to_bytes(32, "big") for topic in topics)),
        data=data,
        block_number=number,
        block_hash=_block(number).hash,
        transaction_hash=b"",
        log_index=index,
    )


def settled(session_id: int, word: int) -> Outcome:
    """Return the outcome of a session that was paid in full."""
    gross = SessionRecord.decode(word).gross
    return Outcome(session_id, Status.SETTLED, Reason.NONE, OutcomeFlag(0), gross, 0, 0)


def settle(
    chain: FakeChain,
    runs: Sequence[Run],
    evidence: dict[int, bytes],
    *,
    batch: int = 31,
    number: int = 812,
    signers: Sequence[Signer] = ATTESTERS[:2],
) -> dict[int, Proof]:
    """Settle a batch on the chain as the contract would, and return each session's proof.

    `evidence` has the bundle's bytes by session id.
    """
    sessions = [
        (session_id, word)
        for run in runs
        for session_id, word in zip(run.session_ids(), run.words, strict=True)
    ]
    wire = record.encode_runs(runs)
    leaves = [
        merkle.leaf(session_id, word, evidence_hash(evidence[session_id]))
        for session_id, word in sessions
    ]
    root, expiry = merkle.root(leaves), 1_767_312_000
    digest = batch_digest(
        chain.deployment.domain, epoch=EPOCH, expiry=expiry, evidence_root=root, runs=wire
    )
    signatures = order_signatures(digest, [signer.sign(digest) for signer in signers])
    chain.committees[EPOCH] = Committee(2, 1 << 40)
    chain.members[EPOCH] = {signer.address for signer in ATTESTERS}

    outcomes = {session_id: settled(session_id, word).encode() for session_id, word in sessions}
    commitment = record.commitment(wire, root, outcomes.values()) + expiry.to_bytes(5, "big")
    chain.commitments[batch] = commitment
    address, index = chain.deployment.address("Settlement"), itertools.count()
    logs = []
    for run in runs:
        header = run.connector_id << 224 | OWNER << 192 | run.first_sequence << 160
        header |= run.tariff_index << 128 | len(run.words) << 112
        words = encode(["uint256"], [header])
        logs.append(_log(address, "Run(uint256)", (), words, number, next(index)))
        for session_id, word in zip(run.session_ids(), run.words, strict=True):
            words = encode(["uint256", "uint256"], [outcomes[session_id], word])
            logs.append(_log(address, "Session(uint256,uint256)", (), words, number, next(index)))
    logs.append(
        _log(
            address,
            "BatchSettled(uint256,uint256,bytes32,bytes32,uint256,address)",
            (batch, EPOCH),
            encode(
                ["bytes32", "bytes32", "uint256", "address"],
                [root, commitment, len(sessions), "0x" + "11" * 20],
            ),
            number,
            next(index),
        )
    )
    transaction = keccak(b"transaction %d" % batch)
    chain.blocks |= {one: _block(one) for one in (number - 1, number, number + 1, number + 9)}
    chain.tags = {"latest": number + 9, "safe": number + 1, "finalized": number + 1}
    chain.receipts[transaction] = Receipt(
        transaction_hash=transaction,
        succeeded=True,
        block_number=number,
        block_hash=_block(number).hash,
        gas_used=1,
        gas_price=1,
        contract_address=None,
        logs=tuple(logs),
    )
    return {
        session_id: Proof(
            session_id=session_hex(*record.split_session_id(session_id)),
            word=word_hex(word),
            evidence_hash=hexed(evidence_hash(evidence[session_id])),
            index=place,
            path=tuple(step.encode() for step in merkle.path(leaves, place)),
            evidence_root=hexed(root),
            epoch=EPOCH,
            expiry=expiry,
            runs=hexed(wire),
            signatures=hexed(signatures),
            transaction=hexed(transaction),
            block_number=number,
            batch=batch,
        )
        for place, (session_id, word) in enumerate(sessions)
    }


def holder_address(number: int) -> str:
    """Return a fixed address that is nobody's."""
    return to_checksum_address(keccak(b"holder %d" % number)[-20:])
