"""Deposits by permit: one transaction, and nobody in front of it can break it."""

from collections.abc import Iterator
from typing import Any

import boa
import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from tests.contracts.test_charge_coin import permit
from tests.contracts.world import TOKEN, World, a_chain, now, source

HOLDER = Account.from_key(keccak(text="permit holder"))
FOREVER = 2**40
AMOUNT = 10 * TOKEN


@pytest.fixture
def world() -> Iterator[World]:
    """A settlement of a token with permits; the driver has a key, 100 tokens and no allowance."""
    with a_chain():
        world = World(token=source("mocks/permit_token_mock").deploy(), driver=HOLDER.address)
        world.token.mint(HOLDER.address, 100 * TOKEN)
        assert world.settlement.open_account(sender=HOLDER.address) == 1
        yield world


def signed(world: World, amount: int = AMOUNT, deadline: int = FOREVER) -> tuple[Any, ...]:
    """What `deposit_with_permit` takes after the account."""
    spender = world.settlement.address
    v, r, s = permit(world.token, HOLDER, spender, amount, deadline, name="Dollar")
    return amount, deadline, v, r, s


def test_a_permit_pays_in_with_one_transaction(world: World) -> None:
    settlement = world.settlement
    settlement.deposit_with_permit(1, *signed(world), sender=HOLDER.address)
    assert settlement.account(1)[0] == AMOUNT == settlement.liabilities()
    assert world.token.balanceOf(settlement) == AMOUNT
    assert world.token.allowance(HOLDER.address, settlement) == 0


def test_front_run_permit(world: World) -> None:
    """A stranger hands the permit in first; the holder's deposit goes through all the same."""
    arguments = signed(world)
    world.token.permit(HOLDER.address, world.settlement.address, *arguments, sender=world.stranger)
    world.settlement.deposit_with_permit(1, *arguments, sender=HOLDER.address)
    assert world.settlement.account(1)[0] == AMOUNT


def test_a_permit_that_does_not_count_pays_nothing_in(world: World) -> None:
    amount, deadline, v, r, s = signed(world)
    for bad in (
        (amount + 1, deadline, v, r, s),
        (amount, deadline + 1, v, r, s),
        signed(world, deadline=now() - 1),
    ):
        with boa.reverts("custody: transfer failed"):
            world.settlement.deposit_with_permit(1, *bad, sender=HOLDER.address)
    assert world.settlement.account(1)[0] == world.settlement.liabilities() == 0


def test_a_permit_is_the_holders_to_use(world: World) -> None:
    """A stranger with the holder's permit moves nothing, neither to it nor to itself."""
    arguments = signed(world)
    mine = world.settlement.open_account(sender=world.stranger)
    with boa.reverts("settlement: not the holder"):
        world.settlement.deposit_with_permit(1, *arguments, sender=world.stranger)
    with boa.reverts("custody: transfer failed"):
        world.settlement.deposit_with_permit(mine, *arguments, sender=world.stranger)
    assert world.token.balanceOf(HOLDER.address) == 100 * TOKEN
