"""Sessions and batches: lists by keyset, newest first, and one of each in full."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from chargecoin import record
from indexer.figures import Status
from indexer.hours import DAY_S, from_day, to_day
from indexer.queries.places import (
    block_number,
    first_from,
    one_connector,
    one_tariff,
    provenance,
    with_block,
)
from indexer.rows import outcome_word, session_word
from indexer.schema import (
    LOG_BITS,
    Int,
    batches,
    block_of,
    collections,
    connectors,
    evses,
    not_settled,
    refunds,
    sessions,
    sites,
    stations,
    with_campaign,
    with_payer,
)
from indexer.session_figures import Batch, Collection, SessionDetail, SessionFilter, SessionRow

# A site's calendar is at most this far from UTC.
_WIDEST_OFFSET: Final = timedelta(hours=15)


@cache
def _rows() -> Select[Any]:
    """Select sessions with their place. Outer joins: a rejected session may name no connector."""
    collected = (
        select(func.coalesce(func.sum(collections.c.amount), 0))
        .where(
            collections.c.connector_id == sessions.c.connector_id,
            collections.c.sequence == sessions.c.sequence,
        )
        .correlate(sessions)
        .scalar_subquery()
    )
    refunded = _refunded(refunds.c.to_payer + refunds.c.to_campaign)
    return (
        select(
            sessions,
            collected.label("collected"),
            refunded.label("refunded"),
            _refunded(refunds.c.waived).label("waived"),
            connectors.c.connector_number,
            stations.c.identity.label("station_identity"),
            sites.c.name.label("site_name"),
            sites.c.time_zone,
        )
        .outerjoin(connectors, connectors.c.connector_id == sessions.c.connector_id)
        .outerjoin(evses, evses.c.evse == connectors.c.evse)
        .outerjoin(stations, stations.c.station_id == evses.c.station_id)
        .outerjoin(sites, sites.c.site_id == stations.c.site_id)
    )


def _refunded(amount: ColumnElement[int]) -> Any:
    return (
        select(func.coalesce(func.sum(amount), 0))
        .where(
            refunds.c.connector_id == sessions.c.connector_id,
            refunds.c.sequence == sessions.c.sequence,
        )
        .correlate(sessions)
        .scalar_subquery()
    )


def _to_row(row: Row[Any], status: Status) -> SessionRow:
    return SessionRow(
        session_id=record.session_id(row.connector_id, row.sequence),
        key=row.id,
        connector_id=row.connector_id,
        sequence=row.sequence,
        station_identity=row.station_identity or "",
        connector_number=row.connector_number or 0,
        site_id=row.site_id,
        site_name=row.site_name or "",
        time_zone=row.time_zone or "UTC",
        owner_id=row.owner_id,
        started_at=row.started_at,
        duration_s=row.duration_s,
        idle_s=row.idle_s,
        energy_wh=row.energy_wh,
        grid_gco2e_per_kwh=row.grid_gco2e_per_kwh,
        renewable_pct=row.renewable_pct,
        gross=row.gross,
        paid=row.paid,
        campaign_paid=row.campaign_paid,
        fee=row.fee,
        debt=row.debt,
        collected=int(row.collected),
        campaign_id=row.campaign_id,
        discount=row.discount,
        refunded=int(row.refunded),
        waived=int(row.waived),
        assurance=row.assurance,
        status=row.status,
        reason=row.reason,
        flags=row.flags,
        settled_at=row.settled_at,
        day=from_day(row.settled_day),
        finality=status.finality(block_of(row.id)),
    )


def of_batch(number: int) -> tuple[ColumnElement[bool], ...]:
    """Return what narrows sessions to a batch: those of one block, so that it needs no index."""
    block = select(block_number(batches.c.id)).where(batches.c.batch == number).scalar_subquery()
    size = literal(1 << LOG_BITS, Int)
    return (
        sessions.c.batch == number,
        sessions.c.id >= block * size,
        sessions.c.id < (block + 1) * size,
    )


def conditions(connection: Connection, wanted: SessionFilter) -> list[ColumnElement[bool]]:
    """Return a filter as conditions on `sessions`."""
    found: list[ColumnElement[bool]] = []
    for column in ("owner_id", "site_id", "connector_id", "status", "reason", "assurance"):
        value = getattr(wanted, column)
        if value is not None:
            found.append(sessions.c[column] == value)
    if wanted.batch is not None:
        found += of_batch(wanted.batch)
    if wanted.campaign_id is not None:
        # The second says nothing new: by its words the index of the few is found.
        found += [sessions.c.campaign_id == wanted.campaign_id, with_campaign]
    if wanted.payer is not None:
        # In the same way.
        found += [sessions.c.payer == wanted.payer, with_payer]
    if wanted.exceptions:
        found.append(not_settled)
    if wanted.since is not None:
        found.append(sessions.c.settled_day >= to_day(wanted.since))
        moment = to_day(wanted.since) * DAY_S - int(_WIDEST_OFFSET.total_seconds())
        found.append(sessions.c.id >= first_from(connection, moment) << LOG_BITS)
    if wanted.until is not None:
        found.append(sessions.c.settled_day <= to_day(wanted.until))
        moment = (to_day(wanted.until) + 1) * DAY_S + int(_WIDEST_OFFSET.total_seconds())
        found.append(sessions.c.id < first_from(connection, moment + 1) << LOG_BITS)
    return found


def list_sessions(
    connection: Connection,
    status: Status,
    wanted: SessionFilter,
    after: int | None,
    limit: int,
) -> tuple[tuple[SessionRow, ...], int | None]:
    """Return sessions newest first, and the key that continues them."""
    query = _rows().where(*conditions(connection, wanted))
    if after is not None:
        query = query.where(sessions.c.id < after)
    rows = connection.execute(query.order_by(sessions.c.id.desc()).limit(limit + 1)).all()
    items = tuple(_to_row(row, status) for row in rows[:limit])
    return items, items[-1].key if len(rows) > limit else None


def sessions_by_id(
    connection: Connection, status: Status, ids: AbstractSet[int]
) -> list[SessionRow]:
    """Return sessions by the ids of their rows."""
    if not ids:
        return []
    rows = connection.execute(_rows().where(sessions.c.id.in_(ids)))
    return [_to_row(row, status) for row in rows]


def sessions_named(
    connection: Connection, status: Status, session_ids: AbstractSet[int]
) -> list[SessionRow]:
    """Return sessions by their session ids."""
    sequences: dict[int, list[int]] = {}
    for connector_id, sequence in map(record.split_session_id, session_ids):
        sequences.setdefault(connector_id, []).append(sequence)
    if not sequences:
        return []
    # By connector: SQLite finds no index for a list of pairs.
    places = (
        and_(sessions.c.connector_id == connector_id, sessions.c.sequence.in_(wanted))
        for connector_id, wanted in sequences.items()
    )
    query = _rows().where(or_(*places))
    return [_to_row(row, status) for row in connection.execute(query)]


def one_session(connection: Connection, status: Status, session_id: int) -> SessionDetail | None:
    """Return everything the chain says of one session."""
    connector_id, sequence = record.split_session_id(session_id)
    row = connection.execute(
        _rows().where(sessions.c.connector_id == connector_id, sessions.c.sequence == sequence)
    ).one_or_none()
    if row is None:
        return None
    batch = connection.execute(with_block(batches).where(batches.c.batch == row.batch)).one()
    block = connection.execute(with_block(sessions).where(sessions.c.id == row.id)).one()
    paid_later = connection.execute(
        with_block(collections)
        .where(
            tuple_(collections.c.connector_id, collections.c.sequence)
            == tuple_(connector_id, sequence)
        )
        .order_by(collections.c.id)
    )
    return SessionDetail(
        row=_to_row(row, status),
        word=session_word(row),
        outcome=outcome_word(row),
        payer=row.payer,
        campaign_id=row.campaign_id,
        hour_of_week=row.hour_of_week,
        grid_gco2e_per_kwh=row.grid_gco2e_per_kwh,
        renewable_pct=row.renewable_pct,
        recorded_gross=row.recorded_gross,
        tariff_index=row.tariff_index,
        tariff=one_tariff(connection, status, connector_id, row.tariff_index),
        connector=one_connector(connection, connector_id),
        batch=row.batch,
        epoch=batch.epoch,
        evidence_root="0x" + batch.evidence_root.hex(),
        commitment="0x" + batch.commitment.hex(),
        submitter=batch.submitter,
        provenance=provenance(block, status, batch.tx_hash),
        collections=tuple(
            Collection(one.amount, one.fee, one.account, provenance(one, status))
            for one in paid_later
        ),
    )


def _to_batch(row: Row[Any], status: Status) -> Batch:
    return Batch(
        batch=row.batch,
        epoch=row.epoch,
        sessions=row.sessions,
        evidence_root="0x" + row.evidence_root.hex(),
        commitment="0x" + row.commitment.hex(),
        submitter=row.submitter,
        provenance=provenance(row, status),
    )


def list_batches(
    connection: Connection, status: Status, after: int | None, limit: int
) -> tuple[tuple[Batch, ...], int | None]:
    """Return batches newest first, and the key that continues them."""
    query = with_block(batches)
    if after is not None:
        query = query.where(batches.c.batch < after)
    rows = connection.execute(query.order_by(batches.c.batch.desc()).limit(limit + 1)).all()
    items = tuple(_to_batch(row, status) for row in rows[:limit])
    return items, items[-1].batch if len(rows) > limit else None


def one_batch(connection: Connection, status: Status, batch: int) -> Batch | None:
    """Return one batch by number."""
    row = connection.execute(with_block(batches).where(batches.c.batch == batch)).one_or_none()
    return None if row is None else _to_batch(row, status)
