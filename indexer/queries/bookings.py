"""What an owner was credited and had to give back, booking by booking, with what it is worked from.

A booking is a session's settlement, a debt collected later, or a refund. They are found by
the blocks that the days lie in, so a month costs what it holds and not what came before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, literal, select

from chargecoin.record import Status
from indexer.hours import DAY_S, to_day
from indexer.money_figures import Booking
from indexer.queries.places import ids_within
from indexer.schema import campaigns, collections, refunds, sessions, tariffs

Where = Sequence[ColumnElement[bool]]

_TARIFF: Final = and_(
    tariffs.c.connector_id == sessions.c.connector_id,
    tariffs.c.tariff_index == sessions.c.tariff_index,
)
_ZERO: Final = literal(0)


def _settled(where: Where) -> Any:
    own = campaigns.c.owner_id.is_not(None) & (campaigns.c.owner_id != 0)
    return (
        select(
            literal("settled"),
            sessions.c.connector_id,
            sessions.c.sequence,
            sessions.c.site_id,
            sessions.c.settled_day,
            tariffs.c.vat_bps,
            sessions.c.paid,
            sessions.c.campaign_paid,
            sessions.c.fee,
            own,
            sessions.c.energy_wh,
            sessions.c.started_at,
            sessions.c.duration_s,
            sessions.c.idle_s,
            sessions.c.id,
        )
        .outerjoin(tariffs, _TARIFF)
        .outerjoin(
            campaigns,
            (campaigns.c.campaign_id == sessions.c.campaign_id) & (sessions.c.campaign_paid != 0),
        )
        .where(*where, sessions.c.status != int(Status.REJECTED), sessions.c.payer != 0)
    )


def _later(table: Table, kind: str, values: Sequence[Any], own: Any, where: Where) -> Any:
    """Select what happened to sessions later, each with its session's tariff."""
    session = (sessions.c.connector_id == table.c.connector_id) & (
        sessions.c.sequence == table.c.sequence
    )
    query = select(
        literal(kind),
        table.c.connector_id,
        table.c.sequence,
        table.c.site_id,
        table.c.settled_day,
        tariffs.c.vat_bps,
        *values,
        own,
        _ZERO,
        sessions.c.started_at,
        _ZERO,
        _ZERO,
        table.c.id,
    ).select_from(table.join(sessions, session).outerjoin(tariffs, _TARIFF))
    if table is refunds:
        query = query.outerjoin(campaigns, campaigns.c.campaign_id == refunds.c.campaign_id)
    return query.where(*where)


def list_bookings(
    connection: Connection,
    owner_id: int,
    *,
    days: tuple[date, date] | None = None,
    site_id: int | None = None,
    session: tuple[int, int] | None = None,
) -> tuple[Booking, ...]:
    """Return an owner's bookings of settlement days (inclusive), or of one session, in order."""
    if days is not None:
        first, last = (to_day(day) for day in days)
        low, high = ids_within(connection, ((first - 1) * DAY_S, (last + 2) * DAY_S))

    def where(table: Table) -> Where:
        found = [table.c.owner_id == owner_id]
        if days is not None:
            found += [table.c.id >= low, table.c.id < high]
            found.append(table.c.settled_day.between(first, last))
        if site_id is not None:
            found.append(table.c.site_id == site_id)
        if session is not None:
            found += [table.c.connector_id == session[0], table.c.sequence == session[1]]
        return found

    collected = (collections.c.amount, _ZERO, collections.c.fee)
    back = (-refunds.c.to_payer, -refunds.c.to_campaign, -refunds.c.fee_back)
    own = campaigns.c.owner_id.is_not(None) & (campaigns.c.owner_id != 0)
    rows = [
        *connection.execute(_settled(where(sessions))),
        *connection.execute(
            _later(collections, "collected", collected, literal(value=False), where(collections))
        ),
        *connection.execute(_later(refunds, "refunded", back, own, where(refunds))),
    ]
    rows.sort(key=lambda row: row[-1])
    names = tuple(Booking.__dataclass_fields__)
    found = (dict(zip(names, row[:-1], strict=True)) for row in rows)
    return tuple(Booking(**values | {"own": bool(values["own"])}) for values in found)
