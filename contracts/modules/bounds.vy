# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Bounds on what a committee can do
@custom:contract-name bounds
@license Apache-2.0
@notice Bounds on a session, on an owner's day, on the committee's day, on an
        account's debt and on what a batch gives back to oracles. Governance moves
        them, never above the maxima that are constants here. Amounts are base units of the payment token; a day is
        block time // 86,400.
"""


from ..interfaces import ISettlement


# @notice Stateless, needs no `uses`.
from . import checks


# @dev The maxima: a session of 20,000, an owner's day of 10 million, a
# committee's day of 1 billion, a debt of 1,000 and 100 tokens a batch.
MAX_SESSION_CAP: public(constant(uint256)) = 20_000 * 10 ** 6
MAX_OWNER_DAY_CAP: public(constant(uint256)) = 10_000_000 * 10 ** 6
MAX_COMMITTEE_DAY_CAP: public(constant(uint256)) = 1_000_000_000 * 10 ** 6
MAX_EXPOSURE_LIMIT: public(constant(uint256)) = 1_000 * 10 ** 6
MAX_REIMBURSEMENT: public(constant(uint256)) = 100 * 10 ** 6


# @dev What they are at first; there is no reimbursement until one is set.
FIRST_SESSION_CAP: constant(uint256) = 2_000 * 10 ** 6
FIRST_OWNER_DAY_CAP: constant(uint256) = 200_000 * 10 ** 6
FIRST_COMMITTEE_DAY_CAP: constant(uint256) = 2_000_000 * 10 ** 6
FIRST_EXPOSURE_LIMIT: constant(uint256) = 50 * 10 ** 6


# @dev One slot, most significant first: reimbursement a batch 64, session cap 40,
# an owner's day cap 56, the committee's day cap 56, exposure limit 40 bits. Each
# maximum fits.
REIMBURSEMENT_SHIFT: constant(uint256) = 192
SESSION_SHIFT: constant(uint256) = 152
OWNER_DAY_SHIFT: constant(uint256) = 96
COMMITTEE_DAY_SHIFT: constant(uint256) = 40
MASK_56: constant(uint256) = 2 ** 56 - 1
MASK_40: constant(uint256) = 2 ** 40 - 1
_caps: uint256


@deploy
@payable
def __init__():
    """
    @dev Sets the first caps. To omit the opcodes for checking the `msg.value`,
         the constructor is declared as `payable`.
    """
    self._set_caps(FIRST_SESSION_CAP, FIRST_OWNER_DAY_CAP, FIRST_COMMITTEE_DAY_CAP)
    self._set_exposure_limit(FIRST_EXPOSURE_LIMIT)


@external
@view
def caps() -> (uint256, uint256, uint256):
    """
    @dev The caps in force.
    @return uint256 Of a session's gross.
    @return uint256 Of an owner's gross on a day.
    @return uint256 Of all gross on a day.
    """
    packed: uint256 = self._caps
    return (
        (packed >> SESSION_SHIFT) & MASK_40,
        (packed >> OWNER_DAY_SHIFT) & MASK_56,
        (packed >> COMMITTEE_DAY_SHIFT) & MASK_56,
    )


@external
@view
def exposure_limit() -> uint256:
    """
    @dev How much debt an account can have.
    @return uint256 Base units.
    """
    return self._caps & MASK_40


@external
@view
def reimbursement_per_batch() -> uint256:
    """
    @dev What oracles may be reimbursed for a batch, if its fees are as much.
    @return uint256 Base units.
    """
    return self._caps >> REIMBURSEMENT_SHIFT


@internal
def _set_caps(session_cap: uint256, owner_day_cap: uint256, committee_day_cap: uint256):
    """
    @dev Sets the caps. Reverts above the maxima.
    @param session_cap Of a session's gross.
    @param owner_day_cap Of an owner's gross on a day.
    @param committee_day_cap Of all gross on a day.
    """
    checks._require(
        session_cap <= MAX_SESSION_CAP
        and owner_day_cap <= MAX_OWNER_DAY_CAP
        and committee_day_cap <= MAX_COMMITTEE_DAY_CAP,
        "settlement: cap above maximum",
    )
    self._caps = (
        (self._caps & (MASK_40 | ~(2 ** REIMBURSEMENT_SHIFT - 1)))
        | (session_cap << SESSION_SHIFT)
        | (owner_day_cap << OWNER_DAY_SHIFT)
        | (committee_day_cap << COMMITTEE_DAY_SHIFT)
    )
    log ISettlement.CapsSet(
        session_cap=session_cap, owner_day_cap=owner_day_cap, committee_day_cap=committee_day_cap
    )


@internal
def _set_exposure_limit(limit: uint256):
    """
    @dev Sets how much debt an account can have. Reverts above the maximum.
    @param limit Base units.
    """
    checks._require(limit <= MAX_EXPOSURE_LIMIT, "settlement: limit above maximum")
    self._caps = (self._caps & ~MASK_40) | limit
    log ISettlement.ExposureLimitSet(limit=limit)


@internal
def _set_reimbursement(per_batch: uint256):
    """
    @dev Sets what oracles may be reimbursed for a batch. Reverts above the
         maximum.
    @param per_batch Base units.
    """
    checks._require(per_batch <= MAX_REIMBURSEMENT, "settlement: above the maximum")
    self._caps = (self._caps & (2 ** REIMBURSEMENT_SHIFT - 1)) | (per_batch << REIMBURSEMENT_SHIFT)
    log ISettlement.ReimbursementSet(per_batch=per_batch)


@internal
@pure
def _room(cap: uint256, used: uint256) -> uint256:
    """
    @dev What a cap leaves, 0 if it was lowered below what is used.
    @param cap The cap.
    @param used What is used of it.
    @return uint256 What is left.
    """
    # The larger of the two less the second.
    return unsafe_sub(max(cap, used), used)
