# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Custody of the payment token
@custom:contract-name custody
@license Apache-2.0
@notice The one door for tokens. `liabilities` is the sum of everything the
        contract owes; what it holds beyond that came by donation and is the
        only thing governance can take out. Amounts are base units.
"""


from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed


# @dev The payment token. It has 6 decimals and moves exactly what it is told.
token: public(immutable(IERC20))


# @dev What the contract owes in all.
liabilities: public(uint256)


@deploy
@payable
def __init__(token_: IERC20):
    """
    @dev Takes the payment token. To omit the opcodes for checking the
         `msg.value`, the constructor is declared as `payable`.
    @param token_ The token. Reverts unless it has 6 decimals.
    """
    assert staticcall IERC20Detailed(token_.address).decimals() == 6, "custody: token needs 6 decimals"
    token = token_


@internal
def _take(sender: address, amount: uint256):
    """
    @dev Moves tokens in and owes them. The caller has credited someone already
         and holds the reentrancy lock. Reverts if the token delivers anything
         but the exact amount, so a token with a fee on transfer cannot be used.
    @param sender Who pays; has approved this contract.
    @param amount How much.
    """
    self.liabilities += amount
    before: uint256 = staticcall token.balanceOf(self)
    assert extcall token.transferFrom(sender, self, amount, default_return_value=True), "custody: transfer failed"
    assert staticcall token.balanceOf(self) == before + amount, "custody: token moved another amount"


@internal
def _give(to: address, amount: uint256):
    """
    @dev Moves owed tokens out. The caller has debited someone already and holds
         the reentrancy lock. Reverts if the token refuses.
    @param to Who receives. Reverts if zero.
    @param amount How much.
    """
    assert to != empty(address), "custody: no recipient"
    self.liabilities -= amount
    assert extcall token.transfer(to, amount, default_return_value=True), "custody: transfer failed"


@internal
def _give_surplus(to: address) -> uint256:
    """
    @dev Moves out what nobody is owed. Reverts if there is nothing.
    @param to Who receives. Reverts if zero.
    @return uint256 How much it was.
    """
    assert to != empty(address), "custody: no recipient"
    surplus: uint256 = staticcall token.balanceOf(self) - self.liabilities
    assert surplus != 0, "custody: no surplus"
    assert extcall token.transfer(to, surplus, default_return_value=True), "custody: transfer failed"
    return surplus
