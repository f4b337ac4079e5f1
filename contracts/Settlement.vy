# pragma version 0.4.3
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


from .interfaces import ISettlement
from .interfaces import IStationRegistry


from snekmate.utils import eip712_domain_separator as domain
initializes: domain


from .modules import committee as committees
initializes: committees


from .modules import custody
initializes: custody


from .modules import session_clock
initializes: session_clock


from .modules import vaults
initializes: vaults[custody := custody]


# @notice Stateless, need no `uses`.
from .modules import record
from .modules import tariff as tariffs


exports: (
    # Payers
    vaults.open_account,
    vaults.deposit,
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
    # Committee
    committees.committee,
    committees.current_epoch,
    committees.is_member,
    # Custody
    custody.token,
    custody.liabilities,
    # Pauses
    session_clock.paused_until,
    # Typed data
    domain.eip712Domain,
)


# @dev The protocol fee in basis points of what was paid. There is no function
# that changes it.
FEE_BPS: public(constant(uint256)) = 10
FEE_DIVISOR: constant(uint256) = 10_000 // FEE_BPS


# @dev What governance can set the caps and the exposure limit to, at most: a
# session of 20,000, an owner's day of 10 million, a committee's day of 1 billion
# and a debt of 1,000 tokens.
MAX_SESSION_CAP: public(constant(uint256)) = 20_000 * 10 ** 6
MAX_OWNER_DAY_CAP: public(constant(uint256)) = 10_000_000 * 10 ** 6
MAX_COMMITTEE_DAY_CAP: public(constant(uint256)) = 1_000_000_000 * 10 ** 6
MAX_EXPOSURE_LIMIT: public(constant(uint256)) = 1_000 * 10 ** 6


# @dev What they are at first.
FIRST_SESSION_CAP: constant(uint256) = 2_000 * 10 ** 6
FIRST_OWNER_DAY_CAP: constant(uint256) = 200_000 * 10 ** 6
FIRST_COMMITTEE_DAY_CAP: constant(uint256) = 2_000_000 * 10 ** 6
FIRST_EXPOSURE_LIMIT: constant(uint256) = 50 * 10 ** 6


# @dev The largest `runs` and the largest list of outcomes, in bytes.
MAX_RUNS_SIZE: constant(uint256) = record.MAX_RUNS * record.HEADER_SIZE + record.MAX_SESSIONS * record.WORD
MAX_OUTCOMES_SIZE: constant(uint256) = record.MAX_SESSIONS * record.WORD


# @dev The EIP-712 type of a batch.
BATCH_TYPE_HASH: constant(bytes32) = keccak256("Batch(uint256 epoch,uint256 expiry,bytes32 evidenceRoot,bytes runs)")


MASK_24: constant(uint256) = 2 ** 24 - 1
MASK_32: constant(uint256) = 2 ** 32 - 1
MASK_40: constant(uint256) = 2 ** 40 - 1
MASK_56: constant(uint256) = 2 ** 56 - 1
MASK_72: constant(uint256) = 2 ** 72 - 1
MASK_80: constant(uint256) = 2 ** 80 - 1


# @dev An owner's accrual is one slot, most significant first: balance 80, debt
# 72, day 24, gross of that day 80 bits.
# The ledger is one slot: unrouted fees 80, day 24, gross of that day 80, number
# of batches 40 bits, zero 32.
ACCRUAL_SHIFT: constant(uint256) = 176
ACCRUAL_DEBT_SHIFT: constant(uint256) = 104
ACCRUAL_DAY_SHIFT: constant(uint256) = 80
LEDGER_FEES_SHIFT: constant(uint256) = 176
LEDGER_DAY_SHIFT: constant(uint256) = 152
LEDGER_GROSS_SHIFT: constant(uint256) = 72
LEDGER_BATCHES_SHIFT: constant(uint256) = 32


# @dev The caps are one slot: session 40, an owner's day 56, the committee's day
# 56, an account's debt 40 bits.
CAP_SESSION_SHIFT: constant(uint256) = 152
CAP_OWNER_SHIFT: constant(uint256) = 96
CAP_COMMITTEE_SHIFT: constant(uint256) = 40


# @dev A connector's head is one slot: sequence 32, owner 32, running hash 192.
HEAD_SEQUENCE_SHIFT: constant(uint256) = 224
HEAD_OWNER_SHIFT: constant(uint256) = 192


# @dev Where owners, connectors and tariffs are looked up.
registry: public(immutable(IStationRegistry))


# @dev The timelock, and who may pause and revoke committees.
governance: public(immutable(address))
guardian: public(immutable(address))


struct Accrual:
    balance: uint256
    debt: uint256
    day: uint256
    day_gross: uint256


struct Head:
    sequence: uint256
    owner_id: uint256
    hash: uint256


# @dev What a batch leaves behind, by its number.
batch_commitment: public(HashMap[uint256, bytes32])


# @dev How much of a session's debt was collected, by session id.
collected: public(HashMap[uint256, uint256])


# @dev Where fees go; none until governance names one.
fee_router: public(address)


_accruals: HashMap[uint256, uint256]
_heads: HashMap[uint256, uint256]
_ledger: uint256
_caps: uint256


@deploy
def __init__(
    token_: IERC20,
    registry_: IStationRegistry,
    governance_: address,
    guardian_: address,
    members: DynArray[address, 32],
    threshold: uint256,
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
    """
    assert registry_.address != empty(address), "settlement: no registry"
    assert governance_ != empty(address) and guardian_ != empty(address), "settlement: no governance or guardian"
    registry = registry_
    governance = governance_
    guardian = guardian_
    domain.__init__("ChargeCoin Settlement", "1")
    custody.__init__(token_)
    vaults.__init__()
    session_clock.__init__()
    committees.__init__()
    committees._appoint(members, threshold, 0)
    self._set_caps(FIRST_SESSION_CAP, FIRST_OWNER_DAY_CAP, FIRST_COMMITTEE_DAY_CAP)
    self._set_exposure_limit(FIRST_EXPOSURE_LIMIT)


@external
@nonreentrant
def settle(
    epoch: uint256,
    expiry: uint256,
    evidence_root: bytes32,
    runs: Bytes[MAX_RUNS_SIZE],
    signatures: Bytes[committees.MAX_MEMBERS * committees.SIGNATURE_SIZE],
):
    """
    @dev Settles a batch. Anyone may submit it.
    @param epoch The epoch of the committee that signed.
    @param expiry The last second (UTC) in which the batch counts.
    @param evidence_root The root of the evidence tree.
    @param runs Connectors' runs of sessions, docs/protocol.md, section 2.
           Reverts if malformed. Runs that are not at their connector's head are
           skipped.
    @param signatures Exactly `threshold` signatures, ascending by signer.
    """
    assert block.timestamp <= expiry, "settlement: batch expired"
    oldest_end: uint256 = session_clock._oldest_end()
    runs_hash: bytes32 = keccak256(runs)
    committees._check_quorum(
        epoch,
        domain._hash_typed_data_v4(
            keccak256(abi_encode(BATCH_TYPE_HASH, epoch, expiry, evidence_root, runs_hash))
        ),
        signatures,
    )

    # Times. `oldest_end` is not in the future.
    age_window: uint256 = unsafe_sub(block.timestamp, oldest_end)
    today: uint256 = unsafe_div(block.timestamp, vaults.DAY_S)

    # Caps and what is used of them.
    caps: uint256 = self._caps
    session_cap: uint256 = caps >> CAP_SESSION_SHIFT
    ledger: uint256 = self._ledger
    fees: uint256 = 0
    committee_gross: uint256 = 0
    if (ledger >> LEDGER_DAY_SHIFT) & MASK_24 == today:
        committee_gross = (ledger >> LEDGER_GROSS_SHIFT) & MASK_80

    # The owner whose accrual is in memory.
    owner: uint256 = 0
    owner_net: uint256 = 0
    owner_gross: uint256 = 0

    outcomes: uint256[record.MAX_SESSIONS] = empty(uint256[record.MAX_SESSIONS])
    settled: uint256 = 0
    announced: uint256 = 0
    offset: uint256 = 0
    size: uint256 = len(runs)
    assert size != 0, "settlement: malformed runs"

    for _: uint256 in range(record.MAX_RUNS):
        # Reverts if the two header words are not there.
        header: uint256 = extract32(runs, offset, output_type=uint256)
        previous_hash: uint256 = extract32(runs, unsafe_add(offset, 32), output_type=uint256)
        count: uint256 = (header >> record.COUNT_SHIFT) & record.MASK_16
        # `announced` stays below 256 * 2**16.
        announced = unsafe_add(announced, count)
        position: uint256 = unsafe_add(offset, record.HEADER_SIZE)
        offset = unsafe_add(position, unsafe_mul(count, record.WORD))
        assert (
            count != 0
            and announced <= record.MAX_SESSIONS
            and offset <= size
            and header & record.HEADER_PADDING == 0
            and previous_hash <= record.MASK_192
        ), "settlement: malformed runs"

        connector_id: uint256 = header >> record.CONNECTOR_SHIFT
        first_sequence: uint256 = (header >> record.FIRST_SEQUENCE_SHIFT) & record.MASK_32
        tariff_index: uint256 = (header >> record.TARIFF_INDEX_SHIFT) & record.MASK_32
        head: uint256 = self._heads[connector_id]
        owner_id: uint256 = (head >> HEAD_OWNER_SHIFT) & MASK_32
        slot: uint256 = 0
        at_head: bool = False
        if first_sequence == unsafe_add(head >> HEAD_SEQUENCE_SHIFT, 1) and previous_hash == head & record.MASK_192:
            if owner_id == 0:
                owner_id, slot = staticcall registry.run_terms(connector_id, tariff_index)
            else:
                slot = staticcall registry.tariff_slot(connector_id, tariff_index)
            at_head = owner_id != 0
        if at_head:
            if owner_id != owner:
                if owner != 0:
                    self._credit(owner, owner_net, owner_gross, today)
                owner = owner_id
                owner_net = 0
                owner_gross = self._gross_of_day(owner_id, today)

            log ISettlement.Run(
                run=(
                    (connector_id << 224)
                    | (owner_id << 192)
                    | (first_sequence << 160)
                    | (tariff_index << 128)
                    | (count << 112)
                )
            )

            # The tariff, its lower prices scaled for the sum that is divided once.
            tariff_from: uint256 = slot >> tariffs.FROM_SHIFT
            tariff_span: uint256 = unsafe_sub((slot >> tariffs.TO_SHIFT) & tariffs.TIME_MASK, tariff_from)
            per_wh: uint256 = unsafe_mul((slot >> tariffs.MIN_KWH_SHIFT) & tariffs.PRICE_MASK, tariffs.KWH_SCALE)
            per_s: uint256 = unsafe_mul((slot >> tariffs.MIN_HOUR_SHIFT) & tariffs.PRICE_MASK, tariffs.HOUR_SCALE)
            per_idle_s: uint256 = unsafe_mul((slot >> tariffs.MIN_IDLE_SHIFT) & tariffs.PRICE_MASK, tariffs.HOUR_SCALE)
            session_fee: uint256 = (slot >> tariffs.SESSION_FEE_SHIFT) & tariffs.PRICE_MASK

            # What may still be taken today, under both caps.
            owner_room: uint256 = self._room((caps >> CAP_OWNER_SHIFT) & MASK_56, owner_gross)
            room: uint256 = min(
                owner_room, self._room((caps >> CAP_COMMITTEE_SHIFT) & MASK_56, committee_gross)
            )
            left: uint256 = room
            unpaid: uint256 = 0
            run_fees: uint256 = 0
            hash: uint256 = previous_hash
            session: uint256 = unsafe_sub(((connector_id << 64) | first_sequence), 1) << record.SESSION_ID_SHIFT

            for i: uint256 in range(count, bound=record.MAX_SESSIONS):
                word: uint256 = extract32(runs, position, output_type=uint256)
                position = unsafe_add(position, 32)
                started: uint256 = (word >> record.STARTED_SHIFT) & record.MASK_32
                duration: uint256 = (word >> record.DURATION_SHIFT) & record.MASK_20
                idle: uint256 = (word >> record.IDLE_SHIFT) & record.MASK_20
                outcome: uint256 = 0

                if (
                    unsafe_add(word & record.RANGED_FIELDS, record.RANGE_FILL) & record.RANGE_CARRIES
                    != record.RANGES_HELD
                    or unsafe_add(word >> record.RENEWABLE_SHIFT, 1) & 127 > record.MAX_RENEWABLE_PLUS_ONE
                    or idle > duration
                ):
                    outcome = record.REJECTED | record.FIELD_RANGE
                elif unsafe_sub(unsafe_add(started, duration), oldest_end) > age_window:
                    outcome = record.REJECTED | record.TOO_OLD
                    if unsafe_add(started, duration) > block.timestamp:
                        outcome = record.REJECTED | record.ENDS_IN_FUTURE
                elif unsafe_sub(started, tariff_from) >= tariff_span:
                    outcome = record.REJECTED | record.TARIFF_NOT_IN_FORCE
                else:
                    energy: uint256 = (word >> record.ENERGY_SHIFT) & record.MASK_24
                    gross: uint256 = (word >> record.GROSS_SHIFT) & record.MASK_40
                    charging: uint256 = unsafe_sub(duration, idle)
                    flags: uint256 = 0
                    least: uint256 = unsafe_add(
                        unsafe_div(
                            unsafe_add(
                                unsafe_add(unsafe_mul(energy, per_wh), unsafe_mul(charging, per_s)),
                                unsafe_mul(idle, per_idle_s),
                            ),
                            tariffs.SCALE,
                        ),
                        session_fee,
                    )
                    if gross < least:
                        gross = least
                        flags = record.CLAMPED
                    elif gross > least:
                        most: uint256 = tariffs._maximum(slot, energy, charging, idle)
                        if gross > most:
                            gross = most
                            flags = record.CLAMPED
                    if word & record.CAMPAIGN_FIELD != 0:
                        flags |= record.CAMPAIGN_NOT_APPLIED

                    payer: uint256 = word >> record.PAYER_SHIFT
                    account: uint256 = vaults._accounts[payer]
                    if gross > session_cap:
                        outcome = record.REJECTED | record.SESSION_CAP | flags
                    elif account == 0:
                        outcome = record.UNFUNDED | record.UNKNOWN_ACCOUNT | flags
                        if gross == 0:
                            outcome = record.SETTLED | flags
                        elif payer == 0:
                            outcome = record.UNFUNDED | record.NO_PAYER | flags
                    elif gross > left:
                        outcome = record.REJECTED | record.COMMITTEE_DAY_CAP | flags
                        # Of the room, `room - left` is used.
                        if gross > unsafe_sub(owner_room, unsafe_sub(room, left)):
                            outcome = record.REJECTED | record.OWNER_DAY_CAP | flags
                    else:
                        left = unsafe_sub(left, gross)
                        limit: uint256 = (account >> vaults.LIMIT_SHIFT) & vaults.MASK_56
                        day: uint256 = (account >> vaults.DAY_SHIFT) & MASK_24
                        if day != today:
                            limit = vaults._limit_for(payer, account, started)
                            account = vaults._on_day(account, today)
                        if (
                            gross <= account >> vaults.BALANCE_SHIFT
                            and unsafe_add((account >> vaults.SPENT_SHIFT) & vaults.MASK_56, gross) <= limit
                        ):
                            vaults._accounts[payer] = unsafe_add(
                                unsafe_sub(account, gross << vaults.BALANCE_SHIFT), gross << vaults.SPENT_SHIFT
                            )
                            run_fees = unsafe_add(run_fees, unsafe_div(gross, FEE_DIVISOR))
                            outcome = record.SETTLED | flags | (gross << record.PAID_SHIFT)
                        else:
                            paid: uint256 = 0
                            balance_short: bool = False
                            account, paid, balance_short = vaults._draw(account, limit, gross)
                            short: uint256 = unsafe_sub(gross, paid)
                            owed: uint256 = min(short, self._room(caps & MASK_40, account & MASK_40))
                            vaults._accounts[payer] = unsafe_add(account, owed)
                            unpaid = unsafe_add(unpaid, short)
                            run_fees = unsafe_add(run_fees, unsafe_div(paid, FEE_DIVISOR))
                            outcome = record.UNFUNDED | flags | (paid << record.PAID_SHIFT) | owed
                            if balance_short:
                                outcome |= record.BALANCE_SHORT
                            else:
                                outcome |= record.LIMIT_SHORT

                session = unsafe_add(session, 1 << record.SESSION_ID_SHIFT)
                outcome |= session
                hash = convert(keccak256(abi_encode(hash, word, outcome)), uint256) >> 64
                outcomes[settled] = outcome
                settled = unsafe_add(settled, 1)
                log ISettlement.Session(session=outcome, word=word)

            taken: uint256 = unsafe_sub(room, left)
            owner_gross = unsafe_add(owner_gross, taken)
            committee_gross = unsafe_add(committee_gross, taken)
            fees = unsafe_add(fees, run_fees)
            owner_net = unsafe_add(owner_net, unsafe_sub(unsafe_sub(taken, unpaid), run_fees))
            self._heads[connector_id] = (
                (unsafe_sub(unsafe_add(first_sequence, count), 1) << HEAD_SEQUENCE_SHIFT)
                | (owner_id << HEAD_OWNER_SHIFT)
                | hash
            )
        else:
            log ISettlement.RunSkipped(
                connector_id=connector_id,
                first_sequence=first_sequence,
                head_sequence=head >> HEAD_SEQUENCE_SHIFT,
            )
        if offset == size:
            break

    assert offset == size, "settlement: malformed runs"
    if settled != 0:
        self._credit(owner, owner_net, owner_gross, today)
        batch: uint256 = ((ledger >> LEDGER_BATCHES_SHIFT) & MASK_40) + 1
        self._ledger = (
            (((ledger >> LEDGER_FEES_SHIFT) + fees) << LEDGER_FEES_SHIFT)
            | (today << LEDGER_DAY_SHIFT)
            | (committee_gross << LEDGER_GROSS_SHIFT)
            | (batch << LEDGER_BATCHES_SHIFT)
        )
        commitment: bytes32 = self._commitment(
            runs_hash,
            evidence_root,
            keccak256(slice(abi_encode(outcomes), 0, unsafe_mul(settled, record.WORD))),
        )
        self.batch_commitment[batch] = commitment
        log ISettlement.BatchSettled(
            batch=batch,
            epoch=epoch,
            evidence_root=evidence_root,
            commitment=commitment,
            sessions=settled,
            submitter=msg.sender,
        )


@external
@nonreentrant
def collect(
    batch: uint256,
    runs: Bytes[MAX_RUNS_SIZE],
    evidence_root: bytes32,
    outcomes: Bytes[MAX_OUTCOMES_SIZE],
    outcome_index: uint256,
):
    """
    @dev Pays a session's recorded debt out of the payer's vault, as far as
         balance and daily limit allow today. Anyone may call it. Reverts while
         paused.
    @param batch The batch's number.
    @param runs Its runs.
    @param evidence_root Its evidence root.
    @param outcomes Its outcome words. Reverts unless runs, root and outcomes
           are those of the batch.
    @param outcome_index Which of the outcomes. Reverts if there is no such, if
           the session has no debt left, or if nothing can be paid now.
    """
    session_clock._oldest_end()
    assert (
        self._commitment(keccak256(runs), evidence_root, keccak256(outcomes)) == self.batch_commitment[batch]
    ), "settlement: not that batch"
    outcome: uint256 = extract32(outcomes, outcome_index * record.WORD, output_type=uint256)
    session_id: uint256 = outcome >> record.SESSION_ID_SHIFT
    word: uint256 = self._word_of(runs, session_id)
    collected: uint256 = self.collected[session_id]
    payer: uint256 = word >> record.PAYER_SHIFT
    today: uint256 = block.timestamp // vaults.DAY_S
    account: uint256 = vaults._on_day(vaults._accounts[payer], today)
    limit: uint256 = vaults._limit_for(payer, account, (word >> record.STARTED_SHIFT) & record.MASK_32)
    amount: uint256 = 0
    balance_short: bool = False
    account, amount, balance_short = vaults._draw(account, limit, (outcome & MASK_40) - collected)
    assert amount != 0, "settlement: nothing to collect"

    # The fee is that of the sum, less what was charged before.
    paid: uint256 = ((outcome >> record.PAID_SHIFT) & MASK_40) + (
        (outcome >> record.CAMPAIGN_PAID_SHIFT) & MASK_40
    ) + collected
    fee: uint256 = (paid + amount) // FEE_DIVISOR - paid // FEE_DIVISOR
    owner_id: uint256 = (self._heads[session_id >> 64] >> HEAD_OWNER_SHIFT) & MASK_32
    self.collected[session_id] = collected + amount
    # The account's debt contains this session's, so it does not underflow.
    vaults._accounts[payer] = account - amount
    self._credit(owner_id, amount - fee, self._gross_of_day(owner_id, today), today)
    self._ledger += fee << LEDGER_FEES_SHIFT
    log ISettlement.DebtCollected(session_id=session_id, account=payer, owner_id=owner_id, amount=amount, fee=fee)


@external
@nonreentrant
def withdraw_accrual(owner_id: uint256, amount: uint256):
    """
    @dev Pays an owner what its sessions earned. Works while paused.
    @param owner_id The owner. Reverts unless the caller is its account, which
           also receives.
    @param amount Base units. Reverts if zero or more than accrued.
    """
    assert msg.sender == staticcall registry.owner_account(owner_id), "settlement: not the owner"
    accrual: uint256 = self._accruals[owner_id]
    assert amount != 0 and amount <= accrual >> ACCRUAL_SHIFT, "settlement: amount out of range"
    # `amount` is at most the balance, which fills the topmost bits.
    self._accruals[owner_id] = unsafe_sub(accrual, amount << ACCRUAL_SHIFT)
    log ISettlement.AccrualWithdrawn(owner_id=owner_id, to=msg.sender, amount=amount)
    custody._give(msg.sender, amount)


@external
@nonreentrant
def route_fees() -> uint256:
    """
    @dev Moves the fees to the fee router. Anyone may call it. Reverts if there
         is no router or nothing to route.
    @return uint256 How much it was.
    """
    router: address = self.fee_router
    ledger: uint256 = self._ledger
    amount: uint256 = ledger >> LEDGER_FEES_SHIFT
    assert amount != 0, "settlement: nothing to route"
    # Takes the topmost field away.
    self._ledger = unsafe_sub(ledger, amount << LEDGER_FEES_SHIFT)
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
    session_clock._pause()


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
    self._set_caps(session_cap, owner_day_cap, committee_day_cap)


@external
def set_exposure_limit(limit: uint256):
    """
    @dev Sets how much debt an account can have. Reverts above the maximum in
         the code, and unless the caller is governance.
    @param limit Base units.
    """
    self._check_governance()
    self._set_exposure_limit(limit)


@external
def set_fee_router(router: address):
    """
    @dev Names the contract that fees go to. Reverts unless the caller is
         governance.
    @param router The router. Reverts if zero.
    """
    self._check_governance()
    assert router != empty(address), "settlement: no router"
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
def accrual(owner_id: uint256) -> Accrual:
    """
    @dev An owner's accrual as it is stored.
    @param owner_id The owner.
    @return Accrual What can be withdrawn, what is owed back, and the gross that
            counted against the owner's cap on `day` (days since 1970).
    """
    packed: uint256 = self._accruals[owner_id]
    return Accrual(
        balance=packed >> ACCRUAL_SHIFT,
        debt=(packed >> ACCRUAL_DEBT_SHIFT) & MASK_72,
        day=(packed >> ACCRUAL_DAY_SHIFT) & MASK_24,
        day_gross=packed & MASK_80,
    )


@external
@view
def head(connector_id: uint256) -> Head:
    """
    @dev Where a connector's next run must begin.
    @param connector_id The connector.
    @return Head Its last sequence, its owner (0 before the first run) and the
            running hash.
    """
    packed: uint256 = self._heads[connector_id]
    return Head(
        sequence=packed >> HEAD_SEQUENCE_SHIFT,
        owner_id=(packed >> HEAD_OWNER_SHIFT) & MASK_32,
        hash=packed & record.MASK_192,
    )


@external
@view
def batch_count() -> uint256:
    """
    @dev How many batches settled at least one session.
    @return uint256 The number of the last batch.
    """
    return (self._ledger >> LEDGER_BATCHES_SHIFT) & MASK_40


@external
@view
def unrouted_fees() -> uint256:
    """
    @dev Fees that are not with the router yet.
    @return uint256 Base units.
    """
    return self._ledger >> LEDGER_FEES_SHIFT


@external
@view
def committee_day() -> (uint256, uint256):
    """
    @dev What counted against the committee's cap.
    @return uint256 On which day (days since 1970).
    @return uint256 The gross of that day, base units.
    """
    return (self._ledger >> LEDGER_DAY_SHIFT) & MASK_24, (self._ledger >> LEDGER_GROSS_SHIFT) & MASK_80


@external
@view
def caps() -> (uint256, uint256, uint256):
    """
    @dev The caps in force.
    @return uint256 Of a session's gross, base units.
    @return uint256 Of an owner's gross on a day.
    @return uint256 Of all gross on a day.
    """
    packed: uint256 = self._caps
    return packed >> CAP_SESSION_SHIFT, (packed >> CAP_OWNER_SHIFT) & MASK_56, (packed >> CAP_COMMITTEE_SHIFT) & MASK_56


@external
@view
def exposure_limit() -> uint256:
    """
    @dev How much debt an account can have.
    @return uint256 Base units.
    """
    return self._caps & MASK_40


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
    assert msg.sender == governance, "settlement: not governance"


@internal
@view
def _check_guardian():
    """
    @dev Reverts unless the caller is the guardian.
    """
    assert msg.sender == guardian, "settlement: not the guardian"


@internal
def _set_caps(session_cap: uint256, owner_day_cap: uint256, committee_day_cap: uint256):
    """
    @dev Sets the caps within the maxima.
    @param session_cap Base units.
    @param owner_day_cap Base units.
    @param committee_day_cap Base units.
    """
    assert (
        session_cap <= MAX_SESSION_CAP
        and owner_day_cap <= MAX_OWNER_DAY_CAP
        and committee_day_cap <= MAX_COMMITTEE_DAY_CAP
    ), "settlement: cap above maximum"
    # Each maximum fits its field.
    self._caps = (
        (session_cap << CAP_SESSION_SHIFT)
        | (owner_day_cap << CAP_OWNER_SHIFT)
        | (committee_day_cap << CAP_COMMITTEE_SHIFT)
        | (self._caps & MASK_40)
    )
    log ISettlement.CapsSet(
        session_cap=session_cap, owner_day_cap=owner_day_cap, committee_day_cap=committee_day_cap
    )


@internal
def _set_exposure_limit(limit: uint256):
    """
    @dev Sets the exposure limit within its maximum.
    @param limit Base units.
    """
    assert limit <= MAX_EXPOSURE_LIMIT, "settlement: limit above maximum"
    self._caps = (self._caps & ~MASK_40) | limit
    log ISettlement.ExposureLimitSet(limit=limit)


@internal
@view
def _gross_of_day(owner_id: uint256, today: uint256) -> uint256:
    """
    @dev What an owner has used of its cap today.
    @param owner_id The owner.
    @param today The day.
    @return uint256 Base units.
    """
    packed: uint256 = self._accruals[owner_id]
    if (packed >> ACCRUAL_DAY_SHIFT) & MASK_24 != today:
        return 0
    return packed & MASK_80


@internal
def _credit(owner_id: uint256, net: uint256, gross_of_day: uint256, today: uint256):
    """
    @dev Adds to an owner's accrual.
    @param owner_id The owner.
    @param net What it earned, base units.
    @param gross_of_day What counts against its cap today.
    @param today The day.
    """
    packed: uint256 = self._accruals[owner_id]
    # The sum reverts at 2**256: the accrual is in the topmost bits.
    self._accruals[owner_id] = (
        (((packed >> ACCRUAL_DEBT_SHIFT) + (net << 72)) << ACCRUAL_DEBT_SHIFT)
        | (today << ACCRUAL_DAY_SHIFT)
        | gross_of_day
    )


@internal
@pure
def _room(cap: uint256, used: uint256) -> uint256:
    """
    @dev What a cap leaves, 0 if it was lowered below what is used.
    @param cap The cap.
    @param used What is used of it.
    @return uint256 What is left.
    """
    return unsafe_sub(max(cap, used), used)


@internal
@pure
def _commitment(runs_hash: bytes32, evidence_root: bytes32, outcomes_hash: bytes32) -> bytes32:
    """
    @dev What a batch leaves in storage.
    @param runs_hash keccak256 of its runs.
    @param evidence_root Its evidence root.
    @param outcomes_hash keccak256 of its outcome words.
    @return bytes32 The commitment.
    """
    return keccak256(concat(runs_hash, evidence_root, outcomes_hash))


@internal
@pure
def _word_of(runs: Bytes[MAX_RUNS_SIZE], session_id: uint256) -> uint256:
    """
    @dev The record of a session that a batch settled. Reverts unless exactly
         one run of the batch covers it, since of two one was skipped.
    @param runs The batch's runs, well formed.
    @param session_id The session.
    @return uint256 Its record word.
    """
    word: uint256 = 0
    found: uint256 = 0
    offset: uint256 = 0
    for _: uint256 in range(record.MAX_RUNS):
        if offset >= len(runs):
            break
        header: uint256 = extract32(runs, offset, output_type=uint256)
        first: uint256 = ((header >> 224) << 64) | ((header >> record.FIRST_SEQUENCE_SHIFT) & record.MASK_32)
        count: uint256 = (header >> record.COUNT_SHIFT) & record.MASK_16
        offset += record.HEADER_SIZE
        if session_id >= first and session_id < first + count:
            found += 1
            word = extract32(runs, offset + (session_id - first) * record.WORD, output_type=uint256)
        offset += count * record.WORD
    assert found == 1, "settlement: session not found"
    return word
