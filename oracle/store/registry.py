"""What was followed of the chain: final connectors, meter keys, and how far."""

from __future__ import annotations

from collections.abc import Iterable
from sqlite3 import Connection


def add_connectors(connection: Connection, entries: Iterable[tuple[str, int, int]]) -> None:
    """Keep final registrations: (charge point, connector number, connector id)."""
    connection.executemany("INSERT OR REPLACE INTO connectors VALUES (?, ?, ?)", entries)


def connectors(connection: Connection) -> dict[tuple[str, int], int]:
    """Return the connector id of each (charge point, connector number)."""
    rows = connection.execute("SELECT * FROM connectors")
    return {(row["charge_point"], row["connector_number"]): row["connector_id"] for row in rows}


def add_meter_keys(connection: Connection, entries: Iterable[tuple[int, bytes, bytes]]) -> None:
    """Keep final meter keys: (connector id, fingerprint, DER public key)."""
    connection.executemany("INSERT OR IGNORE INTO meter_keys VALUES (?, ?, ?)", entries)


def meter_keys(connection: Connection, connector_id: int) -> list[tuple[bytes, bytes]]:
    """Return a connector's keys as entered: (fingerprint, DER public key)."""
    rows = connection.execute(
        "SELECT fingerprint, public_key FROM meter_keys WHERE connector_id = ?", (connector_id,)
    )
    return [(row["fingerprint"], row["public_key"]) for row in rows]


def followed(connection: Connection) -> int | None:
    """Return the number of the last final block that was followed."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'followed'").fetchone()
    return None if row is None else int(row[0])


def set_followed(connection: Connection, block: int) -> None:
    """Remember how far the chain was followed."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('followed', ?)", (block,))
