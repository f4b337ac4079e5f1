"""One entry of the feed: its canonical body, its digest and its signature.

An entry without a connector (`connector_id` 0) is about the oracle itself:
`restart` and `heartbeat`. Within one epoch (one run of the process) each
connector counts its own entries from 1, so that a reader sees what it missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any, Final

from eth_utils.crypto import keccak

from chargecoin import canonical
from chargecoin.typed_data import Signer
from oracle.store import feed

DOMAIN: Final = b"chargecoin-feed-v1"
WHOLE_ORACLE: Final = 0


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """Something that happened at a connector, by the number its charge point uses for it."""

    kind: str
    connector_number: int
    status: str
    error_code: str = "NoError"
    energy_wh: int | None = None


def digest(body: bytes) -> bytes:
    """Return what is signed: keccak256 of the domain and the canonical JSON."""
    return keccak(DOMAIN + body)


class FeedWriter:
    """Appends signed entries within the transaction of whoever reports them."""

    def __init__(self, signer: Signer, epoch: int) -> None:
        """Sign with the oracle's key, in this run of the process."""
        self._signer = signer
        self.epoch = epoch
        self.written = 0

    def append(
        self,
        connection: Connection,
        connector_id: int,
        event: FeedEvent,
        at: float,
        session: int | None = None,
    ) -> None:
        """Sign and store one entry. `at` is UTC seconds.

        `session` is the transaction that is open at the connector after it, if one is.
        """
        n, seq = feed.next_numbers(connection, self.epoch, connector_id)
        body: dict[str, Any] = {
            "n": n,
            "epoch": self.epoch,
            "connector_id": connector_id,
            "seq": seq,
            "at": int(at),
            "kind": event.kind,
            "status": event.status,
            "error_code": event.error_code,
            "energy_wh": event.energy_wh,
            "session": None if session is None else str(session),
        }
        data = canonical.dumps(body)
        feed.add(
            connection, n, self.epoch, connector_id, seq, data, self._signer.sign(digest(data))
        )
        self.written += 1
