# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Budgets of campaigns
@custom:contract-name budgets
@license Apache-2.0
@notice Keeps the money of each campaign apart and works out what a campaign
        grants to a session. The rules are the campaign manager's; whatever it
        says, a session gets no more than its price, and a campaign spends no more
        than its budget. Amounts are base units of the payment token, times are
        UTC seconds. See docs/protocol.md, sections 4 and 10.
"""


from ..interfaces import ICampaignManager
from ..interfaces import ISettlement


from . import custody
uses: custody


# @notice Stateless, need no `uses`.
from . import campaign_rules as terms
from . import checks
from . import record


# @dev A budget is one slot, most significant first: left 80, spent 80, day 24,
# spent on that day 72 bits. A day's spending is below the committee's cap of it.
LEFT_SHIFT: constant(uint256) = 176
SPENT_SHIFT: constant(uint256) = 96
DAY_SHIFT: constant(uint256) = 72
MASK_80: constant(uint256) = 2 ** 80 - 1
MASK_72: constant(uint256) = 2 ** 72 - 1
MASK_24: constant(uint256) = 2 ** 24 - 1
# @dev One unit less of what is left and one more of both others, modulo 2**256.
SPEND: constant(uint256) = (MASK_80 << LEFT_SHIFT) | (1 << SPENT_SHIFT) | 1


# @dev A rate is in basis points.
BPS: constant(uint256) = 10_000


DAY_S: constant(uint256) = 86_400


struct Budget:
    left: uint256
    spent: uint256
    day: uint256
    day_spent: uint256


# @dev Who knows the campaigns' rules, and may fund and release budgets.
campaigns: public(immutable(ICampaignManager))


# @dev Budgets by campaign; an array for the reason given in `vaults`.
_budgets: uint256[2 ** 32]


@deploy
@payable
def __init__(campaigns_: ICampaignManager):
    """
    @dev Takes the campaign manager. To omit the opcodes for checking the
         `msg.value`, the constructor is declared as `payable`.
    @param campaigns_ The campaign manager.
    """
    campaigns = campaigns_


@external
@nonreentrant
def fund_budget(campaign: uint256, funder: address, amount: uint256):
    """
    @dev Pays into a campaign's budget. Reverts unless the caller is the campaign
         manager.
    @param campaign The campaign.
    @param funder Who pays; has approved this contract, and called the manager.
    @param amount Base units. Reverts if what was ever paid in and not released
           would pass 80 bits.
    """
    self._check_campaigns()
    packed: uint256 = self._budgets[campaign]
    checks._require(
        (packed >> LEFT_SHIFT) + ((packed >> SPENT_SHIFT) & MASK_80) + amount <= MASK_80,
        "settlement: budget too large",
    )
    # The sum fits the topmost 80 bits.
    self._budgets[campaign] = unsafe_add(packed, amount << LEFT_SHIFT)
    log ISettlement.BudgetFunded(campaign=campaign, funder=funder, amount=amount)
    custody._take(funder, amount)


@external
@nonreentrant
def release_budget(campaign: uint256, to: address, amount: uint256):
    """
    @dev Pays out of what is left of a campaign's budget. Reverts unless the caller
         is the campaign manager.
    @param campaign The campaign.
    @param to Who receives. Reverts if zero.
    @param amount Base units. Reverts if more than is left.
    """
    self._check_campaigns()
    packed: uint256 = self._budgets[campaign]
    checks._require(amount <= packed >> LEFT_SHIFT, "settlement: budget too small")
    # `amount` is at most what fills the topmost bits.
    self._budgets[campaign] = unsafe_sub(packed, amount << LEFT_SHIFT)
    log ISettlement.BudgetReleased(campaign=campaign, to=to, amount=amount)
    custody._give(to, amount)


@external
@view
def budget(campaign: uint256) -> Budget:
    """
    @dev A campaign's budget as it is stored.
    @param campaign The campaign.
    @return Budget What is left, what was spent in all and did not come back by
            refunds, and what was spent on `day` (the last day on which a session
            named it, in days since 1970).
    """
    packed: uint256 = self._budgets[campaign]
    return Budget(
        left=packed >> LEFT_SHIFT,
        spent=(packed >> SPENT_SHIFT) & MASK_80,
        day=(packed >> DAY_SHIFT) & MASK_24,
        day_spent=packed & MASK_72,
    )


@internal
@view
def _check_campaigns():
    """
    @dev Reverts unless the caller is the campaign manager.
    """
    checks._require(msg.sender == campaigns.address, "settlement: not the campaigns")


@internal
@view
def _granted(
    word: uint256, gross: uint256, rules: uint256, hour_mask: uint256, packed: uint256
) -> (uint256, uint256, uint256):
    """
    @dev What a campaign grants to a session of an account that exists.
    @param word The record, in range.
    @param gross What the session costs.
    @param rules The campaign's rules at its connector.
    @param hour_mask The hours of the week in which it grants, from bit 0.
    @param packed The campaign's budget on the present day.
    @return uint256 By how much the payer has to pay less, at most the gross.
    @return uint256 What of it the budget pays and a flag, each in its place in the
            outcome.
    @return uint256 The budget afterwards.
    """
    started: uint256 = (word >> record.STARTED_SHIFT) & record.MASK_32
    # Rules of zero end before anything starts.
    if (
        started < rules >> terms.STARTS_SHIFT
        or started >= (rules >> terms.ENDS_SHIFT) & terms.MASK_32
        or (
            started >= (rules >> terms.PAUSED_FROM_SHIFT) & terms.MASK_32
            and started < (rules >> terms.PAUSED_TO_SHIFT) & terms.MASK_32
        )
        or (hour_mask >> ((word >> record.HOUR_SHIFT) & 255)) & 1 == 0
    ):
        return 0, record.CAMPAIGN_NOT_APPLIED, packed
    # A gross of 42 bits and a rate of 16 do not wrap.
    benefit: uint256 = min(
        min(unsafe_div(unsafe_mul(gross, (rules >> terms.RATE_SHIFT) & terms.MASK_16), BPS), gross),
        (rules >> terms.SESSION_CAP_SHIFT) & terms.MASK_40,
    )
    paid: uint256 = min(benefit, self._available(rules, packed))
    # At most what is left goes to what was spent, and the sum of both has 80 bits.
    after: uint256 = unsafe_add(packed, unsafe_mul(paid, SPEND))
    found: uint256 = paid << record.CAMPAIGN_PAID_SHIFT
    if paid == benefit:
        return paid, found, after
    if rules & terms.OWN != 0:
        # What the budget does not reach is the owner's own discount.
        return benefit, found | record.CAMPAIGN_SHORT, after
    if paid == 0:
        return 0, record.CAMPAIGN_NOT_APPLIED, packed
    return paid, found | record.CAMPAIGN_SHORT, after


@internal
@view
def _on_day(asked: uint256) -> uint256:
    """
    @dev A campaign's budget, on the present day if anything is left to be spent.
    @param asked The campaign, as in a record.
    @return uint256 The budget.
    """
    packed: uint256 = self._budgets[(asked >> record.CAMPAIGN_SHIFT) & record.MASK_32]
    today: uint256 = unsafe_div(block.timestamp, DAY_S)
    if packed >> LEFT_SHIFT == 0 or (packed >> DAY_SHIFT) & MASK_24 == today:
        return packed
    return ((packed >> SPENT_SHIFT) << SPENT_SHIFT) | (today << DAY_SHIFT)


@internal
def _close(asked: uint256, packed: uint256):
    """
    @dev Keeps a campaign's budget.
    @param asked The campaign, as in a record; zero if there is none.
    @param packed Its budget.
    """
    if asked != 0:
        self._budgets[(asked >> record.CAMPAIGN_SHIFT) & record.MASK_32] = packed


@internal
@pure
def _available(rules: uint256, packed: uint256) -> uint256:
    """
    @dev What a campaign can pay today.
    @param rules Its rules.
    @param packed Its budget on the present day.
    @return uint256 Base units.
    """
    left: uint256 = packed >> LEFT_SHIFT
    day_cap: uint256 = (rules >> terms.DAY_CAP_SHIFT) & terms.MASK_64
    if day_cap == 0:
        return left
    spent: uint256 = packed & MASK_72
    # The larger of the two less the second.
    return min(left, unsafe_sub(max(day_cap, spent), spent))


@internal
@view
def _span(rules: uint256, earliest: uint256, window: uint256) -> (uint256, uint256):
    """
    @dev When sessions start that a campaign grants something to without further
         questions: on one side of its last pause.
    @param rules The campaign's rules.
    @param earliest The earliest start that is asked about.
    @param window How long after it the last one is.
    @return uint256 The earliest start.
    @return uint256 How long after it none is any more.
    """
    start: uint256 = max(rules >> terms.STARTS_SHIFT, earliest)
    end: uint256 = min((rules >> terms.ENDS_SHIFT) & terms.MASK_32, unsafe_add(earliest, window))
    paused_to: uint256 = (rules >> terms.PAUSED_TO_SHIFT) & terms.MASK_32
    if paused_to > block.timestamp:
        end = min(end, (rules >> terms.PAUSED_FROM_SHIFT) & terms.MASK_32)
    else:
        start = max(start, paused_to)
    # The larger of the two less the second.
    return start, unsafe_sub(max(end, start), start)
