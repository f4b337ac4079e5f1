"""Mandates of payers, and what their commitments hide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import Final

import orjson

from chargecoin.typed_data import Mandate


@dataclass(frozen=True, slots=True)
class Opening:
    """A token (upper case) and the salt under which a commitment hides it."""

    commitment: bytes
    salt: bytes
    token: str


@dataclass(frozen=True, slots=True)
class SignedMandate:
    """A mandate with its holder's signature."""

    mandate: Mandate
    signature: bytes


# SQLite's integers end here; a mandate without an end may say 2⁶⁴ − 1.
_FOREVER: Final = (1 << 63) - 1


def _row(row: Row) -> SignedMandate:
    terms = orjson.loads(row["terms"])
    return SignedMandate(
        Mandate(
            account=terms["account"],
            tokens=tuple(bytes.fromhex(token) for token in terms["tokens"]),
            max_per_session=int(terms["max_per_session"]),
            valid_from=terms["valid_from"],
            valid_until=terms["valid_until"],
        ),
        row["signature"],
    )


def add(connection: Connection, signed: SignedMandate, openings: Iterable[Opening]) -> bytes:
    """Keep a mandate that was verified and return its id; again is harmless."""
    mandate = signed.mandate
    number = mandate.struct_hash()
    terms = {
        "account": mandate.account,
        "tokens": [token.hex() for token in mandate.tokens],
        "max_per_session": str(mandate.max_per_session),
        "valid_from": mandate.valid_from,
        "valid_until": mandate.valid_until,
    }
    connection.execute(
        "INSERT OR IGNORE INTO mandates VALUES (?, ?, ?, ?, ?)",
        (
            number,
            min(mandate.valid_from, _FOREVER),
            min(mandate.valid_until, _FOREVER),
            orjson.dumps(terms).decode(),
            signed.signature,
        ),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO openings VALUES (?, ?, ?, ?)",
        [(one.commitment, one.salt, one.token, number) for one in openings],
    )
    return number


def for_token(connection: Connection, token: str, at: int) -> list[tuple[SignedMandate, Opening]]:
    """Return the mandates in date at `at` (UTC seconds) that name a token, the newest first."""
    rows = connection.execute(
        "SELECT m.*, o.commitment, o.salt, o.token FROM openings o"
        " JOIN mandates m ON m.id = o.mandate"
        " WHERE o.token = ? AND m.valid_from <= ? AND m.valid_until > ?"
        " ORDER BY m.valid_from DESC, m.id",
        (token.upper(), at, at),
    )
    return [(_row(row), Opening(row["commitment"], row["salt"], row["token"])) for row in rows]


def count(connection: Connection) -> int:
    """Return how many mandates are kept."""
    return int(connection.execute("SELECT count(*) FROM mandates").fetchone()[0])
