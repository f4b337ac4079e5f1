"""What each event leaves in an owner's accrual, in a dispute's hold, in a campaign's budget.

The events say what moved; how much an owner's debt took of it, and what was left,
follows from what was there before (docs/protocol.md, sections 4, 9 and 10;
`contracts/modules/holds.vy` and `disputes.vy` are the twins). Each entry keeps the
state after it, so a statement has its running balance, and undoing a block leaves the
newest entry below it as the state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import Table

from chargecoin.record import session_id
from indexer import schema
from indexer.hours import DAY_S
from indexer.rows import CollectionRow, RefundRow

# Row id and transaction hash of the log that an entry is of.
At = tuple[int, bytes]


class Accrual(NamedTuple):
    """An owner's accrual.

    `debt` is owed to holds, `pool` is what was paid of it and no dispute has used yet,
    `due` are fees owed back to the owner.
    """

    balance: int
    debt: int
    pool: int
    due: int

    def credit(self, amount: int) -> Accrual:
        """Return it with money; its debt has it first."""
        worked_off = min(amount, self.debt)
        return Accrual(
            self.balance + amount - worked_off,
            self.debt - worked_off,
            self.pool + worked_off,
            self.due,
        )

    def hold(self, amount: int) -> tuple[Accrual, int]:
        """Return it with money put aside, and what was not there and is debt now."""
        drawn = min(amount, self.balance)
        short = amount - drawn
        return self._replace(balance=self.balance - drawn, debt=self.debt + short), short

    def release(self, short: int, amount: int) -> tuple[Accrual, int]:
        """Return it with a part of a hold given back, and what is still not there of the rest.

        First comes what was not there, which the owner then no longer owes.
        """
        owed = min(amount, short)
        forgiven = min(owed, self.debt)
        freed = self._replace(debt=self.debt - forgiven, pool=self.pool - (owed - forgiven))
        return freed.credit(amount - forgiven), short - owed


@dataclass(frozen=True, slots=True)
class Hold:
    """What is put aside for a dispute; the columns of `dispute_entries`."""

    dispute: int
    owner_id: int
    hold: int
    short: int
    owed: int
    refunded: int
    bond: int
    open: bool


class Budget(NamedTuple):
    """A campaign's budget: what is left, what was spent, and how much of that on `day`."""

    left: int
    spent: int
    day: int
    day_spent: int


class Earned(NamedTuple):
    """What a batch credited one owner: net of the fee, which is beside it."""

    sessions: int
    net: int
    fee: int


NOTHING: Final = Earned(0, 0, 0)


class Spent(NamedTuple):
    """What a batch took from one budget."""

    sessions: int
    amount: int


class State(Protocol):
    """Where the newest state of everything is kept; reading gives zeros at first."""

    def accrual(self, owner_id: int) -> Accrual:
        """Return an owner's accrual."""

    def set_accrual(self, owner_id: int, accrual: Accrual) -> None:
        """Replace it."""

    def hold(self, dispute: int) -> Hold:
        """Return a dispute's hold. Raises `MissingLogsError` if it was never opened."""

    def set_hold(self, hold: Hold) -> None:
        """Replace it."""

    def budget(self, campaign_id: int) -> Budget:
        """Return a campaign's budget."""

    def set_budget(self, campaign_id: int, budget: Budget) -> None:
        """Replace it."""


class Sink(Protocol):
    """Where rows go."""

    def add(self, table: Table, row: tuple[Any, ...]) -> None:
        """Take a row, in the table's column order."""


class Books:
    """Writes the entries of one transaction, in the order of its events."""

    def __init__(self, state: State, sink: Sink) -> None:
        """Go on from `state`; entries go to `sink`."""
        self._state = state
        self._sink = sink
        # What a dispute's refund paid, until it is known whether that closed it: the log
        # that says so follows directly.
        self._granted: tuple[At, RefundRow] | None = None

    # --- settlement ---

    def settled(
        self,
        at: At,
        batch: int,
        settled_at: int,
        owners: Iterable[tuple[int, Earned]],
        budgets: Iterable[tuple[int, Spent]],
    ) -> None:
        """Enter a batch."""
        for owner_id, earned in owners:
            self._credit(at, owner_id, "settled", batch, earned)
        for campaign_id, spent in budgets:
            self._spend(at, campaign_id, batch, settled_at // DAY_S, spent)

    def collected(self, row: CollectionRow) -> None:
        """Enter a debt that was collected."""
        session = session_id(row.connector_id, row.sequence)
        earned = Earned(1, row.amount - row.fee, row.fee)
        self._credit((row.id, row.tx_hash), row.owner_id, "collected", session, earned)

    # --- out of the accrual ---

    def paid_out(self, at: At, owner_id: int, amount: int, kind: str) -> None:
        """Enter money that left for the owner: `kind` is `withdrawn` or `paid_out`."""
        before = self._state.accrual(owner_id)
        after = before._replace(balance=before.balance - amount)
        self._enter(at, owner_id, kind, 0, after)

    def fee_returned(self, at: At, owner_id: int, amount: int) -> None:
        """Enter a fee that was given back."""
        before = self._state.accrual(owner_id)
        after = before.credit(amount)._replace(due=before.due - amount)
        self._enter(at, owner_id, "fee_returned", 0, after, Earned(0, amount, 0))

    # --- refunds and disputes ---

    def refunded(self, row: RefundRow) -> None:
        """Enter a refund: by the owner's own will, or what a dispute pays of its hold."""
        at = (row.id, row.tx_hash)
        session = session_id(row.connector_id, row.sequence)
        if row.to_campaign:
            before = self._state.budget(row.campaign_id)
            after = before._replace(
                left=before.left + row.to_campaign, spent=before.spent - row.to_campaign
            )
            self._enter_budget(at, row.campaign_id, "refunded", session, after)
        if row.dispute:
            self._granted = (at, row)
            return
        accrual = self._state.accrual(row.owner_id)
        self._enter(
            at,
            row.owner_id,
            "refunded",
            session,
            accrual._replace(
                balance=accrual.balance - row.to_payer - row.to_campaign,
                due=accrual.due + row.fee_back,
            ),
        )

    def dispute_opened(self, at: At, dispute: int, owner_id: int, hold: int, bond: int) -> None:
        """Enter a hold: what the accrual has, the rest is the owner's debt."""
        after, short = self._state.accrual(owner_id).hold(hold)
        self._enter(at, owner_id, "held", dispute, after)
        self._enter_hold(at, Hold(dispute, owner_id, hold, short, 0, 0, bond, open=True))

    def dispute_closed(self, at: At, dispute: int, refunded: int, bond_to_owner: int) -> None:
        """Enter a decision: what it grants beyond the hold is held too, what is left is freed."""
        if self._granted is not None and (
            self._granted[1].dispute != dispute or self._granted[0][1] != at[1]
        ):
            self.finish()
        granted, self._granted = self._granted, None
        waived = paid = fee_back = 0
        if granted is not None:
            row = granted[1]
            waived, paid, fee_back = row.waived, row.to_payer + row.to_campaign, row.fee_back
        one = self._state.hold(dispute)
        accrual = self._state.accrual(one.owner_id)
        accrual = accrual._replace(due=accrual.due + fee_back)
        owed = refunded - one.refunded - waived
        short, hold = one.short, one.hold
        if owed > hold:
            accrual, more = accrual.hold(owed - hold)
            short, hold = short + more, owed
        freed = hold - owed
        accrual, short = accrual.release(short, freed)
        accrual = accrual.credit(bond_to_owner)
        one = replace(one, hold=owed, short=short, owed=owed, refunded=refunded, bond=0, open=False)
        self._pay(at, one, accrual, paid, "released", Earned(0, freed + bond_to_owner, 0))

    def finish(self) -> None:
        """Enter what waited for the next log: a refund that did not close its dispute.

        A concession of a part, or the execution of what was granted and was not there.
        """
        granted, self._granted = self._granted, None
        if granted is None:
            return
        at, row = granted
        paid = row.to_payer + row.to_campaign
        one = self._state.hold(row.dispute)
        accrual = self._state.accrual(row.owner_id)
        if one.open:
            accrual = accrual._replace(due=accrual.due + row.fee_back)
            one = replace(one, refunded=one.refunded + row.waived + paid, owed=one.owed + paid)
        self._pay(at, one, accrual, paid, "refunded", NOTHING)

    def _pay(
        self, at: At, one: Hold, accrual: Accrual, paid: int, kind: str, earned: Earned
    ) -> None:
        """Take what was paid out of a hold that the owner's pool has filled up before."""
        filled = min(accrual.pool, one.short)
        after = accrual._replace(pool=accrual.pool - filled)
        self._enter(at, one.owner_id, kind, one.dispute, after, earned)
        self._enter_hold(
            at,
            replace(one, short=one.short - filled, owed=one.owed - paid, hold=one.hold - paid),
        )

    # --- budgets ---

    def funded(self, at: At, campaign_id: int, amount: int) -> None:
        """Enter what a funder gave."""
        before = self._state.budget(campaign_id)
        after = before._replace(left=before.left + amount)
        self._enter_budget(at, campaign_id, "funded", 0, after)

    def released(self, at: At, campaign_id: int, amount: int) -> None:
        """Enter what a funder took back."""
        before = self._state.budget(campaign_id)
        after = before._replace(left=before.left - amount)
        self._enter_budget(at, campaign_id, "released", 0, after)

    def _spend(self, at: At, campaign_id: int, batch: int, day: int, spent: Spent) -> None:
        before = self._state.budget(campaign_id)
        today = before.day_spent if before.day == day else 0
        after = Budget(
            before.left - spent.amount, before.spent + spent.amount, day, today + spent.amount
        )
        self._enter_budget(at, campaign_id, "spent", batch, after, spent.sessions)

    # --- entries ---

    def _credit(self, at: At, owner_id: int, kind: str, reference: int, earned: Earned) -> None:
        after = self._state.accrual(owner_id).credit(earned.net)
        self._enter(at, owner_id, kind, reference, after, earned)

    def _enter(
        self,
        at: At,
        owner_id: int,
        kind: str,
        reference: int,
        after: Accrual,
        earned: Earned = NOTHING,
    ) -> None:
        before = self._state.accrual(owner_id)
        self._state.set_accrual(owner_id, after)
        identifier, transaction = at
        changes = (after.balance - before.balance, after.debt - before.debt)
        self._sink.add(
            schema.owner_entries,
            (identifier, owner_id, kind, reference, *earned, *changes, *after, transaction),
        )

    def _enter_hold(self, at: At, after: Hold) -> None:
        self._state.set_hold(after)
        identifier, transaction = at
        values = (
            after.dispute,
            after.owner_id,
            after.hold,
            after.short,
            after.owed,
            after.refunded,
            after.bond,
            after.open,
        )
        self._sink.add(schema.dispute_entries, (identifier, *values, transaction))

    def _enter_budget(
        self,
        at: At,
        campaign_id: int,
        kind: str,
        reference: int,
        after: Budget,
        sessions: int = 0,
    ) -> None:
        before = self._state.budget(campaign_id)
        self._state.set_budget(campaign_id, after)
        identifier, transaction = at
        amount = after.left - before.left
        self._sink.add(
            schema.campaign_entries,
            (identifier, campaign_id, kind, reference, sessions, amount, *after, transaction),
        )
