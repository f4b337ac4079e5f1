# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Where station owners are paid to
@custom:contract-name destinations
@license Apache-2.0
@notice An owner is paid to its own account, or to where it says: a wallet, or a
        partner's address that turns tokens into money on a bank account and needs
        a payment reference. A change takes effect after three days, so that who
        gets hold of the owner's key for an hour diverts nothing. The contract
        Payouts says who is due and when. Amounts are base units of the payment
        token, times are UTC seconds. See docs/protocol.md, sections 4 and 11.
"""


from ..interfaces import ISettlement


from . import accruals
uses: accruals


from . import custody
uses: custody


# @notice Stateless, needs no `uses`.
from . import checks


# @dev After how long a new destination is used.
DESTINATION_DELAY_S: public(constant(uint256)) = 3 * 86_400


DAY_S: constant(uint256) = 86_400


# @dev Whom the token refused to pay.
REFUSED: constant(uint256) = max_value(uint256)


# @dev A destination's address, from when it is used, and whether it has a
# reference share a slot, most significant first: 160, 40 and 1 bits, 55 unused.
TO_SHIFT: constant(uint256) = 96
FROM_SHIFT: constant(uint256) = 56
HAS_REFERENCE: constant(uint256) = 1
MASK_40: constant(uint256) = 2 ** 40 - 1


struct Stored:
    packed: uint256
    reference: bytes32


struct Destination:
    to: address
    reference: bytes32
    pending_to: address
    pending_reference: bytes32
    effective_at: uint256


# @dev Who says when owners are due.
payouts: public(immutable(address))


# @dev By owner, the destination that was set last, and the one before. What was
# never set is zero and stands for the owner's account.
_last: HashMap[uint256, Stored]
_before: HashMap[uint256, Stored]


@deploy
@payable
def __init__(payouts_: address):
    """
    @dev Takes the contract that says who is due. To omit the opcodes for checking
         the `msg.value`, the constructor is declared as `payable`.
    @param payouts_ Its address.
    """
    payouts = payouts_


@external
def set_destination(owner_id: uint256, to: address, reference: bytes32):
    """
    @dev Says where an owner is paid to, from three days on. A change that is not
         in force yet is replaced.
    @param owner_id The owner. Reverts unless the caller is its account.
    @param to Who receives; zero for the owner's account, whichever it is then.
    @param reference What the receiver needs to know, zero for nothing.
    """
    checks._require(msg.sender == accruals._account_of(owner_id), "settlement: not the owner")
    effective_at: uint256 = block.timestamp + DESTINATION_DELAY_S
    self._before[owner_id] = self._in_force(owner_id)
    self._last[owner_id] = Stored(
        packed=(convert(to, uint256) << TO_SHIFT)
        | (effective_at << FROM_SHIFT)
        | convert(reference != empty(bytes32), uint256),
        reference=reference,
    )
    log ISettlement.DestinationSet(owner_id=owner_id, to=to, reference=reference, effective_at=effective_at)


@external
@nonreentrant
def pay_out(owner_id: uint256, minimum: uint256, due_day: uint256) -> uint256:
    """
    @dev Pays an owner all that it earned, if it is due. A token that refuses the
         receiver reverts nothing, so that the others of a batch are paid. Reverts
         unless the caller is Payouts. Works while paused.
    @param owner_id The owner.
    @param minimum It is not due with less than this, nor with nothing, base units.
    @param due_day It is not due if it was paid on this day (since 1970) or later.
    @return uint256 How much was paid, 0 if it was not due, 2**256 - 1 if the token
            refused.
    """
    checks._require(msg.sender == payouts, "settlement: not payouts")
    packed: uint256 = accruals._accruals[owner_id]
    amount: uint256 = packed >> accruals.BALANCE_SHIFT
    if amount < max(minimum, 1) or (packed >> accruals.PAID_DAY_SHIFT) & accruals.MASK_24 >= due_day:
        return 0
    stored: Stored = self._in_force(owner_id)
    to: address = self._receiver(stored, owner_id)
    if not custody._try_to_give(to, amount):
        log ISettlement.PayoutFailed(owner_id=owner_id, to=to, amount=amount)
        return REFUSED
    # Takes the topmost field away.
    accruals._accruals[owner_id] = (
        unsafe_sub(packed, amount << accruals.BALANCE_SHIFT) & ~(accruals.MASK_24 << accruals.PAID_DAY_SHIFT)
    ) | ((block.timestamp // DAY_S) << accruals.PAID_DAY_SHIFT)
    log ISettlement.PaidOut(owner_id=owner_id, to=to, amount=amount, reference=stored.reference)
    return amount


@external
@view
def destination(owner_id: uint256) -> Destination:
    """
    @dev Where an owner is paid to.
    @param owner_id The owner.
    @return Destination Receiver and reference in force (by default the owner's
            account and none); those that come next, and when. If nothing is to
            come, these are zero.
    """
    stored: Stored = self._in_force(owner_id)
    found: Destination = Destination(
        to=self._receiver(stored, owner_id),
        reference=stored.reference,
        pending_to=empty(address),
        pending_reference=empty(bytes32),
        effective_at=0,
    )
    last: Stored = self._last[owner_id]
    effective_at: uint256 = (last.packed >> FROM_SHIFT) & MASK_40
    if block.timestamp < effective_at:
        found.pending_to = self._receiver(last, owner_id)
        found.pending_reference = last.reference
        found.effective_at = effective_at
    return found


@internal
@view
def _in_force(owner_id: uint256) -> Stored:
    """
    @dev The destination that is used now.
    @param owner_id The owner.
    @return Stored As it is stored. A reference that is zero is not looked up.
    """
    found: Stored = Stored(packed=self._last[owner_id].packed, reference=empty(bytes32))
    if block.timestamp < (found.packed >> FROM_SHIFT) & MASK_40:
        return self._before[owner_id]
    if found.packed & HAS_REFERENCE != 0:
        found.reference = self._last[owner_id].reference
    return found


@internal
@view
def _receiver(stored: Stored, owner_id: uint256) -> address:
    """
    @dev Who receives.
    @param stored A destination.
    @param owner_id Its owner.
    @return address Its address, or the owner's account if it has none.
    """
    to: address = convert(stored.packed >> TO_SHIFT, address)
    if to == empty(address):
        return accruals._account_of(owner_id)
    return to
