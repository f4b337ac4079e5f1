"""The rules of all contracts together, in the plainest Python.

Refunds and disputes are those of `adjustments_model.py`, limits those of `model.py`, campaigns'
shares those of `chargecoin.campaigns`; here is what joins them: what settlement makes of a session
with all of that in force, where fees go, and who is paid where.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chargecoin.campaigns import ALL_HOURS, Budget, Rules
from chargecoin.payouts import Cycle
from chargecoin.record import Outcome, OutcomeFlag, Reason, SessionRecord, Status
from tests.contracts.adjustments_model import Adjusted, Session
from tests.contracts.model import DAY_S, HOUR_S, Account, require

TOKEN = 10**6
DESTINATION_DELAY_S = 3 * DAY_S
# Basis points of stakers, drivers, stations; the treasury has the rest.
SHARES = (4_000, 2_500, 2_500)


@dataclass
class Campaign:
    """A campaign; what is left of its budget is with the other money, in `budgets`."""

    rules: Rules
    connectors: set[int]
    spent: int = 0
    spent_on: Counter[int] = field(default_factory=Counter)
    funded: Counter[Any] = field(default_factory=Counter)
    reclaimed: Counter[Any] = field(default_factory=Counter)


@dataclass
class Payee:
    """Where and when an owner is paid. `destinations` are (from when, to whom)."""

    account: Any
    cycle: Cycle = Cycle.ON_DEMAND
    paid_day: int = 0
    destinations: list[tuple[int, Any]] = field(default_factory=list)

    def destination(self, at: int) -> Any:
        """The last in force; one that was replaced before it was never is."""
        in_force = [to for since, to in self.destinations if since <= at]
        return in_force[-1] if in_force else self.account

    def set_destination(self, to: Any, at: int) -> None:
        """Replace what is not in force yet."""
        self.destinations = [one for one in self.destinations if one[0] <= at]
        self.destinations.append((at + DESTINATION_DELAY_S, to))


@dataclass
class Router:
    """The fee router: what waits to be shared, what it keeps, what each destination had."""

    waiting: int = 0
    kept: Counter[Any] = field(default_factory=Counter)
    given: Counter[Any] = field(default_factory=Counter)
    reimbursed: int = 0

    def give(self, to: Any, amount: int, frozen: set[Any]) -> None:
        """Send, or keep for who refuses."""
        (self.kept if to in frozen else self.given)[to] += amount


@dataclass
class Protocol(Adjusted):
    """All that the contracts know of money. `payers` are accounts without their balances."""

    exposure_limit: int = 50 * TOKEN
    per_batch: int = 0
    reimbursable: int = 0
    payers: dict[int, Account] = field(default_factory=dict)
    campaigns: dict[int, Campaign] = field(default_factory=dict)
    payees: dict[int, Payee] = field(default_factory=dict)
    router: Router = field(default_factory=Router)
    started_at: dict[int, int] = field(default_factory=dict)
    counted: Counter[int] = field(default_factory=Counter)
    donated: int = 0

    # Payers

    def debt(self, account: int) -> int:
        """What an account owes."""
        return sum(one.outstanding for one in self.sessions.values() if one.account == account)

    def pay(self, account: int, wanted: int, started_at: int, at: int) -> int:
        """What balance and limit of the day let out of a vault; it counts against the limit."""
        payer = self.payers[account]
        left = max(0, payer.limit_for(started_at) - payer.spent[at // DAY_S])
        paid = min(wanted, self.balances[account], left)
        payer.spent[at // DAY_S] += paid
        return paid

    def withdraw(self, account: int, at: int) -> int:
        """Execute the open request; return how much it pays out."""
        payer = self.payers[account]
        require(payer.request, "no request")
        asked, since = payer.request or (0, 0)
        require(since + 72 * HOUR_S <= at < since + 96 * HOUR_S, "not in its window")
        free = self.balances[account] - self.debt(account)
        require(free > 0, "nothing to withdraw")
        amount = min(asked, free)
        self.balances[account] -= amount
        payer.request = None
        return amount

    # Sessions

    def settle(self, sessions: list[tuple[int, int, int, SessionRecord]], at: int) -> list[Outcome]:
        """Settle sessions, each (its id, connector, owner, record); return what became of them."""
        require(not self.paused(at), "paused")
        fees = self.fees
        outcomes = [self._session(*one, at) for one in sessions]
        self.reimbursable += min(self.per_batch, self.fees - fees)
        return outcomes

    def _session(
        self, number: int, connector: int, owner: int, record: SessionRecord, at: int
    ) -> Outcome:
        self.counted[at // DAY_S] += record.gross
        wanted, from_campaign, flags = record.gross, 0, OutcomeFlag(0)
        if record.campaign_id:
            wanted, from_campaign, flags = self._granted(connector, record, at // DAY_S)
        short_balance = self.balances[record.payer] < wanted
        debt = self.debt(record.payer)
        paid = self.pay(record.payer, wanted, record.started_at, at)
        owed = min(wanted - paid, max(0, self.exposure_limit - debt))
        reason = Reason.BALANCE_SHORT if short_balance else Reason.LIMIT_SHORT
        settled = paid == wanted
        outcome = Outcome(
            number,
            Status.SETTLED if settled else Status.UNFUNDED,
            Reason.NONE if settled else reason,
            flags,
            paid,
            from_campaign,
            owed,
        )
        self.started_at[number] = record.started_at
        entered = Session(record.payer, owner, record.campaign_id, at, paid, from_campaign, owed)
        self.settled(outcome, entered)
        return outcome

    def _granted(
        self, connector: int, record: SessionRecord, today: int
    ) -> tuple[int, int, OutcomeFlag]:
        """What the payer still has to pay, what the campaign pays, and how that is flagged."""
        one = self.campaigns.get(record.campaign_id)
        if (
            one is None
            or connector not in one.connectors
            or not one.rules.covers(record.started_at, record.hour_of_week, ALL_HOURS)
        ):
            return record.gross, 0, OutcomeFlag.CAMPAIGN_NOT_APPLIED
        budget = Budget(self.budgets[record.campaign_id], one.spent, today, one.spent_on[today])
        share = one.rules.share(record.gross, budget, today)
        one.spent_on[today] += share.campaign
        flags = OutcomeFlag(0)
        if not share.applied:
            flags = OutcomeFlag.CAMPAIGN_NOT_APPLIED
        elif share.short:
            flags = OutcomeFlag.CAMPAIGN_SHORT
        return share.payer, share.campaign, flags

    def collect(self, number: int, at: int) -> tuple[int, int]:
        """Collect a session's debt, within the limit of the day too."""
        session = self.sessions[number]
        require(not self.paused(at), "paused")
        require(not self.disputed(session), "disputed")
        amount = self.pay(session.account, session.outstanding, self.started_at[number], at)
        require(amount, "nothing to collect")
        before = session.fee
        session.collected += amount
        fee = session.fee - before
        self.balances[session.account] -= amount
        self.fees += fee
        self.owners[session.owner].credit(amount - fee)
        return amount, fee

    # Campaigns

    def fund(self, number: int, funder: Any, amount: int) -> None:
        """Add to a budget."""
        self.campaigns[number].funded[funder] += amount
        self.budgets[number] += amount

    def reclaim(self, number: int, funder: Any) -> int:
        """Give a funder its part of what is left; return how much that is."""
        one = self.campaigns[number]
        require(one.funded[funder], "not a funder")
        pot = self.budgets[number] + one.reclaimed.total()
        amount = one.funded[funder] * pot // one.funded.total() - one.reclaimed[funder]
        require(amount, "nothing to reclaim")
        one.reclaimed[funder] += amount
        self.budgets[number] -= amount
        return amount

    # Fees

    def route(self) -> None:
        """Send the fees to the router."""
        before = self.routed
        super().route()
        self.router.waiting += self.routed - before

    def share(self, to: dict[str, Any], frozen: set[Any]) -> None:
        """Divide what waits in the router: the oracles first."""
        router = self.router
        amount = router.waiting
        require(amount, "nothing to route")
        oracles = min(self.reimbursable - router.reimbursed, amount)
        router.reimbursed += oracles
        router.give(to["oracles"], oracles, frozen)
        amount -= oracles
        parts = [amount * share // 10_000 for share in SHARES]
        for name, part in zip(("stakers", "drivers", "stations"), parts, strict=True):
            router.give(to[name], part, frozen)
        router.give(to["treasury"], amount - sum(parts), frozen)
        router.waiting = 0
