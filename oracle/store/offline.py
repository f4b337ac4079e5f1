"""Looking into a store from outside of its process, without changing it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from chargecoin.errors import StoreError
from oracle.store import frames, quarantine
from oracle.store.quarantine import Entry


def quarantined(path: Path, number: int) -> tuple[Entry, list[str]]:
    """Return an entry of the quarantine and its frames as received. Raises `StoreError`."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            entry = quarantine.one(connection, number)
            if entry is None:
                raise StoreError(f"there is no entry {number}; `quarantine list` shows what waits")
            if entry.frame is not None:
                _, text = frames.one(connection, entry.frame)
                return entry, [str(text)]
            if entry.session is None:
                return entry, []
            of_it = frames.of_transaction(connection, entry.session)
            return entry, [f"{frame.sender}: {frame.text}" for frame in of_it]
    except sqlite3.Error as error:
        raise StoreError(f"cannot read the store {path}: {error}") from error
