# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title The two words of a campaign's rules
@custom:contract-name campaign_rules
@license Apache-2.0
@notice Layout of what the campaign manager keeps and settlement asks for, see
        docs/protocol.md, section 10. Stateless. Times are UTC seconds, amounts
        base units of the payment token.
"""


# @dev The rules, most significant first: starts_at 32, ends_at 32 (exclusive),
# paused_from 32, paused_to 32 (exclusive), rate_bps 16, session_cap 40, day_cap
# 64 (0 for none), own 1, zero 7 bits.
STARTS_SHIFT: constant(uint256) = 224
ENDS_SHIFT: constant(uint256) = 192
PAUSED_FROM_SHIFT: constant(uint256) = 160
PAUSED_TO_SHIFT: constant(uint256) = 128
RATE_SHIFT: constant(uint256) = 112
SESSION_CAP_SHIFT: constant(uint256) = 72
DAY_CAP_SHIFT: constant(uint256) = 8
OWN: constant(uint256) = 1 << 7


# @dev Both ends of the pause, which lie next to each other.
PAUSE_FIELDS: constant(uint256) = MASK_64 << PAUSED_TO_SHIFT


# @dev The end of a pause that nobody has ended.
OPEN_PAUSE: constant(uint256) = MASK_32


# @dev The hours of a week, from Monday 00 in the lowest bit.
HOURS: constant(uint256) = 2 ** 168 - 1


MASK_16: constant(uint256) = 2 ** 16 - 1
MASK_32: constant(uint256) = 2 ** 32 - 1
MASK_40: constant(uint256) = 2 ** 40 - 1
MASK_64: constant(uint256) = 2 ** 64 - 1
