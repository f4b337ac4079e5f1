"""Canonical JSON (RFC 8785)."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from eth_utils.crypto import keccak
from hypothesis import example, given
from hypothesis import strategies as st

from chargecoin import canonical
from chargecoin.errors import EvidenceError

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-(2**53) + 1, 2**53 - 1)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_canonical_bytes_are_read_back_as_what_was_written(value: Any) -> None:
    data = canonical.dumps(value)
    assert canonical.loads(data) == value
    assert canonical.digest(value) == keccak(data)


@given(values | st.dictionaries(st.text("aé\U0001f600\ue000"), st.integers(-(2**70), 2**70)))
@example([1.0, 1e-7, 1e21, 1e16, 0.1, -0.0, 123456789012345.6, 5e-324])
@example(2**53)
def test_what_is_written_quickly_is_what_the_reference_writes(value: Any) -> None:
    try:
        expected = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        with pytest.raises(EvidenceError):
            canonical.dumps(value)
    else:
        assert canonical.dumps(value) == expected


def test_members_are_sorted_and_nothing_is_spaced() -> None:
    assert canonical.dumps({"b": [1, 2.5, "€"], "a": None}) == '{"a":null,"b":[1,2.5,"€"]}'.encode()


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":-0}',
        b'{"a":"\\u0041"}',
        b'{"a":1e2}',
        b'{"a":1}\n',
        b'{"a":9007199254740993}',
    ],
)
def test_the_same_value_in_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        canonical.loads(data)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'"\xed\xa0\x80"', b"NaN", b"[" * 100_000])
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        canonical.loads(data)


@pytest.mark.parametrize("value", [2**53, float("nan"), float("inf"), "\ud800", {1: 2}, object()])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(EvidenceError, match="canonical"):
        canonical.dumps(value)


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(EvidenceError):
        canonical.loads(b"[" * 2000 + b"]" * 2000)
