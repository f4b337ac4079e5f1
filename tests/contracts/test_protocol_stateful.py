"""All contracts together against one model, over random histories.

What refunds, disputes and rulings may do is inherited; around it payers set limits and withdraw,
owners and sponsors run campaigns and are paid out, fees are routed, staked for and given back as
rewards, committees are replaced, and the token freezes some. After each step the books of every
contract are the model's, to the unit. At the end everybody leaves, and only donations remain.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from itertools import count
from typing import Any, ClassVar, Final

import boa
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chargecoin.campaign_calls import NewCampaign
from chargecoin.campaigns import OPEN_PAUSE, Rules
from chargecoin.campaigns import Kind as CampaignKind
from chargecoin.payouts import Cycle, is_due
from chargecoin.record import OutcomeFlag, session_id
from chargecoin.rewards import (
    CHALLENGE_S,
    POSTING_S,
    Amounts,
    Kind,
    ProducedFee,
    RewardTree,
    allot,
    epoch_of,
    postable_from,
)
from tests.contracts.adjusting import Presented, settle_runs
from tests.contracts.adjustments_model import Owner
from tests.contracts.model import Account, require
from tests.contracts.protocol_model import Campaign, Payee, Protocol
from tests.contracts.protocol_world import ProtocolWorld
from tests.contracts.test_adjustments_stateful import MAX_ROUNDS, AdjustmentsMachine
from tests.contracts.world import DAY_S, HOUR_S, TOKEN, a_chain, attesters, now, session, wait
from tests.support.evm import an_env

CONNECTORS: Final = {1: 1, 2: 2}
UNLIMITED: Final = (1 << 56) - 1
CHG: Final = 10**18
# Divisions of a stream round down by less than this for each arrival and claim.
DUST: Final = 200

seeds = st.integers(0, 2**32)
accounts = st.integers(1, 3)
owners = st.integers(1, 2)
amounts = st.integers(1, 5) | st.integers(1, 20 * TOKEN)


@dataclass
class Position:
    """A stake of the model."""

    number: int
    staker: Any
    amount: int


class ProtocolMachine(AdjustmentsMachine):
    """Everybody does what they may, in any order. `reached` is what came about in any history."""

    reached: ClassVar[set[str]] = set()
    deployed: ClassVar[ProtocolWorld]
    model: Protocol

    def __init__(self) -> None:
        super().__init__()
        self.positions: list[Position] = []
        self.claimed: Counter[Any] = Counter()
        self.trees: dict[tuple[Kind, int], RewardTree] = {}
        self.epochs: set[int] = set()
        self.paid_out: Counter[Any] = Counter()

    @initialize()
    def deploy(self) -> None:
        self.exits.enter_context(a_chain())
        self.protocol = protocol = self.deployed.again()
        self.world = world = protocol.world
        self.settlement, self.adjustments = world.settlement, world.adjustments
        self.router = protocol.router
        self.model = Protocol()
        self.settlement.set_reimbursement(7_000, sender=world.governance)
        self.model.per_batch = 7_000
        self.owners = {world.add_owner(who): who for who in (world.station_owner, world.operator)}
        for owner, account in self.owners.items():
            self.model.owners[owner] = Owner()
            self.model.payees[owner] = Payee(account)
            world.add_connector(owner)
        self.funders = [world.station_owner, protocol.sponsor, world.stranger]
        for funder in self.funders:
            world.fund(funder, 10**12)
        self.campaign = self.launch(
            Rules(now(), now() + 90 * DAY_S, 3_333, 5 * TOKEN, own=True), 6 * TOKEN
        )
        self.launch(Rules(now(), now() + 60 * DAY_S, 5_000, 6 * TOKEN, 9 * TOKEN), 30 * TOKEN)
        self.holders = {}
        for holder, balance, limit in (
            (world.driver, 200 * TOKEN, UNLIMITED),
            (world.fleet, 30 * TOKEN, 40 * TOKEN),
            (world.fleet, 8 * TOKEN, 20 * TOKEN),
        ):
            account = world.open_account(holder, balance, limit)
            self.holders[account] = holder
            self.model.balances[account] = balance
            self.model.payers[account] = Account(holder, limits=[(now(), limit)])
        self.begun = now()
        wait(2 * DAY_S)

    def launch(self, rules: Rules, budget: int) -> int:
        """Create a campaign at all connectors it can have."""
        world = self.world
        new = NewCampaign(
            kind=CampaignKind.OFF_PEAK if rules.own else CampaignKind.CO_BRANDED,
            owner_id=int(rules.own),
            name="A campaign",
            starts_at=rules.starts_at,
            ends_at=rules.ends_at,
            rate_bps=rules.rate_bps,
            session_cap=rules.session_cap,
            day_cap=rules.day_cap,
        )
        by = world.station_owner if rules.own else self.protocol.sponsor
        connectors = [1] if rules.own else list(CONNECTORS)
        number: int = world.campaigns.create(astuple(new), connectors, budget, sender=by)
        self.model.campaigns[number] = Campaign(rules, set(connectors))
        self.model.fund(number, by, budget)
        return number

    # Settlement

    def settle_a_batch(self, dice: random.Random) -> None:
        if self.model.paused(now()):
            return
        runs, expected = [], []
        for connector, owner in CONNECTORS.items():
            records = []
            for _ in range(dice.randint(1, 3)):
                # Some started before a limit was lowered, or a campaign paused.
                started = now() - dice.choice([HOUR_S + 60, 30 * HOUR_S, 3 * DAY_S])
                records.append(
                    session(
                        dice.choice(list(self.holders)),
                        energy_wh=dice.choice([1, 20_000, dice.randrange(40_000)]),
                        campaign_id=dice.choice([0, 1, 2, 9]),
                        started_at=max(started, self.begun),
                    )
                )
            run = self.world.run(connector, [one.encode() for one in records])
            runs.append(run)
            expected += [
                (session_id(connector, run.first_sequence + index), connector, owner, one)
                for index, one in enumerate(records)
            ]
        presented = settle_runs(self.world, runs)
        assert list(presented.settled.outcomes) == self.model.settle(expected, now())
        self.reached.update(str(outcome.flags) for outcome in presented.settled.outcomes)
        for index, (number, *_) in enumerate(expected):
            self.presented[number] = Presented(presented.batch, presented.settled, index)
            entered = self.model.sessions[number]
            self.told[entered.owner] += entered.brought - entered.fee

    # Payers

    @rule(account=accounts, limit=st.sampled_from([0, TOKEN, 20 * TOKEN, 50 * TOKEN, UNLIMITED]))
    def set_daily_limit(self, account: int, limit: int) -> None:
        self.settlement.set_daily_limit(account, limit, sender=self.holders[account])
        self.model.payers[account].limits.append((now(), limit))

    @rule(account=accounts, amount=amounts)
    def request_withdrawal(self, account: int, amount: int) -> None:
        self.settlement.request_withdrawal(account, amount, sender=self.holders[account])
        self.model.payers[account].request = amount, now()

    @rule(account=accounts)
    def withdraw(self, account: int) -> None:
        self.withdraw_from(account)

    def withdraw_from(self, account: int) -> None:
        holder = self.holders[account]
        self.agree(
            lambda: self.settlement.withdraw(account, holder, sender=holder),
            lambda: self.model.withdraw(account, now()),
        )

    @rule(account=accounts, amount=amounts, slack=st.integers(-1, 1))
    def deposit_for(self, account: int, amount: int, slack: int) -> None:
        most = self.model.debt(account) + slack
        if most < 0:
            return

        def credit() -> None:
            require(slack >= 0, "more debt than expected")
            self.model.balances[account] += amount

        self.agree(
            lambda: self.settlement.deposit_for(
                account, self.holders[account], amount, most, sender=self.world.stranger
            ),
            credit,
        )

    # Campaigns

    @rule(number=st.integers(1, 2), funder=st.integers(0, 2), amount=amounts)
    def fund_a_campaign(self, number: int, funder: int, amount: int) -> None:
        def fund() -> None:
            require(now() < self.model.campaigns[number].rules.ends_at, "has ended")
            self.model.fund(number, self.funders[funder], amount)

        self.agree(
            lambda: self.world.campaigns.fund(number, amount, sender=self.funders[funder]), fund
        )

    @rule(number=st.integers(1, 2), close=st.integers(0, 5))
    def pause_resume_or_close_a_campaign(self, number: int, close: int) -> None:
        one, manager = self.model.campaigns[number], self.world.campaigns
        by = self.world.station_owner if one.rules.own else self.protocol.sponsor
        if now() >= one.rules.ends_at:
            return
        if close == 0:
            manager.close(number, sender=by)
            one.rules = replace(one.rules, ends_at=now())
        elif one.rules.paused_to == OPEN_PAUSE:
            manager.resume(number, sender=by)
            one.rules = replace(one.rules, paused_to=now())
        else:
            manager.pause(number, sender=by)
            one.rules = replace(one.rules, paused_from=now(), paused_to=OPEN_PAUSE)

    @rule(number=st.integers(1, 2), funder=st.integers(0, 2))
    def reclaim(self, number: int, funder: int) -> None:
        self.reclaim_of(number, self.funders[funder])

    def reclaim_of(self, number: int, funder: Any) -> None:
        since = self.world.campaigns.reclaimable_from(number)

        def reclaim() -> None:
            require(now() >= since, "sessions can still be settled")
            self.model.reclaim(number, funder)

        self.agree(
            lambda: self.world.campaigns.reclaim(number, funder, sender=self.world.stranger),
            reclaim,
        )
        if self.model.campaigns[number].reclaimed[funder]:
            self.reached.add("a funder reclaims")

    # Payouts

    @rule(owner=owners, cycle=st.sampled_from(Cycle), to_partner=st.booleans())
    def set_schedule_and_destination(self, owner: int, cycle: Cycle, *, to_partner: bool) -> None:
        payee, account = self.model.payees[owner], self.owners[owner]
        to = self.protocol.partner if to_partner else account
        self.world.payouts.set_schedule(owner, int(cycle), 0, sender=account)
        self.settlement.set_destination(owner, to, bytes(32), sender=account)
        payee.cycle = cycle
        payee.set_destination(to, now())

    @rule()
    def pay_all_who_are_due(self) -> None:
        paid = 0
        for owner, payee in self.model.payees.items():
            balance = self.model.owners[owner].balance
            today = now() // DAY_S
            due = is_due(payee.cycle, 0, balance=balance, paid_day=payee.paid_day, today=today)
            assert self.world.payouts.is_due(owner) == due
            if due and payee.destination(now()) not in self.protocol.frozen:
                paid += self.give_to(owner)
        assert self.world.payouts.pay(list(self.owners), sender=self.world.stranger) == paid

    @rule(owner=owners, seed=seeds)
    def an_owner_is_paid_at_its_partners(self, owner: int, seed: int) -> None:
        self.set_schedule_and_destination(owner, Cycle.DAILY, to_partner=True)
        wait(3 * DAY_S)
        self.settle_a_batch(random.Random(seed))
        self.pay_all_who_are_due()

    @rule(owner=owners)
    def pay_now(self, owner: int) -> None:
        def pay() -> None:
            require(self.model.owners[owner].balance, "nothing to pay")
            to = self.model.payees[owner].destination(now())
            require(to not in self.protocol.frozen, "refused")
            self.give_to(owner)

        self.agree(lambda: self.world.payouts.pay_now(owner, sender=self.owners[owner]), pay)

    def give_to(self, owner: int) -> int:
        """Pay an owner in the model."""
        payee, one = self.model.payees[owner], self.model.owners[owner]
        amount, one.balance, payee.paid_day = one.balance, 0, now() // DAY_S
        self.told[owner] -= amount
        if payee.destination(now()) == self.protocol.partner:
            self.paid_out[self.protocol.partner] += amount
            self.reached.add("a partner is paid")
        return amount

    @rule(place=st.sampled_from(["partner", "treasury", "oracles"]), frozen=st.booleans())
    def freeze(self, place: str, *, frozen: bool) -> None:
        self.protocol.freeze(getattr(self.protocol, place), frozen=frozen)

    # Fees

    @rule()
    def share_fees(self) -> None:
        self.agree(
            lambda: self.router.route(sender=self.world.stranger),
            lambda: self.model.share(self.protocol.to, self.protocol.frozen),
        )

    @rule(place=st.sampled_from(["treasury", "oracles"]))
    def retry(self, place: str) -> None:
        self.retry_for(getattr(self.protocol, place))

    def retry_for(self, to: Any) -> None:
        def retry() -> None:
            require(self.model.router.kept[to] and to not in self.protocol.frozen, "nothing")
            self.model.router.given[to] += self.model.router.kept.pop(to)
            self.reached.add("a share that was refused arrives")

        self.agree(lambda: self.router.retry(to, sender=self.world.stranger), retry)

    @rule(amount=amounts)
    def donate(self, amount: int) -> None:
        self.world.token.mint(self.settlement, amount)
        self.model.donated += amount

    @rule(place=st.sampled_from(["treasury", "oracles"]), seed=seeds)
    def a_share_is_refused_and_sent_again(self, place: str, seed: int) -> None:
        self.freeze(place, frozen=True)
        self.settle_a_batch(random.Random(seed))
        self.route_fees()
        self.share_fees()
        self.freeze(place, frozen=False)
        self.retry(place)

    # Staking and rewards

    @rule(staker=st.integers(0, 1), lock=st.integers(0, 1), chg=st.integers(1, 900))
    def stake(self, staker: int, lock: int, chg: int) -> None:
        self.wake_the_pool()
        who = self.protocol.stakers[staker]
        number = self.protocol.stake(who, chg * CHG, lock)
        self.positions.append(Position(number, who, chg * CHG))

    def wake_the_pool(self) -> None:
        """Needed where nobody used it for 400 days."""
        while not self.protocol.pool.checkpoint(sender=self.world.stranger):
            pass

    @rule(index=st.integers(0, 30))
    @precondition(lambda self: self.positions)
    def unstake(self, index: int) -> None:
        self.wake_the_pool()
        one = self.positions[index % len(self.positions)]
        unlocks_at = self.protocol.pool.position(one.number)[3]

        def take() -> None:
            require(one.amount and now() >= unlocks_at, "locked or gone")
            one.amount = 0

        self.agree(
            lambda: self.protocol.pool.unstake(one.number, one.staker, sender=one.staker), take
        )

    @rule(index=st.integers(0, 30))
    @precondition(lambda self: self.positions)
    def claim_of_a_stake(self, index: int) -> None:
        self.claim_from_pool(self.positions[index % len(self.positions)])

    def claim_from_pool(self, one: Position) -> None:
        self.wake_the_pool()
        pool = self.protocol.pool
        if pool.claimable(one.number):
            self.claimed[pool.address] += pool.claim(one.number, one.staker, sender=one.staker)
            self.reached.add("a staker earns")

    @rule()
    def count_what_arrived(self) -> None:
        for contract in (self.protocol.pool, *self.protocol.distributors.values()):
            self.count_at(contract)

    def count_at(self, contract: Any) -> None:
        if contract is self.protocol.pool:
            self.wake_the_pool()
        owed = contract.liabilities()
        owed = owed if isinstance(owed, int) else owed[0]
        # The pool streams sevenths: less than seven units wait.
        new = self.world.token.balanceOf(contract) - owed
        if new >= 7 or (new and contract is not self.protocol.pool):
            contract.sync(sender=self.world.stranger)
            self.epochs.add(epoch_of(now()))

    @rule(seed=seeds)
    def fees_arrive_and_an_epochs_rewards_are_posted_and_claimed(self, seed: int) -> None:
        self.settle_a_batch(random.Random(seed))
        self.route_fees()
        self.share_fees()
        epoch = epoch_of(now())
        self.count_what_arrived()
        wait(max(0, postable_from(epoch) - now()))
        if self.model.paused(now()):
            return
        fees = [
            ProducedFee(one.account, one.owner, one.fee, 2)
            for one in self.model.sessions.values()
            if epoch_of(one.settled_at) == epoch
        ]
        for kind, distributor in self.protocol.distributors.items():
            funds = Amounts(*distributor.funds(epoch))
            rewards = allot(kind, fees, funds)
            if not rewards or (kind, epoch) in self.trees:
                continue
            tree = self.protocol.tree(kind, epoch, rewards)
            self.protocol.post_root(kind, tree)
            self.trees[kind, epoch] = tree
            assert tree.totals.payment <= funds.payment
        wait(CHALLENGE_S)
        for (kind, at), tree in self.trees.items():
            if at == epoch:
                self.claim_all(kind, tree)

    def claim_all(self, kind: Kind, tree: RewardTree) -> None:
        distributor = self.protocol.distributors[kind]
        for reward in tree.rewards:
            arguments = (
                tree.epoch,
                reward.recipient,
                (reward.payment, reward.chg),
                tree.proof(reward.recipient),
            )
            if not distributor.claimed(tree.epoch, reward.recipient):
                distributor.claim(*arguments, sender=self.world.stranger)
                self.claimed[distributor.address] += reward.payment
                self.reached.add(f"{kind.name} are rewarded")
            with boa.reverts("reward_distributor: already claimed"):
                distributor.claim(*arguments, sender=self.world.stranger)

    @rule(back=st.integers(0, 12))
    def roll_over(self, back: int) -> None:
        epoch = epoch_of(now()) - back
        for distributor in self.protocol.distributors.values():
            over = now() >= postable_from(epoch) + POSTING_S
            if over and distributor.root(epoch)[0] == bytes(32) and any(distributor.funds(epoch)):
                distributor.roll_over(epoch, sender=self.world.stranger)
                self.epochs.add(epoch_of(now()))

    # The committee

    @rule(size=st.integers(1, 5))
    def replace_committee(self, size: int) -> None:
        epoch = self.settlement.current_epoch() + 1
        team = attesters(size, team=f"team {epoch}")
        threshold = size // 2 + 1
        members = [one.address for one in team]
        self.settlement.appoint_committee(members, threshold, 0, sender=self.world.governance)
        self.world.committee, self.world.threshold = team, threshold

    # What always holds

    @invariant()
    def what_is_owed_is_there_and_is_the_sum_of_its_parts(self) -> None:
        token, liabilities = self.world.token, self.settlement.liabilities()
        held = token.balanceOf(self.settlement)
        assert held == liabilities + self.model.donated
        assert liabilities == self.world.owed()

    @invariant()
    def no_campaign_spends_more_than_it_was_given(self) -> None:
        for number, one in self.model.campaigns.items():
            left, spent, day, day_spent = self.settlement.budget(number)
            assert left == self.model.budgets[number]
            assert left + spent + one.reclaimed.total() == one.funded.total()
            assert day_spent == one.spent_on[day]
            if one.rules.day_cap:
                assert max(one.spent_on.values(), default=0) <= one.rules.day_cap

    @invariant()
    def no_limit_and_no_exposure_is_passed(self) -> None:
        today = now() // DAY_S
        for account, payer in self.model.payers.items():
            _, limit, spent, day, debt = self.settlement.account(account)
            assert limit == payer.limit
            assert (spent if day == today else 0) == payer.spent[today]
            assert debt <= self.model.exposure_limit
        for day, gross in self.model.counted.items():
            on, counted = self.settlement.committee_day()
            assert counted == gross or on != day

    @invariant()
    def every_fee_is_where_it_was_sent(self) -> None:
        router, token = self.model.router, self.world.token
        assert token.balanceOf(self.router) == router.waiting + router.kept.total()
        assert self.router.total_owed() == router.kept.total()
        assert self.settlement.reimbursable() == self.model.reimbursable
        assert self.router.reimbursed() == router.reimbursed <= self.model.reimbursable
        for to in self.protocol.to.values():
            assert token.balanceOf(to) + self.claimed[to] == router.given[to]
        given = router.given.total() + router.waiting + router.kept.total()
        assert given == self.model.routed

    @invariant()
    def stakes_and_rewards_are_there(self) -> None:
        pool, token = self.protocol.pool, self.world.token
        assert pool.liabilities() <= token.balanceOf(pool)
        staked = sum(one.amount for one in self.positions)
        assert pool.total_staked() == staked == self.protocol.chg.balanceOf(pool)
        for distributor in self.protocol.distributors.values():
            funds = sum(distributor.funds(epoch)[0] for epoch in self.epochs)
            assert distributor.liabilities()[0] == funds <= token.balanceOf(distributor)

    @invariant()
    def every_owner_is_paid_where_it_said(self) -> None:
        partner = self.protocol.partner
        assert self.world.token.balanceOf(partner) == self.paid_out[partner]
        for owner, payee in self.model.payees.items():
            assert self.settlement.accrual(owner)[2] == payee.paid_day
            assert self.settlement.destination(owner)[0] == payee.destination(now())

    # The end

    def everybody_leaves(self) -> None:
        """Nothing stays frozen, disputes end, debts are paid as far as they can, and all leave."""
        for who in set(self.protocol.frozen):
            self.protocol.freeze(who, frozen=False)
        wait(20 * DAY_S)
        for account in self.holders:
            self.set_daily_limit(account, UNLIMITED)
        for number, one in self.model.disputes.items():
            if not one.result:
                self.lapse_of(number)
        for _ in range(MAX_ROUNDS):
            paid = [
                *(self.return_fee_of(owner) for owner in self.owners),
                *(self.execute_of(number) for number in self.model.disputes),
                *(self.collect_of(*one) for one in self.presented.items() if self.in_debt(one[0])),
            ]
            if not any(paid):
                break
        assert self.settlement.held() == 0
        self.owners_and_payers_leave()
        self.fees_arrive()
        self.stakers_leave()
        self.funders_leave()
        self.what_is_owed_is_there_and_is_the_sum_of_its_parts()
        # Less than a unit a funder is lost to rounding; all else is gone.
        assert self.settlement.liabilities() < 2 * len(self.funders)
        if self.model.donated:
            self.settlement.recover_surplus(self.world.stranger, sender=self.world.governance)
        assert self.world.token.balanceOf(self.settlement) == self.settlement.liabilities()

    def owners_and_payers_leave(self) -> None:
        for account in self.holders:
            self.request_withdrawal(account, (1 << 80) - 1)
        wait(72 * HOUR_S)
        for owner in self.owners:
            self.pay_now(owner)
            # Who was paid out before a ruling still owes what its disputes lack, and nothing else.
            assert self.settlement.accrual(owner)[:2] == (0, self.lacking(owner))
        for account in self.holders:
            self.withdraw_from(account)
            # Who left with a debt left nothing else.
            assert self.settlement.account(account)[0] == 0

    def fees_arrive(self) -> None:
        self.route_fees()
        assert self.settlement.unrouted_fees() == 0
        self.share_fees()
        for to in (self.protocol.treasury, self.protocol.oracles):
            self.retry_for(to)
        assert self.world.token.balanceOf(self.router) == 0
        self.every_fee_is_where_it_was_sent()

    def stakers_leave(self) -> None:
        pool = self.protocol.pool
        self.stake(0, 0, 1)
        # What nobody earned while nobody staked is streamed again.
        for _ in range(2):
            self.count_at(pool)
            wait(35 * DAY_S)
        for index, one in enumerate(self.positions):
            self.claim_from_pool(one)
            self.unstake(index)
        self.stakes_and_rewards_are_there()
        assert self.protocol.chg.balanceOf(pool) == 0
        assert self.world.token.balanceOf(pool) < DUST + len(self.positions)

    def funders_leave(self) -> None:
        wait(300 * DAY_S)
        for number, one in self.model.campaigns.items():
            for funder in list(one.funded):
                self.reclaim_of(number, funder)


class Progress:
    """Steps done, said now and then on the terminal behind pytest's capture."""

    def __init__(self, target: int) -> None:
        self.histories = 0
        self.target, self.done, self.begun, self.told = target, 0, time.monotonic(), 0.0

    def step(self) -> None:
        self.done += 1
        spent = time.monotonic() - self.begun
        if spent - self.told > 10:
            self.told = spent
            left = spent / self.done * max(0, self.target - self.done)
            text = (
                f"{self.done:,} of {self.target:,} steps in {self.histories:,} histories, "
                f"about {left / 60:.0f} min left\n"
            )
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, text.encode())


QUICK = settings(
    max_examples=6,
    stateful_step_count=30,
    deadline=None,
    # The same histories in every run; what fails here is made small by the deep run.
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
DEEP_STEPS: Final = int(os.environ.get("CHARGECOIN_STEPS", "100000"))
# Of ten histories each; another first seed makes other histories.
FIRST_SEED: Final = int(os.environ.get("CHARGECOIN_SEED", "1"))
A_HISTORY: Final = 80
DEEP = settings(
    QUICK,
    max_examples=10,
    stateful_step_count=A_HISTORY,
    derandomize=False,
    phases=(Phase.generate, Phase.shrink),
)


@pytest.fixture(scope="module", autouse=True)
def own_chain() -> Iterator[None]:
    """Everything deployed once; each history begins there."""
    with boa.swap_env(an_env(fast=True)), a_chain():
        ProtocolMachine.deployed = ProtocolWorld()
        yield


@pytest.mark.timeout(900)
def test_all_contracts_together_do_what_the_model_says() -> None:
    ProtocolMachine.reached.clear()
    run_state_machine_as_test(ProtocolMachine, settings=QUICK)
    assert ProtocolMachine.reached >= {
        *(
            "a funder reclaims",
            "a partner is paid",
            "DRIVERS are rewarded",
            "STATIONS are rewarded",
        ),
        *("a share that was refused arrives", "a staker earns"),
        *(str(flag) for flag in OutcomeFlag if flag is not OutcomeFlag.CLAMPED),
    }


def counting(progress: Progress) -> type[RuleBasedStateMachine]:
    """The machine, each step of which counts: a rule, and all invariants after it."""

    class CountedMachine(ProtocolMachine):
        checked = 0

        @invariant()
        def a_step_is_done(self) -> None:
            # The first time is after deploying.
            if self.checked:
                progress.step()
            self.checked += 1

        def teardown(self) -> None:
            super().teardown()
            progress.histories += 1

    return CountedMachine


@pytest.mark.deep
@pytest.mark.timeout(6 * 3600)
def test_all_contracts_together_do_what_the_model_says_for_100_000_steps() -> None:
    progress = Progress(DEEP_STEPS)
    for number in count(FIRST_SEED):
        if progress.done >= DEEP_STEPS:
            break
        run_state_machine_as_test(seed(number)(counting(progress)), settings=DEEP)
    print(f"{progress.done:,} steps in {progress.histories:,} histories, seeds to {number - 1}")
