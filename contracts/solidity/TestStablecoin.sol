// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title Test Stablecoin: FOR TEST CHAINS ONLY, IT IS WORTH NOTHING
/// @notice Anyone can mint any amount of it. It stands in for a 6-decimal stablecoin such as USDC where a
///         chain has none; the deployment script refuses to deploy it anywhere but on a local chain.
/// @custom:kill Not needed: nothing of value may ever depend on it.
contract TestStablecoin is ERC20, ERC20Permit {
    constructor() ERC20("TEST Stablecoin (worthless)", "TESTUSD") ERC20Permit("TEST Stablecoin (worthless)") {}

    /// @notice Base units of a token are 10^-6, as ChargeCoin requires.
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    /// @notice Give `amount` base units to `to`. Anyone may.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
