# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Debts of sessions
@custom:contract-name debts
@license Apache-2.0
@notice What a vault could not pay of a session is that session's debt. Anyone
        can have it collected later, by presenting the batch again: its
        commitment says what was signed and what became of it, and one slot a
        session says how much was collected since. Amounts are base units of the
        payment token. See docs/protocol.md, sections 2 and 4.
"""


from ..interfaces import IAdjustments


from . import accruals
uses: accruals


from . import batches
uses: batches


from . import vaults
uses: vaults


# @notice Needs no `uses`: only a constant of it is used.
from . import sessions


# @notice Stateless, need no `uses`.
from . import presented
from . import record


# @dev How much of a session's debt was collected, by session id.
collected: public(HashMap[uint256, uint256])


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
         paused.
    @param batch The batch's number.
    @param runs Its runs.
    @param evidence_root Its evidence root.
    @param outcomes What became of each session in order, and a zero word for
           each run that was skipped. Reverts unless runs, root and outcomes are
           those of the batch.
    @param outcome_index Which of the outcomes. Reverts if there is no such, if
           the session has no debt left, or if nothing can be paid now.
    """
    batches._check_running(batches._ledger)
    heads_hash: bytes32 = empty(bytes32)
    word: uint256 = 0
    heads_hash, word = presented._replay(runs, outcomes, outcome_index)
    assert (
        keccak256(concat(keccak256(runs), evidence_root, heads_hash)) == batches.batch_commitment[batch]
    ), "settlement: not that batch"
    outcome: uint256 = extract32(outcomes, outcome_index * record.WORD, output_type=uint256)
    session_id: uint256 = outcome >> record.SESSION_ID_SHIFT
    collected: uint256 = self.collected[session_id]

    payer: uint256 = word >> record.PAYER_SHIFT
    today: uint256 = block.timestamp // vaults.DAY_S
    account: uint256 = vaults._on_day(vaults._accounts[payer], today)
    limit: uint256 = vaults._limit_for(payer, account, (word >> record.STARTED_SHIFT) & record.MASK_32)
    amount: uint256 = 0
    balance_short: bool = False
    account, amount, balance_short = vaults._draw(account, limit, (outcome & batches.MASK_40) - collected)
    assert amount != 0, "settlement: nothing to collect"

    # The fee is that of the sum, less what was charged before.
    paid: uint256 = (
        ((outcome >> record.PAID_SHIFT) & batches.MASK_40) + ((outcome >> record.CAMPAIGN_PAID_SHIFT) & batches.MASK_40) + collected
    )
    fee: uint256 = (paid + amount) // sessions.FEE_DIVISOR - paid // sessions.FEE_DIVISOR
    owner_id: uint256 = (batches._heads[session_id >> 64] >> batches.HEAD_OWNER_SHIFT) & batches.MASK_32
    self.collected[session_id] = collected + amount
    # The account's debt contains this session's, in the lowest bits.
    vaults._accounts[payer] = account - amount
    # What is collected counted against the caps on the day it was settled.
    accruals._credit(owner_id, accruals._accruals[owner_id], amount - fee, 0, today)
    batches._ledger += fee << batches.LEDGER_FEES_SHIFT
    log IAdjustments.DebtCollected(session_id=session_id, account=payer, owner_id=owner_id, amount=amount, fee=fee)
