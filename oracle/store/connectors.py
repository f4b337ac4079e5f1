"""What connectors last reported."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection


@dataclass(frozen=True, slots=True)
class Reported:
    """A connector's last StatusNotification."""

    connector_number: int
    status: str
    error_code: str


def report(
    connection: Connection,
    charge_point: str,
    connector_number: int,
    status: str,
    error_code: str,
    at: float,
) -> None:
    """Keep a connector's status, as of `at` (UTC seconds)."""
    connection.execute(
        "INSERT INTO connector_states VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET status = excluded.status, error_code = excluded.error_code,"
        " at = excluded.at",
        (charge_point, connector_number, status, error_code, at),
    )


def last_status(connection: Connection, charge_point: str, connector_number: int) -> str | None:
    """Return the status that a connector last reported, None if it never did."""
    row = connection.execute(
        "SELECT status FROM connector_states WHERE charge_point = ? AND connector_number = ?",
        (charge_point, connector_number),
    ).fetchone()
    return row["status"] if row else None


def reported(connection: Connection, charge_point: str) -> list[Reported]:
    """Return what a charge point's connectors last reported."""
    rows = connection.execute(
        "SELECT connector_number, status, error_code FROM connector_states WHERE charge_point = ?",
        (charge_point,),
    )
    return [Reported(*row) for row in rows]
