# pragma version 0.4.3
"""
@title FeeRouter
@custom:contract-name FeeRouter
@license Apache-2.0
@notice Divides the protocol's fees. The oracles' gas comes first, at a fixed
        sum a settled batch; what remains is shared between stakers, drivers,
        stations and the treasury. Each share is rounded down and the treasury
        takes the rest, so what arrives is what leaves. Amounts are base units
        of the payment token. Specification: docs/protocol.md, section 5.
@custom:kill Governance points `set_fee_router` of the settlement elsewhere; what
             is here still goes out by `route`.
"""


from ethereum.ercs import IERC20


from .interfaces import IFeeRouter
from .interfaces import ISettlement


# @dev Shares are in basis points and sum to this.
BPS: constant(uint256) = 10_000


# @dev The most that oracles can be given for a batch: 100 tokens.
MAX_REIMBURSEMENT: public(constant(uint256)) = 100 * 10 ** 6


# @dev The token that arrives, and the settlement whose batches are counted.
token: public(immutable(IERC20))
settlement: public(immutable(ISettlement))


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


# @dev Who is reimbursed for the oracles, how much a batch, and the last batch
# that was. There is no reimbursement until governance sets one.
oracles: public(address)
reimbursement_per_batch: public(uint256)
reimbursed_batches: public(uint256)


@deploy
def __init__(
    token_: IERC20,
    settlement_: ISettlement,
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
    @dev Sends on what arrived. Anyone may call it. Reverts if there is nothing,
         or if a destination refuses: then nothing leaves until governance names
         another.
    @return uint256 What was shared, after reimbursement, base units.
    """
    amount: uint256 = staticcall token.balanceOf(self)
    assert amount != 0, "router: nothing to route"
    reimbursed: uint256 = self._reimburse(amount)
    amount -= reimbursed
    shares: Shares = self.shares
    to: Destinations = self.destinations
    stakers: uint256 = amount * shares.stakers // BPS
    drivers: uint256 = amount * shares.drivers // BPS
    stations: uint256 = amount * shares.stations // BPS
    treasury: uint256 = amount - stakers - drivers - stations
    log IFeeRouter.Routed(amount=amount, stakers=stakers, drivers=drivers, stations=stations, treasury=treasury)
    self._send(to.stakers, stakers)
    self._send(to.drivers, drivers)
    self._send(to.stations, stations)
    self._send(to.treasury, treasury)
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
def set_reimbursement(oracles: address, per_batch: uint256):
    """
    @dev Sets what the oracles are given for each batch settled from now on.
         Reverts unless the caller is governance.
    @param oracles Who receives it. Reverts if zero.
    @param per_batch Base units. Reverts above the maximum in the code.
    """
    self._check_governance()
    assert oracles != empty(address), "router: zero address"
    assert per_batch <= MAX_REIMBURSEMENT, "router: reimbursement above maximum"
    if self.reimbursement_per_batch == 0:
        # Batches from before there was a price for them are not paid for.
        self.reimbursed_batches = staticcall settlement.batch_count()
    self.oracles = oracles
    self.reimbursement_per_batch = per_batch
    log IFeeRouter.ReimbursementSet(oracles=oracles, per_batch=per_batch)


@internal
def _reimburse(available: uint256) -> uint256:
    """
    @dev Pays the oracles for the batches settled since the last time, as far as
         the money reaches; batches that it does not reach wait.
    @param available What is there, base units.
    @return uint256 What was paid.
    """
    per_batch: uint256 = self.reimbursement_per_batch
    if per_batch == 0:
        return 0
    done: uint256 = self.reimbursed_batches
    batches: uint256 = min(staticcall settlement.batch_count() - done, available // per_batch)
    amount: uint256 = batches * per_batch
    self.reimbursed_batches = done + batches
    if batches != 0:
        log IFeeRouter.Reimbursed(oracles=self.oracles, batches=batches, amount=amount)
        self._send(self.oracles, amount)
    return amount


@internal
def _send(to: address, amount: uint256):
    """
    @dev Sends tokens. Reverts if the token refuses.
    @param to Who receives.
    @param amount Base units, nothing is sent if zero.
    """
    if amount != 0:
        assert extcall token.transfer(to, amount, default_return_value=True), "router: transfer failed"


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
