"""The shortest way to collect, refund, dispute and rule in titanoboa's chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import boa
from eth_utils.crypto import keccak

from chargecoin.record import Outcome, Run, SessionRecord, Status, settled_at
from chargecoin.refunds import Refund, Standing
from chargecoin.typed_data import (
    ADJUSTMENTS_NAME,
    Domain,
    Signer,
    order_signatures,
    ruling_digest,
)
from tests.contracts.world import TOKEN, Batch, Settled, World, events, session

OWNER, CONNECTOR = 1, 1
GROSS: Final = 9 * TOKEN
FEE: Final = 9_000
REASONS: Final = keccak(text="the arbiters' reasons")


@dataclass(frozen=True)
class Presented:
    """One session of a batch, as it is presented again; `index` is of what was told."""

    batch: Batch
    settled: Settled
    index: int = 0

    @property
    def outcome(self) -> Outcome:
        return Outcome.decode(self.settled.told[self.index])

    @property
    def session_id(self) -> int:
        return self.outcome.session_id

    def arguments(self, *others: Any, **changes: Any) -> tuple[Any, ...]:
        """What `collect`, `refund` and `open_dispute` take; `changes` replace some of it."""
        words = changes.pop("outcomes", self.settled.told)
        values = {
            "batch": self.settled.batch,
            "runs": self.batch.runs,
            "root": self.batch.root,
            "outcomes": b"".join(word.to_bytes(32, "big") for word in words),
            "index": self.index,
        } | changes
        return (*values.values(), *others)


def settle(world: World, *sessions: SessionRecord, connector: int = CONNECTOR) -> Presented:
    """Settle sessions in one run; the last of them is presented."""
    return settle_runs(
        world, [world.run(connector, [one.encode() for one in sessions])], len(sessions) - 1
    )


def settle_runs(world: World, runs: Sequence[Run], index: int = 0) -> Presented:
    """Settle runs; the outcome of that index is presented."""
    batch = world.batch(runs)
    return Presented(batch, world.submit(batch), index)


def pay(world: World, account: int, **changes: Any) -> Presented:
    """Settle a session of an account, which pays all of it."""
    presented = settle(world, session(account, **changes))
    assert presented.outcome.status == Status.SETTLED
    return presented


def owe(world: World, account: int, *others: int) -> Presented:
    """Settle a session of `account` after others of other accounts; it is left unfunded."""
    presented = settle(world, *(session(one) for one in (*others, account)))
    assert presented.outcome.status == Status.UNFUNDED
    return presented


def top_up(world: World, account: int, amount: int) -> None:
    """Let a stranger pay into an account."""
    world.fund(world.stranger, amount)
    world.settlement.deposit_for(
        account, world.settlement.account_holder(account), amount, 2**40, sender=world.stranger
    )


def collect(world: World, presented: Presented) -> None:
    """Have a session's debt collected."""
    world.adjustments.collect(*presented.arguments(), sender=world.stranger)


def refund(world: World, presented: Presented, amount: int, reason: int = 1) -> None:
    """Let the owner refund a session; it comes to what `chargecoin.refunds` says before."""
    before, paused_until = standing(world, presented), world.settlement.paused_until()
    world.adjustments.refund(*presented.arguments(amount, reason), sender=world.station_owner)
    [event] = events(world.adjustments, "SessionRefunded")
    moved = Refund(event.waived, event.to_payer, event.to_campaign, event.fee_back)
    assert before.refund(amount, boa.env.timestamp, paused_until) == moved


def standing(world: World, presented: Presented) -> Standing:
    """How a session stands by what the contract keeps."""
    outcome, kept = presented.outcome, world.adjustments.adjustment(presented.session_id)
    return Standing(
        outcome.paid,
        outcome.campaign_paid,
        outcome.debt,
        settled_at(presented.settled.commitment),
        kept[0],
        kept[1],
        kept[2],
        kept[3],
    )


def dispute(world: World, presented: Presented, by: Any = None, reason: int = 1) -> int:
    """Let the driver, unless somebody else is named, dispute a session."""
    number: int = world.adjustments.open_dispute(
        *presented.arguments(reason), sender=by or world.driver
    )
    return number


def rulings(world: World) -> Domain:
    """The EIP-712 domain of rulings."""
    return Domain(boa.env.evm.patch.chain_id, str(world.adjustments.address), ADJUSTMENTS_NAME)


def sign_ruling(
    world: World,
    number: int,
    amount: int,
    *,
    by: Sequence[Signer] | None = None,
    domain: Domain | None = None,
    epoch: int = 1,
    reason: bytes = REASONS,
) -> bytes:
    """The signatures of the first two arbiters, unless others are named, joined."""
    digest = ruling_digest(
        domain or rulings(world), epoch=epoch, dispute=number, refund=amount, reason=reason
    )
    return order_signatures(digest, [one.sign(digest) for one in by or world.arbiters[:2]])


def rule(world: World, number: int, amount: int, **changes: Any) -> None:
    """Have a ruling executed; `changes` are of what is signed and by whom."""
    signatures = sign_ruling(world, number, amount, **changes)
    world.adjustments.rule(
        number,
        amount,
        changes.get("reason", REASONS),
        changes.get("epoch", 1),
        signatures,
        sender=world.stranger,
    )


def position(world: World, owner: int = OWNER) -> int:
    """What an owner's accrual holds, less what it owes; it is never both."""
    balance, debt = world.settlement.accrual(owner)[:2]
    assert not (balance and debt)
    return int(balance) - int(debt)


def balanced(world: World) -> None:
    """What is owed is there, part by part, and it is what the contract says it owes."""
    liabilities = world.settlement.liabilities()
    assert world.token.balanceOf(world.settlement) >= liabilities == world.owed()
