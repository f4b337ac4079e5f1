"""From a bundle's hash to the block: batches, signatures, transactions and reorganisations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargecoin.chain import Committee
from chargecoin.errors import NodeUnavailableError
from chargecoin.evidence.verify import verify
from chargecoin.record import Run, session_id
from tests.support.chain import ATTESTERS, EPOCH, settle
from tests.support.evidence import (
    CONNECTOR,
    SEQUENCE,
    report_of,
    settled_session,
)


async def test_a_session_alone_in_its_batch_holds() -> None:
    one = settled_session()
    own = session_id(CONNECTOR, SEQUENCE)
    runs = [Run(CONNECTOR, SEQUENCE, 1, 0, (int(one.bundle.word, 16),))]
    proof = settle(one.chain, runs, {own: one.data})[own]
    assert proof.path == ()
    assert (await verify(one.data, proof, one.chain)).ok
    for index in (-1, 1):
        report = await verify(one.data, replace(proof, index=index), one.chain)
        assert report.failed == ("proof",)


async def test_a_bundle_settled_as_another_session_fails_at_proof() -> None:
    one = settled_session()
    word = int(one.bundle.word, 16)
    other_word = replace(one.bundle.record, gross=1).encode()
    for sequence, settled_word in ((13, word), (12, other_word)):
        other = session_id(CONNECTOR, sequence)
        runs = [Run(CONNECTOR, sequence, 1, 0, (settled_word,))]
        proof = settle(one.chain, runs, {other: one.data})[other]
        assert (await verify(one.data, proof, one.chain)).failed == ("proof",)


async def test_fewer_or_more_signatures_than_the_threshold_fail_at_attestation() -> None:
    one = settled_session()
    for signatures in ("0x", one.proof.signatures[:-130], one.proof.signatures + "11"):
        one.proof = replace(one.proof, signatures=signatures)
        assert (await report_of(one)).failed == ("attestation",)
    one = settled_session()
    one.chain.committees[EPOCH] = Committee(3, 1 << 40)
    assert (await report_of(one)).failed == ("attestation",)
    one.chain.committees.clear()
    assert (await report_of(one)).failed == ("attestation",)


async def test_signatures_out_of_order_or_twice_fail_at_attestation() -> None:
    one = settled_session()
    first, second = one.proof.signatures[2:132], one.proof.signatures[132:]
    for signatures in (second + first, first + first):
        one.proof = replace(one.proof, signatures="0x" + signatures)
        assert (await report_of(one)).failed == ("attestation",)


async def test_a_signer_who_is_no_member_fails_at_attestation() -> None:
    one = settled_session()
    one.chain.members[EPOCH].discard(ATTESTERS[0].address)
    assert (await report_of(one)).failed == ("attestation",)


async def test_a_transaction_that_failed_or_is_unknown_fails_at_settlement() -> None:
    one = settled_session()
    [(key, receipt)] = one.chain.receipts.items()
    one.chain.receipts[key] = replace(receipt, succeeded=False)
    assert (await report_of(one)).failed == ("settlement",)
    one.chain.receipts.clear()
    assert (await report_of(one)).failed == ("settlement", "block")


async def test_another_commitment_in_storage_fails_at_settlement() -> None:
    one = settled_session()
    one.chain.commitments[31] = b"\x01" * 32
    assert (await report_of(one)).failed == ("settlement",)
    one.chain.commitments.clear()
    assert (await report_of(one)).failed == ("settlement",)


async def test_a_transaction_without_the_sessions_event_fails_at_settlement() -> None:
    one = settled_session()
    [(key, receipt)] = one.chain.receipts.items()
    for logs in (receipt.logs[:-1], receipt.logs[-1:], ()):
        one.chain.receipts[key] = replace(receipt, logs=logs)
        assert (await report_of(one)).failed == ("settlement",)


async def test_events_of_another_contract_do_not_count() -> None:
    one = settled_session()
    [(key, receipt)] = one.chain.receipts.items()
    foreign = tuple(replace(log, address="0x" + "11" * 20) for log in receipt.logs)
    one.chain.receipts[key] = replace(receipt, logs=foreign)
    assert (await report_of(one)).failed == ("settlement",)
    one.chain.receipts[key] = replace(receipt, logs=foreign + receipt.logs)
    assert (await report_of(one)).ok


async def test_a_batch_beside_others_in_one_transaction_is_told_apart() -> None:
    one = settled_session()
    [(key, receipt)] = one.chain.receipts.items()
    first = receipt.logs[-1]
    other = replace(first, topics=(first.topics[0], (30).to_bytes(32, "big"), first.topics[2]))
    one.chain.receipts[key] = replace(receipt, logs=(receipt.logs[0], other, *receipt.logs))
    assert (await report_of(one)).ok


async def test_a_block_that_was_reorganised_away_fails_at_block() -> None:
    one = settled_session()
    one.chain.blocks[812] = replace(one.chain.blocks[812], hash=bytes(32))
    assert (await report_of(one)).failed == ("block",)
    del one.chain.blocks[812]
    assert (await report_of(one)).failed == ("block",)


async def test_a_node_that_does_not_answer_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(*_: object) -> None:
        raise NodeUnavailableError("no answer")

    one = settled_session()
    monkeypatch.setattr(one.chain, "receipt", silent, raising=False)
    with pytest.raises(NodeUnavailableError):
        await report_of(one)
