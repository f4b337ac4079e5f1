// SPDX-License-Identifier: Apache-2.0
// Written by scripts/export_abi.py from the Vyper sources: change those.
pragma solidity ^0.8.20;

/// @title Adjustments, to Solidity
/// @notice Specification: docs/protocol.md. Amounts are base units, times UTC seconds.
interface IAdjustments {
    struct Adjustment {
        uint256 collected;
        uint256 refunded;
        uint256 refunded_late;
        uint256 waived;
        uint256 dispute;
    }

    struct Session {
        uint256 session_id;
        uint256 account;
        uint256 owner_id;
        uint256 campaign;
        uint256 started_at;
        uint256 settled_at;
        uint256 paid;
        uint256 campaign_paid;
        uint256 debt;
    }

    struct Dispute {
        Session session;
        uint256 opened_at;
        uint256 bond;
        uint256 refunded;
        uint256 result;
        uint256 hold;
        uint256 short;
        uint256 owed_payer;
        uint256 owed_campaign;
    }

    event CommitteeAppointed(uint256 indexed epoch, uint256 threshold, address[] members,
        uint256 previous_valid_until);

    event DebtCollected(uint256 indexed session_id, uint256 indexed account, uint256 indexed owner_id,
        uint256 amount, uint256 fee);

    event SessionRefunded(uint256 indexed session_id, uint256 indexed account, uint256 indexed owner_id,
        uint256 dispute, uint256 waived, uint256 to_payer, uint256 to_campaign, uint256 fee_back, uint256 reason);

    event FeeReturned(uint256 indexed owner_id, uint256 amount);

    event DisputeAnswered(uint256 indexed dispute, uint256 indexed owner_id, bytes32 statement);

    event DisputeClosed(uint256 indexed dispute, uint256 indexed session_id, uint256 result, uint256 refunded,
        uint256 released, uint256 bond_to_owner);

    event DisputeOpened(uint256 indexed dispute, uint256 indexed session_id, uint256 indexed account,
        uint256 owner_id, uint256 amount, uint256 hold, uint256 bond, uint256 deadline, uint256 reason);

    event DisputeRuled(uint256 indexed dispute, uint256 indexed epoch, uint256 refund, bytes32 reason);

    event CommitteeRevoked(uint256 indexed epoch);

    /// @notice Pays a session's recorded debt out of the payer's vault, as far as balance and daily limit allow
    ///   today. Anyone may call it. Reverts while settlement is paused.
    /// @param batch The number of the session's batch.
    /// @param runs Its runs.
    /// @param evidence_root Its evidence root.
    /// @param outcomes What became of its sessions. Reverts unless all are as settled.
    /// @param outcome_index Which of the outcomes. Reverts if the session is disputed, has no debt left, or
    ///   nothing can be paid now.
    function collect(uint256 batch, bytes calldata runs, bytes32 evidence_root, bytes calldata outcomes,
        uint256 outcome_index) external;

    /// @notice Refunds a session: what is left of its debt is waived first, the rest is paid out of the owner's
    ///   accrual to the payer's vault and the campaign's budget. The fee is given back within 21 days of
    ///   settlement.
    /// @param batch The number of the session's batch.
    /// @param runs Its runs.
    /// @param evidence_root Its evidence root.
    /// @param outcomes What became of its sessions. Reverts unless all are as settled.
    /// @param outcome_index Which of the outcomes. Reverts unless the caller is the account of the owner, and
    ///   while the session is disputed.
    /// @param amount Base units. Reverts if zero, more than was paid and is owed, or more than the accrual has.
    /// @param reason 1 energy, 2 price, 3 charger fault, 4 goodwill, 5 duplicate, 6 correction. Reverts on
    ///   anything else.
    function refund(uint256 batch, bytes calldata runs, bytes32 evidence_root, bytes calldata outcomes,
        uint256 outcome_index, uint256 amount, uint256 reason) external;

    /// @notice Says what the owner says.
    /// @param dispute_ The dispute. Reverts unless it is open and the caller is the account of its owner.
    /// @param statement The hash of the statement, which is published elsewhere.
    function answer_dispute(uint256 dispute_, bytes32 statement) external;

    /// @notice Refunds a disputed session. All of it closes the dispute. Less is paid at once out of what was put
    ///   aside, and the rest stays disputed: otherwise an owner could close any dispute by conceding a unit.
    /// @param dispute_ The dispute. Reverts unless it is open and the caller is the account of its owner.
    /// @param amount Base units. Reverts if zero, more than is disputed, or less but more than was put aside.
    function concede(uint256 dispute_, uint256 amount) external;

    /// @notice Pays an owner the fees that it is due, as far as fees are there. Anyone may call it. Reverts if
    ///   nothing can be paid.
    /// @param owner_id The owner.
    function return_fee(uint256 owner_id) external;

    /// @notice Disputes a session. The bond leaves the payer's vault; what was paid, less the fee, leaves the
    ///   owner's accrual, and what is not there is the owner's debt. Until the dispute is closed nothing of the
    ///   session is collected.
    /// @param batch The number of the session's batch.
    /// @param runs Its runs.
    /// @param evidence_root Its evidence root.
    /// @param outcomes What became of its sessions. Reverts unless all are as settled.
    /// @param outcome_index Which of the outcomes. Reverts unless the caller is the holder of the account that
    ///   pays, if the session was disputed before or settled more than 7 days ago, if there is nothing to refund,
    ///   if three disputes of the account are open, or if its balance is below the bond.
    /// @param reason 1 energy, 2 price, 3 charger fault, 4 goodwill, 5 duplicate, 6 correction. Reverts on
    ///   anything else.
    /// @return The dispute's number.
    function open_dispute(uint256 batch, bytes calldata runs, bytes32 evidence_root, bytes calldata outcomes,
        uint256 outcome_index, uint256 reason) external returns (uint256);

    /// @notice Executes a ruling. Anyone may submit it.
    /// @param dispute_ The dispute. Reverts unless it is open and not older than 14 days.
    /// @param refund_ What the payer is given, base units; 0 dismisses the dispute, and the bond is the owner's
    ///   unless a part was conceded. Reverts if more than is disputed.
    /// @param reason The hash of the ruling's reasons, which are published elsewhere.
    /// @param epoch The epoch of the arbiters that signed. Reverts unless it is valid now.
    /// @param signatures Exactly `threshold` signatures of arbiters, ascending by signer. Reverts otherwise, and
    ///   if one of them sits on settlement's committee.
    function rule(uint256 dispute_, uint256 refund_, bytes32 reason, uint256 epoch, bytes calldata signatures)
        external;

    /// @notice Closes a dispute that nobody ruled on: what was put aside goes back to the owner and the bond to
    ///   the payer. Anyone may call it.
    /// @param dispute_ The dispute. Reverts unless it is open and older than 14 days.
    function lapse(uint256 dispute_) external;

    /// @notice Pays what was granted and was not there then, as far as the owner has earned it since. Anyone may
    ///   call it.
    /// @param dispute_ The dispute. Reverts if nothing can be paid.
    function execute(uint256 dispute_) external;

    /// @notice The threshold of a committee and the end of its validity.
    /// @param epoch The committee's epoch.
    /// @return How many signatures are needed, 0 if there was no such committee.
    /// @return The first second (UTC) in which it cannot settle any more; 2**40 - 1 while open, 0 if revoked.
    function committee(uint256 epoch) external view returns (uint256, uint256);

    /// @notice The last committee appointed; 0 before the first.
    function current_epoch() external view returns (uint256);

    /// @notice Whether an address was appointed to a committee.
    /// @param epoch The committee's epoch.
    /// @param member The address.
    /// @return Whether it was.
    function is_member(uint256 epoch, address member) external view returns (bool);

    /// @notice What happened to a session since it was settled.
    /// @param session_id The session.
    /// @return What was collected, refunded with the fee and without, and waived, base units; and its dispute, 0
    ///   if there was none.
    function adjustment(uint256 session_id) external view returns (Adjustment memory);

    /// @notice A dispute as it is stored.
    /// @param number Its number.
    /// @return All zeros if there is none; its result is 0 while it is open, 1 upheld, 2 dismissed, 3 conceded, 4
    ///   lapsed.
    function dispute(uint256 number) external view returns (Dispute memory);

    /// @notice Until when a dispute can be ruled on.
    /// @param number Its number.
    /// @return The first second (UTC) in which it can lapse, as far as pauses have begun yet.
    function deadline(uint256 number) external view returns (uint256);

    /// @notice The last dispute; they are numbered from 1.
    function dispute_count() external view returns (uint256);

    /// @notice How many disputes of an account are open.
    function open_disputes(uint256) external view returns (uint256);

    /// @notice What stands between an owner and its disputes.
    /// @param owner_id The owner.
    /// @return What it still owes for holds, base units.
    /// @return What was paid of that and no dispute has used yet.
    /// @return Fees that it is due.
    function owed(uint256 owner_id) external view returns (uint256, uint256, uint256);

    /// @notice Fees that are due to owners, in all.
    function fees_due() external view returns (uint256);

    /// @notice How long after settlement a refund gives the fee back. The rewards for these fees wait for longer
    ///   (docs/rewards.md).
    function REFUND_WINDOW_S() external view returns (uint256);

    /// @notice How long after settlement a session can be disputed, and how long arbiters have. Both stand still
    ///   while settlement is paused.
    function DISPUTE_WINDOW_S() external view returns (uint256);

    /// @notice How long after settlement a session can be disputed, and how long arbiters have. Both stand still
    ///   while settlement is paused.
    function RULING_WINDOW_S() external view returns (uint256);

    /// @notice The bond is a twentieth of what is disputed and at least one token.
    function MIN_BOND() external view returns (uint256);

    /// @notice How many disputes of one account can be open.
    function MAX_OPEN() external view returns (uint256);

    /// @notice Where the money is.
    function settlement() external view returns (address);

    /// @notice Who is asked for an owner's account.
    function registry() external view returns (address);

    function eip712Domain() external view returns (bytes1, string memory, string memory, uint256, address,
        bytes32, uint256[] memory);

    /// @notice Appoints the next arbiters. Reverts unless the caller is governance.
    /// @param arbiters Strictly ascending, at least one. Reverts if one sits on the committee that settles.
    /// @param threshold How many must sign, more than half.
    /// @param grace_s For how long the outgoing ones stay valid, at most 24 hours.
    function appoint_arbiters(address[] calldata arbiters, uint256 threshold, uint256 grace_s) external;

    /// @notice Ends arbiters at once. Reverts unless the caller is the guardian and they are valid now.
    /// @param epoch Their epoch.
    function revoke_arbiters(uint256 epoch) external;

    /// @notice The EIP-712 domain separator of rulings.
    /// @return The separator.
    function DOMAIN_SEPARATOR() external view returns (bytes32);

    /// @notice The timelock, and who may revoke arbiters; those of settlement.
    function governance() external view returns (address);

    /// @notice The timelock, and who may revoke arbiters; those of settlement.
    function guardian() external view returns (address);
}
