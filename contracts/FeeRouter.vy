# pragma version 0.4.3
"""
@title FeeRouter
@custom:contract-name FeeRouter
@license Apache-2.0
@notice Divides the protocol's fees. The oracles' gas comes first, by what
        settlement counts as reimbursable: a fixed sum a batch, and never more
        than the batch brought in. What remains is shared between stakers,
        drivers, stations and the treasury. Each share is rounded down and the
        treasury takes the rest, so what arrives is what leaves. A destination
        that refuses holds up nobody else: its share is kept for it. Amounts
        are base units of the payment token. Specification: docs/protocol.md,
        section 5.
@custom:kill Governance points `set_fee_router` of the settlement elsewhere; what
             is here still goes out by `route`.
"""


from ethereum.ercs import IERC20


from .interfaces import IFeeRouter
from .interfaces import ISettlementViews


# @dev Shares are in basis points and sum to this.
BPS: constant(uint256) = 10_000


# @dev The token that arrives, and the settlement that says what its oracles are
# to be given.
token: public(immutable(IERC20))
settlement: public(immutable(ISettlementViews))


# @dev Sets shares and destinations; a timelock.
governance: public(immutable(address))


struct Shares:
    stakers: uint256
    drivers: uint256
    stations: uint256
    treasury: uint256


struct Destinations:
    stakers: address
    drivers: address
    stations: address
    treasury: address


# @dev How what remains is shared, in basis points.
shares: public(Shares)


# @dev Who receives each share.
destinations: public(Destinations)


# @dev Who is reimbursed for the oracles; nobody until governance names someone.
oracles: public(address)


# @dev How much of what settlement calls reimbursable, which only grows, has been
# given.
reimbursed: public(uint256)


# @dev What is kept for destinations that refused it, and the sum of that. Only
# what is here beyond the sum has yet to be shared.
owed: public(HashMap[address, uint256])
total_owed: public(uint256)


@deploy
def __init__(
    token_: IERC20,
    settlement_: ISettlementViews,
    governance_: address,
    destinations_: Destinations,
    shares_: Shares,
):
    """
    @dev Deploys the router.
    @param token_ The payment token. Reverts if zero.
    @param settlement_ The settlement. Reverts if zero.
    @param governance_ The timelock. Reverts if zero.
    @param destinations_ Who receives. Reverts if one is zero.
    @param shares_ Basis points. Reverts unless they sum to 10,000.
    """
    assert (
        token_.address != empty(address)
        and settlement_.address != empty(address)
        and governance_ != empty(address)
    ), "router: zero address"
    token = token_
    settlement = settlement_
    governance = governance_
    self._set_destinations(destinations_)
    self._set_shares(shares_)


@external
@nonreentrant
def route() -> uint256:
    """
    @dev Sends on what arrived. Anyone may call it. Reverts if nothing did.
    @return uint256 What was shared, after reimbursement, base units.
    """
    amount: uint256 = staticcall token.balanceOf(self) - self.total_owed
    assert amount != 0, "router: nothing to route"
    amount -= self._reimburse(amount)
    shares: Shares = self.shares
    to: Destinations = self.destinations
    stakers: uint256 = amount * shares.stakers // BPS
    drivers: uint256 = amount * shares.drivers // BPS
    stations: uint256 = amount * shares.stations // BPS
    treasury: uint256 = amount - stakers - drivers - stations
    log IFeeRouter.Routed(amount=amount, stakers=stakers, drivers=drivers, stations=stations, treasury=treasury)
    self._send_or_keep(to.stakers, stakers)
    self._send_or_keep(to.drivers, drivers)
    self._send_or_keep(to.stations, stations)
    self._send_or_keep(to.treasury, treasury)
    return amount


@external
@nonreentrant
def retry(to: address) -> uint256:
    """
    @dev Sends a destination what it refused before. Anyone may call it.
    @param to The destination. Reverts if nothing is kept for it or it refuses
           again.
    @return uint256 How much it was, base units.
    """
    amount: uint256 = self.owed[to]
    assert amount != 0, "router: nothing is owed"
    self.owed[to] = 0
    self.total_owed -= amount
    assert self._send(to, amount), "router: refused again"
    log IFeeRouter.RouteRetried(to=to, amount=amount)
    return amount


@external
def set_shares(shares_: Shares):
    """
    @dev Sets the shares of what arrives or waits here. Reverts unless the caller
         is governance.
    @param shares_ Basis points. Reverts unless they sum to 10,000.
    """
    self._check_governance()
    self._set_shares(shares_)


@external
def set_destinations(destinations_: Destinations):
    """
    @dev Sets who receives. Reverts unless the caller is governance.
    @param destinations_ Reverts if one is zero.
    """
    self._check_governance()
    self._set_destinations(destinations_)


@external
def set_oracles(oracles: address):
    """
    @dev Names who is reimbursed for the oracles. Reverts unless the caller is
         governance.
    @param oracles Who receives. Reverts if zero.
    """
    self._check_governance()
    assert oracles != empty(address), "router: zero address"
    if self.oracles == empty(address):
        # What became reimbursable before, an earlier router has paid or nobody
        # was to be paid.
        self.reimbursed = staticcall settlement.reimbursable()
    self.oracles = oracles
    log IFeeRouter.OraclesSet(oracles=oracles)


@internal
def _reimburse(available: uint256) -> uint256:
    """
    @dev Pays the oracles what became reimbursable since the last time, as far
         as the money reaches; what it does not reach waits.
    @param available What is there, base units.
    @return uint256 What left it, base units.
    """
    oracles: address = self.oracles
    if oracles == empty(address):
        return 0
    reimbursed: uint256 = self.reimbursed
    amount: uint256 = min(staticcall settlement.reimbursable() - reimbursed, available)
    if amount != 0:
        self.reimbursed = reimbursed + amount
        log IFeeRouter.Reimbursed(oracles=oracles, amount=amount)
        self._send_or_keep(oracles, amount)
    return amount


@internal
def _send_or_keep(to: address, amount: uint256):
    """
    @dev Sends tokens, or keeps them for who refuses. A caller cannot have it
         refused by giving too little gas: of what a transfer needs at least,
         the 64th part that remains does not pay for keeping it.
    @param to Who receives.
    @param amount Base units, nothing is sent if zero.
    """
    if amount != 0 and not self._send(to, amount):
        self.owed[to] += amount
        self.total_owed += amount
        log IFeeRouter.RouteFailed(to=to, amount=amount)


@internal
def _send(to: address, amount: uint256) -> bool:
    """
    @dev Tries to send tokens.
    @param to Who receives.
    @param amount Base units.
    @return bool Whether the token did: it went through, and what it answered, if
            anything, is true.
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        token.address,
        abi_encode(to, amount, method_id=method_id("transfer(address,uint256)")),
        max_outsize=32,
        revert_on_failure=False,
    )
    return success and (len(answer) == 0 or convert(answer, uint256) == 1)


@internal
@view
def _check_governance():
    """
    @dev Reverts unless the caller is governance.
    """
    assert msg.sender == governance, "router: not governance"


@internal
def _set_shares(shares_: Shares):
    """
    @dev Sets the shares.
    @param shares_ Basis points, which must sum to 10,000.
    """
    assert shares_.stakers + shares_.drivers + shares_.stations + shares_.treasury == BPS, "router: shares must sum to 10,000"
    self.shares = shares_
    log IFeeRouter.SharesSet(
        stakers=shares_.stakers, drivers=shares_.drivers, stations=shares_.stations, treasury=shares_.treasury
    )


@internal
def _set_destinations(destinations_: Destinations):
    """
    @dev Sets who receives.
    @param destinations_ None may be zero.
    """
    assert (
        destinations_.stakers != empty(address)
        and destinations_.drivers != empty(address)
        and destinations_.stations != empty(address)
        and destinations_.treasury != empty(address)
    ), "router: zero address"
    self.destinations = destinations_
    log IFeeRouter.DestinationsSet(
        stakers=destinations_.stakers,
        drivers=destinations_.drivers,
        stations=destinations_.stations,
        treasury=destinations_.treasury,
    )
