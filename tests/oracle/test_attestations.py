"""What stands against attesting a session beside those attested before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from oracle.store import attestations
from oracle.store.attestations import Attestation, Conflict, Pages
from oracle.store.database import Database

EXPIRY = 1000


def attested(sequence: int = 1, **changes: Any) -> Attestation:
    """Return a session of an hour, each sequence later than the one before."""
    fields: dict[str, Any] = {
        "connector_id": 7,
        "sequence": sequence,
        "word": 100 + sequence,
        "evidence_hash": bytes(32),
        "evidence_root": bytes(32),
        "expiry": EXPIRY,
        "source": "0xoracle",
        "charge_point": "CP",
        "transaction_id": sequence,
        "started_at": sequence * 3600,
        "ended_at": (sequence + 1) * 3600,
        "begin_wh": Decimal(sequence * 1000),
        "end_wh": Decimal((sequence + 1) * 1000),
        "pages": None,
        "bundle": b"{}",
    }
    return Attestation(**(fields | changes))


def paged(first: int, last: int, meter: bytes = b"m", context: str = "T") -> Pages:
    return Pages(meter, context, first, last)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(tmp_path / "store.sqlite")
    yield opened
    await opened.close()


async def check(database: Database, new: Attestation, final_time: int = 0) -> str | None:
    """Return which check a session fails, and attest it if none."""

    def work(connection: Any) -> Conflict | None:
        found = attestations.conflict(connection, new, final_time)
        if found is None:
            attestations.add(connection, new)
        return found

    found = await database.write(work)
    return found.check if found else None


async def test_sessions_that_follow_one_another_stand_in_nobodys_way(database: Database) -> None:
    assert [await check(database, attested(n)) for n in (1, 2, 3)] == [None] * 3


async def test_the_same_session_may_be_attested_again(database: Database) -> None:
    assert await check(database, attested(1)) is None
    assert await check(database, attested(1, expiry=EXPIRY + 500)) is None


async def test_another_word_has_to_wait_until_the_first_has_expired_for_good(
    database: Database,
) -> None:
    await check(database, attested(1))
    other = attested(1, word=5)
    assert await check(database, other, final_time=EXPIRY) == "already_attested"
    assert await check(database, other, final_time=EXPIRY + 1) is None


async def test_a_word_is_held_until_the_later_of_its_expiries(database: Database) -> None:
    await check(database, attested(1, expiry=EXPIRY))
    await check(database, attested(1, expiry=EXPIRY - 500))
    other = attested(1, word=5)
    assert await check(database, other, final_time=EXPIRY - 1) == "already_attested"


async def test_a_settled_word_is_held_for_ever(database: Database) -> None:
    await check(database, attested(1))
    await database.write(lambda c: attestations.mark_final(c, [(7 << 64 | 1, 101)]))
    assert await check(database, attested(1, word=5), final_time=10**9) == "already_attested"
    twice = attested(2, transaction_id=1)
    assert await check(database, twice, final_time=10**9) == "transaction_used"


async def test_a_word_that_lost_its_sequence_to_another_binds_no_more(
    database: Database,
) -> None:
    await check(database, attested(1))
    await database.write(lambda c: attestations.mark_final(c, [(7 << 64 | 1, 5)]))
    assert await check(database, attested(2, transaction_id=1, started_at=3600)) is None


async def test_a_transaction_is_used_once(database: Database) -> None:
    await check(database, attested(1))
    assert await check(database, attested(2, transaction_id=1)) == "transaction_used"
    # Another charge point's, or another oracle's, of the same number is another one.
    assert await check(database, attested(3, transaction_id=1, charge_point="CP2")) is None
    assert await check(database, attested(4, transaction_id=1, source="0xother")) is None


@pytest.mark.parametrize(
    ("started_at", "ended_at", "found"),
    [
        (7200, 10800, None),
        (0, 3600, None),
        (7199, 10800, "overlap"),
        (0, 3601, "overlap"),
        (5000, 5000, "overlap"),
        (0, 9000, "overlap"),
    ],
)
async def test_sessions_of_a_connector_do_not_overlap(
    database: Database, started_at: int, ended_at: int, found: str | None
) -> None:
    await check(database, attested(1))
    new = attested(2, started_at=started_at, ended_at=ended_at)
    assert await check(database, new) == found
    elsewhere = attested(2, connector_id=8, transaction_id=9, started_at=3600, ended_at=7200)
    assert await check(database, elsewhere) is None


@pytest.mark.parametrize(
    ("pages", "found"),
    [
        (paged(12, 13), None),
        (paged(11, 12), "pagination"),
        (paged(9, 10), "pagination"),
        (paged(8, 20), "pagination"),
        (paged(11, 12, meter=b"other"), None),
        (paged(11, 12, context="F"), None),
    ],
)
async def test_a_meters_pages_are_used_once(
    database: Database, pages: Pages, found: str | None
) -> None:
    await check(database, attested(1, pages=paged(10, 11)))
    assert await check(database, attested(2, pages=pages)) == found


async def test_a_meters_register_only_rises(database: Database) -> None:
    before = attested(1, pages=paged(10, 11), begin_wh=Decimal(1000), end_wh=Decimal("2000.5"))
    after = attested(3, pages=paged(20, 21), begin_wh=Decimal(4000), end_wh=Decimal(5000))
    assert await check(database, before) is None
    assert await check(database, after) is None

    def between(begin: str, end: str) -> Attestation:
        pages = paged(12, 13)
        return attested(2, pages=pages, begin_wh=Decimal(begin), end_wh=Decimal(end))

    assert await check(database, between("2000.4", "3000")) == "register"
    assert await check(database, between("3000", "4000.1")) == "register"
    assert await check(database, between("2000.5", "4000")) is None


async def test_a_session_that_comes_late_may_lie_before_those_attested(
    database: Database,
) -> None:
    first = attested(1, started_at=18_000, ended_at=21_600, pages=paged(20, 21))
    first = replace(first, begin_wh=Decimal(5000), end_wh=Decimal(6000))
    assert await check(database, first) is None
    assert await check(database, attested(2, pages=paged(10, 11))) is None
