"""The staking pool against a model in exact fractions, over random histories."""

from dataclasses import dataclass, field
from fractions import Fraction
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

from tests.support.rewards import CHG_UNIT, DAY_S, RewardChain, a_chain, wait

LOCKS = ((0, 10_000), (30, 12_500), (90, 15_000), (180, 20_000), (365, 30_000))


@dataclass
class Stake:
    """A position of the model."""

    staker: Any
    amount: int
    bps: int
    unlocks_at: int
    earned: Fraction = Fraction(0)

    def weight(self, at: int) -> int:
        """What it weighs from second `at` on."""
        return self.amount * (self.bps if at < self.unlocks_at else 10_000)


@dataclass
class Model:
    """The rule of the pool, counted piece by piece and in fractions.

    It keeps every stream apart and knows no accumulator. What streams in a second
    range of a day is rounded down for all streams together, as the contract states.
    """

    now: int
    streams: list[tuple[int, int]] = field(default_factory=list)  # first second, a day
    stakes: dict[int, Stake] = field(default_factory=dict)
    owed: int = 0
    held: int = 0

    def streamed(self, until: int) -> int:
        """What all streams have given from the beginning of `until`'s day to `until`."""
        day = until // DAY_S * DAY_S
        daily = sum(a_day for first, a_day in self.streams if first <= day < first + 7 * DAY_S)
        return daily * (until - day) // DAY_S

    def whole_day(self, day: int) -> int:
        """What all streams give on the day that begins at `day`."""
        return sum(a_day for first, a_day in self.streams if first <= day < first + 7 * DAY_S)

    def advance(self, to: int) -> None:
        """Give out everything from `now` to `to`."""
        while self.now < to:
            midnight = (self.now // DAY_S + 1) * DAY_S
            until = min(midnight, to)
            end = self.whole_day(midnight - DAY_S) if until == midnight else self.streamed(until)
            amount = end - self.streamed(self.now)
            weights = {number: one.weight(self.now) for number, one in self.stakes.items()}
            total = sum(weights.values())
            if total:
                for number, weight in weights.items():
                    self.stakes[number].earned += Fraction(amount * weight, total)
            else:
                self.owed -= amount
            self.now = until


class StakingPoolMachine(RuleBasedStateMachine):
    """Stakers, arrivals and time in any order."""

    @initialize()
    def deploy(self) -> None:
        self.anchor = a_chain()
        self.anchor.__enter__()
        self.chain = RewardChain()
        self.pool = self.chain.pool
        self.model = Model(now=boa.env.timestamp)

    def act(self) -> None:
        """Bring the model to the present, as every call does with the pool."""
        self.model.advance(boa.env.timestamp)

    @rule(
        staker=st.integers(0, 2),
        amount=st.one_of(st.just(CHG_UNIT), st.integers(CHG_UNIT, 10**26)),
        lock=st.integers(0, 4),
    )
    def stake(self, staker: int, amount: int, lock: int) -> None:
        if self.chain.chg.balanceOf(self.chain.sponsor) < amount:
            return
        self.act()
        days, bps = LOCKS[lock]
        who = self.chain.stakers[staker]
        position = self.chain.stake(who, amount, lock)
        midnight = (boa.env.timestamp // DAY_S + 1) * DAY_S
        unlocks_at = midnight + days * DAY_S if days else 0
        self.model.stakes[position] = Stake(who, amount, bps, unlocks_at)

    @rule(amount=st.one_of(st.integers(0, 50), st.integers(0, 10**15)))
    def arrive(self, amount: int) -> None:
        self.chain.arrive(self.pool, amount)
        self.model.held += amount

    @rule()
    def sync(self) -> None:
        self.act()
        free = self.model.held - self.model.owed
        if free < 7:
            with boa.reverts("staking_pool: nothing to stream"):
                self.pool.sync(sender=self.chain.stranger)
            return
        assert self.pool.sync(sender=self.chain.stranger) == free - free % 7
        midnight = (boa.env.timestamp // DAY_S + 1) * DAY_S
        self.model.streams.append((midnight, free // 7))
        self.model.owed += free - free % 7

    @rule(seconds=st.one_of(st.integers(1, 3 * DAY_S), st.sampled_from([DAY_S, 15 * DAY_S])))
    def time_passes(self, seconds: int) -> None:
        if boa.env.timestamp > self.pool.stream()[0] + 300 * DAY_S:
            self.pool.checkpoint()
        wait(seconds)

    @rule()
    def midnight_strikes(self) -> None:
        wait(DAY_S - boa.env.timestamp % DAY_S)

    @rule()
    def checkpoint(self) -> None:
        self.act()
        assert self.pool.checkpoint(sender=self.chain.stranger)

    @precondition(lambda self: self.model.stakes)
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        position = data.draw(st.sampled_from(sorted(self.model.stakes)))
        self.claim_position(position)

    def claim_position(self, position: int) -> None:
        self.act()
        stake = self.model.stakes[position]
        due = self.pool.claimable(position)
        if due == 0:
            with boa.reverts("staking_pool: nothing to claim"):
                self.pool.claim(position, stake.staker, sender=stake.staker)
            return
        assert self.pool.claim(position, stake.staker, sender=stake.staker) == due
        stake.earned -= due
        self.model.owed -= due
        self.model.held -= due

    @precondition(lambda self: any(one.amount for one in self.model.stakes.values()))
    @rule(data=st.data())
    def unstake(self, data: st.DataObject) -> None:
        staked = sorted(number for number, one in self.model.stakes.items() if one.amount)
        position = data.draw(st.sampled_from(staked))
        stake = self.model.stakes[position]
        if boa.env.timestamp < stake.unlocks_at:
            with boa.reverts("staking_pool: locked"):
                self.pool.unstake(position, stake.staker, sender=stake.staker)
            return
        self.unstake_position(position)

    def unstake_position(self, position: int) -> None:
        self.act()
        stake = self.model.stakes[position]
        before = self.chain.chg.balanceOf(stake.staker)
        self.pool.unstake(position, stake.staker, sender=stake.staker)
        assert self.chain.chg.balanceOf(stake.staker) == before + stake.amount
        stake.amount = 0

    @invariant()
    def what_is_owed_is_there(self) -> None:
        held = self.chain.token.balanceOf(self.pool)
        assert held == self.model.held
        assert held >= self.pool.liabilities()
        staked = sum(one.amount for one in self.model.stakes.values())
        assert self.chain.chg.balanceOf(self.pool) == self.pool.total_staked() == staked

    @invariant()
    def everybody_has_earned_their_share(self) -> None:
        self.act()
        with boa.env.anchor():
            self.pool.checkpoint()
            assert self.pool.liabilities() == self.model.owed
            assert self.pool.stream()[2] == sum(
                one.weight(boa.env.timestamp) for one in self.model.stakes.values()
            )
        for number, stake in self.model.stakes.items():
            # What divisions leave over is carried: less than one base unit, whatever happened.
            assert 0 <= stake.earned - self.pool.claimable(number) < 2

    def teardown(self) -> None:
        if not hasattr(self, "anchor"):
            return
        try:
            self.everybody_leaves()
        finally:
            self.anchor.__exit__(None, None, None)

    def everybody_leaves(self) -> None:
        """With all streams and locks over, everybody takes what is theirs."""
        self.checkpoint()
        wait(374 * DAY_S)
        self.checkpoint()
        for number, stake in self.model.stakes.items():
            if stake.amount:
                self.unstake_position(number)
            self.claim_position(number)
        assert self.chain.chg.balanceOf(self.pool) == 0
        # Fractions of a base unit, less than two a position, are all that stays owed.
        assert self.pool.liabilities() <= 2 * len(self.model.stakes)


QUICK = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    # What fails here is made small by the deep run.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
DEEP = settings(QUICK, max_examples=400, stateful_step_count=60, phases=tuple(Phase))


def test_the_pool_does_what_the_model_says() -> None:
    run_state_machine_as_test(StakingPoolMachine, settings=QUICK)


@pytest.mark.deep
def test_the_pool_does_what_the_model_says_in_many_histories() -> None:
    run_state_machine_as_test(StakingPoolMachine, settings=DEEP)
