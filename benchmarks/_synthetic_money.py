"""What happens in a made-up year beside settlement: debts, refunds, disputes, payouts, rewards."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Final

from chargecoin.campaigns import benefit
from chargecoin.record import session_id
from chargecoin.tariff import FEE_DIVISOR
from tests.indexer.fake_chain import address, event

Event = tuple[str, list[str], str]

DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
QUARTERS: Final = 4
# Every fourth owner runs a campaign each quarter at the first site; some sponsor pays at others.
CAMPAIGN_OWNERS: Final = 4
SPONSORS: Final = 4
RATE_BPS: Final = 1_500
SESSION_CAP: Final = 2_000_000
BUDGET: Final = 10**12
HOURS_ALL: Final = (1 << 168) - 1
# Of sessions that were paid: one in so many is refunded in part, one disputed.
REFUNDED: Final = 400
DISPUTED: Final = 3_000
BOND: Final = 1_000_000
COLLECTED_AFTER_S: Final = 5 * DAY_S
REFUNDED_AFTER_S: Final = 3 * DAY_S
DISPUTED_AFTER_S: Final = 2 * DAY_S
CLOSED_AFTER_S: Final = 9 * DAY_S
CLAIMED_AFTER: Final = 4  # weeks
PAID_OUT_PCT: Final = 90


@dataclass(frozen=True, slots=True)
class Sale:
    """A session that was settled: whose money it was, and how much (base units)."""

    session: int
    payer: int
    owner_id: int
    amount: int


class Aftermath:
    """Remembers some of what was settled, and says what is done about it later."""

    def __init__(self, dice: random.Random, owners: int, start: int) -> None:
        """Begin a year of `owners` at `start`, UTC seconds."""
        self._dice = dice
        self._owners = owners
        self._start = start
        self._week = 0
        self._earned = [0] * (owners + 1)
        self._fees = 0
        self._debts: deque[tuple[int, Sale]] = deque()
        self._refunds: deque[tuple[int, Sale]] = deque()
        self._disputes: deque[tuple[int, Sale]] = deque()
        self._open: deque[tuple[int, int, Sale]] = deque()
        self._disputed = 0

    def settled(
        self, place: tuple[int, int], owner_id: int, payer: int, paid: int, debt: int, at: int
    ) -> None:
        """Take note of a session: its connector and sequence, what came in, what did not."""
        fee = paid // FEE_DIVISOR
        self._earned[owner_id] += paid - fee
        self._fees += fee
        if debt:
            if self._dice.random() < 0.5:
                sale = Sale(session_id(*place), payer, owner_id, debt)
                self._debts.append((at + COLLECTED_AFTER_S, sale))
        elif paid:
            luck = self._dice.random() * REFUNDED * DISPUTED
            if luck < DISPUTED:
                sale = Sale(session_id(*place), payer, owner_id, paid)
                self._refunds.append((at + REFUNDED_AFTER_S, sale))
            elif luck < DISPUTED + REFUNDED:
                sale = Sale(session_id(*place), payer, owner_id, paid)
                self._disputes.append((at + DISPUTED_AFTER_S, sale))

    def events(self, at: int) -> list[Event]:
        """Return what is logged in a block of time `at` after its batch."""
        found: list[Event] = []
        while self._debts and self._debts[0][0] <= at:
            found += self._collect(self._debts.popleft()[1])
        while self._refunds and self._refunds[0][0] <= at:
            found += self._refund(self._refunds.popleft()[1])
        while self._disputes and self._disputes[0][0] <= at:
            found += self._dispute(self._disputes.popleft()[1], at)
        while self._open and self._open[0][0] <= at:
            _, number, sale = self._open.popleft()
            found += self._close(number, sale)
        while self._start + (self._week + 1) * WEEK_S <= at:
            self._week += 1
            found += self._end_of_week(at)
        return found

    def _collect(self, sale: Sale) -> list[Event]:
        fee = sale.amount // FEE_DIVISOR
        self._earned[sale.owner_id] += sale.amount - fee
        return [
            event(
                "Adjustments",
                "DebtCollected",
                session_id=sale.session,
                account=sale.payer,
                owner_id=sale.owner_id,
                amount=sale.amount,
                fee=fee,
            )
        ]

    def _refund(self, sale: Sale) -> list[Event]:
        back = self._dice.randint(1, sale.amount)
        self._earned[sale.owner_id] -= back
        return [_refunded(sale, 0, back)]

    def _dispute(self, sale: Sale, at: int) -> list[Event]:
        self._disputed += 1
        self._open.append((at + CLOSED_AFTER_S, self._disputed, sale))
        return [
            event(
                "Adjustments",
                "DisputeOpened",
                dispute=self._disputed,
                session_id=sale.session,
                account=sale.payer,
                owner_id=sale.owner_id,
                amount=sale.amount,
                hold=sale.amount - sale.amount // FEE_DIVISOR,
                bond=BOND,
                deadline=at + 14 * DAY_S,
                reason=1,
            )
        ]

    def _close(self, number: int, sale: Sale) -> list[Event]:
        refund = self._dice.choice((0, sale.amount // 3, sale.amount))
        self._earned[sale.owner_id] -= refund
        closed = event(
            "Adjustments",
            "DisputeClosed",
            dispute=number,
            session_id=sale.session,
            result=1 if refund else 2,
            refunded=refund,
            released=max(0, sale.amount - sale.amount // FEE_DIVISOR - refund),
            bond_to_owner=0 if refund else BOND,
        )
        return [*([_refunded(sale, number, refund)] if refund else []), closed]

    def _end_of_week(self, at: int) -> list[Event]:
        found: list[Event] = []
        for owner_id in range(1, self._owners + 1):
            amount = self._earned[owner_id] * PAID_OUT_PCT // 100
            self._earned[owner_id] -= amount
            if amount > 0:
                found.append(
                    event(
                        "Settlement",
                        "PaidOut",
                        owner_id=owner_id,
                        to=address(owner_id),
                        amount=amount,
                        reference=owner_id.to_bytes(32, "big"),
                    )
                )
        fees, self._fees = self._fees, 0
        stations = fees // 4
        found.append(event("Settlement", "FeesRouted", router=address(3), amount=fees))
        found.append(
            event(
                "FeeRouter",
                "Routed",
                amount=fees,
                stakers=fees - 3 * stations,
                drivers=stations,
                stations=stations,
                treasury=stations,
            )
        )
        return found + self._rewards(at // WEEK_S, stations, at)

    def _rewards(self, epoch: int, amount: int, at: int) -> list[Event]:
        """Fund this week's epoch; what was posted four weeks ago is claimed by every owner."""
        distributor = "StationRewards"
        money = {"payment": amount, "chg": 10**21}
        found = [
            event(distributor, "EpochFunded", epoch=epoch, source=address(3), **money),
            event(
                distributor,
                "RootPosted",
                epoch=epoch - 1,
                attempt=1,
                committee_epoch=1,
                root=epoch.to_bytes(32, "big"),
                **money,
                claimable_at=at + DAY_S,
                expires_at=at + 90 * DAY_S,
            ),
        ]
        if self._week > CLAIMED_AFTER:
            found += [
                event(
                    distributor,
                    "RewardClaimed",
                    epoch=epoch - CLAIMED_AFTER,
                    recipient=owner_id,
                    to=address(owner_id),
                    payment=amount // self._owners,
                    chg=10**18,
                )
                for owner_id in range(1, self._owners + 1)
            ]
        return found


def _refunded(sale: Sale, dispute: int, back: int) -> Event:
    return event(
        "Adjustments",
        "SessionRefunded",
        session_id=sale.session,
        account=sale.payer,
        owner_id=sale.owner_id,
        dispute=dispute,
        waived=0,
        to_payer=back,
        to_campaign=0,
        fee_back=back // FEE_DIVISOR,
        reason=8 if dispute else 1,
    )


class Campaigns:
    """Who gives off what: owners each quarter at their first site, sponsors all year at others'."""

    def __init__(self, owners: int, sites: int, connectors: int, start: int) -> None:
        """Plan a year from `start` of `owners`, each with `sites` of so many `connectors`."""
        self._start = start
        self._a_site = connectors
        self._an_owner = sites * connectors
        self._of: dict[int, tuple[int, ...]] = {}
        self._plan: list[tuple[int, int, int, list[int]]] = []
        for owner_id in range(CAMPAIGN_OWNERS, owners + 1, CAMPAIGN_OWNERS):
            first = 1 + (owner_id - 1) * self._an_owner
            enrolled = list(range(first, first + self._a_site))
            numbers = tuple(len(self._plan) + 1 + quarter for quarter in range(QUARTERS))
            self._plan += [(owner_id, quarter, 1, enrolled) for quarter in range(QUARTERS)]
            self._of |= dict.fromkeys(enrolled, numbers)
        for sponsor in range(SPONSORS):
            others = range(1 + sponsor, owners + 1, CAMPAIGN_OWNERS * SPONSORS)
            enrolled = [owner_id * self._an_owner for owner_id in others]
            self._plan.append((0, 0, QUARTERS, enrolled))
            self._of |= dict.fromkeys(enrolled, (len(self._plan),) * QUARTERS)

    def of(self, connector_id: int, at: int, due: int) -> tuple[int, int]:
        """Return the campaign at a connector and what it takes off, zeros where there is none."""
        numbers = self._of.get(connector_id)
        if numbers is None:
            return 0, 0
        quarter = min((at - self._start) // (91 * DAY_S), QUARTERS - 1)
        return numbers[quarter], benefit(due, RATE_BPS, SESSION_CAP)

    def events(self) -> list[Event]:
        """Return how they were created, all at the beginning of the year."""
        found: list[Event] = []
        manager = "CampaignManager"
        for number, (owner_id, quarter, length, enrolled) in enumerate(self._plan, 1):
            begins = self._start + quarter * 91 * DAY_S
            found += [
                event(
                    manager,
                    "CampaignCreated",
                    campaign=number,
                    creator=address(owner_id or 90_000 + number),
                    owner_id=owner_id,
                    kind=1 if owner_id else 3,
                    name=f"Campaign {number}",
                    starts_at=begins,
                    ends_at=begins + length * 91 * DAY_S,
                    hour_mask=HOURS_ALL,
                    rate_bps=RATE_BPS,
                    session_cap=SESSION_CAP,
                    day_cap=0 if owner_id else 10**12,
                    min_sessions=0,
                    window_days=0,
                    driver_cap=0,
                ),
                event(manager, "ConnectorsEnrolled", campaign=number, connectors=enrolled),
                event(
                    "Settlement",
                    "BudgetFunded",
                    campaign=number,
                    funder=address(owner_id or 90_000 + number),
                    amount=BUDGET,
                ),
            ]
        return found
