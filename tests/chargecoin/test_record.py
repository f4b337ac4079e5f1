"""The record, the runs of a batch and what they hash to (docs/protocol.md, sections 1 and 2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chargecoin import record
from chargecoin.errors import CodecError, FieldRangeError
from chargecoin.record import (
    FIELDS,
    MAX_SESSIONS,
    Assurance,
    Outcome,
    OutcomeFlag,
    Reason,
    Run,
    SessionRecord,
    Status,
    encode_runs,
    next_hash,
)


def uint(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


records = st.builds(SessionRecord, **{name: uint(bits) for name, bits in FIELDS})
outcomes = st.builds(
    Outcome,
    session_id=uint(96),
    status=st.sampled_from(Status),
    reason=st.sampled_from(Reason),
    flags=st.sampled_from([OutcomeFlag(value) for value in range(4)]),
    paid=uint(40),
    campaign_paid=uint(40),
    debt=uint(40),
)
runs = st.builds(
    Run,
    connector_id=uint(32),
    first_sequence=uint(31),
    tariff_index=uint(32),
    previous_hash=uint(192),
    words=st.lists(uint(256), min_size=1, max_size=5).map(tuple),
)

EXAMPLE = SessionRecord(
    payer=5,
    started_at=1_767_225_600,
    duration_s=3600,
    idle_s=300,
    energy_wh=1101,
    gross=495_450,
    campaign_id=0,
    hour_of_week=72,
    grid_gco2e_per_kwh=177,
    renewable_pct=127,
    assurance=Assurance.SIGNED,
)


def test_a_records_fields_fill_the_word_from_the_top() -> None:
    assert sum(bits for _, bits in FIELDS) + record.RESERVED_BITS == 256
    word = EXAMPLE.encode()
    assert word >> 216 == 5
    assert word >> 184 & 0xFFFFFFFF == 1_767_225_600
    assert word >> 19 & 0b11 == 3
    assert word & (1 << 19) - 1 == 0


@given(records)
def test_a_record_survives_its_word(one: SessionRecord) -> None:
    assert SessionRecord.decode(one.encode()) == one


@given(records, st.integers(1, (1 << 19) - 1))
def test_reserved_bits_must_be_zero(one: SessionRecord, reserved: int) -> None:
    with pytest.raises(CodecError, match="reserved bits"):
        SessionRecord.decode(one.encode() | reserved)


@pytest.mark.parametrize(("field", "bits"), FIELDS)
def test_a_field_that_does_not_fit_is_named(field: str, bits: int) -> None:
    for value in (1 << bits, -1):
        changed: dict[str, Any] = {field: value}
        with pytest.raises(FieldRangeError) as caught:
            replace(EXAMPLE, **changed).encode()
        assert caught.value.field == field


@pytest.mark.parametrize("word", [-1, 1 << 256])
def test_a_word_has_256_bits(word: int) -> None:
    with pytest.raises(FieldRangeError):
        SessionRecord.decode(word)


def test_a_session_ends_when_it_has_lasted() -> None:
    assert EXAMPLE.ended_at == 1_767_229_200


@given(uint(32), uint(32))
def test_a_session_id_is_connector_and_sequence(connector_id: int, sequence: int) -> None:
    session_id = record.session_id(connector_id, sequence)
    assert session_id == connector_id << 64 | sequence
    assert record.split_session_id(session_id) == (connector_id, sequence)


def test_a_session_id_with_anything_between_is_none() -> None:
    with pytest.raises(FieldRangeError):
        record.split_session_id(7 << 64 | 1 << 32)


@given(outcomes)
def test_an_outcome_survives_its_word(outcome: Outcome) -> None:
    assert Outcome.decode(outcome.encode()) == outcome


@pytest.mark.parametrize("word", [0, 4 << 152, 1 << 152 | 99 << 144])
def test_an_unknown_status_or_reason_is_no_outcome(word: int) -> None:
    with pytest.raises(CodecError, match="not an outcome"):
        Outcome.decode(word)


@given(st.lists(runs, min_size=1, max_size=6))
def test_runs_survive_the_wire(batch: list[Run]) -> None:
    assert record.decode_runs(record.encode_runs(batch)) == batch


@given(st.lists(runs, min_size=1, max_size=3), st.data())
def test_runs_cut_short_are_refused(batch: list[Run], data: st.DataObject) -> None:
    wire = record.encode_runs(batch)
    ends = {0}
    for run in batch:
        ends.add(max(ends) + len(run.encode()))
    cut = data.draw(
        st.integers(0, len(wire) - 1).filter(lambda size: size == 0 or size not in ends)
    )
    with pytest.raises(CodecError):
        record.decode_runs(wire[:cut])


def test_a_run_announcing_no_session_is_refused() -> None:
    with pytest.raises(CodecError, match="announces 0"):
        record.decode_runs(bytes(64))


def test_padding_in_a_runs_header_is_refused() -> None:
    wire = bytearray(Run(1, 1, 1, 0, (7,)).encode())
    wire[20] = 1
    with pytest.raises(CodecError, match="padding"):
        record.decode_runs(bytes(wire))
    wire = bytearray(Run(1, 1, 1, 0, (7,)).encode())
    wire[32] = 1
    with pytest.raises(CodecError, match="padding"):
        record.decode_runs(bytes(wire))


@pytest.mark.parametrize("counts", [(), (MAX_SESSIONS + 1,), (MAX_SESSIONS, 1)])
def test_a_batch_holds_1_to_256_sessions(counts: tuple[int, ...]) -> None:
    with pytest.raises(CodecError):
        record.encode_runs([Run(1, 1, 1, 0, (0,) * count) for count in counts])


def test_a_batch_of_too_many_sessions_is_refused_when_read() -> None:
    wire = b"".join(Run(1, 1, 1, 0, (0,) * count).encode() for count in (200, 57))
    with pytest.raises(CodecError, match="256"):
        record.decode_runs(wire)


def test_a_runs_sessions_are_numbered_from_its_first() -> None:
    run = Run(7, 12, 1, 0, (1, 2, 3))
    assert list(run.session_ids()) == [7 << 64 | 12, 7 << 64 | 13, 7 << 64 | 14]


@given(uint(192), uint(256), uint(256))
def test_the_running_hash_is_192_bits_of_three_words(
    previous: int, word: int, outcome: int
) -> None:
    data = b"".join(value.to_bytes(32, "big") for value in (previous, word, outcome))
    assert record.next_hash(previous, word, outcome).to_bytes(24, "big") == keccak(data)[:24]


FIRST = Run(connector_id=1, first_sequence=1, tariff_index=1, previous_hash=0, words=(10, 11))
SECOND = Run(connector_id=2, first_sequence=7, tariff_index=1, previous_hash=99, words=(20,))
OUTCOMES = [session << 160 | 5 for run in (FIRST, SECOND) for session in run.session_ids()]


def test_the_commitment_is_over_runs_evidence_and_the_new_running_hashes() -> None:
    data = encode_runs([FIRST, SECOND])
    first = next_hash(next_hash(0, 10, OUTCOMES[0]), 11, OUTCOMES[1])
    second = next_hash(99, 20, OUTCOMES[2])
    heads = keccak(bytes(32) + first.to_bytes(32, "big"))
    heads = keccak(heads + second.to_bytes(32, "big"))
    base = record.commitment(data, bytes(32), OUTCOMES)
    assert base == keccak(keccak(data) + bytes(32) + heads)[:27]
    changed = replace(FIRST, words=(10, 12))
    others = [
        record.commitment(encode_runs([changed, SECOND]), bytes(32), OUTCOMES),
        record.commitment(data, b"\x01" + bytes(31), OUTCOMES),
        record.commitment(data, bytes(32), [*OUTCOMES[:2], OUTCOMES[2] ^ 1]),
    ]
    assert len({base, *others}) == 4


def test_a_skipped_run_has_a_zero_for_its_outcomes() -> None:
    data = encode_runs([FIRST, SECOND])
    alone = record.commitment(data, bytes(32), [0, OUTCOMES[2]])
    heads = keccak(bytes(32) + next_hash(99, 20, OUTCOMES[2]).to_bytes(32, "big"))
    assert alone == keccak(keccak(data) + bytes(32) + heads)[:27]


def test_of_two_runs_in_one_place_it_is_said_which_was_skipped() -> None:
    twice = encode_runs([SECOND, replace(SECOND, previous_hash=98)])
    one, other = ([OUTCOMES[2], 0], [0, OUTCOMES[2]])
    assert record.commitment(twice, bytes(32), one) != record.commitment(twice, bytes(32), other)


@pytest.mark.parametrize(
    "some", [OUTCOMES[:1], OUTCOMES[:2], [*OUTCOMES, 5 << 160], OUTCOMES[1:], [*OUTCOMES, 0]]
)
def test_outcomes_that_are_not_of_the_runs_have_no_commitment(some: list[int]) -> None:
    with pytest.raises(CodecError):
        record.commitment(encode_runs([FIRST, SECOND]), bytes(32), some)


@given(uint(32), uint(32), uint(32), uint(32), uint(16))
def test_a_run_event_is_read_from_the_top(
    connector_id: int, owner_id: int, first: int, tariff_index: int, count: int
) -> None:
    word = connector_id << 224 | owner_id << 192 | first << 160 | tariff_index << 128 | count << 112
    assert record.decode_run_event(word) == (connector_id, owner_id, first, tariff_index, count)
