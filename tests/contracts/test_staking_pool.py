"""The staking pool: locks and weights, streams, rolling forward, and what attackers try."""

from collections.abc import Iterator
from typing import Any

import boa
import pytest

from tests.contracts.world import Fault, events
from tests.support.rewards import (
    CHG_UNIT,
    DAY_S,
    START,
    TOKEN_UNIT,
    WEEK_S,
    RewardChain,
    a_chain,
    deploy_artifact,
    source,
    wait,
)

WEEKLY = 700 * TOKEN_UNIT


@pytest.fixture
def chain() -> Iterator[RewardChain]:
    with a_chain():
        yield RewardChain()


@pytest.fixture
def pool(chain: RewardChain) -> Any:
    return chain.pool


def balance(chain: RewardChain, who: Any) -> int:
    held: int = chain.token.balanceOf(who)
    return held


def stream(chain: RewardChain, amount: int) -> None:
    """Fees arrive and begin to stream at the next midnight."""
    chain.arrive(chain.pool, amount)
    chain.pool.sync(sender=chain.stranger)


# Stakes and locks


@pytest.mark.parametrize(
    ("lock", "days", "bps"),
    [(0, 0, 10_000), (1, 30, 12_500), (2, 90, 15_000), (3, 180, 20_000), (4, 365, 30_000)],
)
def test_a_stake_weighs_more_the_longer_it_is_locked(
    chain: RewardChain, pool: Any, lock: int, days: int, bps: int
) -> None:
    assert (pool.LOCK_DAYS(lock), pool.LOCK_WEIGHTS(lock)) == (days, bps)
    position = chain.stake(chain.stakers[0], 5 * CHG_UNIT, lock)
    unlocks_at = START + (1 + days) * DAY_S if days else 0
    assert pool.position(position) == (
        chain.stakers[0],
        5 * CHG_UNIT,
        5 * CHG_UNIT * bps,
        unlocks_at,
    )
    assert pool.stream()[2] == 5 * CHG_UNIT * bps


def test_there_is_no_sixth_lock_and_no_dust_stake(chain: RewardChain, pool: Any) -> None:
    with boa.reverts("staking_pool: no such lock"):
        chain.stake(chain.stakers[0], CHG_UNIT, 5)
    with boa.reverts("staking_pool: stake too small"):
        chain.stake(chain.stakers[0], CHG_UNIT - 1)


def test_a_locked_stake_cannot_leave_a_second_early(chain: RewardChain, pool: Any) -> None:
    staker = chain.stakers[0]
    position = chain.stake(staker, CHG_UNIT, 1)
    boa.env.timestamp = pool.position(position)[3] - 1
    with boa.reverts("staking_pool: locked"):
        pool.unstake(position, staker, sender=staker)
    wait(1)
    pool.unstake(position, staker, sender=staker)
    assert chain.chg.balanceOf(staker) == CHG_UNIT


def test_a_stake_without_a_lock_leaves_when_it_wants(chain: RewardChain, pool: Any) -> None:
    staker = chain.stakers[0]
    position = chain.stake(staker, CHG_UNIT)
    pool.unstake(position, staker, sender=staker)
    assert chain.chg.balanceOf(staker) == CHG_UNIT
    assert pool.total_staked() == pool.stream()[2] == 0


def test_a_stake_leaves_once(chain: RewardChain, pool: Any) -> None:
    staker = chain.stakers[0]
    position = chain.stake(staker, CHG_UNIT)
    chain.stake(chain.stakers[1], CHG_UNIT)
    pool.unstake(position, staker, sender=staker)
    with boa.reverts("staking_pool: already unstaked"):
        pool.unstake(position, staker, sender=staker)


def test_only_the_staker_unstakes_and_claims(chain: RewardChain, pool: Any) -> None:
    position = chain.stake(chain.stakers[0], CHG_UNIT)
    stream(chain, WEEKLY)
    wait(3 * DAY_S)
    for call in (pool.unstake, pool.claim):
        with boa.reverts("staking_pool: not the staker"):
            call(position, chain.stranger, sender=chain.stranger)
        with boa.reverts("staking_pool: not the staker"):
            call(position + 1, chain.stranger, sender=chain.stranger)
        with boa.reverts("staking_pool: no recipient"):
            call(position, "0x" + "00" * 20, sender=chain.stakers[0])


def test_the_weight_of_a_lock_ends_with_the_lock(chain: RewardChain, pool: Any) -> None:
    locked = chain.stake(chain.stakers[0], CHG_UNIT, 4)
    free = chain.stake(chain.stakers[1], CHG_UNIT)
    boa.env.timestamp = pool.position(locked)[3] - 4 * DAY_S
    # Seven days of 100 tokens: three of them while the lock lasts, 3 to 1, four after it.
    stream(chain, WEEKLY)
    wait(8 * DAY_S)
    assert pool.position(locked)[2:] == (CHG_UNIT * 10_000, 0)
    assert pool.claimable(locked) == (3 * 75 + 4 * 50) * TOKEN_UNIT
    assert pool.claimable(free) == (3 * 25 + 4 * 50) * TOKEN_UNIT
    pool.claim(locked, chain.stakers[0], sender=chain.stakers[0])
    assert balance(chain, chain.stakers[0]) == 425 * TOKEN_UNIT
    assert pool.stream()[2] == 2 * CHG_UNIT * 10_000


# Streams


def test_what_arrives_is_streamed_evenly_for_seven_days_from_midnight(
    chain: RewardChain, pool: Any
) -> None:
    position = chain.stake(chain.stakers[0], CHG_UNIT)
    wait(5 * 3_600)
    stream(chain, WEEKLY)
    boa.env.timestamp = START + DAY_S
    assert pool.claimable(position) == 0
    for day in range(1, 8):
        boa.env.timestamp = START + day * DAY_S + DAY_S // 4
        assert pool.claimable(position) == (day - 1) * WEEKLY // 7 + WEEKLY // 28
    boa.env.timestamp = START + 30 * DAY_S
    assert pool.claimable(position) == WEEKLY


def test_using_the_pool_often_streams_no_more_and_no_less(chain: RewardChain, pool: Any) -> None:
    position = chain.stake(chain.stakers[0], CHG_UNIT)
    stream(chain, WEEKLY)
    boa.env.timestamp = START + DAY_S
    for hours in (4, 6, 10):
        wait(hours * 3_600)
        pool.checkpoint()
    assert pool.claimable(position) == WEEKLY // 7 * 20 // 24
    wait(DAY_S - boa.env.timestamp % DAY_S)
    pool.checkpoint()
    assert pool.claimable(position) == WEEKLY // 7


def test_stakers_share_by_weight_and_time(chain: RewardChain, pool: Any) -> None:
    first = chain.stake(chain.stakers[0], CHG_UNIT)
    stream(chain, WEEKLY)
    boa.env.timestamp = START + 3 * DAY_S
    second = chain.stake(chain.stakers[1], 3 * CHG_UNIT)
    boa.env.timestamp = START + 8 * DAY_S
    assert pool.claimable(first) == (200 + 500 // 4) * TOKEN_UNIT
    assert pool.claimable(second) == 500 * 3 // 4 * TOKEN_UNIT


def test_a_claim_pays_where_the_staker_says_and_only_once(chain: RewardChain, pool: Any) -> None:
    staker, cold_wallet = chain.stakers[0], boa.env.generate_address("cold wallet")
    position = chain.stake(staker, CHG_UNIT)
    stream(chain, WEEKLY)
    wait(9 * DAY_S)
    assert pool.claim(position, cold_wallet, sender=staker) == WEEKLY
    assert balance(chain, cold_wallet) == WEEKLY
    with boa.reverts("staking_pool: nothing to claim"):
        pool.claim(position, cold_wallet, sender=staker)


def test_the_pool_says_what_came_and_what_went(chain: RewardChain, pool: Any) -> None:
    staker, cold_wallet = chain.stakers[0], boa.env.generate_address("cold wallet")
    position = chain.stake(staker, 2 * CHG_UNIT, 1)
    [staked] = events(pool, "Staked")
    assert (staked.position, staked.owner, staked.amount) == (position, staker, 2 * CHG_UNIT)
    assert (staked.weight, staked.unlocks_at) == pool.position(position)[2:]
    wait(5 * 3_600)
    stream(chain, WEEKLY + 6)
    [added] = events(pool, "StreamAdded")
    assert (added.amount, added.begins_at) == (WEEKLY, START + DAY_S)
    wait(40 * DAY_S)
    pool.claim(position, cold_wallet, sender=staker)
    [claimed] = events(pool, "RewardClaimed")
    assert (claimed.position, claimed.to, claimed.amount) == (position, cold_wallet, WEEKLY)
    pool.unstake(position, cold_wallet, sender=staker)
    [unstaked] = events(pool, "Unstaked")
    assert (unstaked.position, unstaked.to) == (position, cold_wallet)
    assert unstaked.amount == chain.chg.balanceOf(cold_wallet) == 2 * CHG_UNIT


def test_what_was_earned_is_claimed_after_leaving(chain: RewardChain, pool: Any) -> None:
    staker = chain.stakers[0]
    position = chain.stake(staker, CHG_UNIT)
    stream(chain, WEEKLY)
    wait(3 * DAY_S)
    pool.unstake(position, staker, sender=staker)
    wait(WEEK_S)
    assert pool.claim(position, staker, sender=staker) == 2 * WEEKLY // 7


def test_the_remainder_of_a_division_by_seven_waits_for_the_next_stream(
    chain: RewardChain, pool: Any
) -> None:
    chain.arrive(pool, 20)
    assert pool.sync() == 14
    with boa.reverts("staking_pool: nothing to stream"):
        pool.sync()
    chain.arrive(pool, 1)
    assert pool.sync() == 7
    assert pool.liabilities() == balance(chain, pool.address) == 21


def test_what_streams_while_nobody_stakes_is_streamed_again(chain: RewardChain, pool: Any) -> None:
    stream(chain, WEEKLY)
    boa.env.timestamp = START + 3 * DAY_S
    position = chain.stake(chain.stakers[0], CHG_UNIT)
    [rolled] = events(pool, "StreamRolledForward")
    assert rolled.amount == 200 * TOKEN_UNIT
    assert pool.liabilities() == WEEKLY - 200 * TOKEN_UNIT
    assert pool.sync() == 200 * TOKEN_UNIT - 200 * TOKEN_UNIT % 7
    wait(8 * DAY_S)
    assert pool.claimable(position) == WEEKLY - 200 * TOKEN_UNIT % 7


def test_an_unused_pool_catches_up_by_checkpoints(chain: RewardChain, pool: Any) -> None:
    staker = chain.stakers[0]
    position = chain.stake(staker, CHG_UNIT, 1)
    stream(chain, WEEKLY)
    wait(900 * DAY_S)
    with boa.reverts("staking_pool: checkpoint first"):
        pool.claim(position, staker, sender=staker)
    assert [pool.checkpoint(sender=chain.stranger) for _ in range(3)] == [False, False, True]
    assert pool.claim(position, staker, sender=staker) == WEEKLY
    pool.unstake(position, staker, sender=staker)
    assert chain.chg.balanceOf(staker) == CHG_UNIT


def test_catching_up_with_the_most_days_fits_a_transaction(chain: RewardChain, pool: Any) -> None:
    for lock in range(5):
        chain.stake(chain.stakers[0], CHG_UNIT, lock)
    stream(chain, WEEKLY)
    wait(pool.MAX_DAYS() * DAY_S - DAY_S)
    pool.checkpoint(gas=8_000_000)
    assert pool.stream()[0] == boa.env.timestamp


def test_it_serves_only_a_payment_token_of_six_decimals_that_is_not_chg(
    chain: RewardChain,
) -> None:
    pool = source("StakingPool")
    with boa.reverts("staking_pool: wrong token"):
        pool.deploy(chain.chg, chain.chg)
    with boa.reverts("staking_pool: wrong token"):
        pool.deploy("0x" + "00" * 20, chain.token.address)
    with boa.reverts("staking_pool: token needs 6 decimals"):
        pool.deploy(chain.token.address, chain.chg)


# Attacks


def test_dust_does_not_stretch_another_stream(chain: RewardChain, pool: Any) -> None:
    position = chain.stake(chain.stakers[0], CHG_UNIT)
    stream(chain, WEEKLY)
    for _ in range(8):
        wait(DAY_S)
        stream(chain, 7)
    assert pool.claimable(position) >= WEEKLY


def test_a_stake_in_and_out_of_one_block_earns_nothing(chain: RewardChain, pool: Any) -> None:
    chain.stake(chain.stakers[0], CHG_UNIT)
    stream(chain, WEEKLY)
    boa.env.timestamp = START + 4 * DAY_S
    whale = chain.stakers[1]
    position = chain.stake(whale, 1_000_000 * CHG_UNIT)
    chain.arrive(pool, WEEKLY)
    pool.sync(sender=whale)
    pool.unstake(position, whale, sender=whale)
    with boa.reverts("staking_pool: nothing to claim"):
        pool.claim(position, whale, sender=whale)


def test_a_donation_of_chg_gives_no_weight_and_blocks_nothing(
    chain: RewardChain, pool: Any
) -> None:
    staker = chain.stakers[0]
    position = chain.stake(staker, CHG_UNIT)
    chain.chg.transfer(pool, 50 * CHG_UNIT, sender=chain.sponsor)
    assert pool.total_staked() == CHG_UNIT
    pool.unstake(position, staker, sender=staker)
    assert chain.chg.balanceOf(pool) == 50 * CHG_UNIT


FREEZING = """
# pragma version 0.4.3
balanceOf: public(HashMap[address, uint256])
frozen: HashMap[address, bool]
@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount
@external
def freeze(who: address):
    self.frozen[who] = True
@external
def transfer(to: address, amount: uint256) -> bool:
    assert not self.frozen[to], "token: frozen"
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount
    return True
@external
@view
def decimals() -> uint8:
    return 6
"""

REENTRANT = """
# pragma version 0.4.3
interface Chg:
    def approve(to: address, amount: uint256) -> bool: nonpayable
interface Pool:
    def stake(amount: uint256, lock: uint256) -> uint256: nonpayable
    def claim(position: uint256, to: address) -> uint256: nonpayable
    def sync() -> uint256: nonpayable
balanceOf: public(HashMap[address, uint256])
position: uint256
call_back: uint256
@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount
@external
def stake(chg: address, pool: address, amount: uint256):
    extcall Chg(chg).approve(pool, amount)
    self.position = extcall Pool(pool).stake(amount, 0)
@external
def claim(pool: address, call_back: uint256):
    self.call_back = call_back
    extcall Pool(pool).claim(self.position, self)
@external
def transfer(to: address, amount: uint256) -> bool:
    if self.call_back == 1:
        extcall Pool(msg.sender).claim(self.position, self)
    if self.call_back == 2:
        # The claim is counted as paid while the tokens are still there.
        extcall Pool(msg.sender).sync()
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount
    return True
@external
@view
def decimals() -> uint8:
    return 6
"""


def test_a_payment_token_that_freezes_a_staker_holds_back_no_stake() -> None:
    with a_chain():
        token = boa.loads(FREEZING)
        chain = RewardChain(token)
        frozen, other = chain.stakers[:2]
        positions = [chain.stake(staker, CHG_UNIT) for staker in (frozen, other)]
        stream(chain, WEEKLY)
        token.freeze(frozen)
        wait(9 * DAY_S)
        with boa.reverts("token: frozen"):
            chain.pool.claim(positions[0], frozen, sender=frozen)
        chain.pool.unstake(positions[0], frozen, sender=frozen)
        assert chain.chg.balanceOf(frozen) == CHG_UNIT
        assert chain.pool.claim(positions[1], other, sender=other) == WEEKLY // 2


def test_a_payment_token_that_calls_back_counts_nothing_twice() -> None:
    with a_chain():
        token = boa.loads(REENTRANT)
        chain = RewardChain(token)
        chain.chg.transfer(token, CHG_UNIT, sender=chain.sponsor)
        token.stake(chain.chg, chain.pool, CHG_UNIT)
        stream(chain, WEEKLY)
        wait(9 * DAY_S)
        for call_back in (1, 2):
            with boa.reverts():
                token.claim(chain.pool, call_back)
        token.claim(chain.pool, 0)
        assert token.balanceOf(token) == WEEKLY
        assert chain.pool.liabilities() == token.balanceOf(chain.pool) == 0


def test_a_stake_that_arrives_short_is_refused() -> None:
    taking = """
# pragma version 0.4.3
balanceOf: public(HashMap[address, uint256])
@external
def transferFrom(sender: address, to: address, amount: uint256) -> bool:
    self.balanceOf[to] += amount - 1
    return True
"""
    with a_chain():
        chain = RewardChain()
        pool = source("StakingPool").deploy(boa.loads(taking), chain.token.address)
        with boa.reverts("staking_pool: token moved another amount"):
            pool.stake(CHG_UNIT, 0, sender=chain.stakers[0])


def test_a_token_that_says_no_is_believed() -> None:
    """Of CHG and of the payment token: nothing is counted that did not move."""
    with a_chain():
        chg, token = (source("mocks/odd_token_mock").deploy(decimals) for decimals in (18, 6))
        pool = source("StakingPool").deploy(chg, token)
        staker = boa.env.generate_address("staker")
        chg.mint(staker, CHG_UNIT)
        chg.approve(pool, CHG_UNIT, sender=staker)
        chg.set_fault(Fault.RETURNS_FALSE)
        with boa.reverts("staking_pool: transfer failed"):
            pool.stake(CHG_UNIT, 0, sender=staker)
        chg.set_fault(Fault.NOTHING)
        position = pool.stake(CHG_UNIT, 0, sender=staker)
        token.mint(pool, WEEKLY)
        pool.sync()
        wait(9 * DAY_S)
        chg.set_fault(Fault.RETURNS_FALSE)
        token.set_fault(Fault.RETURNS_FALSE)
        with boa.reverts("staking_pool: transfer failed"):
            pool.unstake(position, staker, sender=staker)
        with boa.reverts("staking_pool: transfer failed"):
            pool.claim(position, staker, sender=staker)
        chg.set_fault(Fault.NOTHING)
        token.set_fault(Fault.NOTHING)
        pool.unstake(position, staker, sender=staker)
        assert pool.claim(position, staker, sender=staker) == WEEKLY
        assert (chg.balanceOf(staker), token.balanceOf(staker)) == (CHG_UNIT, WEEKLY)


def test_a_token_that_answers_nothing_is_staked_and_paid_out() -> None:
    with a_chain():
        chg, token = (source("mocks/silent_token_mock").deploy() for _ in range(2))
        pool = source("StakingPool").deploy(chg, token)
        staker = boa.env.generate_address("staker")
        chg.mint(staker, CHG_UNIT)
        chg.approve(pool, CHG_UNIT, sender=staker)
        position = pool.stake(CHG_UNIT, 0, sender=staker)
        token.mint(pool, WEEKLY)
        pool.sync()
        wait(9 * DAY_S)
        assert pool.claim(position, staker, sender=staker) == WEEKLY
        pool.unstake(position, staker, sender=staker)
        assert (chg.balanceOf(staker), token.balanceOf(staker)) == (CHG_UNIT, WEEKLY)


def test_the_pool_owes_no_more_than_a_field_holds() -> None:
    with a_chain():
        token = source("mocks/odd_token_mock").deploy(6)
        chain = RewardChain(token)
        most = (2**80 - 1) // 7 * 7
        token.mint(chain.pool, most)
        assert chain.pool.sync() == most
        token.mint(chain.pool, 7)
        with boa.reverts("staking_pool: too much"):
            chain.pool.sync()


def test_a_payment_token_that_loses_balances_starts_no_stream() -> None:
    with a_chain():
        token = boa.loads(
            FREEZING + "@external\ndef burn(who: address):\n    self.balanceOf[who] = 0\n"
        )
        chain = RewardChain(token)
        stream(chain, WEEKLY)
        token.burn(chain.pool)
        with boa.reverts("staking_pool: token is short"):
            chain.pool.sync()


def test_fees_arrive_through_the_fee_router(chain: RewardChain, pool: Any) -> None:
    position = chain.stake(chain.stakers[0], CHG_UNIT)
    router = deploy_artifact(
        "FeeRouter",
        ("address", "address", "address", "address[4]", "uint256[4]"),
        (
            chain.token.address,
            chain.settlement.address,
            chain.governance,
            [
                str(pool.address),
                str(chain.driver_rewards.address),
                str(chain.station_rewards.address),
                str(chain.governance),
            ],
            [4_000, 2_000, 2_000, 2_000],
        ),
    )
    chain.arrive(router, 1_750 * TOKEN_UNIT)
    router.route()
    assert pool.sync() == WEEKLY
    chain.driver_rewards.sync()
    assert chain.driver_rewards.funds(START // WEEK_S) == (350 * TOKEN_UNIT, 0)
    wait(9 * DAY_S)
    assert pool.claimable(position) == WEEKLY
