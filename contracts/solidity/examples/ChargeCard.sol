// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";

/// @title ChargeCard: an employer's charge card, as an example of integrating ChargeCoin
/// @notice An issuer puts tokens here and gives each of its drivers a weekly allowance. A driver tops up their
///         own vault account from it whenever they like; whoever drives more pays the rest. What is in a vault is
///         the driver's, and its daily limit, mandates and withdrawals are nobody's business but theirs.
/// @dev `deposit_for` is what an integrator wants: it names the holder as well as the account, so that an account
///      number that a reorganisation gave to somebody else reverts instead of paying a stranger, and the most debt
///      that the deposit may meet, so that an allowance does not pay for what was not meant.
/// @custom:kill The issuer ends cards (`set_allowance` to 0) and takes out what is left (`withdraw`).
contract ChargeCard {
    using SafeERC20 for IERC20;

    struct Card {
        address holder;
        uint256 allowance;
        uint256 week;
        uint256 used;
    }

    /// @notice Weeks since 1970, as the protocol's reward epochs are.
    uint256 public constant WEEK = 7 days;

    ISettlement public immutable settlement;
    IERC20 public immutable token;
    address public immutable issuer;

    /// @notice Cards by vault account.
    mapping(uint256 account => Card) public cards;

    event AllowanceSet(uint256 indexed account, address indexed holder, uint256 allowance);
    event ToppedUp(uint256 indexed account, uint256 amount);

    error NotTheIssuer();
    error NotTheHolder();
    error AboveAllowance(uint256 left);

    /// @param settlement_ The settlement whose vaults are topped up, in whose payment token.
    constructor(ISettlement settlement_) {
        settlement = settlement_;
        token = IERC20(settlement_.token());
        issuer = msg.sender;
        // Settlement takes only what this contract tells it to, in `deposit_for`.
        token.forceApprove(address(settlement_), type(uint256).max);
    }

    /// @notice Give a driver a card, or change it. What is used of the week stays used.
    /// @param account The driver's vault account.
    /// @param holder Its holder; reverts if settlement knows another.
    /// @param allowance Base units a week; 0 ends the card.
    function set_allowance(uint256 account, address holder, uint256 allowance) external {
        if (msg.sender != issuer) revert NotTheIssuer();
        if (holder == address(0) || settlement.account_holder(account) != holder) revert NotTheHolder();
        cards[account].holder = holder;
        cards[account].allowance = allowance;
        emit AllowanceSet(account, holder, allowance);
    }

    /// @notice What a driver can still take this week, base units.
    function left(uint256 account) public view returns (uint256) {
        uint256 used = _used(account);
        uint256 allowance = cards[account].allowance;
        return allowance > used ? allowance - used : 0;
    }

    /// @notice Put some of the allowance into one's own vault.
    /// @param account The vault account; the caller is its holder and has a card.
    /// @param amount Base units.
    /// @param max_debt The most debt the account may have; the transaction reverts above it.
    function top_up(uint256 account, uint256 amount, uint256 max_debt) external {
        Card storage card = cards[account];
        if (msg.sender != card.holder) revert NotTheHolder();
        uint256 remaining = left(account);
        if (amount > remaining) revert AboveAllowance(remaining);
        card.used = _used(account) + amount;
        card.week = block.timestamp / WEEK;
        emit ToppedUp(account, amount);
        settlement.deposit_for(account, card.holder, amount, max_debt);
    }

    /// @notice Take out what no card has used.
    function withdraw(address to, uint256 amount) external {
        if (msg.sender != issuer) revert NotTheIssuer();
        token.safeTransfer(to, amount);
    }

    function _used(uint256 account) private view returns (uint256) {
        Card storage card = cards[account];
        return card.week == block.timestamp / WEEK ? card.used : 0;
    }
}
