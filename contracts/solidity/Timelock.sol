// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title Timelock: ChargeCoin's governance
/// @notice OpenZeppelin's TimelockController as it is. It holds every governance role of the protocol, so that each
///         change is announced `minDelay` seconds ahead: on a public chain at least 192 hours, twice the longest
///         withdrawal (96 hours), so that who disagrees can be gone before it takes effect.
/// @dev It administers itself: no other address is given the admin role, so its delay and its proposers change
///      only through itself.
/// @custom:kill A canceller cancels what is scheduled; with no proposer left, nothing can be scheduled again.
contract Timelock is TimelockController {
    /// @param minDelay Seconds between announcing and doing.
    /// @param proposers May announce, and cancel what is announced.
    /// @param executors May do what has been announced; the zero address lets anyone.
    constructor(
        uint256 minDelay,
        address[] memory proposers,
        address[] memory executors
    ) TimelockController(minDelay, proposers, executors, address(0)) {}
}
