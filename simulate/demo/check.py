"""What the chain holds after a run, and whether that is what was planned.

Everything here is read from the chain alone: events for what happened to each
session, contract storage for what is owed. The indexer verifies its own tables
against both (`chargecoin indexer verify`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from chargecoin.chain import Chain
from chargecoin.chain.events import decode_events
from chargecoin.record import Assurance, Outcome, SessionRecord, Status
from simulate.payers import Expectation


@dataclass(frozen=True, slots=True)
class Holding:
    """What the chain says of a run. Money is in base units.

    `gross`, `paid` and the counts are sums over sessions' events; `fees` and
    `batches` are contract storage, `owner_net` is that and what owners were paid out;
    `gas` is what the batches' transactions used.
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
    def sessions(self) -> int:
        """How many sessions took a sequence."""
        return self.settled + self.unfunded + self.rejected

    @property
    def gas_per_session(self) -> int:
        """Gas of a session in its batch, rounded down; 0 if there was none."""
        return self.gas // self.sessions if self.sessions else 0


async def holding(chain: Chain, owner_ids: Iterable[int]) -> Holding:
    """Read the chain's latest block and all events of sessions. Raises `ChainError`."""
    logs = await chain.logs(chain.deployment.start_block, "latest", ("Settlement",))
    statuses: Counter[Status] = Counter()
    transactions: set[bytes] = set()
    gross = paid = assurance_3 = paid_out = 0
    for event in decode_events("Settlement", chain.deployment.address("Settlement"), logs):
        if event.name == "BatchSettled":
            transactions.add(event.log.transaction_hash)
        if event.name == "PaidOut":
            paid_out += event.args["amount"]
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
        owner_net=sum(accrual.balance for accrual in accruals) + paid_out,
        assurance_3=assurance_3,
        batches=await chain.batch_count(),
        gas=sum(receipt.gas_used for receipt in receipts if receipt),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What a run came to.

    `sessions_in` and `quarantined` are the oracle's counts, all else is the chain's.
    `faults` say what is not as planned.
    """

    on_chain: Holding
    sessions_in: int
    quarantined: int
    indexer_matches_chain: bool
    faults: tuple[str, ...]

    def summary(self, seconds: float, seed: int) -> dict[str, Any]:
        """Return what `--once` prints, money in base units."""
        on_chain = self.on_chain
        return {
            "sessions_in": self.sessions_in,
            "settled": on_chain.settled,
            "unfunded": on_chain.unfunded,
            "rejected": on_chain.rejected,
            "quarantined": self.quarantined,
            "gross": on_chain.gross,
            "paid": on_chain.paid,
            "fees": on_chain.fees,
            "owner_net": on_chain.owner_net,
            "batches": on_chain.batches,
            "gas_per_session": on_chain.gas_per_session,
            "assurance_3": on_chain.assurance_3,
            "indexer_matches_chain": self.indexer_matches_chain,
            "seconds": round(seconds, 1),
            "seed": seed,
        }


def differences(
    expected: Expectation, on_chain: Holding, *, sessions_in: int, quarantined: int
) -> list[str]:
    """Return what is not as planned, in words; empty if all is."""
    have = asdict(on_chain) | {"sessions_in": sessions_in, "quarantined": quarantined}
    wrong = [
        f"{name} is {have[name]}, planned {value}"
        for name, value in asdict(expected).items()
        if have[name] != value
    ]
    if sessions_in != on_chain.sessions + quarantined:
        wrong.append(
            f"{sessions_in} sessions came in, {on_chain.sessions} are on the chain and "
            f"{quarantined} in quarantine"
        )
    if on_chain.fees + on_chain.owner_net != on_chain.paid:
        wrong.append(
            f"fees {on_chain.fees} and owners' net {on_chain.owner_net} do not add up to what "
            f"was paid, {on_chain.paid}"
        )
    return wrong
