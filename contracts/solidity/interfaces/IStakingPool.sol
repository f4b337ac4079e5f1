// SPDX-License-Identifier: Apache-2.0
// Written by scripts/export_abi.py from the Vyper sources: change those.
pragma solidity ^0.8.20;

/// @title StakingPool, to Solidity
/// @notice Specification: docs/protocol.md. Amounts are base units, times UTC seconds.
interface IStakingPool {
    event Staked(uint256 indexed position, address indexed owner, uint256 amount, uint256 weight,
        uint256 unlocks_at);

    event StreamRolledForward(uint256 amount);

    event Unstaked(uint256 indexed position, address indexed to, uint256 amount);

    event RewardClaimed(uint256 indexed position, address indexed to, uint256 amount);

    event StreamAdded(uint256 amount, uint256 begins_at);

    /// @notice Stakes CHG in a position of its own.
    /// @param amount Base units, approved by the caller. Reverts below 1 CHG.
    /// @param lock Which of the lock periods. Reverts if there is no such.
    /// @return The position's number.
    function stake(uint256 amount, uint256 lock) external returns (uint256);

    /// @notice Takes a position's stake out. What it earned stays to be claimed, so that a payment token that
    ///   refuses to be sent holds no stake back.
    /// @param position_ The position. Reverts unless the caller staked it, it is not taken out yet, and its lock
    ///   is over.
    /// @param to Who receives. Reverts if zero.
    function unstake(uint256 position_, address to) external;

    /// @notice Pays out what a position earned. The fraction of a base unit stays.
    /// @param position_ The position. Reverts unless the caller staked it and there is something to pay.
    /// @param to Who receives. Reverts if zero.
    /// @return How much it was, base units.
    function claim(uint256 position_, address to) external returns (uint256);

    /// @notice Starts a stream of what arrived, and of what was streamed while nobody staked. Anyone may call it.
    ///   Up to 6 base units that do not divide by seven wait for the next. Reverts if there is nothing to stream.
    /// @return What is streamed from the next midnight on, base units.
    function sync() external returns (uint256);

    /// @notice Distributes what has streamed until now, at most 400 days of it. Anyone may call it; needed only
    ///   when nobody used the pool for longer than that.
    /// @return Whether it is distributed up to now.
    function checkpoint() external returns (bool);

    /// @notice A position.
    /// @param position_ Its number.
    /// @return Who staked, zero if there is no such position.
    /// @return What is staked, 0 after it was taken out.
    /// @return What it weighs now.
    /// @return When its lock ends, 0 if it has none or it is over.
    function position(uint256 position_) external view returns (address, uint256, uint256, uint256);

    /// @notice What a position could claim now.
    /// @param position_ Its number.
    /// @return Base units. What streamed more than 400 days after the pool was last used does not count before a
    ///   `checkpoint`.
    function claimable(uint256 position_) external view returns (uint256);

    /// @notice The state of the stream, as of the pool's last use.
    /// @return The second (UTC) up to which it is distributed.
    /// @return What is streamed on that day, base units.
    /// @return The weight of all positions.
    function stream() external view returns (uint256, uint256, uint256);

    /// @notice Lock periods in days, and how much a stake weighs in each, in basis points: `stake` is given the
    ///   place in these lists.
    function LOCK_DAYS(uint256) external view returns (uint256);

    /// @notice Lock periods in days, and how much a stake weighs in each, in basis points: `stake` is given the
    ///   place in these lists.
    function LOCK_WEIGHTS(uint256) external view returns (uint256);

    /// @notice The smallest stake: 1 CHG.
    function MIN_STAKE() external view returns (uint256);

    /// @notice For how many days an arrival is streamed.
    function STREAM_DAYS() external view returns (uint256);

    /// @notice How many days one call can catch up with. It costs about 5,000 gas a day.
    function MAX_DAYS() external view returns (uint256);

    /// @notice What is staked, and what is paid for it.
    function chg() external view returns (address);

    /// @notice What is staked, and what is paid for it.
    function token() external view returns (address);

    /// @notice The last position's number; they count from 1.
    function position_count() external view returns (uint256);

    /// @notice What is staked in all.
    function total_staked() external view returns (uint256);

    /// @notice What of the payment token is to be streamed or is earned and unclaimed. What the pool holds beyond
    ///   that is streamed by the next `sync`.
    function liabilities() external view returns (uint256);
}
