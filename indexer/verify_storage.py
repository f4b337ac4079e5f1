"""The tables against the contracts' storage at one block, to the unit.

What the contracts hold is the sum of what they logged; this adds the rows up from
scratch, in plain sums and the record codec, without the code that indexed them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import islice

from sqlalchemy import Connection, Table, func, select

from chargecoin import record
from chargecoin.deployments import Deployment
from indexer import schema
from indexer.contract_storage import DISPUTE, PART, Storage
from indexer.hours import DAY_S
from indexer.ledger import Ledger
from indexer.queries.places import with_block
from indexer.queries.sessions import of_batch
from indexer.report import Check
from indexer.rows import outcome_word, session_word
from indexer.rpc import Node
from indexer.verify_money import compare_money
from indexer.verify_rewards import compare_rewards


async def compare_storage(
    connection: Connection,
    deployment: Deployment,
    node: Node,
    at: tuple[int, int],
    progress: Callable[[str], None],
) -> list[Check]:
    """Compare what the contracts hold with the rows, at a block: its number and its time.

    Vaults, accruals, the ledger, heads, batches, the registry; campaigns with their
    budgets, adjustments, disputes, payouts, the fee router, the staking pool, rewards.
    """
    accounts, accruals, ledger = Check("vault accounts"), Check("accruals"), Check("ledger")
    heads, batches = Check("connector heads"), Check("batch commitments")
    registry = Check("registry")
    storage = Storage(node, deployment, at[0])
    progress("vault accounts")
    vaults = await _compare_accounts(connection, storage, accounts)
    progress("accruals")
    accrued = await _compare_accruals(connection, storage, accruals)
    progress("campaigns, disputes, payouts")
    money, budgets = await compare_money(connection, storage, at[1])
    progress("fees and rewards")
    rewards = await compare_rewards(connection, storage, at[1])
    progress("ledger")
    await _compare_ledger(connection, storage, ledger, vaults + accrued + budgets)
    progress("heads and batches")
    await _compare_chains(connection, storage, heads, batches, progress)
    progress("registry")
    await _compare_registry(connection, storage, registry)
    return [accounts, accruals, ledger, heads, batches, registry, *money, *rewards]


def _sum_by(connection: Connection, table: Table, key: str, amount: str) -> defaultdict[int, int]:
    """Add up in Python: amounts may be larger than the integers of SQLite."""
    found: defaultdict[int, int] = defaultdict(int)
    query = select(table.c[key], table.c[amount]).execution_options(yield_per=5_000)
    for owner, value in connection.execute(query):
        found[owner] += value
    return found


def _session_sums(connection: Connection, key: str, *columns: str) -> dict[int, tuple[int, ...]]:
    table = schema.sessions
    sums = [func.sum(table.c[name]) for name in columns]
    rows = connection.execute(select(table.c[key], *sums).group_by(table.c[key]))
    return {row[0]: tuple(int(value) for value in row[1:]) for row in rows}


async def _compare_accounts(connection: Connection, storage: Storage, check: Check) -> int:
    deposited = _sum_by(connection, schema.deposits, "account", "amount")
    withdrawn = _sum_by(connection, schema.withdrawals, "account", "amount")
    collected = _sum_by(connection, schema.collections, "account", "amount")
    refunded = _sum_by(connection, schema.refunds, "account", "to_payer")
    waived = _sum_by(connection, schema.refunds, "account", "waived")
    bonds = _bonds(connection)
    settled = _session_sums(connection, "payer", "paid", "debt")
    limits = dict(
        connection.execute(
            select(schema.daily_limits.c.account, schema.daily_limits.c.daily_limit).order_by(
                schema.daily_limits.c.id
            )
        ).all()
    )
    rows = connection.execute(
        select(schema.accounts.c.account, schema.accounts.c.holder).order_by(
            schema.accounts.c.account
        )
    ).all()
    count = await storage.read_one("Settlement", "account_count")
    check.see("number of accounts", len(rows), count)
    total = 0
    for first in range(0, len(rows), PART):
        part = rows[first : first + PART]
        held = await storage.read("Settlement", [("account", (row.account,)) for row in part])
        holders = await storage.read(
            "Settlement", [("account_holder", (row.account,)) for row in part]
        )
        for row, found, holder in zip(part, held, holders, strict=True):
            account = row.account
            paid, debt = settled.get(account, (0, 0))
            balance = deposited[account] - withdrawn[account] - paid - collected[account]
            balance += refunded[account] - bonds[account]
            total += balance
            check.see(f"balance of account {account}", balance, found[0])
            check.see(f"daily limit of account {account}", limits.get(account, 0), found[1])
            check.see(
                f"debt of account {account}", debt - collected[account] - waived[account], found[4]
            )
            check.see(f"holder of account {account}", row.holder.lower(), holder)
    return total


def _bonds(connection: Connection) -> defaultdict[int, int]:
    """Return by account what its open disputes bind and its lost ones cost."""
    closed = {
        row.dispute: row.bond_to_owner
        for row in connection.execute(select(schema.dispute_closings))
    }
    found: defaultdict[int, int] = defaultdict(int)
    for row in connection.execute(select(schema.disputes)):
        found[row.account] += closed.get(row.dispute, row.bond)
    return found


async def _compare_accruals(connection: Connection, storage: Storage, check: Check) -> int:
    """By the books, and by settlement days: what is earned and given is out, aside or there."""
    fees_returned = _sum_by(connection, schema.fees_returned, "owner_id", "amount")
    withdrawn = _sum_by(connection, schema.accrual_withdrawals, "owner_id", "amount")
    paid_out = _sum_by(connection, schema.payouts, "owner_id", "amount")
    paid_days = {
        row.owner_id: row.block_timestamp // DAY_S
        for row in connection.execute(with_block(schema.payouts).order_by(schema.payouts.c.id))
    }
    aside = await _aside(connection, storage)
    days = schema.settlement_days
    credited = days.c.paid + days.c.campaign + days.c.collected - days.c.refunded
    by_days = dict(
        connection.execute(
            select(
                days.c.owner_id, func.sum(credited - days.c.fee - days.c.collected_fee)
            ).group_by(days.c.owner_id)
        ).all()
    )
    ledger = Ledger()
    ledger.use(connection, lambda: None)
    owners = sorted(set(connection.scalars(select(schema.owners.c.owner_id))) | by_days.keys())
    found = await storage.read("Settlement", [("accrual", (owner,)) for owner in owners])
    total = 0
    for owner, (balance, debt, paid_day, day, day_gross) in zip(owners, found, strict=True):
        entry = ledger.accrual(owner)
        total += entry.balance
        check.see(f"accrual of owner {owner}", entry.balance, balance)
        check.see(f"debt of owner {owner}", entry.debt, debt)
        earned = int(by_days.get(owner) or 0) + fees_returned[owner]
        out = withdrawn[owner] + paid_out[owner] + aside[owner]
        check.see(f"accrual of owner {owner} by settlement days", earned - out, balance)
        check.see(f"last payout's day of owner {owner}", paid_days.get(owner, 0), paid_day)
        gross = _day_gross(connection, owner, day)
        check.see(f"gross of owner {owner} on day {day}", gross, day_gross)
    return total


async def _aside(connection: Connection, storage: Storage) -> defaultdict[int, int]:
    """Return by owner what disputes keep of its money, by `Adjustments`, less bonds it won."""
    found: defaultdict[int, int] = defaultdict(int)
    if not storage.has("Adjustments"):
        return found
    rows = connection.execute(select(schema.disputes).order_by(schema.disputes.c.dispute)).all()
    stored = await storage.read("Adjustments", [("dispute", (row.dispute,)) for row in rows])
    for row, one in zip(rows, stored, strict=True):
        fields = dict(zip(DISPUTE, one, strict=True))
        found[row.owner_id] += fields["hold"] - fields["short"]
    owners = sorted({row.owner_id for row in rows})
    owed = await storage.read("Adjustments", [("owed", (owner,)) for owner in owners])
    for owner, (_debt, pool, _due) in zip(owners, owed, strict=True):
        found[owner] += pool
    by_dispute = {row.dispute: row.owner_id for row in rows}
    for row in connection.execute(select(schema.dispute_closings)):
        found[by_dispute[row.dispute]] -= row.bond_to_owner
    return found


def _day_gross(connection: Connection, owner_id: int, day: int) -> int:
    """Return what counted against an owner's cap on a UTC day."""
    table = schema.sessions
    return int(
        connection.scalar(
            select(func.sum(table.c.gross)).where(
                table.c.owner_id == owner_id,
                table.c.settled_at >= day * DAY_S,
                table.c.settled_at < (day + 1) * DAY_S,
                table.c.status != int(record.Status.REJECTED),
                table.c.reason.not_in((record.Reason.NO_PAYER, record.Reason.UNKNOWN_ACCOUNT)),
            )
        )
        or 0
    )


async def _compare_ledger(
    connection: Connection, storage: Storage, check: Check, owed: int
) -> None:
    fees = int(connection.scalar(select(func.sum(schema.sessions.c.fee))) or 0)
    fees += int(connection.scalar(select(func.sum(schema.collections.c.fee))) or 0)
    unrouted = fees - sum(connection.scalars(select(schema.fees_routed.c.amount)))
    unrouted -= sum(connection.scalars(select(schema.fees_returned.c.amount)))
    batches = connection.scalar(select(func.count()).select_from(schema.batches)) or 0
    held = await storage.read(
        "Settlement",
        [(name, ()) for name in ("unrouted_fees", "liabilities", "batch_count", "reimbursable")],
    )
    check.see("unrouted fees", unrouted, held[0])
    check.see("liabilities", owed + unrouted, held[1])
    check.see("number of batches", batches, held[2])
    check.see("reimbursable", _reimbursable(connection), held[3])


def _reimbursable(connection: Connection) -> int:
    """Return what oracles may be given back: of each batch's fees at most what was set then."""
    settings = connection.execute(
        select(schema.reimbursement_settings).order_by(schema.reimbursement_settings.c.id)
    ).all()
    sessions, batches = schema.sessions, schema.batches
    fees = connection.execute(
        select(batches.c.id, func.sum(sessions.c.fee).label("fees"))
        .join(sessions, sessions.c.batch == batches.c.batch)
        .group_by(batches.c.id)
        .order_by(batches.c.id)
    )
    total = limit = position = 0
    for row in fees:
        while position < len(settings) and settings[position].id < row.id:
            limit = settings[position].per_batch
            position += 1
        total += min(limit, int(row.fees))
    return total


async def _compare_chains(
    connection: Connection,
    storage: Storage,
    head_check: Check,
    batch_check: Check,
    progress: Callable[[str], None],
) -> None:
    """Follow every connector's running hash through all batches, and each commitment with it."""
    heads: dict[int, tuple[int, int, int]] = {}
    skipping = set(connection.scalars(select(schema.skipped_runs.c.tx_hash)))
    table = schema.batches
    last = 0
    while True:
        rows = connection.execute(
            select(table).where(table.c.batch > last).order_by(table.c.batch).limit(PART)
        ).all()
        if not rows:
            break
        last = rows[-1].batch
        stored = await storage.read(
            "Settlement", [("batch_commitment", (row.batch,)) for row in rows]
        )
        for row, commitment in zip(rows, stored, strict=True):
            what = f"commitment of batch {row.batch}"
            batch_check.see(what, row.commitment.hex(), commitment.hex())
            try:
                runs, outcomes = _runs_of(connection, row.batch, heads)
                again = record.commitment(record.encode_runs(runs), row.evidence_root, outcomes)
            except ValueError as error:
                batch_check.see(f"sessions of batch {row.batch}", str(error), "a batch")
                continue
            # What a skipped run held is in no event; then the commitment cannot be made again.
            if row.tx_hash not in skipping:
                stored_hash = commitment[: record.COMMITMENT_BYTES]
                batch_check.see(f"{what} from its sessions", again.hex(), stored_hash.hex())
        progress(f"batches: {last}")
    registered = connection.scalars(select(schema.connectors.c.connector_id))
    connectors = sorted(set(registered) | heads.keys())
    for first in range(0, len(connectors), PART):
        part = connectors[first : first + PART]
        found = await storage.read("Settlement", [("head", (one,)) for one in part])
        for connector_id, head in zip(part, found, strict=True):
            head_check.see(
                f"head of connector {connector_id}", heads.get(connector_id, (0, 0, 0)), tuple(head)
            )


def _runs_of(
    connection: Connection, batch: int, heads: dict[int, tuple[int, int, int]]
) -> tuple[list[record.Run], list[int]]:
    """Return a batch's runs as they were signed, and its outcomes; moves `heads` on."""
    table = schema.sessions
    sessions = iter(
        connection.execute(select(table).where(*of_batch(batch)).order_by(table.c.id)).all()
    )
    runs, outcomes = [], []
    rows = connection.execute(
        select(schema.runs).where(schema.runs.c.batch == batch).order_by(schema.runs.c.id)
    )
    for run in rows:
        previous = running = heads.get(run.connector_id, (0, 0, 0))[2]
        words = []
        for session in islice(sessions, run.sessions):
            word, outcome = session_word(session), outcome_word(session)
            running = record.next_hash(running, word, outcome)
            words.append(word)
            outcomes.append(outcome)
        last = run.first_sequence + run.sessions - 1
        heads[run.connector_id] = (last, run.owner_id, running)
        runs.append(
            record.Run(
                run.connector_id, run.first_sequence, run.tariff_index, previous, tuple(words)
            )
        )
    return runs, outcomes


async def _compare_registry(connection: Connection, storage: Storage, check: Check) -> None:
    counted = {
        "owner_count": schema.owners,
        "site_count": schema.sites,
        "station_count": schema.stations,
        "evse_count": schema.evses,
        "connector_count": schema.connectors,
    }
    found = await storage.read("StationRegistry", [(name, ()) for name in counted])
    for (name, table), count in zip(counted.items(), found, strict=True):
        rows = connection.scalar(select(func.count()).select_from(table)) or 0
        check.see(name, rows, count)
    per_connector = select(schema.tariffs.c.connector_id, func.count()).group_by(
        schema.tariffs.c.connector_id
    )
    tariffs = {row[0]: int(row[1]) for row in connection.execute(per_connector)}
    connectors = sorted(connection.scalars(select(schema.connectors.c.connector_id)))
    counts = await storage.read("StationRegistry", [("tariff_count", (one,)) for one in connectors])
    for connector_id, count in zip(connectors, counts, strict=True):
        check.see(f"tariffs of connector {connector_id}", tariffs.get(connector_id, 0), count)
