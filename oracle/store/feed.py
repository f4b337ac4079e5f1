"""The stored operational feed."""

from __future__ import annotations

from sqlite3 import Connection


def next_numbers(connection: Connection, epoch: int, connector_id: int) -> tuple[int, int]:
    """Return the next number of the feed, and of the connector in this epoch; both from 1."""
    n = connection.execute("SELECT coalesce(max(n), 0) + 1 FROM feed").fetchone()[0]
    seq = connection.execute(
        "SELECT coalesce(max(seq), 0) + 1 FROM feed WHERE epoch = ? AND connector_id = ?",
        (epoch, connector_id),
    ).fetchone()[0]
    return n, seq


def add(
    connection: Connection,
    n: int,
    epoch: int,
    connector_id: int,
    seq: int,
    body: bytes,
    signature: bytes,
) -> None:
    """Store one signed entry."""
    connection.execute(
        "INSERT INTO feed VALUES (?, ?, ?, ?, ?, ?)",
        (n, epoch, connector_id, seq, body, signature),
    )


def after(connection: Connection, n: int, limit: int) -> list[tuple[int, bytes, bytes]]:
    """Return entries after number `n`, in order: (number, body, signature)."""
    rows = connection.execute(
        "SELECT n, body, signature FROM feed WHERE n > ? ORDER BY n LIMIT ?", (n, limit)
    )
    return [(row["n"], row["body"], row["signature"]) for row in rows]


def begin_epoch(connection: Connection) -> int:
    """Count this run of the process and return its number, from 1."""
    return int(
        connection.execute(
            "INSERT INTO meta VALUES ('epoch', 1)"
            " ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
        ).fetchone()[0]
    )


def last(connection: Connection) -> int:
    """Return the number of the last entry, 0 if there is none."""
    return int(connection.execute("SELECT coalesce(max(n), 0) FROM feed").fetchone()[0])
