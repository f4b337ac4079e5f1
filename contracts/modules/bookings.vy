# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title What adjustments have settlement write down
@custom:contract-name bookings
@license Apache-2.0
@notice Debts collected later, refunds and disputes are decided by the contract
        Adjustments, which holds no money. It has settlement book what follows,
        and settlement sees to it that nothing is made or lost by it. Amounts are
        base units of the payment token. See docs/protocol.md, sections 4 and 9.
"""


from ..interfaces import IAdjustments
from ..interfaces import ISettlementBooks


from . import accruals
uses: accruals


from . import budgets
uses: budgets


from . import ledger
uses: ledger


from . import vaults
uses: vaults


# @notice Stateless, or used without their state: need no `uses`.
from . import checks
from . import sessions


# @dev Who decides about collecting, refunds and disputes.
adjustments: public(immutable(IAdjustments))


@deploy
@payable
def __init__(adjustments_: IAdjustments):
    """
    @dev Takes the contract that decides. To omit the opcodes for checking the
         `msg.value`, the constructor is declared as `payable`.
    @param adjustments_ Its address.
    """
    adjustments = adjustments_


@external
@nonreentrant
def collect_debt(
    account: uint256, started_at: uint256, owner_id: uint256, wanted: uint256, paid_before: uint256
) -> (uint256, uint256):
    """
    @dev Pays a session's debt out of an account, as far as balance and daily limit
         allow today. Reverts unless the caller is Adjustments, and while paused;
         when nothing is settled here any more it goes on, so that what is kept
         back for debts in vaults is not kept for ever.
    @param account The account.
    @param started_at When the session started; says which limit holds.
    @param owner_id The owner that is credited.
    @param wanted The session's debt.
    @param paid_before What was paid of the session so far, less refunds.
    @return uint256 How much was paid, 0 if nothing could be.
    @return uint256 The fee in it.
    """
    self._check_adjustments()
    checks._require(ledger._over() or block.timestamp >= ledger._ledger & ledger.MASK_32, "settlement: paused")
    today: uint256 = block.timestamp // vaults.DAY_S
    packed: uint256 = vaults._on_day(vaults._accounts[account], today)
    amount: uint256 = 0
    balance_short: bool = False
    packed, amount, balance_short = vaults._draw(
        packed, vaults._limit_for(account, packed, started_at), min(wanted, packed & vaults.MASK_40)
    )
    # At most the account's debt, which is in the lowest bits.
    vaults._accounts[account] = unsafe_sub(packed, amount)
    # The fee is that of the sum, less what was charged before.
    fee: uint256 = (paid_before + amount) // sessions.FEE_DIVISOR - paid_before // sessions.FEE_DIVISOR
    # What is collected counted against the caps on the day it was settled.
    accruals._credit(owner_id, accruals._accruals[owner_id], amount - fee, 0, today)
    ledger._ledger += fee << ledger.FEES_SHIFT
    return amount, fee


@external
@nonreentrant
def book(booking: ISettlementBooks.Booking):
    """
    @dev Moves what is owed between those it is owed to. Reverts unless the caller
         is Adjustments, what is added somewhere is taken away elsewhere, and all
         fields keep within their width.
    @param booking The differences.
    """
    self._check_adjustments()
    # What does not fit a field below reverts, so the sum of five does not wrap.
    checks._require(
        unsafe_add(
            unsafe_add(unsafe_add(booking.to_account, booking.to_owner), booking.to_budget),
            unsafe_add(booking.to_fees, booking.to_held),
        )
        == 0,
        "settlement: unbalanced booking",
    )
    checks._require(booking.to_budget >= 0, "settlement: budget taken from")
    if booking.to_account != 0 or booking.debt_waived != 0:
        packed: uint256 = vaults._accounts[booking.account]
        checks._require(packed != 0, "settlement: no such account")
        packed = self._moved(packed, vaults.BALANCE_SHIFT, 80, booking.to_account)
        vaults._accounts[booking.account] = self._moved(packed, 0, 40, -convert(booking.debt_waived, int256))
    if booking.to_owner != 0 or booking.owner_debt != 0:
        accruals._accruals[booking.owner_id] = self._moved(
            self._moved(accruals._accruals[booking.owner_id], accruals.BALANCE_SHIFT, 80, booking.to_owner),
            accruals.DEBT_SHIFT,
            48,
            booking.owner_debt,
        )
    if booking.to_budget != 0:
        budgets._budgets[booking.campaign] = self._moved(
            self._moved(budgets._budgets[booking.campaign], budgets.LEFT_SHIFT, 80, booking.to_budget),
            budgets.SPENT_SHIFT,
            80,
            -booking.to_budget,
        )
    ledger._ledger = self._moved(ledger._ledger, ledger.FEES_SHIFT, 56, booking.to_fees)
    accruals.held = self._moved(accruals.held, 0, 80, booking.to_held)


@internal
@view
def _check_adjustments():
    """
    @dev Reverts unless the caller is Adjustments.
    """
    checks._require(msg.sender == adjustments.address, "settlement: not adjustments")


@internal
@pure
def _moved(packed: uint256, at: uint256, bits: uint256, change: int256) -> uint256:
    """
    @dev Changes one field of a word. Reverts if it would leave its width.
    @param packed The word.
    @param at Where the field is.
    @param bits How wide it is.
    @param change What is added.
    @return uint256 The word afterwards.
    """
    mask: uint256 = ~(max_value(uint256) << bits)
    # A negative sum does not convert.
    value: uint256 = convert(convert((packed >> at) & mask, int256) + change, uint256)
    checks._require(value <= mask, "settlement: booking out of range")
    return (packed & ~(mask << at)) | (value << at)
