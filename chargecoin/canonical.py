"""Canonical JSON (RFC 8785), the only form in which evidence is hashed and signed."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, Final

import orjson
import rfc8785
from eth_utils.crypto import keccak

from chargecoin.errors import EvidenceError

_SCALARS: Final = frozenset({str, int, bool, type(None)})
_EXACT: Final = 1 << 53

# Where orjson still writes otherwise than RFC 8785: exponents, very large numbers, and the order of
# member names that are not ASCII. Found inside a text by chance, it costs only time.
_OTHERWISE: Final = re.compile(rb"(?:\.0|[eE][+-]?[0-9]+|[0-9]{16,})(?:[,\]}]|\Z)|[\x80-\xff]")


def _plain(value: Any) -> Any:
    """Return a value in which whole floats are integers, as RFC 8785 writes them.

    Raises `TypeError` for what is not JSON: orjson takes more, and writes NaN as null.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict and all(type(name) is str for name in value):
        return {name: _plain(one) for name, one in value.items()}
    if kind is list or kind is tuple:
        return [_plain(one) for one in value]
    if kind is float and isfinite(value):
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    raise TypeError(kind)


def _quick(value: Any) -> bytes | None:
    """Return the canonical bytes if orjson writes the same, ten times as fast as rfc8785."""
    try:
        data = orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)
    except TypeError:  # Of which orjson's own errors are a kind.
        return None
    return None if _OTHERWISE.search(data) else data


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
