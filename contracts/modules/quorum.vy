# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Who signed
@custom:contract-name quorum
@license Apache-2.0
@notice A quorum is exactly `threshold` signatures with low `s`, ascending by
        signer, so no signature is counted twice and none is carried along unread.
        Whether the signers may sign is for whoever asks: the committee's own
        contract (modules/committee.vy) or another (modules/settlement_quorum.vy).
"""


# @notice Stateless, need no `uses`.
from snekmate.utils import ecdsa
from . import checks


# @dev The largest committee.
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
@pure
def _signers(
    digest: bytes32, threshold: uint256, signatures: Bytes[MAX_MEMBERS * SIGNATURE_SIZE]
) -> DynArray[address, MAX_MEMBERS]:
    """
    @dev Who signed.
    @param digest What was signed.
    @param threshold How many must have, at most 255.
    @param signatures `r`, `s`, `v` (27 or 28) of each signer, joined. Reverts
           unless there are exactly `threshold`, ascending by signer, with low
           `s`.
    @return DynArray The signers, ascending.
    """
    self._check_size(len(signatures), threshold)
    signers: DynArray[address, MAX_MEMBERS] = []
    signer: address = empty(address)
    offset: uint256 = 0
    for _: uint256 in range(threshold, bound=MAX_MEMBERS):
        # As in modules/committee.vy.
        signer = self._next(
            signer,
            digest,
            extract32(signatures, unsafe_add(offset, 33), output_type=uint256) & 255,
            extract32(signatures, offset, output_type=uint256),
            extract32(signatures, unsafe_add(offset, 32), output_type=uint256),
        )
        signers.append(signer)
        offset = unsafe_add(offset, SIGNATURE_SIZE)
    return signers


@internal
@pure
def _check_size(size: uint256, threshold: uint256):
    """
    @dev Reverts unless there are as many signatures as are needed.
    @param size Their size in bytes.
    @param threshold How many there must be, at most 255.
    """
    # At most 65 * 255.
    checks._require(size == unsafe_mul(threshold, SIGNATURE_SIZE), "quorum: wrong number of signatures")


@internal
@pure
def _next(before: address, digest: bytes32, v: uint256, r: uint256, s: uint256) -> address:
    """
    @dev Who made the next signature. Reverts if it is malformed, has a high `s`, or
         if the signer does not come after the one before.
    @param before The signer before, zero for none.
    @param digest What was signed.
    @param v, r, s The signature.
    @return address The signer.
    """
    signer: address = ecdsa._recover_vrs(digest, v, r, s)
    checks._require(convert(signer, uint256) > convert(before, uint256), "quorum: signers not ascending")
    return signer
