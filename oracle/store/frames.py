"""Frames: every message of a charge point and every answer, exactly as they were."""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection

import orjson

from chargecoin.sessions.frames import Frame, Sender


def add(
    connection: Connection,
    charge_point: str,
    sender: Sender,
    at: float,
    text: str | bytes,
    transaction_id: int | None = None,
    notes: Sequence[str] = (),
) -> int:
    """Store one frame and return its number. `at` is UTC seconds; binary frames are bytes."""
    cursor = connection.execute(
        "INSERT INTO frames (charge_point, sender, at, text, transaction_id, notes)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            charge_point,
            sender,
            at,
            text,
            transaction_id,
            orjson.dumps(notes).decode() if notes else None,
        ),
    )
    return int(cursor.lastrowid or 0)


def of_transaction(connection: Connection, transaction_id: int) -> list[Frame]:
    """Return a transaction's frames in stored order, up to the answer that closed it."""
    rows = connection.execute(
        "SELECT f.at, f.sender, f.text FROM frames f JOIN transactions t ON t.id = f.transaction_id"
        " WHERE t.id = ? AND (t.last_frame IS NULL OR f.id <= t.last_frame) ORDER BY f.id",
        (transaction_id,),
    )
    return [Frame(at, sender, text) for at, sender, text in rows]


def one(connection: Connection, frame: int) -> tuple[str, str | bytes]:
    """Return a frame's charge point and text."""
    row = connection.execute(
        "SELECT charge_point, text FROM frames WHERE id = ?", (frame,)
    ).fetchone()
    return row["charge_point"], row["text"]


def count(connection: Connection) -> int:
    """Return how many frames are stored (rows are never deleted, so the last number tells)."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM frames").fetchone()[0])


def attach(connection: Connection, frame: int, transaction_id: int | None) -> None:
    """Put a frame to the transaction that it was later understood to be of."""
    connection.execute("UPDATE frames SET transaction_id = ? WHERE id = ?", (transaction_id, frame))
