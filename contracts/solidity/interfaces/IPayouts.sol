// SPDX-License-Identifier: Apache-2.0
// Written by scripts/export_abi.py from the Vyper sources: change those.
pragma solidity ^0.8.20;

/// @title Payouts, to Solidity
/// @notice Specification: docs/protocol.md. Amounts are base units, times UTC seconds.
interface IPayouts {
    event ScheduleSet(uint256 indexed owner_id, uint256 cycle, uint256 threshold);

    event PayoutBatch(uint256 indexed batch, address indexed submitter, uint256 paid, uint256 failed,
        uint256 amount);

    /// @notice Says when an owner is paid. At first it is on demand.
    /// @param owner_id The owner. Reverts unless the caller is its account.
    /// @param cycle 0 on demand, 1 daily, 2 weekly (from Monday), 3 monthly (from the first). Reverts if another.
    /// @param threshold Below this nothing is paid in a batch, base units. Reverts above 10,737,418.23 tokens and
    ///   unless it is in whole cents.
    function set_schedule(uint256 owner_id, uint256 cycle, uint256 threshold) external;

    /// @notice Has owners paid who are due, and skips the others. Anyone may call it, also while settlement is
    ///   paused.
    /// @param owners Whom to look at, at most 100. One that is named twice is paid once.
    /// @return How much was paid, base units.
    function pay(uint256[] calldata owners) external returns (uint256);

    /// @notice Pays an owner all it has accrued, whatever its schedule.
    /// @param owner_id The owner. Reverts unless the caller is its account, if there is nothing, and if the token
    ///   refuses.
    /// @return How much it was, base units.
    function pay_now(uint256 owner_id) external returns (uint256);

    /// @notice Whether a batch would pay an owner now.
    /// @param owner_id The owner.
    /// @return Whether its cycle began since it was last paid, and its accrual reaches its threshold.
    function is_due(uint256 owner_id) external view returns (bool);

    /// @notice When an owner is paid.
    /// @param owner_id The owner.
    /// @return The cycle: 0 on demand, 1 daily, 2 weekly, 3 monthly.
    /// @return The threshold, base units.
    function schedule(uint256 owner_id) external view returns (uint256, uint256);

    /// @notice How many owners one batch pays.
    function MAX_OWNERS() external view returns (uint256);

    /// @notice Thresholds are whole cents, so that a schedule has 32 bits: threshold in cents 30, cycle 2 bits.
    function CENT() external view returns (uint256);

    /// @notice Thresholds are whole cents, so that a schedule has 32 bits: threshold in cents 30, cycle 2 bits.
    function MAX_THRESHOLD() external view returns (uint256);

    /// @notice Where accruals and destinations are, and whose account is an owner's.
    function settlement() external view returns (address);

    /// @notice Where accruals and destinations are, and whose account is an owner's.
    function registry() external view returns (address);

    /// @notice How many batches paid or tried to pay someone.
    function batch_count() external view returns (uint256);
}
