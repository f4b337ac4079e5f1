"""Open and ended OCPP transactions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from sqlite3 import Connection, Row

from oracle.store import quarantine, sessions

# Ids count from the seconds since 2023-11-14, so that a store made anew gives no id of the old one.
FIRST_ID_AT = 1_700_000_000


@dataclass(frozen=True, slots=True)
class OpenedTransaction:
    """A transaction as StartTransaction opened it; `started_at` is the charge point's UTC seconds.

    `state` is open, closed or abandoned.
    """

    id: int
    charge_point: str
    connector_number: int
    token: str
    started_at: int | None
    meter_start: Decimal | None
    meter_stop: Decimal | None
    state: str


def _row(row: Row) -> OpenedTransaction:
    start, stop = row["meter_start"], row["meter_stop"]
    return OpenedTransaction(
        id=row["id"],
        charge_point=row["charge_point"],
        connector_number=row["connector_number"],
        token=row["token"],
        started_at=row["started_at"],
        meter_start=None if start is None else Decimal(start),
        meter_stop=None if stop is None else Decimal(stop),
        state=row["state"],
    )


def one(connection: Connection, number: int) -> OpenedTransaction:
    """Return a transaction that there is."""
    return _row(connection.execute("SELECT * FROM transactions WHERE id = ?", (number,)).fetchone())


def by_id(connection: Connection, charge_point: str, number: int) -> OpenedTransaction | None:
    """Return a charge point's transaction; another charge point's does not exist for it."""
    row = connection.execute(
        "SELECT * FROM transactions WHERE id = ? AND charge_point = ?", (number, charge_point)
    ).fetchone()
    return _row(row) if row else None


def by_start(connection: Connection, charge_point: str, key: str) -> OpenedTransaction | None:
    """Return the transaction that this StartTransaction opened before, if it did."""
    row = connection.execute(
        "SELECT * FROM transactions WHERE charge_point = ? AND start_key = ?", (charge_point, key)
    ).fetchone()
    return _row(row) if row else None


def still_open(
    connection: Connection, charge_point: str, connector_number: int | None = None
) -> list[OpenedTransaction]:
    """Return the open transactions of a charge point, or of one of its connectors."""
    rows = connection.execute(
        "SELECT * FROM transactions WHERE charge_point = ? AND state = 'open'"
        " AND (?2 IS NULL OR connector_number = ?2) ORDER BY id",
        (charge_point, connector_number),
    )
    return [_row(row) for row in rows]


def opened_before(connection: Connection, at: float) -> list[OpenedTransaction]:
    """Return the transactions that have been open since before `at`, UTC seconds."""
    rows = connection.execute(
        "SELECT * FROM transactions WHERE state = 'open' AND opened_at < ?", (at,)
    )
    return [_row(row) for row in rows]


def open_new(
    connection: Connection,
    charge_point: str,
    connector_number: int,
    key: str,
    token: str,
    started_at: int | None,
    meter_start: Decimal | None,
    at: float,
) -> int:
    """Open a transaction and return its id, which is above every earlier one.

    `started_at` is what the charge point says, `at` when we have it, UTC seconds.
    """
    last = connection.execute("SELECT coalesce(max(id), 0) FROM transactions").fetchone()[0]
    number = last + 1 if last else max(1, int(at) - FIRST_ID_AT)
    connection.execute(
        "INSERT INTO transactions"
        " (id, charge_point, connector_number, start_key, token, started_at, meter_start,"
        " opened_at, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open')",
        (
            number,
            charge_point,
            connector_number,
            key,
            token,
            started_at,
            None if meter_start is None else str(meter_start),
            at,
        ),
    )
    return number


def close(
    connection: Connection, transaction: OpenedTransaction, meter_stop: Decimal | None, at: float
) -> None:
    """Close a transaction by its StopTransaction and hand its session on.

    One that was given up before is taken up again: its end has come after all.
    """
    connection.execute(
        "UPDATE transactions SET state = 'closed', meter_stop = ? WHERE id = ?",
        (None if meter_stop is None else str(meter_stop), transaction.id),
    )
    if transaction.state == "abandoned":
        quarantine.resolve_session(connection, transaction.id, at, "its StopTransaction came")
        sessions.reopen(connection, transaction.id)
    else:
        sessions.add(connection, transaction.id, transaction.charge_point, "closed", at)


def ended_with(connection: Connection, number: int, frame: int) -> None:
    """Remember the last frame that belongs to a transaction's evidence."""
    connection.execute("UPDATE transactions SET last_frame = ? WHERE id = ?", (frame, number))


def abandon(
    connection: Connection, transaction: OpenedTransaction, at: float, because: str
) -> None:
    """Give up waiting for a transaction's end: its session waits in quarantine."""
    connection.execute(
        "UPDATE transactions SET state = 'abandoned' WHERE id = ?", (transaction.id,)
    )
    sessions.add(connection, transaction.id, transaction.charge_point, "quarantined", at)
    quarantine.add(
        connection,
        at,
        transaction.charge_point,
        "no_end",
        f"No StopTransaction came for transaction {transaction.id} on connector "
        f"{transaction.connector_number}: {because}. If the charge point still sends it, the "
        "session goes on by itself.",
        session=transaction.id,
    )
