"""What this oracle signed: one word a connector and sequence, and what was used for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from sqlite3 import Connection, Row
from typing import Any, Final

WORD: Final = 32
LEAF: Final = 3 * WORD

# `settled`: not known yet, settled as attested, or another session has the sequence.
UNKNOWN: Final = 0
SETTLED: Final = 1
SUPERSEDED: Final = 2


@dataclass(frozen=True, slots=True)
class Pages:
    """The data sets a meter counted for one session, and the registers they hold (Wh).

    `context` is `T` for transactions, `meter` the fingerprint of its key.
    """

    meter: bytes
    context: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Attestation:
    """One session as it was, or is about to be, attested. Times are UTC seconds."""

    connector_id: int
    sequence: int
    word: int
    evidence_hash: bytes
    evidence_root: bytes
    expiry: int
    source: str
    charge_point: str
    transaction_id: int
    started_at: int
    ended_at: int
    begin_wh: Decimal
    end_wh: Decimal
    pages: Pages | None
    bundle: bytes

    @property
    def session_id(self) -> int:
        """The session's id."""
        return self.connector_id << 64 | self.sequence


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why a session cannot be attested beside what was attested before."""

    check: str
    sentence: str


# An attestation cannot settle any more once its batch has expired in a final block, or another
# session has its sequence there.
_ALIVE: Final = f"(settled = {SETTLED} OR (settled = {UNKNOWN} AND expiry >= :final))"
_OTHER: Final = "NOT (connector_id = :connector AND sequence = :sequence)"


def _alive(
    connection: Connection, where: str, known: dict[str, Any], order: str = "sequence"
) -> Row | None:
    """Return the first attestation that holds and can still settle, or has."""
    # The parts are constants of this module; values are bound.
    query = f"SELECT * FROM attestations WHERE {where} AND {_ALIVE} ORDER BY {order} LIMIT 1"  # noqa: S608
    row: Row | None = connection.execute(query, known).fetchone()
    return row


def conflict(connection: Connection, new: Attestation, final_time: int) -> Conflict | None:
    """Return what stands against attesting a session, None if nothing does.

    `final_time` is the time of the last final block that was followed (UTC seconds).
    """
    known = {
        "connector": new.connector_id,
        "sequence": new.sequence,
        "final": final_time,
        "source": new.source,
        "charge_point": new.charge_point,
        "transaction": new.transaction_id,
        "started": new.started_at,
        "ended": new.ended_at,
    }
    row = _alive(connection, "connector_id = :connector AND sequence = :sequence", known)
    if row and row["word"] != new.word.to_bytes(WORD, "big"):
        return Conflict(
            "already_attested",
            f"another word is attested for this sequence until {row['expiry']} is final",
        )
    row = _alive(
        connection,
        "source = :source AND charge_point = :charge_point AND transaction_id = :transaction"
        f" AND {_OTHER}",
        known,
    )
    if row:
        return Conflict(
            "transaction_used",
            f"the charge point's transaction was used for sequence {row['sequence']}",
        )
    row = _alive(
        connection,
        f"connector_id = :connector AND started_at < :ended AND ended_at > :started AND {_OTHER}",
        known,
    )
    if row:
        return Conflict("overlap", f"it overlaps session {row['sequence']} of the connector")
    return _meter_conflict(connection, new, new.pages, known) if new.pages else None


def _meter_conflict(
    connection: Connection, new: Attestation, pages: Pages, known: dict[str, Any]
) -> Conflict | None:
    """Compare with the meter's data sets before and after: pages and registers only rise."""
    known = known | {
        "meter": pages.meter,
        "context": pages.context,
        "first": pages.first,
        "last": pages.last,
    }
    of_meter = f"meter = :meter AND page_context = :context AND {_OTHER}"
    row = _alive(connection, f"{of_meter} AND first_page <= :last AND last_page >= :first", known)
    if row:
        return Conflict(
            "pagination",
            f"the meter's pages were used for session {row['sequence']} of connector "
            f"{row['connector_id']}",
        )
    before = _alive(connection, f"{of_meter} AND last_page < :first", known, "last_page DESC")
    if before and Decimal(before["end_wh"]) > new.begin_wh:
        return Conflict(
            "register", f"the meter stood at {before['end_wh']} Wh before, now at {new.begin_wh}"
        )
    after = _alive(connection, f"{of_meter} AND first_page > :last", known, "first_page")
    if after and Decimal(after["begin_wh"]) < new.end_wh:
        return Conflict(
            "register", f"the meter stood at {after['begin_wh']} Wh later, now at {new.end_wh}"
        )
    return None


def add(connection: Connection, new: Attestation) -> None:
    """Remember what is about to be signed, and its evidence."""
    pages = new.pages
    connection.execute(
        # A word that was attested before stays held until the later of both expiries.
        "INSERT OR REPLACE INTO attestations VALUES (?1, ?2, ?3, ?4,"
        " max(?5, coalesce((SELECT expiry FROM attestations"
        "  WHERE connector_id = ?1 AND sequence = ?2 AND word = ?3), 0)),"
        " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 0)",
        (
            new.connector_id,
            new.sequence,
            new.word.to_bytes(WORD, "big"),
            new.evidence_root,
            new.expiry,
            new.source,
            new.charge_point,
            new.transaction_id,
            new.started_at,
            new.ended_at,
            pages.meter if pages else None,
            pages.context if pages else None,
            pages.first if pages else None,
            pages.last if pages else None,
            str(new.begin_wh),
            str(new.end_wh),
        ),
    )
    connection.execute(
        "INSERT OR REPLACE INTO evidence VALUES (?, ?, ?)",
        (new.session_id.to_bytes(WORD, "big"), new.evidence_root, new.bundle),
    )


def add_batch(connection: Connection, evidence_root: bytes, batch: Sequence[Attestation]) -> None:
    """Remember the leaves of a batch, from which every session's proof is made."""
    leaves = b"".join(
        one.session_id.to_bytes(WORD, "big") + one.word.to_bytes(WORD, "big") + one.evidence_hash
        for one in batch
    )
    connection.execute(
        "INSERT OR REPLACE INTO attested_batches VALUES (?, ?)", (evidence_root, leaves)
    )


def leaves_of(connection: Connection, evidence_root: bytes) -> list[tuple[int, int, bytes]] | None:
    """Return (session id, word, evidence hash) of a batch in order, None if not attested here."""
    row = connection.execute(
        "SELECT leaves FROM attested_batches WHERE evidence_root = ?", (evidence_root,)
    ).fetchone()
    if row is None:
        return None
    data = row["leaves"]
    return [
        (
            int.from_bytes(data[start : start + WORD], "big"),
            int.from_bytes(data[start + WORD : start + 2 * WORD], "big"),
            data[start + 2 * WORD : start + LEAF],
        )
        for start in range(0, len(data), LEAF)
    ]


def bundles(connection: Connection, session_id: int) -> list[tuple[bytes, bytes]]:
    """Return a session's bundles, settled before others: (bundle, evidence root)."""
    rows = connection.execute(
        "SELECT e.bundle, e.evidence_root FROM evidence e"
        " LEFT JOIN settlements s ON s.evidence_root = e.evidence_root"
        " WHERE e.session_id = ? ORDER BY s.number IS NULL, e.rowid DESC",
        (session_id.to_bytes(WORD, "big"),),
    )
    return [(row["bundle"], row["evidence_root"]) for row in rows]


def mark_final(connection: Connection, sessions: Iterable[tuple[int, int]]) -> None:
    """Note which sessions (id, word) a final block settled, and so which ones it did not."""
    for session_id, word in sessions:
        connection.execute(
            "UPDATE attestations SET settled = CASE word WHEN ? THEN ? ELSE ? END"
            " WHERE connector_id = ? AND sequence = ?",
            (
                word.to_bytes(WORD, "big"),
                SETTLED,
                SUPERSEDED,
                session_id >> 64,
                session_id & 0xFFFFFFFF,
            ),
        )
