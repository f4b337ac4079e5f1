"""Refunds, disputes and collecting against the model of their rules, over random histories.

After each step every part of the books is the model's, to the unit, and the invariants
of docs/protocol.md, section 9, hold. At the end everybody leaves.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contracts.adjusting import REASONS, Presented, settle_runs, sign_ruling
from tests.contracts.adjustments_model import OPEN, Adjusted, Owner, Session
from tests.contracts.campaigning import create, off_peak
from tests.contracts.model import COOL_DOWN_S, PAUSE_S, RefusedError, require
from tests.contracts.world import DAY_S, HOUR_S, TOKEN, World, a_chain, events, now, session, wait

ACCOUNTS = 3
BUDGET = 400 * TOKEN
MAX_ROUNDS = 50
seeds = st.integers(0, 2**32)
amounts = st.integers(1, 5) | st.integers(1, 20 * TOKEN)
spans = st.sampled_from([1, HOUR_S, DAY_S, 3 * DAY_S, 7 * DAY_S, 14 * DAY_S, 20 * DAY_S])


class AdjustmentsMachine(RuleBasedStateMachine):
    """Owners, payers, arbiters, guardian and strangers do what they may, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.exits = ExitStack()
        self.presented: dict[int, Presented] = {}
        # What owners have less what they owe, and what disputes took of it, by events alone.
        self.told: Counter[int] = Counter()
        self.taken: Counter[int] = Counter()

    @initialize()
    def deploy(self) -> None:
        self.exits.enter_context(a_chain())
        self.world = world = World()
        self.settlement, self.adjustments = world.settlement, world.adjustments
        self.model = Adjusted()
        self.router = boa.env.generate_address("router")
        self.settlement.set_fee_router(self.router, sender=world.governance)
        self.owners = {world.add_owner(who): who for who in (world.station_owner, world.operator)}
        self.model.owners = {owner: Owner() for owner in self.owners}
        for owner in self.owners:
            world.add_connector(owner)
        new = off_peak(rate_bps=3_333, ends_at=now() + 360 * DAY_S)
        self.campaign = create(world, new, budget=BUDGET)
        self.model.budgets[self.campaign] = BUDGET
        self.holders = {}
        for holder, balance in ((world.driver, 200), (world.fleet, 30), (world.fleet, 8)):
            account = world.open_account(holder, balance * TOKEN, (1 << 56) - 1)
            self.holders[account] = holder
            self.model.balances[account] = balance * TOKEN
        wait(2 * DAY_S)

    def agree(self, contract: Callable[[], Any], model: Callable[[], Any]) -> bool:
        """Let both do the same; both do it, or both refuse. Returns whether they did."""
        try:
            model()
        except RefusedError:
            with boa.reverts():
                contract()
            return False
        contract()
        return True

    def adjust(self, by: Any, model: Callable[[], Any], name: str, *arguments: Any) -> bool:
        """Let the contract and the model adjust; read what the contract logs."""
        call = getattr(self.adjustments, name)
        done = self.agree(lambda: call(*arguments, sender=by), model)
        if done:
            self.read_events()
        return done

    def read_events(self) -> None:
        """Follow what owners have, as docs/protocol.md, section 9, says it follows from events."""
        for event in events(self.adjustments, "DebtCollected"):
            self.told[event.owner_id] += event.amount - event.fee
        for event in events(self.adjustments, "FeeReturned"):
            self.told[event.owner_id] += event.amount
        for event in events(self.adjustments, "SessionRefunded"):
            if event.dispute:
                self.taken[event.dispute] += event.waived
            else:
                self.told[event.owner_id] -= event.to_payer + event.to_campaign
        for event in events(self.adjustments, "DisputeOpened"):
            self.told[event.owner_id] -= event.hold
            self.taken[event.dispute] += event.hold
        for event in events(self.adjustments, "DisputeClosed"):
            owner = self.model.sessions[event.session_id].owner
            self.told[owner] += self.taken[event.dispute] - event.refunded + event.bond_to_owner

    def a_session(self, dice: random.Random) -> tuple[int, Presented]:
        """Mostly one of the last, for which most is still possible."""
        recent = sorted(self.presented)
        number = dice.choice([*recent, *[one for one in recent if self.fresh(one)] * 4])
        return number, self.presented[number]

    def fresh(self, number: int) -> bool:
        return now() - self.model.sessions[number].settled_at < 8 * DAY_S

    def a_dispute(self, dice: random.Random) -> int:
        """Mostly one that is open or not paid yet."""
        live = [n for n, one in self.model.disputes.items() if one.result == OPEN or one.owed]
        return dice.choice([*self.model.disputes, *live * 4])

    def an_amount(self, dice: random.Random, most: int) -> int:
        return dice.choice([0, 1, most, most, most + 1, dice.randint(0, most), most // 3])

    # Settlement

    @rule(seed=seeds)
    def settle(self, seed: int) -> None:
        self.settle_a_batch(random.Random(seed))

    def settle_a_batch(self, dice: random.Random) -> None:
        if self.model.paused(now()):
            return
        runs, sessions = [], []
        for connector in (1, 2):
            records = [
                session(
                    dice.randint(1, ACCOUNTS),
                    energy_wh=dice.choice([1, 20_000, dice.randrange(40_000)]),
                    campaign_id=dice.choice([0, self.campaign]),
                )
                for _ in range(dice.randint(1, 3))
            ]
            runs.append(self.world.run(connector, [one.encode() for one in records]))
            sessions += [(connector, one) for one in records]
        presented = settle_runs(self.world, runs)
        for index, (owner, record) in enumerate(sessions):
            one = Presented(presented.batch, presented.settled, index)
            outcome = one.outcome
            self.presented[outcome.session_id] = one
            # Each connector has the owner of its number.
            entered = Session(
                record.payer,
                owner,
                record.campaign_id,
                now(),
                outcome.paid,
                outcome.campaign_paid,
                outcome.debt,
            )
            self.model.settled(outcome, entered)
            self.told[owner] += entered.brought - entered.fee

    @rule(account=st.integers(1, ACCOUNTS), amount=amounts)
    def deposit(self, account: int, amount: int) -> None:
        self.world.fund(self.holders[account], amount)
        self.settlement.deposit(account, amount, sender=self.holders[account])
        self.model.balances[account] += amount

    @rule(seed=seeds)
    @precondition(lambda self: self.presented)
    def collect(self, seed: int) -> None:
        self.collect_of(*self.a_session(random.Random(seed)))

    def collect_of(self, number: int, presented: Presented) -> bool:
        return self.adjust(
            self.world.stranger,
            lambda: self.model.collect(number, now()),
            "collect",
            *presented.arguments(),
        )

    @rule(owner=st.integers(1, 2), part=st.integers(1, 4))
    def withdraw_accrual(self, owner: int, part: int) -> None:
        one = self.model.owners[owner]
        if amount := one.balance // part:
            self.settlement.withdraw_accrual(owner, amount, sender=self.owners[owner])
            one.balance -= amount
            self.told[owner] -= amount

    @rule()
    def route_fees(self) -> None:
        self.agree(lambda: self.settlement.route_fees(sender=self.world.stranger), self.model.route)

    # Refunds

    @rule(seed=seeds)
    @precondition(lambda self: self.presented)
    def refund(self, seed: int) -> None:
        dice = random.Random(seed)
        number, presented = self.a_session(dice)
        one = self.model.sessions[number]
        amount = self.an_amount(dice, one.outstanding + one.brought - one.refunded)
        self.adjust(
            self.owners[one.owner],
            lambda: self.model.refund(number, amount, now()),
            "refund",
            *presented.arguments(amount, 4),
        )

    @rule(owner=st.integers(1, 2))
    def return_fee(self, owner: int) -> None:
        self.return_fee_of(owner)

    def return_fee_of(self, owner: int) -> bool:
        return self.adjust(
            self.world.stranger,
            lambda: require(self.model.return_fee(owner), "no fee"),
            "return_fee",
            owner,
        )

    # Disputes

    @rule(seed=seeds)
    @precondition(lambda self: self.presented)
    def open_dispute(self, seed: int) -> None:
        self.open(random.Random(seed))

    def open(self, dice: random.Random) -> None:
        number, presented = self.a_session(dice)
        holder = self.holders[self.model.sessions[number].account]
        self.adjust(
            holder,
            lambda: self.model.open(number, now()),
            "open_dispute",
            *presented.arguments(1),
        )

    @rule(seed=seeds)
    @precondition(lambda self: self.presented)
    def an_owner_leaves_little_and_is_disputed(self, seed: int) -> None:
        dice = random.Random(seed)
        self.settle_a_batch(dice)
        for owner in self.owners:
            self.withdraw_accrual(owner, dice.randint(1, 3))
        self.open(dice)
        self.open(dice)

    @rule(seed=seeds)
    @precondition(lambda self: self.model.disputes)
    def concede(self, seed: int) -> None:
        dice = random.Random(seed)
        number = self.a_dispute(dice)
        amount = self.an_amount(dice, self.model.left(number))
        owner = self.model.sessions[self.model.disputes[number].session].owner
        self.adjust(
            self.owners[owner],
            lambda: self.model.concede(number, amount, now()),
            "concede",
            number,
            amount,
        )

    @rule(seed=seeds)
    @precondition(lambda self: self.model.disputes)
    def rule_on(self, seed: int) -> None:
        dice = random.Random(seed)
        number = self.a_dispute(dice)
        amount = self.an_amount(dice, self.model.left(number))
        signatures = sign_ruling(self.world, number, amount)
        self.adjust(
            self.world.stranger,
            lambda: self.model.rule(number, amount, now()),
            "rule",
            *(number, amount, REASONS, 1, signatures),
        )

    @rule(seed=seeds)
    @precondition(lambda self: self.model.disputes)
    def lapse(self, seed: int) -> None:
        self.lapse_of(self.a_dispute(random.Random(seed)))

    def lapse_of(self, number: int) -> None:
        self.adjust(self.world.stranger, lambda: self.model.lapse(number, now()), "lapse", number)

    @rule(seed=seeds)
    @precondition(lambda self: self.model.disputes)
    def execute(self, seed: int) -> None:
        self.execute_of(self.a_dispute(random.Random(seed)))

    def execute_of(self, number: int) -> bool:
        return self.adjust(
            self.world.stranger, lambda: self.model.execute(number), "execute", number
        )

    # Time

    @rule(seconds=st.sampled_from([0, HOUR_S, 72 * HOUR_S]))
    def pause(self, seconds: int) -> None:
        last = self.model.pauses[-1:]
        if all(now() >= start + PAUSE_S + COOL_DOWN_S for start in last):
            self.settlement.pause(sender=self.world.guardian)
            self.model.pauses.append(now())
        wait(seconds)

    @rule(seconds=spans, seed=seeds)
    def time_passes_and_sessions_come_in(self, seconds: int, seed: int) -> None:
        wait(seconds)
        self.settle_a_batch(random.Random(seed))

    def lacking(self, owner: int) -> int:
        """What the holds of an owner's disputes lack."""
        return sum(
            one.hold - one.there
            for one in self.model.disputes.values()
            if self.model.sessions[one.session].owner == owner
        )

    # What always holds

    @invariant()
    def what_is_owed_is_there_and_is_the_sum_of_its_parts(self) -> None:
        liabilities = self.settlement.liabilities()
        assert self.world.token.balanceOf(self.settlement) == liabilities == self.world.owed()
        assert self.world.token.balanceOf(self.router) == self.model.routed

    @invariant()
    def every_part_of_the_books_is_the_models(self) -> None:
        for account in self.holders:
            balance, *_, debt = self.settlement.account(account)
            sessions = [s for s in self.model.sessions.values() if s.account == account]
            assert balance == self.model.balances[account]
            assert debt == sum(one.outstanding for one in sessions)
        for number, owner in self.model.owners.items():
            assert self.settlement.accrual(number)[:2] == (owner.balance, owner.debt)
            assert self.adjustments.owed(number) == (owner.debt, owner.pool, owner.due)
        assert self.settlement.budget(self.campaign)[0] == self.model.budgets[self.campaign]
        assert self.settlement.unrouted_fees() == self.model.fees

    @invariant()
    def what_an_owner_has_less_what_it_owes_follows_from_events(self) -> None:
        for owner in self.owners:
            balance, debt = self.settlement.accrual(owner)[:2]
            assert balance - debt == self.told[owner]

    @invariant()
    def what_is_held_is_what_disputes_hold(self) -> None:
        assert self.settlement.held() == self.model.held
        for number, one in self.model.disputes.items():
            found = self.adjustments.dispute(number)
            assert (found.result, found.hold, found.short) == (
                one.result,
                one.hold,
                one.hold - one.there,
            )
            assert (found.owed_payer, found.owed_campaign) == (one.owed_payer, one.owed_campaign)
            assert found.refunded == one.granted

    @invariant()
    def what_a_hold_lacks_its_owner_owes_or_has_paid(self) -> None:
        for number, owner in self.model.owners.items():
            assert self.lacking(number) == owner.debt + owner.pool
            assert not (owner.balance and owner.debt)

    @invariant()
    def every_fee_is_a_thousandth_of_what_was_paid_and_not_refunded_in_time(self) -> None:
        fees = sum(one.fee for one in self.model.sessions.values())
        assert self.model.fees + self.model.routed == fees + self.adjustments.fees_due()
        assert self.adjustments.fees_due() == self.model.fees_due

    @invariant()
    def nothing_is_refunded_or_collected_twice(self) -> None:
        for one in self.model.sessions.values():
            assert one.outstanding >= 0
            assert 0 <= one.refunded <= one.brought

    # The end

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.everybody_leaves()
        finally:
            self.exits.close()

    def in_debt(self, number: int) -> bool:
        one = self.model.sessions[number]
        return bool(one.outstanding and self.model.balances[one.account])

    def everybody_leaves(self) -> None:
        """Disputes lapse, what can be paid is paid, and all take what is theirs."""
        wait(20 * DAY_S)
        for number, one in self.model.disputes.items():
            if one.result == OPEN:
                self.lapse_of(number)
        # Who is refunded pays debts with it, and who is paid is the next one to refund.
        for _ in range(MAX_ROUNDS):
            paid = [
                *(self.return_fee_of(owner) for owner in self.owners),
                *(self.execute_of(number) for number in self.model.disputes),
                *(self.collect_of(*one) for one in self.presented.items() if self.in_debt(one[0])),
            ]
            if not any(paid):
                break
        assert self.settlement.held() == 0
        for owner in self.owners:
            self.withdraw_accrual(owner, 1)
        self.route_fees()
        for account, holder in self.holders.items():
            self.settlement.request_withdrawal(account, (1 << 80) - 1, sender=holder)
        wait(72 * HOUR_S)
        for account, holder in self.holders.items():
            if self.settlement.account(account)[0]:
                self.settlement.withdraw(account, holder, sender=holder)
        left = self.settlement.budget(self.campaign)[0]
        assert self.settlement.liabilities() == self.world.owed() == left
        wait(500 * DAY_S)
        if left:
            self.world.campaigns.reclaim(
                self.campaign, self.world.station_owner, sender=self.world.stranger
            )
        assert self.world.token.balanceOf(self.settlement) == 0


QUICK = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    # What fails here is made small by the deep run.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
DEEP = settings(QUICK, max_examples=300, stateful_step_count=80, phases=tuple(Phase))


def test_adjustments_do_what_the_model_says() -> None:
    run_state_machine_as_test(AdjustmentsMachine, settings=QUICK)


@pytest.mark.deep
def test_adjustments_do_what_the_model_says_in_many_histories() -> None:
    run_state_machine_as_test(AdjustmentsMachine, settings=DEEP)
