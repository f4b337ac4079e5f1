# pragma version 0.4.3
"""
@title Batch Distributor For Comparison
@custom:contract-name batch_distributor_mock
@license Apache-2.0
@notice What benchmarks hold payouts against: an ERC-20 batch transfer that checks
        nothing but that the tokens moved, by snekmate's module.
"""


from ethereum.ercs import IERC20


from snekmate.utils import batch_distributor
initializes: batch_distributor


@deploy
def __init__():
    """
    @dev Initialises the module.
    """
    batch_distributor.__init__()


@external
def distribute_token(token: IERC20, data: batch_distributor.Batch):
    """
    @dev See `batch_distributor`.
    @param token The token, of which the caller approved the sum.
    @param data Recipients and amounts.
    """
    batch_distributor._distribute_token(token, data)
