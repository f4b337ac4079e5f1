"""The form of evidence: bundle and proof, field by field as docs/evidence.md has them.

A bundle read with `from_bytes` has been written anew and compared, so that
bytes which say anything the format does not know are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from eth_utils.crypto import keccak

from chargecoin import canonical
from chargecoin.errors import EvidenceError
from chargecoin.record import SessionRecord, session_id
from chargecoin.sessions.frames import Frame, Sender
from chargecoin.sessions.metering import Reading

VERSION: Final = 1
SOURCE_OCPP_1_6: Final = "ocpp1.6"
CLOCK_CHARGE_POINT: Final = "charge_point"


# The registry's ids and times; and what canonical JSON holds exactly (RFC 8785).
Uint32 = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
Uint53 = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON object with exactly these members."""


class ChainPart(_Part, frozen=True):
    """Where the session is settled."""

    chain_id: int
    settlement: str
    registry: str


class SessionPart(_Part, frozen=True):
    """Which session it is. `corrects` is the id of the session it corrects."""

    id: str
    connector_id: Uint32
    sequence: Uint32
    charge_point: str
    transaction_id: int | None
    corrects: str | None


class SourcePart(_Part, frozen=True):
    """How the frames came to us, and which oracle holds the connection."""

    kind: Literal["ocpp1.6"]
    oracle: str


class FramePart(_Part, frozen=True, rename={"sender": "from"}):
    """One frame as stored, personal fields replaced by commitments."""

    at: float
    sender: Sender
    text: str
    sha256: str


class ReadingPart(_Part, frozen=True):
    """What is billed: a pure function of the frames. Registers are exact Wh in decimal."""

    method: Literal["ocmf", "register"]
    started_at: Uint32
    ended_at: Uint32
    begin_wh: str
    end_wh: str
    energy_wh: Uint32
    idle_s: Uint32
    clock: Literal["charge_point"]

    @property
    def duration_s(self) -> int:
        """Seconds plugged in."""
        return self.ended_at - self.started_at

    @classmethod
    def of(cls, reading: Reading) -> Self:
        """State a reading."""
        return cls(
            method="ocmf" if reading.method == "ocmf" else "register",
            started_at=reading.started_at,
            ended_at=reading.ended_at,
            begin_wh=f"{reading.begin_wh.normalize():f}",
            end_wh=f"{reading.end_wh.normalize():f}",
            energy_wh=reading.energy_wh,
            idle_s=reading.idle_s,
            clock=CLOCK_CHARGE_POINT,
        )


class MeterPart(_Part, frozen=True):
    """The signed meter values and the registered key they verify under."""

    serial: str
    pagination: tuple[str, ...]
    public_key: str
    fingerprint: str
    curve: int
    voucher_kind: int
    signed: tuple[str, ...]


class MandatePart(_Part, frozen=True):
    """A mandate as its payer signed it."""

    account: Uint32
    tokens: tuple[str, ...]
    max_per_session: str
    valid_from: str
    valid_until: str


class PayerPart(_Part, frozen=True):
    """Who pays, by which mandate; account 0 where no mandate covers the token."""

    account: Uint32
    token: str
    mandate: MandatePart | None
    signature: str | None


class LinePart(_Part, frozen=True):
    """One line of the receipt. `amount_exact` is in base units times 3,600,000."""

    name: str
    quantity: int
    unit: str
    price: int
    amount_exact: str


class PricePart(_Part, frozen=True):
    """What it costs under which tariff, base units."""

    tariff_index: Uint32
    tariff: str
    lines: tuple[LinePart, ...]
    gross: int


class EarlierSessionPart(_Part, frozen=True):
    """A session settled before, which a loyalty boost counts."""

    id: str
    transaction: str


class CampaignPart(_Part, frozen=True):
    """The campaign that applies, and what it takes off the gross (base units)."""

    id: Uint32
    rate_bps: int
    session_cap: Uint53
    benefit: Uint53
    sessions: tuple[EarlierSessionPart, ...]


class CarbonPart(_Part, frozen=True):
    """The emission factor of the site's grid zone."""

    zone: str
    gco2e_per_kwh: int
    renewable_pct: int
    factor: str
    year: Uint32
    source: str


class Bundle(_Part, frozen=True):
    """Everything one session was made from."""

    version: Literal[1]
    chain: ChainPart
    session: SessionPart
    source: SourcePart
    frames: tuple[FramePart, ...]
    reading: ReadingPart
    meter: MeterPart | None
    payer: PayerPart
    price: PricePart
    carbon: CarbonPart | None
    campaign: CampaignPart | None
    record: SessionRecord
    word: str

    def stored_frames(self) -> tuple[Frame, ...]:
        """Return the frames as they can be folded."""
        return tuple(Frame(part.at, part.sender, part.text) for part in self.frames)


@dataclass(frozen=True, slots=True)
class Proof:
    """The way from a bundle's hash to the chain (docs/evidence.md, "The proof").

    Hashes, runs and signatures are `0x` hex, `path` the steps of `chargecoin.merkle`.
    """

    session_id: str
    word: str
    evidence_hash: str
    index: Uint53
    path: tuple[str, ...]
    evidence_root: str
    epoch: Uint53
    expiry: Uint53
    runs: str
    signatures: str
    transaction: str
    block_number: Uint53
    batch: Uint53

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what `to_json` gives, or its bytes. Raises `EvidenceError`."""
        try:
            if isinstance(value, bytes | str):
                return msgspec.json.decode(value, type=cls)
            return msgspec.convert(value, cls)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise EvidenceError(f"not a proof: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """Return the proof as JSON values."""
        value: dict[str, Any] = msgspec.to_builtins(self)
        return value


def hexed(data: bytes) -> str:
    """Return bytes as `0x` hex."""
    return "0x" + data.hex()


def word_hex(word: int) -> str:
    """Return a 32-byte word as `0x` hex."""
    return hexed(word.to_bytes(32, "big"))


def unhexed(text: str, size: int | None = None) -> bytes:
    """Return the bytes of `0x` hex, lower case. Raises `EvidenceError`."""
    try:
        data = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise EvidenceError(f"not hex: {text[:80]!r}") from error
    if hexed(data) != text or (size is not None and len(data) != size):
        raise EvidenceError(f"want 0x and {size or 'whole'} bytes of lower-case hex: {text[:80]!r}")
    return data


def session_hex(connector_id: int, sequence: int) -> str:
    """Return a session id as evidence writes it: `0x` and 32 bytes."""
    return word_hex(session_id(connector_id, sequence))


def to_bytes(bundle: Bundle) -> bytes:
    """Return the canonical bytes that the evidence hash covers."""
    return canonical.dumps(msgspec.to_builtins(bundle))


def from_bytes(data: bytes) -> Bundle:
    """Read a bundle. Raises `EvidenceError` unless the bytes are exactly one in canonical form."""
    value = canonical.loads(data)
    try:
        bundle = msgspec.convert(value, Bundle)
    except msgspec.ValidationError as error:
        raise EvidenceError(f"not an evidence bundle of version {VERSION}: {error}") from error
    if to_bytes(bundle) != data:
        raise EvidenceError("the bundle says more than the format knows")
    return bundle


def evidence_hash(data: bytes) -> bytes:
    """Return keccak256 of a bundle's canonical bytes."""
    return keccak(data)
