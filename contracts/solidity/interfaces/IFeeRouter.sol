// SPDX-License-Identifier: Apache-2.0
// Written by scripts/export_abi.py from the Vyper sources: change those.
pragma solidity ^0.8.20;

/// @title FeeRouter, to Solidity
/// @notice Specification: docs/protocol.md. Amounts are base units, times UTC seconds.
interface IFeeRouter {
    struct Shares {
        uint256 stakers;
        uint256 drivers;
        uint256 stations;
        uint256 treasury;
    }

    struct Destinations {
        address stakers;
        address drivers;
        address stations;
        address treasury;
    }

    event DestinationsSet(address stakers, address drivers, address stations, address treasury);

    event SharesSet(uint256 stakers, uint256 drivers, uint256 stations, uint256 treasury);

    event Routed(uint256 amount, uint256 stakers, uint256 drivers, uint256 stations, uint256 treasury);

    event RouteFailed(address indexed to, uint256 amount);

    event Reimbursed(address indexed oracles, uint256 amount);

    event RouteRetried(address indexed to, uint256 amount);

    event OraclesSet(address indexed oracles);

    /// @notice Sends on what arrived. Anyone may call it. Reverts if nothing did.
    /// @return What was shared, after reimbursement, base units.
    function route() external returns (uint256);

    /// @notice Sends a destination what it refused before. Anyone may call it.
    /// @param to The destination. Reverts if nothing is kept for it or it refuses again.
    /// @return How much it was, base units.
    function retry(address to) external returns (uint256);

    /// @notice Sets the shares of what arrives or waits here. Reverts unless the caller is governance.
    /// @param shares_ Basis points. Reverts unless they sum to 10,000.
    function set_shares(Shares calldata shares_) external;

    /// @notice Sets who receives. Reverts unless the caller is governance.
    /// @param destinations_ Reverts if one is zero.
    function set_destinations(Destinations calldata destinations_) external;

    /// @notice Names who is reimbursed for the oracles. Reverts unless the caller is governance.
    /// @param oracles_ Who receives. Reverts if zero.
    function set_oracles(address oracles_) external;

    /// @notice The token that arrives, and the settlement that says what its oracles are to be given.
    function token() external view returns (address);

    /// @notice The token that arrives, and the settlement that says what its oracles are to be given.
    function settlement() external view returns (address);

    /// @notice Sets shares and destinations; a timelock.
    function governance() external view returns (address);

    /// @notice How what remains is shared, in basis points.
    function shares() external view returns (Shares memory);

    /// @notice Who receives each share.
    function destinations() external view returns (Destinations memory);

    /// @notice Who is reimbursed for the oracles; nobody until governance names someone.
    function oracles() external view returns (address);

    /// @notice How much of what settlement calls reimbursable, which only grows, has been given.
    function reimbursed() external view returns (uint256);

    /// @notice What is kept for destinations that refused it, and the sum of that. Only what is here beyond the
    ///   sum has yet to be shared.
    function owed(address) external view returns (uint256);

    /// @notice What is kept for destinations that refused it, and the sum of that. Only what is here beyond the
    ///   sum has yet to be shared.
    function total_owed() external view returns (uint256);
}
