"""What the chain holds after a run, and whether that is what was planned.

Everything here is read from the chain alone: events for what happened to each
session, contract storage for what is owed. The indexer verifies its own tables
against both (`chargecoin indexer verify`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from chargecoin.chain import Chain
from chargecoin.chain.events import decode_events
from chargecoin.record import Assurance, Outcome, SessionRecord, Status
from simulate.payers import Expectation


@dataclass(frozen=True, slots=True)
class Holding:
    """What the chain says of a run. Money is in base units.

    `gross`, `paid` and the counts are sums over sessions' events; `fees`,
    `owner_net` and `batches` are contract storage; `gas` is what the batches'
    transactions used.
    """

    settled: int
    unfunded: int
    rejected: int
    gross: int
    paid: int
    fees: int
    owner_net: int
    assurance_3: int
    batches: int
    gas: int

    @property
    def gas_per_session(self) -> int:
        """Gas of a session in its batch, rounded down; 0 if there was none."""
        sessions = self.settled + self.unfunded + self.rejected
        return self.gas // sessions if sessions else 0


async def holding(chain: Chain, owner_ids: Iterable[int]) -> Holding:
    """Read the chain's latest block and all events of sessions. Raises `ChainError`."""
    logs = await chain.logs(chain.deployment.start_block, "latest", ("Settlement",))
    statuses: Counter[Status] = Counter()
    transactions: set[bytes] = set()
    gross = paid = assurance_3 = 0
    for event in decode_events("Settlement", chain.deployment.address("Settlement"), logs):
        if event.name == "BatchSettled":
            transactions.add(event.log.transaction_hash)
        if event.name != "Session":
            continue
        outcome = Outcome.decode(event.args["session"])
        record = SessionRecord.decode(event.args["word"])
        statuses[outcome.status] += 1
        gross += record.gross
        paid += outcome.paid
        assurance_3 += record.assurance == Assurance.SIGNED
    receipts = [await chain.receipt(transaction) for transaction in sorted(transactions)]
    accruals = [await chain.accrual(owner_id) for owner_id in owner_ids]
    return Holding(
        settled=statuses[Status.SETTLED],
        unfunded=statuses[Status.UNFUNDED],
        rejected=statuses[Status.REJECTED],
        gross=gross,
        paid=paid,
        fees=await chain.unrouted_fees(),
        owner_net=sum(accrual.balance for accrual in accruals),
        assurance_3=assurance_3,
        batches=await chain.batch_count(),
        gas=sum(receipt.gas_used for receipt in receipts if receipt),
    )


def differences(expected: Expectation, found: Holding, *, quarantined: int) -> list[str]:
    """Return what is not as planned, in words; empty if all is."""
    have = asdict(found) | {"quarantined": quarantined}
    have["sessions_in"] = found.settled + found.unfunded + found.rejected + quarantined
    wrong = [
        f"{name} is {have[name]}, planned {value}"
        for name, value in asdict(expected).items()
        if have[name] != value
    ]
    if found.fees + found.owner_net != found.paid:
        wrong.append(
            f"fees {found.fees} and owners' net {found.owner_net} do not add up to what was "
            f"paid, {found.paid}"
        )
    return wrong
