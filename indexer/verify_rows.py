"""The rollups and the books against the rows that they follow from. Asks no node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Table, func, select, union

from indexer import schema
from indexer.columns import SessionColumns
from indexer.ledger import Ledger
from indexer.report import Check
from indexer.rollups import Deltas
from indexer.rows import CollectionRow, RefundRow

Progress = Callable[[str], None]
# Columns of a rollup that say where its key is, and are no sums.
_PLACES: Final = frozenset({"site_id", "owner_id"})


def compare_rollups(connection: Connection, progress: Progress) -> list[Check]:
    """Make every sum again from the rows stored, owner by owner."""
    checks = {table.name: Check(f"{table.name} from rows") for table in schema.ROLLUPS}
    seen = dict.fromkeys(checks, 0)
    for owner_id in _owners(connection):
        progress(f"sums of owner {owner_id}")
        deltas, connectors = _sums_of(connection, owner_id)
        expected: dict[str, dict[Any, tuple[int, ...]]] = {
            "settlement_hours": {key[:3]: sums for key, sums in deltas.settlement_hours.items()},
            "settlement_days": {key[:3]: sums for key, sums in deltas.settlement_days.items()},
            "connector_hours": deltas.connector_hours,
            "campaign_days": {key[:3]: sums for key, sums in deltas.campaign_days.items()},
            "outcome_days": deltas.outcome_days,
        }
        for table in schema.ROLLUPS:
            stored = _stored_sums(connection, table, owner_id, connectors)
            wanted = expected[table.name]
            seen[table.name] += len(stored)
            for key in sorted(stored.keys() | wanted.keys()):
                check = checks[table.name]
                check.see(f"{table.name} {key}", stored.get(key), wanted.get(key))
    for table in schema.ROLLUPS:
        rows = connection.scalar(select(func.count()).select_from(table)) or 0
        checks[table.name].see(f"rows of {table.name}", rows, seen[table.name])
    return list(checks.values())


def _owners(connection: Connection) -> list[int]:
    tables = (
        *(schema.sessions, schema.collections, schema.refunds),
        *(schema.settlement_days, schema.settlement_hours),
        *(schema.campaign_days, schema.outcome_days),
    )
    return sorted(connection.scalars(union(*(select(table.c.owner_id) for table in tables))))


def _sums_of(connection: Connection, owner_id: int) -> tuple[Deltas, list[int]]:
    deltas = Deltas()
    connectors: set[int] = set()
    ledger = Ledger()
    ledger.use(connection, lambda: None)
    for some in _rows(connection, schema.sessions, owner_id).partitions():
        sessions = SessionColumns.of(some)
        connectors.update(sessions.connector_id.tolist())
        deltas.add_sessions(sessions, lambda one: ledger.place(one).local)
    for collection in _rows(connection, schema.collections, owner_id):
        paid = CollectionRow._make(collection)
        deltas.add_collection(paid, ledger.place(paid.connector_id).local)
    for refund in _rows(connection, schema.refunds, owner_id):
        back = RefundRow._make(refund)
        deltas.add_refund(back, ledger.place(back.connector_id).local)
    return deltas, sorted(connectors)


def _rows(connection: Connection, table: Table, owner_id: int) -> CursorResult[Any]:
    query = select(table).where(table.c.owner_id == owner_id).order_by(table.c.id)
    return connection.execute(query.execution_options(yield_per=2_000))


def _stored_sums(
    connection: Connection, table: Table, owner_id: int, connectors: Iterable[int]
) -> dict[Any, tuple[int, ...]]:
    key = list(table.primary_key)
    sums = [one for one in table.c if not one.primary_key and one.name not in _PLACES]
    found: dict[Any, tuple[int, ...]] = {}
    queries = (
        [select(*key, *sums).where(table.c.owner_id == owner_id)]
        if "owner_id" in table.c
        else [select(*key, *sums).where(table.c.connector_id == one) for one in connectors]
    )
    for query in queries:
        for row in connection.execute(query):
            found[tuple(row[: len(key)])] = tuple(row[len(key) :])
    return found


# --- the books ---

# Kind of an owner's entry → the table whose rows it must have a row of.
_ENTERED: Final = {
    "settled": schema.batches,
    "collected": schema.collections,
    "withdrawn": schema.accrual_withdrawals,
    "paid_out": schema.payouts,
    "fee_returned": schema.fees_returned,
    "held": schema.disputes,
    "released": schema.dispute_closings,
    "refunded": schema.refunds,
}


def compare_books(connection: Connection, progress: Progress) -> list[Check]:
    """Follow each running balance from entry to entry, and each entry to its row."""
    progress("books")
    checks = [Check("owner_entries from rows"), Check("campaign_entries from rows")]
    _compare_owner_entries(connection, checks[0])
    _compare_campaign_entries(connection, checks[1])
    return checks


def _compare_owner_entries(connection: Connection, check: Check) -> None:
    table = schema.owner_entries
    sums: defaultdict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    earned: defaultdict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    ids: defaultdict[str, set[int]] = defaultdict(set)
    query = select(table).order_by(table.c.id).execution_options(yield_per=2_000)
    for row in connection.execute(query):
        balance, debt = sums[row.owner_id]
        after = (balance + row.amount, debt + row.debt_change)
        check.see(f"entry {row.id} of owner {row.owner_id}", (row.balance, row.debt), after)
        sums[row.owner_id] = (row.balance, row.debt)
        ids[row.kind].add(row.id)
        if row.kind == "settled":
            net, fee = earned[row.owner_id]
            earned[row.owner_id] = (net + row.earned, fee + row.fee)
    # A refund that closes a dispute is a part of the closing's entry.
    disputed = set(
        connection.scalars(select(schema.refunds.c.id).where(schema.refunds.c.dispute != 0))
    )
    ids["refunded"] -= disputed
    for kind, of in _ENTERED.items():
        rows = set(connection.scalars(select(of.c.id))) - disputed
        for missing in sorted(rows ^ ids[kind]):
            check.see(f"entry {missing} ({kind})", missing in ids[kind], missing in rows)
    sessions = schema.sessions.c
    credited = sessions.paid + sessions.campaign_paid - sessions.fee
    for owner_id, net, fee in connection.execute(
        select(sessions.owner_id, func.sum(credited), func.sum(sessions.fee)).group_by(
            sessions.owner_id
        )
    ):
        what = f"net and fee of all batches of owner {owner_id}"
        check.see(what, earned[owner_id], (int(net), int(fee)))


def _compare_campaign_entries(connection: Connection, check: Check) -> None:
    table = schema.campaign_entries
    sums: defaultdict[int, int] = defaultdict(int)
    spent: defaultdict[int, int] = defaultdict(int)
    query = select(table).order_by(table.c.id).execution_options(yield_per=2_000)
    for row in connection.execute(query):
        after = sums[row.campaign_id] + row.amount
        check.see(f"entry {row.id} of campaign {row.campaign_id}", row.budget, after)
        sums[row.campaign_id] = row.budget
        spent[row.campaign_id] -= row.amount if row.kind == "spent" else 0
    sessions = schema.sessions.c
    paid = connection.execute(
        select(sessions.campaign_id, func.sum(sessions.campaign_paid))
        .where(schema.with_campaign)
        .group_by(sessions.campaign_id)
    )
    for campaign_id, amount in paid:
        check.see(f"spent by campaign {campaign_id}", spent[campaign_id], int(amount))
