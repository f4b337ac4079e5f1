// SPDX-License-Identifier: Apache-2.0
// Written by scripts/export_abi.py from the Vyper sources: change those.
pragma solidity ^0.8.20;

/// @title CampaignManager, to Solidity
/// @notice Specification: docs/protocol.md. Amounts are base units, times UTC seconds.
interface ICampaignManager {
    struct NewCampaign {
        uint256 kind;
        uint256 owner_id;
        string name;
        uint256 starts_at;
        uint256 ends_at;
        uint256 hour_mask;
        uint256 rate_bps;
        uint256 session_cap;
        uint256 day_cap;
        uint256 min_sessions;
        uint256 window_days;
        uint256 driver_cap;
    }

    struct Campaign {
        uint256 kind;
        uint256 owner_id;
        address creator;
        uint256 starts_at;
        uint256 ends_at;
        uint256 paused_from;
        uint256 paused_to;
        uint256 hour_mask;
        uint256 rate_bps;
        uint256 session_cap;
        uint256 day_cap;
        uint256 min_sessions;
        uint256 window_days;
        uint256 driver_cap;
    }

    event CampaignCreated(uint256 indexed campaign, address indexed creator, uint256 indexed owner_id,
        uint256 kind, string name, uint256 starts_at, uint256 ends_at, uint256 hour_mask, uint256 rate_bps,
        uint256 session_cap, uint256 day_cap, uint256 min_sessions, uint256 window_days, uint256 driver_cap);

    event ConnectorsEnrolled(uint256 indexed campaign, uint256[] connectors);

    event CampaignPaused(uint256 indexed campaign, uint256 paused_from);

    event CampaignResumed(uint256 indexed campaign, uint256 paused_to);

    event CampaignClosed(uint256 indexed campaign, uint256 ends_at);

    /// @notice Creates a campaign. A start in the past is now.
    /// @param new_ What it grants. An off-peak discount or a loyalty boost reverts unless the caller is the
    ///   account of `owner_id`; a co-branded one unless `owner_id` is 0 and there is a day cap. Reverts unless
    ///   the name is not empty, it ends after its start and after now and at most 366 days later, the mask has an
    ///   hour and no others than the 168 of a week, the rate is 1 to 10,000, and the session cap is not zero. A
    ///   number of sessions and of days is what a loyalty boost has and no other. Reverts if a field does not fit
    ///   its bits.
    /// @param connectors Where it holds, as in `enrol`; may be empty.
    /// @param budget What the caller puts into the budget, approved to settlement; may be 0. An own campaign
    ///   without a budget comes off the owner's net.
    /// @return The campaign's number.
    function create(NewCampaign calldata new_, uint256[] calldata connectors, uint256 budget) external returns
        (uint256);

    /// @notice Adds connectors to a campaign. None is ever taken away: close the campaign instead.
    /// @param campaign_ The campaign. Reverts unless the caller decides about it and it has not ended.
    /// @param connectors The connectors. Reverts if there is none, if one does not exist, or if one is not the
    ///   owner's whose campaign it is. One that is enrolled already stays so.
    function enrol(uint256 campaign_, uint256[] calldata connectors) external;

    /// @notice Adds to a campaign's budget. Anyone may; the caller becomes a funder and gets back in proportion
    ///   what is left in the end.
    /// @param campaign_ The campaign. Reverts if there is none, if it has ended, or if settlement has stopped for
    ///   good.
    /// @param amount Base units, approved to settlement. Reverts if zero or if all that was funded would pass 80
    ///   bits.
    function fund(uint256 campaign_, uint256 amount) external;

    /// @notice Stops a campaign for sessions that start from now on.
    /// @param campaign_ The campaign. Reverts unless the caller decides about it, and if it has ended or is
    ///   paused.
    function pause(uint256 campaign_) external;

    /// @notice Goes on with a campaign for sessions that start from now on. What started in the pause stays
    ///   without; of several pauses the last is held against sessions here, and those before by attesters.
    /// @param campaign_ The campaign. Reverts unless the caller decides about it and it is paused.
    function resume(uint256 campaign_) external;

    /// @notice Ends a campaign now: sessions that start later get nothing.
    /// @param campaign_ The campaign. Reverts unless the caller decides about it, and if it has ended.
    function close(uint256 campaign_) external;

    /// @notice Gives a funder its share of what is left, and again later of what came back to the budget by
    ///   refunds. Anyone may call it.
    /// @param campaign_ The campaign. Reverts before `reclaimable_from`.
    /// @param funder Who funded it and receives. Reverts if there is nothing to reclaim.
    /// @return How much it was, base units.
    function reclaim(uint256 campaign_, address funder) external returns (uint256);

    /// @notice What a campaign grants at a connector.
    /// @param campaign_ The campaign.
    /// @param connector_id The connector.
    /// @return The rules (layout in `modules/campaign_rules.vy`), 0 if there is no such campaign or the connector
    ///   is not enrolled.
    /// @return The hours of the week in which a session must start, bit 0 for Monday 00, 0 likewise.
    function terms(uint256 campaign_, uint256 connector_id) external view returns (uint256, uint256);

    /// @notice A campaign as it is now. Its name is in its first event.
    /// @param campaign_ The campaign.
    /// @return Its rules; a pause that nobody has ended ends at 2**32 - 1.
    function campaign(uint256 campaign_) external view returns (Campaign memory);

    /// @notice Whether a campaign holds at a connector.
    /// @param campaign_ The campaign.
    /// @param connector_id The connector.
    /// @return Whether it was enrolled.
    function is_enrolled(uint256 campaign_, uint256 connector_id) external view returns (bool);

    /// @notice What went into a campaign's budget from funders, and back to them.
    /// @param campaign_ The campaign.
    /// @return Funded in all.
    /// @return Reclaimed in all.
    function funds(uint256 campaign_) external view returns (uint256, uint256);

    /// @notice What a funder put into a campaign's budget, and got back.
    /// @param campaign_ The campaign.
    /// @param funder The funder.
    /// @return Funded in all.
    /// @return Reclaimed in all.
    function contribution(uint256 campaign_, address funder) external view returns (uint256, uint256);

    /// @notice From when on what is left can be reclaimed, as far as is known now: pauses of settlement move it.
    ///   A pause counts if it begins after the campaign was created, or was closed, so this is never earlier than
    ///   the last moment in which a session of it can be settled.
    /// @param campaign_ The campaign. Reverts if there is none.
    /// @return The first such second; now if settlement has stopped for good.
    function reclaimable_from(uint256 campaign_) external view returns (uint256);

    /// @notice The kinds of campaigns. The first two are a station owner's, the third is a sponsor's.
    function OFF_PEAK_DISCOUNT() external view returns (uint256);

    /// @notice The kinds of campaigns. The first two are a station owner's, the third is a sponsor's.
    function LOYALTY_BOOST() external view returns (uint256);

    /// @notice The kinds of campaigns. The first two are a station owner's, the third is a sponsor's.
    function CO_BRANDED() external view returns (uint256);

    /// @notice The longest campaign.
    function MAX_LENGTH_S() external view returns (uint256);

    /// @notice How long after its end, not counting pauses of settlement, a session of a campaign may still be
    ///   settled: the longest session, and then the age at which one is too old.
    function SETTLING_S() external view returns (uint256);

    /// @notice Where the budgets are, and who owns which connector.
    function settlement() external view returns (address);

    /// @notice Where the budgets are, and who owns which connector.
    function registry() external view returns (address);

    /// @notice The last campaign created.
    function campaign_count() external view returns (uint256);
}
