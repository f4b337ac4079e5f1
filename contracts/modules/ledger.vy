# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title The ledger of a settlement
@custom:contract-name ledger
@license Apache-2.0
@notice What concerns all batches, in one slot that each of them writes anyway:
        the fees that are not with the router yet, what counts against the
        committee's cap, the number of batches, what oracles may be reimbursed,
        and until when nothing is settled. Amounts are base units of the payment
        token, times are UTC seconds. See docs/protocol.md, section 4.
"""


# @notice Stateless, needs no `uses`.
from . import checks


# @dev Most significant first: unrouted fees 56, day 24, gross of that day 56,
# number of batches 32, reimbursable 56, end of the last pause 32 bits. The cap of
# a day is below 2**50, so fees reach their width after more than 2**15 days
# without routing.
FEES_SHIFT: constant(uint256) = 200
DAY_SHIFT: constant(uint256) = 176
GROSS_SHIFT: constant(uint256) = 120
BATCHES_SHIFT: constant(uint256) = 88
REIMBURSABLE_SHIFT: constant(uint256) = 32
MASK_24: constant(uint256) = 2 ** 24 - 1
MASK_32: constant(uint256) = 2 ** 32 - 1
MASK_56: constant(uint256) = 2 ** 56 - 1


# @dev The end of a pause that does not end: settlement has moved elsewhere.
FOR_GOOD: constant(uint256) = MASK_32


_ledger: uint256


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
def batch_count() -> uint256:
    """
    @dev How many batches settled at least one session.
    @return uint256 The number of the last batch.
    """
    return (self._ledger >> BATCHES_SHIFT) & MASK_32


@external
@view
def unrouted_fees() -> uint256:
    """
    @dev Fees that are not with the router yet.
    @return uint256 Base units.
    """
    return self._ledger >> FEES_SHIFT


@external
@view
def reimbursable() -> uint256:
    """
    @dev What the oracles may have been reimbursed in all since the beginning:
         for each batch what governance set, and never more than its fees.
    @return uint256 Base units.
    """
    return (self._ledger >> REIMBURSABLE_SHIFT) & MASK_56


@external
@view
def committee_day() -> (uint256, uint256):
    """
    @dev What counted against the committee's cap.
    @return uint256 On which day (days since 1970).
    @return uint256 The gross of that day, base units.
    """
    return (self._ledger >> DAY_SHIFT) & MASK_24, (self._ledger >> GROSS_SHIFT) & MASK_56


@external
@view
def paused_until() -> uint256:
    """
    @dev The end of the last pause.
    @return uint256 The first second (UTC) after it, 0 if there was none, 2**32 - 1
            if nothing is settled here any more.
    """
    return self._ledger & MASK_32


@internal
@view
def _check_running(packed: uint256):
    """
    @dev Reverts during a pause.
    @param packed The ledger's slot.
    """
    checks._require(block.timestamp >= packed & MASK_32, "settlement: paused")


@internal
@view
def _over() -> bool:
    """
    @dev Whether nothing is settled here any more.
    @return bool Whether it is so.
    """
    return self._ledger & MASK_32 == FOR_GOOD


@internal
def _pause_until(until: uint256):
    """
    @dev Stops settling.
    @param until The first second after it, or `FOR_GOOD`.
    """
    self._ledger = (self._ledger & ~MASK_32) | until


@internal
def _take_fees(kept: uint256) -> uint256:
    """
    @dev Takes fees off the books, to be routed.
    @param kept How much stays.
    @return uint256 How much it was, base units.
    """
    packed: uint256 = self._ledger
    fees: uint256 = packed >> FEES_SHIFT
    # The larger of the two less the second, at most the topmost field.
    amount: uint256 = unsafe_sub(max(fees, kept), kept)
    self._ledger = unsafe_sub(packed, amount << FEES_SHIFT)
    return amount
