"""Group commit: many wait for one fsync, nobody is told before it, failures stay alone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chargecoin.errors import StoreError
from oracle.store import database as module
from oracle.store.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(tmp_path / "store.sqlite")
    yield opened
    await opened.close()


def put(name: str) -> module.Work[str]:
    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO meta VALUES (?, 1)", (name,))
        return name

    return work


async def names(database: Database) -> list[str]:
    return await database.read(
        lambda c: [row[0] for row in c.execute("SELECT name FROM meta ORDER BY name")]
    )


async def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    first = Database(tmp_path / "store.sqlite")
    assert await first.write(put("a")) == "a"
    await first.close()
    second = Database(tmp_path / "store.sqlite")
    assert await names(second) == ["a"]
    await second.close()


async def test_the_store_survives_power_loss_and_readers_do_not_block(database: Database) -> None:
    def settings(connection: sqlite3.Connection) -> tuple[int, str]:
        return (
            connection.execute("PRAGMA synchronous").fetchone()[0],
            connection.execute("PRAGMA journal_mode").fetchone()[0],
        )

    full = 2
    assert settings(database._connection) == (full, "wal")


async def test_writers_that_come_together_share_a_commit(database: Database) -> None:
    before = database.committed.version
    await asyncio.gather(*(database.write(put(f"{n:04}")) for n in range(1000)))
    assert database.committed.version - before <= 4
    assert len(await names(database)) == 1000


async def test_a_writer_that_fails_undoes_only_its_own(database: Database) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        put("half")(connection)
        raise LookupError("mine")

    results = await asyncio.gather(
        database.write(put("before")),
        database.write(fail),
        database.write(put("after")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [str, LookupError, str]
    assert await names(database) == ["after", "before"]


async def test_nobody_is_told_before_the_commit(database: Database) -> None:
    told: list[bool] = []

    def work(connection: sqlite3.Connection) -> None:
        put("a")(connection)
        told.append(task.done())

    task = asyncio.create_task(database.write(work))
    await database.committed.wait(database.committed.version)
    assert told == [False]
    await task
    assert await names(database) == ["a"]


async def test_nobody_reads_what_is_not_committed(database: Database) -> None:
    seen: list[list[str]] = []

    def work(connection: sqlite3.Connection) -> None:
        put("a")(connection)
        rows = database._reader.execute("SELECT name FROM meta")
        seen.append([row[0] for row in rows])

    await database.write(work)
    assert seen == [[]]


async def test_a_full_disk_fails_the_group_and_the_store_goes_on(database: Database) -> None:
    pages = database._connection.execute("PRAGMA page_count").fetchone()[0]
    database._connection.execute(f"PRAGMA max_page_count = {pages}")
    large = "x" * 1_000_000
    results = await asyncio.gather(
        database.write(put(large)), database.write(put("b")), return_exceptions=True
    )
    # The large one fails alone if the disk refuses its statement, with all others if its commit.
    assert isinstance(results[0], sqlite3.Error | StoreError)
    database._connection.execute("PRAGMA max_page_count = 1000000")
    assert await database.write(put("c")) == "c"
    assert large not in await names(database)


async def test_a_commit_that_fails_is_told_to_all_who_waited_for_it(
    database: Database,
) -> None:
    # A deferred constraint is checked at COMMIT, and fails it as a full disk does.
    database._connection.executescript(
        "PRAGMA foreign_keys = ON;"
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);"
        "CREATE TABLE child (id REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);"
    )

    def orphan(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO child VALUES (1)")

    results = await asyncio.gather(
        database.write(put("a")), database.write(orphan), return_exceptions=True
    )
    assert [type(result) for result in results] == [StoreError, StoreError]
    assert await names(database) == []
    assert await database.write(put("b")) == "b"


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.read(put("a"))


async def test_closing_finishes_what_waits_and_takes_no_more(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.sqlite")
    waiting = asyncio.gather(*(database.write(put(str(n))) for n in range(50)))
    await asyncio.sleep(0)
    await database.close()
    assert len(await waiting) == 50
    with pytest.raises(StoreError, match="closed"):
        await database.write(put("late"))
    await database.close()


async def test_too_many_waiting_writers_are_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 10)
    results = await asyncio.gather(
        *(database.write(put(str(n))) for n in range(20)), return_exceptions=True
    )
    assert sum(isinstance(result, StoreError) for result in results) == 10


async def test_a_store_serves_one_process_at_a_time(tmp_path: Path) -> None:
    first = Database(tmp_path / "store.sqlite")
    with pytest.raises(StoreError, match="another oracle"):
        Database(tmp_path / "store.sqlite")
    await first.close()
    await Database(tmp_path / "store.sqlite").close()


async def test_a_store_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        Database(tmp_path / "nowhere" / "store.sqlite")
