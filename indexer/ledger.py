"""What a row depends on that other rows say: places, tariffs, heads.

Read from the database when first asked for and kept, because it does not change
going forward: a connector stays where it is for life, and a tariff's prices stay.
Going back (an undo, a failed transaction) throws the whole away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select

from chargecoin.tariff import Tariff
from indexer import schema
from indexer.hours import LocalTime, local_time
from indexer.schema import block_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connector is: what its sessions' rows repeat."""

    site_id: int
    owner_id: int
    local: LocalTime


NOWHERE: Final = Place(0, 0, local_time("UTC"))


class Ledger:
    """A cache over the event tables, for the writer only."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._connection: Connection | None = None
        self._flush: Callable[[], None] | None = None
        self._places: dict[int, Place] = {}
        self._tariffs: dict[tuple[int, int], Tariff] = {}
        self._heads: dict[int, int] = {}
        self._batch: tuple[int, int] | None = None

    def use(self, connection: Connection, flush: Callable[[], None]) -> None:
        """Read through a transaction; `flush` writes the rows that it has gathered so far."""
        self._connection = connection
        self._flush = flush

    def place(self, connector_id: int) -> Place:
        """Return where a connector is, `NOWHERE` if the registry does not know it."""
        found = self._places.get(connector_id)
        if found is None:
            connector = self._row(schema.connectors, "connector_id", connector_id)
            if connector is None:
                return NOWHERE
            evse = self._row(schema.evses, "evse", connector.evse)
            station = self._row(schema.stations, "station_id", evse.station_id)
            site = self._row(schema.sites, "site_id", station.site_id)
            found = Place(site.site_id, site.owner_id, local_time(site.time_zone))
            self._places[connector_id] = found
        return found

    def tariff(self, connector_id: int, index: int) -> Tariff | None:
        """Return a published tariff's bounds."""
        key = connector_id, index
        found = self._tariffs.get(key)
        if found is None:
            table = schema.tariffs
            slot = self._select(
                select(table.c.tariff).where(
                    table.c.connector_id == connector_id, table.c.tariff_index == index
                )
            )
            if slot is None:
                return None
            found = self._tariffs[key] = Tariff.decode(int.from_bytes(slot.tariff, "big"))
        return found

    def head(self, connector_id: int) -> int:
        """Return a connector's last sequence, 0 at first."""
        found = self._heads.get(connector_id)
        if found is None:
            table = schema.sessions
            row = self._select(
                select(func.max(table.c.sequence)).where(table.c.connector_id == connector_id)
            )
            found = self._heads[connector_id] = row[0] or 0
        return found

    def set_head(self, connector_id: int, sequence: int) -> None:
        """Move a connector's head."""
        self._heads[connector_id] = sequence

    def batch(self) -> tuple[int, int]:
        """Return the last batch's number and its block, zeros at first."""
        if self._batch is None:
            table = schema.batches
            row = self._select(
                select(table.c.batch, table.c.id).order_by(table.c.batch.desc()).limit(1)
            )
            self._batch = (0, 0) if row is None else (row.batch, block_of(row.id))
        return self._batch

    def set_batch(self, batch: int, block: int) -> None:
        """Move on to the next batch."""
        self._batch = batch, block

    def _row(self, table: Table, key: str, value: int) -> Any:
        return self._select(select(table).where(table.c[key] == value))

    def _select(self, query: Any) -> Any:
        if self._connection is None or self._flush is None:
            raise RuntimeError("the ledger is asked outside a transaction")
        self._flush()
        return self._connection.execute(query).one_or_none()
