"""Sessions on their way: closed, pending, proposed, settled, or in quarantine."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from sqlite3 import Connection, Row

import orjson

from oracle.store import quarantine

WORD = 32


@dataclass(frozen=True, slots=True)
class Pending:
    """A session that is ready to be proposed. Times are UTC seconds.

    `draft` is its evidence bundle with sequence 0, canonical bytes; `openings` is the
    JSON of what its commitments hide. `sequence` is that of its last proposal.
    """

    id: int
    charge_point: str
    connector_id: int
    tariff_index: int
    started_at: int
    ended_at: int
    word: int
    draft: bytes
    openings: bytes
    sequence: int | None


def _pending(row: Row) -> Pending:
    return Pending(
        id=row["id"],
        charge_point=row["charge_point"],
        connector_id=row["connector_id"],
        tariff_index=row["tariff_index"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        word=int.from_bytes(row["word"], "big"),
        draft=row["draft"],
        openings=row["openings"],
        sequence=row["sequence"],
    )


def add(connection: Connection, number: int, charge_point: str, state: str, at: float) -> None:
    """Take up the session of an ended transaction."""
    connection.execute(
        "INSERT INTO sessions (id, charge_point, state, closed_at) VALUES (?, ?, ?, ?)",
        (number, charge_point, state, at),
    )


def reopen(connection: Connection, number: int) -> bool:
    """Let a quarantined session be measured again; False if it is not in quarantine."""
    return (
        connection.execute(
            "UPDATE sessions SET state = 'closed', position = NULL, sequence = NULL, batch = NULL"
            " WHERE id = ? AND state = 'quarantined'",
            (number,),
        ).rowcount
        == 1
    )


def closed(connection: Connection, until: float, limit: int) -> list[int]:
    """Return sessions that wait to be measured and were opened by `until`, oldest first."""
    rows = connection.execute(
        "SELECT s.id FROM sessions s JOIN transactions t ON t.id = s.id"
        " WHERE s.state = 'closed' AND t.opened_at <= ? ORDER BY s.closed_at, s.id LIMIT ?",
        (until, limit),
    )
    return [row["id"] for row in rows]


def make_pending(connection: Connection, session: Pending) -> None:
    """Store a measured and priced session."""
    connection.execute(
        "UPDATE sessions SET state = 'pending', connector_id = ?, tariff_index = ?,"
        " started_at = ?, ended_at = ?, word = ?, draft = ?, openings = ?"
        " WHERE id = ? AND state = 'closed'",
        (
            session.connector_id,
            session.tariff_index,
            session.started_at,
            session.ended_at,
            session.word.to_bytes(WORD, "big"),
            session.draft,
            session.openings,
            session.id,
        ),
    )


def put_in_quarantine(
    connection: Connection, number: int, at: float, code: str, sentence: str
) -> None:
    """Set a session aside, with a machine-readable code and a sentence for its owner."""
    row = connection.execute(
        "UPDATE sessions SET state = 'quarantined', batch = NULL, sequence = NULL, position = NULL"
        " WHERE id = ? AND state IN ('closed', 'pending', 'proposed') RETURNING charge_point",
        (number,),
    ).fetchone()
    if row:
        quarantine.add(connection, at, row["charge_point"], code, sentence, session=number)


def pending(
    connection: Connection, until: int, limit: int, without: Collection[int] = ()
) -> list[Pending]:
    """Return what may be proposed: ended by `until` (UTC seconds), in the order of sequences.

    `without` are connectors to leave out.

    What was proposed before keeps its place, since attesters hold its word under
    that sequence until the earlier batch has expired.
    """
    rows = connection.execute(
        "SELECT * FROM sessions WHERE state = 'pending' AND ended_at <= ?"
        " AND connector_id NOT IN (SELECT value FROM json_each(?))"
        " ORDER BY position IS NULL, position, ended_at, id LIMIT ?",
        (until, orjson.dumps(list(without)).decode(), limit),
    )
    return [_pending(row) for row in rows]


def connector(connection: Connection, number: int) -> int:
    """Return the connector of a measured session."""
    row = connection.execute("SELECT connector_id FROM sessions WHERE id = ?", (number,))
    return int(row.fetchone()["connector_id"])


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """A session that has ended and is not settled. State: closed, pending, proposed.

    `id` is its transaction's; `closed_at` is when we learnt of its end, UTC seconds. The
    connector and the word are None until it is measured, `sequence` until it is proposed.
    """

    id: int
    charge_point: str
    connector_number: int
    state: str
    closed_at: float
    connector_id: int | None
    word: int | None
    sequence: int | None


def on_the_way(connection: Connection, after: int, limit: int) -> list[OnTheWay]:
    """Return sessions that have ended and are neither settled nor in quarantine, by id."""
    rows = connection.execute(
        "SELECT s.id, s.charge_point, t.connector_number, s.state, s.closed_at, s.connector_id,"
        " s.word, s.sequence FROM sessions s JOIN transactions t ON t.id = s.id"
        " WHERE s.state IN ('closed', 'pending', 'proposed') AND s.id > ? ORDER BY s.id LIMIT ?",
        (after, limit),
    )
    return [
        OnTheWay(
            id=row["id"],
            charge_point=row["charge_point"],
            connector_number=row["connector_number"],
            state=row["state"],
            closed_at=row["closed_at"],
            connector_id=row["connector_id"],
            word=None if row["word"] is None else int.from_bytes(row["word"], "big"),
            # A session that was proposed before keeps its number; it counts once it is again.
            sequence=row["sequence"] if row["state"] == "proposed" else None,
        )
        for row in rows
    ]


def waiting(connection: Connection) -> tuple[int, float | None]:
    """Return how many sessions are pending, and when the oldest of them closed."""
    row = connection.execute(
        "SELECT count(*), min(closed_at) FROM sessions WHERE state = 'pending'"
    ).fetchone()
    return int(row[0]), row[1]


def propose(connection: Connection, batch: int, sequences: Mapping[int, int]) -> None:
    """Give sessions (by id) their sequence in a batch."""
    last = connection.execute("SELECT coalesce(max(position), 0) FROM sessions").fetchone()[0]
    for place, (number, sequence) in enumerate(sequences.items(), start=last + 1):
        connection.execute(
            "UPDATE sessions SET state = 'proposed', batch = ?, sequence = ?,"
            " position = coalesce(position, ?) WHERE id = ?",
            (batch, sequence, place, number),
        )


def in_batch(connection: Connection, batch: int) -> list[Pending]:
    """Return a batch's sessions in the order of its runs."""
    rows = connection.execute("SELECT * FROM sessions WHERE batch = ? ORDER BY position", (batch,))
    return [_pending(row) for row in rows]


def settle(connection: Connection, outcomes: Mapping[int, int]) -> None:
    """Store the outcome words of sessions, by id."""
    connection.executemany(
        "UPDATE sessions SET state = 'settled', outcome = ? WHERE id = ?",
        [(outcome.to_bytes(WORD, "big"), number) for number, outcome in outcomes.items()],
    )


def unsettle(connection: Connection, batch: int) -> None:
    """Take back a batch's outcomes, which are not on the chain any more."""
    connection.execute(
        "UPDATE sessions SET state = 'proposed', outcome = NULL WHERE batch = ? AND final = 0",
        (batch,),
    )


def release_batch(connection: Connection, batch: int) -> None:
    """Let what a batch did not settle wait for another one."""
    connection.execute(
        "UPDATE sessions SET state = 'pending', batch = NULL"
        " WHERE batch = ? AND state = 'proposed'",
        (batch,),
    )


def mark_final(connection: Connection, settled: Iterable[tuple[int, int]]) -> None:
    """Take over what a final block settled: (outcome word, record word) of each session.

    Also where someone else submitted our batch and we have not seen it yet.
    """
    for outcome, word in settled:
        session_id = outcome >> 160
        connection.execute(
            "UPDATE sessions SET state = 'settled', outcome = ?, final = 1"
            " WHERE connector_id = ? AND sequence = ? AND word = ?"
            " AND state IN ('pending', 'proposed', 'settled')",
            (
                outcome.to_bytes(WORD, "big"),
                session_id >> 64,
                session_id & 0xFFFFFFFF,
                word.to_bytes(WORD, "big"),
            ),
        )


def release_lost(connection: Connection, final_time: int) -> None:
    """Let sessions wait for another batch that theirs can certainly not settle any more.

    Certain is what is final: their batch has expired, or another session has their
    sequence. `final_time` is UTC seconds.
    """
    connection.execute(
        "UPDATE sessions SET state = 'pending', batch = NULL WHERE state = 'proposed'"
        " AND EXISTS (SELECT 1 FROM batches b LEFT JOIN attestations a"
        "  ON a.connector_id = sessions.connector_id AND a.sequence = sessions.sequence"
        "  WHERE b.id = sessions.batch AND b.state = 'mined'"
        "  AND (b.expiry < ? OR a.settled = 2))",
        (final_time,),
    )


def outcomes(connection: Connection) -> dict[int, int]:
    """Return how many sessions have each status (docs/protocol.md, section 2)."""
    rows = connection.execute(
        # The status is the byte after the 96 bits of the session id.
        "SELECT hex(substr(outcome, 13, 1)) AS status, count(*) AS n FROM sessions"
        " WHERE outcome NOT NULL GROUP BY status"
    )
    return {int(row["status"], 16): row["n"] for row in rows}


def counts(connection: Connection) -> dict[str, int]:
    """Return how many sessions there are by state; `final` counts within `settled`."""
    rows = connection.execute(
        "SELECT state, count(*) AS n, sum(final) AS final FROM sessions GROUP BY state"
    ).fetchall()
    found = {row["state"]: int(row["n"]) for row in rows}
    found["final"] = sum(int(row["final"]) for row in rows)
    found["open"] = connection.execute(
        "SELECT count(*) FROM transactions WHERE state = 'open'"
    ).fetchone()[0]
    return found
