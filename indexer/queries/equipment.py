"""What is registered and not used yet, and the first signs of its being used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Row, Table, select

from chargecoin.record import Status as Outcome
from indexer.equipment_figures import Equipment, Evse, FirstSigns, Station
from indexer.figures import Status
from indexer.queries.places import list_connectors, list_sites
from indexer.schema import (
    block_of,
    connectors,
    evses,
    feed_entries,
    sessions,
    sites,
    stations,
    tariffs,
)

_CHUNK: Final = 500


def equipment(connection: Connection, status: Status, owner_id: int) -> Equipment:
    """Return what an owner has registered, each level by id."""
    own_sites = list_sites(connection, owner_id)
    own_connectors = list_connectors(connection, owner_id)
    of_owner = select(stations).join(sites, sites.c.site_id == stations.c.site_id)
    found = connection.execute(
        of_owner.where(sites.c.owner_id == owner_id).order_by(stations.c.station_id)
    ).all()
    parts = connection.execute(
        select(evses)
        .join(stations, stations.c.station_id == evses.c.station_id)
        .join(sites, sites.c.site_id == stations.c.site_id)
        .where(sites.c.owner_id == owner_id)
        .order_by(evses.c.evse)
    ).all()
    site_rows = connection.execute(
        select(sites.c.id, sites.c.site_id).where(sites.c.owner_id == owner_id)
    )
    connector_rows = connection.execute(
        select(connectors.c.id, connectors.c.connector_id)
        .join(evses, evses.c.evse == connectors.c.evse)
        .join(stations, stations.c.station_id == evses.c.station_id)
        .join(sites, sites.c.site_id == stations.c.site_id)
        .where(sites.c.owner_id == owner_id)
    )
    ids = [one.connector_id for one in own_connectors]
    return Equipment(
        sites=own_sites,
        stations=tuple(_to_station(row, status) for row in found),
        evses=tuple(
            Evse(
                row.evse,
                row.station_id,
                row.evse_number,
                row.evse_id,
                status.finality(block_of(row.id)),
            )
            for row in parts
        ),
        connectors=own_connectors,
        sites_final=frozenset(
            row.site_id for row in site_rows if status.finality(block_of(row.id)) == "final"
        ),
        connectors_final=frozenset(
            row.connector_id
            for row in connector_rows
            if status.finality(block_of(row.id)) == "final"
        ),
        priced=_with_first(connection, tariffs, tariffs.c.tariff_index, ids),
        used=_with_first(connection, sessions, sessions.c.sequence, ids),
    )


def _with_first(
    connection: Connection, table: Table, number: Column[int], ids: Sequence[int]
) -> frozenset[int]:
    """Return which connectors have a first row of something that is counted from 1."""
    found: set[int] = set()
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        found.update(
            connection.scalars(
                select(table.c.connector_id).where(table.c.connector_id.in_(part), number == 1)
            )
        )
    return frozenset(found)


def station_named(connection: Connection, status: Status, identity: str) -> Station | None:
    """Return the station that has an OCPP identity."""
    row = connection.execute(select(stations).where(stations.c.identity == identity)).one_or_none()
    return None if row is None else _to_station(row, status)


def _to_station(row: Row[Any], status: Status) -> Station:
    return Station(
        row.station_id,
        row.site_id,
        row.identity,
        row.vendor,
        row.model,
        status.finality(block_of(row.id)),
    )


def first_signs(
    connection: Connection, status: Status, connector_ids: Sequence[int]
) -> tuple[FirstSigns, ...]:
    """Return the first signs of each connector, in the order asked for."""
    return tuple(_signs(connection, status, one) for one in connector_ids)


def _signs(connection: Connection, status: Status, connector_id: int) -> FirstSigns:
    table = feed_entries

    def first(*conditions: ColumnElement[bool]) -> int | None:
        return connection.scalar(
            select(table.c.at)
            .where(table.c.connector_id == connector_id, *conditions)
            .order_by(table.c.at)
            .limit(1)
        )

    rows = (
        select(sessions.c.id, sessions.c.sequence, sessions.c.settled_at)
        .where(sessions.c.connector_id == connector_id)
        .order_by(sessions.c.sequence)
        .limit(1)
    )
    paid = connection.execute(rows.where(sessions.c.status == int(Outcome.SETTLED))).one_or_none()
    return FirstSigns(
        connector_id=connector_id,
        connected_at=first(table.c.status != "Offline"),
        began_at=first(table.c.kind == "session", table.c.status == "Charging"),
        ended_at=first(table.c.kind == "session", table.c.status == "Finishing"),
        recorded=connection.execute(rows).one_or_none() is not None,
        sequence=paid.sequence if paid else None,
        settled_at=paid.settled_at if paid else None,
        finality=status.finality(block_of(paid.id)) if paid else None,
    )
