# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Payer vaults
@custom:contract-name vaults
@license Apache-2.0
@notice A driver, a fleet or a mobility provider prepays into an account and
        says how much may leave it in a day. Settlement debits it; what it could
        not pay is its debt. The holder takes money out by asking three days
        ahead, also while settlement is paused. Amounts are base units of the
        payment token, times are UTC seconds. See docs/protocol.md, section 4.
"""


from ..interfaces import ISettlement
from . import custody
uses: custody


from . import ledger
uses: ledger


# @notice Stateless, needs no `uses`.
from . import checks


# @dev A vault account is one slot, most significant first: balance 80, daily
# limit 56, spent 56, day 24, debt 40 bits. `spent` is what left in settlement
# on `day`, block time // 86,400, whose top bit says that a lowered limit is
# pending. `day` is never zero in an account that was opened.
BALANCE_SHIFT: constant(uint256) = 176
LIMIT_SHIFT: constant(uint256) = 120
SPENT_SHIFT: constant(uint256) = 64
DAY_SHIFT: constant(uint256) = 40
MASK_80: constant(uint256) = 2 ** 80 - 1
MASK_56: constant(uint256) = 2 ** 56 - 1
MASK_40: constant(uint256) = 2 ** 40 - 1
MASK_DAY: constant(uint256) = 2 ** 23 - 1
LOWERED: constant(uint256) = 1 << 63
DAY_FIELD: constant(uint256) = MASK_DAY << DAY_SHIFT
# @dev One unit less of balance and one more of spent, modulo 2**256.
SPEND: constant(uint256) = (MASK_80 << BALANCE_SHIFT) | (1 << SPENT_SHIFT)
SPENDING: constant(uint256) = (MASK_56 << SPENT_SHIFT) | (MASK_DAY << DAY_SHIFT)
DAY_S: constant(uint256) = 86_400


# @dev A withdrawal can be executed from 72 to 96 hours after the request.
WITHDRAWAL_DELAY_S: constant(uint256) = 72 * 3_600
WITHDRAWAL_WINDOW_S: constant(uint256) = 24 * 3_600


struct VaultAccount:
    balance: uint256
    daily_limit: uint256
    spent: uint256
    day: uint256
    debt: uint256


# @dev The last account opened.
account_count: public(uint256)


# @dev Accounts by number. An array rather than a mapping: an account's slot is
# found by an addition instead of a hash, once a session.
_accounts: uint256[2 ** 40]


# @dev Who decides about an account.
account_holder: public(HashMap[uint256, address])


# @dev For an account whose limit was lowered, one slot: the highest limit under
# which a session may have started 56 bits, when it was lowered 40 bits.
_limits_before: HashMap[uint256, uint256]


# @dev The open withdrawal request of an account, one slot: amount 80 bits, when
# it was made 40 bits; zero for none.
_withdrawals: HashMap[uint256, uint256]


# @dev When a mandate of an account was revoked, 0 if it was not.
mandate_revoked_at: public(HashMap[uint256, HashMap[bytes32, uint256]])


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value` in the creation-time
         EVM bytecode, the constructor is declared as `payable`.
    """
    pass


@external
def open_account() -> uint256:
    """
    @dev Opens an account with a daily limit of 0. The caller is its holder.
    @return uint256 The account's number.
    """
    account: uint256 = self.account_count + 1
    checks._require(account <= MASK_40, "settlement: accounts used up")
    self.account_count = account
    self.account_holder[account] = msg.sender
    self._accounts[account] = (block.timestamp // DAY_S) << DAY_SHIFT
    log ISettlement.AccountOpened(account=account, holder=msg.sender)
    return account


@external
@nonreentrant
def deposit(account: uint256, amount: uint256):
    """
    @dev Pays into the caller's account. Never iterates over debts: they are
         collected one by one.
    @param account The account. Reverts unless the caller is its holder.
    @param amount Base units, approved by the caller. Reverts if zero, or if
           the balance would pass 80 bits.
    """
    self._check_holder(account)
    self._deposit(account, amount)


@external
@nonreentrant
def deposit_with_permit(account: uint256, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @dev Pays into the caller's account by a permit (EIP-2612) instead of an
         approval. A permit that somebody else handed in first breaks nothing.
    @param account The account. Reverts unless the caller is its holder.
    @param amount Base units, what the permit is for. Reverts if zero, or if the
           balance would pass 80 bits.
    @param deadline Until when the permit counts.
    @param v, r, s The caller's signature of the permit.
    """
    self._check_holder(account)
    custody._permit(amount, deadline, v, r, s)
    self._deposit(account, amount)


@external
@nonreentrant
def deposit_for(account: uint256, holder: address, amount: uint256, max_debt: uint256):
    """
    @dev Pays into someone's account. The caller names whom it means, so that a
         number that a chain reorganisation gave to somebody else gets nothing,
         and how much debt it is ready to find there, so that the gift does not
         go where it was not meant to.
    @param account The account.
    @param holder Reverts unless this is its holder.
    @param amount Base units, approved by the caller. Reverts if zero, or if
           the balance would pass 80 bits.
    @param max_debt Reverts if the account owes more.
    """
    checks._require(holder != empty(address) and self.account_holder[account] == holder, "settlement: not its holder")
    checks._require(self._accounts[account] & MASK_40 <= max_debt, "settlement: debt above maximum")
    self._deposit(account, amount)


@external
def set_daily_limit(account: uint256, limit: uint256):
    """
    @dev Sets how much may leave an account in settlement on a day (UTC).
         Raising is immediate. Lowering binds sessions that start later:
         sessions that started before are held against the highest limit they
         may have started under.
    @param account The account. Reverts unless the caller is its holder.
    @param limit Base units. Reverts above 56 bits.
    """
    self._check_holder(account)
    checks._require(limit <= MASK_56, "settlement: limit too large")
    packed: uint256 = self._accounts[account]
    highest: uint256 = (packed >> LIMIT_SHIFT) & MASK_56
    if packed & LOWERED != 0:
        # Above the present one, or it would not be pending.
        highest = self._limits_before[account] >> 40
    if limit < (packed >> LIMIT_SHIFT) & MASK_56:
        packed |= LOWERED
        self._limits_before[account] = (highest << 40) | block.timestamp
    elif limit >= highest:
        packed &= ~LOWERED
    self._accounts[account] = (packed & ~(MASK_56 << LIMIT_SHIFT)) | (limit << LIMIT_SHIFT)
    log ISettlement.DailyLimitSet(account=account, limit=limit)


@external
def request_withdrawal(account: uint256, amount: uint256):
    """
    @dev Asks for money back. It stays debitable until it is withdrawn. A new
         request replaces the one before and its date.
    @param account The account. Reverts unless the caller is its holder.
    @param amount Base units. Reverts if zero or above 80 bits.
    """
    self._check_holder(account)
    checks._require_amount(amount, MASK_80)
    self._withdrawals[account] = (amount << 40) | block.timestamp
    executable_at: uint256 = 0
    lapses_at: uint256 = 0
    executable_at, lapses_at = self._window(block.timestamp)
    log ISettlement.WithdrawalRequested(
        account=account, amount=amount, executable_at=executable_at, lapses_at=lapses_at
    )


@external
def cancel_withdrawal(account: uint256):
    """
    @dev Takes a withdrawal request back.
    @param account The account. Reverts unless the caller is its holder and
           there is a request.
    """
    self._check_holder(account)
    self._take_request(account)
    log ISettlement.WithdrawalCancelled(account=account)


@external
@nonreentrant
def withdraw(account: uint256, to: address):
    """
    @dev Pays out what was requested, or as much of it as the account holds
         beyond its debt. Works while settlement is paused, and at once when
         nothing is settled here any more.
    @param account The account. Reverts unless the caller is its holder, the
           request is 72 to 96 hours old, and there is something to pay out.
    @param to Who receives. Reverts if zero.
    """
    self._check_holder(account)
    request: uint256 = self._take_request(account)
    executable_at: uint256 = 0
    lapses_at: uint256 = 0
    executable_at, lapses_at = self._window(request & MASK_40)
    checks._require(block.timestamp >= executable_at, "settlement: withdrawal not due")
    checks._require(block.timestamp < lapses_at, "settlement: withdrawal lapsed")
    packed: uint256 = self._accounts[account]
    balance: uint256 = packed >> BALANCE_SHIFT
    debt: uint256 = packed & MASK_40
    checks._require(balance > debt, "settlement: nothing to withdraw")
    # `balance` is larger than `debt`.
    amount: uint256 = min(request >> 40, unsafe_sub(balance, debt))
    # `amount` is at most `balance`, which fills the topmost bits.
    self._accounts[account] = unsafe_sub(packed, amount << BALANCE_SHIFT)
    log ISettlement.Withdrawn(account=account, to=to, amount=amount)
    custody._give(to, amount)


@external
def revoke_mandate(account: uint256, mandate: bytes32):
    """
    @dev Ends a mandate for sessions that start later.
    @param account The account. Reverts unless the caller is its holder.
    @param mandate The mandate's EIP-712 struct hash. Reverts if it was revoked
           before.
    """
    self._check_holder(account)
    checks._require(self.mandate_revoked_at[account][mandate] == 0, "settlement: mandate already revoked")
    self.mandate_revoked_at[account][mandate] = block.timestamp
    log ISettlement.MandateRevoked(account=account, mandate=mandate)


@external
@view
def account(account: uint256) -> VaultAccount:
    """
    @dev An account as it is stored.
    @param account The account.
    @return VaultAccount Balance, daily limit, what left in settlement on `day`
            (the last day on which something did, in days since 1970), debt.
    """
    packed: uint256 = self._accounts[account]
    return VaultAccount(
        balance=packed >> BALANCE_SHIFT,
        daily_limit=(packed >> LIMIT_SHIFT) & MASK_56,
        spent=(packed >> SPENT_SHIFT) & MASK_56,
        day=(packed >> DAY_SHIFT) & MASK_DAY,
        debt=packed & MASK_40,
    )


@external
@view
def limit_for(account: uint256, started_at: uint256) -> uint256:
    """
    @dev The daily limit that a session is held against.
    @param account The account.
    @param started_at When the session started.
    @return uint256 Base units a day.
    """
    return self._limit_for(account, self._accounts[account], started_at)


@external
@view
def withdrawal(account: uint256) -> (uint256, uint256, uint256):
    """
    @dev The open withdrawal request of an account.
    @param account The account.
    @return uint256 The amount asked for, 0 if there is no request.
    @return uint256 From when it can be executed.
    @return uint256 From when it can no longer be executed.
    """
    request: uint256 = self._withdrawals[account]
    if request == 0:
        return 0, 0, 0
    executable_at: uint256 = 0
    lapses_at: uint256 = 0
    executable_at, lapses_at = self._window(request & MASK_40)
    return request >> 40, executable_at, lapses_at


@internal
@view
def _check_holder(account: uint256):
    """
    @dev Reverts unless the caller is an account's holder.
    @param account The account.
    """
    checks._require(msg.sender == self.account_holder[account], "settlement: not the holder")


@internal
def _take_request(account: uint256) -> uint256:
    """
    @dev Forgets a withdrawal request. Reverts if there is none.
    @param account The account.
    @return uint256 The request as it was stored.
    """
    request: uint256 = self._withdrawals[account]
    checks._require(request != 0, "settlement: no withdrawal requested")
    self._withdrawals[account] = 0
    return request


@internal
@view
def _window(requested_at: uint256) -> (uint256, uint256):
    """
    @dev When a withdrawal can be executed. Payers give notice so that sessions
         under way can be settled; when none will be, there is nothing to wait for.
    @param requested_at When it was requested.
    @return uint256 From when.
    @return uint256 Until before when.
    """
    if ledger._over():
        return requested_at, MASK_40
    executable_at: uint256 = requested_at + WITHDRAWAL_DELAY_S
    return executable_at, executable_at + WITHDRAWAL_WINDOW_S


@internal
def _deposit(account: uint256, amount: uint256):
    """
    @dev Credits an account and takes the caller's tokens.
    @param account The account, which exists.
    @param amount Base units.
    """
    packed: uint256 = self._accounts[account]
    checks._require_amount(amount, MASK_80)
    checks._require((packed >> BALANCE_SHIFT) + amount <= MASK_80, "settlement: balance too large")
    # The sum fits the topmost 80 bits.
    self._accounts[account] = unsafe_add(packed, amount << BALANCE_SHIFT)
    log ISettlement.Deposited(account=account, sender=msg.sender, amount=amount)
    custody._take(msg.sender, amount)


@internal
@view
def _limit_for(account: uint256, packed: uint256, started_at: uint256) -> uint256:
    """
    @dev The daily limit that a session is held against.
    @param account The account.
    @param packed Its slot.
    @param started_at When the session started.
    @return uint256 Base units a day.
    """
    if packed & LOWERED != 0:
        before: uint256 = self._limits_before[account]
        if started_at < before & MASK_40:
            return before >> 40
    return (packed >> LIMIT_SHIFT) & MASK_56


@internal
@pure
def _on_day(packed: uint256, today: uint256) -> uint256:
    """
    @dev An account's slot on a day: nothing is spent yet on a new one.
    @param packed The slot.
    @param today The day.
    @return uint256 The slot with `spent` and `day` of that day.
    """
    if (packed >> DAY_SHIFT) & MASK_DAY == today:
        return packed
    return (packed & ~SPENDING) | (today << DAY_SHIFT)


@internal
@pure
def _draw(packed: uint256, limit: uint256, wanted: uint256) -> (uint256, uint256, bool):
    """
    @dev Takes out of an account as much as balance and limit allow.
    @param packed The account's slot, on the present day.
    @param limit The daily limit to hold it against.
    @param wanted How much is wanted.
    @return uint256 The slot afterwards.
    @return uint256 How much it was.
    @return bool Whether the balance was short.
    """
    balance: uint256 = packed >> BALANCE_SHIFT
    spent: uint256 = (packed >> SPENT_SHIFT) & MASK_56
    # A limit lowered during the day can be below what is spent already.
    left: uint256 = unsafe_sub(max(limit, spent), spent)
    amount: uint256 = min(wanted, min(balance, left))
    # `amount` is at most the balance, and `spent + amount` at most the limit,
    # which has 56 bits: no field overflows into the next.
    packed_after: uint256 = unsafe_add(unsafe_sub(packed, amount << BALANCE_SHIFT), amount << SPENT_SHIFT)
    return packed_after, amount, balance < wanted
