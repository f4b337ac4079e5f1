# pragma version 0.4.3
"""
@title StakingPool
@custom:contract-name StakingPool
@license Apache-2.0
@notice Stakers of CHG share the part of the protocol's fees that is sent here.

        A stake can be locked for a period, for which it weighs more; when the
        period is over it weighs as much as any other, and not before then can
        it be taken out. Fees arrive by plain transfer. Whoever calls `sync`
        starts a stream of what arrived: it begins at the next midnight (UTC)
        and runs evenly for seven days. Every arrival has a stream of its own,
        so nobody can stretch or hasten another's by sending a little more.
        What streams while nobody stakes is streamed again later, and fractions
        are carried, so all that arrives is paid out.

        There is no owner and no privileged function. Stakes are base units of
        CHG, rewards base units of the payment token (6 decimals), times UTC
        seconds, days UTC days since 1970. Specification: docs/protocol.md,
        section 8.
@custom:kill Governance points the stakers' share of the fee router elsewhere.
             Streams that have begun run out within a week and locks end by
             themselves; neither can be stopped.
"""


from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed


from .interfaces import IStakingPool


# @dev Lock periods in days, and how much a stake weighs in each, in basis
# points: `stake` is given the place in these lists.
LOCKS: constant(uint256) = 5
LOCK_DAYS: public(constant(uint256[LOCKS])) = [0, 30, 90, 180, 365]
LOCK_WEIGHTS: public(constant(uint256[LOCKS])) = [10_000, 12_500, 15_000, 20_000, 30_000]


# @dev How a stake without a lock weighs, in basis points.
BASE_WEIGHT: constant(uint256) = 10_000


# @dev The smallest stake: 1 CHG.
MIN_STAKE: public(constant(uint256)) = 10 ** 18


# @dev For how many days an arrival is streamed.
STREAM_DAYS: public(constant(uint256)) = 7


# @dev A day in seconds.
DAY_S: constant(uint256) = 86_400


# @dev How many days one call can catch up with. It costs about 5,000 gas a day.
MAX_DAYS: public(constant(uint256)) = 400


# @dev Rewards a unit of weight are counted in 1 / PRECISION of a base unit.
# Weights sum to at most 10**27 * 30,000, so what a division leaves over, which
# the next one gets, is less than 1 / 30,000 of a base unit. What a position
# earned is at most what was ever streamed times PRECISION, and that overflows
# only after 2**136 base units.
PRECISION: constant(uint256) = 10 ** 36


# @dev The most that can be owed at a time, base units.
MAX_OWED: constant(uint256) = 2 ** 80 - 1


# @dev What is staked, and what is paid for it.
chg: public(immutable(IERC20))
token: public(immutable(IERC20))


struct Position:
    # Who staked.
    owner: address
    # What is staked, 0 after it was taken out.
    amount: uint256
    # The day on whose midnight the lock ends, 0 if there is none or it is over
    # and counted.
    unlock_day: uint256
    # What it weighs beyond `amount * BASE_WEIGHT` until then.
    extra_weight: uint256
    # The accumulator when `credit` was last counted.
    counted: uint256
    # What it earned until then, in 1 / PRECISION of a base unit.
    credit: uint256


struct Stream:
    # The second up to which it is distributed.
    time: uint256
    # What is streamed on the day of `time`, all streams together.
    daily: uint256
    # What a unit of weight earned since the beginning, in 1 / PRECISION.
    accumulator: uint256
    # What the last division left over, in 1 / PRECISION.
    carry: uint256
    # The weight of all positions.
    weight: uint256


# @dev The last position's number; they count from 1.
position_count: public(uint256)


# @dev What is staked in all.
total_staked: public(uint256)


# @dev What of the payment token is to be streamed or is earned and unclaimed.
# What the pool holds beyond that is streamed by the next `sync`.
liabilities: public(uint256)


_positions: HashMap[uint256, Position]
_stream: Stream


# @dev What begins to be streamed a day on a day; it ends STREAM_DAYS later.
_starts: HashMap[uint256, uint256]


# @dev What weight falls away at a day's midnight, and the accumulator then.
_weight_ends: HashMap[uint256, uint256]
_accumulator_at: HashMap[uint256, uint256]


@deploy
def __init__(chg_: IERC20, token_: IERC20):
    """
    @dev Deploys the pool.
    @param chg_ CHG. Reverts if zero.
    @param token_ The payment token. Reverts unless it has 6 decimals and is not
           CHG.
    """
    assert chg_.address != empty(address) and chg_.address != token_.address, "staking_pool: wrong token"
    assert staticcall IERC20Detailed(token_.address).decimals() == 6, "staking_pool: token needs 6 decimals"
    chg = chg_
    token = token_
    self._stream.time = block.timestamp


@external
@nonreentrant
def stake(amount: uint256, lock: uint256) -> uint256:
    """
    @dev Stakes CHG in a position of its own.
    @param amount Base units, approved by the caller. Reverts below 1 CHG.
    @param lock Which of the lock periods. Reverts if there is no such.
    @return uint256 The position's number.
    """
    assert lock < LOCKS, "staking_pool: no such lock"
    assert amount >= MIN_STAKE, "staking_pool: stake too small"
    self._advance()
    unlock_day: uint256 = 0
    # The weights are not below BASE_WEIGHT.
    extra_weight: uint256 = amount * unsafe_sub(LOCK_WEIGHTS[lock], BASE_WEIGHT)
    if extra_weight != 0:
        # From the next midnight, so that the period is never shorter.
        unlock_day = block.timestamp // DAY_S + 1 + LOCK_DAYS[lock]
        self._weight_ends[unlock_day] += extra_weight
    weight: uint256 = amount * BASE_WEIGHT + extra_weight
    self._stream.weight += weight
    self.total_staked += amount
    position: uint256 = self.position_count + 1
    self.position_count = position
    self._positions[position] = Position(
        owner=msg.sender,
        amount=amount,
        unlock_day=unlock_day,
        extra_weight=extra_weight,
        counted=self._stream.accumulator,
        credit=0,
    )
    log IStakingPool.Staked(
        position=position,
        owner=msg.sender,
        amount=amount,
        weight=weight,
        unlocks_at=unlock_day * DAY_S,
    )
    before: uint256 = staticcall chg.balanceOf(self)
    assert extcall chg.transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "staking_pool: transfer failed"
    assert staticcall chg.balanceOf(self) == before + amount, "staking_pool: token moved another amount"
    return position


@external
@nonreentrant
def unstake(position: uint256, to: address):
    """
    @dev Takes a position's stake out. What it earned stays to be claimed, so
         that a payment token that refuses to be sent holds no stake back.
    @param position The position. Reverts unless the caller staked it, it is not
           taken out yet, and its lock is over.
    @param to Who receives. Reverts if zero.
    """
    assert to != empty(address), "staking_pool: no recipient"
    self._advance()
    held: Position = self._count(position)
    assert held.amount != 0, "staking_pool: already unstaked"
    assert held.unlock_day == 0, "staking_pool: locked"
    amount: uint256 = held.amount
    # The sum of the weights contains this one.
    self._stream.weight -= amount * BASE_WEIGHT
    self.total_staked -= amount
    held.amount = 0
    self._positions[position] = held
    log IStakingPool.Unstaked(position=position, to=to, amount=amount)
    assert extcall chg.transfer(to, amount, default_return_value=True), "staking_pool: transfer failed"


@external
@nonreentrant
def claim(position: uint256, to: address) -> uint256:
    """
    @dev Pays out what a position earned. The fraction of a base unit stays.
    @param position The position. Reverts unless the caller staked it and there
           is something to pay.
    @param to Who receives. Reverts if zero.
    @return uint256 How much it was, base units.
    """
    assert to != empty(address), "staking_pool: no recipient"
    self._advance()
    held: Position = self._count(position)
    amount: uint256 = held.credit // PRECISION
    assert amount != 0, "staking_pool: nothing to claim"
    held.credit %= PRECISION
    self._positions[position] = held
    self.liabilities -= amount
    log IStakingPool.RewardClaimed(position=position, to=to, amount=amount)
    assert extcall token.transfer(to, amount, default_return_value=True), "staking_pool: transfer failed"
    return amount


@external
@nonreentrant
def sync() -> uint256:
    """
    @dev Starts a stream of what arrived, and of what was streamed while nobody
         staked. Anyone may call it. Up to 6 base units that do not divide by
         seven wait for the next. Reverts if there is nothing to stream.
    @return uint256 What is streamed from the next midnight on, base units.
    """
    self._advance()
    owed: uint256 = self.liabilities
    balance: uint256 = staticcall token.balanceOf(self)
    assert balance >= owed, "staking_pool: token is short"
    daily: uint256 = unsafe_sub(balance, owed) // STREAM_DAYS
    assert daily != 0, "staking_pool: nothing to stream"
    amount: uint256 = daily * STREAM_DAYS
    assert owed + amount <= MAX_OWED, "staking_pool: too much"
    self.liabilities = owed + amount
    day: uint256 = block.timestamp // DAY_S + 1
    self._starts[day] += daily
    log IStakingPool.StreamAdded(amount=amount, begins_at=day * DAY_S)
    return amount


@external
@nonreentrant
def checkpoint() -> bool:
    """
    @dev Distributes what has streamed until now, at most 400 days of it.
         Anyone may call it; needed only when nobody used the pool for longer
         than that.
    @return bool Whether it is distributed up to now.
    """
    self._distribute()
    return self._stream.time == block.timestamp


@external
@view
def position(position: uint256) -> (address, uint256, uint256, uint256):
    """
    @dev A position.
    @param position Its number.
    @return address Who staked, zero if there is no such position.
    @return uint256 What is staked, 0 after it was taken out.
    @return uint256 What it weighs now.
    @return uint256 When its lock ends, 0 if it has none or it is over.
    """
    held: Position = self._positions[position]
    weight: uint256 = held.amount * BASE_WEIGHT
    unlocks_at: uint256 = held.unlock_day * DAY_S
    if block.timestamp < unlocks_at:
        return held.owner, held.amount, weight + held.extra_weight, unlocks_at
    return held.owner, held.amount, weight, 0


@external
@view
def claimable(position: uint256) -> uint256:
    """
    @dev What a position could claim now.
    @param position Its number.
    @return uint256 Base units. What streamed more than 400 days after the pool
            was last used does not count before a `checkpoint`.
    """
    held: Position = self._positions[position]
    stream: Stream = self._stream
    at_unlock: uint256 = self._accumulator_at[held.unlock_day]
    idle: uint256 = 0
    for _: uint256 in range(MAX_DAYS):
        if stream.time == block.timestamp:
            break
        stream, idle = self._step(stream)
        if stream.time == held.unlock_day * DAY_S:
            at_unlock = stream.accumulator
    return self._credit(held, stream, at_unlock) // PRECISION


@external
@view
def stream() -> (uint256, uint256, uint256):
    """
    @dev The state of the stream, as of the pool's last use.
    @return uint256 The second (UTC) up to which it is distributed.
    @return uint256 What is streamed on that day, base units.
    @return uint256 The weight of all positions.
    """
    return self._stream.time, self._stream.daily, self._stream.weight


@internal
def _advance():
    """
    @dev Distributes what has streamed until now. Reverts if that is more than
         400 days' worth.
    """
    self._distribute()
    assert self._stream.time == block.timestamp, "staking_pool: checkpoint first"


@internal
def _distribute():
    """
    @dev Distributes up to 400 days of what has streamed until now, keeps the
         accumulator of midnights on which weight falls away, and sets free for
         the next `sync` what streamed to nobody.
    """
    stream: Stream = self._stream
    idle: uint256 = 0
    for _: uint256 in range(MAX_DAYS):
        if stream.time == block.timestamp:
            break
        to_nobody: uint256 = 0
        stream, to_nobody = self._step(stream)
        idle += to_nobody
        day: uint256 = stream.time // DAY_S
        if stream.time % DAY_S == 0 and self._weight_ends[day] != 0:
            self._accumulator_at[day] = stream.accumulator
    self._stream = stream
    if idle != 0:
        self.liabilities -= idle
        log IStakingPool.StreamRolledForward(amount=idle)


@internal
@view
def _step(stream: Stream) -> (Stream, uint256):
    """
    @dev Distributes what streams until the next midnight or until now, and at
         midnight begins the next day.
    @param stream The stream, whose time is before now.
    @return Stream The stream then.
    @return uint256 What streamed to nobody, base units.
    """
    after: Stream = stream
    idle: uint256 = 0
    begun: uint256 = stream.time // DAY_S * DAY_S
    midnight: uint256 = begun + DAY_S
    after.time = min(midnight, block.timestamp)
    # Of a day's sum, what has streamed by a second of the day is rounded down:
    # the differences sum to all of it at midnight.
    streamed: uint256 = (
        stream.daily * (after.time - begun) // DAY_S - stream.daily * (stream.time - begun) // DAY_S
    )
    if stream.weight == 0:
        idle = streamed
    else:
        scaled: uint256 = streamed * PRECISION + stream.carry
        after.accumulator += scaled // stream.weight
        after.carry = scaled % stream.weight
    if after.time == midnight:
        day: uint256 = midnight // DAY_S
        after.daily = stream.daily + self._starts[day] - self._starts[day - STREAM_DAYS]
        after.weight -= self._weight_ends[day]
    return after, idle


@internal
@view
def _count(position: uint256) -> Position:
    """
    @dev Counts what a position has earned until now, to which the stream is
         distributed. Reverts unless the caller staked it.
    @param position The position.
    @return Position The position, to be stored by the caller.
    """
    held: Position = self._positions[position]
    assert msg.sender == held.owner, "staking_pool: not the staker"
    stream: Stream = self._stream
    held.credit = self._credit(held, stream, self._accumulator_at[held.unlock_day])
    held.counted = stream.accumulator
    if stream.time >= held.unlock_day * DAY_S:
        held.unlock_day = 0
        held.extra_weight = 0
    return held


@internal
@pure
def _credit(held: Position, stream: Stream, at_unlock: uint256) -> uint256:
    """
    @dev What a position has earned and not claimed.
    @param held The position.
    @param stream The stream at the time in question.
    @param at_unlock The accumulator when its lock ended, if it has.
    @return uint256 In 1 / PRECISION of a base unit.
    """
    credit: uint256 = held.credit + held.amount * BASE_WEIGHT * (stream.accumulator - held.counted)
    if held.extra_weight != 0:
        until: uint256 = stream.accumulator
        if stream.time >= held.unlock_day * DAY_S:
            until = at_unlock
        credit += held.extra_weight * (until - held.counted)
    return credit
