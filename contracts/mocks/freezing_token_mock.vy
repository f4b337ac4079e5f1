# pragma version 0.4.3
"""
@title A Token That Freezes Addresses
@custom:contract-name freezing_token_mock
@license Apache-2.0
@notice Issuers of some tokens can freeze an address, which can then neither give
        nor receive. It has 6 decimals. Anyone can mint and freeze.
"""


balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
frozen: public(HashMap[address, bool])


@external
@view
def decimals() -> uint8:
    """
    @dev Its decimals.
    @return uint8 Six.
    """
    return 6


@external
def mint(to: address, amount: uint256):
    """
    @dev Makes tokens.
    @param to Whose they are.
    @param amount How many.
    """
    self.balanceOf[to] += amount


@external
def freeze(who: address, frozen: bool):
    """
    @dev Freezes an address, or no longer.
    @param who The address.
    @param frozen Whether it is frozen.
    """
    self.frozen[who] = frozen


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @dev Lets someone take tokens.
    @param spender Who.
    @param amount How many.
    @return bool Always true.
    """
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @dev Moves tokens. Reverts if one of both is frozen.
    @param to To whom.
    @param amount How many.
    @return bool Always true.
    """
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves someone's tokens. Reverts if one of both is frozen.
    @param owner Whose.
    @param to To whom.
    @param amount How many.
    @return bool Always true.
    """
    self.allowance[owner][msg.sender] -= amount
    self._move(owner, to, amount)
    return True


@internal
def _move(owner: address, to: address, amount: uint256):
    """
    @dev Moves tokens.
    @param owner Whose.
    @param to To whom.
    @param amount How many.
    """
    assert not self.frozen[owner] and not self.frozen[to], "token: frozen"
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
