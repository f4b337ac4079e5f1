"""How a session is presented: out of the transaction that settled it, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_utils.crypto import keccak

from chargecoin import adjustments, record
from chargecoin.adjustments import Presentation, RefundReason, present, present_from
from chargecoin.chain import Log, Transaction
from chargecoin.chain.calls import function
from chargecoin.deployments import Deployment
from chargecoin.errors import ChainError, CodecError
from chargecoin.evidence.format import Proof
from chargecoin.record import Run, SessionRecord
from tests.support.chain import DEPLOYMENT, FakeChain, settle

BATCH, SETTLED_AT = 31, 1_767_312_000
SESSION = record.session_id(7, 13)
SESSION_TOPIC = keccak(text="Session(uint256,uint256)")
BOOK = Deployment(DEPLOYMENT.chain_id, 0, DEPLOYMENT.contracts | {"Adjustments": "0x" + "aD" * 20})


def word(payer: int) -> int:
    return SessionRecord(
        payer, 1_767_300_000, 3_600, 0, 20_000, 9_000_000, 0, 10, 380, 45, 2
    ).encode()


RUNS = [
    Run(7, 12, 1, 99, (word(1), word(2), word(3))),
    Run(8, 1, 1, 0, (word(4),)),
]


class SettledChain(FakeChain):
    """A chain with one batch, and the transaction that settled it."""

    def __init__(self) -> None:
        super().__init__(deployment=BOOK)
        numbers = [number for run in RUNS for number in run.session_ids()]
        proofs = settle(self, RUNS, {number: b"%d" % number for number in numbers}, batch=BATCH)
        self.proof: Proof = proofs[SESSION]
        [self.hash] = self.receipts
        self.data = function("Settlement", "settle").encode(
            self.proof.epoch,
            self.proof.expiry,
            bytes.fromhex(self.proof.evidence_root[2:]),
            bytes.fromhex(self.proof.runs[2:]),
            bytes.fromhex(self.proof.signatures[2:]),
        )

    @property
    def logs(self) -> list[Log]:
        return list(self.receipts[self.hash].logs)

    async def transaction(self, transaction_hash: bytes) -> Transaction | None:
        if transaction_hash != self.hash:
            return None
        sender, to = "0x" + "22" * 20, self.deployment.address("Settlement")
        return Transaction(self.hash, sender, to, 0, self.data, 812, keccak(b"block"))


@pytest.fixture
def chain() -> SettledChain:
    return SettledChain()


@pytest.fixture
def presented(chain: SettledChain) -> Presentation:
    return present(BOOK, chain.data, chain.logs, SESSION)


def test_a_session_is_found_in_its_batch(chain: SettledChain, presented: Presentation) -> None:
    assert (presented.batch, presented.index) == (BATCH, 1)
    assert presented.runs == record.encode_runs(RUNS)
    assert "0x" + presented.evidence_root.hex() == chain.proof.evidence_root
    assert presented.settled_at == SETTLED_AT
    assert presented.outcome.session_id == SESSION
    assert len(presented.outcomes) == 4
    batch, runs, root, told, index = presented.arguments
    assert (batch, runs, root, index) == (BATCH, presented.runs, presented.evidence_root, 1)
    assert [int.from_bytes(told[i : i + 32], "big") for i in range(0, 128, 32)] == list(
        presented.outcomes
    )


async def test_a_session_is_presented_by_its_transaction(
    chain: SettledChain, presented: Presentation
) -> None:
    assert await present_from(chain, chain.hash, SESSION) == presented
    with pytest.raises(ChainError, match="no transaction 0x00"):
        await present_from(chain, bytes(32), SESSION)
    chain.receipts[chain.hash] = replace(chain.receipts[chain.hash], succeeded=False)
    with pytest.raises(ChainError, match="that went through"):
        await present_from(chain, chain.hash, SESSION)


def test_a_skipped_run_has_its_zero_among_the_outcomes(chain: SettledChain) -> None:
    skipped = Run(9, 5, 1, 3, (word(1), word(2)))
    runs = record.encode_runs([skipped, *RUNS])
    root = bytes.fromhex(chain.proof.evidence_root[2:])
    data = function("Settlement", "settle").encode(1, 2, root, runs, b"")
    *before, settled = chain.logs
    sessions = [one for one in before if one.topics[0] == SESSION_TOPIC]
    told = [0, *(int.from_bytes(one.data[:32], "big") for one in sessions)]
    committed = record.commitment(runs, root, told) + SETTLED_AT.to_bytes(5, "big")
    settled = replace(settled, data=settled.data[:32] + committed + settled.data[64:])
    run_skipped = replace(
        settled,
        topics=(keccak(text="RunSkipped(uint256,uint256,uint256)"), (9).to_bytes(32, "big")),
        data=bytes(64),
    )
    presented = present(BOOK, data, [run_skipped, *sessions, settled], SESSION)
    assert presented.index == 2
    assert presented.outcomes == tuple(told)


def test_what_another_contract_logged_is_passed_over(
    chain: SettledChain, presented: Presentation
) -> None:
    foreign = [replace(one, address="0x" + "33" * 20) for one in chain.logs]
    assert present(BOOK, chain.data, [*foreign, *chain.logs], SESSION) == presented


def test_a_transaction_that_settled_no_such_session_presents_none(chain: SettledChain) -> None:
    for session_id in (record.session_id(7, 15), record.session_id(9, 1), 0):
        with pytest.raises(ChainError, match="did not settle session"):
            present(BOOK, chain.data, chain.logs, session_id)
    with pytest.raises(ChainError, match="did not settle session"):
        present(BOOK, chain.data, [], SESSION)


def test_logs_that_are_not_what_was_committed_to_are_refused(chain: SettledChain) -> None:
    run, first, *others = chain.logs
    assert first.topics[0] == SESSION_TOPIC
    paid_less = int.from_bytes(first.data[:32], "big") - (1 << 80)
    forged = replace(first, data=paid_less.to_bytes(32, "big") + first.data[32:])
    with pytest.raises(ChainError, match="committed to something else"):
        present(BOOK, chain.data, [run, forged, *others], SESSION)


def test_another_call_is_not_taken_for_a_settlement(chain: SettledChain) -> None:
    with pytest.raises(CodecError, match="does not settle a batch"):
        present(BOOK, b"\x01\x02\x03\x04" + chain.data[4:], chain.logs, SESSION)
    with pytest.raises(CodecError, match="not that of `settle`"):
        present(BOOK, chain.data[:40], chain.logs, SESSION)


def test_calls_go_to_the_contract_with_what_it_takes(presented: Presentation) -> None:
    def encoded(name: str, *args: object) -> tuple[str, bytes]:
        return BOOK.address("Adjustments"), function("Adjustments", name).encode(*args)

    calls = {
        "collect": adjustments.collect_call(BOOK, presented),
        "refund": adjustments.refund_call(BOOK, presented, 5, RefundReason.PRICE),
        "open_dispute": adjustments.open_dispute_call(BOOK, presented, RefundReason.ENERGY),
        "answer_dispute": adjustments.answer_dispute_call(BOOK, 3, bytes(32)),
        "concede": adjustments.concede_call(BOOK, 3, 7),
        "rule": adjustments.rule_call(BOOK, 3, 7, bytes(32), 1, bytes(130)),
        "lapse": adjustments.lapse_call(BOOK, 3),
        "execute": adjustments.execute_call(BOOK, 3),
        "return_fee": adjustments.return_fee_call(BOOK, 2),
    }
    arguments: dict[str, tuple[object, ...]] = {
        "collect": presented.arguments,
        "refund": (*presented.arguments, 5, 2),
        "open_dispute": (*presented.arguments, 1),
        "answer_dispute": (3, bytes(32)),
        "concede": (3, 7),
        "rule": (3, 7, bytes(32), 1, bytes(130)),
        "lapse": (3,),
        "execute": (3,),
        "return_fee": (2,),
    }
    for name, call in calls.items():
        assert (call.to, call.data) == encoded(name, *arguments[name])
        assert call.name == f"Adjustments.{name}"


def test_the_bond_is_a_twentieth_and_at_least_a_token() -> None:
    assert [adjustments.bond(amount) for amount in (1, 20_000_000, 20_000_020)] == [
        1_000_000,
        1_000_000,
        1_000_001,
    ]
