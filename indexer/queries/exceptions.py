"""Sessions that are not simply settled, newest first, from the few rows that tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from typing import Any, Final, get_args

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, tuple_

from chargecoin.record import OutcomeFlag
from chargecoin.record import Status as Outcome
from indexer.exception_figures import (
    COUNTED,
    ExceptionFilter,
    ExceptionKind,
    FailedStart,
    SessionException,
    SignedWord,
)
from indexer.figures import Status
from indexer.hours import local_time, to_day
from indexer.money_figures import Dispute, Refund
from indexer.queries import books, outcomes, places
from indexer.queries import sessions as listed
from indexer.schema import (
    blocks,
    dispute_closings,
    disputes,
    failed_starts,
    feed_entries,
    not_settled,
    refunds,
    sessions,
    sites,
    with_remark,
)
from indexer.session_figures import SessionFilter

_CAMPAIGN: Final = OutcomeFlag.CAMPAIGN_NOT_APPLIED | OutcomeFlag.CAMPAIGN_SHORT
_CHUNK: Final = 500


def _flagged(flags: OutcomeFlag) -> ColumnElement[bool]:
    return sessions.c.flags.bitwise_and(int(flags)) != 0


_STATUS: Final[dict[str | None, Outcome]] = {
    "unfunded": Outcome.UNFUNDED,
    "rejected": Outcome.REJECTED,
}
# Each kind of session: the index by which the few are found, and what it is.
_SESSIONS: Final[dict[str, tuple[ColumnElement[bool], ColumnElement[bool]]]] = {
    "unfunded": (not_settled, sessions.c.status == int(Outcome.UNFUNDED)),
    "rejected": (not_settled, sessions.c.status == int(Outcome.REJECTED)),
    "clamped": (with_remark, _flagged(OutcomeFlag.CLAMPED)),
    "campaign": (with_remark, _flagged(_CAMPAIGN)),
    "no_energy": (with_remark, sessions.c.energy_wh == 0),
}
_CLOSED: Final = exists().where(dispute_closings.c.dispute == disputes.c.dispute)
KINDS: Final[tuple[ExceptionKind, ...]] = get_args(ExceptionKind)


def _places_and_days(wanted: ExceptionFilter, status: int | None = None) -> SessionFilter:
    return SessionFilter(
        owner_id=wanted.owner_id,
        site_id=wanted.site_id,
        status=status,
        since=wanted.since,
        until=wanted.until,
    )


def _settlements(connection: Connection, wanted: ExceptionFilter) -> list[Any]:
    """Return queries for the ids of sessions whose settlement is the exception."""
    narrow = listed.conditions(connection, _places_and_days(wanted))
    found = select(sessions.c.id).where(*narrow)
    if wanted.kind is None:
        return [found.where(not_settled), found.where(with_remark)]
    return [found.where(*_SESSIONS[wanted.kind])] if wanted.kind in _SESSIONS else []


def _disputes(connection: Connection, wanted: ExceptionFilter) -> list[Any]:
    if wanted.kind not in {None, "disputed", "dispute_ended"}:
        return []
    found = select(disputes.c.id).where(disputes.c.owner_id == wanted.owner_id)
    if wanted.kind is not None:
        found = found.where(_CLOSED if wanted.kind == "dispute_ended" else ~_CLOSED)
    if wanted.site_id is None and wanted.since is None and wanted.until is None:
        return [found]
    found = found.join(
        sessions,
        and_(
            sessions.c.connector_id == disputes.c.connector_id,
            sessions.c.sequence == disputes.c.sequence,
        ),
    )
    if wanted.site_id is not None:
        found = found.where(sessions.c.site_id == wanted.site_id)
    if wanted.since is not None or wanted.until is not None:
        found = (
            found.join(blocks, blocks.c.number == places.block_number(disputes.c.id))
            .join(sites, sites.c.site_id == sessions.c.site_id)
            .where(or_(*_local_days(connection, wanted)))
        )
    return [found]


def _local_days(connection: Connection, wanted: ExceptionFilter) -> Sequence[ColumnElement[bool]]:
    """Return for each zone of the owner's sites when the days asked for are there."""
    zones = {site.time_zone for site in places.list_sites(connection, wanted.owner_id)}
    found = []
    for zone in sorted(zones):
        local = local_time(zone)
        terms = [sites.c.time_zone == zone]
        if wanted.since is not None:
            terms.append(blocks.c.timestamp >= local.day_start(to_day(wanted.since)))
        if wanted.until is not None:
            terms.append(blocks.c.timestamp < local.day_start(to_day(wanted.until) + 1))
        found.append(and_(*terms))
    return found


def _refunds(wanted: ExceptionFilter) -> list[Any]:
    if wanted.kind not in {None, "refunded"}:
        return []
    table = refunds.c
    found = select(table.id).where(table.owner_id == wanted.owner_id, table.dispute == 0)
    if wanted.site_id is not None:
        found = found.where(table.site_id == wanted.site_id)
    if wanted.since is not None:
        found = found.where(table.settled_day >= to_day(wanted.since))
    if wanted.until is not None:
        found = found.where(table.settled_day <= to_day(wanted.until))
    return [found]


def list_exceptions(
    connection: Connection,
    status: Status,
    wanted: ExceptionFilter,
    after: int | None,
    limit: int,
) -> tuple[tuple[SessionException, ...], int | None]:
    """Return exceptions newest first, and the key that continues them.

    Rows of all tables are numbered by block and log, so that one key continues all of them.
    """

    def ids(queries: list[Any]) -> set[int]:
        found: set[int] = set()
        for query in queries:
            key = query.selected_columns[0]
            more = query if after is None else query.where(key < after)
            found |= set(connection.scalars(more.order_by(key.desc()).limit(limit + 1)))
        return found

    settled = ids(_settlements(connection, wanted))
    disputed = ids(_disputes(connection, wanted))
    refunded = ids(_refunds(wanted))
    keys = nlargest(limit + 1, settled | disputed | refunded)
    shown = keys[:limit]
    opened = books.disputes_by_id(connection, status, disputed.intersection(shown))
    given = books.refunds_by_id(connection, status, refunded.intersection(shown))
    later: dict[int, Dispute | Refund] = {**opened, **given}
    rows = {
        row.key: row
        for row in listed.sessions_by_id(connection, status, settled.intersection(shown))
    }
    names = {one.session_id for one in later.values()}
    named = {row.session_id: row for row in listed.sessions_named(connection, status, names)}
    items = tuple(
        SessionException(
            key=key,
            at=later[key].provenance.block_timestamp if key in later else rows[key].settled_at,
            session=named[later[key].session_id] if key in later else rows[key],
            dispute=opened.get(key),
            refund=given.get(key),
        )
        for key in shown
    )
    return items, shown[-1] if len(keys) > limit else None


def count_exceptions(connection: Connection, wanted: ExceptionFilter) -> int:
    """Return how many exceptions of one kind there are, counting to `COUNTED` + 1 at most."""
    if wanted.kind in _STATUS:
        # The days of outcomes count them; one by one they are a row to read each.
        whole = outcomes.count_sessions(
            connection, _places_and_days(wanted, int(_STATUS[wanted.kind]))
        )
        return min(whole, COUNTED + 1)
    queries = [
        *_settlements(connection, wanted),
        *_disputes(connection, wanted),
        *_refunds(wanted),
    ]
    return sum(
        connection.scalar(select(func.count()).select_from(query.limit(COUNTED + 1).subquery()))
        or 0
        for query in queries
    )


def list_signed_words(
    connection: Connection, connector_id: int, since: int, until: int, after: str | None, limit: int
) -> tuple[tuple[SignedWord, ...], str | None]:
    """Return what was signed of a connector in [since, until), newest first.

    The second is what continues it: time, number and oracle of the last entry.
    """
    table = feed_entries.c
    query = select(feed_entries).where(
        table.connector_id == connector_id, table.at >= since, table.at < until
    )
    if after is not None:
        at, n, oracle = after.split(".")
        place = tuple_(table.at, table.n, table.oracle)
        query = query.where(place < tuple_(int(at), int(n), oracle))
    newest = (table.at.desc(), table.n.desc(), table.oracle.desc())
    rows = connection.execute(query.order_by(*newest).limit(limit + 1)).all()
    names = [name for name in SignedWord.__dataclass_fields__ if name != "signature"]
    items = tuple(
        SignedWord(
            **{name: getattr(row, name) for name in names}, signature="0x" + row.signature.hex()
        )
        for row in rows[:limit]
    )
    last = items[-1] if len(rows) > limit else None
    return items, None if last is None else f"{last.at}.{last.n}.{last.oracle}"


def list_failed_starts(
    connection: Connection, connector_ids: Sequence[int], since: int, until: int, limit: int
) -> tuple[FailedStart, ...]:
    """Return failed starts in [since, until), UTC seconds, newest first."""
    table = feed_entries.c
    columns = [table[name] for name in FailedStart.__dataclass_fields__]
    found: list[FailedStart] = []
    for first in range(0, len(connector_ids), _CHUNK):
        rows = connection.execute(
            select(*columns)
            .where(
                failed_starts,
                table.connector_id.in_(connector_ids[first : first + _CHUNK]),
                table.at >= since,
                table.at < until,
            )
            .order_by(table.at.desc(), table.n.desc())
            .limit(limit)
        )
        found += (FailedStart(*row) for row in rows)
    return tuple(nlargest(limit, found, key=lambda one: (one.at, one.n)))
