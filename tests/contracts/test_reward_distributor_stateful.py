"""The reward distributor against a model, over random histories."""

from collections import defaultdict
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
    precondition,
    rule,
    run_state_machine_as_test,
)

from chargecoin import rewards
from chargecoin.rewards import Amounts, Reward, RewardTree
from tests.support.rewards import DAY_S, RewardChain, a_chain, wait

GUARDED_S = rewards.CHALLENGE_S
LIFE_S = rewards.CHALLENGE_S + rewards.CLAIM_S


def plus(a: Amounts, b: Amounts, sign: int = 1) -> Amounts:
    return Amounts(a.payment + sign * b.payment, a.chg + sign * b.chg)


@dataclass
class Posted:
    """A root of the model, and what of it is unpaid."""

    tree: RewardTree
    at: int
    stated: Amounts
    paid: Amounts = field(default_factory=Amounts)
    claimed: set[int] = field(default_factory=set)


class RewardDistributorMachine(RuleBasedStateMachine):
    """Arrivals, sponsors, honest and greedy roots, voids, claims and time in any order."""

    @initialize()
    def deploy(self) -> None:
        self.anchor = a_chain()
        self.anchor.__enter__()
        self.chain = RewardChain()
        self.distributor = self.chain.driver_rewards
        self.funds: defaultdict[int, Amounts] = defaultdict(Amounts)
        self.posted: dict[int, Posted] = {}
        self.waiting = Amounts()  # Arrived, not in an epoch yet.
        self.arrived = Amounts()
        self.paid = Amounts()

    @property
    def now(self) -> int:
        stamp: int = boa.env.timestamp
        return stamp

    @property
    def epoch(self) -> int:
        return rewards.epoch_of(self.now)

    @rule(payment=st.integers(0, 10**12), chg=st.integers(0, 10**24))
    def arrive(self, payment: int, chg: int) -> None:
        self.chain.arrive(self.distributor, payment)
        self.chain.chg.transfer(self.distributor, chg, sender=self.chain.sponsor)
        self.waiting = plus(self.waiting, Amounts(payment, chg))
        self.arrived = plus(self.arrived, Amounts(payment, chg))

    @rule()
    def sync(self) -> None:
        if self.waiting == Amounts():
            with boa.reverts("reward_distributor: nothing arrived"):
                self.distributor.sync()
            return
        assert Amounts(*self.distributor.sync(sender=self.chain.stranger)) == self.waiting
        self.funds[self.epoch] = plus(self.funds[self.epoch], self.waiting)
        self.waiting = Amounts()

    @rule(ahead=st.integers(0, 4), amount=st.integers(1, 10**24))
    def sponsor(self, ahead: int, amount: int) -> None:
        self.chain.sponsor_chg(self.distributor, self.epoch + ahead, amount)
        added = Amounts(0, amount)
        self.funds[self.epoch + ahead] = plus(self.funds[self.epoch + ahead], added)
        self.arrived = plus(self.arrived, added)

    @rule(days=st.sampled_from([1, 3, 7, 21, 30, 190]))
    def time_passes(self, days: int) -> None:
        wait(days * DAY_S)

    @precondition(lambda self: self.postable())
    @rule(data=st.data(), honest=st.booleans())
    def post(self, data: st.DataObject, honest: bool) -> None:
        epoch = data.draw(st.sampled_from(self.postable()))
        funds = self.funds[epoch]
        weights = data.draw(st.lists(st.integers(0, 100), min_size=1, max_size=4))
        whole = sum(weights) or 1
        # A greedy root's leaves are three times what it states.
        factor = 1 if honest else 3
        given = [
            Reward(account, factor * funds.payment * w // whole, factor * funds.chg * w // whole)
            for account, w in enumerate(weights, 1)
        ]
        tree = RewardTree(self.chain.sdk(self.distributor), epoch, given)
        stated = tree.totals if honest else funds
        self.chain.post(self.distributor, tree, stated)
        self.posted[epoch] = Posted(tree, self.now, stated)

    @precondition(lambda self: self.postable())
    @rule(data=st.data(), beyond=st.integers(1, 10**30))
    def overstate(self, data: st.DataObject, beyond: int) -> None:
        epoch = data.draw(st.sampled_from(self.postable()))
        tree = RewardTree(self.chain.sdk(self.distributor), epoch, [Reward(1, 1, 1)])
        stated = plus(self.funds[epoch], Amounts(beyond, 0))
        with boa.reverts("reward_distributor: totals above the epoch's funds"):
            self.chain.post(self.distributor, tree, stated)

    @precondition(lambda self: self.posted)
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        epoch = data.draw(st.sampled_from(sorted(self.posted)))
        if self.now >= self.posted[epoch].at + GUARDED_S:
            with boa.reverts("reward_distributor: no root to void"):
                self.distributor.void_root(epoch, sender=self.chain.guardian)
            return
        self.distributor.void_root(epoch, sender=self.chain.guardian)
        del self.posted[epoch]

    @precondition(lambda self: self.posted)
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        epoch = data.draw(st.sampled_from(sorted(self.posted)))
        reward = data.draw(st.sampled_from(self.posted[epoch].tree.rewards))
        self.claim_reward(self.posted[epoch], reward)

    def claim_reward(self, posted: Posted, reward: Reward) -> None:
        tree, after = posted.tree, plus(posted.paid, Amounts(reward.payment, reward.chg))
        refusal = None
        if self.now < posted.at + GUARDED_S:
            refusal = "root can be voided"
        elif self.now >= posted.at + LIFE_S:
            refusal = "expired"
        elif reward.recipient in posted.claimed:
            refusal = "already claimed"
        elif after.payment > posted.stated.payment or after.chg > posted.stated.chg:
            refusal = "root pays more than its totals"
        if refusal:
            with boa.reverts(f"reward_distributor: {refusal}"):
                self.chain.claim(self.distributor, tree, reward.recipient)
            return
        holder = self.chain.drivers[reward.recipient - 1]
        before = self.holding(holder)
        self.chain.claim(self.distributor, tree, reward.recipient)
        amounts = Amounts(reward.payment, reward.chg)
        assert self.holding(holder) == plus(before, amounts)
        posted.claimed.add(reward.recipient)
        posted.paid = after
        self.paid = plus(self.paid, amounts)
        self.funds[tree.epoch] = plus(self.funds[tree.epoch], amounts, -1)

    @precondition(lambda self: self.funds)
    @rule(data=st.data())
    def roll_over(self, data: st.DataObject) -> None:
        self.roll(data.draw(st.sampled_from(sorted(self.funds))))

    def roll(self, epoch: int) -> None:
        posted, kept, refusal = self.posted.get(epoch), Amounts(), None
        if posted is None:
            if self.now < rewards.postable_from(epoch) + rewards.POSTING_S:
                refusal = "a root can be posted"
        elif self.now < posted.at + GUARDED_S:
            refusal = "root can be voided"
        elif self.now < posted.at + LIFE_S:
            kept = plus(posted.stated, posted.paid, -1)
        spare = plus(self.funds[epoch], kept, -1)
        if refusal is None and spare == Amounts():
            refusal = "nothing to roll over"
        if refusal:
            with boa.reverts(f"reward_distributor: {refusal}"):
                self.distributor.roll_over(epoch, sender=self.chain.stranger)
            return
        assert Amounts(*self.distributor.roll_over(epoch, sender=self.chain.stranger)) == spare
        self.funds[epoch] = kept
        self.funds[self.epoch] = plus(self.funds[self.epoch], spare)

    def postable(self) -> list[int]:
        return [
            epoch
            for epoch in sorted(self.funds)
            if epoch not in self.posted
            and 0 <= self.now - rewards.postable_from(epoch) < rewards.POSTING_S
        ]

    def holding(self, who: Any) -> Amounts:
        return Amounts(self.chain.token.balanceOf(who), self.chain.chg.balanceOf(who))

    @invariant()
    def every_epoch_has_what_the_model_says(self) -> None:
        for epoch, amounts in self.funds.items():
            assert Amounts(*self.distributor.funds(epoch)) == amounts
            allotted = Amounts(*self.distributor.allotted(epoch))
            assert allotted.payment <= amounts.payment
            assert allotted.chg <= amounts.chg

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        owed = Amounts()
        for amounts in self.funds.values():
            owed = plus(owed, amounts)
        assert Amounts(*self.distributor.liabilities()) == owed
        assert self.holding(self.distributor) == plus(owed, self.waiting)
        assert plus(plus(owed, self.waiting), self.paid) == self.arrived

    def teardown(self) -> None:
        if not hasattr(self, "anchor"):
            return
        try:
            self.everybody_claims()
        finally:
            self.anchor.__exit__(None, None, None)

    def everybody_claims(self) -> None:
        """All that can be claimed is; the rest ends up in the epoch that runs last."""
        wait(GUARDED_S)
        for posted in self.posted.values():
            for reward in posted.tree.rewards:
                self.claim_reward(posted, reward)
        wait(LIFE_S + 60 * rewards.EPOCH_S)
        if self.waiting != Amounts():
            self.sync()
        for epoch in sorted(self.funds):
            self.roll(epoch)
        assert self.funds[self.epoch] == plus(self.arrived, self.paid, -1)
        assert self.holding(self.distributor) == self.funds[self.epoch]


QUICK = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    # What fails here is made small by the deep run.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
DEEP = settings(QUICK, max_examples=400, stateful_step_count=60, phases=tuple(Phase))


def test_the_distributor_does_what_the_model_says() -> None:
    run_state_machine_as_test(RewardDistributorMachine, settings=QUICK)


@pytest.mark.deep
def test_the_distributor_does_what_the_model_says_in_many_histories() -> None:
    run_state_machine_as_test(RewardDistributorMachine, settings=DEEP)
