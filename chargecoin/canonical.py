"""Canonical JSON (RFC 8785), the only form in which evidence is hashed and signed."""

from __future__ import annotations

from typing import Any

import orjson
import rfc8785
from eth_utils.crypto import keccak

from chargecoin.errors import EvidenceError


def dumps(value: Any) -> bytes:
    """Return the canonical bytes. Integers beyond 2**53 − 1 must be given as strings."""
    try:
        return rfc8785.dumps(value)
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
