"""What the operational feed said over time, and what sessions looked like, by connector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from indexer.feed_entries import WHOLE_ORACLE
from indexer.live_figures import FeedWord, Silence
from indexer.queries.live import SILENCE_S
from indexer.schema import connector_hours, feed_entries, sessions

_REJECTED: Final = 3
_CHUNK: Final = 500
_WORD: Final = tuple(feed_entries.c[name] for name in FeedWord.__dataclass_fields__)


def words(
    connection: Connection, connector_ids: Sequence[int], since: int, until: int
) -> tuple[FeedWord, ...]:
    """Return what was said of connectors in [since, until), and each one's last word before."""
    table = feed_entries
    found: list[FeedWord] = []
    for connector_id in connector_ids:
        mine = select(*_WORD).where(table.c.connector_id == connector_id)
        before = (
            mine.where(table.c.at < since).order_by(table.c.at.desc(), table.c.n.desc()).limit(1)
        )
        within = mine.where(table.c.at >= since, table.c.at < until)
        for query in (before, within.order_by(table.c.at, table.c.n)):
            found += (FeedWord(*row) for row in connection.execute(query))
    return tuple(found)


def silences(connection: Connection, since: int, until: int) -> tuple[Silence, ...]:
    """Return the spans within [since, until) in which an oracle gave no sign of life.

    A span begins 15 minutes after the last sign, when words stop to hold.
    """
    table = feed_entries
    found: list[Silence] = []
    oracles = connection.scalars(
        select(table.c.oracle).where(table.c.connector_id == WHOLE_ORACLE).distinct()
    ).all()
    for oracle in oracles:
        mine = (table.c.oracle == oracle, table.c.connector_id == WHOLE_ORACLE)
        first = connection.scalar(select(func.max(table.c.at)).where(*mine, table.c.at < since))
        start = since if first is None else first
        signs = (
            select(
                table.c.at, func.lag(table.c.at, 1, start).over(order_by=table.c.at).label("last")
            )
            .where(*mine, table.c.at >= since, table.c.at < until)
            .subquery()
        )
        gaps = connection.execute(
            select(signs.c.last, signs.c.at)
            .where(signs.c.at - signs.c.last > SILENCE_S)
            .order_by(signs.c.at)
        ).all()
        last = connection.scalar(select(func.max(table.c.at)).where(*mine, table.c.at < until))
        spans = [(low, high) for low, high in gaps]
        if last is not None and until - last > SILENCE_S:
            spans.append((last, until))
        found += (
            Silence(oracle, max(since, low + SILENCE_S), high)
            for low, high in spans
            if high > since
        )
    return tuple(found)


def durations(
    connection: Connection, connector_ids: Sequence[int], since: int, until: int
) -> tuple[int, ...]:
    """Return how long vehicles were plugged in (s), of sessions that began in [since, until).

    Sorted; rejected sessions are left out.
    """
    found: list[int] = []
    for first in range(0, len(connector_ids), _CHUNK):
        found += connection.scalars(
            select(sessions.c.duration_s).where(
                sessions.c.connector_id.in_(connector_ids[first : first + _CHUNK]),
                sessions.c.started_at >= since,
                sessions.c.started_at < until,
                sessions.c.status != _REJECTED,
            )
        )
    return tuple(sorted(found))


def occupied(
    connection: Connection, connector_ids: Sequence[int], since: int, until: int
) -> dict[int, int]:
    """Return by connector for how long a vehicle was plugged in (s) within [since, until)."""
    hours = connector_hours
    found: dict[int, int] = {}
    for first in range(0, len(connector_ids), _CHUNK):
        rows = connection.execute(
            select(hours.c.connector_id, func.sum(hours.c.occupied_s))
            .where(
                hours.c.connector_id.in_(connector_ids[first : first + _CHUNK]),
                hours.c.hour >= since,
                hours.c.hour < until,
            )
            .group_by(hours.c.connector_id)
        )
        found.update((connector_id, int(seconds)) for connector_id, seconds in rows)
    return found
