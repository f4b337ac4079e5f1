# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title A batch presented again
@custom:contract-name presented
@license Apache-2.0
@notice A settled batch leaves one word in storage. Whoever wants to do something
        about one of its sessions presents the batch again, as it was signed and
        with what became of it; this goes through it and says which record the
        session has and what the batch must have left. See docs/protocol.md,
        section 2.
"""


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


@internal
@pure
def _replay(
    runs: Bytes[record.MAX_RUNS_SIZE], outcomes: Bytes[record.MAX_OUTCOMES_SIZE], index: uint256
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
    link: record.Link = empty(record.Link)
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
