"""Settlement against the model of its rules, over random histories.

After each step the contract's storage is the model's, unit by unit, and the
invariants of docs/protocol.md, section 7, hold. At the end everybody leaves.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
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

from chargecoin import record
from chargecoin.record import Run, SessionRecord
from chargecoin.tariff import OPEN_END, Prices, Tariff
from chargecoin.typed_data import Signer
from tests.contracts.model import Account, Connector, Model, RefusedError
from tests.contracts.world import (
    DAY_S,
    FLAT,
    HOUR_S,
    ROOT,
    TOKEN,
    Batch,
    Settled,
    World,
    a_chain,
    attesters,
    now,
    wait,
)

TIME_OF_USE = Tariff(
    0,
    OPEN_END,
    Prices(kwh=200_000, hour=100_000, idle_hour=0, session=350_000),
    Prices(kwh=600_000, hour=200_000, idle_hour=900_000, session=350_000),
)
SESSION_CAP, OWNER_CAP, COMMITTEE_CAP = 40 * TOKEN, 250 * TOKEN, 350 * TOKEN
EXPOSURE = 30 * TOKEN

accounts = st.integers(1, 4)
amounts = st.integers(1, 5) | st.integers(1, 60 * TOKEN)
seeds = st.integers(0, 2**32)
spans = st.sampled_from([1, 60, HOUR_S, 5 * HOUR_S, DAY_S, 3 * DAY_S, 20 * DAY_S])


class SettlementMachine(RuleBasedStateMachine):
    """Payers, owners, oracles, guardian and governance do what they may, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.exits = ExitStack()
        self.donated = 0
        self.batches: list[tuple[Batch, Settled]] = []
        self.committees: dict[int, tuple[Signer, ...]] = {}

    @initialize()
    def deploy(self) -> None:
        self.exits.enter_context(a_chain())
        self.world = world = World()
        self.settlement = world.settlement
        self.model = Model(SESSION_CAP, OWNER_CAP, COMMITTEE_CAP, EXPOSURE)
        self.committees[1] = tuple(world.committee)
        self.settlement.set_caps(SESSION_CAP, OWNER_CAP, COMMITTEE_CAP, sender=world.governance)
        self.settlement.set_exposure_limit(EXPOSURE, sender=world.governance)
        self.router = boa.env.generate_address("router")
        self.settlement.set_fee_router(self.router, sender=world.governance)
        self.owners = {world.add_owner(who): who for who in (world.station_owner, world.operator)}
        for owner, tariff in zip((1, 1, 2), (FLAT, TIME_OF_USE, FLAT), strict=True):
            connector = world.add_connector(owner, tariff)
            self.model.connectors[connector] = Connector(owner)
            self.read_tariffs(connector)
        self.holders = [world.driver, world.fleet]
        for holder in self.holders:
            world.fund(holder, 10**15)
            for balance, limit in ((200 * TOKEN, 60 * TOKEN), (15 * TOKEN, 60 * TOKEN)):
                self.open(holder)
                account = len(self.model.accounts)
                self.settlement.deposit(account, balance, sender=holder)
                self.model.accounts[account].balance = balance
                self.settlement.set_daily_limit(account, limit, sender=holder)
                self.model.set_limit(account, limit, now())
        wait(5 * DAY_S)

    # What the rules are made of

    def read_tariffs(self, connector: int) -> None:
        registry = self.world.registry
        self.model.connectors[connector].tariffs = [
            Tariff.decode(registry.tariff_slot(connector, index + 1))
            for index in range(registry.tariff_count(connector))
        ]

    def open(self, holder: Any) -> None:
        number = self.settlement.open_account(sender=holder)
        self.model.accounts[number] = Account(holder)

    def holder(self, account: int) -> Any:
        return self.model.accounts[account].holder

    def agree(self, contract: Callable[[], Any], model: Callable[[], Any]) -> Any:
        """Let both do the same; both do it, or both refuse. Returns what the model gives."""
        try:
            result = model()
        except RefusedError:
            with boa.reverts():
                contract()
            return None
        contract()
        return result

    # Payers

    @rule(account=accounts, amount=amounts)
    def deposit(self, account: int, amount: int) -> None:
        self.settlement.deposit(account, amount, sender=self.holder(account))
        self.model.accounts[account].balance += amount

    @rule(account=accounts, amount=amounts, slack=st.integers(-1, 1))
    def deposit_for(self, account: int, amount: int, slack: int) -> None:
        one = self.model.accounts[account]
        if one.debt + slack < 0:
            return

        def credit() -> None:
            if slack < 0:
                raise RefusedError
            one.balance += amount

        self.agree(
            lambda: self.settlement.deposit_for(
                account, one.holder, amount, one.debt + slack, sender=self.holders[0]
            ),
            credit,
        )

    @rule(account=accounts, limit=st.just(0) | amounts | st.just(200 * TOKEN))
    def set_daily_limit(self, account: int, limit: int) -> None:
        self.settlement.set_daily_limit(account, limit, sender=self.holder(account))
        self.model.set_limit(account, limit, now())

    @rule(account=accounts, amount=amounts)
    def request_withdrawal(self, account: int, amount: int) -> None:
        self.settlement.request_withdrawal(account, amount, sender=self.holder(account))
        self.model.accounts[account].request = amount, now()

    @rule(account=accounts)
    def cancel_withdrawal(self, account: int) -> None:
        one = self.model.accounts[account]

        def cancel() -> None:
            if not one.request:
                raise RefusedError
            one.request = None

        self.agree(lambda: self.settlement.cancel_withdrawal(account, sender=one.holder), cancel)

    @rule(account=accounts)
    def withdraw(self, account: int) -> None:
        self.withdraw_from(account)

    def withdraw_from(self, account: int) -> None:
        holder = self.holder(account)
        before = self.world.token.balanceOf(holder)
        amount = self.agree(
            lambda: self.settlement.withdraw(account, holder, sender=holder),
            lambda: self.model.withdraw(account, now()),
        )
        assert self.world.token.balanceOf(holder) - before == (amount or 0)

    # Station owners

    @rule(
        connector=st.integers(1, 3),
        later=st.integers(HOUR_S, 2 * DAY_S),
        kwh=st.integers(0, 1_000_000),
    )
    def publish_tariff(self, connector: int, later: int, kwh: int) -> None:
        tariffs = self.model.connectors[connector].tariffs
        start = now() + later
        if start <= tariffs[-1].valid_from:
            return
        tariff = Tariff.flat(Prices(kwh, kwh // 3, kwh // 7, kwh // 2), start)
        self.world.publish(connector, tariff)
        self.read_tariffs(connector)
        assert self.model.connectors[connector].tariffs == [
            *tariffs[:-1],
            replace(tariffs[-1], valid_to=start),
            tariff,
        ]

    @rule(owner=st.integers(1, 2), amount=amounts)
    def withdraw_accrual(self, owner: int, amount: int) -> None:

        def debit() -> None:
            if amount > self.model.accruals[owner]:
                raise RefusedError
            self.model.accruals[owner] -= amount

        self.agree(
            lambda: self.settlement.withdraw_accrual(owner, amount, sender=self.owners[owner]),
            debit,
        )

    # Oracles

    def word(self, dice: random.Random, tariff: Tariff) -> int:
        """A session: mostly one that could have been, sometimes one that could not."""
        duration = dice.choice([0, dice.randrange(2 * HOUR_S), dice.randrange(2 * DAY_S)])
        idle, energy = dice.randint(0, duration), dice.randrange(40_000)
        ended = now() - dice.randrange(2 * DAY_S)
        if dice.random() < 0.1:
            ended = now() - dice.choice([-1, 0, 90 * DAY_S, 90 * DAY_S + 1, 94 * DAY_S])
        low, high = tariff.bounds(energy_wh=energy, duration_s=duration, idle_s=idle)
        gross = dice.randint(low, high)
        if dice.random() < 0.2:
            gross = dice.choice([low, high, 0, high + 1, dice.getrandbits(40)])
        word = SessionRecord(
            payer=dice.choice([0, 99, *self.model.accounts, *self.model.accounts]),
            started_at=max(0, ended - duration),
            duration_s=duration,
            idle_s=idle,
            energy_wh=energy,
            gross=min(gross, (1 << 40) - 1),
            campaign_id=dice.choice([0, 0, 0, dice.getrandbits(32)]),
            hour_of_week=dice.randrange(168),
            grid_gco2e_per_kwh=dice.getrandbits(12),
            renewable_pct=dice.choice([0, 100, 127]),
            assurance=dice.choice([1, 2, 3]),
        ).encode()
        if dice.random() < 0.1:
            word ^= 1 << dice.randrange(256)
        return word

    def run(self, dice: random.Random) -> Run:
        number = dice.choice(sorted(self.model.connectors))
        connector = self.model.connectors[number]
        at = now() - dice.randrange(2 * DAY_S)
        in_force = [i + 1 for i, one in enumerate(connector.tariffs) if one.in_force(at)]
        index = dice.choice(in_force * 20 + [*range(len(connector.tariffs) + 2)])
        words = [self.word(dice, connector.tariff(index)) for _ in range(dice.randint(1, 4))]
        run = Run(number, connector.sequence + 1, index, connector.hash, tuple(words))
        if dice.random() < 0.1:
            field = dice.choice(["first_sequence", "previous_hash", "connector_id"])
            run = replace(run, **{field: getattr(run, field) ^ 1})
        return run

    @rule(seed=seeds)
    def settle(self, seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(dice.randint(1, 5)):
            self.settle_a_batch(dice)

    def settle_a_batch(self, dice: random.Random) -> None:
        runs = [self.run(dice) for _ in range(dice.randint(1, 4))]
        last = max(self.committees)
        epoch = dice.choice([last] * 9 + [*self.committees])
        signers = self.committees[epoch][: self.settlement.committee(epoch)[0]]
        batch = self.world.batch(runs, epoch=epoch, by=signers)
        try:
            if epoch != last:
                raise RefusedError
            expected = tuple(self.model.settle(runs, now()))
        except RefusedError:
            with boa.reverts():
                self.world.submit(batch)
            return
        settled = self.world.submit(batch)
        assert settled.outcomes == expected
        if settled.batch is None:
            assert not expected
            return
        assert settled.commitment[:27] == record.commitment(batch.runs, ROOT, settled.told)
        assert record.settled_at(settled.commitment) == now()
        self.batches.append((batch, settled))

    @rule(seed=seeds)
    @precondition(lambda self: self.batches)
    def settle_again(self, seed: int) -> None:
        batch, _ = random.Random(seed).choice(self.batches)
        valid = now() < self.settlement.committee(batch.epoch)[1] and now() <= batch.expiry
        if self.model.paused(now()) or not valid:
            with boa.reverts():
                self.world.submit(batch)
        else:
            assert not self.world.submit(batch).outcomes

    @rule(seed=seeds)
    @precondition(lambda self: self.model.debts)
    def collect(self, seed: int) -> None:
        self.collect_of(random.Random(seed).choice(sorted(self.model.debts)))

    def collect_of(self, session_id: int) -> None:
        [(batch, settled, index)] = [
            (batch, settled, index)
            for batch, settled in self.batches
            for index, word in enumerate(settled.told)
            if word >> 160 == session_id
        ]
        told = b"".join(word.to_bytes(32, "big") for word in settled.told)
        self.agree(
            lambda: self.world.adjustments.collect(
                settled.batch, batch.runs, ROOT, told, index, sender=self.world.stranger
            ),
            lambda: self.model.collect(session_id, now()),
        )

    # Guardian and governance

    @rule(seconds=st.sampled_from([0, HOUR_S, 72 * HOUR_S]))
    def pause(self, seconds: int) -> None:
        self.agree(
            lambda: self.settlement.pause(sender=self.world.guardian),
            lambda: self.model.pause(now()),
        )
        wait(seconds)

    @rule(size=st.integers(1, 5), revoke=st.booleans())
    def replace_committee(self, size: int, revoke: bool) -> None:
        if revoke:
            self.settlement.revoke_committee(len(self.committees), sender=self.world.guardian)
        epoch = len(self.committees) + 1
        team = attesters(size, team=f"team {epoch}")
        members = [one.address for one in team]
        self.settlement.appoint_committee(members, size // 2 + 1, 0, sender=self.world.governance)
        self.committees[epoch] = team

    @rule(
        session_cap=st.sampled_from([SESSION_CAP, SESSION_CAP, 15 * TOKEN, 0]),
        owner_cap=st.sampled_from([OWNER_CAP, OWNER_CAP, 25 * TOKEN, 0]),
        committee_cap=st.sampled_from([COMMITTEE_CAP, COMMITTEE_CAP, 30 * TOKEN, 0]),
        exposure=st.sampled_from([EXPOSURE, EXPOSURE, TOKEN, 0]),
    )
    def set_caps(self, session_cap: int, owner_cap: int, committee_cap: int, exposure: int) -> None:
        by = self.world.governance
        self.settlement.set_caps(session_cap, owner_cap, committee_cap, sender=by)
        self.settlement.set_exposure_limit(exposure, sender=by)
        self.model.session_cap, self.model.owner_day_cap = session_cap, owner_cap
        self.model.committee_day_cap, self.model.exposure_limit = committee_cap, exposure

    @rule()
    def route_fees(self) -> None:
        def route() -> None:
            if not self.model.fees:
                raise RefusedError
            self.model.routed += self.model.fees
            self.model.fees = 0

        self.agree(lambda: self.settlement.route_fees(sender=self.world.stranger), route)

    @rule(amount=amounts)
    def donate(self, amount: int) -> None:
        self.world.token.mint(self.settlement, amount)
        self.donated += amount

    @rule()
    def recover_surplus(self) -> None:
        def recover() -> None:
            if not self.donated:
                raise RefusedError
            self.donated = 0

        self.agree(
            lambda: self.settlement.recover_surplus(
                self.world.stranger, sender=self.world.governance
            ),
            recover,
        )

    @rule(seconds=spans, seed=seeds)
    def time_passes_and_sessions_come_in(self, seconds: int, seed: int) -> None:
        wait(seconds)
        self.settle_a_batch(random.Random(seed))

    # What always holds

    @invariant()
    def what_is_owed_is_there_and_is_the_sum_of_its_parts(self) -> None:
        held = self.world.token.balanceOf(self.settlement)
        assert held == self.settlement.liabilities() + self.donated
        assert self.settlement.liabilities() == self.world.owed() == self.model.owed
        assert self.world.token.balanceOf(self.router) == self.model.routed

    @invariant()
    def every_account_is_the_models(self) -> None:
        today = now() // DAY_S
        for number, one in self.model.accounts.items():
            balance, limit, spent, day, debt = self.settlement.account(number)
            assert (balance, limit, debt) == (one.balance, one.limit, one.debt)
            assert (spent if day == today else 0) == one.spent[today]
            assert spent == one.spent[day]
            open_debts = [d.open for d in self.model.debts.values() if d.account == number]
            assert debt == sum(open_debts)

    @invariant()
    def every_owner_is_credited_what_was_paid_less_the_fee(self) -> None:
        today = now() // DAY_S
        for owner in self.owners:
            balance, debt, _, day, day_gross = self.settlement.accrual(owner)
            assert (balance, debt) == (self.model.accruals[owner], 0)
            assert (day_gross if day == today else 0) == self.model.counted[owner, today]
        day, gross = self.settlement.committee_day()
        assert (gross if day == today else 0) == self.model.day_gross(today)
        assert self.settlement.unrouted_fees() == self.model.fees

    @invariant()
    def every_head_is_where_its_sessions_end(self) -> None:
        for number, one in self.model.connectors.items():
            sequence, owner, running = self.settlement.head(number)
            assert (sequence, running) == (one.sequence, one.hash)
            assert owner == (one.owner if one.sequence else 0)
        assert self.settlement.batch_count() == self.model.batches

    @invariant()
    def no_payer_owes_more_than_the_exposure_limit_allowed(self) -> None:
        assert all(one.debt <= EXPOSURE for one in self.model.accounts.values())

    @invariant()
    def no_day_is_over_its_cap(self) -> None:
        for (_, day), gross in self.model.counted.items():
            assert gross <= OWNER_CAP
            assert self.model.day_gross(day) <= COMMITTEE_CAP

    # The end

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.everybody_leaves()
        finally:
            self.exits.close()

    def everybody_leaves(self) -> None:
        """Debts are collected as far as money goes; then all take what is theirs, in a pause."""
        wait(20 * DAY_S)
        for account in self.model.accounts:
            self.settlement.set_daily_limit(account, (1 << 56) - 1, sender=self.holder(account))
            self.model.set_limit(account, (1 << 56) - 1, now())
        for session_id in sorted(self.model.debts):
            self.collect_of(session_id)
        for account, one in self.model.accounts.items():
            self.settlement.request_withdrawal(account, (1 << 80) - 1, sender=one.holder)
            one.request = (1 << 80) - 1, now()
        wait(71 * HOUR_S)
        self.settlement.pause(sender=self.world.guardian)
        wait(HOUR_S)
        for account in self.model.accounts:
            self.withdraw_from(account)
        for owner, account in self.owners.items():
            if self.model.accruals[owner]:
                self.settlement.withdraw_accrual(owner, self.model.accruals[owner], sender=account)
        if self.model.fees:
            self.settlement.route_fees(sender=self.world.stranger)
        assert self.settlement.liabilities() == self.world.owed() == 0
        assert self.world.token.balanceOf(self.settlement) == self.donated


QUICK = settings(
    max_examples=15,
    stateful_step_count=30,
    deadline=None,
    # What fails here is made small by the deep run.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
DEEP = settings(QUICK, max_examples=300, stateful_step_count=80, phases=tuple(Phase))


def test_settlement_does_what_the_model_says() -> None:
    run_state_machine_as_test(SettlementMachine, settings=QUICK)


@pytest.mark.deep
def test_settlement_does_what_the_model_says_in_many_histories() -> None:
    run_state_machine_as_test(SettlementMachine, settings=DEEP)
