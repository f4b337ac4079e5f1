"""One entry of an oracle's operational feed: reading it and checking who signed it. Pure.

The entry is the canonical JSON body with the oracle's address and signature beside
it; the digest is keccak256("chargecoin-feed-v1" ‖ body).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from eth_utils.crypto import keccak

from chargecoin import canonical
from chargecoin.errors import ChargeCoinError, FeedError
from chargecoin.typed_data import recover

DOMAIN: Final = b"chargecoin-feed-v1"
WHOLE_ORACLE: Final = 0
OFFLINE: Final = "Offline"
# Longer texts than any of OCPP's are not stored.
_LONGEST_TEXT: Final = 100
_BIGGEST: Final = (1 << 53) - 1


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry as the oracle serves it. `n` counts the oracle's entries, `seq` a connector's."""

    n: int
    epoch: int
    connector_id: int
    seq: int
    at: int
    kind: str
    status: str
    error_code: str
    energy_wh: int | None
    session: str | None
    oracle: str
    signature: str

    def body(self) -> dict[str, Any]:
        """Return what is signed."""
        found = msgspec.structs.asdict(self)
        del found["oracle"], found["signature"]
        return found

    def signature_bytes(self) -> bytes:
        """Return the signature. Raises `FeedError` if it is not hex."""
        try:
            return bytes.fromhex(self.signature.removeprefix("0x"))
        except ValueError as error:
            raise FeedError(f"entry {self.n}: the signature is not hex") from error


_decoder: Final = msgspec.json.Decoder(list[Entry])


def read(data: bytes) -> list[Entry]:
    """Read a page of a feed. Raises `FeedError` if it is not one."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise FeedError(f"not a page of an operational feed: {error}") from error


def check(entry: Entry, members: AbstractSet[str]) -> None:
    """Raise `FeedError` unless a member of the committee signed exactly this entry."""
    if entry.oracle not in members:
        raise FeedError(f"entry {entry.n}: {entry.oracle} is not in the committee")
    numbers = (entry.n, entry.epoch, entry.connector_id, entry.seq, entry.at, entry.energy_wh or 0)
    if not all(0 <= number <= _BIGGEST for number in numbers):
        raise FeedError(f"entry {entry.n} holds a number out of range")
    texts = (entry.kind, entry.status, entry.error_code, entry.session or "")
    if any(len(text) > _LONGEST_TEXT or "\x00" in text for text in texts):
        raise FeedError(f"entry {entry.n} holds a text that is too long or has NUL in it")
    try:
        digest = keccak(DOMAIN + canonical.dumps(entry.body()))
        signer = recover(digest, entry.signature_bytes())
    except ChargeCoinError as error:
        raise FeedError(f"entry {entry.n}: {error}") from error
    if signer != entry.oracle:
        raise FeedError(f"entry {entry.n} is signed by {signer}, not by {entry.oracle}")


@dataclass(frozen=True, slots=True)
class Word:
    """The newest word on one connector; the fields of the table `connector_states`.

    `whole` is false where entries after it are missing: one of them may have taken it
    back. Entries missing before it do not matter, since each states all there is.
    """

    connector_id: int
    oracle: str
    epoch: int
    seq: int
    at: int
    since: int
    status: str
    error_code: str
    energy_wh: int | None
    session: str | None
    whole: bool


def next_word(before: Word | None, entry: Entry) -> Word | None:
    """Return the newest word after `entry`, None where it does not concern the word there is.

    An oracle that does not see a charge point says nothing about one that does: its
    `Offline` leaves another's word alone, and so does an older entry.
    """
    if before is not None and before.oracle != entry.oracle:
        if entry.status == OFFLINE or entry.at < before.at:
            return None
        before = None
    unchanged = before is not None and before.status == entry.status
    return Word(
        connector_id=entry.connector_id,
        oracle=entry.oracle,
        epoch=entry.epoch,
        seq=entry.seq,
        at=entry.at,
        since=before.since if before is not None and unchanged else entry.at,
        status=entry.status,
        error_code=entry.error_code,
        energy_wh=entry.energy_wh,
        session=entry.session,
        whole=True,
    )


def leaves_gap(before: Word | None, entry: Entry) -> bool:
    """Whether words on this connector are missing before `entry`, by the connector's count."""
    if before is None or (before.oracle, before.epoch) != (entry.oracle, entry.epoch):
        return False
    return entry.seq != before.seq + 1
