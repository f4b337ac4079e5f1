"""Sessions as columns: a batch is read, priced and added up as a whole, not one by one.

An array of 64-bit integers for each column of `sessions`. Everything in a session's two
words has at most 40 bits, times 20 bits of seconds: no product leaves 63 bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chargecoin.errors import CodecError
from chargecoin.record import FIELDS, RESERVED_BITS
from indexer.rows import Session

Array: TypeAlias = NDArray[np.int64]
Key = tuple[int, ...]

# The fields of an outcome word, most significant first (docs/protocol.md, section 2).
_OUTCOME_FIELDS: Final = (
    *(("connector_id", 32), ("gap", 32), ("sequence", 32)),
    *(("status", 8), ("reason", 8), ("flags", 24)),
    *(("paid", 40), ("campaign_paid", 40), ("debt", 40)),
)
_WORD_FIELDS: Final = (*FIELDS, ("reserved", RESERVED_BITS))
_LANE: Final = 64
_LANES: Final = 4
# "0x" and two words of 32 bytes.
_CHARACTERS: Final = 2 + 2 * 2 * 32


class SessionColumns(Session[Array]):
    """Many sessions, an array a column."""

    __slots__ = ()

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> SessionColumns:
        """Return rows of the table as columns."""
        if not rows:
            return cls(*(np.empty(0, dtype=np.int64) for _ in cls._fields))
        return cls(*(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)))

    @classmethod
    def joined(cls, parts: Sequence[SessionColumns]) -> SessionColumns:
        """Return the sessions of several, in their order."""
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def rows(self) -> list[tuple[int, ...]]:
        """Return the rows of the table."""
        return list(zip(*(column.tolist() for column in self), strict=True))

    def where(self, chosen: NDArray[np.bool_]) -> SessionColumns:
        """Return some of the sessions."""
        return SessionColumns(*(column[chosen] for column in self))


def read_words(data: Sequence[str]) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the fields of the outcome and of the record that `Session` logs hold.

    `data` is as the node has it, hex. Raises `CodecError` for what are not two words.
    """
    if any(len(one) != _CHARACTERS for one in data):
        raise CodecError("the data of a log of Session is not two words")
    try:
        raw = bytes.fromhex("".join([one[2:] for one in data]))
    except ValueError as error:
        raise CodecError(f"the data of a log of Session is not hex: {error}") from error
    lanes = np.frombuffer(raw, dtype=">u8").astype(np.uint64).reshape(-1, 2 * _LANES)
    return _fields(lanes[:, :_LANES], _OUTCOME_FIELDS), _fields(lanes[:, _LANES:], _WORD_FIELDS)


def _fields(lanes: NDArray[np.uint64], fields: Sequence[tuple[str, int]]) -> dict[str, Array]:
    """Take words of 256 bits, four lanes each, apart into fields."""
    found = {}
    low = _LANE * _LANES
    for name, bits in fields:
        low -= bits
        lane, shift = divmod(low, _LANE)
        values = lanes[:, _LANES - 1 - lane] >> np.uint64(shift)
        if shift + bits > _LANE:
            values |= lanes[:, _LANES - 2 - lane] << np.uint64(_LANE - shift)
        found[name] = (values & np.uint64((1 << bits) - 1)).astype(np.int64)
    return found


def grouped(
    keys: Sequence[Array], values: Sequence[Array]
) -> Iterator[tuple[Key, tuple[int, ...]]]:
    """Yield each key there is, in order, and the sums of its values."""
    if not len(keys[0]):
        return
    order = np.lexsort(keys[::-1])
    sorted_keys = np.stack(keys)[:, order]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (sorted_keys[:, 1:] != sorted_keys[:, :-1]).any(axis=0)
    at = np.flatnonzero(first)
    sums = np.add.reduceat(np.stack(values)[:, order], at, axis=1)
    yield from zip(
        zip(*sorted_keys[:, at].tolist(), strict=True),
        zip(*sums.tolist(), strict=True),
        strict=True,
    )
