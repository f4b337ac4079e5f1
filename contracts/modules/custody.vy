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


# @notice Stateless, needs no `uses`.
from . import checks


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
    before: uint256 = self._balance()
    moved: bool = self._call(
        abi_encode(sender, self, amount, method_id=method_id("transferFrom(address,address,uint256)"))
    )
    checks._require(moved, "custody: transfer failed")
    checks._require(self._balance() == before + amount, "custody: token moved another amount")


@internal
def _give(to: address, amount: uint256):
    """
    @dev Moves owed tokens out. The caller has debited someone already and holds
         the reentrancy lock. Reverts if the token refuses.
    @param to Who receives. Reverts if zero.
    @param amount How much.
    """
    checks._require(self._try_to_give(to, amount), "custody: transfer failed")


@internal
def _try_to_give(to: address, amount: uint256) -> bool:
    """
    @dev Moves owed tokens out, unless the token refuses: then nothing has
         changed. The caller holds the reentrancy lock, and has debited someone or
         does it if the tokens moved.
    @param to Who receives. Reverts if zero.
    @param amount How much.
    @return bool Whether they moved.
    """
    if not self._transfer(to, amount):
        return False
    self.liabilities -= amount
    return True


@internal
def _give_surplus(to: address) -> uint256:
    """
    @dev Moves out what nobody is owed. Reverts if there is nothing.
    @param to Who receives. Reverts if zero.
    @return uint256 How much it was.
    """
    surplus: uint256 = self._balance() - self.liabilities
    checks._require(surplus != 0, "custody: no surplus")
    checks._require(self._transfer(to, surplus), "custody: transfer failed")
    return surplus


@internal
def _permit(amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @dev Hands the caller's permit to the token (EIP-2612). If the token refuses,
         somebody may have handed it in before, and the allowance is there: the
         transfer decides.
    @param amount How much it permits.
    @param deadline Until when it counts.
    @param v, r, s The caller's signature.
    """
    self._call(
        abi_encode(
            msg.sender,
            self,
            amount,
            deadline,
            v,
            r,
            s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        )
    )


@internal
@view
def _balance() -> uint256:
    """
    @dev What is here.
    @return uint256 Base units.
    """
    return staticcall token.balanceOf(self)


@internal
def _transfer(to: address, amount: uint256) -> bool:
    """
    @dev Asks the token to move what is here.
    @param to Who receives. Reverts if zero.
    @param amount How much.
    @return bool Whether it did.
    """
    checks._require(to != empty(address), "custody: no recipient")
    return self._call(abi_encode(to, amount, method_id=method_id("transfer(address,uint256)")))


@internal
def _call(data: Bytes[228]) -> bool:
    """
    @dev Asks the token for something. It has code, or it would have no decimals.
    @param data Which function, and with what.
    @return bool Whether it neither reverted nor returned anything but true. A token
            that returns nothing means the same.
    """
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(token.address, data, max_outsize=32, revert_on_failure=False)
    return success and (len(response) == 0 or convert(response, uint256) == 1)
