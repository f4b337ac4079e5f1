# pragma version 0.4.3
"""
@title record Module Mock
@custom:contract-name record_mock
@license Apache-2.0
@notice Shows how to import the module, and lets tests call what is internal.
"""


from ..modules import record


@external
@pure
def in_range(word: uint256) -> bool:
    """
    @dev See `record`.
    @param word The record.
    @return bool Whether every field is in its range.
    """
    return record._in_range(word)


@external
@pure
def is_ordinary(word: uint256) -> bool:
    """
    @dev The sum that the loop of `batches` makes, which leaves out two checks of
         `in_range` and adds that there is no campaign.
    @param word The record.
    @return bool Whether reserved bits and campaign are zero, assurance is not,
            and duration and hour are in range.
    """
    return (
        unsafe_add(word & record.ORDINARY_FIELDS, record.RANGE_FILL) & record.ORDINARY_CARRIES == record.RANGES_HELD
    )
