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


from ..interfaces import ISettlement


from . import accruals
uses: accruals


from . import batches
uses: batches


from . import vaults
uses: vaults


# @notice Needs no `uses`: only a constant of it is used.
from . import sessions


# @notice Stateless, needs no `uses`.
from . import record


# @dev The largest list of outcomes, in bytes.
MAX_OUTCOMES_SIZE: constant(uint256) = record.MAX_SESSIONS * record.WORD


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
    runs: Bytes[batches.MAX_RUNS_SIZE],
    evidence_root: bytes32,
    outcomes: Bytes[MAX_OUTCOMES_SIZE],
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
    heads_hash, word = self._replay(runs, outcomes, outcome_index)
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
    log ISettlement.DebtCollected(session_id=session_id, account=payer, owner_id=owner_id, amount=amount, fee=fee)


@internal
@pure
def _replay(
    runs: Bytes[batches.MAX_RUNS_SIZE], outcomes: Bytes[MAX_OUTCOMES_SIZE], index: uint256
) -> (bytes32, uint256):
    """
    @dev Goes through a batch again.
    @param runs The batch's runs.
    @param outcomes What became of each session in order, and a zero word for
           each run that was skipped. Reverts if there are more or fewer.
    @param index Which outcome is asked for. Reverts if there is no such, or if it
           stands for a skipped run.
    @return bytes32 The hash over the running hashes of the processed runs.
    @return uint256 The record of the session asked for.
    """
    assert index < len(outcomes) // record.WORD, "settlement: no such session"
    heads_hash: bytes32 = empty(bytes32)
    found: uint256 = 0
    next: uint256 = 0
    offset: uint256 = 0
    link: batches.Link = empty(batches.Link)
    for _: uint256 in range(record.MAX_RUNS):
        if offset == len(runs):
            break
        header: uint256 = extract32(runs, offset, output_type=uint256)
        link.hash = extract32(runs, offset + record.WORD, output_type=uint256)
        count: uint256 = (header >> record.COUNT_SHIFT) & record.MASK_16
        offset += record.HEADER_SIZE
        if extract32(outcomes, next, output_type=uint256) == 0:
            assert next != index * record.WORD, "settlement: no such session"
            next += record.WORD
        else:
            for i: uint256 in range(count, bound=record.MAX_SESSIONS):
                link.word = extract32(runs, offset + i * record.WORD, output_type=uint256)
                link.outcome = extract32(outcomes, next, output_type=uint256)
                if next == index * record.WORD:
                    found = link.word
                next += record.WORD
                link.hash = convert(keccak256(abi_encode(link)), uint256) >> 64
            heads_hash = keccak256(abi_encode(heads_hash, link.hash))
        offset += count * record.WORD
    assert next == len(outcomes), "settlement: not that batch"
    return heads_hash, found
