"""Sums: by settlement day (exact), by settlement up to a moment (exact), by hour (approximate).

Whole days come from `settlement_days`, whole hours from `settlement_hours`, and what
is left of an hour from the rows themselves, so a figure costs the same however many
sessions stand behind it.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cache
from itertools import chain
from operator import add
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    func,
    literal,
    select,
    union_all,
)

from indexer.figures import (
    Carbon,
    DayTotals,
    HourTotals,
    Overview,
    Period,
    Site,
    SiteTotals,
    Totals,
)
from indexer.hours import LocalTime, from_day, local_time, to_day
from indexer.queries.places import list_sites
from indexer.rollups import collection_sums, refund_sums, settlement_sums
from indexer.rows import CollectionRow, RefundRow, SessionRow
from indexer.schema import (
    LOG_BITS,
    SETTLEMENT_SUMS,
    blocks,
    collections,
    connector_hours,
    owner_entries,
    owners,
    refunds,
    sessions,
    settlement_days,
    settlement_hours,
)

_FIELDS: Final = tuple(field.name for field in fields(Totals))
_POSITIONS: Final = tuple(SETTLEMENT_SUMS.index(name) for name in _FIELDS)
Where = Sequence[ColumnElement[bool]]


@cache
def _sums(table: Table) -> tuple[ColumnElement[int], ...]:
    # Kept: making these twenty expressions takes longer than the query they stand in.
    return tuple(func.coalesce(func.sum(table.c[name]), 0).label(name) for name in _FIELDS)


def _totals(row: Any) -> Totals:
    # PostgreSQL sums bigint to numeric.
    return Totals(*(int(row._mapping[name]) for name in _FIELDS))  # noqa: SLF001 -- public


def _scope(table: Table, owner_id: int | None, site_ids: Sequence[int] | None) -> Where:
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
    where = [*_scope(days, owner_id, site_ids), days.c.day.between(first, last)]
    if connector_id is not None:
        where.append(days.c.connector_id == connector_id)
    return _totals(connection.execute(select(*_sums(days)).where(*where)).one())


@dataclass(frozen=True, slots=True)
class _Part:
    """A part [since, until) of a local day, which begins with a local hour; `cut` begins its last.

    `ids` are the keys of the rows settled in [cut, until): the first, and the one after the last.
    """

    since: int
    cut: int
    until: int
    ids: tuple[int, int]


def _parts(
    connection: Connection, local: LocalTime, spans: Sequence[tuple[int, int]]
) -> list[_Part]:
    """Return spans, each within a local day and begun with an hour, as `_Part`s."""
    cuts = [local.hour(until) for _, until in spans]
    between = union_all(
        *(
            select(
                literal(at).label("at"), func.min(blocks.c.number), func.max(blocks.c.number)
            ).where(blocks.c.timestamp >= cut, blocks.c.timestamp < until)
            for at, (cut, (_, until)) in enumerate(zip(cuts, spans, strict=True))
        )
    )
    found = {at: (low, high) for at, low, high in connection.execute(between)}
    parts = []
    for at, (cut, (since, until)) in enumerate(zip(cuts, spans, strict=True)):
        low, high = found[at]
        ids = (0, 0) if low is None else (low << LOG_BITS, (high + 1) << LOG_BITS)
        parts.append(_Part(since, cut, until, ids))
    return parts


def _part_totals(
    connection: Connection,
    owner_id: int | None,
    site_ids: Sequence[int],
    local: LocalTime,
    spans: Sequence[tuple[int, int]],
) -> list[Totals]:
    """Return the totals of what was settled in each span, UTC seconds, each within a local day.

    Whole hours from the rollup, the rest from the rows. All spans together, because each
    question costs more in asking than in answering.
    """
    if not spans:
        return []
    parts = _parts(connection, local, spans)
    hours = settlement_hours
    # A question a part, put as one: by ranges joined with "or", a database reads all of
    # an owner's hours or sessions to find the few.
    whole = union_all(
        *(
            select(literal(at).label("part"), *_sums(hours)).where(
                *_scope(hours, owner_id, site_ids),
                hours.c.hour >= one.since,
                hours.c.hour < one.cut,
            )
            for at, one in enumerate(parts)
        )
    )
    totals = [_totals(row) for row in sorted(connection.execute(whole), key=lambda row: row.part)]
    wanted = [(at, one.ids) for at, one in enumerate(parts) if one.ids[1]]
    if not wanted:
        return totals

    def rows(table: Table) -> Iterable[Row[Any]]:
        scope = _scope(table, owner_id, site_ids)
        return connection.execute(
            union_all(
                *(
                    select(literal(at), table).where(*scope, table.c.id >= low, table.c.id < high)
                    for at, (low, high) in wanted
                )
            )
        )

    for part, values in chain(
        ((row[0], settlement_sums(SessionRow._make(row[1:]))) for row in rows(sessions)),
        ((row[0], collection_sums(CollectionRow._make(row[1:]))) for row in rows(collections)),
        ((row[0], refund_sums(RefundRow._make(row[1:]))) for row in rows(refunds)),
    ):
        totals[part] += Totals(*(values[at] for at in _POSITIONS))
    return totals


def _spans(day: date) -> dict[Literal["today", "week", "month"], tuple[date, date, date | None]]:
    """Return label → (first day, first day of the span before, its day that matches `day`).

    The matching day is None where the month before has no such day: all of it counts.
    """
    monday = day - timedelta(days=day.weekday())
    month = day.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    longest = monthrange(before.year, before.month)[1]
    return {
        "today": (day, day - timedelta(days=1), day - timedelta(days=1)),
        "week": (monday, monday - timedelta(days=7), day - timedelta(days=7)),
        "month": (month, before, before.replace(day=day.day) if day.day <= longest else None),
    }


def _period_of_zone(
    connection: Connection,
    owner_id: int | None,
    site_ids: Sequence[int],
    local: LocalTime,
    now: int,
) -> list[Period]:
    today = local.day(now)
    elapsed = now - local.day_start(today)
    spans = _spans(from_day(today))
    earliest = min(to_day(before) for _, before, _ in spans.values())
    by_day = _by_day(connection, owner_id, site_ids, earliest, today)

    def whole(first: int, last: int) -> Totals:
        return sum((by_day[day] for day in by_day if first <= day <= last), Totals())

    starts = {label: local.day_start(to_day(one[2])) for label, one in spans.items() if one[2]}
    parts = _part_totals(
        connection,
        owner_id,
        site_ids,
        local,
        [
            (start, min(start + elapsed, local.day_start(local.day(start) + 1)))
            for start in starts.values()
        ],
    )
    matching = dict(zip(starts, parts, strict=True))
    periods = []
    for label, (first, before, match) in spans.items():
        last = to_day(first) if match is None else to_day(match)
        previous = whole(to_day(before), last - 1) + matching.get(label, Totals())
        current = whole(to_day(first), today)
        periods.append(Period(label, first, from_day(today), current, previous))
    return periods


def _by_day(
    connection: Connection,
    owner_id: int | None,
    site_ids: Sequence[int],
    first: int,
    last: int,
) -> dict[int, Totals]:
    days = settlement_days
    where = [*_scope(days, owner_id, site_ids), days.c.day.between(first, last)]
    query = select(days.c.day, *_sums(days)).where(*where).group_by(days.c.day)
    return {row.day: _totals(row) for row in connection.execute(query)}


def by_zone(sites: Iterable[Site]) -> dict[LocalTime, list[int]]:
    """Group site ids by calendar."""
    found: dict[LocalTime, list[int]] = defaultdict(list)
    for site in sites:
        found[local_time(site.time_zone)].append(site.site_id)
    return found


def periods(
    connection: Connection, owner_id: int | None, sites: Sequence[Site], now: int
) -> tuple[Period, Period, Period]:
    """Return today, this week (from Monday) and this month, each site by its own calendar."""
    merged: list[Period] | None = None
    for local, site_ids in by_zone(sites).items():
        found = _period_of_zone(connection, owner_id, site_ids, local, now)
        merged = (
            found
            if merged is None
            else [
                Period(
                    label=one.label,
                    since=min(one.since, other.since),
                    until=max(one.until, other.until),
                    totals=one.totals + other.totals,
                    previous=one.previous + other.previous,
                )
                for one, other in zip(merged, found, strict=True)
            ]
        )
    if merged is None:
        merged = _period_of_zone(connection, owner_id, (), local_time("UTC"), now)
    return merged[0], merged[1], merged[2]


EVER: Final = (-(10**6), 10**6)


def overview(connection: Connection, owner_id: int | None, now: int) -> Overview:
    """Return the first page's figures."""
    sites = list_sites(connection, owner_id)
    today, week, month = periods(connection, owner_id, sites, now)
    per_site = {}
    for local, site_ids in by_zone(sites).items():
        last = local.day(now)
        first = to_day(from_day(last).replace(day=1))
        per_site.update(_by_site(connection, owner_id, site_ids, first, last))
    return Overview(
        today=today,
        week=week,
        month=month,
        sites=tuple(SiteTotals(site, per_site.get(site.site_id, Totals())) for site in sites),
        receivable=receivable(connection, owner_id),
        accrued=_accrued(connection, owner_id),
    )


def receivable(connection: Connection, owner_id: int | None) -> int:
    """Return what payers owe: recorded debt that was neither collected nor waived, of all time."""
    days = settlement_days
    owed = func.sum(days.c.debt - days.c.collected - days.c.waived)
    return int(connection.scalar(select(owed).where(*_scope(days, owner_id, None))) or 0)


def _accrued(connection: Connection, owner_id: int | None) -> int:
    """Return what may be withdrawn: the balance that each owner's newest entry left."""
    table = owner_entries
    newest = select(table.c.owner_id, func.max(table.c.id).label("id")).group_by(table.c.owner_id)
    if owner_id is not None:
        newest = newest.where(table.c.owner_id == owner_id)
    last = newest.subquery()
    same = (table.c.id == last.c.id) & (table.c.owner_id == last.c.owner_id)
    return sum(connection.scalars(select(table.c.balance).join(last, same)))


def _by_site(
    connection: Connection,
    owner_id: int | None,
    site_ids: Sequence[int] | None,
    first: int,
    last: int,
) -> dict[int, Totals]:
    days = settlement_days
    where = (*_scope(days, owner_id, site_ids), days.c.day.between(first, last))
    query = select(days.c.site_id, *_sums(days)).where(*where).group_by(days.c.site_id)
    return {row.site_id: _totals(row) for row in connection.execute(query)}


def site_totals(
    connection: Connection, owner_id: int | None, since: date, until: date
) -> tuple[SiteTotals, ...]:
    """Return each site's totals of settlement days `since` to `until` (inclusive)."""
    found = _by_site(connection, owner_id, None, to_day(since), to_day(until))
    return tuple(
        SiteTotals(site, found.get(site.site_id, Totals()))
        for site in list_sites(connection, owner_id)
    )


def connector_totals(
    connection: Connection, owner_id: int | None, site_id: int | None, since: date, until: date
) -> dict[int, Totals]:
    """Return totals by connector id of settlement days `since` to `until` (inclusive)."""
    days = settlement_days
    site_ids = None if site_id is None else (site_id,)
    where = (
        *_scope(days, owner_id, site_ids),
        days.c.day.between(to_day(since), to_day(until)),
    )
    query = select(days.c.connector_id, *_sums(days)).where(*where)
    found = connection.execute(query.group_by(days.c.connector_id))
    return {row.connector_id: _totals(row) for row in found}


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
    where = list(_scope(days, owner_id, None if site_id is None else (site_id,)))
    where.append(days.c.day.between(to_day(since), to_day(until)))
    if connector_id is not None:
        where.append(days.c.connector_id == connector_id)
    query = select(days.c.day, *_sums(days)).where(*where).group_by(days.c.day)
    found = {row.day: _totals(row) for row in connection.execute(query)}
    return tuple(
        DayTotals(from_day(day), found.get(day, Totals()))
        for day in range(to_day(since), to_day(until) + 1)
    )


def carbon(connection: Connection, owner_id: int | None, since: date, until: date) -> Carbon:
    """Return the carbon of the sessions settled on days `since` to `until` (inclusive)."""
    total = days_total(connection, owner_id, None, to_day(since), to_day(until))
    return Carbon(total.energy_wh, total.carbon_wh, total.emitted_g, total.avoided_g)


def hourly(
    connection: Connection, connector_ids: Sequence[int], since: int, until: int
) -> tuple[HourTotals, ...]:
    """Return performance by local hour that begins in [since, until), UTC seconds; approximate."""
    names = tuple(name for name in HourTotals.__dataclass_fields__ if name != "hour")
    found = _by_hour(connection, connector_ids, since, until, names)
    return tuple(HourTotals(hour, *found[hour]) for hour in sorted(found))


def hourly_energy(
    connection: Connection, connector_ids: Sequence[int], since: int, until: int
) -> dict[int, int]:
    """Return the energy (Wh) alone of what `hourly` returns, by hour."""
    found = _by_hour(connection, connector_ids, since, until, ("energy_wh",))
    return {hour: energy for hour, (energy,) in found.items()}


def _by_hour(
    connection: Connection,
    connector_ids: Sequence[int],
    since: int,
    until: int,
    names: Sequence[str],
) -> dict[int, list[int]]:
    hours = connector_hours
    found: dict[int, list[int]] = {}
    for first in range(0, len(connector_ids), 500):
        query = select(hours.c.hour, *(func.sum(hours.c[name]) for name in names)).where(
            hours.c.connector_id.in_(connector_ids[first : first + 500]),
            hours.c.hour >= since,
            hours.c.hour < until,
        )
        for hour, *sums in connection.execute(query.group_by(hours.c.hour)).all():
            more = list(map(int, sums))
            old = found.get(hour)
            found[hour] = more if old is None else list(map(add, old, more))
    return found
