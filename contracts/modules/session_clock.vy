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


# @notice Stateless, needs no `uses`.
from . import checks


# @dev How long a pause lasts, and how long none can follow.
PAUSE_S: constant(uint256) = 48 * 3_600
COOL_DOWN_S: constant(uint256) = 14 * 86_400


# @dev The age, without pauses, at which a session can no longer be settled.
MAX_AGE_S: constant(uint256) = 90 * 86_400


# @dev A pause begins at least 14 days after the end of the one before, so 90
# days without pauses are interrupted by at most seven.
MAX_PAUSES_IN_AGE: constant(uint256) = 7


# @dev How many pauses there have been, and when each ended, by its number from
# 1. The end of the last one is kept by the host as well, in a slot that it reads
# anyway: as long as that lies further back than the oldest session, nothing here
# is read.
_pause_count: uint256
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
def paused_seconds() -> uint256:
    """
    @dev How long settlement was paused in all, up to now. A clock that reads block
         time less this stands still in pauses. The end of settlement is none.
    @return uint256 Seconds.
    """
    number: uint256 = self._pause_count
    end: uint256 = self._pause_ends[number]
    # The larger of the two less the second; a pause that runs has begun.
    left: uint256 = unsafe_sub(max(end, block.timestamp), block.timestamp)
    return number * PAUSE_S - left


@internal
def _pause(last_end: uint256) -> uint256:
    """
    @dev Begins a pause. Reverts during a pause and for 14 days after it.
    @param last_end The end of the last pause, 0 if there was none.
    @return uint256 The first second after this one.
    """
    checks._require(last_end == 0 or block.timestamp >= last_end + COOL_DOWN_S, "settlement: pause cools down")
    until: uint256 = block.timestamp + PAUSE_S
    number: uint256 = self._pause_count + 1
    self._pause_count = number
    self._pause_ends[number] = until
    log ISettlement.Paused(until=until)
    return until


@internal
@view
def _oldest_end(last_end: uint256) -> uint256:
    """
    @dev The earliest end of a session that is not too old now.
    @param last_end The end of the last pause, 0 if there was none. It is not in
           the future.
    @return uint256 The earliest time from which to now no more than 90 days lie
            without the pauses.
    """
    remaining: uint256 = MAX_AGE_S
    later: uint256 = block.timestamp
    end: uint256 = last_end
    if later <= end + remaining:
        number: uint256 = self._pause_count
        for _: uint256 in range(MAX_PAUSES_IN_AGE):
            # A pause begins at least 14 days after the one before has ended, so
            # the difference is not negative.
            running: uint256 = unsafe_sub(later, end)
            if number == 0 or running > remaining:
                break
            remaining = unsafe_sub(remaining, running)
            later = unsafe_sub(end, PAUSE_S)
            number = unsafe_sub(number, 1)
            end = self._pause_ends[number]
    return later - remaining
