"""The rules of docs/protocol.md, section 9, once more and in the plainest Python.

A session keeps every payment and refund it ever had, a dispute what is there of its
hold; sums and fees are taken over them anew each time. What the contract must refuse
raises `RefusedError`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from chargecoin.record import Outcome
from tests.contracts.model import DAY_S, PAUSE_S, require

TOKEN = 10**6
WINDOWS = {"dispute": 7 * DAY_S, "ruling": 14 * DAY_S, "fee": 21 * DAY_S}
OPEN, UPHELD, DISMISSED, CONCEDED, LAPSED = range(5)


@dataclass
class Session:
    """A session and all that happened to it. `refunds` are (amount, whether with its fee)."""

    account: int
    owner: int
    campaign: int
    settled_at: int
    paid: int
    campaign_paid: int
    debt: int
    collected: int = 0
    waived: int = 0
    refunds: list[tuple[int, bool]] = field(default_factory=list)
    dispute: int = 0

    @property
    def outstanding(self) -> int:
        """What is left of the debt."""
        return self.debt - self.collected - self.waived

    @property
    def brought(self) -> int:
        """All that was ever paid of it."""
        return self.paid + self.campaign_paid + self.collected

    @property
    def refunded(self) -> int:
        """All that was paid back."""
        return sum(amount for amount, _ in self.refunds)

    @property
    def fee(self) -> int:
        """The fee of it now."""
        return (self.brought - sum(amount for amount, with_fee in self.refunds if with_fee)) // 1000

    @property
    def to_campaign(self) -> int:
        """What of the refunds is the campaign's."""
        return self.refunded * self.campaign_paid // self.brought if self.brought else 0


@dataclass
class Dispute:
    """A dispute; `there` is what is put aside of its `hold`, `owed` what was granted of that."""

    session: int
    opened_at: int
    bond: int
    hold: int
    there: int
    owed_payer: int = 0
    owed_campaign: int = 0
    granted: int = 0
    result: int = OPEN

    @property
    def owed(self) -> int:
        """What was granted and is not paid."""
        return self.owed_payer + self.owed_campaign


@dataclass
class Owner:
    """An owner's accrual, what it is due of fees, and what it paid of its debt and nobody took."""

    balance: int = 0
    debt: int = 0
    due: int = 0
    pool: int = 0

    def credit(self, amount: int) -> None:
        """Pay the debt first."""
        to_debt = min(amount, self.debt)
        self.debt -= to_debt
        self.pool += to_debt
        self.balance += amount - to_debt


@dataclass
class Adjusted:
    """All that settlement and adjustments know of money."""

    balances: Counter[int] = field(default_factory=Counter)
    owners: dict[int, Owner] = field(default_factory=dict)
    budgets: Counter[int] = field(default_factory=Counter)
    sessions: dict[int, Session] = field(default_factory=dict)
    disputes: dict[int, Dispute] = field(default_factory=dict)
    pauses: list[int] = field(default_factory=list)
    fees: int = 0
    routed: int = 0

    # Times

    def paused(self, at: int) -> bool:
        """Whether settlement is paused."""
        return any(start <= at < start + PAUSE_S for start in self.pauses)

    def running(self, since: int, at: int) -> int:
        """Seconds without pauses."""
        return at - since - sum(self._overlap(start, since, at) for start in self.pauses)

    def gives_fee_back(self, session: Session, at: int) -> bool:
        """Whether it is less than 21 days since settlement, without the last pause."""
        last = self.pauses[-1:]
        counted = sum(self._overlap(start, session.settled_at, at) for start in last)
        return at - session.settled_at - counted < WINDOWS["fee"]

    @staticmethod
    def _overlap(start: int, since: int, at: int) -> int:
        return max(0, min(at, start + PAUSE_S) - max(since, start))

    # Settlement

    def settled(self, outcome: Outcome, session: Session) -> None:
        """Enter what settlement did with a session of an account that exists."""
        self.sessions[outcome.session_id] = session
        self.balances[session.account] -= session.paid
        self.budgets[session.campaign] -= session.campaign_paid
        self.fees += session.fee
        self.owners[session.owner].credit(session.brought - session.fee)

    def collect(self, number: int, at: int) -> tuple[int, int]:
        """Collect a session's debt; return the amount and the fee in it."""
        session = self.sessions[number]
        require(not self.paused(at), "paused")
        require(not self.disputed(session), "disputed")
        amount = min(session.outstanding, self.balances[session.account])
        require(amount, "nothing to collect")
        before = session.fee
        session.collected += amount
        fee = session.fee - before
        self.balances[session.account] -= amount
        self.fees += fee
        self.owners[session.owner].credit(amount - fee)
        return amount, fee

    def route(self) -> None:
        """Send the fees to the router, but for what is due to owners."""
        amount = self.fees - self.fees_due
        require(amount > 0, "nothing to route")
        self.routed += amount
        self.fees -= amount

    # Refunds

    def disputed(self, session: Session) -> bool:
        """Whether its dispute is open."""
        return session.dispute != 0 and self.disputes[session.dispute].result == OPEN

    def refund(self, number: int, amount: int, at: int) -> None:
        """Refund out of the accrual."""
        session = self.sessions[number]
        require(not self.disputed(session), "disputed")
        require(amount, "nothing to refund")
        owner = self.owners[session.owner]
        back, to_campaign, fee = self.worth(session, amount, at)
        returned = min(self.fees, owner.due + fee)
        credited = max(0, returned - owner.debt)
        require(owner.balance + credited >= back, "accrual too small")
        self._take_back(session, amount, at)
        owner.due += fee
        self.return_fee(session.owner)
        owner.balance -= back
        self.balances[session.account] += back - to_campaign
        self.budgets[session.campaign] += to_campaign

    def worth(self, session: Session, amount: int, at: int) -> tuple[int, int, int]:
        """What a refund pays back, what of that is the campaign's, and the fee that comes back."""
        back = amount - min(amount, session.outstanding)
        require(back <= session.brought - session.refunded, "more than was paid")
        after = Session(**vars(session))
        after.refunds = list(session.refunds)
        self._take_back(after, amount, at)
        return back, after.to_campaign - session.to_campaign, session.fee - after.fee

    def _take_back(self, session: Session, amount: int, at: int) -> None:
        waived = min(amount, session.outstanding)
        session.waived += waived
        if amount > waived:
            session.refunds.append((amount - waived, self.gives_fee_back(session, at)))

    def return_fee(self, number: int) -> int:
        """Pay an owner what it is due; return how much that was."""
        owner = self.owners[number]
        amount = min(self.fees, owner.due)
        owner.due -= amount
        self.fees -= amount
        owner.credit(amount)
        return amount

    # Disputes

    def open(self, number: int, at: int) -> int:
        """Open a dispute; return its number."""
        session = self.sessions[number]
        mine = [one for one in self.disputes.values() if one.result == OPEN]
        mine = [one for one in mine if self.sessions[one.session].account == session.account]
        require(not session.dispute, "disputed before")
        require(self.running(session.settled_at, at) < WINDOWS["dispute"], "too late")
        require(len(mine) < 3, "too many")
        paid = session.brought - session.refunded
        amount = session.outstanding + paid
        require(amount, "nothing to dispute")
        bond = max(TOKEN, amount // 20)
        require(self.balances[session.account] >= bond, "balance below the bond")
        self.balances[session.account] -= bond
        hold = paid - session.fee
        there = self._draw(session.owner, hold)
        session.dispute = len(self.disputes) + 1
        self.disputes[session.dispute] = Dispute(number, at, bond, hold, there)
        return session.dispute

    def _draw(self, number: int, amount: int) -> int:
        owner = self.owners[number]
        there = min(owner.balance, amount)
        owner.balance -= there
        owner.debt += amount - there
        return there

    def left(self, number: int) -> int:
        """What of a dispute is not granted yet."""
        session = self.sessions[self.disputes[number].session]
        return session.outstanding + session.brought - session.refunded

    def concede(self, number: int, amount: int, at: int) -> None:
        """Grant a part, which must be there, or all."""
        one = self.disputes[number]
        require(one.result == OPEN, "not open")
        require(amount, "nothing conceded")
        if amount == self.left(number):
            self._grant(number, amount, at)
            self._close(number, CONCEDED)
            return
        session = self.sessions[one.session]
        back, _, fee = self.worth(session, amount, at)
        owner = self.owners[session.owner]
        to_pool = min(owner.debt, self.fees, owner.due + fee)
        missing = one.hold - one.there
        require(back <= one.hold, "more than was put aside")
        require(back <= one.there + min(missing, owner.pool + to_pool), "more than was put aside")
        self._grant(number, amount, at)
        self._pay(number)

    def rule(self, number: int, amount: int, at: int) -> None:
        """Execute a ruling."""
        one = self.disputes[number]
        require(one.result == OPEN, "not open")
        require(self.running(one.opened_at, at) < WINDOWS["ruling"], "too late")
        if amount:
            self._grant(number, amount, at)
        self._close(number, UPHELD if one.granted else DISMISSED)

    def lapse(self, number: int, at: int) -> None:
        """Close what nobody ruled on."""
        one = self.disputes[number]
        require(one.result == OPEN, "not open")
        require(self.running(one.opened_at, at) >= WINDOWS["ruling"], "too early")
        self._close(number, LAPSED)

    def execute(self, number: int) -> None:
        """Pay what was short."""
        one = self.disputes[number]
        pool = self.owners[self.sessions[one.session].owner].pool
        require(one.owed and one.there + pool, "nothing to execute")
        self._pay(number)

    def _grant(self, number: int, amount: int, at: int) -> None:
        one = self.disputes[number]
        session = self.sessions[one.session]
        back, to_campaign, fee = self.worth(session, amount, at)
        self._take_back(session, amount, at)
        one.granted += amount
        self.owners[session.owner].due += fee
        self.return_fee(session.owner)
        one.owed_payer += back - to_campaign
        one.owed_campaign += to_campaign
        missing = max(0, one.owed - one.hold)
        one.hold += missing
        one.there += self._draw(session.owner, missing)

    def _close(self, number: int, result: int) -> None:
        one = self.disputes[number]
        session = self.sessions[one.session]
        owner = self.owners[session.owner]
        one.result = result
        # What was not there need not come any more; what was is the owner's again.
        free = one.hold - one.owed
        not_there = min(free, one.hold - one.there)
        forgiven = min(not_there, owner.debt)
        owner.debt -= forgiven
        owner.pool -= not_there - forgiven
        one.hold -= free
        one.there -= free - not_there
        owner.credit(free - forgiven)
        if result == DISMISSED:
            owner.credit(one.bond)
        else:
            self.balances[session.account] += one.bond
        one.bond = 0
        self._pay(number)

    def _pay(self, number: int) -> None:
        one = self.disputes[number]
        session = self.sessions[one.session]
        owner = self.owners[session.owner]
        filled = min(owner.pool, one.hold - one.there)
        owner.pool -= filled
        one.there += filled
        to_payer = min(one.owed_payer, one.there)
        to_campaign = min(one.owed_campaign, one.there - to_payer)
        one.owed_payer -= to_payer
        one.owed_campaign -= to_campaign
        one.hold -= to_payer + to_campaign
        one.there -= to_payer + to_campaign
        self.balances[session.account] += to_payer
        self.budgets[session.campaign] += to_campaign

    # Sums

    @property
    def fees_due(self) -> int:
        """What is due to owners."""
        return sum(owner.due for owner in self.owners.values())

    @property
    def held(self) -> int:
        """What disputes hold: bonds, what is there of holds, and what waits in pools."""
        disputes = sum(one.bond + one.there for one in self.disputes.values())
        return disputes + sum(owner.pool for owner in self.owners.values())
