# pragma version 0.4.3
"""
@title Payouts
@custom:contract-name Payouts
@license Apache-2.0
@notice When station owners are paid what their sessions earned: daily, weekly,
        monthly, or whenever they ask, from a threshold on.

        The money and where it goes to are settlement's. Here is only the
        schedule, and a door for anyone to have those paid who are due. An owner
        whose transfer is refused is skipped and logged by settlement, keeps its
        accrual, stays due and is tried again with the next batch.

        Amounts are base units of the payment token; a day is block time //
        86,400 (UTC). Specification: docs/protocol.md, section 11.
@custom:kill An owner stops its own payouts by a cycle of 0 and withdraws from
             settlement instead, as everybody can if this contract fails: it
             holds nothing and can send nowhere but to an owner's destination.
"""


from .interfaces import IPayouts
implements: IPayouts


from .interfaces import ISettlementPayouts
from .interfaces import IStationRegistry


# @notice Stateless, needs no `uses`.
from .modules import payout_cycles as cycles


# @dev How many owners one batch pays.
MAX_OWNERS: public(constant(uint256)) = 100


# @dev Thresholds are whole cents, so that a schedule has 32 bits: threshold in
# cents 30, cycle 2 bits.
CENT: public(constant(uint256)) = 10_000
MAX_THRESHOLD: public(constant(uint256)) = (2 ** 30 - 1) * CENT
CYCLE_BITS: constant(uint256) = 2
MASK_CYCLE: constant(uint256) = 3
MASK_32: constant(uint256) = 2 ** 32 - 1


# @dev What settlement answers when the token refused a transfer.
REFUSED: constant(uint256) = max_value(uint256)


# @dev Where accruals and destinations are, and whose account is an owner's.
settlement: public(immutable(ISettlementPayouts))
registry: public(immutable(IStationRegistry))


# @dev How many batches paid or tried to pay someone.
batch_count: public(uint256)


# @dev Schedules by an owner's number without its lowest three bits, eight in a
# slot: owners who registered one after the other cost one cold read together.
_schedules: HashMap[uint256, uint256]


@deploy
def __init__(settlement_: ISettlementPayouts):
    """
    @dev Deploys the payouts of a settlement.
    @param settlement_ The settlement. Reverts unless it names this address as
           its payouts.
    """
    assert staticcall settlement_.payouts() == self, "payouts: not the settlement's"
    settlement = settlement_
    registry = IStationRegistry(staticcall settlement_.registry())


@external
def set_schedule(owner_id: uint256, cycle: uint256, threshold: uint256):
    """
    @dev Says when an owner is paid. At first it is on demand.
    @param owner_id The owner. Reverts unless the caller is its account.
    @param cycle 0 on demand, 1 daily, 2 weekly (from Monday), 3 monthly (from
           the first). Reverts if another.
    @param threshold Below this nothing is paid in a batch, base units. Reverts
           above 10,737,418.23 tokens and unless it is in whole cents.
    """
    self._check_owner(owner_id)
    assert cycle <= cycles.MONTHLY, "payouts: no such cycle"
    assert threshold <= MAX_THRESHOLD and threshold % CENT == 0, "payouts: threshold out of range"
    place: uint256 = (owner_id & 7) << 5
    self._schedules[owner_id >> 3] = (
        (self._schedules[owner_id >> 3] & ~(MASK_32 << place))
        | ((((threshold // CENT) << CYCLE_BITS) | cycle) << place)
    )
    log IPayouts.ScheduleSet(owner_id=owner_id, cycle=cycle, threshold=threshold)


@external
@nonreentrant
def pay(owners: DynArray[uint256, MAX_OWNERS]) -> uint256:
    """
    @dev Has owners paid who are due, and skips the others. Anyone may call it,
         also while settlement is paused.
    @param owners Whom to look at, at most 100. One that is named twice is paid
           once.
    @return uint256 How much was paid, base units.
    """
    due_days: uint256[4] = cycles._due_days(block.timestamp // cycles.DAY_S)
    paid: uint256 = 0
    failed: uint256 = 0
    amount: uint256 = 0
    for owner_id: uint256 in owners:
        schedule: uint256 = self._schedule(owner_id)
        cycle: uint256 = schedule & MASK_CYCLE
        if cycle == cycles.ON_DEMAND:
            continue
        given: uint256 = extcall settlement.pay_out(owner_id, (schedule >> CYCLE_BITS) * CENT, due_days[cycle])
        if given == REFUSED:
            failed = unsafe_add(failed, 1)
        elif given != 0:
            paid = unsafe_add(paid, 1)
            amount += given
    if paid | failed != 0:
        batch: uint256 = self.batch_count + 1
        self.batch_count = batch
        log IPayouts.PayoutBatch(batch=batch, submitter=msg.sender, paid=paid, failed=failed, amount=amount)
    return amount


@external
@nonreentrant
def pay_now(owner_id: uint256) -> uint256:
    """
    @dev Pays an owner all it has accrued, whatever its schedule.
    @param owner_id The owner. Reverts unless the caller is its account, if there
           is nothing, and if the token refuses.
    @return uint256 How much it was, base units.
    """
    self._check_owner(owner_id)
    amount: uint256 = extcall settlement.pay_out(owner_id, 0, max_value(uint256))
    assert amount != 0, "payouts: nothing to pay"
    assert amount != REFUSED, "payouts: transfer refused"
    return amount


@external
@view
def is_due(owner_id: uint256) -> bool:
    """
    @dev Whether a batch would pay an owner now.
    @param owner_id The owner.
    @return bool Whether its cycle began since it was last paid, and its accrual
            reaches its threshold.
    """
    schedule: uint256 = self._schedule(owner_id)
    cycle: uint256 = schedule & MASK_CYCLE
    if cycle == cycles.ON_DEMAND:
        return False
    balance: uint256 = 0
    debt: uint256 = 0
    paid_day: uint256 = 0
    day: uint256 = 0
    day_gross: uint256 = 0
    balance, debt, paid_day, day, day_gross = staticcall settlement.accrual(owner_id)
    return (
        balance >= max((schedule >> CYCLE_BITS) * CENT, 1)
        and paid_day < cycles._due_days(block.timestamp // cycles.DAY_S)[cycle]
    )


@external
@view
def schedule(owner_id: uint256) -> (uint256, uint256):
    """
    @dev When an owner is paid.
    @param owner_id The owner.
    @return uint256 The cycle: 0 on demand, 1 daily, 2 weekly, 3 monthly.
    @return uint256 The threshold, base units.
    """
    packed: uint256 = self._schedule(owner_id)
    return packed & MASK_CYCLE, (packed >> CYCLE_BITS) * CENT


@internal
@view
def _check_owner(owner_id: uint256):
    """
    @dev Reverts unless the caller is an owner's account.
    @param owner_id The owner.
    """
    assert msg.sender == staticcall registry.owner_account(owner_id), "payouts: not the owner"


@internal
@view
def _schedule(owner_id: uint256) -> uint256:
    """
    @dev An owner's schedule.
    @param owner_id The owner.
    @return uint256 Threshold in cents 30, cycle 2 bits.
    """
    return (self._schedules[owner_id >> 3] >> ((owner_id & 7) << 5)) & MASK_32
