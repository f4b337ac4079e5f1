# pragma version 0.4.3
"""
@title tariff Module Mock
@custom:contract-name tariff_mock
@license Apache-2.0
@notice Shows how to import the module, and lets tests call what is internal.
"""


from ..modules import tariff


@external
@pure
def pack(valid_from: uint256, valid_to: uint256, prices: uint256[7]) -> uint256:
    """
    @dev See `tariff`.
    @param valid_from The first second in force.
    @param valid_to The first second no longer in force.
    @param prices The seven prices in the order of the slot.
    @return uint256 The slot.
    """
    return tariff._pack(valid_from, valid_to, prices)


@external
@pure
def bounded(slot: uint256, energy_wh: uint256, charging_s: uint256, idle_s: uint256, gross: uint256) -> uint256:
    """
    @dev See `tariff`.
    @param slot The tariff.
    @param energy_wh The energy in Wh.
    @param charging_s Seconds plugged in and not idle.
    @param idle_s Seconds plugged in and idle.
    @param gross The price stated.
    @return uint256 The price within the bounds.
    """
    return tariff._bounded(slot, energy_wh, charging_s, idle_s, gross)
