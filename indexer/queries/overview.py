"""The first page's figures, exact: spans of settlement days, and the same spans before.

The spans before go up to the moment that matches now: whole days come from
`settlement_days`, whole hours of the last day from `settlement_hours`, and what is left of an
hour from the rows themselves, so that the figures cost the same however many sessions stand
behind them.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import chain
from typing import Any, Final, Literal

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Row,
    Select,
    Table,
    bindparam,
    func,
    literal,
    select,
    union_all,
)

from indexer.figures import DayTotals, Overview, Period, Totals
from indexer.hours import from_day, local_time, to_day
from indexer.queries.money import FIELDS, receivable, scope, sums_of
from indexer.queries.places import first_of_each, list_sites
from indexer.rows import CollectionRow, RefundRow, SessionRow
from indexer.schema import (
    LOG_BITS,
    SETTLEMENT_SUMS,
    collections,
    owner_entries,
    refunds,
    sessions,
    settlement_days,
    settlement_hours,
    sites,
)
from indexer.sums import collection_sums, refund_sums, settlement_sums

SHOWN_DAYS: Final = 35
_POSITIONS: Final = tuple(SETTLEMENT_SUMS.index(name) for name in FIELDS)
Label = Literal["today", "week", "month"]
# What `Totals` consist of, in its order: as they are read, since many are added up for one.
_Sums = Sequence[int]
# Label → first day, first day of the span before, its day that matches today.
_Spans = dict[Label, tuple[date, date, date | None]]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part [since, until) of a local day at some sites, begun with a local hour.

    `cut` begins its last local hour.
    """

    site_ids: Sequence[int]
    since: int
    cut: int
    until: int


def _of_owner(owner_id: int | None) -> dict[str, Any]:
    return {} if owner_id is None else {"owner": owner_id}


@cache
def _of_parts(table: Table, count: int, *, of_one: bool) -> CompoundSelect[Any]:
    """Return what asks a table of so many parts, a question each, put as one.

    By ranges joined with "or", a database reads all of an owner's hours or sessions to find
    the few. Kept, as it takes longer to make than to answer: parts are filled in by `_ask_parts`.
    """
    by_hour = table is settlement_hours
    key = table.c.hour if by_hour else table.c.id
    columns = [table.c[name] for name in FIELDS] if by_hour else table.c

    def one(at: int) -> Select[Any]:
        owner: BindParameter[int] | None = bindparam("owner") if of_one else None
        site_ids: BindParameter[Any] = bindparam(f"sites{at}", expanding=True)
        return select(literal(at), *columns).where(
            *scope(table, owner, site_ids),
            key >= bindparam(f"low{at}"),
            key < bindparam(f"high{at}"),
        )

    return union_all(*map(one, range(count)))


def _ask_parts(
    connection: Connection,
    table: Table,
    owner_id: int | None,
    parts: Sequence[_Part],
    ranges: Sequence[tuple[int, int]],
) -> Iterable[Row[Any]]:
    values = _of_owner(owner_id)
    for at, (part, (low, high)) in enumerate(zip(parts, ranges, strict=True)):
        values |= {f"sites{at}": part.site_ids, f"low{at}": low, f"high{at}": high}
    query = _of_parts(table, len(parts), of_one=owner_id is not None)
    return connection.execute(query, values).all()


def _part_sums(
    connection: Connection, owner_id: int | None, parts: Sequence[_Part]
) -> list[list[_Sums]]:
    """Return what was settled in each part, sums that are to be added up.

    Whole hours from the rollup, the rest from the rows. All parts together, because each
    question costs more in asking than in answering.
    """
    found: list[list[_Sums]] = [[] for _ in parts]
    hours = [(one.since, one.cut) for one in parts]
    # Added up here: in the question, twenty sums a part take longer to read than to work out.
    for row in _ask_parts(connection, settlement_hours, owner_id, parts, hours):
        found[row[0]].append(row[1:])
    last = first_of_each(connection, [at for one in parts for at in (one.cut, one.until)])
    keys = [number << LOG_BITS for number in last]
    ids = list(zip(keys[::2], keys[1::2], strict=True))

    def rows(table: Table) -> Iterable[Row[Any]]:
        return _ask_parts(connection, table, owner_id, parts, ids)

    for part, values in chain(
        ((row[0], settlement_sums(SessionRow._make(row[1:]))) for row in rows(sessions)),
        ((row[0], collection_sums(CollectionRow._make(row[1:]))) for row in rows(collections)),
        ((row[0], refund_sums(RefundRow._make(row[1:]))) for row in rows(refunds)),
    ):
        found[part].append([values[at] for at in _POSITIONS])
    return found


def _spans(day: date) -> _Spans:
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


def _begun(zone: str, site_ids: Sequence[int], spans: _Spans, now: int) -> dict[Label, _Part]:
    """Return of each span the day that matches today, as far as today is over at `now`."""
    local = local_time(zone)
    elapsed = now - local.day_start(local.day(now))

    def part(match: date | None) -> _Part:
        if match is None:
            # Nothing of a day that is not: as many parts as ever, so that the question is the same.
            return _Part(site_ids, now, now, now)
        day = to_day(match)
        since = local.day_start(day)
        until = min(since + elapsed, local.day_start(day + 1))
        return _Part(site_ids, since, local.hour(until), until)

    return {label: part(match) for label, (_, _, match) in spans.items()}


@cache
def _by_zone(*, of_one: bool) -> Select[Any]:
    days, zone = settlement_days, sites.c.time_zone
    return (
        select(zone, days.c.day, *sums_of(days))
        .join(sites, sites.c.site_id == days.c.site_id)
        .where(
            *scope(days, bindparam("owner") if of_one else None, None),
            days.c.day.between(bindparam("first"), bindparam("last")),
        )
        .group_by(zone, days.c.day)
    )


def _days_by_zone(
    connection: Connection, owner_id: int | None, first: int, last: int
) -> dict[str, dict[int, _Sums]]:
    """Return the sums of settlement days `first` to `last` (inclusive) by time zone and day."""
    values = _of_owner(owner_id) | {"first": first, "last": last}
    query = _by_zone(of_one=owner_id is not None)
    found: dict[str, dict[int, _Sums]] = defaultdict(dict)
    for name, day, *sums in connection.execute(query, values).all():
        found[name][day] = sums
    return found


def overview(connection: Connection, owner_id: int | None, now: int) -> Overview:
    """Return the first page's figures, each site's by its own calendar."""
    places = list_sites(connection, owner_id)
    zones: dict[str, list[int]] = {} if places else {"UTC": []}
    for site in places:
        zones.setdefault(site.time_zone, []).append(site.site_id)
    spans = {name: _spans(from_day(local_time(name).day(now))) for name in zones}
    until = max(one["today"][0] for one in spans.values())
    shown = [until - timedelta(days=back) for back in reversed(range(SHOWN_DAYS))]
    earliest = min(before for one in spans.values() for _, before, _ in one.values())
    by_day = _days_by_zone(connection, owner_id, to_day(min(earliest, shown[0])), to_day(until))
    parts = {
        (name, label): part
        for name, site_ids in zones.items()
        for label, part in _begun(name, site_ids, spans[name], now).items()
    }
    begun = dict(zip(parts, _part_sums(connection, owner_id, list(parts.values())), strict=True))

    def period(label: Label) -> Period:
        current: list[_Sums] = []
        previous = [sums for name in zones for sums in begun[name, label]]
        for name, span in spans.items():
            first, before, match = span[label]
            current += _between(by_day[name], first, span["today"][0])
            previous += _between(by_day[name], before, (match or first) - timedelta(days=1))
        since = min(span[label][0] for span in spans.values())
        return Period(label, since, until, _total(current), _total(previous))

    def on(day: date) -> DayTotals:
        found = (one for zone in by_day.values() for one in _between(zone, day, day))
        return DayTotals(day, _total(found))

    return Overview(
        today=period("today"),
        week=period("week"),
        month=period("month"),
        days=tuple(map(on, shown)),
        sites=places,
        receivable=receivable(connection, owner_id),
        accrued=_accrued(connection, owner_id),
    )


def _total(parts: Iterable[_Sums]) -> Totals:
    return Totals(*map(sum, zip(*parts, strict=True)))


def _between(by_day: Mapping[int, _Sums], first: date, last: date) -> list[_Sums]:
    days = range(to_day(first), to_day(last) + 1)
    return [by_day[day] for day in days if day in by_day]


@cache
def _newest_balances(*, of_one: bool) -> Select[Any]:
    table = owner_entries
    newest = select(table.c.owner_id, func.max(table.c.id).label("id")).group_by(table.c.owner_id)
    if of_one:
        newest = newest.where(table.c.owner_id == bindparam("owner"))
    last = newest.subquery()
    same = (table.c.id == last.c.id) & (table.c.owner_id == last.c.owner_id)
    return select(table.c.balance).join(last, same)


def _accrued(connection: Connection, owner_id: int | None) -> int:
    """Return what may be withdrawn: the balance that each owner's newest entry left."""
    query = _newest_balances(of_one=owner_id is not None)
    return sum(connection.scalars(query, _of_owner(owner_id)))
