# pragma version 0.4.3
# pragma optimize codesize
"""
@title Settlement
@custom:contract-name Settlement
@license Apache-2.0
@notice Settles EV charging sessions out of prepaid vaults for a fee of 0.1 %.

        A committee of oracles signs a batch of sessions; anyone submits it. For
        each session the contract checks the signed price against the tariff of
        the station's owner, debits the payer's vault, credits the owner, keeps
        the fee and logs one event. One bad session never blocks a batch: it is
        settled, left unfunded (what is there is paid, the rest is debt) or
        rejected, always with a reason. A connector's sessions have numbers
        without gaps and a running hash, so none can be settled twice, dropped or
        reordered unseen, and sending a batch again changes nothing.

        No tokens move in settlement. They come in by deposit and go out to
        payers, owners and the fee router, and each unit is owed to one of them.
        Amounts are base units of the payment token (6 decimals), times are UTC
        seconds. Specification: docs/protocol.md.
@custom:kill The guardian calls `pause` (48 hours) and `revoke_committee`; with
             no valid committee nothing settles until governance appoints one.
             Withdrawals of payers and owners cannot be stopped.
"""


from ethereum.ercs import IERC20


from .interfaces import IAdjustments
from .interfaces import ICampaignManager
from .interfaces import ISettlement
from .interfaces import ISettlementViews
from .interfaces import IStationRegistry


# @notice Stateless, needs no `initializes`.
from .modules import checks


from snekmate.utils import eip712_domain_separator as domain
initializes: domain


from .modules import custody
initializes: custody


from .modules import ledger
initializes: ledger


from .modules import accruals
initializes: accruals[custody := custody]


from .modules import bounds
initializes: bounds


from .modules import budgets
initializes: budgets[custody := custody]


from .modules import committee as committees
initializes: committees


from .modules import session_clock
initializes: session_clock


from .modules import vaults
initializes: vaults[
    custody := custody,
    ledger := ledger,
]


from .modules import sessions
initializes: sessions[vaults := vaults]


from .modules import batches
initializes: batches[
    accruals := accruals,
    bounds := bounds,
    budgets := budgets,
    committees := committees,
    domain := domain,
    ledger := ledger,
    session_clock := session_clock,
    sessions := sessions,
    vaults := vaults,
]


from .modules import bookings
initializes: bookings[
    accruals := accruals,
    budgets := budgets,
    ledger := ledger,
    vaults := vaults,
]


from .modules import destinations
initializes: destinations[
    accruals := accruals,
    custody := custody,
]


exports: (
    # Payers
    vaults.open_account,
    vaults.deposit,
    vaults.deposit_with_permit,
    vaults.deposit_for,
    vaults.set_daily_limit,
    vaults.request_withdrawal,
    vaults.cancel_withdrawal,
    vaults.withdraw,
    vaults.revoke_mandate,
    vaults.account,
    vaults.account_count,
    vaults.account_holder,
    vaults.limit_for,
    vaults.withdrawal,
    vaults.mandate_revoked_at,
    # Sessions
    batches.settle,
    batches.head,
    batches.batch_commitment,
    ledger.batch_count,
    sessions.FEE_BPS,
    batches.registry,
    batches.predecessor,
    # Station owners
    accruals.withdraw_accrual,
    accruals.accrual,
    destinations.set_destination,
    destinations.destination,
    destinations.DESTINATION_DELAY_S,
    # Payouts
    destinations.pay_out,
    destinations.payouts,
    # Campaigns
    budgets.fund_budget,
    budgets.release_budget,
    budgets.budget,
    budgets.campaigns,
    # Adjustments
    bookings.book,
    bookings.collect_debt,
    bookings.adjustments,
    accruals.held,
    # Fees
    ledger.unrouted_fees,
    ledger.reimbursable,
    bounds.reimbursement_per_batch,
    bounds.MAX_REIMBURSEMENT,
    # Committee
    committees.committee,
    committees.current_epoch,
    committees.is_member,
    # Caps and pauses
    bounds.caps,
    bounds.exposure_limit,
    bounds.MAX_SESSION_CAP,
    bounds.MAX_OWNER_DAY_CAP,
    bounds.MAX_COMMITTEE_DAY_CAP,
    bounds.MAX_EXPOSURE_LIMIT,
    ledger.committee_day,
    ledger.paused_until,
    session_clock.paused_seconds,
    # Custody
    custody.token,
    custody.liabilities,
    # Typed data
    domain.eip712Domain,
)


# @dev The timelock, and who may pause and revoke committees.
governance: public(immutable(address))
guardian: public(immutable(address))


# @dev The contracts that hold rules for money that is here: what campaigns grant,
# what is adjusted about a settled session, and when owners are paid. They are
# deployed after this one, and each refuses to be unless it is named here.
struct Peers:
    campaigns: ICampaignManager
    adjustments: IAdjustments
    payouts: address


# @dev Where fees go; nowhere until governance names it.
fee_router: public(address)


@deploy
def __init__(
    token_: IERC20,
    registry_: IStationRegistry,
    governance_: address,
    guardian_: address,
    members: DynArray[address, 32],
    threshold: uint256,
    peers: Peers,
    predecessor_: ISettlementViews,
):
    """
    @dev Deploys a settlement for one token and one registry and appoints the
         first committee.
    @param token_ The payment token. Reverts unless it has 6 decimals.
    @param registry_ The station registry. Reverts if zero.
    @param governance_ The timelock. Reverts if zero.
    @param guardian_ The guardian. Reverts if zero.
    @param members The first committee, ascending, at most 32.
    @param threshold How many of them must sign, more than half.
    @param peers The contracts with the rules. Reverts if one is zero.
    @param predecessor_ The settlement whose connectors' heads are continued here,
           with the same registry; zero for none.
    """
    assert registry_.address != empty(address), "settlement: no registry"
    assert governance_ != empty(address) and guardian_ != empty(address), "settlement: no governance or guardian"
    assert (
        peers.campaigns.address != empty(address)
        and peers.adjustments.address != empty(address)
        and peers.payouts != empty(address)
    ), "settlement: no peers"
    governance = governance_
    guardian = guardian_
    domain.__init__("ChargeCoin Settlement", "1")
    custody.__init__(token_)
    ledger.__init__()
    accruals.__init__(registry_)
    bounds.__init__()
    budgets.__init__(peers.campaigns)
    committees.__init__()
    committees._appoint(members, threshold, 0)
    session_clock.__init__()
    vaults.__init__()
    sessions.__init__()
    batches.__init__(registry_, predecessor_)
    bookings.__init__(peers.adjustments)
    destinations.__init__(peers.payouts)


@external
@nonreentrant
def route_fees() -> uint256:
    """
    @dev Moves the fees to the fee router, but for those that Adjustments owes to
         owners of refunded sessions. Anyone may call it. Reverts if there is no
         router or nothing to route.
    @return uint256 How much it was, base units.
    """
    router: address = self.fee_router
    amount: uint256 = ledger._take_fees(staticcall bookings.adjustments.fees_due())
    checks._require(amount != 0, "settlement: nothing to route")
    log ISettlement.FeesRouted(router=router, amount=amount)
    custody._give(router, amount)
    return amount


@external
def appoint_committee(members: DynArray[address, 32], threshold: uint256, grace_s: uint256):
    """
    @dev Appoints the next committee. Reverts unless the caller is governance.
    @param members Its members, strictly ascending, at least one.
    @param threshold How many must sign, more than half.
    @param grace_s For how long the outgoing one stays valid, at most 24 hours.
    """
    self._check_governance()
    committees._appoint(members, threshold, grace_s)


@external
def revoke_committee(epoch: uint256):
    """
    @dev Ends a committee at once. Reverts unless the caller is the guardian and
         the committee is valid now.
    @param epoch Its epoch.
    """
    self._check_guardian()
    committees._revoke(epoch)


@external
def pause():
    """
    @dev Stops `settle` and `collect` for 48 hours. Reverts unless the caller is
         the guardian, during a pause, and for 14 days after one.
    """
    self._check_guardian()
    ledger._pause_until(session_clock._pause(ledger._ledger & ledger.MASK_32))


@external
def sunset(successor: address):
    """
    @dev Ends settling here for good, for a settlement elsewhere that continues
         the connectors' heads. Vaults can be withdrawn at once, debts still be
         collected; all else goes on. Reverts unless the caller is governance.
    @param successor Where to, zero for nowhere.
    """
    self._check_governance()
    ledger._pause_until(ledger.FOR_GOOD)
    log ISettlement.Sunset(successor=successor)


@external
def set_caps(session_cap: uint256, owner_day_cap: uint256, committee_day_cap: uint256):
    """
    @dev Sets the caps. Reverts above the maxima in the code, and unless the
         caller is governance.
    @param session_cap The largest gross of a session, base units.
    @param owner_day_cap The largest gross of an owner on a day (UTC).
    @param committee_day_cap The largest gross of all on a day (UTC).
    """
    self._check_governance()
    bounds._set_caps(session_cap, owner_day_cap, committee_day_cap)


@external
def set_exposure_limit(limit: uint256):
    """
    @dev Sets how much debt an account can have. Reverts above the maximum in
         the code, and unless the caller is governance.
    @param limit Base units.
    """
    self._check_governance()
    bounds._set_exposure_limit(limit)


@external
def set_reimbursement(per_batch: uint256):
    """
    @dev Sets what the oracles may be reimbursed for each batch settled from now
         on, as far as the batch's fees are as much. Reverts above the maximum in
         the code, and unless the caller is governance.
    @param per_batch Base units.
    """
    self._check_governance()
    bounds._set_reimbursement(per_batch)


@external
def set_fee_router(router: address):
    """
    @dev Names the contract that fees go to. Reverts unless the caller is
         governance.
    @param router The router. Reverts if zero.
    """
    self._check_governance()
    checks._require(router != empty(address), "settlement: no router")
    self.fee_router = router
    log ISettlement.FeeRouterSet(router=router)


@external
@nonreentrant
def recover_surplus(to: address):
    """
    @dev Takes out tokens that were sent here without a deposit. Reverts unless
         the caller is governance and there are any.
    @param to Who receives.
    """
    self._check_governance()
    amount: uint256 = custody._give_surplus(to)
    log ISettlement.SurplusRecovered(to=to, amount=amount)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @dev The EIP-712 domain separator of batches and mandates.
    @return bytes32 The separator.
    """
    return domain._domain_separator_v4()


@internal
@view
def _check_governance():
    """
    @dev Reverts unless the caller is governance.
    """
    checks._require(msg.sender == governance, "settlement: not governance")


@internal
@view
def _check_guardian():
    """
    @dev Reverts unless the caller is the guardian.
    """
    checks._require(msg.sender == guardian, "settlement: not the guardian")
