# pragma version 0.4.3
"""
@title A Token With A Fault
@custom:contract-name odd_token_mock
@license Apache-2.0
@notice A token for tests that has the decimals it is told and does one thing
        wrong, or calls back at the wrong moment. Anyone can mint.
"""


# @dev What it does wrong.
flag Fault:
    NOTHING
    TAKES_FEE
    RETURNS_FALSE
    MOVES_NOTHING
    CALLS_BACK


decimals: public(uint8)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
fault: public(Fault)
target: address
data: Bytes[1_024]


# @dev Whether the call back went through.
called_back: public(bool)


@deploy
def __init__(decimals: uint8):
    """
    @dev Deploys it without a fault.
    @param decimals Its decimals.
    """
    self.decimals = decimals
    self.fault = Fault.NOTHING


@external
def mint(to: address, amount: uint256):
    """
    @dev Makes tokens.
    @param to Whose they are.
    @param amount How many.
    """
    self.balanceOf[to] += amount


@external
def set_fault(fault: Fault):
    """
    @dev Chooses what is wrong from now on.
    @param fault The fault.
    """
    self.fault = fault


@external
def set_call_back(target: address, data: Bytes[1_024]):
    """
    @dev Chooses what is called in the middle of the next transfer.
    @param target The contract.
    @param data The call.
    """
    self.fault = Fault.CALLS_BACK
    self.target = target
    self.data = data


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
    @dev Moves tokens, in its own way.
    @param to To whom.
    @param amount How many.
    @return bool Whether it says that it did.
    """
    return self._move(msg.sender, to, amount)


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves someone's tokens, in its own way.
    @param owner Whose.
    @param to To whom.
    @param amount How many.
    @return bool Whether it says that it did.
    """
    self.allowance[owner][msg.sender] -= amount
    return self._move(owner, to, amount)


@internal
def _move(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves tokens as the fault has it.
    @param owner Whose.
    @param to To whom.
    @param amount How many.
    @return bool Whether it says that it did.
    """
    if self.fault == Fault.RETURNS_FALSE:
        return False
    if self.fault == Fault.MOVES_NOTHING:
        return True
    if self.fault == Fault.CALLS_BACK:
        self.called_back = raw_call(self.target, self.data, revert_on_failure=False)
    arriving: uint256 = amount
    if self.fault == Fault.TAKES_FEE:
        arriving -= amount // 100
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += arriving
    return True
