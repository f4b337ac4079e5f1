# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title The quorum of settlement's committee, for other contracts
@custom:contract-name settlement_quorum
@license Apache-2.0
@notice Holds signatures against the committee that settlement knows, by the
        rules of settlement itself (modules/committee.vy): a committee that is
        valid now, exactly `threshold` signatures with low `s`, ascending by
        signer. Keeps nothing of its own, so a committee that settlement revokes
        is revoked here in the same block.
"""


from ..interfaces import ISettlementViews


# @notice Stateless, needs no `uses`.
from . import quorum


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value` in the creation-time
         EVM bytecode, the constructor is declared as `payable`.
    """
    pass


@internal
@view
def _check(
    settlement: ISettlementViews,
    epoch: uint256,
    digest: bytes32,
    signatures: Bytes[quorum.MAX_MEMBERS * quorum.SIGNATURE_SIZE],
):
    """
    @dev Reverts unless a committee of settlement signed.
    @param settlement The settlement.
    @param epoch The committee's epoch. Reverts unless it is valid now.
    @param digest What was signed.
    @param signatures `r`, `s`, `v` (27 or 28) of each signer, joined. Reverts
           unless there are exactly `threshold`, ascending by signer, with low
           `s`, each of a member.
    """
    threshold: uint256 = 0
    valid_until: uint256 = 0
    threshold, valid_until = staticcall settlement.committee(epoch)
    # No committee that is valid has a threshold of zero.
    assert block.timestamp < valid_until, "quorum: wrong committee epoch"
    signers: DynArray[address, quorum.MAX_MEMBERS] = quorum._signers(digest, threshold, signatures)
    for signer: address in signers:
        assert staticcall settlement.is_member(epoch, signer), "quorum: not a member"
