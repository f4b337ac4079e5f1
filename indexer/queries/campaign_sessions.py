"""Sessions as a campaign sees them: those it would have had, and those that it paid for."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from sqlalchemy import Connection, func, select

from chargecoin.record import Status
from indexer.money_figures import PastSession
from indexer.queries.places import block_number
from indexer.schema import blocks, sessions, tariffs, with_campaign


def past_sessions(
    connection: Connection, connector_ids: Sequence[int], since: int
) -> tuple[PastSession, ...]:
    """Return sessions with a payer that started from `since` on, oldest first.

    Rejected sessions moved nothing and are left out.
    """
    # All of it is in the index of starts.
    table = sessions
    query = select(
        table.c.connector_id,
        table.c.payer,
        table.c.started_at,
        table.c.settled_at,
        table.c.hour_of_week,
        table.c.energy_wh,
        table.c.gross,
        table.c.campaign_id,
        table.c.status,
    ).where(
        table.c.connector_id.in_(connector_ids),
        table.c.started_at >= since,
        table.c.payer != 0,
        table.c.gross != 0,
        table.c.status != int(Status.REJECTED),
    )
    found = map(PastSession._make, connection.execute(query).all())
    return tuple(sorted(found, key=attrgetter("started_at")))


def costs(
    connection: Connection, campaign_id: int, since: int, until: int
) -> tuple[tuple[int, int, int], ...]:
    """Return (connector, start, what was taken off) of sessions that began in [since, until)."""
    table = sessions
    cost = table.c.campaign_paid + table.c.discount
    query = select(table.c.connector_id, table.c.started_at, cost).where(
        with_campaign,
        table.c.campaign_id == campaign_id,
        table.c.started_at >= since,
        table.c.started_at < until,
        table.c.status != int(Status.REJECTED),
    )
    return tuple((one, at, int(cost)) for one, at, cost in connection.execute(query).all())


def priced_since(connection: Connection, connector_ids: Sequence[int]) -> int | None:
    """Return when the last of some connectors got its first tariff, None where one has none.

    Nobody could charge there for money before.
    """
    first = (
        select(tariffs.c.connector_id, func.min(blocks.c.timestamp).label("at"))
        .join(blocks, blocks.c.number == block_number(tariffs.c.id))
        .where(tariffs.c.connector_id.in_(connector_ids))
        .group_by(tariffs.c.connector_id)
        .subquery()
    )
    count, last = connection.execute(select(func.count(), func.max(first.c.at))).one()
    return int(last) if count and count == len(set(connector_ids)) else None
