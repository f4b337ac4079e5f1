# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title How disputes end
@custom:contract-name decisions
@license Apache-2.0
@notice The owner concedes, or arbiters rule by signature, or the dispute lapses.
        What is granted is paid out of what was put aside; where that was not
        there, as the owner earns it. Amounts are base units of the payment token,
        times are UTC seconds. See docs/protocol.md, section 9.
"""


from ..interfaces import IAdjustments


from snekmate.utils import eip712_domain_separator as domain
uses: domain


from . import holds
uses: holds


from . import adjustments
uses: adjustments


from . import committee as committees
uses: committees


from . import disputes
uses: disputes


# @notice Stateless, need no `uses`.
from . import dispute_words
from . import quorum


# @dev The reasons of refunds that only a dispute gives.
REASON_CONCEDED: constant(uint256) = 7
REASON_RULED: constant(uint256) = 8


# @dev The EIP-712 type of a ruling.
RULING_TYPE_HASH: constant(bytes32) = keccak256("Ruling(uint256 epoch,uint256 dispute,uint256 refund,bytes32 reason)")


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
def concede(dispute: uint256, amount: uint256):
    """
    @dev Refunds a disputed session. All of it closes the dispute. Less is paid at
         once out of what was put aside, and the rest stays disputed: otherwise an
         owner could close any dispute by conceding a unit.
    @param dispute The dispute. Reverts unless it is open and the caller is the
           account of its owner.
    @param amount Base units. Reverts if zero, more than is disputed, or less but
           more than was put aside.
    """
    one: dispute_words.Dispute = disputes._open(dispute)
    holds._check_owner(one.session.owner_id)
    assert amount != 0, "adjustments: nothing conceded"
    now: adjustments.Adjustment = adjustments._adjustment(one.session.session_id)
    left: uint256 = adjustments._outstanding(one.session, now) + adjustments._refundable(one.session, now)
    result: uint256 = dispute_words.OPEN
    if amount == left:
        result = dispute_words.CONCEDED
    self._decide(dispute, one, amount, REASON_CONCEDED, result)


@external
@nonreentrant
def rule(
    dispute: uint256,
    refund: uint256,
    reason: bytes32,
    epoch: uint256,
    signatures: Bytes[quorum.MAX_MEMBERS * quorum.SIGNATURE_SIZE],
):
    """
    @dev Executes a ruling. Anyone may submit it.
    @param dispute The dispute. Reverts unless it is open and not older than 14
           days.
    @param refund What the payer is given, base units; 0 dismisses the dispute, and
           the bond is the owner's unless a part was conceded. Reverts if more than
           is disputed.
    @param reason The hash of the ruling's reasons, which are published elsewhere.
    @param epoch The epoch of the arbiters that signed. Reverts unless it is valid
           now.
    @param signatures Exactly `threshold` signatures of arbiters, ascending by
           signer. Reverts otherwise, and if one of them sits on settlement's
           committee.
    """
    one: dispute_words.Dispute = disputes._open(dispute)
    assert block.timestamp < adjustments._end_of(one.opened_at, disputes.RULING_WINDOW_S), "adjustments: too late to rule"
    digest: bytes32 = domain._hash_typed_data_v4(
        keccak256(abi_encode(RULING_TYPE_HASH, epoch, dispute, refund, reason))
    )
    committees._check_quorum(epoch, digest, signatures)
    self._check_apart(quorum._signers(digest, len(signatures) // quorum.SIGNATURE_SIZE, signatures))
    log IAdjustments.DisputeRuled(dispute=dispute, epoch=epoch, refund=refund, reason=reason)
    result: uint256 = dispute_words.UPHELD
    if one.refunded + refund == 0:
        result = dispute_words.DISMISSED
    self._decide(dispute, one, refund, REASON_RULED, result)


@external
@nonreentrant
def lapse(dispute: uint256):
    """
    @dev Closes a dispute that nobody ruled on: what was put aside goes back to the
         owner and the bond to the payer. Anyone may call it.
    @param dispute The dispute. Reverts unless it is open and older than 14 days.
    """
    one: dispute_words.Dispute = disputes._open(dispute)
    assert block.timestamp >= adjustments._end_of(one.opened_at, disputes.RULING_WINDOW_S), "adjustments: too early to lapse"
    self._decide(dispute, one, 0, REASON_RULED, dispute_words.LAPSED)


@external
@nonreentrant
def execute(dispute: uint256):
    """
    @dev Pays what was granted and was not there then, as far as the owner has
         earned it since. Anyone may call it.
    @param dispute The dispute. Reverts if nothing can be paid.
    """
    one: dispute_words.Dispute = dispute_words._unpack(disputes._disputes[dispute])
    owner: holds.Owner = holds._read(one.session.owner_id)
    to_payer: uint256 = 0
    to_campaign: uint256 = 0
    one, owner, to_payer, to_campaign = self._pay(one, owner)
    assert to_payer + to_campaign != 0, "adjustments: nothing to execute"
    disputes._store(dispute, one)
    refund: adjustments.Refund = adjustments.Refund(
        waived=0, to_payer=to_payer, to_campaign=to_campaign, fee_back=0
    )
    reason: uint256 = REASON_RULED
    if one.result == dispute_words.CONCEDED:
        reason = REASON_CONCEDED
    self._log_refund(dispute, one, refund, reason)
    self._book(one, owner, refund, 0)


@internal
@view
def _check_apart(members: DynArray[address, quorum.MAX_MEMBERS]):
    """
    @dev Reverts if somebody sits on the committee that settles.
    @param members Arbiters.
    """
    settling: uint256 = staticcall holds.settlement.current_epoch()
    for member: address in members:
        assert not staticcall holds.settlement.is_member(settling, member), "adjustments: arbiter settles"


@internal
def _decide(number: uint256, open: dispute_words.Dispute, amount: uint256, reason: uint256, result: uint256):
    """
    @dev Grants a part of what is disputed and closes the dispute unless its result
         is to be open.
    @param number The dispute's number.
    @param open The dispute, which is open.
    @param amount What is granted; it can be 0.
    @param reason The refund's reason.
    @param result The dispute's.
    """
    one: dispute_words.Dispute = open
    owner: holds.Owner = holds._read(one.session.owner_id)
    refund: adjustments.Refund = empty(adjustments.Refund)
    if amount != 0:
        refund = adjustments._refund(one.session, amount)
        owner.due += refund.fee_back
        owner = holds._return_fees(owner)
        one.refunded += amount
        one.owed_payer += refund.to_payer
        one.owed_campaign += refund.to_campaign
        owed: uint256 = one.owed_payer + one.owed_campaign
        if owed > one.hold:
            # The fee was not put aside; it is given back to the owner instead.
            assert result != dispute_words.OPEN, "adjustments: more than was put aside"
            short: uint256 = 0
            owner, short = holds._hold(owner, owed - one.hold)
            one.short += short
            one.hold = owed

    to_account: uint256 = 0
    released: uint256 = 0
    bond_to_owner: uint256 = 0
    if result != dispute_words.OPEN:
        one.result = result
        disputes.open_disputes[one.session.account] -= 1
        released = one.hold - one.owed_payer - one.owed_campaign
        owner, one.short = holds._release(owner, one.short, released)
        one.hold -= released
        if result == dispute_words.DISMISSED:
            bond_to_owner = one.bond
            owner = holds._credit(owner, one.bond)
        else:
            to_account = one.bond

    one, owner, refund.to_payer, refund.to_campaign = self._pay(one, owner)
    if result == dispute_words.OPEN:
        assert one.owed_payer + one.owed_campaign == 0, "adjustments: more than was put aside"
    disputes._store(number, one)
    if amount != 0:
        self._log_refund(number, one, refund, reason)
    if result != dispute_words.OPEN:
        log IAdjustments.DisputeClosed(
            dispute=number,
            session_id=one.session.session_id,
            result=result,
            refunded=one.refunded,
            released=released,
            bond_to_owner=bond_to_owner,
        )
    self._book(one, owner, refund, to_account)


@internal
@pure
def _pay(
    granted: dispute_words.Dispute, owner_: holds.Owner
) -> (dispute_words.Dispute, holds.Owner, uint256, uint256):
    """
    @dev Pays what was granted as far as it is there, the payer before the campaign.
    @param granted The dispute.
    @param owner_ Its owner, whose pool fills up what is short.
    @return Dispute Afterwards.
    @return Owner Afterwards.
    @return uint256 What the payer is paid.
    @return uint256 What the campaign is paid.
    """
    one: dispute_words.Dispute = granted
    owner: holds.Owner = owner_
    filled: uint256 = min(owner.pool, one.short)
    owner.pool -= filled
    one.short -= filled
    there: uint256 = one.hold - one.short
    to_payer: uint256 = min(one.owed_payer, there)
    to_campaign: uint256 = min(one.owed_campaign, there - to_payer)
    one.owed_payer -= to_payer
    one.owed_campaign -= to_campaign
    one.hold -= to_payer + to_campaign
    return one, owner, to_payer, to_campaign


@internal
def _log_refund(number: uint256, one: dispute_words.Dispute, refund: adjustments.Refund, reason: uint256):
    """
    @dev Logs what a dispute moved.
    @param number The dispute's number.
    @param one The dispute.
    @param refund What it comes to now.
    @param reason The reason.
    """
    log IAdjustments.SessionRefunded(
        session_id=one.session.session_id,
        account=one.session.account,
        owner_id=one.session.owner_id,
        dispute=number,
        waived=refund.waived,
        to_payer=refund.to_payer,
        to_campaign=refund.to_campaign,
        fee_back=refund.fee_back,
        reason=reason,
    )


@internal
def _book(one: dispute_words.Dispute, owner: holds.Owner, refund: adjustments.Refund, bond: uint256):
    """
    @dev Has settlement move what a dispute moves.
    @param one The dispute.
    @param owner Its owner.
    @param refund What is refunded now.
    @param bond What of the bond goes back to the payer.
    """
    holds._book(
        owner,
        holds.Others(
            account=one.session.account,
            to_account=convert(refund.to_payer + bond, int256),
            debt_waived=refund.waived,
            campaign=one.session.campaign,
            to_budget=refund.to_campaign,
        ),
    )
