"""An owner's accrual over a span: where it stood, what moved it, what was in it of fee and VAT.

A span is one of row ids, which are in the order of the chain: whatever its length, it costs
what it holds.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select, union_all

from chargecoin.record import Status as SessionStatus
from indexer.figures import Payout, Status
from indexer.money_figures import Entry, EntryKind, Span, SpanLine
from indexer.queries.books import entry, list_payouts
from indexer.queries.places import with_block
from indexer.schema import LOG_BITS, collections, owner_entries, refunds, sessions, tariffs

_SUMMED: Final = ("sessions", "earned", "fee", "amount", "debt_change")


def final_below(status: Status) -> int:
    """Return the row id below which everything is final."""
    return (status.final_number + 1) << LOG_BITS if status.number else 0


def span(connection: Connection, owner_id: int, low: int, high: int, final: int) -> Span:
    """Return an owner's accrual over the rows [low, high), of which those below `final` count.

    Before and at its ends too: a span that begins after the last final row opens with that.
    """
    low_final, until = min(low, final), min(high, final)
    lines: defaultdict[EntryKind, list[int]] = defaultdict(lambda: [0] * (1 + len(_SUMMED)))
    table = owner_entries
    query = select(table.c.kind, *(table.c[name] for name in _SUMMED)).where(
        table.c.owner_id == owner_id, table.c.id >= low, table.c.id < until
    )
    # Added up here: amounts of 256 bits are text where the database has no such integers.
    for kind, *values in connection.execute(query):
        for index, value in enumerate((1, *values)):
            lines[kind][index] += value
    left_out = connection.execute(
        select(table.c.amount).where(
            table.c.owner_id == owner_id, table.c.id >= max(low, until), table.c.id < high
        )
    ).all()
    received, vat, fee = _within(connection, owner_id, low, until)
    return Span(
        keys=(low_final, until),
        last_block=max(0, (until >> LOG_BITS) - 1),
        opening=_standing(connection, owner_id, low_final),
        closing=_standing(connection, owner_id, until),
        lines=tuple(SpanLine(kind, *sums) for kind, sums in sorted(lines.items())),
        received=received,
        vat=vat,
        fee=fee,
        not_final=(len(left_out), sum(row.amount for row in left_out)),
    )


def payout(
    connection: Connection, status: Status, owner_id: int, transaction: bytes
) -> tuple[Payout, Span] | None:
    """Return what a transaction paid an owner, and the span since the payout before it."""
    found, _ = list_payouts(connection, status, owner_id, None, 1, transaction)
    if not found:
        return None
    at = found[0].provenance
    key = (at.block_number << LOG_BITS) + at.log_index
    table = owner_entries
    before = connection.execute(
        select(func.max(table.c.id)).where(
            table.c.owner_id == owner_id,
            table.c.id < key,
            table.c.kind.in_(("paid_out", "withdrawn")),
        )
    ).scalar_one()
    low = 0 if before is None else before + 1
    # Whether it is final is said of the payout itself.
    return found[0], span(connection, owner_id, low, key + 1, key + 1)


def _standing(connection: Connection, owner_id: int, key: int) -> tuple[int, int]:
    """Return an owner's accrual and debt before a row."""
    table = owner_entries
    row = connection.execute(
        select(table.c.balance, table.c.debt)
        .where(table.c.owner_id == owner_id, table.c.id < key)
        .order_by(table.c.id.desc())
        .limit(1)
    ).one_or_none()
    return (0, 0) if row is None else (row.balance, row.debt)


def _within(connection: Connection, owner_id: int, low: int, high: int) -> tuple[int, int, int]:
    """Return what was received for sessions, the VAT in it and the fee of it, less refunds.

    VAT is rounded half up within each booking, as `chargecoin.tariff.vat_part` does.
    """

    def of(table: Any, received: Any, fee: Any, sign: int) -> Select[Any]:
        rate = func.coalesce(tariffs.c.vat_bps, 0)
        whole = 10_000 + rate
        vat = (2 * received * rate + whole) // (2 * whole)
        query = select(
            func.sum(sign * received).label("received"),
            func.sum(sign * vat).label("vat"),
            func.sum(sign * fee).label("fee"),
        )
        if table is sessions:
            joined: Any = sessions
        else:
            joined = table.join(
                sessions,
                (sessions.c.connector_id == table.c.connector_id)
                & (sessions.c.sequence == table.c.sequence),
            )
        return query.select_from(
            joined.outerjoin(
                tariffs,
                (tariffs.c.connector_id == sessions.c.connector_id)
                & (tariffs.c.tariff_index == sessions.c.tariff_index),
            )
        ).where(table.c.owner_id == owner_id, table.c.id >= low, table.c.id < high)

    moved = (sessions.c.status != int(SessionStatus.REJECTED), sessions.c.payer != 0)
    both = union_all(
        of(sessions, sessions.c.paid + sessions.c.campaign_paid, sessions.c.fee, 1).where(*moved),
        of(collections, collections.c.amount, collections.c.fee, 1),
        of(refunds, refunds.c.to_payer + refunds.c.to_campaign, refunds.c.fee_back, -1),
    )
    found = [
        [int(value or 0) for value in (row.received, row.vat, row.fee)]
        for row in connection.execute(both)
    ]
    received, vat, fee = (sum(column) for column in zip(*found, strict=True))
    return received, vat, fee


def entries(
    connection: Connection,
    status: Status,
    owner_id: int,
    keys: tuple[int, int],
    after: int | None,
    limit: int,
) -> tuple[tuple[Entry, ...], int | None]:
    """Return a span's entries oldest first, and the key that continues them."""
    low, high = keys
    table = owner_entries
    query = with_block(table).where(
        table.c.owner_id == owner_id,
        table.c.id >= low if after is None else table.c.id > after,
        table.c.id < high,
    )
    rows = connection.execute(query.order_by(table.c.id).limit(limit + 1)).all()
    found = tuple(entry(row, status) for row in rows[:limit])
    return found, found[-1].key if len(rows) > limit else None
