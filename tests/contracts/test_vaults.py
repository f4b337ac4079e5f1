"""Payers' accounts: deposits, limits, withdrawals, mandates."""

from collections.abc import Callable
from typing import Any

import boa
import pytest
from eth_utils.crypto import keccak

from tests.contracts.world import (
    DAY_S,
    HOUR_S,
    TOKEN,
    Fault,
    World,
    events,
    now,
    session,
    source,
    wait,
)

CONNECTOR = 1
DELAY_S, WINDOW_S = 72 * HOUR_S, 24 * HOUR_S
MANDATE = keccak(text="mandate")


@pytest.fixture
def settlement(world: World) -> Any:
    return world.settlement


def balance(world: World, account: int) -> int:
    held: int = world.settlement.account(account)[0]
    return held


# Opening and paying in


def test_an_account_opens_empty_with_a_limit_of_nothing(world: World, settlement: Any) -> None:
    account = settlement.open_account(sender=world.driver)
    [event] = events(settlement, "AccountOpened")
    assert (event.account, event.holder) == (account, world.driver)
    assert settlement.account_holder(account) == world.driver
    assert tuple(settlement.account(account)) == (0, 0, 0, now() // DAY_S, 0)
    assert settlement.open_account(sender=world.driver) == account + 1
    assert settlement.account_count() == account + 1


@pytest.mark.py_evm
def test_accounts_are_used_up_after_40_bits(world: World, settlement: Any) -> None:
    settlement.eval("vaults.account_count = 2 ** 40 - 2")
    assert settlement.open_account(sender=world.driver) == 2**40 - 1
    with boa.reverts("settlement: accounts used up"):
        settlement.open_account(sender=world.driver)


def test_a_deposit_is_owed_to_the_last_unit(world: World, settlement: Any) -> None:
    account = world.open_account(world.driver)
    world.fund(world.driver, 10 * TOKEN)
    settlement.deposit(account, 7 * TOKEN, sender=world.driver)
    [event] = events(settlement, "Deposited")
    assert (event.account, event.sender, event.amount) == (account, world.driver, 7 * TOKEN)
    assert balance(world, account) == settlement.liabilities() == 7 * TOKEN
    assert world.token.balanceOf(settlement) == 7 * TOKEN


def test_only_the_holder_deposits_without_naming_the_holder(world: World, account: int) -> None:
    world.fund(world.stranger, TOKEN)
    with boa.reverts("settlement: not the holder"):
        world.settlement.deposit(account, TOKEN, sender=world.stranger)


def test_anyone_deposits_for_a_holder_it_names(world: World, account: int) -> None:
    world.fund(world.stranger, TOKEN)
    world.settlement.deposit_for(account, world.driver, TOKEN, 0, sender=world.stranger)
    assert balance(world, account) == 101 * TOKEN
    assert world.token.balanceOf(world.stranger) == 0


def test_a_deposit_for_someone_else_than_the_holder_is_refused(world: World, account: int) -> None:
    world.fund(world.stranger, TOKEN)
    for number, holder in ((account, world.fleet), (99, world.driver), (99, "0x" + "00" * 20)):
        with boa.reverts("settlement: not its holder"):
            world.settlement.deposit_for(number, holder, TOKEN, 0, sender=world.stranger)


@pytest.mark.parametrize("amount", [0, 1 << 80])
def test_a_deposit_that_no_account_can_hold_is_refused(
    world: World, account: int, amount: int
) -> None:
    with boa.reverts("settlement: amount out of range"):
        world.settlement.deposit(account, amount, sender=world.driver)


def test_a_balance_fits_its_field(world: World, account: int) -> None:
    world.fund(world.driver, 1 << 80)
    with boa.reverts("settlement: balance too large"):
        world.settlement.deposit(account, (1 << 80) - 100 * TOKEN, sender=world.driver)
    world.settlement.deposit(account, (1 << 80) - 100 * TOKEN - 1, sender=world.driver)
    assert world.settlement.account(account)[:2] == ((1 << 80) - 1, 60 * TOKEN)


# Limits


def test_only_the_holder_sets_the_limit(world: World, account: int) -> None:
    with boa.reverts("settlement: not the holder"):
        world.settlement.set_daily_limit(account, 0, sender=world.stranger)
    world.settlement.set_daily_limit(account, 61 * TOKEN, sender=world.driver)
    [event] = events(world.settlement, "DailyLimitSet")
    assert (event.account, event.limit) == (account, 61 * TOKEN)
    assert world.settlement.account(account)[1] == 61 * TOKEN


def test_a_limit_fits_its_field(world: World, account: int) -> None:
    with boa.reverts("settlement: limit too large"):
        world.settlement.set_daily_limit(account, 1 << 56, sender=world.driver)
    world.settlement.set_daily_limit(account, (1 << 56) - 1, sender=world.driver)
    assert tuple(world.settlement.account(account))[:2] == (100 * TOKEN, (1 << 56) - 1)


def test_raising_a_limit_holds_at_once_for_all_sessions(world: World, account: int) -> None:
    world.settlement.set_daily_limit(account, 80 * TOKEN, sender=world.driver)
    for started_at in (0, now() - HOUR_S, now()):
        assert world.settlement.limit_for(account, started_at) == 80 * TOKEN


def test_lowering_a_limit_holds_for_sessions_that_start_later(world: World, account: int) -> None:
    world.settlement.set_daily_limit(account, 10 * TOKEN, sender=world.driver)
    assert world.settlement.limit_for(account, now() - 1) == 60 * TOKEN
    assert world.settlement.limit_for(account, now()) == 10 * TOKEN
    assert world.settlement.account(account)[1] == 10 * TOKEN


def test_lowering_in_steps_hides_no_higher_limit(world: World, account: int) -> None:
    for limit in (40, 20, 30, 5):
        wait(100)
        world.settlement.set_daily_limit(account, limit * TOKEN, sender=world.driver)
    assert world.settlement.limit_for(account, now() - 1) == 60 * TOKEN
    assert world.settlement.limit_for(account, now()) == 5 * TOKEN


def test_a_limit_raised_above_one_that_was_lowered_holds_for_all_sessions(
    world: World, account: int
) -> None:
    lowered = now()
    for limit in (10, 80):
        world.settlement.set_daily_limit(account, limit * TOKEN, sender=world.driver)
        wait(50)
    for started_at in (0, lowered - 1, lowered, now()):
        assert world.settlement.limit_for(account, started_at) == 80 * TOKEN


def test_a_limit_as_high_as_before_forgets_the_lowering(world: World, account: int) -> None:
    lowered = now()
    world.settlement.set_daily_limit(account, 10 * TOKEN, sender=world.driver)
    wait(100)
    world.settlement.set_daily_limit(account, 60 * TOKEN, sender=world.driver)
    world.settlement.set_daily_limit(account, 50 * TOKEN, sender=world.driver)
    assert world.settlement.limit_for(account, lowered + 50) == 60 * TOKEN
    assert world.settlement.limit_for(account, now()) == 50 * TOKEN


# Withdrawing


def test_a_withdrawal_waits_72_hours_and_lapses_after_96(world: World, account: int) -> None:
    settlement = world.settlement
    settlement.request_withdrawal(account, 30 * TOKEN, sender=world.driver)
    [event] = events(settlement, "WithdrawalRequested")
    due, lapses = now() + DELAY_S, now() + DELAY_S + WINDOW_S
    assert (event.amount, event.executable_at, event.lapses_at) == (30 * TOKEN, due, lapses)
    assert settlement.withdrawal(account) == (30 * TOKEN, due, lapses)
    boa.env.timestamp = due - 1
    with boa.reverts("settlement: withdrawal not due"):
        settlement.withdraw(account, world.driver, sender=world.driver)
    boa.env.timestamp = lapses
    with boa.reverts("settlement: withdrawal lapsed"):
        settlement.withdraw(account, world.driver, sender=world.driver)
    for moment in (due, lapses - 1):
        with boa.env.anchor():
            boa.env.timestamp = moment
            settlement.withdraw(account, world.stranger, sender=world.driver)
            assert world.token.balanceOf(world.stranger) == 30 * TOKEN
            assert balance(world, account) == settlement.liabilities() == 70 * TOKEN
            assert settlement.withdrawal(account) == (0, 0, 0)


def test_a_withdrawal_is_done_once(world: World, account: int) -> None:
    world.settlement.request_withdrawal(account, 30 * TOKEN, sender=world.driver)
    wait(DELAY_S)
    world.settlement.withdraw(account, world.driver, sender=world.driver)
    [event] = events(world.settlement, "Withdrawn")
    assert (event.account, event.to, event.amount) == (account, world.driver, 30 * TOKEN)
    with boa.reverts("settlement: no withdrawal requested"):
        world.settlement.withdraw(account, world.driver, sender=world.driver)


def test_a_new_request_begins_to_wait_anew(world: World, account: int) -> None:
    world.settlement.request_withdrawal(account, 30 * TOKEN, sender=world.driver)
    wait(DELAY_S)
    world.settlement.request_withdrawal(account, 31 * TOKEN, sender=world.driver)
    with boa.reverts("settlement: withdrawal not due"):
        world.settlement.withdraw(account, world.driver, sender=world.driver)


def test_a_request_is_taken_back(world: World, account: int) -> None:
    world.settlement.request_withdrawal(account, 30 * TOKEN, sender=world.driver)
    world.settlement.cancel_withdrawal(account, sender=world.driver)
    assert events(world.settlement, "WithdrawalCancelled")[0].account == account
    with boa.reverts("settlement: no withdrawal requested"):
        world.settlement.cancel_withdrawal(account, sender=world.driver)
    wait(DELAY_S)
    with boa.reverts("settlement: no withdrawal requested"):
        world.settlement.withdraw(account, world.driver, sender=world.driver)


def test_what_waits_can_still_be_debited(world: World, account: int) -> None:
    world.settlement.request_withdrawal(account, 100 * TOKEN, sender=world.driver)
    wait(DELAY_S)
    assert world.settle_one(CONNECTOR, session(account)).paid == 9 * TOKEN
    world.settlement.withdraw(account, world.driver, sender=world.driver)
    assert world.token.balanceOf(world.driver) == 91 * TOKEN


def test_debt_cannot_be_withdrawn(world: World, account: int) -> None:
    for _ in range(7):  # the limit is 60 tokens a day, and a session costs 9
        world.settle_one(CONNECTOR, session(account))
    debt = world.settlement.account(account)[4]
    assert (balance(world, account), debt) == (40 * TOKEN, 3 * TOKEN)
    world.settlement.request_withdrawal(account, 100 * TOKEN, sender=world.driver)
    wait(DELAY_S)
    world.settlement.withdraw(account, world.driver, sender=world.driver)
    assert world.token.balanceOf(world.driver) == 37 * TOKEN
    world.settlement.request_withdrawal(account, 1, sender=world.driver)
    wait(DELAY_S)
    with boa.reverts("settlement: nothing to withdraw"):
        world.settlement.withdraw(account, world.driver, sender=world.driver)


def test_only_the_holder_requests_cancels_and_withdraws(world: World, account: int) -> None:
    settlement = world.settlement
    settlement.request_withdrawal(account, TOKEN, sender=world.driver)
    wait(DELAY_S)
    calls: tuple[Callable[[], object], ...] = (
        lambda: settlement.request_withdrawal(account, 1, sender=world.stranger),
        lambda: settlement.cancel_withdrawal(account, sender=world.governance),
        lambda: settlement.withdraw(account, world.stranger, sender=world.stranger),
    )
    for call in calls:
        with boa.reverts("settlement: not the holder"):
            call()


@pytest.mark.parametrize("amount", [0, 1 << 80])
def test_a_request_is_for_an_amount(world: World, account: int, amount: int) -> None:
    with boa.reverts("settlement: amount out of range"):
        world.settlement.request_withdrawal(account, amount, sender=world.driver)


def test_nothing_is_withdrawn_to_nobody(world: World, account: int) -> None:
    world.settlement.request_withdrawal(account, TOKEN, sender=world.driver)
    wait(DELAY_S)
    with boa.reverts("custody: no recipient"):
        world.settlement.withdraw(account, "0x" + "00" * 20, sender=world.driver)


# Mandates


def test_a_mandate_is_revoked_once_by_the_holder(world: World, account: int) -> None:
    settlement = world.settlement
    with boa.reverts("settlement: not the holder"):
        settlement.revoke_mandate(account, MANDATE, sender=world.stranger)
    settlement.revoke_mandate(account, MANDATE, sender=world.driver)
    [event] = events(settlement, "MandateRevoked")
    assert (event.account, event.mandate) == (account, MANDATE)
    revoked_at = now()
    wait(10)
    with boa.reverts("settlement: mandate already revoked"):
        settlement.revoke_mandate(account, MANDATE, sender=world.driver)
    assert settlement.mandate_revoked_at(account, MANDATE) == revoked_at


# Tokens


@pytest.mark.parametrize("decimals", [0, 5, 8, 18])
def test_a_token_with_other_than_six_decimals_is_refused(decimals: int) -> None:
    with boa.reverts("custody: token needs 6 decimals"):
        World(token=source("mocks/odd_token_mock").deploy(decimals))


def test_a_token_that_returns_nothing_is_fine(world: World, account: int) -> None:
    assert world.token.balanceOf(world.settlement) == 100 * TOKEN == balance(world, account)


def test_a_token_that_says_no_moves_nothing(odd_token: Any) -> None:
    world = World(token=odd_token)
    account = world.open_account(world.driver, balance=10 * TOKEN)
    world.settlement.request_withdrawal(account, TOKEN, sender=world.driver)
    wait(DELAY_S)
    odd_token.set_fault(Fault.RETURNS_FALSE)
    world.fund(world.driver, TOKEN)
    with boa.reverts("custody: transfer failed"):
        world.settlement.deposit(account, TOKEN, sender=world.driver)
    with boa.reverts("custody: transfer failed"):
        world.settlement.withdraw(account, world.driver, sender=world.driver)
    assert balance(world, account) == world.settlement.liabilities() == 10 * TOKEN
