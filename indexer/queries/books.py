"""An owner's statement, payouts and where they go, refunds and disputes."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, func, literal, select, union_all

from chargecoin.deployments import NO_ADDRESS
from chargecoin.record import session_id, split_session_id
from chargecoin.windows import RULING_WINDOW_S, window_end
from indexer.figures import Payout, Status
from indexer.money_figures import (
    Dispute,
    DisputeState,
    Entry,
    EntryKind,
    PayoutFailure,
    PayoutPlan,
    Refund,
)
from indexer.queries.places import block_number, ids_within, provenance, with_block
from indexer.schema import (
    accrual_withdrawals,
    blocks,
    destinations,
    dispute_answers,
    dispute_closings,
    dispute_entries,
    dispute_rulings,
    disputes,
    owner_entries,
    pauses,
    payout_failures,
    payout_schedules,
    payouts,
    refunds,
    sunsets,
)

FOR_GOOD: Final = (1 << 32) - 1
_STATES: Final[dict[int, DisputeState]] = {
    1: "upheld",
    2: "dismissed",
    3: "conceded",
    4: "lapsed",
}


def _page(
    connection: Connection, query: Any, key: Any, after: int | None, limit: int
) -> tuple[list[Row[Any]], int | None]:
    """Return rows newest first by an id, and the key that continues them."""
    if after is not None:
        query = query.where(key < after)
    rows = list(connection.execute(query.order_by(key.desc()).limit(limit + 1)))
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def statement(
    connection: Connection,
    status: Status,
    owner_id: int,
    after: int | None,
    limit: int,
    kinds: Sequence[EntryKind] = (),
    times: tuple[int, int] | None = None,
) -> tuple[tuple[Entry, ...], int | None]:
    """Return an owner's entries newest first, and the key that continues them.

    `kinds` and `times`, [from, to) in UTC seconds of the block, narrow them.
    """
    table = owner_entries
    query = with_block(table).where(table.c.owner_id == owner_id)
    if kinds:
        query = query.where(table.c.kind.in_(kinds))
    if times is not None:
        low, high = ids_within(connection, times)
        query = query.where(table.c.id >= low, table.c.id < high)
    rows, further = _page(connection, query, table.c.id, after, limit)
    return tuple(entry(row, status) for row in rows), further


def entry(row: Row[Any], status: Status) -> Entry:
    """Return a row of `owner_entries` with its block."""
    return Entry(
        key=row.id,
        kind=row.kind,
        reference=row.reference,
        sessions=row.sessions,
        earned=row.earned,
        fee=row.fee,
        amount=row.amount,
        debt_change=row.debt_change,
        balance=row.balance,
        debt=row.debt,
        provenance=provenance(row, status),
    )


def list_payouts(
    connection: Connection,
    status: Status,
    owner_id: int,
    after: int | None,
    limit: int,
    transaction: bytes | None = None,
) -> tuple[tuple[Payout, ...], int | None]:
    """Return what left an owner's accrual for it, newest first, and the key that continues it.

    Of one transaction, where that is given.
    """

    def of(table: Table, kind: str, reference: Any) -> Any:
        columns = (table.c.id, table.c.recipient, table.c.amount, table.c.tx_hash)
        query = select(*columns, reference.label("reference"), literal(kind).label("kind"))
        if transaction is not None:
            query = query.where(table.c.tx_hash == transaction)
        return query.where(table.c.owner_id == owner_id)

    both = union_all(
        of(payouts, "paid_out", payouts.c.reference),
        of(accrual_withdrawals, "withdrawn", literal(bytes(32))),
    ).subquery()
    query = select(
        both,
        blocks.c.number.label("block_number"),
        blocks.c.hash.label("block_hash"),
        blocks.c.timestamp.label("block_timestamp"),
    ).join(blocks, blocks.c.number == block_number(both.c.id))
    rows, further = _page(connection, query, both.c.id, after, limit)
    found = (
        Payout(
            amount=row.amount,
            recipient=row.recipient,
            provenance=provenance(row, status),
            kind=row.kind,
            reference="0x" + row.reference.hex(),
        )
        for row in rows
    )
    return tuple(found), further


def list_failures(
    connection: Connection, status: Status, owner_id: int, limit: int
) -> tuple[PayoutFailure, ...]:
    """Return an owner's refused payouts, newest first."""
    table = payout_failures
    query = with_block(table).where(table.c.owner_id == owner_id)
    rows, _ = _page(connection, query, table.c.id, None, limit)
    return tuple(PayoutFailure(row.amount, row.recipient, provenance(row, status)) for row in rows)


def plan(connection: Connection, owner_id: int, now: int) -> PayoutPlan:
    """Return when and where an owner is paid at `now`, by what was set until then."""
    schedule = _newest(connection, payout_schedules, owner_id)
    set_ones = connection.execute(
        with_block(destinations)
        .where(destinations.c.owner_id == owner_id, blocks.c.timestamp <= now)
        .order_by(destinations.c.id)
    ).all()
    newest = set_ones[-1] if set_ones else None
    waiting = newest if newest is not None and newest.effective_at > now else None
    # One that another replaced before its time never counted.
    replaced = (*(row.block_timestamp for row in set_ones[1:]), now)
    counted = (
        row for row, until in zip(set_ones, replaced, strict=False) if row.effective_at <= until
    )
    force = max(counted, key=lambda row: row.id, default=None)
    paid = with_block(payouts).where(payouts.c.owner_id == owner_id)
    last = connection.execute(paid.order_by(payouts.c.id.desc()).limit(1)).one_or_none()
    return PayoutPlan(
        cycle=0 if schedule is None else schedule.cycle,
        threshold=0 if schedule is None else schedule.threshold,
        destination=_recipient(force),
        reference=_reference(force),
        pending=_recipient(waiting),
        pending_reference=_reference(waiting),
        effective_at=None if waiting is None else waiting.effective_at,
        last_paid_at=None if last is None else last.block_timestamp,
    )


def _newest(connection: Connection, table: Table, owner_id: int) -> Row[Any] | None:
    query = select(table).where(table.c.owner_id == owner_id)
    return connection.execute(query.order_by(table.c.id.desc()).limit(1)).one_or_none()


def _recipient(row: Row[Any] | None) -> str | None:
    return None if row is None or row.recipient == NO_ADDRESS else str(row.recipient)


def _reference(row: Row[Any] | None) -> str:
    return "0x" + (bytes(32) if row is None else row.reference).hex()


def list_refunds(
    connection: Connection,
    status: Status,
    owner_id: int | None,
    session: int | None,
    after: int | None,
    limit: int,
) -> tuple[tuple[Refund, ...], int | None]:
    """Return refunds newest first, of an owner or a session, and the key that continues them."""
    query = with_block(refunds)
    if owner_id is not None:
        query = query.where(refunds.c.owner_id == owner_id)
    if session is not None:
        connector_id, sequence = split_session_id(session)
        query = query.where(refunds.c.connector_id == connector_id, refunds.c.sequence == sequence)
    rows, further = _page(connection, query, refunds.c.id, after, limit)
    return _to_refunds(rows, status), further


def refunds_by_id(
    connection: Connection, status: Status, ids: AbstractSet[int]
) -> dict[int, Refund]:
    """Return refunds by the ids of their rows."""
    if not ids:
        return {}
    rows = connection.execute(with_block(refunds).where(refunds.c.id.in_(ids))).all()
    return dict(zip((row.id for row in rows), _to_refunds(rows, status), strict=True))


def _to_refunds(rows: Sequence[Row[Any]], status: Status) -> tuple[Refund, ...]:
    return tuple(
        Refund(
            session_id=session_id(row.connector_id, row.sequence),
            owner_id=row.owner_id,
            account=row.account,
            campaign_id=row.campaign_id,
            dispute=row.dispute,
            waived=row.waived,
            to_payer=row.to_payer,
            to_campaign=row.to_campaign,
            fee_back=row.fee_back,
            reason=row.reason,
            provenance=provenance(row, status),
        )
        for row in rows
    )


def list_disputes(
    connection: Connection,
    status: Status,
    where: dict[str, int],
    after: int | None,
    limit: int,
) -> tuple[tuple[Dispute, ...], int | None]:
    """Return disputes newest first whose columns are as told, and the key that continues them."""
    query = with_block(disputes)
    for name, value in where.items():
        query = query.where(disputes.c[name] == value)
    rows, further = _page(connection, query, disputes.c.id, after, limit)
    return _to_disputes(connection, rows, status), further


def disputes_by_id(
    connection: Connection, status: Status, ids: AbstractSet[int]
) -> dict[int, Dispute]:
    """Return disputes by the ids of their rows."""
    if not ids:
        return {}
    rows = connection.execute(with_block(disputes).where(disputes.c.id.in_(ids))).all()
    return dict(zip((row.id for row in rows), _to_disputes(connection, rows, status), strict=True))


def paused_until(connection: Connection) -> int:
    """Return what settlement says of its last pause: its end, UTC seconds, 0 if there was none.

    2**32 - 1 once nothing is settled there any more: then no window stands still.
    """
    if connection.scalar(select(sunsets.c.id).limit(1)) is not None:
        return FOR_GOOD
    last = connection.scalar(select(pauses.c.paused_until).order_by(pauses.c.id.desc()).limit(1))
    return int(last or 0)


def _to_disputes(
    connection: Connection, rows: Sequence[Row[Any]], status: Status
) -> tuple[Dispute, ...]:
    paused = paused_until(connection)
    numbers = [row.dispute for row in rows]
    answers = _by_dispute(connection, dispute_answers, numbers)
    rulings = _by_dispute(connection, dispute_rulings, numbers)
    closings = _by_dispute(connection, dispute_closings, numbers)
    holds = _by_dispute(connection, dispute_entries, numbers)
    found = []
    for row in rows:
        answer, ruling = answers.get(row.dispute), rulings.get(row.dispute)
        closing, hold = closings.get(row.dispute), holds[row.dispute]
        found.append(
            Dispute(
                dispute=row.dispute,
                session_id=session_id(row.connector_id, row.sequence),
                owner_id=row.owner_id,
                account=row.account,
                state="open" if closing is None else _STATES[closing.result],
                amount=row.amount,
                bond=row.bond,
                reason=row.reason,
                # As logged, the pauses are in it that had begun by then.
                deadline=max(
                    row.deadline, window_end(row.block_timestamp, RULING_WINDOW_S, paused)
                ),
                hold=hold.hold,
                short=hold.short,
                owed=hold.owed,
                refunded=hold.refunded,
                answer=None if answer is None else "0x" + answer.statement.hex(),
                ruling=None if ruling is None else ruling.refund,
                ruling_reason=None if ruling is None else "0x" + ruling.reason.hex(),
                closed_at=None if closing is None else closing.block_timestamp,
                provenance=provenance(row, status),
            )
        )
    return tuple(found)


def _by_dispute(connection: Connection, table: Table, numbers: list[int]) -> dict[int, Row[Any]]:
    """Return each dispute's newest row."""
    query = with_block(table).where(table.c.dispute.in_(numbers)).order_by(table.c.id)
    return {row.dispute: row for row in connection.execute(query)}


def open_disputes(connection: Connection, owner_id: int) -> tuple[int, int]:
    """Return how many disputes of an owner are open, and what is put aside for all of them."""
    table = dispute_entries
    newest = (
        select(func.max(table.c.id).label("id"))
        .where(table.c.owner_id == owner_id)
        .group_by(table.c.dispute)
        .subquery()
    )
    rows = connection.execute(
        select(table.c.open, table.c.hold).join(newest, newest.c.id == table.c.id)
    ).all()
    return sum(1 for row in rows if row.open), sum(row.hold for row in rows)
