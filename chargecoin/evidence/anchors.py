"""The checks of a proof, one function a step of docs/evidence.md, each pure.

They lead from a bundle's hash to a block of the chain. The facts of the chain
are handed in, as in `chargecoin.evidence.checks`.
"""

from __future__ import annotations

from collections.abc import Collection

from chargecoin import merkle, record
from chargecoin.chain.events import decode_events
from chargecoin.chain.values import Block, Receipt
from chargecoin.deployments import Deployment
from chargecoin.errors import EvidenceError
from chargecoin.evidence.checks import require, require_equal, step
from chargecoin.evidence.format import Proof, evidence_hash, from_bytes, hexed, unhexed
from chargecoin.record import Outcome, Run
from chargecoin.typed_data import SIGNATURE_SIZE, Domain, batch_digest, recover


def _session(proof: Proof) -> tuple[int, int]:
    """Return the proof's session id and word."""
    session_id, word = (
        int.from_bytes(unhexed(text, 32), "big") for text in (proof.session_id, proof.word)
    )
    return session_id, word


def _sessions(runs: list[Run]) -> list[tuple[int, int, int]]:
    """Return (session id, word, tariff index) of the sessions of a batch in order."""
    return [
        (session_id, word, run.tariff_index)
        for run in runs
        for session_id, word in zip(run.session_ids(), run.words, strict=True)
    ]


@step("proof")
def check_proof(data: bytes, proof: Proof) -> str:
    """The bundle's bytes, with the id and the word, lead by the path to the evidence root.

    And it is this session's bundle, settled under the tariff by which it is priced.
    """
    digest = evidence_hash(data)
    require_equal("the bundle's hash", proof.evidence_hash, hexed(digest))
    session_id, word = _session(proof)
    sessions = _sessions(record.decode_runs(unhexed(proof.runs)))
    require(0 <= proof.index < len(sessions), f"the batch has no session {proof.index}")
    settled_id, settled_word, tariff_index = sessions[proof.index]
    require(
        (settled_id, settled_word) == (session_id, word),
        f"session {proof.index} of the batch is another one",
    )
    steps = [merkle.Step.decode(text) for text in proof.path]
    root = merkle.root_from(merkle.leaf(session_id, word, digest), steps)
    require_equal("the evidence root", proof.evidence_root, hexed(root))
    bundle = from_bytes(data)
    require_equal("the bundle's session", bundle.session.id, proof.session_id)
    require_equal("the bundle's word", bundle.word, proof.word)
    require_equal("the tariff's index", bundle.price.tariff_index, tariff_index)
    return f"{len(steps)} hashes lead from the bundle to the batch's evidence root"


def signers(proof: Proof, domain: Domain) -> list[str]:
    """Return the addresses that signed the batch, in the order given.

    Raises `EvidenceError` or `CodecError` where a signature is not one.
    """
    digest = batch_digest(
        domain,
        epoch=proof.epoch,
        expiry=proof.expiry,
        evidence_root=unhexed(proof.evidence_root, 32),
        runs=unhexed(proof.runs),
    )
    data = unhexed(proof.signatures)
    if len(data) % SIGNATURE_SIZE:
        raise EvidenceError(f"signatures are {SIGNATURE_SIZE} bytes each")
    return [
        recover(digest, data[start : start + SIGNATURE_SIZE])
        for start in range(0, len(data), SIGNATURE_SIZE)
    ]


@step("attestation")
def check_attestation(
    proof: Proof, domain: Domain, *, threshold: int, members: Collection[str]
) -> str:
    """Exactly `threshold` members of the batch's committee signed it, ascending, low s.

    `members` are those of the committee among the signers.
    """
    found = signers(proof, domain)
    require(threshold, f"there was no committee of epoch {proof.epoch}")
    require_equal("the number of signatures", len(found), threshold)
    ascending = sorted(set(found), key=lambda address: int(address, 16))
    require(found == ascending, "the signatures are not in ascending order of their signers")
    for address in found:
        require(address in members, f"{address} is no member of committee {proof.epoch}")
    return f"{threshold} members of committee {proof.epoch} signed the batch"


@step("settlement")
def check_settlement(
    proof: Proof, deployment: Deployment, *, receipt: Receipt | None, commitment: bytes
) -> str:
    """The transaction settled this session, and the chain holds this batch's commitment.

    `commitment` is what `Settlement` has in storage for `proof.batch`.
    """
    if receipt is None or not receipt.succeeded:
        raise EvidenceError(f"the node knows no successful transaction {proof.transaction}")
    outcomes: list[int] = []
    words: dict[int, tuple[int, int]] = {}
    for event in decode_events("Settlement", deployment.address("Settlement"), receipt.logs):
        if event.name == "Session":
            outcomes.append(event.args["session"])
            words[event.args["session"] >> 160] = event.args["session"], event.args["word"]
        elif event.name == "RunSkipped":
            outcomes.append(0)
        elif event.name == "BatchSettled":
            if event.args["batch"] == proof.batch:
                break
            outcomes, words = [], {}
    else:
        raise EvidenceError(f"the transaction did not settle batch {proof.batch}")
    require_equal("epoch", proof.epoch, event.args["epoch"])
    require_equal("evidence_root", proof.evidence_root, hexed(event.args["evidence_root"]))
    session_id, word = _session(proof)
    require(session_id in words, "the transaction has no event of this session")
    outcome, logged = words[session_id]
    require_equal("the word", hexed(word.to_bytes(32, "big")), hexed(logged.to_bytes(32, "big")))
    found = record.commitment(unhexed(proof.runs), unhexed(proof.evidence_root, 32), outcomes)
    stored = commitment[: record.COMMITMENT_BYTES]
    require_equal("the batch's commitment", hexed(stored), hexed(found))
    settled = Outcome.decode(outcome)
    return f"batch {proof.batch}: {settled.status.name.lower()}, {settled.paid} base units paid"


@step("block")
def check_block(
    proof: Proof, *, receipt: Receipt | None, block: Block | None, safe: int, final: int
) -> str:
    """The transaction's block is on the node's chain. `safe` and `final` are block numbers."""
    if receipt is None:
        raise EvidenceError(f"the node knows no transaction {proof.transaction}")
    require(
        block is not None and block.hash == receipt.block_hash,
        f"block {proof.block_number} of the node's chain is another one",
    )
    number = proof.block_number
    state = "final" if number <= final else "safe" if number <= safe else "seen, not yet safe"
    return f"block {number} is {state}"
