"""What waits for a person: sessions and single messages, each with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection, Row


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in quarantine. `session` is a transaction id, `frame` a frame's number."""

    id: int
    at: float
    charge_point: str
    code: str
    sentence: str
    session: int | None
    frame: int | None
    resolved_at: float | None
    resolution: str | None


def _row(row: Row) -> Entry:
    return Entry(**{name: row[name] for name in Entry.__slots__})


def add(
    connection: Connection,
    at: float,
    charge_point: str,
    code: str,
    sentence: str,
    *,
    session: int | None = None,
    frame: int | None = None,
) -> int:
    """Put something into quarantine and return the entry's number."""
    cursor = connection.execute(
        "INSERT INTO quarantine (at, charge_point, code, sentence, session, frame)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (at, charge_point, code, sentence, session, frame),
    )
    return int(cursor.lastrowid or 0)


def waiting(connection: Connection, after: int = 0, limit: int = 1000) -> list[Entry]:
    """Return what waits, oldest first."""
    rows = connection.execute(
        "SELECT * FROM quarantine WHERE resolved_at IS NULL AND id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return [_row(row) for row in rows]


def one(connection: Connection, entry: int) -> Entry | None:
    """Return one entry, also a resolved one."""
    row = connection.execute("SELECT * FROM quarantine WHERE id = ?", (entry,)).fetchone()
    return _row(row) if row else None


def resolve(connection: Connection, entry: int, at: float, resolution: str) -> None:
    """Take an entry out of quarantine, saying how."""
    connection.execute(
        "UPDATE quarantine SET resolved_at = ?, resolution = ?"
        " WHERE id = ? AND resolved_at IS NULL",
        (at, resolution, entry),
    )


def resolve_session(connection: Connection, session: int, at: float, resolution: str) -> None:
    """Take a session's entry out of quarantine, saying how."""
    connection.execute(
        "UPDATE quarantine SET resolved_at = ?, resolution = ?"
        " WHERE session = ? AND resolved_at IS NULL",
        (at, resolution, session),
    )


def counts(connection: Connection) -> dict[str, int]:
    """Return how many entries wait, by code."""
    rows = connection.execute(
        "SELECT code, count(*) AS n FROM quarantine WHERE resolved_at IS NULL GROUP BY code"
    )
    return {row["code"]: row["n"] for row in rows}
