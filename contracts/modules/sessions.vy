# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title What becomes of one session
@custom:contract-name sessions
@license Apache-2.0
@notice Prices a session within its owner's tariff and decides whether it is
        settled, unfunded or rejected, and why. The loop of `batches` decides
        about ordinary sessions by itself and asks here about all others. Rules:
        docs/protocol.md, sections 2 to 4. Amounts are base units of the payment
        token, times are UTC seconds.
"""


from . import vaults
uses: vaults


# @notice Stateless, or used without their state: need no `uses`.
from . import bounds
from . import budgets
from . import record
from . import tariff as tariffs


# @dev The protocol fee in basis points of what was paid. There is no function
# that changes it.
FEE_BPS: public(constant(uint256)) = 10
FEE_DIVISOR: constant(uint256) = 10_000 // FEE_BPS


# @dev While an owner's sessions are gone through, what counts against the caps
# and what of it is fee are summed in one word: gross from here upwards, fees
# below.
GROSS_SUM_SHIFT: constant(uint256) = 128
FEE_SUM_MASK: constant(uint256) = 2 ** 128 - 1


# @dev A gross within a tariff's bounds, below the flags of an outcome.
GROSS_MASK: constant(uint256) = 2 ** record.FLAGS_SHIFT - 1


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value` in the creation-time
         EVM bytecode, the constructor is declared as `payable`.
    """
    pass


@internal
@pure
def _priced(word: uint256, tariff: uint256) -> uint256:
    """
    @dev A session's gross, moved into the tariff's bounds, and above it a flag if
         it was. What this gives for a record out of range is without meaning.
    @param word The record.
    @param tariff The tariff's slot.
    @return uint256 The gross, below 2**42, and the flag from bit 120 upwards.
    """
    gross: uint256 = (word >> record.GROSS_SHIFT) & record.MASK_40
    idle: uint256 = (word >> record.IDLE_SHIFT) & record.MASK_20
    bounded: uint256 = tariffs._bounded(
        tariff,
        (word >> record.ENERGY_SHIFT) & record.MASK_24,
        # A record in range was not idle for longer than it was plugged in.
        unsafe_sub((word >> record.DURATION_SHIFT) & record.MASK_20, idle),
        idle,
        gross,
    )
    if bounded == gross:
        return gross
    return bounded | record.CLAMPED


@internal
def _decide(
    word: uint256,
    account: uint256,
    priced: uint256,
    tariff: uint256,
    oldest_end: uint256,
    caps: uint256,
    own_room: uint256,
    room: uint256,
    used: uint256,
    rules: uint256,
    hour_mask: uint256,
    budget: uint256,
) -> (uint256, uint256, uint256, uint256):
    """
    @dev Decides about any session. The order of the questions is that of
         docs/protocol.md, section 2.
    @param word The record.
    @param account The payer's account on the present day, nothing but that day if
           there is none.
    @param priced What the session costs within the tariff's bounds, and flags.
    @param tariff The tariff's slot.
    @param oldest_end The earliest end of a session that is not too old.
    @param caps The caps' slot.
    @param own_room What may be taken for the owner under its cap.
    @param room What may be taken for it under that and the committee's cap.
    @param used What counted against both so far, at most `room`.
    @param rules What the session's campaign grants at its connector, if it names
           one.
    @param hour_mask In which hours of the week it does.
    @param budget The campaign's budget.
    @return uint256 What counts against the caps, and the fee in it.
    @return uint256 What of it the owner does not get.
    @return uint256 The outcome without the session's id.
    @return uint256 The budget afterwards.
    """
    payer: uint256 = word >> record.PAYER_SHIFT
    started: uint256 = (word >> record.STARTED_SHIFT) & record.MASK_32
    # Below 2**33.
    ended: uint256 = unsafe_add(started, (word >> record.DURATION_SHIFT) & record.MASK_20)
    gross: uint256 = priced & GROSS_MASK
    outcome: uint256 = priced ^ gross
    refused: uint256 = 0
    if not record._in_range(word):
        refused = record.FIELD_RANGE
    elif ended > block.timestamp:
        refused = record.ENDS_IN_FUTURE
    elif ended < oldest_end:
        refused = record.TOO_OLD
    elif started < tariff >> tariffs.FROM_SHIFT or started >= (tariff >> tariffs.TO_SHIFT) & tariffs.TIME_MASK:
        refused = record.TARIFF_NOT_IN_FORCE
    elif gross > (caps >> bounds.SESSION_SHIFT) & bounds.MASK_40:
        refused = record.SESSION_CAP
    elif account >> vaults.LIMIT_SHIFT == 0 and vaults._accounts[payer] == 0:
        if word & record.CAMPAIGN_FIELD != 0:
            outcome |= record.CAMPAIGN_NOT_APPLIED
        if gross == 0:
            outcome |= record.SETTLED
        elif payer == 0:
            outcome |= record.UNFUNDED | record.NO_PAYER
        else:
            outcome |= record.UNFUNDED | record.UNKNOWN_ACCOUNT
        return 0, 0, outcome, budget
    elif gross > unsafe_sub(own_room, used):
        refused = record.OWNER_DAY_CAP
    elif gross > unsafe_sub(room, used):
        refused = record.COMMITTEE_DAY_CAP
    if refused != 0:
        return 0, 0, record.REJECTED | refused, budget

    # What the payer need not pay, and what of that the campaign does.
    granted: uint256 = 0
    campaign_paid: uint256 = 0
    budget_after: uint256 = budget
    if word & record.CAMPAIGN_FIELD != 0:
        found: uint256 = 0
        granted, found, budget_after = budgets._granted(word, gross, rules, hour_mask, budget)
        outcome |= found
        campaign_paid = (found >> record.CAMPAIGN_PAID_SHIFT) & record.MASK_40

    after: uint256 = 0
    paid: uint256 = 0
    balance_short: bool = False
    after, paid, balance_short = vaults._draw(
        account, vaults._limit_for(payer, account, started), unsafe_sub(gross, granted)
    )
    # At most the gross less what is granted is drawn. The debt stays at or below a
    # limit of 40 bits, in the lowest bits of the account.
    unpaid: uint256 = unsafe_sub(unsafe_sub(gross, granted), paid)
    owed: uint256 = min(unpaid, bounds._room(caps & bounds.MASK_40, account & vaults.MASK_40))
    vaults._accounts[payer] = unsafe_add(after, owed)
    outcome |= (paid << record.PAID_SHIFT) | owed
    if unpaid == 0:
        outcome |= record.SETTLED
    elif balance_short:
        outcome |= record.UNFUNDED | record.BALANCE_SHORT
    else:
        outcome |= record.UNFUNDED | record.LIMIT_SHORT
    # Paid by payer and campaign is the gross less what neither did.
    missed: uint256 = unsafe_add(unpaid, unsafe_sub(granted, campaign_paid))
    return (
        (gross << GROSS_SUM_SHIFT) | unsafe_div(unsafe_sub(gross, missed), FEE_DIVISOR),
        missed,
        outcome,
        budget_after,
    )
