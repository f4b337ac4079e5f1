# pragma version 0.4.3
"""
@title A claim that must hold
@custom:contract-name claim
@license Apache-2.0
@notice The prover looks for an input with which a check ends in Panic(1), as
        Solidity's `assert` does; a revert of any other kind it takes for a
        refused input.
"""


@internal
@pure
def _that(holds: bool):
    """
    @dev Ends in Panic(1) unless the claim holds.
    @param holds Whether it does.
    """
    if not holds:
        raw_revert(abi_encode(convert(1, uint256), method_id=method_id("Panic(uint256)")))
