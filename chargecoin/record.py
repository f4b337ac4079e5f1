"""The session record and the wire form of batches, bit for bit.

The Vyper twin is `contracts/modules/`; a property test holds the two equal.
Layout: docs/protocol.md, sections 1 and 2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final, Self

from eth_utils.crypto import keccak

from chargecoin.errors import CodecError, FieldRangeError

WORD: Final = 32
MAX_SESSIONS: Final = 256
MAX_RUNS: Final = 256
MAX_DURATION_S: Final = 12 * 86_400
GRID_UNKNOWN: Final = 4095
RENEWABLE_UNKNOWN: Final = 127
RESERVED_BITS: Final = 19
COMMITMENT_BYTES: Final = 27

# Field widths, most significant first.
FIELDS: Final = (
    ("payer", 40),
    ("started_at", 32),
    ("duration_s", 20),
    ("idle_s", 20),
    ("energy_wh", 24),
    ("gross", 40),
    ("campaign_id", 32),
    ("hour_of_week", 8),
    ("grid_gco2e_per_kwh", 12),
    ("renewable_pct", 7),
    ("assurance", 2),
)


class Assurance(IntEnum):
    """How far down the proof of a session's energy goes (DESIGN, section 3)."""

    REPORTED = 1
    OBSERVED = 2
    SIGNED = 3


class Status(IntEnum):
    """What the contract did with a session."""

    SETTLED = 1
    UNFUNDED = 2
    REJECTED = 3


class Reason(IntEnum):
    """Why a session was not simply settled (docs/protocol.md, section 2)."""

    NONE = 0
    BALANCE_SHORT = 1
    LIMIT_SHORT = 2
    NO_PAYER = 3
    UNKNOWN_ACCOUNT = 4
    ENDS_IN_FUTURE = 16
    TOO_OLD = 17
    SESSION_CAP = 18
    FIELD_RANGE = 19
    TARIFF_NOT_IN_FORCE = 20
    OWNER_DAY_CAP = 21
    COMMITTEE_DAY_CAP = 22


class OutcomeFlag(IntFlag):
    """What the contract changed on the way."""

    CLAMPED = 1
    CAMPAIGN_NOT_APPLIED = 2
    CAMPAIGN_SHORT = 4


def _fits(field: str, value: int, bits: int) -> int:
    if not 0 <= value < 1 << bits:
        raise FieldRangeError(field, value, (1 << bits) - 1)
    return value


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One charging session as it is signed and settled.

    Units: UTC seconds, seconds, Wh, base units of the payment token, gCO2e/kWh.
    `payer` 0 means no vault is debited; `campaign_id` 0 means none.
    """

    payer: int
    started_at: int
    duration_s: int
    idle_s: int
    energy_wh: int
    gross: int
    campaign_id: int
    hour_of_week: int
    grid_gco2e_per_kwh: int
    renewable_pct: int
    assurance: int

    def encode(self) -> int:
        """Return the record word. Raises `FieldRangeError` where a field does not fit."""
        word = 0
        for name, bits in FIELDS:
            word = word << bits | _fits(name, getattr(self, name), bits)
        return word << RESERVED_BITS

    @classmethod
    def decode(cls, word: int) -> Self:
        """Read a record word. Raises `CodecError` if the reserved bits are not zero."""
        _fits("word", word, 256)
        if word & ((1 << RESERVED_BITS) - 1):
            raise CodecError("reserved bits of the record word are not zero")
        rest = word >> RESERVED_BITS
        values: dict[str, int] = {}
        for name, bits in reversed(FIELDS):
            values[name] = rest & ((1 << bits) - 1)
            rest >>= bits
        return cls(**values)

    @property
    def ended_at(self) -> int:
        """UTC seconds at which the vehicle was unplugged."""
        return self.started_at + self.duration_s


def session_id(connector_id: int, sequence: int) -> int:
    """Return `connector_id << 64 | sequence`; both have 32 bits."""
    return _fits("connector_id", connector_id, 32) << 64 | _fits("sequence", sequence, 32)


def split_session_id(value: int) -> tuple[int, int]:
    """Return (connector_id, sequence) of a session id."""
    connector_id, sequence = value >> 64, value & ((1 << 64) - 1)
    return _fits("connector_id", connector_id, 32), _fits("sequence", sequence, 32)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one session: the `session` word of the `Session` event.

    `paid`, `campaign_paid` and `debt` are base units.
    """

    session_id: int
    status: Status
    reason: Reason
    flags: OutcomeFlag
    paid: int
    campaign_paid: int
    debt: int

    def encode(self) -> int:
        """Return the outcome word."""
        word = _fits("session_id", self.session_id, 96)
        word = word << 8 | self.status
        word = word << 8 | self.reason
        word = word << 24 | self.flags
        word = word << 40 | _fits("paid", self.paid, 40)
        word = word << 40 | _fits("campaign_paid", self.campaign_paid, 40)
        return word << 40 | _fits("debt", self.debt, 40)

    @classmethod
    def decode(cls, word: int) -> Self:
        """Read an outcome word. Raises `CodecError` on an unknown status or reason."""
        mask = (1 << 40) - 1
        try:
            return cls(
                session_id=word >> 160,
                status=Status(word >> 152 & 0xFF),
                reason=Reason(word >> 144 & 0xFF),
                flags=OutcomeFlag(word >> 120 & 0xFFFFFF),
                paid=word >> 80 & mask,
                campaign_paid=word >> 40 & mask,
                debt=word & mask,
            )
        except ValueError as error:
            raise CodecError(f"not an outcome word: {error}") from error


@dataclass(frozen=True, slots=True)
class Run:
    """One connector's consecutive sessions under one tariff, on top of `previous_hash`."""

    connector_id: int
    first_sequence: int
    tariff_index: int
    previous_hash: int
    words: tuple[int, ...]

    def encode(self) -> bytes:
        """Return the two header words and the record words."""
        if not 1 <= len(self.words) <= MAX_SESSIONS:
            raise CodecError(f"a run holds 1 to {MAX_SESSIONS} sessions, not {len(self.words)}")
        header = _fits("connector_id", self.connector_id, 32)
        header = header << 32 | _fits("first_sequence", self.first_sequence, 32)
        header = header << 32 | _fits("tariff_index", self.tariff_index, 32)
        header = (header << 16 | len(self.words)) << 144
        words = (header, _fits("previous_hash", self.previous_hash, 192), *self.words)
        return b"".join(word.to_bytes(WORD, "big") for word in words)

    def session_ids(self) -> Iterable[int]:
        """Yield the ids of the run's sessions in order."""
        return (
            session_id(self.connector_id, self.first_sequence + i) for i in range(len(self.words))
        )


def encode_runs(runs: Sequence[Run]) -> bytes:
    """Return the `runs` field of a batch. Raises `CodecError` over 256 sessions."""
    if not runs:
        raise CodecError("a batch needs at least one run")
    if len(runs) > MAX_RUNS or sum(len(run.words) for run in runs) > MAX_SESSIONS:
        raise CodecError(f"a batch holds at most {MAX_SESSIONS} sessions")
    return b"".join(run.encode() for run in runs)


def decode_runs(data: bytes) -> list[Run]:
    """Read the `runs` field of a batch. Raises `CodecError` where the contract would revert."""
    if len(data) % WORD:
        raise CodecError("runs are whole words of 32 bytes")
    words = [int.from_bytes(data[i : i + WORD], "big") for i in range(0, len(data), WORD)]
    runs: list[Run] = []
    position = 0
    while position < len(words):
        if position + 2 > len(words):
            raise CodecError("a run's second header word is missing")
        header, previous = words[position], words[position + 1]
        if header & ((1 << 144) - 1) or previous >> 192:
            raise CodecError("padding of a run's header is not zero")
        count = header >> 144 & 0xFFFF
        body = tuple(words[position + 2 : position + 2 + count])
        if count == 0 or len(body) != count:
            raise CodecError(f"a run announces {count} sessions and holds {len(body)}")
        runs.append(
            Run(
                connector_id=header >> 224,
                first_sequence=header >> 192 & 0xFFFFFFFF,
                tariff_index=header >> 160 & 0xFFFFFFFF,
                previous_hash=previous,
                words=body,
            )
        )
        position += 2 + count
    if not runs:
        raise CodecError("a batch needs at least one run")
    if sum(len(run.words) for run in runs) > MAX_SESSIONS:
        raise CodecError(f"a batch holds at most {MAX_SESSIONS} sessions")
    return runs


def next_hash(previous: int, word: int, outcome: int) -> int:
    """Return a connector's running hash after one more session (192 bits)."""
    data = b"".join(value.to_bytes(WORD, "big") for value in (previous, word, outcome))
    return int.from_bytes(keccak(data), "big") >> 64


def commitment(runs: bytes, evidence_root: bytes, outcomes: Iterable[int]) -> bytes:
    """Return what a batch leaves in storage: 27 bytes of a hash over runs, evidence and outcomes.

    The other 5 bytes of the word in storage and in the event are the time of settlement,
    see `settled_at`.

    `outcomes` are the outcome words in order, and a zero for each run that was
    skipped, as the events of the transaction have it. Raises `CodecError` where
    the runs are malformed or the outcomes are not of their sessions.
    """
    left = deque(outcomes)
    heads = bytes(WORD)
    for run in decode_runs(runs):
        if left and left[0] == 0:
            left.popleft()
            continue
        running = run.previous_hash
        for number, word in zip(run.session_ids(), run.words, strict=True):
            if not left or left[0] >> 160 != number:
                raise CodecError(f"the outcome of session {number:#x} is missing")
            running = next_hash(running, word, left.popleft())
        heads = keccak(heads + running.to_bytes(WORD, "big"))
    if left:
        raise CodecError(f"{len(left)} outcomes are of no session of these runs")
    return keccak(keccak(runs) + evidence_root + heads)[:COMMITMENT_BYTES]


def settled_at(committed: bytes) -> int:
    """Return when a batch was settled (UTC seconds), from the word it left in storage."""
    return int.from_bytes(committed[COMMITMENT_BYTES:], "big")


def decode_run_event(word: int) -> tuple[int, int, int, int, int]:
    """Read a `Run` event: (connector_id, owner_id, first_sequence, tariff_index, count)."""
    return (
        word >> 224,
        word >> 192 & 0xFFFFFFFF,
        word >> 160 & 0xFFFFFFFF,
        word >> 128 & 0xFFFFFFFF,
        word >> 112 & 0xFFFF,
    )
