"""Sessions as a campaign sees them: those it would have had, and those that it paid for."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from sqlalchemy import Connection, func, select

from chargecoin.record import Status
from indexer.money_figures import PastSession
from indexer.queries.places import block_number, first_from, sites_of
from indexer.schema import LOG_BITS, blocks, sessions, tariffs, with_campaign


def past_sessions(
    connection: Connection, owner_id: int, connector_ids: Sequence[int] | None, since: int
) -> tuple[PastSession, ...]:
    """Return an owner's sessions with a payer that started from `since` on, oldest first.

    `connector_ids` None is all of the owner's. Rejected sessions moved nothing and are left out.
    """
    table = sessions
    low = first_from(connection, since)
    # What started from then on was settled later, and an owner's rows are found by block.
    query = select(
        table.c.connector_id,
        table.c.payer,
        table.c.started_at,
        table.c.settled_at,
        table.c.hour_of_week,
        table.c.energy_wh,
        table.c.gross,
        table.c.campaign_id,
        table.c.status == int(Status.SETTLED),
    ).where(
        table.c.owner_id == owner_id,
        table.c.id >= low << LOG_BITS,
        table.c.started_at >= since,
        table.c.payer != 0,
        table.c.gross != 0,
        table.c.status != int(Status.REJECTED),
    )
    if connector_ids is not None:
        # By site as well, which has an index with the key: of an owner's rows most are elsewhere.
        query = query.where(
            table.c.connector_id.in_(connector_ids),
            table.c.site_id.in_(sites_of(connection, connector_ids)),
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
    return tuple((one, at, int(cost)) for one, at, cost in connection.execute(query))


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
