"""Verification: an honest session holds, and a flipped byte fails at the step named for it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargecoin import carbon
from chargecoin.chain import Committee
from chargecoin.errors import NodeUnavailableError
from chargecoin.evidence.format import Proof
from chargecoin.evidence.verify import STEPS, Report, verify
from chargecoin.record import Run, session_id
from chargecoin.sessions.metering import VOUCHED_BY_OWNER
from tests.support.chain import ATTESTERS, EPOCH, settle
from tests.support.charging import START, Charging, Meter
from tests.support.evidence import (
    ACCOUNT,
    CONNECTOR,
    SEQUENCE,
    TARIFF,
    Settled,
    mandate_for,
    settled_session,
)

SIGNED = settled_session(Meter())
UNSIGNED = settled_session()


async def report_of(one: Settled) -> Report:
    return await verify(one.data, one.proof, one.chain)


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


# --------------------------------------- what a dishonest quorum signs, settled as it stands


async def failed(changed: dict[str, Any], base: Settled = SIGNED) -> tuple[str, ...]:
    return (await report_of(base.anchored(changed))).failed


async def test_settling_the_honest_bundle_again_holds() -> None:
    assert await failed(SIGNED.json) == ()


async def test_a_frame_that_is_not_what_its_hash_says_fails_at_frames() -> None:
    value = SIGNED.json
    value["frames"][-1]["text"] = value["frames"][-1]["text"].replace("Accepted", "Acceptee")
    assert await failed(value) == ("frames",)


async def test_a_frame_that_names_a_driver_fails_at_frames() -> None:
    value = SIGNED.json
    text = '[2,"x","Authorize",{"idTag":"04AB076A345B85"}]'
    digest = hashlib.sha256(text.encode()).hexdigest()
    value["frames"].append({"at": 1, "from": "charge_point", "text": text, "sha256": digest})
    assert await failed(value) == ("frames",)


async def test_a_frame_that_is_no_message_fails_at_frames() -> None:
    value = SIGNED.json
    text, digest = "garbage", hashlib.sha256(b"garbage").hexdigest()
    value["frames"].append({"at": 1, "from": "charge_point", "text": text, "sha256": digest})
    assert await failed(value) == ("frames",)


@pytest.mark.parametrize(
    ("field", "value"),
    [("begin_wh", "57583"), ("end_wh", "58685.0"), ("method", "register")],
)
async def test_a_reading_that_the_frames_do_not_give_fails_at_reading(
    field: str, value: object
) -> None:
    changed = SIGNED.json
    changed["reading"][field] = value
    assert await failed(changed) == ("reading",)


async def test_energy_that_the_frames_do_not_give_fails_at_reading_though_all_else_agrees() -> None:
    """A quorum that adds a kWh and prices it rightly is caught by the frames."""
    changed = SIGNED.json
    energy = 2101
    changed["reading"]["energy_wh"] = energy
    changed["price"]["lines"][0] |= {
        "quantity": energy,
        "amount_exact": str(energy * 450_000 * 3600),
    }
    changed["price"]["gross"] = energy * 450
    changed["record"] |= {"energy_wh": energy, "gross": energy * 450}
    record = SIGNED.bundle.record
    word = replace(record, energy_wh=energy, gross=energy * 450).encode()
    changed["word"] = f"0x{word:064x}"
    assert await failed(changed) == ("reading",)


async def test_another_transaction_id_fails_at_reading() -> None:
    changed = SIGNED.json
    changed["session"]["transaction_id"] = 4712
    assert await failed(changed) == ("reading",)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("serial", "OTHER"),
        ("pagination", ["T144", "T146"]),
        ("curve", 3),
        ("fingerprint", "0x" + "00" * 32),
        ("public_key", Meter(number=8).public_key.hex()),
        ("public_key", "zz"),
        ("signed", []),
    ],
)
async def test_a_meter_that_is_not_the_one_that_signed_fails_at_signature(
    field: str, value: object
) -> None:
    changed = SIGNED.json
    changed["meter"][field] = value
    assert await failed(changed) == ("signature",)


async def test_a_tampered_signed_value_fails_at_signature_though_the_frames_carry_it() -> None:
    changed = SIGNED.json
    text = changed["meter"]["signed"][1]
    tampered = text.replace('"GI":"TEST"', '"GI":"TESS"')
    assert tampered != text
    changed["meter"]["signed"][1] = tampered
    for frame in changed["frames"]:
        if "T145" in frame["text"]:
            frame["text"] = frame["text"].replace("TEST", "TESS")
            frame["sha256"] = hashlib.sha256(frame["text"].encode()).hexdigest()
    assert await failed(changed) == ("signature",)


async def test_a_signature_left_out_fails_at_signature() -> None:
    changed = SIGNED.json | {"meter": None}
    assert (await failed(changed))[0] == "signature"


async def test_a_meter_stated_where_nothing_is_signed_fails_at_signature() -> None:
    changed = UNSIGNED.json | {"meter": SIGNED.json["meter"]}
    assert (await failed(changed, UNSIGNED))[0] == "signature"


async def test_a_key_that_the_registry_does_not_hold_fails_at_signature() -> None:
    one = settled_session(Meter())
    one.chain.keys.clear()
    assert (await report_of(one)).failed == ("signature",)


@pytest.mark.parametrize(
    "change", [{"valid_from": START + 1}, {"revoked_at": START}, {"curve": 3}, {"voucher_kind": 1}]
)
async def test_a_key_that_did_not_hold_at_the_start_fails_at_signature(
    change: dict[str, Any],
) -> None:
    one = settled_session(Meter())
    one.chain.keys = {at: key._replace(**change) for at, key in one.chain.keys.items()}
    assert (await report_of(one)).failed == ("signature",)


async def test_a_key_revoked_or_vouched_for_later_still_holds() -> None:
    one = settled_session(Meter(), voucher_kind=VOUCHED_BY_OWNER)
    one.chain.keys = {
        at: key._replace(revoked_at=START + 1, voucher_kind=3) for at, key in one.chain.keys.items()
    }
    assert (await report_of(one)).ok


@pytest.mark.parametrize(
    "change",
    [
        lambda payer: payer | {"token": "0x" + "00" * 32},
        lambda payer: payer | {"mandate": None},
        lambda payer: payer | {"signature": None},
        lambda payer: payer | {"signature": "0x" + "11" * 65},
        lambda payer: payer | {"signature": payer["signature"].upper()},
        lambda payer: payer | {"mandate": payer["mandate"] | {"tokens": []}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"max_per_session": "495449"}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"max_per_session": "-1"}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"max_per_session": "many"}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"valid_from": str(START + 1)}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"valid_until": str(START)}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"account": 6}},
    ],
)
async def test_a_mandate_that_does_not_cover_the_session_fails_at_payer(
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    changed = SIGNED.json
    changed["payer"] = change(changed["payer"])
    assert await failed(changed) == ("payer",)


async def test_a_price_of_exactly_the_mandates_limit_is_covered() -> None:
    one = settled_session(max_per_session=495_450)
    assert (await report_of(one)).ok
    assert (await report_of(settled_session(max_per_session=495_449))).failed == ("payer",)


async def test_nobody_paying_by_a_mandate_fails_at_payer() -> None:
    changed = settled_session(paid=False).json
    changed["payer"] |= {"signature": "0x" + "11" * 65}
    assert await failed(changed, UNSIGNED) == ("payer",)


async def test_an_account_of_another_holder_fails_at_payer() -> None:
    one = settled_session()
    one.chain.holders[ACCOUNT] = ATTESTERS[2].address
    assert (await report_of(one)).failed == ("payer",)


@pytest.mark.parametrize(
    ("revoked_at", "expected"), [(START - 1, ("payer",)), (START, ()), (START + 1, ())]
)
async def test_a_mandate_revoked_before_the_start_fails_at_payer(
    revoked_at: int, expected: tuple[str, ...]
) -> None:
    one = settled_session()
    mandate_id = mandate_for(Charging().token).struct_hash()
    one.chain.revocations[ACCOUNT, mandate_id] = revoked_at
    assert (await report_of(one)).failed == expected


async def test_a_tariff_that_is_not_the_registrys_fails_at_price() -> None:
    one = settled_session()
    cheaper = replace(TARIFF.maximum, kwh=440_000)
    one.chain.tariffs[CONNECTOR, 1] = replace(TARIFF, minimum=cheaper, maximum=cheaper)
    assert (await report_of(one)).failed == ("price",)
    one.chain.tariffs.clear()
    assert (await report_of(one)).failed == ("price",)


async def test_a_slot_with_anything_in_its_padding_fails_at_price() -> None:
    changed = SIGNED.json
    changed["price"]["tariff"] = f"0x{TARIFF.encode() | 1:064x}"
    assert await failed(changed) == ("price",)


async def test_a_tariff_with_bounds_has_no_price_to_check() -> None:
    one = settled_session()
    bounds = replace(TARIFF, minimum=replace(TARIFF.maximum, kwh=1))
    one.chain.tariffs[CONNECTOR, 1] = bounds
    changed = one.json
    changed["price"]["tariff"] = f"0x{bounds.encode():064x}"
    assert (await report_of(one.anchored(changed))).failed == ("price",)


@pytest.mark.parametrize("change", [{"valid_from": START + 1}, {"valid_to": START}])
async def test_a_tariff_not_in_force_at_the_start_fails_at_price(change: dict[str, Any]) -> None:
    one = settled_session()
    one.chain.tariffs[CONNECTOR, 1] = replace(TARIFF, **change)
    assert (await report_of(one)).failed == ("price",)


async def test_the_next_tariff_ending_this_one_changes_no_verdict() -> None:
    one = settled_session()
    one.chain.tariffs[CONNECTOR, 1] = replace(TARIFF, valid_to=START + 1)
    assert (await report_of(one)).ok


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", 450_001),
        ("quantity", 1100),
        ("name", "power"),
        ("unit", "kWh"),
        ("amount_exact", "1"),
    ],
)
async def test_a_receipt_that_the_tariff_does_not_give_fails_at_price(
    field: str, value: object
) -> None:
    changed = SIGNED.json
    changed["price"]["lines"][0][field] = value
    assert await failed(changed) == ("price",)


async def test_a_gross_that_the_lines_do_not_add_up_to_fails_at_price() -> None:
    changed = SIGNED.json
    changed["price"]["gross"] += 1
    assert (await failed(changed))[0] == "price"


@pytest.mark.parametrize(
    "change",
    [
        {"hour_of_week": 73},
        {"grid_gco2e_per_kwh": 1},
        {"renewable_pct": 1},
        {"assurance": 2},
        {"campaign_id": 1},
        {"payer": 6},
        {"idle_s": 1},
        {"energy_wh": 1},
        {"gross": 1},
    ],
)
async def test_a_record_that_does_not_restate_the_bundle_fails_at_record(
    change: dict[str, int],
) -> None:
    changed = SIGNED.json
    changed["record"] |= change
    changed["word"] = f"0x{replace(SIGNED.bundle.record, **change).encode():064x}"
    assert await failed(changed) == ("record",)


async def test_a_word_that_is_not_the_records_fails_at_record() -> None:
    changed = SIGNED.json
    changed["word"] = f"0x{replace(SIGNED.bundle.record, gross=1).encode():064x}"
    assert await failed(changed) == ("record",)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("chain", {"chain_id": 1}),
        ("chain", {"settlement": "0x" + "11" * 20}),
        ("chain", {"registry": "0x" + "11" * 20}),
        ("session", {"charge_point": "CP-0008"}),
        ("session", {"id": "0x" + "00" * 32}),
        ("session", {"sequence": 13}),
        ("session", {"corrects": "0x" + "00" * 32}),
        ("carbon", {"gco2e_per_kwh": 178}),
        ("carbon", {"factor": "GB-2099"}),
        ("carbon", {"zone": "DE"}),
        ("carbon", {"year": 2024}),
        ("carbon", {"source": "none"}),
    ],
)
async def test_what_is_of_another_place_or_table_fails_at_record(
    part: str, change: dict[str, Any]
) -> None:
    changed = SIGNED.json
    changed[part] |= change
    assert (await failed(changed))[0] == "record"


@pytest.mark.parametrize(("year", "expected"), [(2026, ()), (2027, ("record",))])
async def test_a_factor_of_a_year_after_the_session_fails_at_record(
    year: int, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = settled_session()
    factor = carbon.Factor("GB", year, one.bundle.record.grid_gco2e_per_kwh, 127, "later")
    monkeypatch.setattr(carbon, "FACTORS", (*carbon.FACTORS, factor))
    assert (await report_of(one)).ok  # A factor published since changes no verdict.
    changed = one.json
    changed["carbon"] |= {"factor": factor.id, "year": year, "source": "later"}
    assert (await report_of(one.anchored(changed))).failed == expected


async def test_a_connector_of_another_number_or_power_fails_at_record() -> None:
    one = settled_session()
    own = one.chain.connectors[CONNECTOR]
    for change in ({"connector_number": 2}, {"max_power_w": 900}, {"evse": 0}):
        one.chain.connectors[CONNECTOR] = own._replace(**change)
        assert (await report_of(one)).failed == ("record",)


async def test_a_batch_that_settles_under_another_tariff_fails_at_proof() -> None:
    one = settled_session()
    changed = one.json
    changed["price"]["tariff_index"] = 2
    one.chain.tariffs[CONNECTOR, 2] = TARIFF
    assert (await report_of(one.anchored(changed))).failed == ("proof",)


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


# ------------------------------------------------------------------- exhaustively

# What only the oracles can know: when a frame reached them, and who holds the connection.
STATEMENTS = {"at", "oracle"}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything in a JSON value that is not an object or a list."""
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [one for index, inner in enumerate(value) for one in leaves(inner, (*path, index))]
    return [path]


def altered(value: Any, seed: random.Random) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, bool) or value is None:
        return "0x00"
    if isinstance(value, int | float):
        return value + seed.choice([-1, 1, 256, 1 << 20])
    if not value:
        return "x"
    position = seed.randrange(len(value))
    other = seed.choice([c for c in "0123456789abcdefT" if c != value[position]])
    return value[:position] + other + value[position + 1 :]


@pytest.mark.parametrize("base", [SIGNED, UNSIGNED], ids=["signed", "unsigned"])
async def test_every_value_that_is_not_the_oracles_own_word_is_checked(base: Settled) -> None:
    """Each value is changed in turn and settled as if it were true: a step must notice."""
    unnoticed = []
    seed = random.Random(7)
    for path in leaves(base.json):
        if STATEMENTS & set(path) or path == ("word",):  # A word is settled as it stands.
            continue
        changed = base.json
        inner = changed
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = altered(inner[path[-1]], seed)
        if (await report_of(base.anchored(changed))).ok:
            unnoticed.append(path)
    assert unnoticed == []
