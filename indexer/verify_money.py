"""Campaigns, adjustments and payouts against contract storage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, func, select

from chargecoin.deployments import NO_ADDRESS
from chargecoin.record import session_id
from indexer import schema
from indexer.contract_storage import DISPUTE, Storage
from indexer.ledger import Ledger
from indexer.queries import books, campaigns, places
from indexer.read_money import status_of
from indexer.report import Check


def _rows(connection: Connection, table: Table) -> Sequence[Row[Any]]:
    return connection.execute(select(table).order_by(table.c.id)).all()


async def compare_money(
    connection: Connection, storage: Storage, now: int
) -> tuple[list[Check], int]:
    """Return the comparisons, and what budgets and holds are liable for, base units.

    `now` is the time of the block that is compared, UTC seconds.
    """
    budgets, disputes = Check("campaigns and budgets"), Check("adjustments and disputes")
    payouts = Check("payouts and destinations")
    owed = await _compare_campaigns(connection, storage, budgets)
    held = _held(connection)
    disputes.see("held", held, await storage.read_one("Settlement", "held"))
    if storage.has("Adjustments"):
        await _compare_disputes(connection, storage, disputes)
    if storage.has("Payouts"):
        await _compare_payouts(connection, storage, payouts, now)
    return [budgets, disputes, payouts], owed + held


# --- campaigns ---

_RULES: Final = (
    *("kind", "owner_id", "creator", "starts_at", "ends_at", "paused_from", "paused_to"),
    *("hour_mask", "rate_bps", "session_cap", "day_cap"),
    *("min_sessions", "window_days", "driver_cap"),
)


async def _compare_campaigns(connection: Connection, storage: Storage, check: Check) -> int:
    stored = campaigns.list_campaigns(connection, status_of(connection))
    ids = [one.campaign_id for one in stored]
    total = 0
    budgets = await storage.read("Settlement", [("budget", (number,)) for number in ids])
    for one, (left, spent, day, day_spent) in zip(stored, budgets, strict=True):
        what = f"budget of campaign {one.campaign_id}"
        total += one.left
        # A day on which nothing was spent may have begun since the last entry.
        today = one.day_spent if one.day == day else 0
        check.see(what, (one.left, one.spent, today), (left, spent, day_spent))
    if not storage.has("CampaignManager"):
        return total
    count = await storage.read_one("CampaignManager", "campaign_count")
    check.see("number of campaigns", len(stored), count)
    rules = await storage.read("CampaignManager", [("campaign", (number,)) for number in ids])
    for one, values in zip(stored, rules, strict=True):
        found = dict(zip(_RULES, values, strict=True))
        for name in _RULES:
            if not name.startswith("paused"):
                ours = getattr(one, name)
                ours = ours.lower() if name == "creator" else ours
                check.see(f"{name} of campaign {one.campaign_id}", ours, found[name])
    enrolled = [(one.campaign_id, connector) for one in stored for connector in one.connectors]
    told = await storage.read("CampaignManager", [("is_enrolled", pair) for pair in enrolled])
    for (number, connector), yes in zip(enrolled, told, strict=True):
        check.see(f"connector {connector} in campaign {number}", ours=True, theirs=bool(yes))
    return total


# --- adjustments ---


def _held(connection: Connection) -> int:
    """Return bonds of open disputes, what holds have, and what pools have."""
    holds: dict[int, Row[Any]] = {
        row.dispute: row for row in _rows(connection, schema.dispute_entries)
    }
    pools = {row.owner_id: row.pool for row in _rows(connection, schema.owner_entries)}
    aside: int = sum(row.bond + row.hold - row.short for row in holds.values())
    return aside + int(sum(pools.values()))


async def _compare_disputes(connection: Connection, storage: Storage, check: Check) -> None:
    ours: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in _rows(connection, schema.collections):
        ours[session_id(row.connector_id, row.sequence)][0] += row.amount
    for row in _rows(connection, schema.refunds):
        one = ours[session_id(row.connector_id, row.sequence)]
        one[1] += row.to_payer + row.to_campaign
        one[2] += row.waived
    opened = _rows(connection, schema.disputes)
    ledger = Ledger()
    ledger.use(connection, lambda: None)
    for row in opened:
        one = ours[session_id(row.connector_id, row.sequence)]
        one[3] = row.dispute
        # Granted and not yet paid counts as refunded.
        one[1] += ledger.hold(row.dispute).owed
    sessions = sorted(ours)
    found = await storage.read("Adjustments", [("adjustment", (one,)) for one in sessions])
    for number, (collected, early, late, waived, dispute) in zip(sessions, found, strict=True):
        what = f"adjustment of session {number:#x}"
        check.see(what, ours[number], [collected, early + late, waived, dispute])
    count = await storage.read_one("Adjustments", "dispute_count")
    check.see("number of disputes", len(opened), count)
    results = {row.dispute: row.result for row in _rows(connection, schema.dispute_closings)}
    stored = await storage.read("Adjustments", [("dispute", (row.dispute,)) for row in opened])
    for row, values in zip(opened, stored, strict=True):
        theirs: dict[str, Any] = dict(zip(DISPUTE, values, strict=True))
        hold = ledger.hold(row.dispute)
        for name, value in {
            "bond": row.bond,
            "result": results.get(row.dispute, 0),
            "refunded": hold.refunded,
            "hold": hold.hold,
            "short": hold.short,
        }.items():
            check.see(f"{name} of dispute {row.dispute}", value, theirs[name])
        owed = theirs["owed_payer"] + theirs["owed_campaign"]
        check.see(f"owed by dispute {row.dispute}", hold.owed, owed)
    owners = [owner.owner_id for owner in places.list_owners(connection)]
    owed_by = await storage.read("Adjustments", [("owed", (owner,)) for owner in owners])
    due = 0
    for owner, values in zip(owners, owed_by, strict=True):
        accrual = ledger.accrual(owner)
        due += accrual.due
        mine = (accrual.debt, accrual.pool, accrual.due)
        check.see(f"debt, pool and due fees of owner {owner}", mine, tuple(values))
    check.see("fees due", due, await storage.read_one("Adjustments", "fees_due"))


# --- payouts ---


async def _compare_payouts(
    connection: Connection, storage: Storage, check: Check, now: int
) -> None:
    batches = connection.scalar(select(func.max(schema.payout_batches.c.batch))) or 0
    check.see("payout batches", batches, await storage.read_one("Payouts", "batch_count"))
    owners = places.list_owners(connection)
    calls = [(owner.owner_id,) for owner in owners]
    accounts = await storage.read("StationRegistry", [("owner_account", one) for one in calls])
    schedules = await storage.read("Payouts", [("schedule", one) for one in calls])
    stored = await storage.read("Settlement", [("destination", one) for one in calls])
    for owner, account, schedule, values in zip(owners, accounts, schedules, stored, strict=True):
        number = owner.owner_id
        check.see(f"account of owner {number}", owner.account.lower(), account)
        plan = books.plan(connection, number, now)
        ours = (plan.cycle, plan.threshold)
        check.see(f"schedule of owner {number}", ours, tuple(schedule))
        pending = None if plan.effective_at is None else plan.pending or owner.account
        mine = (
            (plan.destination or owner.account).lower(),
            plan.reference,
            (pending or NO_ADDRESS).lower(),
            plan.pending_reference,
            plan.effective_at or 0,
        )
        theirs = (values[0], _hex(values[1]), values[2], _hex(values[3]), values[4])
        check.see(f"destination of owner {number}", mine, theirs)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
