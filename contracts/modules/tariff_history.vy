# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title The tariffs of connectors, past, present and announced
@custom:contract-name tariff_history
@license Apache-2.0
@notice A tariff is announced an hour ahead and never changed: a new one ends the
        one before it, and a session keeps the one that was in force when it
        started. How a tariff is packed and priced: module `tariff`.
"""


from ..interfaces import IStationRegistry
from . import equipment
from . import owners
uses: equipment
uses: owners


# @notice Stateless, needs no `uses`.
from . import tariff as tariffs


# @dev A tariff is announced this many seconds ahead.
NOTICE_S: constant(uint256) = 3_600


# @dev 100 %.
BPS: constant(uint256) = 10_000


struct Terms:
    vat_bps: uint256
    terms_hash: bytes32


# @dev Tariff slots and the rest of their terms by `connector_id << 32 | index`.
_tariffs: HashMap[uint256, uint256]
_terms: HashMap[uint256, Terms]


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value` in the creation-time
         EVM bytecode, the constructor is declared as `payable`.
    """
    pass


@external
def publish_tariff(
    connector_id: uint256, valid_from: uint256, prices: uint256[7], vat_bps: uint256, terms_hash: bytes32
) -> uint256:
    """
    @dev Announces a connector's next tariff and ends the one before at its
         start. Sessions keep the tariff that was in force when they started.
    @param connector_id The connector. Reverts unless the caller acts for its
           owner.
    @param valid_from When it takes effect. Reverts unless at least an hour from
           now and later than the start of the tariff before. The first tariff
           of a connector starts at once if this is not in the future.
    @param prices Minimum and maximum per kWh, minimum and maximum per hour,
           minimum and maximum per idle hour, fee per session; base units, VAT
           included. Reverts if one does not fit 27 bits or a minimum is above
           its maximum.
    @param vat_bps The VAT rate contained in the prices, in basis points.
           Reverts above 10,000.
    @param terms_hash keccak256 of the OCPI tariff object that prices within the
           bounds, zero for a flat tariff.
    @return uint256 The tariff's index, counted from 1.
    """
    owners._check_acts_for(equipment._owner_of(connector_id))
    assert vat_bps <= BPS, "registry: vat out of range"
    before: uint256 = equipment._tariffs_of(connector_id)
    start: uint256 = valid_from
    if before == 0:
        start = max(start, block.timestamp)
    else:
        assert start >= block.timestamp + NOTICE_S, "registry: a tariff needs an hour's notice"
        key_before: uint256 = (connector_id << 32) | before
        slot_before: uint256 = self._tariffs[key_before]
        assert start > slot_before >> tariffs.FROM_SHIFT, "registry: starts before the last tariff"
        # `to` of the last tariff is still all ones, so XOR writes `start` there.
        self._tariffs[key_before] = slot_before ^ ((tariffs.OPEN_END ^ start) << tariffs.TO_SHIFT)
    assert start < tariffs.OPEN_END, "registry: start out of range"
    slot: uint256 = tariffs._pack(start, tariffs.OPEN_END, prices)
    # 32 bits hold what a connector's tariffs can ever be.
    index: uint256 = unsafe_add(before, 1)
    equipment._count_tariff(connector_id)
    key: uint256 = (connector_id << 32) | index
    self._tariffs[key] = slot
    self._terms[key] = Terms(vat_bps=vat_bps, terms_hash=terms_hash)
    log IStationRegistry.TariffPublished(
        connector_id=connector_id, index=index, tariff=slot, vat_bps=vat_bps, terms_hash=terms_hash
    )
    return index


@external
@view
def run_terms(connector_id: uint256, tariff_index: uint256) -> (uint256, uint256):
    """
    @dev What settlement needs before a connector's first run.
    @param connector_id The connector.
    @param tariff_index The tariff's index.
    @return uint256 The owner, 0 if there is no such connector.
    @return uint256 The tariff's slot, 0 if there is no such tariff.
    """
    return equipment._owner_of(connector_id), self._tariffs[(connector_id << 32) | tariff_index]


@external
@view
def tariff_slot(connector_id: uint256, tariff_index: uint256) -> uint256:
    """
    @dev What settlement needs before a connector's later runs.
    @param connector_id The connector.
    @param tariff_index The tariff's index.
    @return uint256 The tariff's slot, 0 if there is no such tariff.
    """
    return self._tariffs[(connector_id << 32) | tariff_index]


@external
@view
def tariff(connector_id: uint256, index: uint256) -> (uint256, uint256, bytes32):
    """
    @dev All of a tariff.
    @param connector_id The connector.
    @param index The tariff's index.
    @return uint256 Its slot, 0 if there is no such tariff.
    @return uint256 The VAT rate contained in the prices, basis points.
    @return bytes32 keccak256 of the OCPI tariff object, zero if flat.
    """
    key: uint256 = (connector_id << 32) | index
    terms: Terms = self._terms[key]
    return self._tariffs[key], terms.vat_bps, terms.terms_hash


@external
@view
def tariff_count(connector_id: uint256) -> uint256:
    """
    @dev How many tariffs a connector has had, announced ones included.
    @param connector_id The connector.
    @return uint256 The index of the last one, 0 if there is none.
    """
    return equipment._tariffs_of(connector_id)
