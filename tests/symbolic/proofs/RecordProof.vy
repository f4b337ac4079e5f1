# pragma version 0.4.3
"""
@title The record's ranges and fields
@custom:contract-name RecordProof
@license Apache-2.0
@notice What docs/protocol.md, sections 1 and 2, says of each field, by its width
        and place and with nothing but division, against `modules/record.vy`.
"""


from contracts.modules import record
from tests.symbolic.proofs import claim


@external
@pure
def check_a_record_is_in_range_if_each_field_is(word: uint256):
    """
    @dev One sum and two comparisons against a comparison a field.
    """
    duration: uint256 = word // 2 ** 164 % 2 ** 20
    idle: uint256 = word // 2 ** 144 % 2 ** 20
    renewable: uint256 = word // 2 ** 21 % 2 ** 7
    claim._that(
        record._in_range(word)
        == (
            duration <= 1_036_800
            and idle <= duration
            and word // 2 ** 40 % 2 ** 8 <= 167
            and (renewable <= 100 or renewable == 127)
            and word // 2 ** 19 % 2 ** 2 != 0
            and word % 2 ** 19 == 0
        )
    )


@external
@pure
def check_the_loops_one_sum_asks_five_questions(word: uint256):
    """
    @dev The sum that the loop of `batches` makes instead of a call.
    """
    claim._that(
        (unsafe_add(word & record.ORDINARY_FIELDS, record.RANGE_FILL) & record.ORDINARY_CARRIES == record.RANGES_HELD)
        == (
            word // 2 ** 164 % 2 ** 20 <= 1_036_800
            and word // 2 ** 48 % 2 ** 32 == 0
            and word // 2 ** 40 % 2 ** 8 <= 167
            and word // 2 ** 19 % 2 ** 2 != 0
            and word % 2 ** 19 == 0
        )
    )


@external
@pure
def check_what_is_packed_is_read_back(
    payer: uint256,
    started_at: uint256,
    duration_s: uint256,
    idle_s: uint256,
    energy_wh: uint256,
    gross: uint256,
    campaign: uint256,
    hour: uint256,
    renewable: uint256,
    assurance: uint256,
):
    """
    @dev Fields side by side, in the order and widths of the specification. The
         carbon intensity, which no contract reads, stands between hour and
         renewable share with 12 bits.
    """
    if (
        payer >= 2 ** 40 or started_at >= 2 ** 32 or duration_s >= 2 ** 20 or idle_s >= 2 ** 20
        or energy_wh >= 2 ** 24 or gross >= 2 ** 40 or campaign >= 2 ** 32 or hour >= 2 ** 8
        or renewable >= 2 ** 7 or assurance >= 2 ** 2
    ):
        return
    word: uint256 = payer * 2 ** 32 + started_at
    word = word * 2 ** 20 + duration_s
    word = word * 2 ** 20 + idle_s
    word = word * 2 ** 24 + energy_wh
    word = word * 2 ** 40 + gross
    word = word * 2 ** 32 + campaign
    word = word * 2 ** 8 + hour
    word = word * 2 ** 12
    word = word * 2 ** 7 + renewable
    word = word * 2 ** 2 + assurance
    word = word * 2 ** 19
    claim._that(word >> record.PAYER_SHIFT == payer)
    claim._that((word >> record.STARTED_SHIFT) & record.MASK_32 == started_at)
    claim._that((word >> record.DURATION_SHIFT) & record.MASK_20 == duration_s)
    claim._that((word >> record.IDLE_SHIFT) & record.MASK_20 == idle_s)
    claim._that((word >> record.ENERGY_SHIFT) & record.MASK_24 == energy_wh)
    claim._that((word >> record.GROSS_SHIFT) & record.MASK_40 == gross)
    claim._that((word & record.CAMPAIGN_FIELD) >> record.CAMPAIGN_SHIFT == campaign)
    claim._that((word >> record.HOUR_SHIFT) & 255 == hour)
    claim._that((word >> record.RENEWABLE_SHIFT) & 127 == renewable)
    claim._that((word >> record.ASSURANCE_SHIFT) & 3 == assurance)


@external
@pure
def check_a_runs_header_is_read_back(connector: uint256, first_sequence: uint256, tariff_index: uint256, count: uint256, padding: uint256):
    """
    @dev Header A of docs/protocol.md, section 2.
    """
    if (
        connector >= 2 ** 32 or first_sequence >= 2 ** 32 or tariff_index >= 2 ** 32 or count >= 2 ** 16
        or padding >= 2 ** 144
    ):
        return
    header: uint256 = connector * 2 ** 32 + first_sequence
    header = (header * 2 ** 32 + tariff_index) * 2 ** 16 + count
    header = header * 2 ** 144 + padding
    claim._that(header >> record.CONNECTOR_SHIFT == connector)
    claim._that((header >> record.FIRST_SEQUENCE_SHIFT) & record.MASK_32 == first_sequence)
    claim._that((header >> record.TARIFF_INDEX_SHIFT) & record.MASK_32 == tariff_index)
    claim._that((header >> record.COUNT_SHIFT) & record.MASK_16 == count)
    claim._that(header & record.HEADER_PADDING == padding)
