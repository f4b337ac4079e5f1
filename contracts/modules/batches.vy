# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Batches of sessions
@custom:contract-name batches
@license Apache-2.0
@notice Goes through a signed batch and settles its sessions; keeps a connector's
        head and a batch's commitment. Layouts and rules: docs/protocol.md, sections 1 to 4. Amounts are base
        units of the payment token, times are UTC seconds.

        Nearly all gas is spent in one loop, and Vyper keeps every variable in
        memory. So the loop asks once whether anything at all is unusual about a
        session; if so and it names a campaign, once more whether anything else is;
        and leaves it to `sessions` to find out what. Layouts that cost a
        call to unpack are unpacked in place.
"""


from ..interfaces import ISettlement
from ..interfaces import ISettlementViews
from ..interfaces import IStationRegistry


from snekmate.utils import eip712_domain_separator as domain
uses: domain


from . import accruals
uses: accruals


from . import bounds
uses: bounds


from . import budgets
uses: budgets


from . import committee as committees
uses: committees


from . import ledger
uses: ledger


from . import session_clock
uses: session_clock


from . import sessions
uses: sessions


from . import vaults
uses: vaults


# @notice Stateless, need no `uses`.
from . import checks
from . import quorum
from . import record
from . import campaign_rules as terms
from . import tariff as tariffs


# @dev The EIP-712 type of a batch.
BATCH_TYPE_HASH: constant(bytes32) = keccak256("Batch(uint256 epoch,uint256 expiry,bytes32 evidenceRoot,bytes runs)")


MASK_32: constant(uint256) = 2 ** 32 - 1


# @dev A batch's word in storage ends with the time it was settled, 40 bits.
COMMITMENT_TIME: constant(uint256) = 2 ** 40 - 1


# @dev A connector's head is one slot, most significant first: sequence 32, owner
# 32, running hash 192 bits. The owner is 0 before the first run.
HEAD_SEQUENCE_SHIFT: constant(uint256) = 224
HEAD_OWNER_SHIFT: constant(uint256) = 192
HEAD_OWNER_FIELD: constant(uint256) = MASK_32 << HEAD_OWNER_SHIFT


# @dev First sequence, tariff and count of a run's header follow on each other in
# the `Run` event too, 32 bits lower.
RUN_FIELDS: constant(uint256) = (2 ** 80 - 1) << record.COUNT_SHIFT


struct Head:
    sequence: uint256
    owner_id: uint256
    hash: uint256


# @dev Where connectors and tariffs are looked up.
registry: public(immutable(IStationRegistry))


# @dev The settlement that this one continues, or zero. Both have one registry.
predecessor: public(immutable(ISettlementViews))


# @dev What a batch leaves behind, by its number: the first 216 bits of a hash, and
# block time.
batch_commitment: public(HashMap[uint256, bytes32])


# @dev Heads by connector; an array for the reason given in `vaults`.
_heads: uint256[2 ** 32]


@deploy
@payable
def __init__(registry_: IStationRegistry, predecessor_: ISettlementViews):
    """
    @dev Takes the registry. To omit the opcodes for checking the `msg.value`,
         the constructor is declared as `payable`.
    @param registry_ The station registry.
    @param predecessor_ The settlement whose heads are continued, or zero.
    """
    registry = registry_
    predecessor = predecessor_


@external
@nonreentrant
def settle(
    epoch: uint256,
    expiry: uint256,
    evidence_root: bytes32,
    runs: Bytes[record.MAX_RUNS_SIZE],
    signatures: Bytes[quorum.MAX_MEMBERS * quorum.SIGNATURE_SIZE],
):
    """
    @dev Settles a batch. Anyone may submit it. Reverts while paused.
    @param epoch The epoch of the committee that signed. Reverts unless it is
           valid now.
    @param expiry The last second (UTC) in which the batch counts. Reverts after
           it.
    @param evidence_root The root of the evidence tree.
    @param runs Connectors' runs of sessions. Reverts if malformed. A run that is
           not at its connector's head, or of a connector that the registry does
           not know, is skipped.
    @param signatures Exactly `threshold` signatures of members, ascending by
           signer. Reverts otherwise.
    """
    packed: uint256 = ledger._ledger
    ledger._check_running(packed)
    checks._require(block.timestamp <= expiry, "settlement: batch expired")
    runs_hash: bytes32 = keccak256(runs)
    committees._check_quorum(
        epoch,
        domain._hash_typed_data_v4(keccak256(abi_encode(BATCH_TYPE_HASH, epoch, expiry, evidence_root, runs_hash))),
        signatures,
    )

    oldest_end: uint256 = session_clock._oldest_end(packed & MASK_32)
    today: uint256 = unsafe_div(block.timestamp, vaults.DAY_S)
    today_field: uint256 = today << vaults.DAY_SHIFT

    # What may be taken today under the committee's cap, and what is left of it.
    caps: uint256 = bounds._caps
    session_cap: uint256 = (caps >> bounds.SESSION_SHIFT) & bounds.MASK_40
    committee_gross: uint256 = 0
    if (packed >> ledger.DAY_SHIFT) & ledger.MASK_24 == today:
        committee_gross = (packed >> ledger.GROSS_SHIFT) & ledger.MASK_56
    committee_room: uint256 = bounds._room((caps >> bounds.COMMITTEE_DAY_SHIFT) & bounds.MASK_56, committee_gross)
    committee_left: uint256 = committee_room

    # The owner whose runs are being gone through, its accrual, what may be taken
    # for it today under its own cap and under both caps, what was taken and the
    # fees in it, and what of it the owner does not get.
    owner: uint256 = 0
    accrual: uint256 = 0
    own_room: uint256 = 0
    room: uint256 = 0
    sums: uint256 = 0
    unpaid: uint256 = 0

    # The campaign that was asked about last, as in a record, and for which run. What
    # it grants there, to sessions that start from when on and for how long after, at
    # which rate and up to what. Its budget, and what can be had of that today.
    campaign: uint256 = 0
    rules: uint256 = 0
    hour_mask: uint256 = 0
    granted_from: uint256 = 0
    grant_window: uint256 = 0
    rate: uint256 = 0
    most: uint256 = 0
    budget: uint256 = 0
    available: uint256 = 0

    batch_fees: uint256 = 0
    heads_hash: bytes32 = empty(bytes32)
    link: record.Link = empty(record.Link)
    announced: uint256 = 0
    skipped: uint256 = 0
    offset: uint256 = 0
    size: uint256 = len(runs)

    for _: uint256 in range(record.MAX_RUNS):
        # Reverts if the two header words are not there.
        header: uint256 = extract32(runs, offset, output_type=uint256)
        link.hash = extract32(runs, unsafe_add(offset, record.WORD), output_type=uint256)
        first_sequence: uint256 = (header >> record.FIRST_SEQUENCE_SHIFT) & MASK_32
        count: uint256 = (header >> record.COUNT_SHIFT) & record.MASK_16
        # `announced` stays below 256 + 2**16, and nothing below wraps.
        announced = unsafe_add(announced, count)
        first_word: uint256 = unsafe_add(offset >> 5, 2)
        offset = unsafe_add(first_word, count) << 5
        assert (
            convert(count == 0, uint256)
            | convert(announced > record.MAX_SESSIONS, uint256)
            | convert(offset > size, uint256)
            | (unsafe_add(first_sequence, count) >> 32)
            | (header & record.HEADER_PADDING)
            | (link.hash >> 192)
        ) == 0, "settlement: malformed runs"

        connector_id: uint256 = header >> record.CONNECTOR_SHIFT
        head: uint256 = self._heads[connector_id]
        owner_id: uint256 = (head >> HEAD_OWNER_SHIFT) & MASK_32
        tariff: uint256 = 0
        # A run starts at the head if it names the next sequence and the hash.
        start: uint256 = (unsafe_sub(first_sequence, 1) << HEAD_SEQUENCE_SHIFT) | link.hash
        if owner_id == 0:
            head = self._head(connector_id)
            if head == start:
                owner_id, tariff = staticcall registry.run_terms(
                    connector_id, (header >> record.TARIFF_INDEX_SHIFT) & MASK_32
                )
        elif head & ~HEAD_OWNER_FIELD == start:
            tariff = staticcall registry.tariff_slot(connector_id, (header >> record.TARIFF_INDEX_SHIFT) & MASK_32)
        else:
            owner_id = 0

        if owner_id == 0:
            skipped = unsafe_add(skipped, count)
            log ISettlement.RunSkipped(
                connector_id=connector_id,
                first_sequence=first_sequence,
                head_sequence=head >> HEAD_SEQUENCE_SHIFT,
            )
        else:
            if owner_id != owner:
                if owner != 0:
                    self._credit(owner, accrual, sums, unpaid, today)
                    committee_left = unsafe_sub(committee_left, sums >> sessions.GROSS_SUM_SHIFT)
                    batch_fees = unsafe_add(batch_fees, sums & sessions.FEE_SUM_MASK)
                owner = owner_id
                accrual = accruals._accruals[owner_id]
                own_room = bounds._room(
                    (caps >> bounds.OWNER_DAY_SHIFT) & bounds.MASK_56, accruals._gross_on(accrual, today)
                )
                room = min(own_room, committee_left)
                sums = 0
                unpaid = 0

            log ISettlement.Run(
                run=((connector_id << 224) | (owner_id << 192) | ((header & RUN_FIELDS) >> 32))
            )

            # An ordinary session costs at most this: the session cap, if the whole
            # run fits under the others.
            ordinary: uint256 = 0
            if unsafe_mul(session_cap, count) <= unsafe_sub(room, sums >> sessions.GROSS_SUM_SHIFT):
                ordinary = session_cap

            # It started under the tariff and, which is simpler to ask than whether
            # it is not too old, after the end of the oldest.
            earliest: uint256 = max(tariff >> tariffs.FROM_SHIFT, oldest_end)
            start_window: uint256 = unsafe_sub(
                max((tariff >> tariffs.TO_SHIFT) & tariffs.TIME_MASK, earliest), earliest
            )

            # The tariff's lower prices, scaled for the sum that is divided once:
            # (duration - idle) * per_s + idle * per_idle_s is the same, modulo
            # 2**256, as duration * per_s + idle * (per_idle_s - per_s).
            per_wh: uint256 = unsafe_mul((tariff >> tariffs.MIN_KWH_SHIFT) & tariffs.PRICE_MASK, tariffs.KWH_SCALE)
            per_s: uint256 = unsafe_mul((tariff >> tariffs.MIN_HOUR_SHIFT) & tariffs.PRICE_MASK, tariffs.HOUR_SCALE)
            idle_surcharge: uint256 = unsafe_sub(
                unsafe_mul((tariff >> tariffs.MIN_IDLE_SHIFT) & tariffs.PRICE_MASK, tariffs.HOUR_SCALE), per_s
            )
            session_fee: uint256 = (tariff >> tariffs.SESSION_FEE_SHIFT) & tariffs.PRICE_MASK

            # The outcome of the session in word `i`, if it is settled and costs nothing,
            # is `i`, shifted to the id, plus this.
            base: uint256 = unsafe_add(
                unsafe_sub((connector_id << 64) | first_sequence, first_word) << record.SESSION_ID_SHIFT, record.SETTLED
            )

            for i: uint256 in range(first_word, unsafe_add(first_word, count), bound=record.MAX_SESSIONS):
                link.word = extract32(runs, i << 5, output_type=uint256)
                duration: uint256 = (link.word >> record.DURATION_SHIFT) & record.MASK_20
                idle: uint256 = (link.word >> record.IDLE_SHIFT) & record.MASK_20
                gross: uint256 = (link.word >> record.GROSS_SHIFT) & record.MASK_40
                # At the lower bound, where a flat tariff has every price?
                if gross != unsafe_add(
                    unsafe_div(
                        unsafe_add(
                            unsafe_add(
                                unsafe_mul((link.word >> record.ENERGY_SHIFT) & record.MASK_24, per_wh),
                                unsafe_mul(duration, per_s),
                            ),
                            unsafe_mul(idle, idle_surcharge),
                        ),
                        tariffs.SCALE,
                    ),
                    session_fee,
                ):
                    gross = sessions._priced(link.word, tariff)

                # An account that does not exist is given a day too, and has no balance.
                account: uint256 = vaults._accounts[link.word >> record.PAYER_SHIFT]
                if (account ^ today_field) & vaults.DAY_FIELD != 0:
                    account = (account & ~vaults.SPENDING) | today_field

                # Everything that can be unusual, in one question: a field out of
                # range, a campaign, the times, a flag above the gross, the caps, the
                # balance (who would be left with nothing is asked about too: that may be an
                # account that does not exist), the day's limit (if it was lowered, the one
                # that holds may be higher). A negative difference wraps to something huge.
                if (
                    (unsafe_add(link.word & record.ORDINARY_FIELDS, record.RANGE_FILL) & record.ORDINARY_CARRIES)
                    ^ record.RANGES_HELD
                    | convert(
                        unsafe_add(link.word >> record.RENEWABLE_SHIFT, 1) & 127 > record.MAX_RENEWABLE_PLUS_ONE,
                        uint256,
                    )
                    | convert(idle > duration, uint256)
                    | convert(
                        unsafe_sub((link.word >> record.STARTED_SHIFT) & record.MASK_32, earliest) >= start_window,
                        uint256,
                    )
                    | convert(
                        unsafe_add((link.word >> record.STARTED_SHIFT) & record.MASK_32, duration) > block.timestamp,
                        uint256,
                    )
                    | convert(gross > ordinary, uint256)
                    | convert(gross >= account >> vaults.BALANCE_SHIFT, uint256)
                    | convert(
                        unsafe_add((account >> vaults.SPENT_SHIFT) & vaults.MASK_56, gross)
                        > (account >> vaults.LIMIT_SHIFT) & vaults.MASK_56,
                        uint256,
                    )
                ) != 0:
                    odd: uint256 = 1
                    if link.word & record.CAMPAIGN_FIELD != 0:
                        asked: uint256 = (link.word & record.CAMPAIGN_FIELD) | first_word
                        if asked != campaign:
                            if (asked ^ campaign) & record.CAMPAIGN_FIELD != 0:
                                budgets._close(campaign, budget)
                                budget = budgets._on_day(asked)
                            campaign = asked
                            rules, hour_mask = staticcall budgets.campaigns.terms(
                                campaign >> record.CAMPAIGN_SHIFT, connector_id
                            )
                            granted_from, grant_window = budgets._span(rules, earliest, start_window)
                            rate = (rules >> terms.RATE_SHIFT) & terms.MASK_16
                            most = (rules >> terms.SESSION_CAP_SHIFT) & terms.MASK_40
                            available = budgets._available(rules, budget)
                        benefit: uint256 = unsafe_div(unsafe_mul(gross, rate), budgets.BPS)
                        if benefit > most:
                            benefit = most
                        due: uint256 = unsafe_sub(gross, benefit)
                        # The same question, of what is left to pay, and whether the
                        # campaign grants anything then and can pay for it. One that
                        # grants more than the gross leaves something huge to pay.
                        odd = (
                            (unsafe_add(link.word & record.RANGED_FIELDS, record.RANGE_FILL) & record.RANGE_CARRIES)
                            ^ record.RANGES_HELD
                            | convert(
                                unsafe_add(link.word >> record.RENEWABLE_SHIFT, 1) & 127
                                > record.MAX_RENEWABLE_PLUS_ONE,
                                uint256,
                            )
                            | convert(idle > duration, uint256)
                            | convert(
                                unsafe_sub((link.word >> record.STARTED_SHIFT) & record.MASK_32, granted_from)
                                >= grant_window,
                                uint256,
                            )
                            | convert(
                                unsafe_add((link.word >> record.STARTED_SHIFT) & record.MASK_32, duration)
                                > block.timestamp,
                                uint256,
                            )
                            | convert(gross > ordinary, uint256)
                            | ((hour_mask >> ((link.word >> record.HOUR_SHIFT) & 255)) & 1 ^ 1)
                            | convert(benefit > available, uint256)
                            | convert(due >= account >> vaults.BALANCE_SHIFT, uint256)
                            | convert(
                                unsafe_add((account >> vaults.SPENT_SHIFT) & vaults.MASK_56, due)
                                > (account >> vaults.LIMIT_SHIFT) & vaults.MASK_56,
                                uint256,
                            )
                        )
                        if odd == 0:
                            vaults._accounts[link.word >> record.PAYER_SHIFT] = unsafe_add(
                                account, unsafe_mul(due, vaults.SPEND)
                            )
                            budget = unsafe_add(budget, unsafe_mul(benefit, budgets.SPEND))
                            available = unsafe_sub(available, benefit)
                            sums = unsafe_add(
                                sums, (gross << sessions.GROSS_SUM_SHIFT) | unsafe_div(gross, sessions.FEE_DIVISOR)
                            )
                            link.outcome = (
                                unsafe_add(base, i << record.SESSION_ID_SHIFT)
                                | (due << record.PAID_SHIFT)
                                | (benefit << record.CAMPAIGN_PAID_SHIFT)
                            )

                    if odd != 0:
                        counted: uint256 = 0
                        missed: uint256 = 0
                        counted, missed, link.outcome, budget = sessions._decide(
                            link.word,
                            account,
                            gross,
                            tariff,
                            oldest_end,
                            caps,
                            own_room,
                            room,
                            sums >> sessions.GROSS_SUM_SHIFT,
                            rules,
                            hour_mask,
                            budget,
                        )
                        sums = unsafe_add(sums, counted)
                        unpaid = unsafe_add(unpaid, missed)
                        link.outcome |= unsafe_add(base, i << record.SESSION_ID_SHIFT) ^ record.SETTLED
                        available = budgets._available(rules, budget)
                else:
                    vaults._accounts[link.word >> record.PAYER_SHIFT] = unsafe_add(
                        account, unsafe_mul(gross, vaults.SPEND)
                    )
                    sums = unsafe_add(
                        sums, (gross << sessions.GROSS_SUM_SHIFT) | unsafe_div(gross, sessions.FEE_DIVISOR)
                    )
                    link.outcome = unsafe_add(base, i << record.SESSION_ID_SHIFT) | (gross << record.PAID_SHIFT)

                log ISettlement.Session(session=link.outcome, word=link.word)
                link.hash = convert(keccak256(abi_encode(link)), uint256) >> 64

            self._heads[connector_id] = (
                (unsafe_sub(unsafe_add(first_sequence, count), 1) << HEAD_SEQUENCE_SHIFT)
                | (owner_id << HEAD_OWNER_SHIFT)
                | link.hash
            )
            heads_hash = keccak256(abi_encode(heads_hash, link.hash))
        if offset == size:
            break

    assert offset == size, "settlement: malformed runs"
    if announced != skipped:
        self._credit(owner, accrual, sums, unpaid, today)
        committee_left = unsafe_sub(committee_left, sums >> sessions.GROSS_SUM_SHIFT)
        batch_fees = unsafe_add(batch_fees, sums & sessions.FEE_SUM_MASK)
        budgets._close(campaign, budget)
        batch: uint256 = ((packed >> ledger.BATCHES_SHIFT) & MASK_32) + 1
        # Of two fields that only grow no batch adds more than its fees.
        ledger._ledger = (
            (((packed >> ledger.FEES_SHIFT) + batch_fees) << ledger.FEES_SHIFT)
            | (today << ledger.DAY_SHIFT)
            | (unsafe_add(committee_gross, unsafe_sub(committee_room, committee_left)) << ledger.GROSS_SHIFT)
            | (batch << ledger.BATCHES_SHIFT)
            | (packed & (ledger.MASK_56 << ledger.REIMBURSABLE_SHIFT | MASK_32))
        ) + (min(caps >> bounds.REIMBURSEMENT_SHIFT, batch_fees) << ledger.REIMBURSABLE_SHIFT)
        commitment: bytes32 = convert(
            (convert(keccak256(concat(runs_hash, evidence_root, heads_hash)), uint256) & ~COMMITMENT_TIME)
            | block.timestamp,
            bytes32,
        )
        self.batch_commitment[batch] = commitment
        log ISettlement.BatchSettled(
            batch=batch,
            epoch=epoch,
            evidence_root=evidence_root,
            commitment=commitment,
            sessions=unsafe_sub(announced, skipped),
            submitter=msg.sender,
        )


@external
@view
def head(connector_id: uint256) -> Head:
    """
    @dev Where a connector's next run must begin.
    @param connector_id The connector.
    @return Head Its last sequence, its owner (0 before the first run here) and the
            running hash. Those of the predecessor, if it had none here.
    """
    packed: uint256 = self._head(connector_id)
    return Head(
        sequence=packed >> HEAD_SEQUENCE_SHIFT,
        owner_id=(packed >> HEAD_OWNER_SHIFT) & MASK_32,
        hash=packed & record.MASK_192,
    )


@internal
@view
def _head(connector_id: uint256) -> uint256:
    """
    @dev A connector's head, of the settlement before this one if it has none here.
         Reverts if that one still settles: a session would have a number in both.
    @param connector_id The connector.
    @return uint256 The head, without an owner if it is inherited.
    """
    packed: uint256 = self._heads[connector_id]
    if packed != 0 or predecessor.address == empty(address):
        return packed
    checks._require(staticcall predecessor.paused_until() == ledger.FOR_GOOD, "settlement: predecessor settles")
    sequence: uint256 = 0
    owner_id: uint256 = 0
    hash: uint256 = 0
    sequence, owner_id, hash = staticcall predecessor.head(connector_id)
    return (sequence << HEAD_SEQUENCE_SHIFT) | hash


@internal
def _credit(owner_id: uint256, accrual: uint256, sums: uint256, unpaid: uint256, today: uint256):
    """
    @dev Credits an owner with what its runs brought.
    @param owner_id The owner.
    @param accrual Its accrual's slot.
    @param sums What counted against the caps, and the fees in it.
    @param unpaid What of it the owner does not get.
    @param today The day.
    """
    gross: uint256 = sums >> sessions.GROSS_SUM_SHIFT
    # What was missed and the fees are parts of the gross.
    net: uint256 = unsafe_sub(unsafe_sub(gross, unpaid), sums & sessions.FEE_SUM_MASK)
    accruals._credit(owner_id, accrual, net, gross, today)
