# pragma version 0.4.3
"""
@title What a campaign grants
@custom:contract-name CampaignProof
@license Apache-2.0
@notice `modules/budgets.vy` for every record, price, rules and budget. Fields are
        read by division, as docs/protocol.md, section 10, lays them out.
"""


from ethereum.ercs import IERC20


from contracts.interfaces import ICampaignManager


from contracts.modules import custody
initializes: custody


from contracts.modules import budgets
initializes: budgets[custody := custody]


from contracts.modules import record
from tests.symbolic.proofs import claim
from tests.symbolic.proofs import six_decimals


@deploy
def __init__():
    """
    @dev Neither token nor campaign manager is called.
    """
    custody.__init__(IERC20(six_decimals._deploy()))
    budgets.__init__(ICampaignManager(self))


@external
@view
def check_a_campaign_grants_nothing_out_of_its_time(
    word: uint256, gross: uint256, rules: uint256, hour_mask: uint256, packed: uint256
):
    """
    @dev Before its start, from its end on, within its pause, and in hours that it
         does not have, nothing changes.
    """
    if gross >= 2 ** 42:
        return
    started: uint256 = word // 2 ** 184 % 2 ** 32
    in_time: bool = started >= rules // 2 ** 224 and started < rules // 2 ** 192 % 2 ** 32
    in_pause: bool = started >= rules // 2 ** 160 % 2 ** 32 and started < rules // 2 ** 128 % 2 ** 32
    if in_time and not in_pause and (hour_mask >> (word // 2 ** 40 % 2 ** 8)) % 2 == 1:
        return
    less: uint256 = 0
    found: uint256 = 0
    after: uint256 = 0
    less, found, after = budgets._granted(word, gross, rules, hour_mask, packed)
    claim._that(less == 0 and found == record.CAMPAIGN_NOT_APPLIED and after == packed)
