// SPDX-License-Identifier: Apache-2.0
// Written by scripts/export_abi.py from the Vyper sources: change those.
pragma solidity ^0.8.20;

/// @title Settlement, to Solidity
/// @notice Specification: docs/protocol.md. Amounts are base units, times UTC seconds.
interface ISettlement {
    struct VaultAccount {
        uint256 balance;
        uint256 daily_limit;
        uint256 spent;
        uint256 day;
        uint256 debt;
    }

    struct Head {
        uint256 sequence;
        uint256 owner_id;
        uint256 hash;
    }

    struct Accrual {
        uint256 balance;
        uint256 debt;
        uint256 paid_day;
        uint256 day;
        uint256 day_gross;
    }

    struct Destination {
        address to;
        bytes32 reference_;
        address pending_to;
        bytes32 pending_reference;
        uint256 effective_at;
    }

    struct Budget {
        uint256 left;
        uint256 spent;
        uint256 day;
        uint256 day_spent;
    }

    struct Booking {
        uint256 account;
        int256 to_account;
        uint256 debt_waived;
        uint256 owner_id;
        int256 to_owner;
        int256 owner_debt;
        uint256 campaign;
        int256 to_budget;
        int256 to_fees;
        int256 to_held;
    }

    event CapsSet(uint256 session_cap, uint256 owner_day_cap, uint256 committee_day_cap);

    event ExposureLimitSet(uint256 limit);

    event CommitteeAppointed(uint256 indexed epoch, uint256 threshold, address[] members,
        uint256 previous_valid_until);

    event AccountOpened(uint256 indexed account, address indexed holder);

    event Deposited(uint256 indexed account, address indexed sender, uint256 amount);

    event DailyLimitSet(uint256 indexed account, uint256 limit);

    event WithdrawalRequested(uint256 indexed account, uint256 amount, uint256 executable_at, uint256 lapses_at);

    event WithdrawalCancelled(uint256 indexed account);

    event Withdrawn(uint256 indexed account, address indexed to, uint256 amount);

    event MandateRevoked(uint256 indexed account, bytes32 indexed mandate);

    event RunSkipped(uint256 indexed connector_id, uint256 first_sequence, uint256 head_sequence);

    event Run(uint256 run);

    event Session(uint256 session, uint256 word);

    event BatchSettled(uint256 indexed batch, uint256 indexed epoch, bytes32 evidence_root, bytes32 commitment,
        uint256 sessions, address submitter);

    event AccrualWithdrawn(uint256 indexed owner_id, address indexed to, uint256 amount);

    event DestinationSet(uint256 indexed owner_id, address indexed to, bytes32 reference_, uint256 effective_at);

    event PayoutFailed(uint256 indexed owner_id, address indexed to, uint256 amount);

    event PaidOut(uint256 indexed owner_id, address indexed to, uint256 amount, bytes32 reference_);

    event BudgetFunded(uint256 indexed campaign, address indexed funder, uint256 amount);

    event BudgetReleased(uint256 indexed campaign, address indexed to, uint256 amount);

    event FeesRouted(address indexed router, uint256 amount);

    event CommitteeRevoked(uint256 indexed epoch);

    event Paused(uint256 until);

    event Sunset(address indexed successor);

    event ReimbursementSet(uint256 per_batch);

    event FeeRouterSet(address indexed router);

    event SurplusRecovered(address indexed to, uint256 amount);

    /// @notice Opens an account with a daily limit of 0. The caller is its holder.
    /// @return The account's number.
    function open_account() external returns (uint256);

    /// @notice Pays into the caller's account. Never iterates over debts: they are collected one by one.
    /// @param account_ The account. Reverts unless the caller is its holder.
    /// @param amount Base units, approved by the caller. Reverts if zero, or if the balance would pass 80 bits.
    function deposit(uint256 account_, uint256 amount) external;

    /// @notice Pays into the caller's account by a permit (EIP-2612) instead of an approval. A permit that
    ///   somebody else handed in first breaks nothing.
    /// @param account_ The account. Reverts unless the caller is its holder.
    /// @param amount Base units, what the permit is for. Reverts if zero, or if the balance would pass 80 bits.
    /// @param deadline Until when the permit counts.
    /// @param v The caller's signature of the permit.
    /// @param r The caller's signature of the permit.
    /// @param s The caller's signature of the permit.
    function deposit_with_permit(uint256 account_, uint256 amount, uint256 deadline, uint8 v, bytes32 r,
        bytes32 s) external;

    /// @notice Pays into someone's account. The caller names whom it means, so that a number that a chain
    ///   reorganisation gave to somebody else gets nothing, and how much debt it is ready to find there, so that
    ///   the gift does not go where it was not meant to.
    /// @param account_ The account.
    /// @param holder Reverts unless this is its holder.
    /// @param amount Base units, approved by the caller. Reverts if zero, or if the balance would pass 80 bits.
    /// @param max_debt Reverts if the account owes more.
    function deposit_for(uint256 account_, address holder, uint256 amount, uint256 max_debt) external;

    /// @notice Sets how much may leave an account in settlement on a day (UTC). Raising is immediate. Lowering
    ///   binds sessions that start later: sessions that started before are held against the highest limit they
    ///   may have started under.
    /// @param account_ The account. Reverts unless the caller is its holder.
    /// @param limit Base units. Reverts above 56 bits.
    function set_daily_limit(uint256 account_, uint256 limit) external;

    /// @notice Asks for money back. It stays debitable until it is withdrawn. A new request replaces the one
    ///   before and its date.
    /// @param account_ The account. Reverts unless the caller is its holder.
    /// @param amount Base units. Reverts if zero or above 80 bits.
    function request_withdrawal(uint256 account_, uint256 amount) external;

    /// @notice Takes a withdrawal request back.
    /// @param account_ The account. Reverts unless the caller is its holder and there is a request.
    function cancel_withdrawal(uint256 account_) external;

    /// @notice Pays out what was requested, or as much of it as the account holds beyond its debt. Works while
    ///   settlement is paused, and at once when nothing is settled here any more.
    /// @param account_ The account. Reverts unless the caller is its holder, the request is 72 to 96 hours old,
    ///   and there is something to pay out.
    /// @param to Who receives. Reverts if zero.
    function withdraw(uint256 account_, address to) external;

    /// @notice Ends a mandate for sessions that start later.
    /// @param account_ The account. Reverts unless the caller is its holder.
    /// @param mandate The mandate's EIP-712 struct hash. Reverts if it was revoked before.
    function revoke_mandate(uint256 account_, bytes32 mandate) external;

    /// @notice An account as it is stored.
    /// @param account_ The account.
    /// @return Balance, daily limit, what left in settlement on `day` (the last day on which something did, in
    ///   days since 1970), debt.
    function account(uint256 account_) external view returns (VaultAccount memory);

    /// @notice The last account opened.
    function account_count() external view returns (uint256);

    /// @notice Who decides about an account.
    function account_holder(uint256) external view returns (address);

    /// @notice The daily limit that a session is held against.
    /// @param account_ The account.
    /// @param started_at When the session started.
    /// @return Base units a day.
    function limit_for(uint256 account_, uint256 started_at) external view returns (uint256);

    /// @notice The open withdrawal request of an account.
    /// @param account_ The account.
    /// @return The amount asked for, 0 if there is no request.
    /// @return From when it can be executed.
    /// @return From when it can no longer be executed.
    function withdrawal(uint256 account_) external view returns (uint256, uint256, uint256);

    /// @notice When a mandate of an account was revoked, 0 if it was not.
    function mandate_revoked_at(uint256, bytes32) external view returns (uint256);

    /// @notice Settles a batch. Anyone may submit it. Reverts while paused.
    /// @param epoch The epoch of the committee that signed. Reverts unless it is valid now.
    /// @param expiry The last second (UTC) in which the batch counts. Reverts after it.
    /// @param evidence_root The root of the evidence tree.
    /// @param runs Connectors' runs of sessions. Reverts if malformed. A run that is not at its connector's head,
    ///   or of a connector that the registry does not know, is skipped.
    /// @param signatures Exactly `threshold` signatures of members, ascending by signer. Reverts otherwise.
    function settle(uint256 epoch, uint256 expiry, bytes32 evidence_root, bytes calldata runs,
        bytes calldata signatures) external;

    /// @notice Where a connector's next run must begin.
    /// @param connector_id The connector.
    /// @return Its last sequence, its owner (0 before the first run here) and the running hash. Those of the
    ///   predecessor, if it had none here.
    function head(uint256 connector_id) external view returns (Head memory);

    /// @notice What a batch leaves behind, by its number: the first 216 bits of a hash, and block time.
    function batch_commitment(uint256) external view returns (bytes32);

    /// @notice How many batches settled at least one session.
    /// @return The number of the last batch.
    function batch_count() external view returns (uint256);

    /// @notice The protocol fee in basis points of what was paid. There is no function that changes it.
    function FEE_BPS() external view returns (uint256);

    /// @notice Where connectors and tariffs are looked up.
    function registry() external view returns (address);

    /// @notice The settlement that this one continues, or zero. Both have one registry.
    function predecessor() external view returns (address);

    /// @notice Pays an owner what its sessions earned. Works while paused.
    /// @param owner_id The owner. Reverts unless the caller is its account, which also receives.
    /// @param amount Base units. Reverts if zero or more than accrued.
    function withdraw_accrual(uint256 owner_id, uint256 amount) external;

    /// @notice An owner's accrual as it is stored.
    /// @param owner_id The owner.
    /// @return What can be withdrawn, what is owed to disputes, the day of the last payout, and the gross that
    ///   counted against the owner's cap on `day` (days since 1970).
    function accrual(uint256 owner_id) external view returns (Accrual memory);

    /// @notice Says where an owner is paid to, from three days on. A change that is not in force yet is replaced.
    /// @param owner_id The owner. Reverts unless the caller is its account.
    /// @param to Who receives; zero for the owner's account, whichever it is then.
    /// @param reference_ What the receiver needs to know, zero for nothing.
    function set_destination(uint256 owner_id, address to, bytes32 reference_) external;

    /// @notice Where an owner is paid to.
    /// @param owner_id The owner.
    /// @return Receiver and reference in force (by default the owner's account and none); those that come next,
    ///   and when. If nothing is to come, these are zero.
    function destination(uint256 owner_id) external view returns (Destination memory);

    /// @notice After how long a new destination is used.
    function DESTINATION_DELAY_S() external view returns (uint256);

    /// @notice Pays an owner all that it earned, if it is due. A token that refuses the receiver reverts nothing,
    ///   so that the others of a batch are paid. Reverts unless the caller is Payouts. Works while paused.
    /// @param owner_id The owner.
    /// @param minimum It is not due with less than this, nor with nothing, base units.
    /// @param due_day It is not due if it was paid on this day (since 1970) or later.
    /// @return How much was paid, 0 if it was not due, 2**256 - 1 if the token refused.
    function pay_out(uint256 owner_id, uint256 minimum, uint256 due_day) external returns (uint256);

    /// @notice Who says when owners are due.
    function payouts() external view returns (address);

    /// @notice Pays into a campaign's budget. Reverts unless the caller is the campaign manager.
    /// @param campaign The campaign.
    /// @param funder Who pays; has approved this contract, and called the manager.
    /// @param amount Base units. Reverts if what was ever paid in and not released would pass 80 bits.
    function fund_budget(uint256 campaign, address funder, uint256 amount) external;

    /// @notice Pays out of what is left of a campaign's budget. Reverts unless the caller is the campaign
    ///   manager.
    /// @param campaign The campaign.
    /// @param to Who receives. Reverts if zero.
    /// @param amount Base units. Reverts if more than is left.
    function release_budget(uint256 campaign, address to, uint256 amount) external;

    /// @notice A campaign's budget as it is stored.
    /// @param campaign The campaign.
    /// @return What is left, what was spent in all and did not come back by refunds, and what was spent on `day`
    ///   (the last day on which a session named it, in days since 1970).
    function budget(uint256 campaign) external view returns (Budget memory);

    /// @notice Who knows the campaigns' rules, and may fund and release budgets.
    function campaigns() external view returns (address);

    /// @notice Moves what is owed between those it is owed to. Reverts unless the caller is Adjustments, what is
    ///   added somewhere is taken away elsewhere, and all fields keep within their width.
    /// @param booking The differences.
    function book(Booking calldata booking) external;

    /// @notice Pays a session's debt out of an account, as far as balance and daily limit allow today. Reverts
    ///   unless the caller is Adjustments, and while paused; when nothing is settled here any more it goes on, so
    ///   that what is kept back for debts in vaults is not kept for ever.
    /// @param account_ The account.
    /// @param started_at When the session started; says which limit holds.
    /// @param owner_id The owner that is credited.
    /// @param wanted The session's debt.
    /// @param paid_before What was paid of the session so far, less refunds.
    /// @return How much was paid, 0 if nothing could be.
    /// @return The fee in it.
    function collect_debt(uint256 account_, uint256 started_at, uint256 owner_id, uint256 wanted,
        uint256 paid_before) external returns (uint256, uint256);

    /// @notice Who decides about collecting, refunds and disputes.
    function adjustments() external view returns (address);

    /// @notice What is held for disputes: payers' bonds, and what owners may have to give back.
    function held() external view returns (uint256);

    /// @notice Fees that are not with the router yet.
    /// @return Base units.
    function unrouted_fees() external view returns (uint256);

    /// @notice What the oracles may have been reimbursed in all since the beginning: for each batch what
    ///   governance set, and never more than its fees.
    /// @return Base units.
    function reimbursable() external view returns (uint256);

    /// @notice What oracles may be reimbursed for a batch, if its fees are as much.
    /// @return Base units.
    function reimbursement_per_batch() external view returns (uint256);

    /// @notice The maxima: a session of 20,000, an owner's day of 10 million, a committee's day of 1 billion, a
    ///   debt of 1,000 and 100 tokens a batch.
    function MAX_REIMBURSEMENT() external view returns (uint256);

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

    /// @notice The caps in force.
    /// @return Of a session's gross.
    /// @return Of an owner's gross on a day.
    /// @return Of all gross on a day.
    function caps() external view returns (uint256, uint256, uint256);

    /// @notice How much debt an account can have.
    /// @return Base units.
    function exposure_limit() external view returns (uint256);

    /// @notice The maxima: a session of 20,000, an owner's day of 10 million, a committee's day of 1 billion, a
    ///   debt of 1,000 and 100 tokens a batch.
    function MAX_SESSION_CAP() external view returns (uint256);

    /// @notice The maxima: a session of 20,000, an owner's day of 10 million, a committee's day of 1 billion, a
    ///   debt of 1,000 and 100 tokens a batch.
    function MAX_OWNER_DAY_CAP() external view returns (uint256);

    /// @notice The maxima: a session of 20,000, an owner's day of 10 million, a committee's day of 1 billion, a
    ///   debt of 1,000 and 100 tokens a batch.
    function MAX_COMMITTEE_DAY_CAP() external view returns (uint256);

    /// @notice The maxima: a session of 20,000, an owner's day of 10 million, a committee's day of 1 billion, a
    ///   debt of 1,000 and 100 tokens a batch.
    function MAX_EXPOSURE_LIMIT() external view returns (uint256);

    /// @notice What counted against the committee's cap.
    /// @return On which day (days since 1970).
    /// @return The gross of that day, base units.
    function committee_day() external view returns (uint256, uint256);

    /// @notice The end of the last pause.
    /// @return The first second (UTC) after it, 0 if there was none, 2**32 - 1 if nothing is settled here any
    ///   more.
    function paused_until() external view returns (uint256);

    /// @notice How long settlement was paused in all, up to now. A clock that reads block time less this stands
    ///   still in pauses. The end of settlement is none.
    /// @return Seconds.
    function paused_seconds() external view returns (uint256);

    /// @notice The payment token. It has 6 decimals and moves exactly what it is told.
    function token() external view returns (address);

    /// @notice What the contract owes in all.
    function liabilities() external view returns (uint256);

    function eip712Domain() external view returns (bytes1, string memory, string memory, uint256, address,
        bytes32, uint256[] memory);

    /// @notice Moves the fees to the fee router, but for those that Adjustments owes to owners of refunded
    ///   sessions. Anyone may call it. Reverts if there is no router or nothing to route.
    /// @return How much it was, base units.
    function route_fees() external returns (uint256);

    /// @notice Appoints the next committee. Reverts unless the caller is governance.
    /// @param members Its members, strictly ascending, at least one.
    /// @param threshold How many must sign, more than half.
    /// @param grace_s For how long the outgoing one stays valid, at most 24 hours.
    function appoint_committee(address[] calldata members, uint256 threshold, uint256 grace_s) external;

    /// @notice Ends a committee at once. Reverts unless the caller is the guardian and the committee is valid
    ///   now.
    /// @param epoch Its epoch.
    function revoke_committee(uint256 epoch) external;

    /// @notice Stops `settle` and `collect` for 48 hours. Reverts unless the caller is the guardian, during a
    ///   pause, and for 14 days after one.
    function pause() external;

    /// @notice Ends settling here for good, for a settlement elsewhere that continues the connectors' heads.
    ///   Vaults can be withdrawn at once, debts still be collected; all else goes on. Reverts unless the caller
    ///   is governance.
    /// @param successor Where to, zero for nowhere.
    function sunset(address successor) external;

    /// @notice Sets the caps. Reverts above the maxima in the code, and unless the caller is governance.
    /// @param session_cap The largest gross of a session, base units.
    /// @param owner_day_cap The largest gross of an owner on a day (UTC).
    /// @param committee_day_cap The largest gross of all on a day (UTC).
    function set_caps(uint256 session_cap, uint256 owner_day_cap, uint256 committee_day_cap) external;

    /// @notice Sets how much debt an account can have. Reverts above the maximum in the code, and unless the
    ///   caller is governance.
    /// @param limit Base units.
    function set_exposure_limit(uint256 limit) external;

    /// @notice Sets what the oracles may be reimbursed for each batch settled from now on, as far as the batch's
    ///   fees are as much. Reverts above the maximum in the code, and unless the caller is governance.
    /// @param per_batch Base units.
    function set_reimbursement(uint256 per_batch) external;

    /// @notice Names the contract that fees go to. Reverts unless the caller is governance.
    /// @param router The router. Reverts if zero.
    function set_fee_router(address router) external;

    /// @notice Takes out tokens that were sent here without a deposit. Reverts unless the caller is governance
    ///   and there are any.
    /// @param to Who receives.
    function recover_surplus(address to) external;

    /// @notice The EIP-712 domain separator of batches and mandates.
    /// @return The separator.
    function DOMAIN_SEPARATOR() external view returns (bytes32);

    /// @notice The timelock, and who may pause and revoke committees.
    function governance() external view returns (address);

    /// @notice The timelock, and who may pause and revoke committees.
    function guardian() external view returns (address);

    /// @notice Where fees go; nowhere until governance names it.
    function fee_router() external view returns (address);
}
