"""Verification: an honest session holds, and a flipped byte fails at the step named for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargecoin.evidence.format import Proof
from chargecoin.evidence.verify import STEPS, Report, verify
from chargecoin.sessions.metering import VOUCHED_BY_OWNER
from tests.chargecoin.evidence.test_campaign import OFF_PEAK, with_campaign
from tests.support.charging import Meter
from tests.support.evidence import (
    report_of,
    settled_session,
)

SIGNED = settled_session(Meter())
DISCOUNTED = with_campaign(OFF_PEAK)
UNSIGNED = settled_session()


def states(report: Report) -> dict[str, bool | None]:
    return {result.step: result.ok for result in report.steps}


# --------------------------------------------------------------------- honest


async def test_an_honest_signed_session_holds_at_every_step() -> None:
    report = await report_of(SIGNED)
    assert [result.step for result in report.steps] == list(STEPS)
    assert [result for result in report.steps if result.ok is not True] == []
    assert report.ok
    details = {result.step: result.detail for result in report.steps}
    assert details["reading"] == "the frames give 1101 Wh by ocmf"
    assert details["price"] == "tariff 1 gives 495450 base units"
    assert details["settlement"] == "batch 31: settled, 495450 base units paid"
    assert details["block"] == "block 812 is final"


async def test_an_unsigned_session_holds_and_says_that_the_meter_does_not_sign() -> None:
    report = await report_of(UNSIGNED)
    assert report.ok
    assert states(report) == {step: None if step == "signature" else True for step in STEPS}
    assert "does not sign" in report.steps[2].detail


async def test_a_session_that_nobody_pays_holds() -> None:
    report = await report_of(settled_session(paid=False))
    assert report.ok
    assert report.steps[3].detail == "nobody pays: no mandate covers the token"


async def test_a_key_that_only_the_owner_entered_is_said_to_be_so() -> None:
    one = settled_session(Meter(), voucher_kind=VOUCHED_BY_OWNER)
    report = await report_of(one)
    assert report.ok
    assert "its owner alone" in report.steps[2].detail
    assert one.bundle.record.assurance == 2


@pytest.mark.parametrize(
    ("safe", "final", "state"),
    [(812, 812, "final"), (812, 811, "safe"), (811, 811, "seen, not yet safe")],
)
async def test_how_final_the_block_is_is_said(safe: int, final: int, state: str) -> None:
    one = settled_session()
    one.chain.blocks |= {811: replace(one.chain.blocks[812], number=811)}
    one.chain.tags |= {"safe": safe, "finalized": final}
    report = await report_of(one)
    assert report.ok
    assert report.steps[-1].detail == f"block 812 is {state}"


# ------------------------------------------- a byte flipped on the way to whoever verifies


def flipped(data: bytes, part: bytes, offset: int = 0) -> bytes:
    """Return data with one byte inside a part changed to another of its kind."""
    position = data.index(part) + offset
    byte = data[position : position + 1]
    other = b"1" if byte != b"1" else b"2"
    return data[:position] + other + data[position + 1 :]


IN_BUNDLE = {
    "frames": b"NoError",
    "reading": b'"begin_wh":"57584"',
    "signature": b'"pagination":["T144"',
    "payer": b'"max_per_session":"50000000"',
    "price": b'"lines":[{"amount_exact":"1783620000000"',
    "record": b'"hour_of_week":72',
}


@pytest.mark.parametrize("step", IN_BUNDLE)
async def test_a_byte_flipped_in_the_bundle_fails_at_its_step_and_breaks_the_proof(
    step: str,
) -> None:
    part = IN_BUNDLE[step]
    data = flipped(SIGNED.data, part, len(part) - 2)
    report = await verify(data, SIGNED.proof, SIGNED.chain)
    assert report.failed == (step, "proof")


async def test_a_byte_flipped_in_the_campaign_fails_there_and_breaks_the_proof() -> None:
    data = flipped(DISCOUNTED.data, b'"benefit":99090', 12)
    report = await verify(data, DISCOUNTED.proof, DISCOUNTED.chain)
    assert report.failed == ("campaign", "proof")


async def test_a_receipt_that_is_not_the_tariffs_is_told_in_words() -> None:
    part = IN_BUNDLE["price"]
    data = flipped(SIGNED.data, part, len(part) - 2)
    report = await verify(data, SIGNED.proof, SIGNED.chain)
    [price] = [one.detail for one in report.steps if one.step == "price"]
    assert price.startswith("the receipt is stated as energy: ")
    assert "exactly 1783620000001" in price
    assert "and is energy: " in price
    assert "exactly 1783620000000" in price
    assert "(" not in price


async def test_a_byte_flipped_in_the_meters_signature_fails_at_signature() -> None:
    signed = SIGNED.bundle.meter
    assert signed is not None
    head = SIGNED.data.index(b'"signed":[')
    data = SIGNED.data[:head] + flipped(SIGNED.data[head:], b'\\"SD\\": \\"', 30)
    report = await verify(data, SIGNED.proof, SIGNED.chain)
    assert report.failed == ("signature", "proof")


async def test_a_byte_flipped_in_the_word_fails_at_record() -> None:
    data = flipped(SIGNED.data, SIGNED.bundle.word.encode(), 20)
    report = await verify(data, SIGNED.proof, SIGNED.chain)
    assert report.failed == ("record", "proof")


@pytest.mark.parametrize(
    ("field", "steps"),
    [
        ("evidence_hash", ("proof",)),
        ("path", ("proof",)),
        ("index", ("proof",)),
        ("signatures", ("attestation",)),
        ("epoch", ("attestation", "settlement")),
        ("expiry", ("attestation",)),
        ("evidence_root", ("proof", "attestation", "settlement")),
        ("session_id", ("proof", "settlement")),
        ("word", ("proof", "settlement")),
        ("batch", ("settlement",)),
        ("transaction", ("settlement", "block")),
        ("block_number", ("block",)),
    ],
)
async def test_a_digit_flipped_in_the_proof_fails_at_its_steps(
    field: str, steps: tuple[str, ...]
) -> None:
    value = getattr(SIGNED.proof, field)
    if isinstance(value, int):
        changed: Any = value + 1
    elif isinstance(value, str):
        changed = flipped(value.encode(), b"0x", 12).decode()
    else:
        changed = (flipped(value[0].encode(), b"", 5).decode(), *value[1:])
    proof = replace(SIGNED.proof, **{field: changed})
    report = await verify(SIGNED.data, proof, SIGNED.chain)
    assert report.failed == steps


async def test_a_byte_flipped_in_the_runs_fails_wherever_the_batch_is_used() -> None:
    runs = SIGNED.proof.runs
    proof = replace(SIGNED.proof, runs=runs[:-1] + ("1" if runs[-1] != "1" else "2"))
    report = await verify(SIGNED.data, proof, SIGNED.chain)
    assert report.failed == ("attestation", "settlement")


@settings(deadline=None, max_examples=150)
@given(st.data())
async def test_any_byte_of_the_bundle_flipped_fails(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(SIGNED.data) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = bytearray(SIGNED.data)
    changed[position] ^= flip
    report = await verify(bytes(changed), SIGNED.proof, SIGNED.chain)
    assert "proof" in report.failed
    assert not report.ok


@settings(deadline=None, max_examples=150)
@given(st.data())
async def test_any_digit_of_the_proof_changed_fails(data: st.DataObject) -> None:
    fields = SIGNED.proof.to_json()
    name = data.draw(st.sampled_from(sorted(fields)))
    value = fields[name]
    if isinstance(value, int):
        changed: Any = data.draw(st.integers(0, (1 << 53) - 1).filter(lambda one: one != value))
    else:
        text = value if isinstance(value, str) else value[0]
        position = data.draw(st.integers(0, len(text) - 1))
        others = [one for one in "0123456789abcdefLRx" if one != text[position]]
        other = data.draw(st.sampled_from(others))
        changed = text[:position] + other + text[position + 1 :]
        changed = changed if isinstance(value, str) else [changed, *value[1:]]
    proof = Proof.from_json(fields | {name: changed})
    assert not (await verify(SIGNED.data, proof, SIGNED.chain)).ok


@pytest.mark.parametrize("data", [b"", b"{}", b"garbage", b"\xff", b"[" * 100_000])
async def test_what_is_no_bundle_fails_without_being_checked_further(data: bytes) -> None:
    report = await verify(data, SIGNED.proof, SIGNED.chain)
    assert report.failed == ("frames", "proof")
    assert [result.ok for result in report.steps[1:6]] == [None] * 5


async def test_a_bundle_of_another_session_does_not_fit_the_proof() -> None:
    other = settled_session(Meter(page=900))
    report = await verify(other.data, SIGNED.proof, SIGNED.chain)
    assert report.failed == ("proof",)
