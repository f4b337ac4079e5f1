"""Sessions by how they ended: sums over days and sites, or over rows where few are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, select

from chargecoin.record import Assurance, OutcomeFlag, Reason
from chargecoin.record import Status as Outcome
from indexer.figures import ReasonCount, SessionFilter, Totals
from indexer.hours import to_day
from indexer.queries.sessions import conditions
from indexer.schema import OUTCOME_SUMS, outcome_days, owners, sessions

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


def _by_kind(connection: Connection, wanted: SessionFilter) -> Sequence[Any]:
    """Return the sums of a filter's sessions, by status, reason and assurance."""
    if wanted.connector_id is not None or wanted.batch is not None:
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
    """Return the same from the rows of one connector or batch, which no sums are kept of."""
    row = sessions.c
    kinds = [row[name] for name in _KINDS]
    sums = [
        func.sum(_OF_ROWS[name] if name in _OF_ROWS else row[name]).label(name)
        for name in OUTCOME_SUMS[:-1]
    ]
    query = select(*kinds, *sums, func.count().label("parts"))
    query = query.where(*conditions(connection, wanted)).group_by(*kinds)
    return connection.execute(query).all()
