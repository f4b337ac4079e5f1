# pragma version 0.4.3
"""
@title Adjustments
@custom:contract-name Adjustments
@license Apache-2.0
@notice What happens to a session after it was settled: its debt is collected, its
        owner refunds it, its payer disputes it, arbiters rule. Nothing is
        rewritten: a session's outcome stays what it was, and one slot beside it
        says what was adjusted since.

        All money stays in settlement. This contract holds the rules, and tells
        settlement what to move between its parts; settlement refuses what does not
        sum to zero. Amounts are base units of the payment token (6 decimals),
        times are UTC seconds. Specification: docs/protocol.md, section 9.
@custom:kill The guardian calls `revoke_arbiters`; with no valid arbiters nothing
             is ruled until governance appoints some, and disputes lapse, which
             gives both sides back what was put aside.
"""


from .interfaces import ISettlementBooks


from snekmate.utils import eip712_domain_separator as domain
initializes: domain


from .modules import holds
initializes: holds


from .modules import adjustments
initializes: adjustments[holds := holds]


from .modules import committee as committees
initializes: committees


from .modules import disputes
initializes: disputes[
    adjustments := adjustments,
    holds := holds,
]


from .modules import decisions
initializes: decisions[
    adjustments := adjustments,
    committees := committees,
    disputes := disputes,
    domain := domain,
    holds := holds,
]


from .modules import refunds
initializes: refunds[
    adjustments := adjustments,
    disputes := disputes,
    holds := holds,
]


exports: (
    # Anyone, for a session that was not paid
    refunds.collect,
    # Station owners
    refunds.refund,
    disputes.answer_dispute,
    decisions.concede,
    holds.return_fee,
    # Payers
    disputes.open_dispute,
    # Arbiters, and whoever sends what they signed
    decisions.rule,
    decisions.lapse,
    decisions.execute,
    committees.committee,
    committees.current_epoch,
    committees.is_member,
    # Sessions and disputes
    adjustments.adjustment,
    disputes.dispute,
    disputes.deadline,
    disputes.dispute_count,
    disputes.open_disputes,
    holds.owed,
    holds.fees_due,
    # Constants
    adjustments.REFUND_WINDOW_S,
    disputes.DISPUTE_WINDOW_S,
    disputes.RULING_WINDOW_S,
    disputes.MIN_BOND,
    disputes.MAX_OPEN,
    # Where the money is
    holds.settlement,
    holds.registry,
    # Typed data
    domain.eip712Domain,
)


# @dev The timelock, and who may revoke arbiters; those of settlement.
governance: public(immutable(address))
guardian: public(immutable(address))


@deploy
def __init__(settlement_: ISettlementBooks, arbiters: DynArray[address, 32], threshold: uint256):
    """
    @dev Deploys the adjustments of a settlement and appoints the first arbiters.
    @param settlement_ The settlement. Reverts unless it listens to this contract.
    @param arbiters Ascending, at most 32. Reverts if one sits on the settlement's
           committee.
    @param threshold How many of them must sign, more than half.
    """
    domain.__init__("ChargeCoin Adjustments", "1")
    holds.__init__(settlement_)
    adjustments.__init__()
    committees.__init__()
    disputes.__init__()
    decisions.__init__()
    refunds.__init__()
    governance = staticcall settlement_.governance()
    guardian = staticcall settlement_.guardian()
    decisions._check_apart(arbiters)
    committees._appoint(arbiters, threshold, 0)


@external
def appoint_arbiters(arbiters: DynArray[address, 32], threshold: uint256, grace_s: uint256):
    """
    @dev Appoints the next arbiters. Reverts unless the caller is governance.
    @param arbiters Strictly ascending, at least one. Reverts if one sits on the
           committee that settles.
    @param threshold How many must sign, more than half.
    @param grace_s For how long the outgoing ones stay valid, at most 24 hours.
    """
    assert msg.sender == governance, "adjustments: not governance"
    decisions._check_apart(arbiters)
    committees._appoint(arbiters, threshold, grace_s)


@external
def revoke_arbiters(epoch: uint256):
    """
    @dev Ends arbiters at once. Reverts unless the caller is the guardian and they
         are valid now.
    @param epoch Their epoch.
    """
    assert msg.sender == guardian, "adjustments: not the guardian"
    committees._revoke(epoch)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @dev The EIP-712 domain separator of rulings.
    @return bytes32 The separator.
    """
    return domain._domain_separator_v4()
