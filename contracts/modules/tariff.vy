# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Tariffs in one slot, and the one price formula
@custom:contract-name tariff
@license Apache-2.0
@notice A tariff bounds the price of the sessions that start in [from, to). Most
        significant first: `from` 32 and `to` 32 bits (UTC seconds, `to` is
        exclusive and 2**32 - 1 while open), then seven prices of 27 bits in
        base units of the payment token: minimum and maximum per kWh, minimum
        and maximum per hour plugged in, minimum and maximum per idle hour, and
        the fee per session; three bits are zero. A flat tariff has equal
        minimum and maximum. See docs/protocol.md, section 3; the Python twin
        is `chargecoin/tariff.py`.
"""


# @dev Where each field begins, counted from the least significant bit.
FROM_SHIFT: constant(uint256) = 224
TO_SHIFT: constant(uint256) = 192
MIN_KWH_SHIFT: constant(uint256) = 165
MAX_KWH_SHIFT: constant(uint256) = 138
MIN_HOUR_SHIFT: constant(uint256) = 111
MAX_HOUR_SHIFT: constant(uint256) = 84
MIN_IDLE_SHIFT: constant(uint256) = 57
MAX_IDLE_SHIFT: constant(uint256) = 30
SESSION_FEE_SHIFT: constant(uint256) = 3


# @dev The largest time and the largest price that fit their fields.
TIME_MASK: constant(uint256) = 2 ** 32 - 1
PRICE_MASK: constant(uint256) = 2 ** 27 - 1


# @dev `to` of a tariff that nothing has ended yet.
OPEN_END: constant(uint256) = 2 ** 32 - 1


# @dev 1 kWh = 1,000 Wh and 1 hour = 3,600 s: amounts are summed in base units
# times 3,600,000 and floored once.
KWH_SCALE: constant(uint256) = 3_600
HOUR_SCALE: constant(uint256) = 1_000
SCALE: constant(uint256) = 3_600_000


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
def _pack(valid_from: uint256, valid_to: uint256, prices: uint256[7]) -> uint256:
    """
    @dev Packs a tariff into its slot. Reverts if a price does not fit, or if a
         minimum is above its maximum.
    @param valid_from The first second in force (UTC), 32 bits.
    @param valid_to The first second no longer in force (UTC), 32 bits.
    @param prices The seven prices in the order of the slot, base units.
    @return uint256 The slot.
    """
    slot: uint256 = (valid_from << FROM_SHIFT) | (valid_to << TO_SHIFT)
    position: uint256 = MIN_KWH_SHIFT
    for price: uint256 in prices:
        assert price <= PRICE_MASK, "tariff: price too large"
        slot |= price << position
        # The seven prices start at bits 165, 138, ... and 3; the last value of
        # `position` is never used.
        position = unsafe_sub(position, 27)
    for i: uint256 in range(3):
        # `2 * i + 1` is at most 5.
        low: uint256 = unsafe_mul(2, i)
        assert prices[low] <= prices[unsafe_add(low, 1)], "tariff: minimum above maximum"
    return slot


@internal
@pure
def _bounded(slot: uint256, energy_wh: uint256, charging_s: uint256, idle_s: uint256, gross: uint256) -> uint256:
    """
    @dev A gross, moved to the nearer bound of a tariff if it is outside.
    @param slot The tariff.
    @param energy_wh The energy in Wh, 24 bits.
    @param charging_s Seconds plugged in and not idle, 20 bits.
    @param idle_s Seconds plugged in and idle, 20 bits.
    @param gross The price stated, base units.
    @return uint256 The price within the bounds, base units, below 2**42.
    """
    # Prices have 27 bits. The largest term, energy, is below 2**(24 + 27 + 12);
    # the sum of the three is below 2**65 and nothing wraps.
    wh: uint256 = unsafe_mul(energy_wh, KWH_SCALE)
    charging: uint256 = unsafe_mul(charging_s, HOUR_SCALE)
    idle: uint256 = unsafe_mul(idle_s, HOUR_SCALE)
    session_fee: uint256 = (slot >> SESSION_FEE_SHIFT) & PRICE_MASK
    most: uint256 = unsafe_add(
        unsafe_div(
            unsafe_add(
                unsafe_add(
                    unsafe_mul(wh, (slot >> MAX_KWH_SHIFT) & PRICE_MASK),
                    unsafe_mul(charging, (slot >> MAX_HOUR_SHIFT) & PRICE_MASK),
                ),
                unsafe_mul(idle, (slot >> MAX_IDLE_SHIFT) & PRICE_MASK),
            ),
            SCALE,
        ),
        session_fee,
    )
    if gross > most:
        return most
    least: uint256 = unsafe_add(
        unsafe_div(
            unsafe_add(
                unsafe_add(
                    unsafe_mul(wh, (slot >> MIN_KWH_SHIFT) & PRICE_MASK),
                    unsafe_mul(charging, (slot >> MIN_HOUR_SHIFT) & PRICE_MASK),
                ),
                unsafe_mul(idle, (slot >> MIN_IDLE_SHIFT) & PRICE_MASK),
            ),
            SCALE,
        ),
        session_fee,
    )
    if gross < least:
        return least
    return gross
