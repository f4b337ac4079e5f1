"""What carbon is reported of: sessions with their record and their batch, in the chain's order.

Rejected sessions moved nothing and are no energy of the owner's; they are left out, as in
all sums by settlement day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from chargecoin.record import Status
from indexer.hours import from_day, to_day
from indexer.queries.places import block_number
from indexer.queries.sessions import conditions
from indexer.rows import session_word
from indexer.schema import LOG_BITS, batches, sessions, settlement_days
from indexer.session_figures import SessionFilter


@dataclass(frozen=True, slots=True)
class ChargedSession:
    """A settled or unfunded session: its record word, its batch and where that is on the chain.

    `key` orders sessions as the chain does; `day` is the settlement day at the site.
    """

    key: int
    connector_id: int
    sequence: int
    site_id: int
    day: date
    settled_at: int
    word: int
    batch: int
    evidence_root: str
    commitment: str
    transaction: str
    block: int


class Delivery(NamedTuple):
    """What a session's sums go by: when and where how much energy was delivered."""

    key: int
    site_id: int
    day: date
    started_at: int
    duration_s: int
    idle_s: int
    energy_wh: int
    grid_gco2e_per_kwh: int
    assurance: int


def _narrowed(
    query: Select[Any],
    connection: Connection,
    wanted: SessionFilter,
    connector_ids: Sequence[int] | None,
    block: int,
    after: int | None,
) -> Select[Any]:
    query = query.where(
        *conditions(connection, wanted),
        sessions.c.status != int(Status.REJECTED),
        sessions.c.id < (block + 1) << LOG_BITS,
    ).order_by(sessions.c.id)
    if connector_ids is not None:
        query = query.where(sessions.c.connector_id.in_(connector_ids))
    return query if after is None else query.where(sessions.c.id > after)


def list_deliveries(
    connection: Connection,
    wanted: SessionFilter,
    connector_ids: Sequence[int] | None,
    block: int,
    after: int | None,
    limit: int,
) -> tuple[tuple[Delivery, ...], int | None]:
    """Return what sessions delivered up to a block, oldest first, and the key that continues it."""
    column = sessions.c
    query = select(
        column.id,
        column.site_id,
        column.settled_day,
        column.started_at,
        column.duration_s,
        column.idle_s,
        column.energy_wh,
        column.grid_gco2e_per_kwh,
        column.assurance,
    )
    query = _narrowed(query, connection, wanted, connector_ids, block, after)
    rows = connection.execute(query.limit(limit + 1)).all()
    days = {row.settled_day: from_day(row.settled_day) for row in rows}
    items = tuple(Delivery._make((*row[:2], days[row[2]], *row[3:])) for row in rows[:limit])
    return items, items[-1].key if len(rows) > limit else None


def list_charged(
    connection: Connection,
    wanted: SessionFilter,
    connector_ids: Sequence[int] | None,
    block: int,
    after: int | None,
    limit: int,
) -> tuple[tuple[ChargedSession, ...], int | None]:
    """Return sessions oldest first up to a block, and the key that continues them."""
    query = select(
        sessions,
        batches.c.evidence_root,
        batches.c.commitment,
        batches.c.tx_hash,
        block_number(batches.c.id).label("block"),
    ).join(batches, batches.c.batch == sessions.c.batch)
    query = _narrowed(query, connection, wanted, connector_ids, block, after)
    rows = connection.execute(query.limit(limit + 1)).all()
    items = tuple(
        ChargedSession(
            key=row.id,
            connector_id=row.connector_id,
            sequence=row.sequence,
            site_id=row.site_id,
            day=from_day(row.settled_day),
            settled_at=row.settled_at,
            word=session_word(row),
            batch=row.batch,
            evidence_root="0x" + row.evidence_root.hex(),
            commitment="0x" + row.commitment.hex(),
            transaction="0x" + row.tx_hash.hex(),
            block=row.block,
        )
        for row in rows[:limit]
    )
    return items, items[-1].key if len(rows) > limit else None


def site_months(
    connection: Connection, owner_id: int, since: date, until: date
) -> dict[tuple[int, int, int], int]:
    """Return the energy (Wh) settled on days `since` to `until` by (site, year, month)."""
    days = settlement_days
    query = (
        select(days.c.site_id, days.c.day, func.sum(days.c.energy_wh))
        .where(days.c.owner_id == owner_id, days.c.day.between(to_day(since), to_day(until)))
        .group_by(days.c.site_id, days.c.day)
    )
    found: dict[tuple[int, int, int], int] = {}
    for site_id, number, energy in connection.execute(query):
        day = from_day(number)
        key = (site_id, day.year, day.month)
        found[key] = found.get(key, 0) + int(energy)
    return found
