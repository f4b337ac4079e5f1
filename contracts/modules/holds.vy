# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title What a station owner's money is held for, and what it is owed
@custom:contract-name holds
@license Apache-2.0
@notice A dispute puts money of the owner aside. What its accrual has not, later
        credits bring: settlement pays an accrual's debt before its balance. What
        was paid of the debt waits in the owner's pool until a dispute of that
        owner needs it, first come, first served. An owner whose fee is given back
        when the fees are with the router already is owed it until new ones come.

        All money stays in settlement; this says how it is to move. An `Owner` is
        read at the beginning of a call, changed, and booked at its end. Amounts
        are base units of the payment token. See docs/protocol.md, section 9.
"""


from ..interfaces import IAdjustments
from ..interfaces import ISettlementBooks
from ..interfaces import IStationRegistry


# @dev An owner's slot, most significant first: debt 48, pool 80, fees due 80, zero
# 48 bits. The debt is what settlement had of it when we booked last: what is gone
# of it since came into the pool.
DEBT_SHIFT: constant(uint256) = 208
POOL_SHIFT: constant(uint256) = 128
DUE_SHIFT: constant(uint256) = 48
MASK_48: constant(uint256) = 2 ** 48 - 1
MASK_80: constant(uint256) = 2 ** 80 - 1


# @dev An owner in the middle of a call. `balance`, `debt` and `fees` will be those
# of settlement, `booked_...` are. An owner in debt has no balance.
struct Owner:
    owner_id: uint256
    balance: uint256
    debt: uint256
    pool: uint256
    due: uint256
    fees: uint256
    booked_balance: uint256
    booked_debt: uint256
    booked_due: uint256
    booked_fees: uint256


# @dev What a call moves besides: for a payer's account and a campaign.
struct Others:
    account: uint256
    to_account: int256
    debt_waived: uint256
    campaign: uint256
    to_budget: uint256


# @dev Where the money is.
settlement: public(immutable(ISettlementBooks))


# @dev Who is asked for an owner's account.
registry: public(immutable(IStationRegistry))


# @dev Fees that are due to owners, in all.
fees_due: public(uint256)


_owners: HashMap[uint256, uint256]


@deploy
@payable
def __init__(settlement_: ISettlementBooks):
    """
    @dev Takes the settlement. To omit the opcodes for checking the `msg.value`,
         the constructor is declared as `payable`.
    @param settlement_ Reverts unless it listens to this contract.
    """
    assert staticcall settlement_.adjustments() == self, "adjustments: not those of this settlement"
    settlement = settlement_
    registry = IStationRegistry(staticcall settlement_.registry())


@external
@nonreentrant
def return_fee(owner_id: uint256):
    """
    @dev Pays an owner the fees that it is due, as far as fees are there. Anyone
         may call it. Reverts if nothing can be paid.
    @param owner_id The owner.
    """
    owner: Owner = self._read(owner_id)
    before: uint256 = owner.due
    owner = self._return_fees(owner)
    assert owner.due != before, "adjustments: no fee to return"
    self._book(owner, empty(Others))


@external
@view
def owed(owner_id: uint256) -> (uint256, uint256, uint256):
    """
    @dev What stands between an owner and its disputes.
    @param owner_id The owner.
    @return uint256 What it still owes for holds, base units.
    @return uint256 What was paid of that and no dispute has used yet.
    @return uint256 Fees that it is due.
    """
    owner: Owner = self._read(owner_id)
    return owner.debt, owner.pool, owner.due


@internal
@view
def _check_owner(owner_id: uint256):
    """
    @dev Reverts unless the caller is an owner's account.
    @param owner_id The owner.
    """
    assert msg.sender == staticcall registry.owner_account(owner_id), "adjustments: not the owner"


@internal
@view
def _read(owner_id: uint256) -> Owner:
    """
    @dev An owner as it is now.
    @param owner_id The owner.
    @return Owner With what was paid of its debt in the pool.
    """
    packed: uint256 = self._owners[owner_id]
    balance: uint256 = 0
    debt: uint256 = 0
    paid_day: uint256 = 0
    day: uint256 = 0
    day_gross: uint256 = 0
    balance, debt, paid_day, day, day_gross = staticcall settlement.accrual(owner_id)
    fees: uint256 = staticcall settlement.unrouted_fees()
    due: uint256 = (packed >> DUE_SHIFT) & MASK_80
    return Owner(
        owner_id=owner_id,
        balance=balance,
        debt=debt,
        # Nobody but us adds to the debt.
        pool=((packed >> POOL_SHIFT) & MASK_80) + (packed >> DEBT_SHIFT) - debt,
        due=due,
        fees=fees,
        booked_balance=balance,
        booked_debt=debt,
        booked_due=due,
        booked_fees=fees,
    )


@internal
@pure
def _credit(owner: Owner, amount: uint256) -> Owner:
    """
    @dev Gives an owner money; its debt has it first.
    @param owner The owner.
    @param amount Base units.
    @return Owner Afterwards.
    """
    credited: Owner = owner
    to_debt: uint256 = min(amount, owner.debt)
    credited.debt -= to_debt
    credited.pool += to_debt
    credited.balance += amount - to_debt
    return credited


@internal
@pure
def _hold(owner: Owner, amount: uint256) -> (Owner, uint256):
    """
    @dev Puts an owner's money aside for a dispute.
    @param owner The owner.
    @param amount Base units.
    @return Owner Afterwards.
    @return uint256 What was not there and is its debt now.
    """
    held: Owner = owner
    drawn: uint256 = min(amount, owner.balance)
    held.balance -= drawn
    held.debt += amount - drawn
    return held, amount - drawn


@internal
@pure
def _release(owner: Owner, short: uint256, amount: uint256) -> (Owner, uint256):
    """
    @dev Gives an owner back what was put aside for a dispute: first what was not
         there, which it then no longer owes.
    @param owner The owner.
    @param short What is not there of the dispute's hold.
    @param amount How much of the hold is given back.
    @return Owner Afterwards.
    @return uint256 What is not there of the rest.
    """
    released: Owner = owner
    owed: uint256 = min(amount, short)
    # What disputes lack is what their owner owes and what is in its pool.
    forgiven: uint256 = min(owed, owner.debt)
    released.debt -= forgiven
    released.pool -= owed - forgiven
    return self._credit(released, amount - forgiven), short - owed


@internal
def _return_fees(owner: Owner) -> Owner:
    """
    @dev Pays an owner the fees that it is due, as far as fees are there.
    @param owner The owner.
    @return Owner Afterwards.
    """
    amount: uint256 = min(owner.due, owner.fees)
    if amount == 0:
        return owner
    returned: Owner = self._credit(owner, amount)
    returned.due -= amount
    returned.fees -= amount
    log IAdjustments.FeeReturned(owner_id=owner.owner_id, amount=amount)
    return returned


@internal
def _book(owner: Owner, others: Others):
    """
    @dev Has settlement move the money. What nobody else is given or gives is held.
    @param owner The owner at the end of a call.
    @param others What moves besides.
    """
    assert owner.debt <= MASK_48 and max(owner.pool, owner.due) <= MASK_80, "adjustments: amount too large"
    self._owners[owner.owner_id] = (
        (owner.debt << DEBT_SHIFT) | (owner.pool << POOL_SHIFT) | (owner.due << DUE_SHIFT)
    )
    self.fees_due = self.fees_due + owner.due - owner.booked_due
    to_owner: int256 = self._change(owner.booked_balance, owner.balance)
    to_fees: int256 = self._change(owner.booked_fees, owner.fees)
    to_budget: int256 = convert(others.to_budget, int256)
    extcall settlement.book(
        ISettlementBooks.Booking(
            account=others.account,
            to_account=others.to_account,
            debt_waived=others.debt_waived,
            owner_id=owner.owner_id,
            to_owner=to_owner,
            owner_debt=self._change(owner.booked_debt, owner.debt),
            campaign=others.campaign,
            to_budget=to_budget,
            to_fees=to_fees,
            to_held=-(others.to_account + to_owner + to_budget + to_fees),
        )
    )


@internal
@pure
def _change(before: uint256, after: uint256) -> int256:
    """
    @dev How much an amount grew.
    @param before Base units.
    @param after Base units.
    @return int256 Base units, negative if it shrank.
    """
    return convert(after, int256) - convert(before, int256)
