# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title What was adjusted of a session since it was settled
@custom:contract-name adjustments
@license Apache-2.0
@notice A session is presented with its batch, whose commitment says what was
        signed, what became of it and when. One slot a session says what was
        collected, refunded and waived since, and whether it was disputed. Anyone
        can have a recorded debt collected here. Amounts are base units of the
        payment token, times are UTC seconds. See docs/protocol.md, section 9.
"""


from ..interfaces import IAdjustments


from . import holds
uses: holds


# @notice Stateless, or used without their state: need no `uses`.
from . import presented
from . import record
from . import session_clock
from . import sessions


# @dev How long after settlement a refund gives the fee back. The rewards for these
# fees wait for longer (docs/rewards.md).
REFUND_WINDOW_S: public(constant(uint256)) = 21 * 86_400


# @dev The reasons that owners and payers give: energy, price, charger fault,
# goodwill, duplicate, correction, from 1. Two more are a dispute's own.
MAX_REASON: constant(uint256) = 6


# @dev An adjustment is one slot, most significant first: collected 40, refunded
# with fee 40, refunded without 40, waived 40, dispute 32, zero 64 bits.
COLLECTED_SHIFT: constant(uint256) = 216
REFUNDED_SHIFT: constant(uint256) = 176
LATE_SHIFT: constant(uint256) = 136
WAIVED_SHIFT: constant(uint256) = 96
DISPUTE_SHIFT: constant(uint256) = 64


# @dev The lowest bits of a commitment are when the batch was settled.
SETTLED_AT_BITS: constant(uint256) = 40


# @dev A session as it was settled.
struct Session:
    session_id: uint256
    account: uint256
    owner_id: uint256
    campaign: uint256
    started_at: uint256
    settled_at: uint256
    paid: uint256
    campaign_paid: uint256
    debt: uint256


# @dev What happened to it since. `refunded` lowered the fee, `refunded_late` came
# too late for that. `dispute` is 0 if it was never disputed.
struct Adjustment:
    collected: uint256
    refunded: uint256
    refunded_late: uint256
    waived: uint256
    dispute: uint256


# @dev What a refund comes to. The campaign's part goes back to its budget.
struct Refund:
    waived: uint256
    to_payer: uint256
    to_campaign: uint256
    fee_back: uint256


# @dev By session id.
_adjustments: HashMap[uint256, uint256]


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value` in the creation-time
         EVM bytecode, the constructor is declared as `payable`.
    """
    pass


@external
@view
def adjustment(session_id: uint256) -> Adjustment:
    """
    @dev What happened to a session since it was settled.
    @param session_id The session.
    @return Adjustment What was collected, refunded with the fee and without, and
            waived, base units; and its dispute, 0 if there was none.
    """
    return self._adjustment(session_id)


@internal
@view
def _present(
    batch: uint256,
    runs: Bytes[record.MAX_RUNS_SIZE],
    evidence_root: bytes32,
    outcomes: Bytes[record.MAX_OUTCOMES_SIZE],
    outcome_index: uint256,
) -> Session:
    """
    @dev One session of a batch that was settled.
    @param batch The batch's number.
    @param runs Its runs.
    @param evidence_root Its evidence root.
    @param outcomes What became of each session in order, and a zero word for
           each run that was skipped. Reverts unless runs, root and outcomes are
           those of the batch.
    @param outcome_index Which of the outcomes. Reverts if there is no such.
    @return Session The session.
    """
    heads_hash: bytes32 = empty(bytes32)
    word: uint256 = 0
    heads_hash, word = presented._replay(runs, outcomes, outcome_index)
    committed: uint256 = convert(staticcall holds.settlement.batch_commitment(batch), uint256)
    found: uint256 = convert(keccak256(concat(keccak256(runs), evidence_root, heads_hash)), uint256)
    assert found >> SETTLED_AT_BITS == committed >> SETTLED_AT_BITS, "adjustments: not that batch"
    outcome: uint256 = extract32(outcomes, outcome_index * record.WORD, output_type=uint256)
    session_id: uint256 = outcome >> record.SESSION_ID_SHIFT
    sequence: uint256 = 0
    owner_id: uint256 = 0
    running: uint256 = 0
    sequence, owner_id, running = staticcall holds.settlement.head(session_id >> 64)
    return Session(
        session_id=session_id,
        account=word >> record.PAYER_SHIFT,
        owner_id=owner_id,
        campaign=(word >> record.CAMPAIGN_SHIFT) & record.MASK_32,
        started_at=(word >> record.STARTED_SHIFT) & record.MASK_32,
        settled_at=committed & record.MASK_40,
        paid=(outcome >> record.PAID_SHIFT) & record.MASK_40,
        campaign_paid=(outcome >> record.CAMPAIGN_PAID_SHIFT) & record.MASK_40,
        debt=outcome & record.MASK_40,
    )


@internal
@view
def _adjustment(session_id: uint256) -> Adjustment:
    """
    @dev What happened to a session since it was settled.
    @param session_id The session.
    @return Adjustment See `adjustment`.
    """
    packed: uint256 = self._adjustments[session_id]
    return Adjustment(
        collected=packed >> COLLECTED_SHIFT,
        refunded=(packed >> REFUNDED_SHIFT) & record.MASK_40,
        refunded_late=(packed >> LATE_SHIFT) & record.MASK_40,
        waived=(packed >> WAIVED_SHIFT) & record.MASK_40,
        dispute=(packed >> DISPUTE_SHIFT) & record.MASK_32,
    )


@internal
def _store(session_id: uint256, now: Adjustment):
    """
    @dev Keeps what happened to a session.
    @param session_id The session.
    @param now No amount is larger than what the session cost, and that is below a
           cap of 35 bits.
    """
    self._adjustments[session_id] = (
        (now.collected << COLLECTED_SHIFT)
        | (now.refunded << REFUNDED_SHIFT)
        | (now.refunded_late << LATE_SHIFT)
        | (now.waived << WAIVED_SHIFT)
        | (now.dispute << DISPUTE_SHIFT)
    )


@internal
@pure
def _outstanding(session: Session, now: Adjustment) -> uint256:
    """
    @dev What is left of a session's debt.
    @param session The session.
    @param now What happened to it.
    @return uint256 Base units.
    """
    return session.debt - now.collected - now.waived


@internal
@pure
def _net(session: Session, now: Adjustment) -> uint256:
    """
    @dev What a session's fee is a thousandth of: all that was paid of it, less
         what was refunded in time.
    @param session The session.
    @param now What happened to it.
    @return uint256 Base units.
    """
    return session.paid + session.campaign_paid + now.collected - now.refunded


@internal
@pure
def _refundable(session: Session, now: Adjustment) -> uint256:
    """
    @dev What was paid of a session and not refunded.
    @param session The session.
    @param now What happened to it.
    @return uint256 Base units.
    """
    return self._net(session, now) - now.refunded_late


@internal
@pure
def _check_reason(reason: uint256):
    """
    @dev Reverts unless a reason is one that owners and payers give.
    @param reason The reason.
    """
    assert reason != 0 and reason <= MAX_REASON, "adjustments: no such reason"


@internal
@view
def _end_of(since: uint256, length: uint256) -> uint256:
    """
    @dev The end of a window that stands still in the last pause, if that began
         within it. Two weeks hold no other pause, since the next one begins two
         weeks after the end of the last: where it was another pause that lay in
         such a window, the window is over. In three weeks a pause before the last
         does not count.
    @param since When the window began.
    @param length How long it is.
    @return uint256 The first second after it, as far as pauses have begun yet.
    """
    end: uint256 = since + length
    pause_end: uint256 = staticcall holds.settlement.paused_until()
    if pause_end > since:
        pause_start: uint256 = max(since, pause_end - session_clock.PAUSE_S)
        # A settlement that has stopped for good counts as not paused.
        if pause_start < end:
            end += pause_end - pause_start
    return end


@internal
def _collect(session: Session):
    """
    @dev Has a session's debt paid, as far as the payer's vault allows today.
    @param session The session. Reverts if it has no debt left, or if nothing can
           be paid.
    """
    now: Adjustment = self._adjustment(session.session_id)
    outstanding: uint256 = self._outstanding(session, now)
    assert outstanding != 0, "adjustments: nothing to collect"
    amount: uint256 = 0
    fee: uint256 = 0
    amount, fee = extcall holds.settlement.collect_debt(
        session.account, session.started_at, session.owner_id, outstanding, self._net(session, now)
    )
    assert amount != 0, "adjustments: nothing to collect"
    now.collected += amount
    self._store(session.session_id, now)
    log IAdjustments.DebtCollected(
        session_id=session.session_id, account=session.account, owner_id=session.owner_id, amount=amount, fee=fee
    )


@internal
def _refund(session: Session, amount: uint256) -> Refund:
    """
    @dev Takes a refund off a session: first what is left of its debt, then what
         was paid. The campaign's part is that of all refunds together, by
         difference; so is the fee that is given back, within the window.
    @param session The session.
    @param amount Base units. Reverts if more than is left of both.
    @return Refund What it comes to.
    """
    now: Adjustment = self._adjustment(session.session_id)
    waived: uint256 = min(amount, self._outstanding(session, now))
    back: uint256 = amount - waived
    assert back <= self._refundable(session, now), "adjustments: more than was paid"
    # While something is outstanding nothing is paid back, so what was paid stays
    # what it is from the first refund to the last.
    paid: uint256 = session.paid + session.campaign_paid + now.collected
    before: uint256 = now.refunded + now.refunded_late
    to_campaign: uint256 = 0
    if session.campaign_paid != 0:
        to_campaign = (before + back) * session.campaign_paid // paid - before * session.campaign_paid // paid
    fee_back: uint256 = 0
    if block.timestamp < self._end_of(session.settled_at, REFUND_WINDOW_S):
        net: uint256 = self._net(session, now)
        fee_back = net // sessions.FEE_DIVISOR - (net - back) // sessions.FEE_DIVISOR
        now.refunded += back
    else:
        now.refunded_late += back
    now.waived += waived
    self._store(session.session_id, now)
    return Refund(waived=waived, to_payer=back - to_campaign, to_campaign=to_campaign, fee_back=fee_back)
