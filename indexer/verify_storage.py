"""The tables against the contracts' storage at one block, to the unit.

What the contracts hold is the sum of what they logged; this adds the rows up from
scratch, in plain sums and the record codec, without the code that indexed them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select

from chargecoin import record
from chargecoin.chain.calls import function
from chargecoin.deployments import Deployment
from chargecoin.errors import ChainError
from indexer import schema
from indexer.queries.sessions import outcome_word, session_word
from indexer.report import Check
from indexer.rpc import Node

PART: Final = 1_000


class Storage:
    """Views of the contracts at one block."""

    def __init__(self, node: Node, deployment: Deployment, block: int) -> None:
        """Ask `node` at block `block`."""
        self._node = node
        self._deployment = deployment
        self._block = hex(block)

    async def read(self, contract: str, calls: Sequence[tuple[str, tuple[Any, ...]]]) -> list[Any]:
        """Return what several views give back, single values and structs unwrapped."""
        address = self._deployment.address(contract)
        functions = [function(contract, name) for name, _ in calls]
        requests = [
            ("eth_call", ({"to": address, "data": "0x" + one.encode(*args).hex()}, self._block))
            for one, (_, args) in zip(functions, calls, strict=True)
        ]
        answers = await self._node.batch(str, requests)
        found = []
        for one, answer in zip(functions, answers, strict=True):
            if answer is None:
                raise ChainError(f"{one.name} gave nothing back at block {self._block}")
            values = one.decode(bytes.fromhex(answer[2:]))
            found.append(values[0] if len(values) == 1 else values)
        return found

    async def read_one(self, contract: str, name: str, *args: Any) -> Any:
        """Return what one view gives back."""
        return (await self.read(contract, [(name, args)]))[0]


async def compare_storage(
    connection: Connection,
    deployment: Deployment,
    node: Node,
    block: int,
    progress: Callable[[str], None],
) -> list[Check]:
    """Compare vaults, accruals, the ledger, heads, batches and the registry at a block."""
    accounts, accruals, ledger = Check("vault accounts"), Check("accruals"), Check("ledger")
    heads, batches = Check("connector heads"), Check("batch commitments")
    registry = Check("registry")
    storage = Storage(node, deployment, block)
    progress("vault accounts")
    vaults = await _compare_accounts(connection, storage, accounts)
    progress("accruals")
    accrued = await _compare_accruals(connection, storage, accruals)
    progress("ledger")
    await _compare_ledger(connection, storage, ledger, vaults + accrued)
    progress("heads and batches")
    await _compare_chains(connection, storage, heads, batches, progress)
    progress("registry")
    await _compare_registry(connection, storage, registry)
    return [accounts, accruals, ledger, heads, batches, registry]


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
            total += balance
            check.see(f"balance of account {account}", balance, found[0])
            check.see(f"daily limit of account {account}", limits.get(account, 0), found[1])
            check.see(f"debt of account {account}", debt - collected[account], found[4])
            check.see(f"holder of account {account}", row.holder.lower(), holder)
    return total


async def _compare_accruals(connection: Connection, storage: Storage, check: Check) -> int:
    earned = _session_sums(connection, "owner_id", "paid", "campaign_paid", "fee")
    collected = _sum_by(connection, schema.collections, "owner_id", "amount")
    fees = _sum_by(connection, schema.collections, "owner_id", "fee")
    withdrawn = _sum_by(connection, schema.accrual_withdrawals, "owner_id", "amount")
    days = schema.settlement_days
    revenue = days.c.paid + days.c.campaign + days.c.collected
    by_days = dict(
        connection.execute(
            select(days.c.owner_id, func.sum(revenue - days.c.fee - days.c.collected_fee)).group_by(
                days.c.owner_id
            )
        ).all()
    )
    owners = sorted(set(connection.scalars(select(schema.owners.c.owner_id))) | earned.keys())
    found = await storage.read("Settlement", [("accrual", (owner,)) for owner in owners])
    total = 0
    for owner, accrual in zip(owners, found, strict=True):
        paid, campaign, fee = earned.get(owner, (0, 0, 0))
        net = paid + campaign - fee + collected[owner] - fees[owner]
        total += net - withdrawn[owner]
        check.see(f"accrual of owner {owner}", net - withdrawn[owner], accrual[0])
        check.see(
            f"accrual of owner {owner} by settlement days",
            int(by_days.get(owner) or 0) - withdrawn[owner],
            accrual[0],
        )
    return total


async def _compare_ledger(
    connection: Connection, storage: Storage, check: Check, owed: int
) -> None:
    fees = int(connection.scalar(select(func.sum(schema.sessions.c.fee))) or 0)
    fees += int(connection.scalar(select(func.sum(schema.collections.c.fee))) or 0)
    unrouted = fees - sum(connection.scalars(select(schema.fees_routed.c.amount)))
    batches = connection.scalar(select(func.count()).select_from(schema.batches)) or 0
    held = await storage.read(
        "Settlement", [("unrouted_fees", ()), ("liabilities", ()), ("batch_count", ())]
    )
    check.see("unrouted fees", unrouted, held[0])
    check.see("liabilities", owed + unrouted, held[1])
    check.see("number of batches", batches, held[2])


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
        connection.execute(select(table).where(table.c.batch == batch).order_by(table.c.id)).all()
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
