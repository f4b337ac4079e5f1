"""Owners, sites, connectors, tariffs and meter keys, as the registry's events state them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    ScalarSelect,
    Select,
    Table,
    bindparam,
    func,
    literal,
    select,
)

from chargecoin.tariff import Tariff as TariffSlot
from indexer.database import asked_once
from indexer.figures import Connector, MeterKey, Owner, Provenance, Site, Status, Tariff
from indexer.hours import is_zone
from indexer.schema import (
    LOG_BITS,
    blocks,
    connectors,
    evses,
    meter_key_revocations,
    meter_key_vouchings,
    meter_keys,
    owner_accounts,
    owners,
    sites,
    stations,
    tariffs,
)


def block_number(identifier: ColumnElement[int]) -> ColumnElement[int]:
    """Return the block that a row's id names. PostgreSQL shifts by 32-bit integers only."""
    return identifier.bitwise_rshift(literal(LOG_BITS, Integer()))


@cache
def _first_of_each(count: int) -> Select[Any]:
    # In the order of the index on times: for the least number, a database reads all that follow.
    def first(at: int) -> ScalarSelect[int]:
        query = select(blocks.c.number).where(blocks.c.timestamp >= bindparam(f"time{at}"))
        return query.order_by(blocks.c.timestamp, blocks.c.number).limit(1).scalar_subquery()

    return select(select(func.max(blocks.c.number)).scalar_subquery(), *map(first, range(count)))


def first_of_each(connection: Connection, times: Sequence[int]) -> list[int]:
    """Return the first block of each time (UTC seconds) or later; after the last if none is."""
    values = {f"time{at}": time for at, time in enumerate(times)}
    last, *found = connection.execute(_first_of_each(len(times)), values).one()
    after = 0 if last is None else last + 1
    return [after if number is None else number for number in found]


@asked_once
def first_from(connection: Connection, time: int) -> int:
    """Return the first block of this time (UTC seconds) or later; after the last if none is."""
    return first_of_each(connection, (time,))[0]


def ids_within(connection: Connection, times: tuple[int, int]) -> tuple[int, int]:
    """Return the row ids, [from, to), of blocks with a time in [from, to), UTC seconds."""
    low, high = (number << LOG_BITS for number in first_of_each(connection, times))
    return low, high


def with_block(table: Table) -> Select[Any]:
    """Select a table's rows each with its block, for `provenance`."""
    return select(
        table,
        blocks.c.number.label("block_number"),
        blocks.c.hash.label("block_hash"),
        blocks.c.timestamp.label("block_timestamp"),
    ).join(blocks, blocks.c.number == block_number(table.c.id))


def provenance(row: Row[Any], status: Status, transaction: bytes | None = None) -> Provenance:
    """Return where a row of `with_block` stands; `transaction` where the row itself has none."""
    return Provenance(
        block_number=row.block_number,
        block_hash="0x" + row.block_hash.hex(),
        block_timestamp=row.block_timestamp,
        log_index=row.id & ((1 << LOG_BITS) - 1),
        transaction="0x" + (transaction or row.tx_hash).hex(),
        finality=status.finality(row.block_number),
    )


def list_owners(connection: Connection) -> tuple[Owner, ...]:
    """Return all owners by id."""
    found = connection.execute(select(owners).order_by(owners.c.owner_id))
    changed = _accounts(connection)
    return tuple(
        Owner(row.owner_id, changed.get(row.owner_id, row.account), row.name) for row in found
    )


@asked_once
def one_owner(connection: Connection, owner_id: int) -> Owner | None:
    """Return one owner."""
    row = connection.execute(select(owners).where(owners.c.owner_id == owner_id)).one_or_none()
    if row is None:
        return None
    changed = _accounts(connection, owner_accounts.c.owner_id == owner_id)
    return Owner(owner_id, changed.get(owner_id, row.account), row.name)


def _accounts(connection: Connection, *where: ColumnElement[bool]) -> dict[int, str]:
    """Return the account in force of each owner that changed it."""
    rows = connection.execute(select(owner_accounts).where(*where).order_by(owner_accounts.c.id))
    return {row.owner_id: row.account for row in rows}


@cache
def _sites() -> Select[Any]:
    count_stations = (
        select(func.count())
        .where(stations.c.site_id == sites.c.site_id)
        .correlate(sites)
        .scalar_subquery()
    )
    count_connectors = (
        select(func.count())
        .select_from(
            stations.join(evses, evses.c.station_id == stations.c.station_id).join(
                connectors, connectors.c.evse == evses.c.evse
            )
        )
        .where(stations.c.site_id == sites.c.site_id)
        .correlate(sites)
        .scalar_subquery()
    )
    return select(
        sites, count_stations.label("stations"), count_connectors.label("connectors")
    ).order_by(sites.c.site_id)


@asked_once
def list_sites(connection: Connection, owner_id: int | None = None) -> tuple[Site, ...]:
    """Return an owner's sites, or all, by id."""
    query = _sites() if owner_id is None else _sites().where(sites.c.owner_id == owner_id)
    return tuple(
        Site(
            site_id=row.site_id,
            owner_id=row.owner_id,
            name=row.name,
            time_zone=row.time_zone,
            time_zone_known=is_zone(row.time_zone),
            country=row.country,
            grid_zone=row.grid_zone,
            stations=row.stations,
            connectors=row.connectors,
        )
        for row in connection.execute(query)
    )


@cache
def _connectors() -> Select[Any]:
    return (
        select(
            connectors,
            evses.c.evse_number,
            evses.c.evse_id,
            stations.c.station_id,
            stations.c.identity.label("station_identity"),
            stations.c.vendor,
            stations.c.model,
            sites.c.site_id,
            sites.c.name.label("site_name"),
            sites.c.time_zone,
            sites.c.owner_id,
        )
        .join(evses, evses.c.evse == connectors.c.evse)
        .join(stations, stations.c.station_id == evses.c.station_id)
        .join(sites, sites.c.site_id == stations.c.site_id)
    )


_CONNECTOR: Final = attrgetter(*Connector.__dataclass_fields__)


def _to_connector(row: Row[Any]) -> Connector:
    return Connector(*_CONNECTOR(row))


_BY_PLACE: Final = (sites.c.site_id, stations.c.station_id, connectors.c.connector_id)


@asked_once
def list_connectors(
    connection: Connection, owner_id: int | None = None, site_id: int | None = None
) -> tuple[Connector, ...]:
    """Return the connectors of an owner, of a site, or all, by site, station and number."""
    query = _connectors().order_by(*_BY_PLACE)
    if owner_id is not None:
        query = query.where(sites.c.owner_id == owner_id)
    if site_id is not None:
        query = query.where(sites.c.site_id == site_id)
    return tuple(_to_connector(row) for row in connection.execute(query))


def list_beside(connection: Connection, connector_ids: Sequence[int]) -> tuple[Connector, ...]:
    """Return all connectors of the owners of some connectors, by site, station and number."""
    some = _connectors().where(connectors.c.connector_id.in_(connector_ids))
    owner_ids = some.with_only_columns(sites.c.owner_id)
    query = _connectors().where(sites.c.owner_id.in_(owner_ids)).order_by(*_BY_PLACE)
    return tuple(_to_connector(row) for row in connection.execute(query))


def one_connector(connection: Connection, connector_id: int) -> Connector | None:
    """Return one connector."""
    row = connection.execute(
        _connectors().where(connectors.c.connector_id == connector_id)
    ).one_or_none()
    return None if row is None else _to_connector(row)


def _to_tariff(row: Row[Any], status: Status) -> Tariff:
    return Tariff(
        connector_id=row.connector_id,
        tariff_index=row.tariff_index,
        slot=int.from_bytes(row.tariff, "big"),
        vat_bps=row.vat_bps,
        terms_hash="0x" + row.terms_hash.hex(),
        provenance=provenance(row, status),
    )


def list_tariffs(connection: Connection, status: Status, connector_id: int) -> tuple[Tariff, ...]:
    """Return a connector's tariffs as published, by index."""
    query = with_block(tariffs).where(tariffs.c.connector_id == connector_id)
    found = connection.execute(query.order_by(tariffs.c.tariff_index))
    return tuple(_to_tariff(row, status) for row in found)


def tariff_at(connection: Connection, status: Status, connector_id: int, at: int) -> Tariff | None:
    """Return the tariff in force at `at`: the last one that began by then, if it has not ended.

    Each ends the one before (docs/protocol.md, section 3).
    """
    begun = [
        one
        for one in list_tariffs(connection, status, connector_id)
        if TariffSlot.decode(one.slot).valid_from <= at
    ]
    newest = max(begun, key=lambda one: one.tariff_index, default=None)
    if newest is None or at >= TariffSlot.decode(newest.slot).valid_to:
        return None
    return newest


def one_tariff(
    connection: Connection, status: Status, connector_id: int, index: int
) -> Tariff | None:
    """Return one tariff as published."""
    row = connection.execute(
        with_block(tariffs).where(
            tariffs.c.connector_id == connector_id, tariffs.c.tariff_index == index
        )
    ).one_or_none()
    return None if row is None else _to_tariff(row, status)


def list_meter_keys(connection: Connection, connector_id: int) -> tuple[MeterKey, ...]:
    """Return a connector's meter keys in the order they were entered, each with its voucher now."""
    added = connection.execute(
        select(meter_keys)
        .where(meter_keys.c.connector_id == connector_id)
        .order_by(meter_keys.c.id)
    ).all()
    vouched = {
        row.fingerprint: row
        for row in connection.execute(
            select(meter_key_vouchings)
            .where(meter_key_vouchings.c.connector_id == connector_id)
            .order_by(meter_key_vouchings.c.id)
        )
    }
    revoked = {
        row.fingerprint: row.block_timestamp
        for row in connection.execute(
            with_block(meter_key_revocations).where(
                meter_key_revocations.c.connector_id == connector_id
            )
        )
    }
    return tuple(
        MeterKey(
            connector_id=connector_id,
            fingerprint="0x" + row.fingerprint.hex(),
            curve=row.curve,
            public_key="0x" + row.public_key.hex(),
            voucher_kind=vouched.get(row.fingerprint, row).voucher_kind,
            voucher=vouched.get(row.fingerprint, row).voucher,
            valid_from=row.valid_from,
            revoked_at=revoked.get(row.fingerprint),
        )
        for row in added
    )
