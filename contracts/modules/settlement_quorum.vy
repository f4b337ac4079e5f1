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


# @notice Stateless, needs no `uses`.
from snekmate.utils import ecdsa


from ..interfaces import ISettlementViews


# @dev The largest committee, as in modules/committee.vy.
MAX_MEMBERS: constant(uint256) = 32


# @dev A signature is `r`, `s` and `v`.
SIGNATURE_SIZE: constant(uint256) = 65


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
    settlement: ISettlementViews, epoch: uint256, digest: bytes32, signatures: Bytes[MAX_MEMBERS * SIGNATURE_SIZE]
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
    assert block.timestamp < valid_until, "quorum: wrong committee epoch"
    # No committee has a threshold of zero, and none above MAX_MEMBERS.
    assert threshold != 0 and len(signatures) == threshold * SIGNATURE_SIZE, "quorum: wrong number of signatures"
    last: uint256 = 0
    for i: uint256 in range(threshold, bound=MAX_MEMBERS):
        offset: uint256 = i * SIGNATURE_SIZE
        signer: address = ecdsa._recover_vrs(
            digest,
            convert(slice(signatures, offset + 64, 1), uint256),
            extract32(signatures, offset, output_type=uint256),
            extract32(signatures, offset + 32, output_type=uint256),
        )
        assert convert(signer, uint256) > last, "quorum: signers not ascending"
        assert staticcall settlement.is_member(epoch, signer), "quorum: not a member"
        last = convert(signer, uint256)
