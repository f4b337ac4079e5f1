# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Refunds, and debts that are collected
@custom:contract-name refunds
@license Apache-2.0
@notice The owner's account gives back what a session brought, in part or whole;
        anyone has paid what it did not bring. Neither while the session is
        disputed. Amounts are base units of the payment token. See
        docs/protocol.md, section 9.
"""


from ..interfaces import IAdjustments


from . import holds
uses: holds


from . import adjustments
uses: adjustments


from . import disputes
uses: disputes


# @notice Stateless, needs no `uses`.
from . import record


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value` in the creation-time
         EVM bytecode, the constructor is declared as `payable`.
    """
    pass


@external
@nonreentrant
def collect(
    batch: uint256,
    runs: Bytes[record.MAX_RUNS_SIZE],
    evidence_root: bytes32,
    outcomes: Bytes[record.MAX_OUTCOMES_SIZE],
    outcome_index: uint256,
):
    """
    @dev Pays a session's recorded debt out of the payer's vault, as far as
         balance and daily limit allow today. Anyone may call it. Reverts while
         settlement is paused.
    @param batch The number of the session's batch.
    @param runs Its runs.
    @param evidence_root Its evidence root.
    @param outcomes What became of its sessions. Reverts unless all are as settled.
    @param outcome_index Which of the outcomes. Reverts if the session is disputed,
           has no debt left, or nothing can be paid now.
    """
    session: adjustments.Session = adjustments._present(batch, runs, evidence_root, outcomes, outcome_index)
    disputes._check_undisputed(session.session_id)
    adjustments._collect(session)


@external
@nonreentrant
def refund(
    batch: uint256,
    runs: Bytes[record.MAX_RUNS_SIZE],
    evidence_root: bytes32,
    outcomes: Bytes[record.MAX_OUTCOMES_SIZE],
    outcome_index: uint256,
    amount: uint256,
    reason: uint256,
):
    """
    @dev Refunds a session: what is left of its debt is waived first, the rest is
         paid out of the owner's accrual to the payer's vault and the campaign's
         budget. The fee is given back within 21 days of settlement.
    @param batch The number of the session's batch.
    @param runs Its runs.
    @param evidence_root Its evidence root.
    @param outcomes What became of its sessions. Reverts unless all are as settled.
    @param outcome_index Which of the outcomes. Reverts unless the caller is the
           account of the owner, and while the session is disputed.
    @param amount Base units. Reverts if zero, more than was paid and is owed, or
           more than the accrual has.
    @param reason 1 energy, 2 price, 3 charger fault, 4 goodwill, 5 duplicate, 6
           correction. Reverts on anything else.
    """
    adjustments._check_reason(reason)
    assert amount != 0, "adjustments: nothing to refund"
    session: adjustments.Session = adjustments._present(batch, runs, evidence_root, outcomes, outcome_index)
    holds._check_owner(session.owner_id)
    disputes._check_undisputed(session.session_id)
    refunded: adjustments.Refund = adjustments._refund(session, amount)
    log IAdjustments.SessionRefunded(
        session_id=session.session_id,
        account=session.account,
        owner_id=session.owner_id,
        dispute=0,
        waived=refunded.waived,
        to_payer=refunded.to_payer,
        to_campaign=refunded.to_campaign,
        fee_back=refunded.fee_back,
        reason=reason,
    )
    owner: holds.Owner = holds._read(session.owner_id)
    owner.due += refunded.fee_back
    owner = holds._return_fees(owner)
    assert owner.balance >= refunded.to_payer + refunded.to_campaign, "adjustments: accrual too small"
    owner.balance -= refunded.to_payer + refunded.to_campaign
    holds._book(
        owner,
        holds.Others(
            account=session.account,
            to_account=convert(refunded.to_payer, int256),
            debt_waived=refunded.waived,
            campaign=session.campaign,
            to_budget=refunded.to_campaign,
        ),
    )
