# pragma version 0.4.3
"""
@title A Token That Returns Nothing
@custom:contract-name silent_token_mock
@license Apache-2.0
@notice Some tokens in use return no value from `transfer` and `transferFrom`. It
        has 6 decimals. Anyone can mint.
"""


balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


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
def approve(spender: address, amount: uint256):
    """
    @dev Lets someone take tokens.
    @param spender Who.
    @param amount How many.
    """
    self.allowance[msg.sender][spender] = amount


@external
def transfer(to: address, amount: uint256):
    """
    @dev Moves tokens.
    @param to To whom.
    @param amount How many.
    """
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount


@external
def transferFrom(owner: address, to: address, amount: uint256):
    """
    @dev Moves someone's tokens.
    @param owner Whose.
    @param to To whom.
    @param amount How many.
    """
    self.allowance[owner][msg.sender] -= amount
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
