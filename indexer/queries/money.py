"""Sums: by settlement day (exact), by hour (approximate).

They come from `settlement_days` and `connector_hours`, so that a figure costs the same however
many sessions stand behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from functools import cache
from operator import add
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Table,
    cast,
    func,
    select,
)

from indexer.figures import Connector, DayTotals, HourTotals, HourUse, Totals
from indexer.hours import from_day, local_time, to_day
from indexer.schema import (
    connector_hours,
    owners,
    settlement_days,
)

FIELDS: Final = tuple(field.name for field in fields(Totals))
Where = Sequence[ColumnElement[bool]]


def sum_of(column: ColumnElement[int]) -> ColumnElement[int]:
    """Return a column's sum, 0 over no rows, as an integer of 64 bits.

    PostgreSQL sums these to `numeric`, which takes longer to read than to add up.
    """
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


@cache
def sums_of(table: Table) -> tuple[ColumnElement[int], ...]:
    """Return what asks a table for the sums of which `Totals` consist, in its order."""
    # Kept: making these twenty expressions takes longer than the query they stand in.
    return tuple(sum_of(table.c[name]).label(name) for name in FIELDS)


def scope(
    table: Table,
    owner_id: int | BindParameter[int] | None,
    site_ids: Sequence[int] | BindParameter[Any] | None,
) -> Where:
    """Return what narrows a table to an owner (None: all) and to sites (None: all)."""
    where = []
    if owner_id is not None:
        where.append(table.c.owner_id == owner_id)
    elif "id" not in table.c:
        # Rollups are kept by owner: naming every one of them is a search for each, not a scan.
        where.append(table.c.owner_id.in_(select(owners.c.owner_id)))
    if site_ids is not None:
        where.append(table.c.site_id.in_(site_ids))
    return where


def days_total(
    connection: Connection,
    owner_id: int | None,
    site_ids: Sequence[int] | None,
    first: int,
    last: int,
    connector_id: int | None = None,
) -> Totals:
    """Return the totals of settlement days `first` to `last` (inclusive)."""
    days = settlement_days
    where = [*scope(days, owner_id, site_ids), days.c.day.between(first, last)]
    if connector_id is not None:
        where.append(days.c.connector_id == connector_id)
    return Totals(*connection.execute(select(*sums_of(days)).where(*where)).one())


EVER: Final = (-(10**6), 10**6)


@cache
def _owed() -> Select[Any]:
    days = settlement_days
    return select(sum_of(days.c.debt - days.c.collected - days.c.waived))


def receivable(connection: Connection, owner_id: int | None) -> int:
    """Return what payers owe: recorded debt that was neither collected nor waived, of all time."""
    query = _owed().where(*scope(settlement_days, owner_id, None))
    return int(connection.scalars(query).one())


def connector_totals(
    connection: Connection, owner_id: int | None, site_id: int | None, since: date, until: date
) -> dict[int, Totals]:
    """Return totals by connector id of settlement days `since` to `until` (inclusive)."""
    days = settlement_days
    site_ids = None if site_id is None else (site_id,)
    where = (
        *scope(days, owner_id, site_ids),
        days.c.day.between(to_day(since), to_day(until)),
    )
    query = select(days.c.connector_id, *sums_of(days)).where(*where)
    found = connection.execute(query.group_by(days.c.connector_id))
    return {connector_id: Totals(*sums) for connector_id, *sums in found}


def daily_totals(
    connection: Connection,
    owner_id: int | None,
    site_id: int | None,
    connector_id: int | None,
    since: date,
    until: date,
) -> tuple[DayTotals, ...]:
    """Return one entry a settlement day, `since` to `until` (inclusive), empty days too."""
    days = settlement_days
    where = list(scope(days, owner_id, None if site_id is None else (site_id,)))
    where.append(days.c.day.between(to_day(since), to_day(until)))
    if connector_id is not None:
        where.append(days.c.connector_id == connector_id)
    query = select(days.c.day, *sums_of(days)).where(*where).group_by(days.c.day)
    found = {day: Totals(*sums) for day, *sums in connection.execute(query).all()}
    return tuple(
        DayTotals(from_day(day), found.get(day, Totals()))
        for day in range(to_day(since), to_day(until) + 1)
    )


def hourly(
    connection: Connection, connector_ids: Sequence[int], since: int, until: int
) -> tuple[HourTotals, ...]:
    """Return performance by local hour that begins in [since, until), UTC seconds; approximate."""
    rows = _by_hour(connection, connector_ids, since, until, HourTotals._fields[1:])
    return tuple(map(HourTotals._make, rows))


def hourly_use(
    connection: Connection, connector_ids: Sequence[int], since: int, until: int
) -> tuple[HourUse, ...]:
    """Return energy and use alone of what `hourly` returns: a fifth of the sums."""
    rows = _by_hour(connection, connector_ids, since, until, HourUse._fields[1:])
    return tuple(map(HourUse._make, rows))


def _by_hour(
    connection: Connection,
    connector_ids: Sequence[int],
    since: int,
    until: int,
    names: Sequence[str],
) -> Sequence[Sequence[int]]:
    """Return (hour, sums) of the hours in order."""
    hours = connector_hours
    found: dict[int, Sequence[int]] = {}
    for first in range(0, len(connector_ids), 500):
        query = select(hours.c.hour, *(sum_of(hours.c[name]) for name in names)).where(
            hours.c.connector_id.in_(connector_ids[first : first + 500]),
            hours.c.hour >= since,
            hours.c.hour < until,
        )
        for row in connection.execute(query.group_by(hours.c.hour)).all():
            old = found.get(row[0])
            found[row[0]] = row if old is None else (row[0], *map(add, old[1:], row[1:]))
    return [found[hour] for hour in sorted(found)]


def energy_by_hour_of_day(
    connection: Connection, connectors: Sequence[Connector], since: date, until: date
) -> dict[int, tuple[int, ...]]:
    """Return energy (Wh) by site and local hour of the day, over local days; approximate."""
    hours = connector_hours
    zones: dict[str, dict[int, int]] = defaultdict(dict)
    for one in connectors:
        zones[one.time_zone][one.connector_id] = one.site_id
    found: dict[int, list[int]] = defaultdict(lambda: [0] * 24)
    for name, site_of in zones.items():
        local, wanted = local_time(name), list(site_of)
        begin, end = local.day_start(to_day(since)), local.day_start(to_day(until) + 1)
        for low, high, offset in local.steady(begin, end):
            hour = ((hours.c.hour + offset) // 3600 % 24).label("hour")
            for first in range(0, len(wanted), 500):
                each = select(hours.c.connector_id, hour, hours.c.energy_wh).where(
                    hours.c.connector_id.in_(wanted[first : first + 500]),
                    hours.c.hour >= low,
                    hours.c.hour < high,
                )
                by = each.subquery().c
                query = select(by.connector_id, by.hour, sum_of(by.energy_wh))
                rows = connection.execute(query.group_by(by.connector_id, by.hour)).all()
                for connector_id, at, energy in rows:
                    found[site_of[connector_id]][at] += energy
    return {site_id: tuple(energies) for site_id, energies in found.items()}
