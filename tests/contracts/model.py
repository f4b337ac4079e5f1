"""The rules of docs/protocol.md, sections 2 to 4, once more and in the plainest Python.

Nothing is packed, cached or summed up here: a session is looked at field by
field, a cap by adding up what counted against it. What the contract must refuse
raises `Refused`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from chargecoin.record import (
    MAX_DURATION_S,
    Outcome,
    OutcomeFlag,
    Reason,
    Run,
    SessionRecord,
    Status,
    next_hash,
)
from chargecoin.tariff import Prices, Tariff

DAY_S = 86_400
HOUR_S = 3_600
PAUSE_S = 48 * HOUR_S
COOL_DOWN_S = 14 * DAY_S
MAX_AGE_S = 90 * DAY_S


class RefusedError(Exception):
    """The contract must refuse this."""


def require(condition: object, what: str) -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise RefusedError(what)


@dataclass
class Account:
    """A vault account. `limits` are all it ever had, each with when it was set."""

    holder: object
    balance: int = 0
    limits: list[tuple[int, int]] = field(default_factory=list)
    debt: int = 0
    spent: Counter[int] = field(default_factory=Counter)
    request: tuple[int, int] | None = None

    @property
    def limit(self) -> int:
        """The daily limit in force."""
        return self.limits[-1][1] if self.limits else 0

    def limit_for(self, started_at: int) -> int:
        """What a session is held against: the highest limit since the last raise beyond it.

        A limit that was lowered holds for sessions that started before the last
        lowering, until the holder sets one at least as high again.
        """
        highest, lowered_at = 0, 0
        limit = 0
        for at, value in self.limits:
            highest = max(highest, limit)
            if value < limit:
                lowered_at = at
            elif value >= highest:
                highest, lowered_at = value, 0
            limit = value
        return max(highest, limit) if started_at < lowered_at else limit


@dataclass
class Debt:
    """What is left of a session's debt, and what was paid of the session."""

    account: int
    owner: int
    started_at: int
    open: int
    paid: int


@dataclass
class Connector:
    """A connector's owner, tariffs and head."""

    owner: int
    tariffs: list[Tariff] = field(default_factory=list)
    sequence: int = 0
    hash: int = 0

    def tariff(self, index: int) -> Tariff:
        """A tariff by its number from 1; where there is none, one that is never in force."""
        if 1 <= index <= len(self.tariffs):
            return self.tariffs[index - 1]
        return Tariff.flat(Prices(0, 0, 0, 0), 0, 0)


@dataclass
class Model:
    """All that settlement knows."""

    session_cap: int
    owner_day_cap: int
    committee_day_cap: int
    exposure_limit: int
    accounts: dict[int, Account] = field(default_factory=dict)
    connectors: dict[int, Connector] = field(default_factory=dict)
    accruals: Counter[int] = field(default_factory=Counter)
    counted: Counter[tuple[int, int]] = field(default_factory=Counter)  # (owner, day)
    debts: dict[int, Debt] = field(default_factory=dict)
    pauses: list[int] = field(default_factory=list)
    fees: int = 0
    routed: int = 0
    batches: int = 0

    # Times

    def paused(self, at: int) -> bool:
        """Whether settlement is paused."""
        return any(start <= at < start + PAUSE_S for start in self.pauses)

    def pause(self, at: int) -> None:
        """Begin a pause."""
        require(not self.pauses or at >= self.pauses[-1] + PAUSE_S + COOL_DOWN_S, "cools down")
        self.pauses.append(at)

    def age(self, ended_at: int, at: int) -> int:
        """Seconds since the end of a session, without pauses."""
        paused = sum(
            max(0, min(at, start + PAUSE_S) - max(ended_at, start)) for start in self.pauses
        )
        return at - ended_at - paused

    # Payers

    def set_limit(self, account: int, limit: int, at: int) -> None:
        """Set a daily limit."""
        self.accounts[account].limits.append((at, limit))

    def withdraw(self, account: int, at: int) -> int:
        """Execute the open request; return how much it pays out."""
        one = self.accounts[account]
        require(one.request, "no request")
        asked, requested_at = one.request or (0, 0)
        require(requested_at + 72 * HOUR_S <= at < requested_at + 96 * HOUR_S, "not in its window")
        require(one.balance > one.debt, "nothing to withdraw")
        amount = min(asked, one.balance - one.debt)
        one.balance -= amount
        one.request = None
        return amount

    def pay(self, account: int, wanted: int, started_at: int, at: int) -> int:
        """Debit an account as far as balance and limit of the day reach."""
        one = self.accounts[account]
        left = max(0, one.limit_for(started_at) - one.spent[at // DAY_S])
        amount = min(wanted, one.balance, left)
        one.balance -= amount
        one.spent[at // DAY_S] += amount
        return amount

    def credit(self, owner: int, paid_before: int, paid: int) -> int:
        """Credit an owner with a payment; return the fee, charged on the sum of payments."""
        fee = (paid_before + paid) // 1000 - paid_before // 1000
        self.accruals[owner] += paid - fee
        self.fees += fee
        return fee

    # Sessions

    def settle(self, runs: Sequence[Run], at: int) -> list[Outcome]:
        """Settle runs whose signatures are good; return the outcomes."""
        require(not self.paused(at), "paused")
        outcomes: list[Outcome] = []
        for run in runs:
            connector = self.connectors.get(run.connector_id)
            if connector is None:
                continue
            if (run.first_sequence, run.previous_hash) != (connector.sequence + 1, connector.hash):
                continue
            for number, word in zip(run.session_ids(), run.words, strict=True):
                outcome = self._session(number, word, connector, run.tariff_index, at)
                connector.sequence += 1
                connector.hash = next_hash(connector.hash, word, outcome.encode())
                outcomes.append(outcome)
        self.batches += bool(outcomes)
        return outcomes

    def _session(
        self, number: int, word: int, connector: Connector, tariff_index: int, at: int
    ) -> Outcome:
        def outcome(
            status: Status,
            reason: Reason = Reason.NONE,
            flags: int = 0,
            paid: int = 0,
            debt: int = 0,
        ) -> Outcome:
            return Outcome(number, status, reason, OutcomeFlag(flags), paid, 0, debt)

        tariff = connector.tariff(tariff_index)
        if reason := self._fault(word, tariff, at):
            return outcome(Status.REJECTED, reason)
        session = SessionRecord.decode(word)
        gross, flags = priced(session, tariff)
        if reason := self._over_a_cap(session, gross, connector.owner, at // DAY_S):
            return outcome(Status.REJECTED, reason)
        if session.payer not in self.accounts:
            if gross == 0:
                return outcome(Status.SETTLED, flags=flags)
            reason = Reason.UNKNOWN_ACCOUNT if session.payer else Reason.NO_PAYER
            return outcome(Status.UNFUNDED, reason, flags)
        self.counted[connector.owner, at // DAY_S] += gross
        account = self.accounts[session.payer]
        reason = Reason.BALANCE_SHORT if account.balance < gross else Reason.LIMIT_SHORT
        paid = self.pay(session.payer, gross, session.started_at, at)
        self.credit(connector.owner, 0, paid)
        if paid == gross:
            return outcome(Status.SETTLED, flags=flags, paid=paid)
        debt = min(gross - paid, max(0, self.exposure_limit - account.debt))
        account.debt += debt
        self.debts[number] = Debt(session.payer, connector.owner, session.started_at, debt, paid)
        return outcome(Status.UNFUNDED, reason, flags, paid, debt)

    def _fault(self, word: int, tariff: Tariff, at: int) -> Reason | None:
        """Why a record is rejected whatever it costs."""
        if not in_range(word):
            return Reason.FIELD_RANGE
        session = SessionRecord.decode(word)
        if session.ended_at > at:
            return Reason.ENDS_IN_FUTURE
        if self.age(session.ended_at, at) > MAX_AGE_S:
            return Reason.TOO_OLD
        if not tariff.in_force(session.started_at):
            return Reason.TARIFF_NOT_IN_FORCE
        return None

    def _over_a_cap(
        self, session: SessionRecord, gross: int, owner: int, day: int
    ) -> Reason | None:
        """Which cap a session is over. The day caps are for sessions of an account."""
        if gross > self.session_cap:
            return Reason.SESSION_CAP
        if session.payer not in self.accounts:
            return None
        if self.counted[owner, day] + gross > self.owner_day_cap:
            return Reason.OWNER_DAY_CAP
        if self.day_gross(day) + gross > self.committee_day_cap:
            return Reason.COMMITTEE_DAY_CAP
        return None

    def day_gross(self, day: int) -> int:
        """What counted against the committee's cap on a day."""
        return sum(gross for (_, on), gross in self.counted.items() if on == day)

    def collect(self, number: int, at: int) -> tuple[int, int]:
        """Collect a session's debt as far as it can be paid; return amount and fee."""
        require(not self.paused(at), "paused")
        require(number in self.debts, "no debt")
        debt = self.debts[number]
        amount = self.pay(debt.account, debt.open, debt.started_at, at)
        require(amount, "nothing to collect")
        fee = self.credit(debt.owner, debt.paid, amount)
        debt.open -= amount
        debt.paid += amount
        self.accounts[debt.account].debt -= amount
        return amount, fee

    @property
    def owed(self) -> int:
        """What the contract owes in all."""
        vaults = sum(account.balance for account in self.accounts.values())
        return vaults + self.accruals.total() + self.fees


def in_range(word: int) -> bool:
    """Whether every field of a record is in its range."""
    if word & ((1 << 19) - 1):
        return False
    session = SessionRecord.decode(word)
    return (
        session.duration_s <= MAX_DURATION_S
        and session.idle_s <= session.duration_s
        and session.hour_of_week <= 167
        and (session.renewable_pct <= 100 or session.renewable_pct == 127)
        and session.assurance != 0
    )


def priced(session: SessionRecord, tariff: Tariff) -> tuple[int, OutcomeFlag]:
    """A session's gross within the tariff's bounds, and what was changed."""
    low, high = tariff.bounds(
        energy_wh=session.energy_wh, duration_s=session.duration_s, idle_s=session.idle_s
    )
    gross = min(max(session.gross, low), high)
    flags = OutcomeFlag(0)
    if gross != session.gross:
        flags |= OutcomeFlag.CLAMPED
    if session.campaign_id:
        flags |= OutcomeFlag.CAMPAIGN_NOT_APPLIED
    return gross, flags
