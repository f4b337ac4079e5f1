"""What owners, payers and arbiters do about a settled session (docs/protocol.md, section 9).

A session is presented with its batch: read the transaction that settled it, and
`present` finds what the contract wants. The functions that return a call send
nothing, so they suit any wallet. Amounts are base units, times UTC seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from eth_abi.abi import default_codec
from eth_abi.exceptions import DecodingError

from chargecoin.chain import ChainReader, Log
from chargecoin.chain.calls import function
from chargecoin.chain.events import decode_events
from chargecoin.chain.transactions import Call, contract_call
from chargecoin.deployments import Deployment
from chargecoin.errors import ChainError, CodecError
from chargecoin.record import COMMITMENT_BYTES, WORD, Outcome, commitment, settled_at
from chargecoin.typed_data import ADJUSTMENTS_NAME, Domain

# The constants of contracts/Adjustments.vy; a test holds them equal.
MIN_BOND: Final = 10**6
MAX_OPEN: Final = 3

BOND_DIVISOR: Final = 20
_PRESENTED_GAS: Final = 3_000_000  # a batch of 256 sessions gone through again


class RefundReason(IntEnum):
    """Why a session is refunded or disputed. The last two are a dispute's own."""

    ENERGY = 1
    PRICE = 2
    CHARGER_FAULT = 3
    GOODWILL = 4
    DUPLICATE = 5
    CORRECTION = 6
    CONCEDED = 7
    RULED = 8


class DisputeResult(IntEnum):
    """What became of a dispute."""

    OPEN = 0
    UPHELD = 1
    DISMISSED = 2
    CONCEDED = 3
    LAPSED = 4


@dataclass(frozen=True, slots=True)
class Presentation:
    """A session, and the batch that settled it as `Adjustments` wants it presented.

    `outcomes` are the outcome words in order, with a zero for each run that was
    skipped; `index` says which of them is the session's.
    """

    batch: int
    runs: bytes
    evidence_root: bytes
    outcomes: tuple[int, ...]
    index: int
    settled_at: int

    @property
    def outcome(self) -> Outcome:
        """What became of the session."""
        return Outcome.decode(self.outcomes[self.index])

    @property
    def arguments(self) -> tuple[int, bytes, bytes, bytes, int]:
        """The first five arguments of `collect`, `refund` and `open_dispute`."""
        told = b"".join(word.to_bytes(WORD, "big") for word in self.outcomes)
        return self.batch, self.runs, self.evidence_root, told, self.index


def present(
    deployment: Deployment, data: bytes, logs: Iterable[Log], session_id: int
) -> Presentation:
    """Return how a session is presented, out of the transaction that settled it.

    `data` is the transaction's call data, `logs` its receipt's. Raises `CodecError` if
    that is no call of `settle` or the logs are not of its runs, and `ChainError` if it
    did not settle this session or if what it logged is not what the batch committed to.
    """
    settle = function("Settlement", "settle")
    if data[:4] != settle.selector:
        raise CodecError("that transaction does not settle a batch; name the one that does")
    try:
        _, _, root, runs, _ = default_codec.decode(settle.inputs, data[4:])
    except DecodingError as error:
        raise CodecError(f"the transaction's call data is not that of `settle`: {error}") from error
    told: list[int] = []
    batch, committed = 0, b""
    for event in decode_events("Settlement", deployment.address("Settlement"), logs):
        match event.name:
            case "Session":
                told.append(event.args["session"])
            case "RunSkipped":
                told.append(0)
            case "BatchSettled":
                batch, committed = event.args["batch"], event.args["commitment"]
    found = [index for index, word in enumerate(told) if word >> 160 == session_id and word]
    if not batch or not found:
        raise ChainError(f"that transaction did not settle session {session_id:#x}")
    if commitment(runs, root, told) != committed[:COMMITMENT_BYTES]:
        raise ChainError(f"batch {batch} committed to something else than it logged")
    return Presentation(batch, runs, root, tuple(told), found[0], settled_at(committed))


async def present_from(
    chain: ChainReader, transaction_hash: bytes, session_id: int
) -> Presentation:
    """Return how a session is presented, reading the transaction that settled it.

    Raises as `present` does, and `ChainError` if the transaction is not known or failed.
    """
    transaction = await chain.transaction(transaction_hash)
    receipt = await chain.receipt(transaction_hash)
    if transaction is None or receipt is None or not receipt.succeeded:
        raise ChainError(f"no transaction 0x{transaction_hash.hex()} that went through")
    return present(chain.deployment, transaction.data, receipt.logs, session_id)


def rulings_domain(deployment: Deployment) -> Domain:
    """Return the EIP-712 domain in which arbiters sign `typed_data.ruling_digest`."""
    return Domain(deployment.chain_id, deployment.address("Adjustments"), ADJUSTMENTS_NAME)


def bond(disputed: int) -> int:
    """Return what disputing costs for now: a twentieth of what is disputed, at least a token."""
    return max(MIN_BOND, disputed // BOND_DIVISOR)


def _adjustments(deployment: Deployment, name: str, *args: Any, gas: int = 500_000) -> Call:
    return contract_call("Adjustments", name, deployment.address("Adjustments"), *args, gas=gas)


def _presented(deployment: Deployment, name: str, presented: Presentation, *args: int) -> Call:
    return _adjustments(deployment, name, *presented.arguments, *args, gas=_PRESENTED_GAS)


def collect_call(deployment: Deployment, presented: Presentation) -> Call:
    """Have a session's debt paid out of the payer's vault; anyone sends this."""
    return _presented(deployment, "collect", presented)


def refund_call(
    deployment: Deployment, presented: Presentation, amount: int, reason: RefundReason
) -> Call:
    """Refund a session; the owner's account sends this. Its debt is waived first."""
    return _presented(deployment, "refund", presented, amount, reason)


def open_dispute_call(
    deployment: Deployment, presented: Presentation, reason: RefundReason
) -> Call:
    """Dispute a session; the holder of the account that pays sends this."""
    return _presented(deployment, "open_dispute", presented, reason)


def answer_dispute_call(deployment: Deployment, dispute: int, statement: bytes) -> Call:
    """Log the hash of what the owner says to a dispute; the owner's account sends this."""
    return _adjustments(deployment, "answer_dispute", dispute, statement)


def concede_call(deployment: Deployment, dispute: int, amount: int) -> Call:
    """Grant a disputed session's refund; the owner's account sends this.

    All of what is disputed closes the dispute; less is paid and the rest stays disputed.
    """
    return _adjustments(deployment, "concede", dispute, amount)


def rule_call(
    deployment: Deployment, dispute: int, refund: int, reason: bytes, epoch: int, signatures: bytes
) -> Call:
    """Execute a ruling, with the arbiters' signatures as `order_signatures` joins them."""
    return _adjustments(
        deployment, "rule", dispute, refund, reason, epoch, signatures, gas=1_000_000
    )


def lapse_call(deployment: Deployment, dispute: int) -> Call:
    """Close a dispute that nobody ruled on in time; anyone sends this."""
    return _adjustments(deployment, "lapse", dispute)


def execute_call(deployment: Deployment, dispute: int) -> Call:
    """Have what a dispute granted and lacked paid out of what came in since; anyone sends this."""
    return _adjustments(deployment, "execute", dispute)


def return_fee_call(deployment: Deployment, owner_id: int) -> Call:
    """Have an owner paid the fees that refunds gave back and that were routed then."""
    return _adjustments(deployment, "return_fee", owner_id)
