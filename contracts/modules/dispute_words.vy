# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A dispute in three words
@custom:contract-name dispute_words
@license Apache-2.0
@notice What a dispute is about does not change while it is open, as nothing is
        collected or refunded of its session meanwhile; so it is kept with the
        dispute, and a ruling needs no batch. Layout: docs/protocol.md, section 9.
"""


# @notice Used without their state: need no `uses`.
from . import adjustments
from . import record


# @dev The first word, most significant first: connector 32, sequence 32, account
# 40, owner 32, campaign 32, settled at 40, opened at 40, zero 8 bits.
CONNECTOR_SHIFT: constant(uint256) = 224
SEQUENCE_SHIFT: constant(uint256) = 192
ACCOUNT_SHIFT: constant(uint256) = 152
OWNER_SHIFT: constant(uint256) = 120
CAMPAIGN_SHIFT: constant(uint256) = 88
SETTLED_AT_SHIFT: constant(uint256) = 48
OPENED_AT_SHIFT: constant(uint256) = 8


# @dev The second: paid 40, paid by the campaign 40, debt 40, bond 40, refunded 40,
# result 8, zero 48 bits.
PAID_SHIFT: constant(uint256) = 216
CAMPAIGN_PAID_SHIFT: constant(uint256) = 176
DEBT_SHIFT: constant(uint256) = 136
BOND_SHIFT: constant(uint256) = 96
REFUNDED_SHIFT: constant(uint256) = 56
RESULT_SHIFT: constant(uint256) = 48


# @dev The third: hold 40, short 40, owed to the payer 40, to the campaign 40, zero
# 96 bits.
HOLD_SHIFT: constant(uint256) = 216
SHORT_SHIFT: constant(uint256) = 176
TO_PAYER_SHIFT: constant(uint256) = 136
TO_CAMPAIGN_SHIFT: constant(uint256) = 96


# @dev What became of a dispute; 0 while it is open.
OPEN: constant(uint256) = 0
UPHELD: constant(uint256) = 1
DISMISSED: constant(uint256) = 2
CONCEDED: constant(uint256) = 3
LAPSED: constant(uint256) = 4


# @dev `refunded` is what was granted so far. The hold is what is put aside for the
# dispute; `short` of it is not there, but is its owner's debt or in its owner's
# pool. `owed_...` was granted and is not paid yet; it is part of the hold.
struct Dispute:
    session: adjustments.Session
    opened_at: uint256
    bond: uint256
    refunded: uint256
    result: uint256
    hold: uint256
    short: uint256
    owed_payer: uint256
    owed_campaign: uint256


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value` in the creation-time
         EVM bytecode, the constructor is declared as `payable`.
    """
    pass


@internal
@pure
def _pack(dispute: Dispute) -> uint256[3]:
    """
    @dev A dispute as it is stored.
    @param dispute The dispute. All amounts are below a session's cap of 35 bits,
           or a bond of one token.
    @return uint256[3] The words.
    """
    session: adjustments.Session = dispute.session
    return [
        ((session.session_id >> 64) << CONNECTOR_SHIFT)
        | ((session.session_id & record.MASK_32) << SEQUENCE_SHIFT)
        | (session.account << ACCOUNT_SHIFT)
        | (session.owner_id << OWNER_SHIFT)
        | (session.campaign << CAMPAIGN_SHIFT)
        | (session.settled_at << SETTLED_AT_SHIFT)
        | (dispute.opened_at << OPENED_AT_SHIFT),
        (session.paid << PAID_SHIFT)
        | (session.campaign_paid << CAMPAIGN_PAID_SHIFT)
        | (session.debt << DEBT_SHIFT)
        | (dispute.bond << BOND_SHIFT)
        | (dispute.refunded << REFUNDED_SHIFT)
        | (dispute.result << RESULT_SHIFT),
        (dispute.hold << HOLD_SHIFT)
        | (dispute.short << SHORT_SHIFT)
        | (dispute.owed_payer << TO_PAYER_SHIFT)
        | (dispute.owed_campaign << TO_CAMPAIGN_SHIFT),
    ]


@internal
@pure
def _unpack(words: uint256[3]) -> Dispute:
    """
    @dev A dispute as it was stored.
    @param words The words.
    @return Dispute The dispute; when its session started is not kept.
    """
    return Dispute(
        session=adjustments.Session(
            session_id=(
                ((words[0] >> CONNECTOR_SHIFT) << 64) | ((words[0] >> SEQUENCE_SHIFT) & record.MASK_32)
            ),
            account=(words[0] >> ACCOUNT_SHIFT) & record.MASK_40,
            owner_id=(words[0] >> OWNER_SHIFT) & record.MASK_32,
            campaign=(words[0] >> CAMPAIGN_SHIFT) & record.MASK_32,
            started_at=0,
            settled_at=(words[0] >> SETTLED_AT_SHIFT) & record.MASK_40,
            paid=words[1] >> PAID_SHIFT,
            campaign_paid=(words[1] >> CAMPAIGN_PAID_SHIFT) & record.MASK_40,
            debt=(words[1] >> DEBT_SHIFT) & record.MASK_40,
        ),
        opened_at=(words[0] >> OPENED_AT_SHIFT) & record.MASK_40,
        bond=(words[1] >> BOND_SHIFT) & record.MASK_40,
        refunded=(words[1] >> REFUNDED_SHIFT) & record.MASK_40,
        result=(words[1] >> RESULT_SHIFT) & 255,
        hold=words[2] >> HOLD_SHIFT,
        short=(words[2] >> SHORT_SHIFT) & record.MASK_40,
        owed_payer=(words[2] >> TO_PAYER_SHIFT) & record.MASK_40,
        owed_campaign=(words[2] >> TO_CAMPAIGN_SHIFT) & record.MASK_40,
    )
