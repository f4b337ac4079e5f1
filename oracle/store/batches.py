"""Batches from proposal to finality, their nonces and their transactions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from sqlite3 import Connection, Row

from chargecoin.chain.transactions import Fees, Signed
from oracle.settlements import Settlement
from oracle.store import sessions


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch. State: proposed, signed, submitted, mined, released.

    `expiry` is UTC seconds of chain time, `from_block` the latest block when it was proposed.
    """

    id: int
    state: str
    epoch: int
    expiry: int
    evidence_root: bytes
    runs: bytes
    signatures: bytes | None
    from_block: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """A signed transaction, as it was stored before it was broadcast."""

    batch: int
    signed: Signed
    fees: Fees
    at_block: int


def _row(row: Row) -> Batch:
    return Batch(**{name: row[name] for name in Batch.__slots__})


def _attempt(row: Row) -> Attempt:
    return Attempt(
        batch=row["batch"],
        signed=Signed(row["tx_hash"], row["raw"], row["nonce"]),
        fees=Fees(int(row["max_fee"]), int(row["tip"])),
        at_block=row["at_block"],
    )


def create(
    connection: Connection,
    *,
    epoch: int,
    expiry: int,
    evidence_root: bytes,
    runs: bytes,
    from_block: int,
    sequences: Mapping[int, int],
) -> Batch:
    """Store a batch before anyone is asked to sign it. `sequences` are by session."""
    cursor = connection.execute(
        "INSERT INTO batches (state, epoch, expiry, evidence_root, runs, from_block)"
        " VALUES ('proposed', ?, ?, ?, ?, ?)",
        (epoch, expiry, evidence_root, runs, from_block),
    )
    number = int(cursor.lastrowid or 0)
    sessions.propose(connection, number, sequences)
    return Batch(number, "proposed", epoch, expiry, evidence_root, runs, None, from_block)


def in_flight(connection: Connection) -> Batch | None:
    """Return the batch that is on its way to the chain; there is one at a time."""
    row = connection.execute(
        "SELECT * FROM batches WHERE state IN ('proposed', 'signed', 'submitted')"
        " ORDER BY id LIMIT 1"
    ).fetchone()
    return _row(row) if row else None


def sign(connection: Connection, batch: int, signatures: bytes) -> None:
    """Store a batch's signatures, joined in the contract's order."""
    connection.execute(
        "UPDATE batches SET state = 'signed', signatures = ? WHERE id = ?", (signatures, batch)
    )


def set_state(connection: Connection, batch: int, state: str) -> None:
    """Move a batch on, or back."""
    connection.execute("UPDATE batches SET state = ? WHERE id = ?", (state, batch))


def release(connection: Connection, batch: int) -> None:
    """Give a batch up: what it did not settle waits for another one."""
    set_state(connection, batch, "released")
    sessions.release_batch(connection, batch)


def counts(connection: Connection) -> dict[str, int]:
    """Return how many batches there are by state."""
    rows = connection.execute("SELECT state, count(*) AS n FROM batches GROUP BY state")
    return {row["state"]: row["n"] for row in rows}


# ------------------------------------------------------------------- transactions


def claim_nonce(connection: Connection, chain_id: int, sender: str, batch: int, mined: int) -> int:
    """Return the nonce of a batch, claimed durably. `mined` is how many the chain has used.

    A batch keeps its nonce until the chain has used it. The nonce of a batch that
    was given up is taken over before a new one, so that none is left out.
    """
    row = connection.execute(
        "SELECT n.nonce FROM nonces n JOIN batches b ON b.id = n.batch"
        " WHERE n.chain_id = ?1 AND n.sender = ?2 AND n.nonce >= ?3"
        " AND (n.batch = ?4 OR b.state = 'released') ORDER BY n.batch <> ?4, n.nonce LIMIT 1",
        (chain_id, sender, mined, batch),
    ).fetchone()
    if row:
        nonce = int(row["nonce"])
    else:
        last = connection.execute(
            "SELECT max(nonce) FROM nonces WHERE chain_id = ? AND sender = ?", (chain_id, sender)
        ).fetchone()[0]
        nonce = mined if last is None else max(mined, last + 1)
    connection.execute(
        "INSERT INTO nonces VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET batch = excluded.batch",
        (chain_id, sender, nonce, batch),
    )
    return nonce


def add_attempt(connection: Connection, attempt: Attempt) -> None:
    """Store a signed transaction; only then may it be broadcast."""
    connection.execute(
        "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            attempt.signed.hash,
            attempt.batch,
            attempt.signed.nonce,
            attempt.signed.raw,
            str(attempt.fees.max_fee),
            str(attempt.fees.max_priority_fee),
            attempt.at_block,
        ),
    )
    set_state(connection, attempt.batch, "submitted")


def forget_attempts(connection: Connection, batch: int, failed: Iterable[bytes]) -> None:
    """Let a batch be sent again whose transactions were mined and failed."""
    connection.executemany("DELETE FROM attempts WHERE tx_hash = ?", [(one,) for one in failed])
    set_state(connection, batch, "signed")


def attempts_of_batch(connection: Connection, batch: int) -> list[Attempt]:
    """Return a batch's transactions, the last one first."""
    rows = connection.execute(
        "SELECT * FROM attempts WHERE batch = ? ORDER BY rowid DESC", (batch,)
    )
    return [_attempt(row) for row in rows]


def attempts_with_nonce(connection: Connection, nonce: int) -> list[Attempt]:
    """Return the transactions with a nonce, whichever batch they are of, the last one first."""
    rows = connection.execute(
        "SELECT * FROM attempts WHERE nonce = ? ORDER BY rowid DESC", (nonce,)
    )
    return [_attempt(row) for row in rows]


def latest_from(connection: Connection, nonce: int) -> list[Attempt]:
    """Return the last transaction of each nonce from `nonce` on, in order."""
    rows = connection.execute(
        "SELECT *, max(rowid) FROM attempts WHERE nonce >= ? GROUP BY nonce ORDER BY nonce",
        (nonce,),
    )
    return [_attempt(row) for row in rows]


# -------------------------------------------------------------------- settlements


def add_settlement(connection: Connection, settlement: Settlement, *, final: bool) -> None:
    """Keep what a settled batch's proofs need; its number may be another one's after a reorg."""
    connection.execute(
        "INSERT OR REPLACE INTO settlements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            settlement.number,
            settlement.evidence_root,
            settlement.epoch,
            settlement.expiry,
            settlement.runs,
            settlement.signatures,
            settlement.tx_hash,
            settlement.block_number,
            settlement.block_hash,
            int(final),
        ),
    )


def _settlement(row: Row) -> Settlement:
    return Settlement(**{name: row[name] for name in Settlement.__slots__})


def settlement_with_root(connection: Connection, evidence_root: bytes) -> Settlement | None:
    """Return the settlement of a batch, the first if it settled in parts."""
    row = connection.execute(
        "SELECT * FROM settlements WHERE evidence_root = ? ORDER BY number LIMIT 1",
        (evidence_root,),
    ).fetchone()
    return _settlement(row) if row else None


def not_final(connection: Connection) -> list[Settlement]:
    """Return the settlements that a reorganisation could still undo."""
    rows = connection.execute("SELECT * FROM settlements WHERE final = 0 ORDER BY number")
    return [_settlement(row) for row in rows]


def undo_settlement(connection: Connection, settlement: Settlement) -> None:
    """Take back a settlement that is not on the chain any more; its batch is on its way again."""
    connection.execute("DELETE FROM settlements WHERE number = ?", (settlement.number,))
    row = connection.execute(
        "SELECT batch FROM attempts WHERE tx_hash = ?", (settlement.tx_hash,)
    ).fetchone()
    if row:
        set_state(connection, row["batch"], "submitted")
        sessions.unsettle(connection, row["batch"])


def settled_counts(connection: Connection) -> tuple[int, int]:
    """Return how many batches are settled, and how many of these are final."""
    row = connection.execute("SELECT count(*), coalesce(sum(final), 0) FROM settlements").fetchone()
    return int(row[0]), int(row[1])
