// SPDX-License-Identifier: Apache-2.0
// Written by scripts/export_abi.py from the Vyper sources: change those.
pragma solidity ^0.8.20;

/// @title RewardDistributor, to Solidity
/// @notice Specification: docs/protocol.md. Amounts are base units, times UTC seconds.
interface IRewardDistributor {
    struct Amounts {
        uint256 payment;
        uint256 chg;
    }

    struct Root {
        bytes32 root;
        uint256 posted_at;
        uint256 attempt;
    }

    event EpochFunded(uint256 indexed epoch, address indexed source, uint256 payment, uint256 chg);

    event RootPosted(uint256 indexed epoch, uint256 attempt, uint256 committee_epoch, bytes32 root,
        uint256 payment, uint256 chg, uint256 claimable_at, uint256 expires_at);

    event RootVoided(uint256 indexed epoch, uint256 attempt, bytes32 root);

    event RewardClaimed(uint256 indexed epoch, uint256 indexed recipient, address indexed to, uint256 payment,
        uint256 chg);

    event RolledOver(uint256 indexed epoch, uint256 indexed into, uint256 payment, uint256 chg);

    function eip712Domain() external view returns (bytes1, string memory, string memory, uint256, address,
        bytes32, uint256[] memory);

    /// @notice Adds what arrived to the running epoch. Anyone may call it. Reverts if nothing did.
    /// @return How much it was.
    function sync() external returns (Amounts memory);

    /// @notice Adds CHG to an epoch. It cannot be taken back: what that epoch does not allot goes over to a later
    ///   one.
    /// @param epoch The epoch. Reverts if it is over or more than 52 ahead.
    /// @param amount Base units of CHG, approved by the caller. Reverts if zero.
    function sponsor(uint256 epoch, uint256 amount) external;

    /// @notice Posts the root of an epoch's rewards. Anyone may post a signed one.
    /// @param epoch The epoch. Reverts before its refund window is over, more than 28 days after that, and if it
    ///   has a root.
    /// @param new_root The root of the tree over the leaves. Reverts if zero.
    /// @param totals The sum of the leaves. Reverts above the epoch's funds.
    /// @param committee_epoch The epoch of settlement's committee that signed. Reverts unless it is valid now.
    /// @param signatures Exactly `threshold` signatures of it, ascending by signer. They count for one attempt: a
    ///   voided root cannot be posted again.
    function post_root(uint256 epoch, bytes32 new_root, Amounts calldata totals, uint256 committee_epoch,
        bytes calldata signatures) external;

    /// @notice Takes a wrong root away, before anything was claimed under it. Another can be posted in its place.
    ///   Reverts unless the caller is the guardian.
    /// @param epoch The epoch. Reverts unless its root was posted less than three days ago.
    function void_root(uint256 epoch) external;

    /// @notice Pays a reward to whom it belongs. Anyone may call it.
    /// @param epoch The epoch. Reverts before its root's window is over, and 182 days after that.
    /// @param recipient The vault account (drivers) or owner (stations). Reverts if its reward is paid already,
    ///   or if there is no such.
    /// @param reward How much it is. Reverts if the root's totals do not cover it.
    /// @param proof The leaf's siblings on the way up. Reverts unless they lead to the root.
    function claim(uint256 epoch, uint256 recipient, Amounts calldata reward, bytes32[] calldata proof) external;

    /// @notice Moves what an epoch does not need any more to the running one: what its root does not allot, once
    ///   it cannot be voided; what is unclaimed, once claims have expired; all of it, once no root can be posted.
    ///   Anyone may call it.
    /// @param epoch The epoch. Reverts if there is nothing to move yet.
    /// @return How much it was.
    function roll_over(uint256 epoch) external returns (Amounts memory);

    /// @notice The running epoch.
    /// @return Weeks since 1970.
    function current_epoch() external view returns (uint256);

    /// @notice The leaf of a reward.
    /// @param epoch The epoch.
    /// @param recipient The vault account or owner.
    /// @param reward How much it is.
    /// @return Its hash.
    function leaf(uint256 epoch, uint256 recipient, Amounts calldata reward) external view returns (bytes32);

    /// @notice The length of an epoch; epochs count from 1970.
    function EPOCH_S() external view returns (uint256);

    /// @notice How long after an epoch the fees of its sessions can still be given back: 7 days to dispute one
    ///   and 14 to rule on it, in which settlement runs, and two pauses of 48 hours, for no more can begin within
    ///   21 such days. No root before.
    function REFUND_WINDOW_S() external view returns (uint256);

    /// @notice How long a root can be posted then. After that the funds go over.
    function POSTING_S() external view returns (uint256);

    /// @notice How long a root can be voided after it was posted. No claim before.
    function CHALLENGE_S() external view returns (uint256);

    /// @notice How long rewards can be claimed then.
    function CLAIM_S() external view returns (uint256);

    /// @notice How many epochs ahead a sponsor can fund.
    function MAX_EPOCHS_AHEAD() external view returns (uint256);

    /// @notice DRIVERS or STATIONS.
    function kind() external view returns (uint256);

    /// @notice What is paid out: the payment token, and CHG.
    function token() external view returns (address);

    /// @notice What is paid out: the payment token, and CHG.
    function chg() external view returns (address);

    /// @notice Who holds accounts and signs, who owns stations, who may void.
    function settlement() external view returns (address);

    /// @notice Who holds accounts and signs, who owns stations, who may void.
    function registry() external view returns (address);

    /// @notice Who holds accounts and signs, who owns stations, who may void.
    function guardian() external view returns (address);

    /// @notice What is kept for an epoch and not paid out.
    function funds(uint256) external view returns (Amounts memory);

    /// @notice An epoch's root, and what of its totals is not paid out. It is part of the epoch's funds.
    function root(uint256) external view returns (Root memory);

    /// @notice An epoch's root, and what of its totals is not paid out. It is part of the epoch's funds.
    function allotted(uint256) external view returns (Amounts memory);

    /// @notice Whether a recipient's reward of an epoch is paid, by epoch and recipient.
    function claimed(uint256, uint256) external view returns (bool);

    /// @notice All epochs' funds together. What is here beyond that is new.
    function liabilities() external view returns (Amounts memory);
}
