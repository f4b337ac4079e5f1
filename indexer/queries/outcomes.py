"""Sessions by how they ended: sums over days and sites, or over rows where few are asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, select

from chargecoin.record import Assurance, OutcomeFlag, Reason
from chargecoin.record import Status as Outcome
from indexer.figures import OwnerMonth, Site, Status, Totals
from indexer.hours import DAY_S, LocalTime, from_day, local_time, to_day
from indexer.queries.kept import Kept
from indexer.queries.places import list_owners, list_sites
from indexer.queries.sessions import conditions
from indexer.schema import OUTCOME_SUMS, outcome_days, owners, sessions
from indexer.session_figures import ReasonCount, SessionFilter

_KINDS: Final = ("status", "reason", "assurance")
_REJECTED: Final = int(Outcome.REJECTED)
_OF_ROWS: Final[dict[str, ColumnElement[int]]] = {
    "clamped": sessions.c.flags.bitwise_and(int(OutcomeFlag.CLAMPED)),
    "campaign": sessions.c.campaign_paid,
}


def total_sessions(connection: Connection, wanted: SessionFilter) -> Totals:
    """Return the totals of the sessions of a filter.

    Only what a session's own row says: carbon and debts collected later are left at zero.
    """
    found = dict.fromkeys(Totals.__dataclass_fields__, 0)
    for kind in _by_kind(connection, wanted):
        if kind.status == _REJECTED:
            found["rejected"] += kind.parts
            continue
        found["sessions"] += int(kind.parts)
        if kind.status == int(Outcome.UNFUNDED):
            found["unfunded"] += int(kind.parts)
        if kind.reason == int(Reason.NO_PAYER):
            found["elsewhere"] += int(kind.gross)
        if kind.assurance in _BY_ASSURANCE:
            found[_BY_ASSURANCE[kind.assurance]] += int(kind.parts)
        if kind.assurance == int(Assurance.SIGNED):
            found["signed_wh"] += int(kind.energy_wh)
        for name in OUTCOME_SUMS[:-1]:
            found[name] += int(getattr(kind, name))
    return Totals(**found)


_BY_ASSURANCE: Final = {
    int(Assurance.REPORTED): "reported",
    int(Assurance.OBSERVED): "observed",
    int(Assurance.SIGNED): "signed",
}


def reason_counts(
    connection: Connection, owner_id: int | None, since: date | None = None
) -> tuple[ReasonCount, ...]:
    """Return how many sessions were not settled, by reason, from a settlement day on."""
    found: dict[tuple[int, int], list[int]] = {}
    for kind in _by_kind(
        connection, SessionFilter(owner_id=owner_id, exceptions=True, since=since)
    ):
        sums = found.setdefault((kind.status, kind.reason), [0, 0, 0])
        for at, name in enumerate(("parts", "gross", "debt")):
            sums[at] += int(getattr(kind, name))
    return tuple(ReasonCount(*key, *found[key]) for key in sorted(found))


def owner_months(
    connection: Connection, status: Status, now: int, kept: Kept
) -> tuple[OwnerMonth, ...]:
    """Return every owner with this month so far at `now` (UTC seconds), by id."""
    sites = list_sites(connection)
    span_of = {site.site_id: _month(local_time(site.time_zone), now) for site in sites}
    # What follows is settled later, which is no earlier than the day before in any zone.
    closed = status.timestamp // DAY_S - 2
    sums: dict[int, tuple[int, int]] = {}
    for span in set(span_of.values()):
        found = _month_by_site(connection, span, closed, kept)
        sums |= {site: both for site, both in found.items() if span_of.get(site) == span}
    sites_of: dict[int, list[Site]] = defaultdict(list)
    for site in sites:
        sites_of[site.owner_id].append(site)
    elsewhere = _month(local_time("UTC"), now)
    months = []
    for owner in list_owners(connection):
        own = sites_of[owner.owner_id]
        spans = [span_of[site.site_id] for site in own] or [elsewhere]
        months.append(
            OwnerMonth(
                owner=owner,
                sites=len(own),
                connectors=sum(site.connectors for site in own),
                since=from_day(min(first for first, _ in spans)),
                until=from_day(max(last for _, last in spans)),
                sessions=sum(sums.get(site.site_id, (0, 0))[0] for site in own),
                energy_wh=sum(sums.get(site.site_id, (0, 0))[1] for site in own),
            )
        )
    return tuple(months)


def _month(local: LocalTime, now: int) -> tuple[int, int]:
    """Return the first day of a calendar's month, and its today."""
    today = local.day(now)
    return to_day(from_day(today).replace(day=1)), today


def _month_by_site(
    connection: Connection, span: tuple[int, int], closed: int, kept: Kept
) -> dict[int, tuple[int, int]]:
    """Return sessions and energy by site; days up to `closed` are added up once for all."""
    first, last = span
    before = min(last, closed)
    old = kept.answer(
        connection, ("month", first, before), (), lambda: _days_by_site(connection, first, before)
    )
    new = _days_by_site(connection, max(first, before + 1), last)
    return old | {
        site: (count + old.get(site, (0, 0))[0], energy + old.get(site, (0, 0))[1])
        for site, (count, energy) in new.items()
    }


def _days_by_site(connection: Connection, first: int, last: int) -> dict[int, tuple[int, int]]:
    table = outcome_days.c
    query = (
        select(table.site_id, func.sum(table.parts), func.sum(table.energy_wh))
        .where(
            # Kept by owner: naming every one of them is a search for each, not a scan.
            table.owner_id.in_(select(owners.c.owner_id)),
            table.day.between(first, last),
            table.status != _REJECTED,
        )
        .group_by(table.site_id)
    )
    return {site: (int(count), int(energy)) for site, count, energy in connection.execute(query)}


def count_sessions(connection: Connection, wanted: SessionFilter) -> int:
    """Return how many sessions a filter leaves."""
    return sum(int(row.parts) for row in _by_kind(connection, wanted))


def _by_kind(connection: Connection, wanted: SessionFilter) -> Sequence[Any]:
    """Return the sums of a filter's sessions, by status, reason and assurance."""
    if wanted != replace(wanted, connector_id=None, batch=None, campaign_id=None, payer=None):
        return _of_rows(connection, wanted)
    table = outcome_days.c
    where: list[ColumnElement[bool]] = [
        table[name] == value
        for name in ("owner_id", "site_id", *_KINDS)
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.owner_id is None:
        # Kept by owner: naming every one of them is a search for each, not a scan.
        where.append(table.owner_id.in_(select(owners.c.owner_id)))
    if wanted.exceptions:
        where.append(table.status != int(Outcome.SETTLED))
    if wanted.since is not None:
        where.append(table.day >= to_day(wanted.since))
    if wanted.until is not None:
        where.append(table.day <= to_day(wanted.until))
    kinds = [table[name] for name in _KINDS]
    sums = [func.sum(table[name]).label(name) for name in OUTCOME_SUMS]
    return connection.execute(select(*kinds, *sums).where(*where).group_by(*kinds)).all()


def _of_rows(connection: Connection, wanted: SessionFilter) -> Sequence[Any]:
    """Return the same from the rows of what no sums are kept of, such as a batch."""
    row = sessions.c
    kinds = [row[name] for name in _KINDS]
    sums = [
        func.sum(_OF_ROWS[name] if name in _OF_ROWS else row[name]).label(name)
        for name in OUTCOME_SUMS[:-1]
    ]
    query = select(*kinds, *sums, func.count().label("parts"))
    query = query.where(*conditions(connection, wanted)).group_by(*kinds)
    return connection.execute(query).all()
