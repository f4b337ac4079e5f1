"""What a row depends on that other rows say: places, tariffs, heads, campaigns, balances.

Read from the database when first asked for and kept, because it does not change
going forward: a connector stays where it is for life, and a tariff's prices stay.
Going back (an undo, a failed transaction) throws the whole away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, func, select

from chargecoin.errors import InconsistentNodeError
from chargecoin.tariff import Tariff
from indexer import schema
from indexer.books import Accrual, Budget, Hold
from indexer.hours import LocalTime, local_time
from indexer.schema import block_of


class MissingLogsError(InconsistentNodeError):
    """A log must have been left out, in or after block `since`."""

    def __init__(self, message: str, since: int) -> None:
        """Say what does not follow on what, and from where on logs may be missing."""
        super().__init__(message)
        self.since = since


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connector is: what its sessions' rows repeat."""

    site_id: int
    owner_id: int
    local: LocalTime


@dataclass(frozen=True, slots=True)
class Rules:
    """What of a campaign decides a discount: whose it is, its rate and its cap a session."""

    own: bool
    rate_bps: int
    session_cap: int


NOWHERE: Final = Place(0, 0, local_time("UTC"))


class Ledger:
    """A cache over the event tables, for the writer, and for who checks what was written."""

    def __init__(self, before: int | None = None) -> None:
        """Know nothing yet; with `before`, tell how things were below that row id."""
        self._before = before
        self._connection: Connection | None = None
        self._flush: Callable[[], None] | None = None
        self._places: dict[int, Place] = {}
        self._tariffs: dict[tuple[int, int], Tariff] = {}
        self._heads: dict[int, int] = {}
        self._batch: tuple[int, int] | None = None
        self._rules: dict[int, Rules] = {}
        self._accruals: dict[int, Accrual] = {}
        self._holds: dict[int, Hold] = {}
        self._budgets: dict[int, Budget] = {}

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
            newest = select(func.max(table.c.sequence)).where(table.c.connector_id == connector_id)
            row = self._select(self._as_of(newest, table))
            found = self._heads[connector_id] = row[0] or 0
        return found

    def set_head(self, connector_id: int, sequence: int) -> None:
        """Move a connector's head."""
        self._heads[connector_id] = sequence

    def batch(self) -> tuple[int, int]:
        """Return the last batch's number and its block, zeros at first."""
        if self._batch is None:
            table = schema.batches
            newest = select(table.c.batch, table.c.id).order_by(table.c.batch.desc()).limit(1)
            row = self._select(self._as_of(newest, table))
            self._batch = (0, 0) if row is None else (row.batch, block_of(row.id))
        return self._batch

    def set_batch(self, batch: int, block: int) -> None:
        """Move on to the next batch."""
        self._batch = batch, block

    def rules(self, campaign_id: int) -> Rules | None:
        """Return a campaign's rules, None where it was never created."""
        found = self._rules.get(campaign_id)
        if found is None:
            row = self._row(schema.campaigns, "campaign_id", campaign_id)
            if row is None:
                return None
            found = Rules(row.owner_id != 0, row.rate_bps, row.session_cap)
            self._rules[campaign_id] = found
        return found

    def campaign_of(self, connector_id: int, sequence: int) -> int | None:
        """Return the campaign that a session names (0: none), None where it is not stored."""
        table = schema.sessions
        row = self._select(
            select(table.c.campaign_id).where(
                table.c.connector_id == connector_id, table.c.sequence == sequence
            )
        )
        return None if row is None else int(row.campaign_id)

    # --- the books ---

    def accrual(self, owner_id: int) -> Accrual:
        """Return an owner's accrual, zeros at first."""
        found = self._accruals.get(owner_id)
        if found is None:
            row = self._newest(schema.owner_entries, "owner_id", owner_id)
            found = (
                Accrual(0, 0, 0, 0)
                if row is None
                else Accrual(row.balance, row.debt, row.pool, row.due)
            )
            self._accruals[owner_id] = found
        return found

    def set_accrual(self, owner_id: int, accrual: Accrual) -> None:
        """Replace it."""
        self._accruals[owner_id] = accrual

    def hold(self, dispute: int) -> Hold:
        """Return a dispute's hold. Raises `MissingLogsError` if it was never opened."""
        found = self._holds.get(dispute)
        if found is None:
            row = self._newest(schema.dispute_entries, "dispute", dispute)
            if row is None:
                raise MissingLogsError(f"dispute {dispute} was never opened", 0)
            found = Hold(*row[1:-1])
            self._holds[dispute] = found
        return found

    def set_hold(self, hold: Hold) -> None:
        """Replace it."""
        self._holds[hold.dispute] = hold

    def budget(self, campaign_id: int) -> Budget:
        """Return a campaign's budget, zeros at first."""
        found = self._budgets.get(campaign_id)
        if found is None:
            row = self._newest(schema.campaign_entries, "campaign_id", campaign_id)
            found = (
                Budget(0, 0, 0, 0)
                if row is None
                else Budget(row.budget, row.spent, row.day, row.day_spent)
            )
            self._budgets[campaign_id] = found
        return found

    def set_budget(self, campaign_id: int, budget: Budget) -> None:
        """Replace it."""
        self._budgets[campaign_id] = budget

    def _newest(self, table: Table, key: str, value: int) -> Any:
        query = select(table).where(table.c[key] == value).order_by(table.c.id.desc()).limit(1)
        return self._select(self._as_of(query, table))

    def _as_of(self, query: Select[Any], table: Table) -> Select[Any]:
        return query if self._before is None else query.where(table.c.id < self._before)

    def _row(self, table: Table, key: str, value: int) -> Any:
        return self._select(select(table).where(table.c[key] == value))

    def _select(self, query: Any) -> Any:
        if self._connection is None or self._flush is None:
            raise RuntimeError("the ledger is asked outside a transaction")
        self._flush()
        return self._connection.execute(query).one_or_none()
