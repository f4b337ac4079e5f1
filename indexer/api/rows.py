"""From a table's rows to the API's objects: one query for every kind of row that has a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Label, Select, Table, select

from chargecoin import record
from chargecoin.errors import FieldRangeError
from chargecoin.evidence.format import session_hex
from chargecoin.indexer_models import Block, OnChain, Page
from indexer.figures import Finality, Status
from indexer.hours import from_day
from indexer.queries.places import block_number, first_from
from indexer.schema import LOG_BITS, batches, block_of, blocks

M = TypeVar("M", bound=OnChain)
Where = Sequence[ColumnElement[bool]]

_LOG_MASK: Final = (1 << LOG_BITS) - 1


@dataclass(frozen=True, slots=True)
class Resource(Generic[M]):
    """A kind of object: its model, its event table, and the select that fills the model.

    The select names its columns as the model names its fields, but for what every
    object has (`OnChain`) and what `_values` makes of others.
    """

    model: type[M]
    table: Table
    query: Select[Any]


@dataclass(frozen=True, slots=True)
class Span:
    """Which blocks: by time (UTC seconds, `until` excluded), by number, by finality."""

    since: int | None
    until: int | None
    from_block: int | None
    to_block: int | None
    finality: Finality | None


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list: `limit` rows after the one of key `after`, newest first or not."""

    after: int | None
    limit: int
    newest_first: bool


def with_transaction(table: Table, *more: ColumnElement[Any]) -> Select[Any]:
    """Select a table's rows with their block and transaction, which a batch's rows have of it.

    `more` are further columns; one named as the table's takes its place.
    """
    taken = {column.name for column in more if isinstance(column, Label)}
    columns: list[Any] = [
        *(column for column in table.c if column.name not in taken),
        blocks.c.number.label("block_number"),
        blocks.c.hash.label("block_hash"),
        blocks.c.timestamp.label("block_timestamp"),
        *more,
    ]
    if "tx_hash" in table.c:
        query = select(*columns)
    else:
        query = select(*columns, batches.c.tx_hash).join(batches, batches.c.batch == table.c.batch)
    return query.join(blocks, blocks.c.number == block_number(table.c.id))


def page(
    connection: Connection,
    status: Status,
    resource: Resource[M],
    paging: Paging,
    where: Where = (),
    span: Span | None = None,
) -> Page[M]:
    """Return one page of a resource, by key: it costs the same however far down the list."""
    key = resource.table.c.id
    conditions = list(where)
    if span is not None:
        conditions += _within(connection, status, resource.table, span)
    if paging.after is not None:
        conditions.append(key < paging.after if paging.newest_first else key > paging.after)
    query = resource.query.where(*conditions)
    query = query.order_by(key.desc() if paging.newest_first else key).limit(paging.limit + 1)
    rows = connection.execute(query).all()
    items = tuple(to_model(row, resource, status) for row in rows[: paging.limit])
    # Its own class, not `Page[M]`, which would be made anew for every answer.
    return Page.model_construct(
        items=items, after=items[-1].key if len(rows) > paging.limit else None
    )


def one(
    connection: Connection, status: Status, resource: Resource[M], *where: ColumnElement[bool]
) -> M | None:
    """Return the object of which there is at most one."""
    row = connection.execute(resource.query.where(*where)).one_or_none()
    return None if row is None else to_model(row, resource, status)


def to_model(row: Any, resource: Resource[M], status: Status) -> M:
    """Return a row as the model says it."""
    return resource.model.model_construct(
        key=row.id,
        block=Block.model_construct(
            number=row.block_number,
            hash="0x" + row.block_hash.hex(),
            timestamp=row.block_timestamp,
        ),
        transaction="0x" + row.tx_hash.hex(),
        log_index=row.id & _LOG_MASK,
        finality=status.finality(block_of(row.id)),
        **_values(row, resource.model),
    )


def _values(row: Any, model: type[OnChain]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    columns = row._mapping  # noqa: SLF001 -- its public face
    for name in model.model_fields.keys() - OnChain.model_fields.keys():
        match name:
            case "session_id":
                found[name] = session_hex(columns["connector_id"], columns["sequence"])
            case "day":
                found[name] = from_day(columns["settled_day"])
            case _:
                value = columns[name]
                found[name] = "0x" + value.hex() if isinstance(value, bytes) else value
    return found


def split_session(session_id: str) -> tuple[int, int]:
    """Return the connector and sequence of a session's id in hex; zeros if it can be none."""
    try:
        return record.split_session_id(int(session_id, 16))
    except FieldRangeError:
        return 0, 0


def _within(connection: Connection, status: Status, table: Table, span: Span) -> Where:
    """Return a span as conditions on a table's key."""
    low, high = span.from_block, span.to_block
    if span.since is not None:
        low = max(low or 0, first_from(connection, span.since))
    if span.until is not None:
        last = first_from(connection, span.until) - 1
        high = last if high is None else min(high, last)
    if span.finality == "final":
        high = min(_NEVER if high is None else high, status.final_number)
    if span.finality == "safe":
        high = min(_NEVER if high is None else high, status.safe_number)
    where = []
    if low is not None:
        where.append(table.c.id >= min(low, _NEVER) << LOG_BITS)
    if high is not None:
        where.append(table.c.id < (min(high, _NEVER) + 1) << LOG_BITS)
    return where


# No block has this number; shifted to a key, it still fits 63 bits.
_NEVER: Final = (1 << 42) - 1
