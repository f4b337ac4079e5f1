# pragma version 0.4.3
"""
@title Claims that do not hold
@custom:contract-name WrongProof
@license Apache-2.0
@notice A prover that agrees with everything proves nothing: it must find what
        breaks each of these.
"""


from contracts.modules import committee
initializes: committee


from contracts.modules import record
from contracts.modules import tariff
from tests.symbolic.proofs import claim


@deploy
def __init__():
    """
    @dev Nobody is appointed at first.
    """
    committee.__init__()


@external
@pure
def check_every_record_is_out_of_range(word: uint256):
    """
    @dev One with an assurance is not.
    """
    claim._that(not record._in_range(word))


@external
@pure
def check_an_hour_may_be_168(word: uint256):
    """
    @dev Off by one in a single field.
    """
    if word >> 164 != 0 or word % 2 ** 40 != 2 ** 19:
        return
    claim._that(record._in_range(word) == (word // 2 ** 144 == 0 and word // 2 ** 40 % 2 ** 8 <= 168))


@external
@pure
def check_a_price_of_28_bits_is_packed(price: uint256):
    """
    @dev It is refused: the claim is about all prices, and no path may be lost.
    """
    claim._that(price < 2 ** 27 or tariff._bounded(price << 3, 0, 0, 0, 0) == price)


@external
def check_no_quorum_is_let_through(epoch: uint256, members: address[3], digest: bytes32, signatures: Bytes[130]):
    """
    @dev There are signatures that are.
    """
    for member: address in members:
        committee._members[committee._seat(epoch, member)] = True
    committee._committees[epoch] = ((2 ** 40 - 1) << 8) | 2
    committee._check_quorum(epoch, digest, signatures)
    claim._that(False)
