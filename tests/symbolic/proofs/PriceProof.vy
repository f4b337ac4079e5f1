# pragma version 0.4.3
"""
@title The price formula, its bounds, and tariffs in one slot
@custom:contract-name PriceProof
@license Apache-2.0
@notice `modules/tariff.vy`, `modules/sessions.vy` and the expression in the loop
        of `modules/batches.vy` against docs/protocol.md, section 3.
"""


from contracts.modules import record
from contracts.modules import tariff
from tests.symbolic.proofs import claim


@external
@pure
def check_a_gross_is_moved_to_the_nearer_bound(
    slot: uint256, energy_wh: uint256, charging_s: uint256, idle_s: uint256, gross: uint256
):
    """
    @dev For every tariff whose minima are not above its maxima.
    """
    if energy_wh >= 2 ** 24 or charging_s >= 2 ** 20 or idle_s >= 2 ** 20 or gross >= 2 ** 40:
        return
    low: uint256 = self._formula(slot, energy_wh, charging_s, idle_s, tariff.MIN_KWH_SHIFT)
    high: uint256 = self._formula(slot, energy_wh, charging_s, idle_s, tariff.MAX_KWH_SHIFT)
    if low > high:
        return
    # Branches and not `min` and `max`, which multiply: the solver is spared that.
    nearest: uint256 = gross
    if gross < low:
        nearest = low
    if gross > high:
        nearest = high
    claim._that(tariff._bounded(slot, energy_wh, charging_s, idle_s, gross) == nearest)


@external
@pure
def check_the_loops_expression_is_the_formula(
    energy_wh: uint256, duration_s: uint256, idle_s: uint256, kwh: uint256, hour: uint256, idle_hour: uint256
):
    """
    @dev The loop of `batches` multiplies the whole duration and corrects the idle
         part, modulo 2**256.
    """
    if energy_wh >= 2 ** 24 or duration_s >= 2 ** 20 or idle_s > duration_s:
        return
    if kwh >= 2 ** 27 or hour >= 2 ** 27 or idle_hour >= 2 ** 27:
        return
    per_s: uint256 = unsafe_mul(hour, tariff.HOUR_SCALE)
    surcharge: uint256 = unsafe_sub(unsafe_mul(idle_hour, tariff.HOUR_SCALE), per_s)
    found: uint256 = unsafe_add(
        unsafe_add(unsafe_mul(energy_wh, unsafe_mul(kwh, tariff.KWH_SCALE)), unsafe_mul(duration_s, per_s)),
        unsafe_mul(idle_s, surcharge),
    )
    claim._that(
        found
        == energy_wh * kwh * 3_600 + (duration_s - idle_s) * hour * 1_000 + idle_s * idle_hour * 1_000
    )


@external
@pure
def check_no_price_leaves_its_42_bits(
    slot: uint256, energy_wh: uint256, charging_s: uint256, idle_s: uint256, gross: uint256
):
    """
    @dev A priced session stays below the flags that are put above it.
    """
    if energy_wh >= 2 ** 24 or charging_s >= 2 ** 20 or idle_s >= 2 ** 20 or gross >= 2 ** 40:
        return
    claim._that(tariff._bounded(slot, energy_wh, charging_s, idle_s, gross) < 2 ** record.FLAGS_SHIFT)


@external
@pure
def check_a_tariff_is_packed_as_specified_or_refused(valid_from: uint256, valid_to: uint256, prices: uint256[7]):
    """
    @dev What `_pack` returns holds each value in its place, and it refuses a
         price of more than 27 bits and a minimum above its maximum.
    """
    if valid_from >= 2 ** 32 or valid_to >= 2 ** 32:
        return
    slot: uint256 = tariff._pack(valid_from, valid_to, prices)
    claim._that(prices[0] <= prices[1] and prices[2] <= prices[3] and prices[4] <= prices[5])
    claim._that(slot // 2 ** 224 == valid_from and slot // 2 ** 192 % 2 ** 32 == valid_to)
    claim._that(slot // 2 ** 165 % 2 ** 27 == prices[0] and slot // 2 ** 138 % 2 ** 27 == prices[1])
    claim._that(slot // 2 ** 111 % 2 ** 27 == prices[2] and slot // 2 ** 84 % 2 ** 27 == prices[3])
    claim._that(slot // 2 ** 57 % 2 ** 27 == prices[4] and slot // 2 ** 30 % 2 ** 27 == prices[5])
    claim._that(slot // 2 ** 3 % 2 ** 27 == prices[6] and slot % 2 ** 3 == 0)


@external
@pure
def check_no_step_of_the_formula_wraps(
    energy_wh: uint256, charging_s: uint256, idle_s: uint256, kwh: uint256, hour: uint256, idle_hour: uint256
):
    """
    @dev What lets `_formula` here, and `_bounded` there, do without checks.
    """
    if energy_wh >= 2 ** 24 or charging_s >= 2 ** 20 or idle_s >= 2 ** 20:
        return
    if kwh >= 2 ** 27 or hour >= 2 ** 27 or idle_hour >= 2 ** 27:
        return
    energy: uint256 = unsafe_mul(unsafe_mul(energy_wh, 3_600), kwh)
    charging: uint256 = unsafe_mul(unsafe_mul(charging_s, 1_000), hour)
    idle: uint256 = unsafe_mul(unsafe_mul(idle_s, 1_000), idle_hour)
    claim._that(energy < 2 ** 63 and charging < 2 ** 57 and idle < 2 ** 57)


@internal
@pure
def _formula(slot: uint256, energy_wh: uint256, charging_s: uint256, idle_s: uint256, first: uint256) -> uint256:
    """
    @dev The formula at a tariff's minima or maxima. Prices per hour and per idle
         hour stand 54 and 108 bits below that per kWh.
    @param slot The tariff.
    @param energy_wh Wh.
    @param charging_s Seconds plugged in and not idle.
    @param idle_s Seconds idle.
    @param first Where the price per kWh stands.
    @return uint256 The price, base units.
    """
    energy: uint256 = unsafe_mul(unsafe_mul(energy_wh, 3_600), (slot >> first) & (2 ** 27 - 1))
    charging: uint256 = unsafe_mul(unsafe_mul(charging_s, 1_000), (slot >> (first - 54)) & (2 ** 27 - 1))
    idle: uint256 = unsafe_mul(unsafe_mul(idle_s, 1_000), (slot >> (first - 108)) & (2 ** 27 - 1))
    return unsafe_add(unsafe_add(unsafe_add(energy, charging), idle) // 3_600_000, (slot >> 3) & (2 ** 27 - 1))
