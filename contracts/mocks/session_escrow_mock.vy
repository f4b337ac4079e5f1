# pragma version 0.4.3
"""
@title Escrow A Session For Comparison
@custom:contract-name session_escrow_mock
@license Apache-2.0
@notice What benchmarks hold settlement against: how payment for charging is mostly
        built elsewhere. The driver puts the most that a session may cost into an
        escrow before it starts; after it an operator states the price, and the
        station's owner, the protocol and the driver are paid. Two transactions a
        session, and as little in each of them as that allows. Amounts are base
        units of the payment token.
"""


from ethereum.ercs import IERC20


event Opened:
    session: indexed(uint256)
    driver: indexed(address)
    owner: indexed(address)
    deposit: uint256


event Closed:
    session: indexed(uint256)
    energy_wh: uint256
    gross: uint256
    fee: uint256


# @dev The fee in parts of the price.
FEE_DIVISOR: constant(uint256) = 1_000


struct Session:
    driver: address
    deposit: uint96
    owner: address


token: immutable(IERC20)
operator: immutable(address)
treasury: immutable(address)


session_count: public(uint256)
_sessions: HashMap[uint256, Session]


@deploy
def __init__(token_: IERC20, operator_: address, treasury_: address):
    """
    @dev Deploys it.
    @param token_ The payment token.
    @param operator_ Who states prices.
    @param treasury_ Who gets the fees.
    """
    token = token_
    operator = operator_
    treasury = treasury_


@external
def open(owner: address, deposit: uint96) -> uint256:
    """
    @dev Begins a session of the caller.
    @param owner The station's owner.
    @param deposit The most it may cost, approved by the caller.
    @return uint256 Its number.
    """
    session: uint256 = self.session_count + 1
    self.session_count = session
    self._sessions[session] = Session(driver=msg.sender, deposit=deposit, owner=owner)
    log Opened(session=session, driver=msg.sender, owner=owner, deposit=convert(deposit, uint256))
    assert extcall token.transferFrom(msg.sender, self, convert(deposit, uint256)), "escrow: transfer failed"
    return session


@external
def close(session: uint256, energy_wh: uint256, gross: uint256):
    """
    @dev Ends a session and pays everybody.
    @param session Its number. Reverts if there is none.
    @param energy_wh What was charged, Wh.
    @param gross What it costs. Reverts above the deposit, and unless the caller
           is the operator.
    """
    assert msg.sender == operator, "escrow: not the operator"
    one: Session = self._sessions[session]
    assert one.driver != empty(address), "escrow: no such session"
    self._sessions[session] = empty(Session)
    fee: uint256 = gross // FEE_DIVISOR
    rest: uint256 = convert(one.deposit, uint256) - gross
    log Closed(session=session, energy_wh=energy_wh, gross=gross, fee=fee)
    assert extcall token.transfer(one.owner, gross - fee), "escrow: transfer failed"
    assert extcall token.transfer(treasury, fee), "escrow: transfer failed"
    if rest != 0:
        assert extcall token.transfer(one.driver, rest), "escrow: transfer failed"
