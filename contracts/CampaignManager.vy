# pragma version 0.4.3
"""
@title CampaignManager
@custom:contract-name CampaignManager
@license Apache-2.0
@notice The rules of discounts: who grants how much to sessions of which
        connectors, when, and out of whose money.

        A station owner grants discounts at its own connectors (off-peak hours,
        loyalty); a sponsor at connectors that it approves, with a cap a day. The
        budget lies in settlement, which asks here what a campaign grants and
        pays the owner what the driver was spared. Anyone may add to a budget.
        What is left returns to the funders in proportion, once no session of the
        campaign can be settled any more.

        Rules are never changed for the worse: a campaign can be paused, which
        binds sessions that start later, and closed, which ends it now. A better
        one is a new one. How often a driver came before, and how often it may
        profit, is checked by attesters and only stated here.

        Amounts are base units of the payment token, times are UTC seconds, rates
        basis points of a session's price. Specification: docs/protocol.md,
        section 10.
@custom:kill Its creator pauses or closes a campaign. Settlement that must not
             listen to this contract any more is replaced by governance; when it
             has stopped for good, budgets are reclaimed at once.
"""


from .interfaces import ICampaignManager
implements: ICampaignManager


from .interfaces import ISettlementBudgets
from .interfaces import IStationRegistry


# @notice Stateless, needs no `uses`.
from .modules import campaign_rules as rules
from .modules import record


# @notice Needs no `uses`: only a constant of it is used.
from .modules import session_clock


# @dev The kinds of campaigns. The first two are a station owner's, the third is
# a sponsor's.
OFF_PEAK_DISCOUNT: public(constant(uint256)) = 1
LOYALTY_BOOST: public(constant(uint256)) = 2
CO_BRANDED: public(constant(uint256)) = 3


# @dev The longest campaign.
MAX_LENGTH_S: public(constant(uint256)) = 366 * 86_400


# @dev How long after its end, not counting pauses of settlement, a session of a
# campaign may still be settled: the longest session, and then the age at which
# one is too old.
SETTLING_S: public(constant(uint256)) = record.MAX_DURATION_S + session_clock.MAX_AGE_S


# @dev How many connectors one call enrols.
MAX_CONNECTORS: constant(uint256) = 256


# @dev 100 %.
BPS: constant(uint256) = 10_000


# @dev A budget has 80 bits.
MASK_80: constant(uint256) = 2 ** 80 - 1


# @dev Above the hours of the week: min_sessions 32, window_days 16, driver_cap
# 32 bits.
MIN_SESSIONS_SHIFT: constant(uint256) = 168
WINDOW_SHIFT: constant(uint256) = 200
DRIVER_CAP_SHIFT: constant(uint256) = 216


# @dev Where a campaign comes from, most significant first: creator 160, owner
# 32, kind 8, what settlement had been paused when its end was fixed 40 bits.
CREATOR_SHIFT: constant(uint256) = 96
OWNER_SHIFT: constant(uint256) = 64
KIND_SHIFT: constant(uint256) = 56


# @dev Funds, of a campaign as of a funder: funded 128, reclaimed 128 bits.
FUNDED_SHIFT: constant(uint256) = 128
MASK_128: constant(uint256) = 2 ** 128 - 1


# @dev What is asked for.
struct NewCampaign:
    kind: uint256
    # 0 for a sponsor's.
    owner_id: uint256
    name: String[64]
    starts_at: uint256
    # The first second after it.
    ends_at: uint256
    # Bit 0 is Monday from 00:00 to 01:00, local time of the site.
    hour_mask: uint256
    rate_bps: uint256
    session_cap: uint256
    # 0 for none.
    day_cap: uint256
    # How many sessions at the owner's connectors within how many days before a
    # payer must have had; 0 and 0 unless it is a loyalty boost.
    min_sessions: uint256
    window_days: uint256
    # The most sessions of a payer account in all, 0 for any number.
    driver_cap: uint256


# @dev A campaign as it is now, all zero if there is none.
struct Campaign:
    kind: uint256
    owner_id: uint256
    creator: address
    starts_at: uint256
    ends_at: uint256
    paused_from: uint256
    paused_to: uint256
    hour_mask: uint256
    rate_bps: uint256
    session_cap: uint256
    day_cap: uint256
    min_sessions: uint256
    window_days: uint256
    driver_cap: uint256


# @dev A campaign in storage.
struct Stored:
    rules: uint256
    week: uint256
    origin: uint256


# @dev Where the budgets are, and who owns which connector.
settlement: public(immutable(ISettlementBudgets))
registry: public(immutable(IStationRegistry))


# @dev The last campaign created.
campaign_count: public(uint256)


_campaigns: HashMap[uint256, Stored]


# @dev Connectors by campaign and the connector's number without its lowest eight
# bits, one bit each: connectors that were registered one after the other share a
# slot.
_enrolled: HashMap[uint256, HashMap[uint256, uint256]]


# @dev What was funded and reclaimed in all, by campaign, and by campaign and
# funder.
_funds: HashMap[uint256, uint256]
_contributions: HashMap[uint256, HashMap[address, uint256]]


@deploy
def __init__(settlement_: ISettlementBudgets):
    """
    @dev Deploys the manager of a settlement's campaigns.
    @param settlement_ The settlement. Reverts unless it names this address as
           its campaign manager.
    """
    assert staticcall settlement_.campaigns() == self, "campaign_manager: not the settlement's"
    settlement = settlement_
    registry = IStationRegistry(staticcall settlement_.registry())


@external
@nonreentrant
def create(new: NewCampaign, connectors: DynArray[uint256, MAX_CONNECTORS], budget: uint256) -> uint256:
    """
    @dev Creates a campaign. A start in the past is now.
    @param new What it grants. An off-peak discount or a loyalty boost reverts
           unless the caller is the account of `owner_id`; a co-branded one
           unless `owner_id` is 0 and there is a day cap. Reverts unless the name
           is not empty, it ends after its start and after now and at most 366
           days later, the mask has an hour and no others than the 168 of a week,
           the rate is 1 to 10,000, and the session cap is not zero. A number of
           sessions and of days is what a loyalty boost has and no other. Reverts
           if a field does not fit its bits.
    @param connectors Where it holds, as in `enrol`; may be empty.
    @param budget What the caller puts into the budget, approved to settlement;
           may be 0. An own campaign without a budget comes off the owner's net.
    @return uint256 The campaign's number.
    """
    starts_at: uint256 = max(new.starts_at, block.timestamp)
    assert len(new.name) != 0, "campaign_manager: empty name"
    assert new.ends_at > starts_at and new.ends_at - starts_at <= MAX_LENGTH_S, "campaign_manager: dates out of range"
    assert new.ends_at <= rules.MASK_32, "campaign_manager: dates out of range"
    assert new.hour_mask != 0 and new.hour_mask <= rules.HOURS, "campaign_manager: hours out of range"
    assert new.rate_bps != 0 and new.rate_bps <= BPS, "campaign_manager: rate out of range"
    assert (
        new.session_cap != 0 and new.session_cap <= rules.MASK_40 and new.day_cap <= rules.MASK_64
    ), "campaign_manager: cap out of range"
    assert (
        new.min_sessions <= rules.MASK_32 and new.window_days <= rules.MASK_16 and new.driver_cap <= rules.MASK_32
    ), "campaign_manager: condition out of range"
    loyalty: bool = new.kind == LOYALTY_BOOST
    assert (
        (new.min_sessions != 0) == loyalty and (new.window_days != 0) == loyalty
    ), "campaign_manager: sessions and days are for loyalty"
    own: uint256 = 0
    if new.kind == CO_BRANDED:
        assert new.owner_id == 0, "campaign_manager: a sponsor's has no owner"
        assert new.day_cap != 0, "campaign_manager: a sponsor's needs a day cap"
    else:
        assert loyalty or new.kind == OFF_PEAK_DISCOUNT, "campaign_manager: no such kind"
        self._check_owner(new.owner_id)
        own = rules.OWN

    campaign: uint256 = self.campaign_count + 1
    assert campaign <= rules.MASK_32, "campaign_manager: campaigns used up"
    self.campaign_count = campaign
    self._campaigns[campaign] = Stored(
        rules=(
            (starts_at << rules.STARTS_SHIFT)
            | (new.ends_at << rules.ENDS_SHIFT)
            | (new.rate_bps << rules.RATE_SHIFT)
            | (new.session_cap << rules.SESSION_CAP_SHIFT)
            | (new.day_cap << rules.DAY_CAP_SHIFT)
            | own
        ),
        week=(
            new.hour_mask
            | (new.min_sessions << MIN_SESSIONS_SHIFT)
            | (new.window_days << WINDOW_SHIFT)
            | (new.driver_cap << DRIVER_CAP_SHIFT)
        ),
        origin=(
            (convert(msg.sender, uint256) << CREATOR_SHIFT)
            | (new.owner_id << OWNER_SHIFT)
            | (new.kind << KIND_SHIFT)
            | staticcall settlement.paused_seconds()
        ),
    )
    log ICampaignManager.CampaignCreated(
        campaign=campaign,
        creator=msg.sender,
        owner_id=new.owner_id,
        kind=new.kind,
        name=new.name,
        starts_at=starts_at,
        ends_at=new.ends_at,
        hour_mask=new.hour_mask,
        rate_bps=new.rate_bps,
        session_cap=new.session_cap,
        day_cap=new.day_cap,
        min_sessions=new.min_sessions,
        window_days=new.window_days,
        driver_cap=new.driver_cap,
    )
    if len(connectors) != 0:
        self._enrol(campaign, new.owner_id, connectors)
    if budget != 0:
        self._fund(campaign, budget)
    return campaign


@external
def enrol(campaign: uint256, connectors: DynArray[uint256, MAX_CONNECTORS]):
    """
    @dev Adds connectors to a campaign. None is ever taken away: close the
         campaign instead.
    @param campaign The campaign. Reverts unless the caller decides about it and
           it has not ended.
    @param connectors The connectors. Reverts if there is none, if one does not
           exist, or if one is not the owner's whose campaign it is. One that is
           enrolled already stays so.
    """
    self._check_creator(campaign)
    self._check_not_ended(campaign)
    assert len(connectors) != 0, "campaign_manager: no connectors"
    self._enrol(campaign, (self._campaigns[campaign].origin >> OWNER_SHIFT) & rules.MASK_32, connectors)


@external
@nonreentrant
def fund(campaign: uint256, amount: uint256):
    """
    @dev Adds to a campaign's budget. Anyone may; the caller becomes a funder and
         gets back in proportion what is left in the end.
    @param campaign The campaign. Reverts if there is none, if it has ended, or
           if settlement has stopped for good.
    @param amount Base units, approved to settlement. Reverts if zero or if all
           that was funded would pass 80 bits.
    """
    self._check_not_ended(campaign)
    assert amount != 0, "campaign_manager: nothing to fund"
    self._fund(campaign, amount)


@external
def pause(campaign: uint256):
    """
    @dev Stops a campaign for sessions that start from now on.
    @param campaign The campaign. Reverts unless the caller decides about it, and
           if it has ended or is paused.
    """
    self._check_creator(campaign)
    self._check_not_ended(campaign)
    packed: uint256 = self._campaigns[campaign].rules
    assert not self._is_paused(packed), "campaign_manager: paused already"
    self._campaigns[campaign].rules = self._with_pause(packed, block.timestamp, rules.OPEN_PAUSE)
    log ICampaignManager.CampaignPaused(campaign=campaign, paused_from=block.timestamp)


@external
def resume(campaign: uint256):
    """
    @dev Goes on with a campaign for sessions that start from now on. What
         started in the pause stays without; of several pauses the last is held
         against sessions here, and those before by attesters.
    @param campaign The campaign. Reverts unless the caller decides about it and
           it is paused.
    """
    self._check_creator(campaign)
    packed: uint256 = self._campaigns[campaign].rules
    assert self._is_paused(packed), "campaign_manager: not paused"
    self._campaigns[campaign].rules = self._with_pause(
        packed, (packed >> rules.PAUSED_FROM_SHIFT) & rules.MASK_32, block.timestamp
    )
    log ICampaignManager.CampaignResumed(campaign=campaign, paused_to=block.timestamp)


@external
def close(campaign: uint256):
    """
    @dev Ends a campaign now: sessions that start later get nothing.
    @param campaign The campaign. Reverts unless the caller decides about it, and
           if it has ended.
    """
    self._check_creator(campaign)
    self._check_not_ended(campaign)
    stored: Stored = self._campaigns[campaign]
    # Clears the end that was planned, and enters the new one.
    self._campaigns[campaign].rules = (
        (stored.rules & ~(rules.MASK_32 << rules.ENDS_SHIFT)) | (block.timestamp << rules.ENDS_SHIFT)
    )
    self._campaigns[campaign].origin = (stored.origin & ~rules.MASK_40) | staticcall settlement.paused_seconds()
    log ICampaignManager.CampaignClosed(campaign=campaign, ends_at=block.timestamp)


@external
@nonreentrant
def reclaim(campaign: uint256, funder: address) -> uint256:
    """
    @dev Gives a funder its share of what is left, and again later of what came
         back to the budget by refunds. Anyone may call it.
    @param campaign The campaign. Reverts before `reclaimable_from`.
    @param funder Who funded it and receives. Reverts if there is nothing to
           reclaim.
    @return uint256 How much it was, base units.
    """
    contribution: uint256 = self._contributions[campaign][funder]
    assert contribution != 0, "campaign_manager: not a funder"
    assert block.timestamp >= self._reclaimable_from(campaign), "campaign_manager: sessions can still be settled"
    funds: uint256 = self._funds[campaign]
    left: uint256 = (staticcall settlement.budget(campaign))[0]
    # All factors have 80 bits: what was ever in the budget was funded.
    share: uint256 = (contribution >> FUNDED_SHIFT) * (left + (funds & MASK_128)) // (funds >> FUNDED_SHIFT)
    # A share never falls once nobody can fund: what is left and what was
    # reclaimed move between each other, and refunds only add.
    amount: uint256 = share - (contribution & MASK_128)
    assert amount != 0, "campaign_manager: nothing to reclaim"
    self._contributions[campaign][funder] = contribution + amount
    self._funds[campaign] = funds + amount
    extcall settlement.release_budget(campaign, funder, amount)
    return amount


@external
@view
def terms(campaign: uint256, connector_id: uint256) -> (uint256, uint256):
    """
    @dev What a campaign grants at a connector.
    @param campaign The campaign.
    @param connector_id The connector.
    @return uint256 The rules (layout in `modules/campaign_rules.vy`), 0 if there
            is no such campaign or the connector is not enrolled.
    @return uint256 The hours of the week in which a session must start, bit 0 for
            Monday 00, 0 likewise.
    """
    if not self._is_enrolled(campaign, connector_id):
        return 0, 0
    return self._campaigns[campaign].rules, self._campaigns[campaign].week & rules.HOURS


@external
@view
def campaign(campaign: uint256) -> Campaign:
    """
    @dev A campaign as it is now. Its name is in its first event.
    @param campaign The campaign.
    @return Campaign Its rules; a pause that nobody has ended ends at 2**32 - 1.
    """
    stored: Stored = self._campaigns[campaign]
    return Campaign(
        kind=(stored.origin >> KIND_SHIFT) & 255,
        owner_id=(stored.origin >> OWNER_SHIFT) & rules.MASK_32,
        creator=convert(stored.origin >> CREATOR_SHIFT, address),
        starts_at=stored.rules >> rules.STARTS_SHIFT,
        ends_at=(stored.rules >> rules.ENDS_SHIFT) & rules.MASK_32,
        paused_from=(stored.rules >> rules.PAUSED_FROM_SHIFT) & rules.MASK_32,
        paused_to=(stored.rules >> rules.PAUSED_TO_SHIFT) & rules.MASK_32,
        hour_mask=stored.week & rules.HOURS,
        rate_bps=(stored.rules >> rules.RATE_SHIFT) & rules.MASK_16,
        session_cap=(stored.rules >> rules.SESSION_CAP_SHIFT) & rules.MASK_40,
        day_cap=(stored.rules >> rules.DAY_CAP_SHIFT) & rules.MASK_64,
        min_sessions=(stored.week >> MIN_SESSIONS_SHIFT) & rules.MASK_32,
        window_days=(stored.week >> WINDOW_SHIFT) & rules.MASK_16,
        driver_cap=(stored.week >> DRIVER_CAP_SHIFT) & rules.MASK_32,
    )


@external
@view
def is_enrolled(campaign: uint256, connector_id: uint256) -> bool:
    """
    @dev Whether a campaign holds at a connector.
    @param campaign The campaign.
    @param connector_id The connector.
    @return bool Whether it was enrolled.
    """
    return self._is_enrolled(campaign, connector_id)


@external
@view
def funds(campaign: uint256) -> (uint256, uint256):
    """
    @dev What went into a campaign's budget from funders, and back to them.
    @param campaign The campaign.
    @return uint256 Funded in all.
    @return uint256 Reclaimed in all.
    """
    packed: uint256 = self._funds[campaign]
    return packed >> FUNDED_SHIFT, packed & MASK_128


@external
@view
def contribution(campaign: uint256, funder: address) -> (uint256, uint256):
    """
    @dev What a funder put into a campaign's budget, and got back.
    @param campaign The campaign.
    @param funder The funder.
    @return uint256 Funded in all.
    @return uint256 Reclaimed in all.
    """
    packed: uint256 = self._contributions[campaign][funder]
    return packed >> FUNDED_SHIFT, packed & MASK_128


@external
@view
def reclaimable_from(campaign: uint256) -> uint256:
    """
    @dev From when on what is left can be reclaimed, as far as is known now:
         pauses of settlement move it. A pause counts if it begins after the
         campaign was created, or was closed, so this is never earlier than the
         last moment in which a session of it can be settled.
    @param campaign The campaign. Reverts if there is none.
    @return uint256 The first such second; now if settlement has stopped for good.
    """
    assert self._campaigns[campaign].rules != 0, "campaign_manager: no such campaign"
    return self._reclaimable_from(campaign)


@internal
@view
def _check_owner(owner_id: uint256):
    """
    @dev Reverts unless the caller is an owner's account.
    @param owner_id The owner.
    """
    assert msg.sender == staticcall registry.owner_account(owner_id), "campaign_manager: not the owner"


@internal
@view
def _check_creator(campaign: uint256):
    """
    @dev Reverts unless the caller decides about a campaign: the owner's account,
         or the sponsor who created it.
    @param campaign The campaign. Reverts if there is none.
    """
    origin: uint256 = self._campaigns[campaign].origin
    owner_id: uint256 = (origin >> OWNER_SHIFT) & rules.MASK_32
    if owner_id != 0:
        self._check_owner(owner_id)
    else:
        assert msg.sender == convert(origin >> CREATOR_SHIFT, address), "campaign_manager: not the creator"


@internal
@view
def _check_not_ended(campaign: uint256):
    """
    @dev Reverts if a campaign has ended.
    @param campaign The campaign. Reverts if there is none.
    """
    assert (
        block.timestamp < (self._campaigns[campaign].rules >> rules.ENDS_SHIFT) & rules.MASK_32
    ), "campaign_manager: has ended"


@internal
@pure
def _is_paused(packed: uint256) -> bool:
    """
    @dev Whether a campaign is paused now.
    @param packed Its rules.
    @return bool Whether nobody has ended its last pause.
    """
    return (packed >> rules.PAUSED_TO_SHIFT) & rules.MASK_32 == rules.OPEN_PAUSE


@internal
@pure
def _with_pause(packed: uint256, paused_from: uint256, paused_to: uint256) -> uint256:
    """
    @dev Rules with another pause.
    @param packed The rules.
    @param paused_from The first second of the pause.
    @param paused_to The first second after it.
    @return uint256 The new rules.
    """
    return (
        (packed & ~rules.PAUSE_FIELDS)
        | (paused_from << rules.PAUSED_FROM_SHIFT)
        | (paused_to << rules.PAUSED_TO_SHIFT)
    )


@internal
@view
def _is_enrolled(campaign: uint256, connector_id: uint256) -> bool:
    """
    @dev Whether a campaign holds at a connector.
    @param campaign The campaign.
    @param connector_id The connector.
    @return bool Whether it was enrolled.
    """
    return (self._enrolled[campaign][connector_id >> 8] >> (connector_id & 255)) & 1 == 1


@internal
@view
def _has_stopped() -> bool:
    """
    @dev Whether settlement has stopped for good, so that nothing can be spent.
    @return bool Whether its last pause has no end.
    """
    return staticcall settlement.paused_until() == rules.MASK_32


@internal
@view
def _reclaimable_from(campaign: uint256) -> uint256:
    """
    @dev See `reclaimable_from`.
    @param campaign The campaign, which exists.
    @return uint256 UTC seconds.
    """
    if self._has_stopped():
        return block.timestamp
    stored: Stored = self._campaigns[campaign]
    # A session that started before the end was over `MAX_DURATION_S` later, and
    # its age stood still in every pause after that. Pauses before are counted
    # too, which is later than need be and never too early.
    return (
        ((stored.rules >> rules.ENDS_SHIFT) & rules.MASK_32)
        + SETTLING_S
        + (staticcall settlement.paused_seconds() - (stored.origin & rules.MASK_40))
    )


@internal
def _enrol(campaign: uint256, owner_id: uint256, connectors: DynArray[uint256, MAX_CONNECTORS]):
    """
    @dev Enters connectors.
    @param campaign The campaign.
    @param owner_id Whose connectors they must be, 0 for anyone's.
    @param connectors The connectors. Reverts if one is not.
    """
    for connector_id: uint256 in connectors:
        owner: uint256 = (staticcall registry.run_terms(connector_id, 0))[0]
        assert owner != 0, "campaign_manager: no such connector"
        assert owner_id == 0 or owner == owner_id, "campaign_manager: not the owner's connector"
        self._enrolled[campaign][connector_id >> 8] |= 1 << (connector_id & 255)
    log ICampaignManager.ConnectorsEnrolled(campaign=campaign, connectors=connectors)


@internal
def _fund(campaign: uint256, amount: uint256):
    """
    @dev Takes the caller's tokens into a budget and remembers whose they were.
    @param campaign The campaign.
    @param amount Base units.
    """
    # Shares are fixed once there can be a reclaim.
    assert not self._has_stopped(), "campaign_manager: settlement has stopped"
    funds: uint256 = self._funds[campaign]
    assert amount <= MASK_80 and (funds >> FUNDED_SHIFT) + amount <= MASK_80, "campaign_manager: budget too large"
    self._funds[campaign] = funds + (amount << FUNDED_SHIFT)
    self._contributions[campaign][msg.sender] += amount << FUNDED_SHIFT
    extcall settlement.fund_budget(campaign, msg.sender, amount)
