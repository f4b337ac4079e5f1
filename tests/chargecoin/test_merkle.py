"""The evidence tree (docs/protocol.md, section 2)."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chargecoin import merkle
from chargecoin.errors import CodecError
from chargecoin.merkle import Step

digests = st.binary(min_size=32, max_size=32)
trees = st.lists(digests, min_size=1, max_size=20, unique=True)


@given(trees, st.data())
def test_every_leaf_leads_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    steps = merkle.path(leaves, index)
    assert merkle.root_from(leaves[index], steps) == merkle.root(leaves)
    assert [Step.decode(step.encode()) for step in steps] == steps


@given(trees, digests, st.data())
def test_another_leaf_leads_elsewhere(
    leaves: list[bytes], other: bytes, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    if other != leaves[index]:
        assert merkle.root_from(other, merkle.path(leaves, index)) != merkle.root(leaves)


@given(st.integers(0, (1 << 96) - 1), st.integers(0, (1 << 256) - 1), digests)
def test_a_leaf_binds_id_word_and_evidence(session_id: int, word: int, evidence: bytes) -> None:
    assert merkle.leaf(session_id, word, evidence) == keccak(
        b"\x00" + session_id.to_bytes(32, "big") + word.to_bytes(32, "big") + evidence
    )


def test_a_lone_leaf_is_the_root_and_an_odd_one_is_carried_up() -> None:
    a, b, c = (bytes([value]) * 32 for value in (1, 2, 3))
    assert merkle.root([a]) == a
    assert merkle.path([a], 0) == []
    assert merkle.root([a, b, c]) == keccak(b"\x01" + keccak(b"\x01" + a + b) + c)
    assert merkle.path([a, b, c], 2) == [Step(keccak(b"\x01" + a + b), left=True)]


def test_a_node_cannot_pass_for_a_leaf() -> None:
    left, right = bytes(32), b"\x01" * 32
    inner = merkle.root([left, right])
    assert inner != keccak(b"\x00" + left + right)


def test_no_leaves_have_no_root() -> None:
    with pytest.raises(CodecError, match="at least one leaf"):
        merkle.root([])


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_from_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(CodecError, match="there is no leaf"):
        merkle.path([bytes(32)] * 3, index)


@pytest.mark.parametrize("text", ["", "L", "X" + "00" * 32, "L" + "00" * 31, "R" + "zz" * 32])
def test_what_is_no_step_is_refused(text: str) -> None:
    with pytest.raises(CodecError, match="proof step"):
        Step.decode(text)
