"""Some logs of every range read a second time, by `eth_abi`, and compared with what is stored.

Our own decoder is several times faster, and what owners act on hangs on it: a difference is
a fault of this release, and nothing more is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from chargecoin.errors import CodecError
from indexer.events import SESSION, Event
from indexer.rows import SessionRow, outcome_word, session_word
from indexer.rpc import Log
from indexer.schema import row_id

# The first log of each kind, and one in so many of all.
SAMPLED: Final = 256


class Samples:
    """The samples of one transaction of the database."""

    def __init__(self, events: Mapping[str, Mapping[str, Event]], logs: Iterable[Log]) -> None:
        """Read samples of `logs` in both ways. Raises `CodecError` where they differ."""
        self._sessions: dict[int, list[int]] = {}
        seen: set[str] = set()
        for at, log in enumerate(logs):
            topic = log.topics[0] if log.topics else ""
            if at % SAMPLED and topic in seen:
                continue
            seen.add(topic)
            event = events.get(log.address.lower(), {}).get(topic)
            # What is of no event is refused where it is read.
            if event is not None:
                values = event.read(log)
                event.check(log, values)
                if event.name == SESSION:
                    key = row_id(int(log.block_number, 16), int(log.log_index, 16))
                    self._sessions[key] = values

    def compare(self, rows: Iterable[tuple[int, ...]]) -> None:
        """Insist that the rows of sessions, where they are samples, say what was logged."""
        for values in rows:
            logged = self._sessions.get(values[0])
            if logged is None:
                continue
            row = SessionRow(*values)
            if logged != [outcome_word(row), session_word(row)]:
                raise CodecError(
                    f"session {row.sequence} of connector {row.connector_id} is not in its row as "
                    "it was logged; nothing more is stored. This is a fault of this release"
                )
