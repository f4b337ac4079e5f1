# pragma version 0.4.3
"""
@title Campaigns With Any Rules
@custom:contract-name campaigns_mock
@license Apache-2.0
@notice Answers what settlement asks the campaign manager, with whatever rules a
        test has set, also such as the manager would never keep.
"""


struct Terms:
    rules: uint256
    hour_mask: uint256


# @dev By campaign and connector.
terms: public(HashMap[uint256, HashMap[uint256, Terms]])


# @dev The last campaign that has rules.
campaign_count: public(uint256)


@external
def set_terms(campaign: uint256, connector_id: uint256, rules: uint256, hour_mask: uint256):
    """
    @dev Says what a campaign grants at a connector.
    @param campaign The campaign.
    @param connector_id The connector.
    @param rules The word of its rules.
    @param hour_mask The hours of the week.
    """
    self.terms[campaign][connector_id] = Terms(rules=rules, hour_mask=hour_mask)
    self.campaign_count = max(self.campaign_count, campaign)
