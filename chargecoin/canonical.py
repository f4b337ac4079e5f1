"""Canonical JSON (RFC 8785), the only form in which evidence is hashed and signed."""

from __future__ import annotations

from typing import Any, Final

import orjson
import rfc8785
from eth_utils.crypto import keccak

from chargecoin.errors import EvidenceError

_EXACT: Final = 1 << 53


def _plain(value: Any) -> Any:
    """Return a value that orjson writes as RFC 8785 wants it: whole floats as integers.

    Raises `TypeError` for what it writes otherwise (exponents, member names that are
    not ASCII, which it sorts by another encoding) or should not write at all.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int and abs(value) < _EXACT:
        return value
    if kind is dict and all(type(name) is str and name.isascii() for name in value):
        return {name: _plain(one) for name, one in value.items()}
    if kind is list or kind is tuple:
        return [_plain(one) for one in value]
    if kind is float and 1e-4 <= abs(value) < 1e15:
        return int(value) if value.is_integer() else value
    raise TypeError(kind)


def _quick(value: Any) -> bytes | None:
    """Return the canonical bytes if orjson writes the same, several times as fast as rfc8785."""
    try:
        return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)
    except TypeError:  # Of which orjson's own errors are a kind.
        return None


def dumps(value: Any) -> bytes:
    """Return the canonical bytes. Integers beyond 2**53 − 1 must be given as strings."""
    try:
        return _quick(value) or rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise EvidenceError(f"cannot be written as canonical JSON: {error}") from error


def loads(data: bytes) -> Any:
    """Read JSON and insist that it is canonical, so that equal values have equal hashes."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise EvidenceError(f"not JSON: {error}") from error
    if dumps(value) != data:
        raise EvidenceError("JSON is not in canonical form (RFC 8785)")
    return value


def digest(value: Any) -> bytes:
    """Return keccak256 of the canonical bytes."""
    return keccak(dumps(value))
