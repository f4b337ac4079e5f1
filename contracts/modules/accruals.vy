# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title What station owners have earned
@custom:contract-name accruals
@license Apache-2.0
@notice Settlement credits an owner's accrual with what was paid less the fee.
        The owner's account takes it out whenever it likes, also while
        settlement is paused. What an owner owes to a dispute comes out of what it
        is credited next, and is held. Amounts are base units of the payment token. See
        docs/protocol.md, section 4.
"""


from ..interfaces import ISettlement
from ..interfaces import IStationRegistry
from . import custody
uses: custody


# @notice Stateless, needs no `uses`.
from . import checks


# @dev An accrual is one slot, most significant first: balance 80, debt 48, day of
# the last payout 24, day 24, gross of that day 80 bits. Days are block time //
# 86,400; what counts against the owner's cap on `day` is its gross.
BALANCE_SHIFT: constant(uint256) = 176
DEBT_SHIFT: constant(uint256) = 128
PAID_DAY_SHIFT: constant(uint256) = 104
DAY_SHIFT: constant(uint256) = 80
MASK_80: constant(uint256) = 2 ** 80 - 1
MASK_48: constant(uint256) = 2 ** 48 - 1
MASK_24: constant(uint256) = 2 ** 24 - 1
KEPT_FIELDS: constant(uint256) = (MASK_48 << DEBT_SHIFT) | (MASK_24 << PAID_DAY_SHIFT)


struct Accrual:
    balance: uint256
    debt: uint256
    paid_day: uint256
    day: uint256
    day_gross: uint256


# @dev Who is asked for an owner's account.
_registry: immutable(IStationRegistry)


# @dev Accruals by owner; an array for the reason given in `vaults`.
_accruals: uint256[2 ** 32]


# @dev What is held for disputes: payers' bonds, and what owners may have to give
# back.
held: public(uint256)


@deploy
@payable
def __init__(registry: IStationRegistry):
    """
    @dev Takes the registry of owners. To omit the opcodes for checking the
         `msg.value`, the constructor is declared as `payable`.
    @param registry The station registry.
    """
    _registry = registry


@external
@nonreentrant
def withdraw_accrual(owner_id: uint256, amount: uint256):
    """
    @dev Pays an owner what its sessions earned. Works while paused.
    @param owner_id The owner. Reverts unless the caller is its account, which
           also receives.
    @param amount Base units. Reverts if zero or more than accrued.
    """
    checks._require(msg.sender == self._account_of(owner_id), "settlement: not the owner")
    packed: uint256 = self._accruals[owner_id]
    checks._require_amount(amount, packed >> BALANCE_SHIFT)
    # `amount` is at most the balance, which fills the topmost bits.
    self._accruals[owner_id] = unsafe_sub(packed, amount << BALANCE_SHIFT)
    log ISettlement.AccrualWithdrawn(owner_id=owner_id, to=msg.sender, amount=amount)
    custody._give(msg.sender, amount)


@external
@view
def accrual(owner_id: uint256) -> Accrual:
    """
    @dev An owner's accrual as it is stored.
    @param owner_id The owner.
    @return Accrual What can be withdrawn, what is owed to disputes, the day of the
            last payout, and the gross that counted against the owner's cap on
            `day` (days since 1970).
    """
    packed: uint256 = self._accruals[owner_id]
    return Accrual(
        balance=packed >> BALANCE_SHIFT,
        debt=(packed >> DEBT_SHIFT) & MASK_48,
        paid_day=(packed >> PAID_DAY_SHIFT) & MASK_24,
        day=(packed >> DAY_SHIFT) & MASK_24,
        day_gross=packed & MASK_80,
    )


@internal
@view
def _account_of(owner_id: uint256) -> address:
    """
    @dev An owner's account.
    @param owner_id The owner.
    @return address The account, zero if there is no such owner.
    """
    return staticcall _registry.owner_account(owner_id)


@internal
@pure
def _gross_on(packed: uint256, today: uint256) -> uint256:
    """
    @dev What an owner has used of its cap on a day.
    @param packed The accrual's slot.
    @param today The day.
    @return uint256 Base units.
    """
    if (packed >> DAY_SHIFT) & MASK_24 != today:
        return 0
    return packed & MASK_80


@internal
def _credit(owner_id: uint256, packed: uint256, net: uint256, gross: uint256, today: uint256):
    """
    @dev Adds to an owner's accrual, after what it owes to disputes. Reverts if the
         balance would pass 80 bits.
    @param owner_id The owner.
    @param packed The accrual's slot.
    @param net What the owner earned.
    @param gross What counts against its cap.
    @param today The day on which it does.
    """
    kept: uint256 = packed & KEPT_FIELDS
    balance: uint256 = (packed >> BALANCE_SHIFT) + net
    debt: uint256 = kept >> DEBT_SHIFT
    if debt != 0:
        # At most the debt, which fills the topmost bits of `kept`, and at most
        # what was added to the balance.
        repaid: uint256 = min(net, debt)
        kept = unsafe_sub(kept, repaid << DEBT_SHIFT)
        balance = unsafe_sub(balance, repaid)
        self.held += repaid
    checks._require(balance <= MASK_80, "settlement: accrual too large")
    self._accruals[owner_id] = (
        (balance << BALANCE_SHIFT) | kept | (today << DAY_SHIFT) | (self._gross_on(packed, today) + gross)
    )
