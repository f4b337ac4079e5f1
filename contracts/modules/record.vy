# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title The session record, runs and outcomes in words
@custom:contract-name record
@license Apache-2.0
@notice Layouts are docs/protocol.md, sections 1 and 2; the Python twin is
        `chargecoin/record.py`. Shifts count from the least significant bit.
        The constants are for loops, where a function call would cost more than
        what it reads; the functions are for everywhere else.
"""


# @dev The session record.
PAYER_SHIFT: constant(uint256) = 216
STARTED_SHIFT: constant(uint256) = 184
DURATION_SHIFT: constant(uint256) = 164
IDLE_SHIFT: constant(uint256) = 144
ENERGY_SHIFT: constant(uint256) = 120
GROSS_SHIFT: constant(uint256) = 80
CAMPAIGN_SHIFT: constant(uint256) = 48
HOUR_SHIFT: constant(uint256) = 40
RENEWABLE_SHIFT: constant(uint256) = 21
ASSURANCE_SHIFT: constant(uint256) = 19


# @dev The largest values of fields, by width.
MASK_16: constant(uint256) = 2 ** 16 - 1
MASK_20: constant(uint256) = 2 ** 20 - 1
MASK_24: constant(uint256) = 2 ** 24 - 1
MASK_32: constant(uint256) = 2 ** 32 - 1
MASK_40: constant(uint256) = 2 ** 40 - 1
MASK_192: constant(uint256) = 2 ** 192 - 1


# @dev Where a campaign stands in the record, unshifted.
CAMPAIGN_FIELD: constant(uint256) = MASK_32 << CAMPAIGN_SHIFT


# @dev The longest session is 12 days; the week has 168 hours.
MAX_DURATION_S: constant(uint256) = 1_036_800
MAX_HOUR_OF_WEEK: constant(uint256) = 167


# @dev Four ranges in one sum. To each of these fields we add what is missing
# from its maximum to a full field, so a value out of range carries into the bit
# above it, which the mask left empty: duration above 12 days (bit 184), hour
# above 167 (bit 48), and, the other way round, assurance above 0 (bit 21). The
# reserved bits are added nothing and must come out as zero.
RANGED_FIELDS: constant(uint256) = (
    (MASK_20 << DURATION_SHIFT) | (255 << HOUR_SHIFT) | (3 << ASSURANCE_SHIFT) | (2 ** ASSURANCE_SHIFT - 1)
)
RANGE_FILL: constant(uint256) = (
    ((MASK_20 - MAX_DURATION_S) << DURATION_SHIFT)
    | ((255 - MAX_HOUR_OF_WEEK) << HOUR_SHIFT)
    | (3 << ASSURANCE_SHIFT)
)
RANGE_CARRIES: constant(uint256) = (
    (1 << STARTED_SHIFT) | (1 << CAMPAIGN_SHIFT) | (1 << RENEWABLE_SHIFT) | (2 ** ASSURANCE_SHIFT - 1)
)
RANGES_HELD: constant(uint256) = 1 << RENEWABLE_SHIFT


# @dev The same sum asks, for nothing more, whether a record names no campaign:
# its field is added nothing and must come out as zero, and so must the bit above
# it, into which an hour out of range would carry through a campaign of all ones.
ORDINARY_FIELDS: constant(uint256) = RANGED_FIELDS | CAMPAIGN_FIELD
ORDINARY_CARRIES: constant(uint256) = RANGE_CARRIES | CAMPAIGN_FIELD | (1 << GROSS_SHIFT)


# @dev A percentage of 0 to 100, or 127 for unknown: one more, modulo 128, is at
# most 101.
MAX_RENEWABLE_PLUS_ONE: constant(uint256) = 101


# @dev The outcome word.
SESSION_ID_SHIFT: constant(uint256) = 160
STATUS_SHIFT: constant(uint256) = 152
REASON_SHIFT: constant(uint256) = 144
FLAGS_SHIFT: constant(uint256) = 120
PAID_SHIFT: constant(uint256) = 80
CAMPAIGN_PAID_SHIFT: constant(uint256) = 40


# @dev Statuses, in place.
SETTLED: constant(uint256) = 1 << STATUS_SHIFT
UNFUNDED: constant(uint256) = 2 << STATUS_SHIFT
REJECTED: constant(uint256) = 3 << STATUS_SHIFT


# @dev Reasons, in place.
BALANCE_SHORT: constant(uint256) = 1 << REASON_SHIFT
LIMIT_SHORT: constant(uint256) = 2 << REASON_SHIFT
NO_PAYER: constant(uint256) = 3 << REASON_SHIFT
UNKNOWN_ACCOUNT: constant(uint256) = 4 << REASON_SHIFT
ENDS_IN_FUTURE: constant(uint256) = 16 << REASON_SHIFT
TOO_OLD: constant(uint256) = 17 << REASON_SHIFT
SESSION_CAP: constant(uint256) = 18 << REASON_SHIFT
FIELD_RANGE: constant(uint256) = 19 << REASON_SHIFT
TARIFF_NOT_IN_FORCE: constant(uint256) = 20 << REASON_SHIFT
OWNER_DAY_CAP: constant(uint256) = 21 << REASON_SHIFT
COMMITTEE_DAY_CAP: constant(uint256) = 22 << REASON_SHIFT


# @dev Flags, in place.
CLAMPED: constant(uint256) = 1 << FLAGS_SHIFT
CAMPAIGN_NOT_APPLIED: constant(uint256) = 2 << FLAGS_SHIFT
CAMPAIGN_SHORT: constant(uint256) = 4 << FLAGS_SHIFT


# @dev The header of a run.
CONNECTOR_SHIFT: constant(uint256) = 224
FIRST_SEQUENCE_SHIFT: constant(uint256) = 192
TARIFF_INDEX_SHIFT: constant(uint256) = 160
COUNT_SHIFT: constant(uint256) = 144
HEADER_PADDING: constant(uint256) = 2 ** 144 - 1


# @dev A batch: two header words a run and one word a session.
WORD: constant(uint256) = 32
HEADER_SIZE: constant(uint256) = 64
MAX_RUNS: constant(uint256) = 256
MAX_SESSIONS: constant(uint256) = 256


# @dev The largest `runs` and the largest list of outcomes, in bytes.
MAX_RUNS_SIZE: constant(uint256) = MAX_RUNS * HEADER_SIZE + MAX_SESSIONS * WORD
MAX_OUTCOMES_SIZE: constant(uint256) = MAX_SESSIONS * WORD


# @dev What the running hash is made from: the hash before, the record and what
# became of it.
struct Link:
    hash: uint256
    word: uint256
    outcome: uint256


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value` in the creation-time
         EVM bytecode, the constructor is declared as `payable`.
    """
    pass


@internal
@pure
def _in_range(word: uint256) -> bool:
    """
    @dev Whether every field of a record is in its range.
    @param word The record.
    @return bool Whether it is.
    """
    duration: uint256 = (word >> DURATION_SHIFT) & MASK_20
    return (
        unsafe_add(word & RANGED_FIELDS, RANGE_FILL) & RANGE_CARRIES == RANGES_HELD
        and unsafe_add(word >> RENEWABLE_SHIFT, 1) & 127 <= MAX_RENEWABLE_PLUS_ONE
        and (word >> IDLE_SHIFT) & MASK_20 <= duration
    )
