# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Pauses, and the age of sessions that stands still in them
@custom:contract-name session_clock
@license Apache-2.0
@notice A pause lasts 48 hours and cannot be ended early; the next one can begin
        14 days after it ended. A session is too old to be settled 90 days after
        its end, not counting pauses. Times are UTC seconds.
"""


from ..interfaces import ISettlement


# @dev How long a pause lasts, and how long none can follow.
PAUSE_S: constant(uint256) = 48 * 3_600
COOL_DOWN_S: constant(uint256) = 14 * 86_400


# @dev The age, without pauses, at which a session can no longer be settled.
MAX_AGE_S: constant(uint256) = 90 * 86_400


# @dev Pauses end at least 14 days apart from the next one's start, so 90 days
# without pauses are interrupted by at most seven.
MAX_PAUSES_IN_AGE: constant(uint256) = 7


# @dev How many pauses there have been, and the first second after the last one.
# One slot: count 40 bits, end 40 bits.
_last_pause: uint256


# @dev When each pause ended, by its number from 1.
_pause_ends: HashMap[uint256, uint256]


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value` in the creation-time
         EVM bytecode, the constructor is declared as `payable`.
    """
    pass


@external
@view
def paused_until() -> uint256:
    """
    @dev The end of the last pause.
    @return uint256 The first second (UTC) after it, 0 if there was none.
    """
    return self._last_pause & convert(max_value(uint40), uint256)


@internal
def _pause():
    """
    @dev Begins a pause. Reverts during a pause and for 14 days after it.
    """
    last: uint256 = self._last_pause
    last_end: uint256 = last & convert(max_value(uint40), uint256)
    assert last == 0 or block.timestamp >= last_end + COOL_DOWN_S, "settlement: pause cools down"
    number: uint256 = (last >> 40) + 1
    until: uint256 = block.timestamp + PAUSE_S
    self._last_pause = (number << 40) | until
    self._pause_ends[number] = until
    log ISettlement.Paused(until=until)


@internal
@view
def _oldest_end() -> uint256:
    """
    @dev The earliest end of a session that is not too old now. Reverts while
         paused.
    @return uint256 The time `t` for which exactly 90 days without pauses lie
            between `t` and now.
    """
    last: uint256 = self._last_pause
    end: uint256 = last & convert(max_value(uint40), uint256)
    assert block.timestamp >= end, "settlement: paused"
    remaining: uint256 = MAX_AGE_S
    later: uint256 = block.timestamp
    number: uint256 = last >> 40
    for _: uint256 in range(MAX_PAUSES_IN_AGE):
        # Ends are not in the future, and each pause begins after the one before
        # it has ended, so neither difference is negative.
        running: uint256 = unsafe_sub(later, end)
        if number == 0 or running >= remaining:
            break
        remaining = unsafe_sub(remaining, running)
        later = unsafe_sub(end, PAUSE_S)
        number = unsafe_sub(number, 1)
        end = self._pause_ends[number]
    return later - remaining
