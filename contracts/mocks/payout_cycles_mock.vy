# pragma version 0.4.3
"""
@title payout_cycles Module Mock
@custom:contract-name payout_cycles_mock
@license Apache-2.0
@notice Shows how to import the module, and lets tests call what is internal.
"""


from ..modules import payout_cycles


@external
@pure
def due_days(today: uint256) -> uint256[4]:
    """
    @dev See `payout_cycles`.
    @param today The day.
    @return uint256[4] The first day of each cycle that contains it.
    """
    return payout_cycles._due_days(today)
