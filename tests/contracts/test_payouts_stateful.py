"""Payouts against a model of schedules, destinations and the calendar, over random histories.

Whatever is frozen, changed or asked for twice: what an owner earned is in its accrual
or was paid to where it said, once.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from chargecoin.payouts import CENT, Cycle, is_due
from tests.contracts.world import DAY_S, HOUR_S, World, a_chain, now, session, source, wait

DELAY_S = 3 * DAY_S
owners = st.integers(1, 3)


@dataclass
class Owner:
    """An owner of the model. `destinations` are all it ever set, each with when it is used."""

    account: Any
    cycle: Cycle = Cycle.ON_DEMAND
    threshold: int = 0
    balance: int = 0
    paid_day: int = 0
    destinations: list[tuple[int, Any]] = field(default_factory=list)

    def destination(self, at: int) -> Any:
        """The last one in force; one that was replaced before it was never is."""
        in_force = [to for effective, to in self.destinations if effective <= at]
        return (in_force[-1] if in_force else None) or self.account

    def set_destination(self, to: Any, at: int) -> None:
        """Replace what is not in force yet."""
        self.destinations = [one for one in self.destinations if one[0] <= at]
        self.destinations.append((at + DELAY_S, to))


class PayoutMachine(RuleBasedStateMachine):
    """Owners, drivers, the token's issuer, and whoever calls `pay`, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.exits = ExitStack()
        self.frozen: set[Any] = set()
        self.received: Counter[Any] = Counter()
        self.batches = 0

    @initialize()
    def deploy(self) -> None:
        self.exits.enter_context(a_chain())
        self.world = world = World(token=source("mocks/freezing_token_mock").deploy())
        self.payouts, self.settlement = world.payouts, world.settlement
        accounts = [world.station_owner, world.operator, world.fleet]
        self.owners = {world.add_owner(account): Owner(account) for account in accounts}
        for owner in self.owners:
            world.add_connector(owner)
        self.places = [*accounts, boa.env.generate_address("partner"), None]
        world.open_account(world.driver, balance=10**12, limit=2**56 - 1)
        wait(2 * HOUR_S)

    @rule(hours=st.sampled_from([1, 6, 11, 24, 3 * 24, 8 * 24, 20 * 24]))
    def time_passes(self, hours: int) -> None:
        wait(hours * HOUR_S)

    @rule()
    def midnight_strikes(self) -> None:
        wait(DAY_S - now() % DAY_S)

    @rule()
    def it_is_the_last_second_of_the_day(self) -> None:
        wait(DAY_S - now() % DAY_S - 1)

    @rule(owner=owners, energy=st.integers(1, 40_000))
    def earn(self, owner: int, energy: int) -> None:
        outcome = self.world.settle_one(owner, session(1, energy_wh=energy))
        self.owners[owner].balance += outcome.paid - outcome.paid // 1_000

    @rule(owner=owners, cycle=st.sampled_from(Cycle), cents=st.sampled_from([0, 1, 500, 1_200]))
    def set_schedule(self, owner: int, cycle: Cycle, cents: int) -> None:
        one = self.owners[owner]
        one.cycle, one.threshold = cycle, cents * CENT
        self.payouts.set_schedule(owner, int(cycle), one.threshold, sender=one.account)

    @rule(owner=owners, place=st.integers(0, 4))
    def set_destination(self, owner: int, place: int) -> None:
        one, to = self.owners[owner], self.places[place]
        address = to or "0x" + "00" * 20
        self.settlement.set_destination(owner, address, bytes(32), sender=one.account)
        one.set_destination(to, now())

    @rule(place=st.integers(0, 3))
    def freeze(self, place: int) -> None:
        self.frozen ^= {self.places[place]}
        self.world.token.freeze(self.places[place], self.places[place] in self.frozen)

    @rule(named=st.lists(st.integers(0, 4), max_size=6))
    def pay(self, named: list[int]) -> None:
        paid = failed = amount = 0
        for number in named:
            one = self.owners.get(number)
            if one is None or not self.due(one):
                continue
            to, balance = one.destination(now()), one.balance
            if to in self.frozen:
                failed += 1
                continue
            paid += 1
            amount += balance
            self.give(one, to)
        assert self.payouts.pay(named, sender=self.world.stranger) == amount
        logged = [e for e in self.payouts.get_logs() if type(e).__name__ == "PayoutBatch"]
        if paid or failed:
            self.batches += 1
            [batch] = logged
            told = (batch.batch, batch.paid, batch.failed, batch.amount)
            assert told == (self.batches, paid, failed, amount)
        else:
            assert logged == []

    def due(self, one: Owner) -> bool:
        return is_due(
            one.cycle,
            one.threshold,
            balance=one.balance,
            paid_day=one.paid_day,
            today=now() // DAY_S,
        )

    def give(self, one: Owner, to: Any) -> None:
        self.received[to] += one.balance
        one.balance, one.paid_day = 0, now() // DAY_S

    @rule(owner=owners)
    def pay_now(self, owner: int) -> None:
        one = self.owners[owner]
        to = one.destination(now())
        if not one.balance:
            reason = "payouts: nothing to pay"
        elif to in self.frozen:
            reason = "payouts: transfer refused"
        else:
            assert self.payouts.pay_now(owner, sender=one.account) == one.balance
            self.give(one, to)
            return
        with boa.reverts(reason):
            self.payouts.pay_now(owner, sender=one.account)

    @invariant()
    def every_owner_is_the_models(self) -> None:
        for owner, one in self.owners.items():
            balance, debt, paid_day, _, _ = self.settlement.accrual(owner)
            assert (balance, debt, paid_day) == (one.balance, 0, one.paid_day)
            assert self.payouts.is_due(owner) == self.due(one)
            assert self.payouts.schedule(owner) == (one.cycle, one.threshold)
            assert self.settlement.destination(owner)[0] == one.destination(now())

    @invariant()
    def every_unit_is_where_it_was_sent(self) -> None:
        for place in self.places[:-1]:
            assert self.world.token.balanceOf(place) == self.received[place]
        assert self.world.token.balanceOf(self.settlement) == self.settlement.liabilities()

    def teardown(self) -> None:
        """Nothing is frozen for ever, and then everybody is paid."""
        try:
            for place in self.frozen:
                self.world.token.freeze(place, False)
            for owner, one in self.owners.items():
                if one.balance:
                    assert self.payouts.pay_now(owner, sender=one.account) == one.balance
        finally:
            self.exits.close()


QUICK = settings(
    max_examples=15,
    stateful_step_count=30,
    deadline=None,
    # The same histories in every run; what fails here is made small by the deep run.
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
DEEP = settings(
    QUICK, derandomize=False, max_examples=300, stateful_step_count=80, phases=tuple(Phase)
)


def test_owners_are_paid_what_they_earned_once() -> None:
    run_state_machine_as_test(PayoutMachine, settings=QUICK)


@pytest.mark.deep
def test_owners_are_paid_what_they_earned_once_in_many_histories() -> None:
    run_state_machine_as_test(PayoutMachine, settings=DEEP)
