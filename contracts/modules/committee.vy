# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title The oracle committee and its quorum
@custom:contract-name committee
@license Apache-2.0
@notice A committee has an epoch, up to 32 members and a threshold of more than
        half of them. Appointing the next one leaves the last one valid for a
        short grace, which the guardian can end at once. Whoever is not in the
        new committee is out: membership belongs to an epoch. Settlement's own
        committee is one, the arbiters of disputes are another.
"""


from ..interfaces import ISettlement


# @notice Stateless, need no `uses`.
from . import checks
from . import quorum


# @dev The longest grace of an outgoing committee, in seconds.
MAX_GRACE_S: constant(uint256) = 86_400


# @dev `valid_until` of a committee that nothing has ended.
OPEN_END: constant(uint256) = 2 ** 40 - 1


# @dev The last committee appointed; 0 before the first.
current_epoch: public(uint256)


# @dev By epoch, one slot: valid until 40 bits, threshold 8 bits.
_committees: HashMap[uint256, uint256]


# @dev Membership by `epoch << 160 | member`: one hash a lookup.
_members: HashMap[uint256, bool]


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
def committee(epoch: uint256) -> (uint256, uint256):
    """
    @dev The threshold of a committee and the end of its validity.
    @param epoch The committee's epoch.
    @return uint256 How many signatures are needed, 0 if there was no such
            committee.
    @return uint256 The first second (UTC) in which it cannot settle any more;
            2**40 - 1 while open, 0 if revoked.
    """
    return self._committees[epoch] & 255, self._committees[epoch] >> 8


@external
@view
def is_member(epoch: uint256, member: address) -> bool:
    """
    @dev Whether an address was appointed to a committee.
    @param epoch The committee's epoch.
    @param member The address.
    @return bool Whether it was.
    """
    return self._members[self._seat(epoch, member)]


@internal
def _appoint(members: DynArray[address, 32], threshold: uint256, grace_s: uint256):
    """
    @dev Appoints the next committee.
    @param members Its members, ascending. Reverts if there are none, or if they
           are not strictly ascending (which excludes the zero address and any
           twice).
    @param threshold How many must sign. Reverts unless more than half of the
           members and at most all.
    @param grace_s For how long the outgoing committee stays valid, in seconds.
           Reverts above 24 hours.
    """
    checks._require(
        threshold <= len(members) and 2 * threshold > len(members), "settlement: threshold is not a majority"
    )
    checks._require(grace_s <= MAX_GRACE_S, "settlement: grace too long")
    outgoing: uint256 = self.current_epoch
    epoch: uint256 = outgoing + 1
    last: address = empty(address)
    for member: address in members:
        checks._require(convert(member, uint256) > convert(last, uint256), "settlement: members not ascending")
        last = member
        self._members[self._seat(epoch, member)] = True
    packed: uint256 = self._committees[outgoing]
    # A revoked committee stays so; the one before the first never was.
    previous_valid_until: uint256 = min(packed >> 8, block.timestamp + grace_s)
    self._committees[outgoing] = (previous_valid_until << 8) | (packed & 255)
    self._committees[epoch] = (OPEN_END << 8) | threshold
    self.current_epoch = epoch
    log ISettlement.CommitteeAppointed(
        epoch=epoch, threshold=threshold, members=members, previous_valid_until=previous_valid_until
    )


@internal
def _revoke(epoch: uint256):
    """
    @dev Ends a committee at once and for good.
    @param epoch Its epoch. Reverts unless it is valid now.
    """
    self._committees[epoch] = self._threshold(epoch)
    log ISettlement.CommitteeRevoked(epoch=epoch)


@internal
@view
def _check_quorum(epoch: uint256, digest: bytes32, signatures: Bytes[quorum.MAX_MEMBERS * quorum.SIGNATURE_SIZE]):
    """
    @dev Reverts unless a committee signed.
    @param epoch The committee's epoch. Reverts unless it is valid now.
    @param digest What was signed.
    @param signatures `r`, `s`, `v` (27 or 28) of each signer, joined. Reverts
           unless there are exactly `threshold`, ascending by signer, with low
           `s`, each of a member.
    """
    # A list of the signers would be memory, which every batch would pay for.
    threshold: uint256 = self._threshold(epoch)
    quorum._check_size(len(signatures), threshold)
    signer: address = empty(address)
    offset: uint256 = 0
    for _: uint256 in range(threshold, bound=quorum.MAX_MEMBERS):
        # The offsets stay below `len(signatures)`. `v` is the last byte of the
        # word that ends with the signature.
        signer = quorum._next(
            signer,
            digest,
            extract32(signatures, unsafe_add(offset, 33), output_type=uint256) & 255,
            extract32(signatures, offset, output_type=uint256),
            extract32(signatures, unsafe_add(offset, 32), output_type=uint256),
        )
        checks._require(self._members[self._seat(epoch, signer)], "settlement: not a member")
        offset = unsafe_add(offset, quorum.SIGNATURE_SIZE)


@internal
@view
def _threshold(epoch: uint256) -> uint256:
    """
    @dev How many members must sign.
    @param epoch The committee's epoch. Reverts unless it is valid now.
    @return uint256 The threshold.
    """
    packed: uint256 = self._committees[epoch]
    checks._require(block.timestamp < packed >> 8, "settlement: wrong committee epoch")
    return packed & 255


@internal
@pure
def _seat(epoch: uint256, member: address) -> uint256:
    """
    @dev Where a membership is kept.
    @param epoch The committee's epoch.
    @param member The member.
    @return uint256 The key.
    """
    return (epoch << 160) | convert(member, uint256)
