# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Checks that share their code
@custom:contract-name checks
@license Apache-2.0
@notice An `assert` with a reason brings 114 bytes of code for it, each time anew. A
        contract near its size limit asks here instead, which takes 54 bytes less.
        Loops keep their asserts: this one costs gas also where the condition holds.
"""


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
def _require(condition: bool, reason: String[64]):
    """
    @dev Reverts unless a condition holds.
    @param condition The condition.
    @param reason What the contract says otherwise: its name and the fault.
    """
    assert condition, reason


@internal
@pure
def _require_amount(amount: uint256, most: uint256):
    """
    @dev Reverts unless an amount is one.
    @param amount The amount, base units. Not zero.
    @param most The largest it may be.
    """
    self._require(amount != 0 and amount <= most, "settlement: amount out of range")
