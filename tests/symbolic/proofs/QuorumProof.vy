# pragma version 0.4.3
"""
@title Who has signed
@custom:contract-name QuorumProof
@license Apache-2.0
@notice `modules/committee.vy`: who can be appointed, and that a quorum that is let
        through is `threshold` different members of a committee that is valid. The
        recovery of a signer is any function of digest and signature to the prover.
"""


from contracts.modules import committee
initializes: committee


from tests.symbolic.proofs import claim


@deploy
def __init__():
    """
    @dev Nobody is appointed at first.
    """
    committee.__init__()


@external
def check_an_appointed_committee_is_a_majority_of_different_members(
    one: address, two: address, three: address, threshold: uint256, grace_s: uint256
):
    """
    @dev Of three members; whatever is appointed has a threshold of two or three.
    """
    if grace_s > 2 ** 32 or threshold > 2 ** 32:
        return
    committee._appoint([one, two, three], threshold, grace_s)
    claim._that(threshold == 2 or threshold == 3)
    claim._that(one != empty(address) and convert(one, uint256) < convert(two, uint256))
    claim._that(convert(two, uint256) < convert(three, uint256) and grace_s <= 86_400)


@external
def check_a_quorum_is_two_different_members_of_a_valid_committee(
    epoch: uint256, valid_until: uint256, members: address[3], digest: bytes32, signatures: Bytes[130]
):
    """
    @dev Any committee of three with a threshold of two. Whoever the signers are,
         they are two of the three.
    """
    if valid_until >= 2 ** 40 or epoch >= 2 ** 96:
        return
    for member: address in members:
        committee._members[committee._seat(epoch, member)] = True
    committee._committees[epoch] = (valid_until << 8) | 2
    committee._check_quorum(epoch, digest, signatures)
    claim._that(block.timestamp < valid_until)
    claim._that(len(signatures) == 130)
    first: address = self._signer(digest, signatures, 0)
    second: address = self._signer(digest, signatures, 65)
    claim._that(first != empty(address) and convert(first, uint256) < convert(second, uint256))
    claim._that(first in members and second in members)
    # The upper half of `s` is refused, so no signature has a twin.
    half: uint256 = 57896044618658097711785492504343953926418782139537452191302581570759080747168
    claim._that(extract32(signatures, 32, output_type=uint256) <= half)
    claim._that(extract32(signatures, 97, output_type=uint256) <= half)


@internal
@view
def _signer(digest: bytes32, signatures: Bytes[130], offset: uint256) -> address:
    """
    @dev Who signed, by the precompile and nothing else.
    @param digest What was signed.
    @param signatures The signatures.
    @param offset Where the signature begins.
    @return address The signer.
    """
    return ecrecover(
        digest,
        convert(slice(signatures, offset + 64, 1), uint256),
        extract32(signatures, offset, output_type=uint256),
        extract32(signatures, offset + 32, output_type=uint256),
    )
