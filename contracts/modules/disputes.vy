# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Disputes
@custom:contract-name disputes
@license Apache-2.0
@notice A payer who says that a session was not as it was settled disputes it with
        a bond, and the owner's money for it is put aside. How a dispute ends is in
        `decisions`. Amounts are base units of the payment token, times are UTC
        seconds. See docs/protocol.md, section 9.
"""


from ..interfaces import IAdjustments


from . import holds
uses: holds


from . import adjustments
uses: adjustments


# @notice Stateless, or used without their state: need no `uses`.
from . import dispute_words
from . import record
from . import sessions


# @dev How long after settlement a session can be disputed, and how long arbiters
# have. Both stand still while settlement is paused.
DISPUTE_WINDOW_S: public(constant(uint256)) = 7 * 86_400
RULING_WINDOW_S: public(constant(uint256)) = 14 * 86_400


# @dev The bond is a twentieth of what is disputed and at least one token.
BOND_DIVISOR: constant(uint256) = 20
MIN_BOND: public(constant(uint256)) = 10 ** 6


# @dev How many disputes of one account can be open.
MAX_OPEN: public(constant(uint256)) = 3


# @dev The last dispute; they are numbered from 1.
dispute_count: public(uint256)


# @dev How many disputes of an account are open.
open_disputes: public(HashMap[uint256, uint256])


_disputes: HashMap[uint256, uint256[3]]


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
def open_dispute(
    batch: uint256,
    runs: Bytes[record.MAX_RUNS_SIZE],
    evidence_root: bytes32,
    outcomes: Bytes[record.MAX_OUTCOMES_SIZE],
    outcome_index: uint256,
    reason: uint256,
) -> uint256:
    """
    @dev Disputes a session. The bond leaves the payer's vault; what was paid, less
         the fee, leaves the owner's accrual, and what is not there is the owner's
         debt. Until the dispute is closed nothing of the session is collected.
    @param batch The number of the session's batch.
    @param runs Its runs.
    @param evidence_root Its evidence root.
    @param outcomes What became of its sessions. Reverts unless all are as settled.
    @param outcome_index Which of the outcomes. Reverts unless the caller is the
           holder of the account that pays, if the session was disputed before or
           settled more than 7 days ago, if there is nothing to refund, if three
           disputes of the account are open, or if its balance is below the bond.
    @param reason 1 energy, 2 price, 3 charger fault, 4 goodwill, 5 duplicate, 6
           correction. Reverts on anything else.
    @return uint256 The dispute's number.
    """
    adjustments._check_reason(reason)
    session: adjustments.Session = adjustments._present(batch, runs, evidence_root, outcomes, outcome_index)
    account: uint256 = session.account
    assert msg.sender == staticcall holds.settlement.account_holder(account), "adjustments: not the payer"
    now: adjustments.Adjustment = adjustments._adjustment(session.session_id)
    assert now.dispute == 0, "adjustments: disputed before"
    assert block.timestamp < adjustments._end_of(session.settled_at, DISPUTE_WINDOW_S), "adjustments: too late to dispute"
    assert self.open_disputes[account] < MAX_OPEN, "adjustments: too many open disputes"
    refundable: uint256 = adjustments._refundable(session, now)
    amount: uint256 = adjustments._outstanding(session, now) + refundable
    assert amount != 0, "adjustments: nothing to dispute"
    bond: uint256 = max(MIN_BOND, amount // BOND_DIVISOR)
    self._check_balance(account, bond)

    number: uint256 = self.dispute_count + 1
    assert number <= record.MASK_32, "adjustments: disputes used up"
    self.dispute_count = number
    self.open_disputes[account] += 1
    now.dispute = number
    adjustments._store(session.session_id, now)
    hold: uint256 = refundable - adjustments._net(session, now) // sessions.FEE_DIVISOR
    owner: holds.Owner = holds._read(session.owner_id)
    short: uint256 = 0
    owner, short = holds._hold(owner, hold)
    self._store(
        number,
        dispute_words.Dispute(
            session=session,
            opened_at=block.timestamp,
            bond=bond,
            refunded=0,
            result=dispute_words.OPEN,
            hold=hold,
            short=short,
            owed_payer=0,
            owed_campaign=0,
        ),
    )
    log IAdjustments.DisputeOpened(
        dispute=number,
        session_id=session.session_id,
        account=account,
        owner_id=session.owner_id,
        amount=amount,
        hold=hold,
        bond=bond,
        deadline=adjustments._end_of(block.timestamp, RULING_WINDOW_S),
        reason=reason,
    )
    holds._book(
        owner,
        holds.Others(
            account=account, to_account=-convert(bond, int256), debt_waived=0, campaign=0, to_budget=0
        ),
    )
    return number


@external
def answer_dispute(dispute: uint256, statement: bytes32):
    """
    @dev Says what the owner says.
    @param dispute The dispute. Reverts unless it is open and the caller is the
           account of its owner.
    @param statement The hash of the statement, which is published elsewhere.
    """
    one: dispute_words.Dispute = self._open(dispute)
    holds._check_owner(one.session.owner_id)
    log IAdjustments.DisputeAnswered(dispute=dispute, owner_id=one.session.owner_id, statement=statement)


@external
@view
def dispute(number: uint256) -> dispute_words.Dispute:
    """
    @dev A dispute as it is stored.
    @param number Its number.
    @return Dispute All zeros if there is none; its result is 0 while it is open, 1
            upheld, 2 dismissed, 3 conceded, 4 lapsed.
    """
    return dispute_words._unpack(self._disputes[number])


@external
@view
def deadline(number: uint256) -> uint256:
    """
    @dev Until when a dispute can be ruled on.
    @param number Its number.
    @return uint256 The first second (UTC) in which it can lapse, as far as pauses
            have begun yet.
    """
    return adjustments._end_of(dispute_words._unpack(self._disputes[number]).opened_at, RULING_WINDOW_S)


@internal
@view
def _check_undisputed(session_id: uint256):
    """
    @dev Reverts while a session is disputed.
    @param session_id The session.
    """
    number: uint256 = adjustments._adjustment(session_id).dispute
    assert (
        number == 0 or dispute_words._unpack(self._disputes[number]).result != dispute_words.OPEN
    ), "adjustments: disputed"


@internal
@view
def _check_balance(account: uint256, bond: uint256):
    """
    @dev Reverts unless a vault account can pay a bond.
    @param account The account.
    @param bond Base units.
    """
    balance: uint256 = 0
    limit: uint256 = 0
    spent: uint256 = 0
    day: uint256 = 0
    debt: uint256 = 0
    balance, limit, spent, day, debt = staticcall holds.settlement.account(account)
    assert balance >= bond, "adjustments: balance below the bond"


@internal
@view
def _open(number: uint256) -> dispute_words.Dispute:
    """
    @dev An open dispute.
    @param number Its number. Reverts unless there is one and it is open.
    @return Dispute The dispute.
    """
    one: dispute_words.Dispute = dispute_words._unpack(self._disputes[number])
    assert one.opened_at != 0 and one.result == dispute_words.OPEN, "adjustments: no open dispute"
    return one


@internal
def _store(number: uint256, one: dispute_words.Dispute):
    """
    @dev Keeps a dispute.
    @param number Its number.
    @param one The dispute.
    """
    self._disputes[number] = dispute_words._pack(one)
