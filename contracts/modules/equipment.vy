# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Sites, stations, EVSEs and connectors
@custom:contract-name equipment
@license Apache-2.0
@notice What charges, where it stands and whose it is. An owner or its operators
        add to it; nothing is taken away. A connector belongs to one owner for
        life. Ids are counted from 1 and have 32 bits, powers are W.
"""


from ..interfaces import IStationRegistry
from . import owners
uses: owners


# @dev The last entry of each list in docs/protocol.md, section 5.
LAST_STANDARD: constant(uint256) = 8
LAST_POWER_TYPE: constant(uint256) = 3


struct Site:
    owner_id: uint256
    name: String[64]
    time_zone: String[40]
    country: String[2]
    grid_zone: String[32]


struct Station:
    site_id: uint256
    identity: String[48]
    vendor: String[50]
    model: String[50]


struct Evse:
    station_id: uint256
    evse_number: uint256
    evse_id: String[48]


struct Connector:
    owner_id: uint256
    evse: uint256
    connector_number: uint256
    standard: uint256
    power_type: uint256
    max_power_w: uint256


# @dev How many of each there are, which is also the last id given out.
site_count: public(uint256)
station_count: public(uint256)
evse_count: public(uint256)
connector_count: public(uint256)


# @dev The equipment, by id.
site: public(HashMap[uint256, Site])
station: public(HashMap[uint256, Station])
evse: public(HashMap[uint256, Evse])


# @dev One slot a connector, most significant first: owner 32, evse 32,
# connector number 32, standard 8, power type 8, maximum power 32 (W), number of
# tariffs 32; so that settlement learns the owner from a single load.
_connectors: HashMap[uint256, uint256]
OWNER_SHIFT: constant(uint256) = 224
EVSE_SHIFT: constant(uint256) = 192
NUMBER_SHIFT: constant(uint256) = 160
STANDARD_SHIFT: constant(uint256) = 152
POWER_TYPE_SHIFT: constant(uint256) = 144
POWER_SHIFT: constant(uint256) = 112


# @dev The station with an OCPP identity, by keccak256 of the identity.
_station_of: HashMap[bytes32, uint256]


# @dev The connector by `station_id << 32 | connector_number`.
_connector_at: HashMap[uint256, uint256]


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value` in the creation-time
         EVM bytecode, the constructor is declared as `payable`.
    """
    pass


@external
def add_site(
    owner_id: uint256, name: String[64], time_zone: String[40], country: String[2], grid_zone: String[32]
) -> uint256:
    """
    @dev Adds a site.
    @param owner_id The owner. Reverts unless the caller acts for it.
    @param name The site's name. Reverts if empty.
    @param time_zone The IANA time zone, such as `Europe/Berlin`. Reverts if
           empty.
    @param country ISO 3166-1 alpha-2. Reverts unless two characters.
    @param grid_zone The zone of the electricity grid whose carbon intensity
           applies. Reverts if empty.
    @return uint256 The new site's id.
    """
    owners._check_acts_for(owner_id)
    assert len(name) != 0 and len(time_zone) != 0 and len(grid_zone) != 0, "registry: empty field"
    assert len(country) == 2, "registry: country is two letters"
    site_id: uint256 = owners._next(self.site_count)
    self.site_count = site_id
    self.site[site_id] = Site(
        owner_id=owner_id, name=name, time_zone=time_zone, country=country, grid_zone=grid_zone
    )
    log IStationRegistry.SiteAdded(
        site_id=site_id, owner_id=owner_id, name=name, time_zone=time_zone, country=country, grid_zone=grid_zone
    )
    return site_id


@external
def add_station(site_id: uint256, identity: String[48], vendor: String[50], model: String[50]) -> uint256:
    """
    @dev Adds a charging station.
    @param site_id The site. Reverts unless the caller acts for its owner.
    @param identity The identity with which the station connects over OCPP.
           Reverts if empty or taken by any station.
    @param vendor The vendor's name, may be empty.
    @param model The model, may be empty.
    @return uint256 The new station's id.
    """
    owners._check_acts_for(self.site[site_id].owner_id)
    assert len(identity) != 0, "registry: empty identity"
    identity_hash: bytes32 = keccak256(identity)
    assert self._station_of[identity_hash] == 0, "registry: identity taken"
    station_id: uint256 = owners._next(self.station_count)
    self.station_count = station_id
    self.station[station_id] = Station(site_id=site_id, identity=identity, vendor=vendor, model=model)
    self._station_of[identity_hash] = station_id
    log IStationRegistry.StationAdded(
        station_id=station_id, site_id=site_id, identity=identity, vendor=vendor, model=model
    )
    return station_id


@external
def add_evse(station_id: uint256, evse_number: uint256, evse_id: String[48]) -> uint256:
    """
    @dev Adds an EVSE, the part of a station that serves one vehicle at a time.
    @param station_id The station. Reverts unless the caller acts for its owner.
    @param evse_number The EVSE's number at the station. Reverts unless 1 to
           2**32 - 1.
    @param evse_id The id in eMI3 form, such as `DE*ABC*E1234`, may be empty.
    @return uint256 The new EVSE's id.
    """
    owners._check_acts_for(self._owner_of_station(station_id))
    assert evse_number != 0 and evse_number <= owners.MASK_32, "registry: evse number out of range"
    evse: uint256 = owners._next(self.evse_count)
    self.evse_count = evse
    self.evse[evse] = Evse(station_id=station_id, evse_number=evse_number, evse_id=evse_id)
    log IStationRegistry.EvseAdded(evse=evse, station_id=station_id, evse_number=evse_number, evse_id=evse_id)
    return evse


@external
def add_connector(
    evse: uint256, connector_number: uint256, standard: uint256, power_type: uint256, max_power_w: uint256
) -> uint256:
    """
    @dev Adds a connector. It belongs to the present owner of the site for life.
    @param evse The EVSE. Reverts unless the caller acts for its owner.
    @param connector_number The number the charge point uses for it in OCPP 1.6.
           Reverts unless 1 to 2**32 - 1 and unique within the station.
    @param standard The plug, numbered as in docs/protocol.md, section 5.
           Reverts if unknown.
    @param power_type 1 AC_1_PHASE, 2 AC_3_PHASE, 3 DC. Reverts if unknown.
    @param max_power_w The most it delivers, in W. Reverts unless 1 to
           2**32 - 1.
    @return uint256 The new connector's id.
    """
    station_id: uint256 = self.evse[evse].station_id
    owner_id: uint256 = self._owner_of_station(station_id)
    owners._check_acts_for(owner_id)
    assert connector_number != 0 and connector_number <= owners.MASK_32, "registry: connector number out of range"
    assert standard != 0 and standard <= LAST_STANDARD, "registry: unknown standard"
    assert power_type != 0 and power_type <= LAST_POWER_TYPE, "registry: unknown power type"
    assert max_power_w != 0 and max_power_w <= owners.MASK_32, "registry: power out of range"
    place: uint256 = (station_id << 32) | connector_number
    assert self._connector_at[place] == 0, "registry: connector number taken"
    connector_id: uint256 = owners._next(self.connector_count)
    self.connector_count = connector_id
    self._connector_at[place] = connector_id
    self._connectors[connector_id] = (
        (owner_id << OWNER_SHIFT)
        | (evse << EVSE_SHIFT)
        | (connector_number << NUMBER_SHIFT)
        | (standard << STANDARD_SHIFT)
        | (power_type << POWER_TYPE_SHIFT)
        | (max_power_w << POWER_SHIFT)
    )
    log IStationRegistry.ConnectorAdded(
        connector_id=connector_id,
        evse=evse,
        connector_number=connector_number,
        standard=standard,
        power_type=power_type,
        max_power_w=max_power_w,
    )
    return connector_id


@external
@view
def connector(connector_id: uint256) -> Connector:
    """
    @dev A connector, all zero if there is no such.
    @param connector_id The connector.
    @return Connector Owner, EVSE, number at the station, standard, power type
            and maximum power (W).
    """
    packed: uint256 = self._connectors[connector_id]
    return Connector(
        owner_id=packed >> OWNER_SHIFT,
        evse=(packed >> EVSE_SHIFT) & owners.MASK_32,
        connector_number=(packed >> NUMBER_SHIFT) & owners.MASK_32,
        standard=(packed >> STANDARD_SHIFT) & 255,
        power_type=(packed >> POWER_TYPE_SHIFT) & 255,
        max_power_w=(packed >> POWER_SHIFT) & owners.MASK_32,
    )


@external
@view
def station_of(identity: String[48]) -> uint256:
    """
    @dev The station that connects with an OCPP identity.
    @param identity The identity.
    @return uint256 The station's id, 0 if there is none.
    """
    return self._station_of[keccak256(identity)]


@external
@view
def connector_at(station_id: uint256, connector_number: uint256) -> uint256:
    """
    @dev The connector with a number at a station.
    @param station_id The station.
    @param connector_number The number in OCPP 1.6.
    @return uint256 The connector's id, 0 if there is none.
    """
    return self._connector_at[(station_id << 32) | connector_number]


@internal
@view
def _owner_of_station(station_id: uint256) -> uint256:
    """
    @dev The owner of a station's site.
    @param station_id The station.
    @return uint256 The owner, 0 if there is no such station.
    """
    return self.site[self.station[station_id].site_id].owner_id


@internal
@view
def _owner_of(connector_id: uint256) -> uint256:
    """
    @dev The owner of a connector.
    @param connector_id The connector.
    @return uint256 The owner, 0 if there is no such connector.
    """
    return self._connectors[connector_id] >> OWNER_SHIFT


@internal
@view
def _tariffs_of(connector_id: uint256) -> uint256:
    """
    @dev How many tariffs a connector has had.
    @param connector_id The connector.
    @return uint256 The index of the last one, 0 if there is none.
    """
    return self._connectors[connector_id] & owners.MASK_32


@internal
def _count_tariff(connector_id: uint256):
    """
    @dev Counts a connector's tariff. It cannot overflow its 32 bits: a connector
         with that many tariffs, an hour apart, would be older than 490,000
         years.
    @param connector_id The connector.
    """
    self._connectors[connector_id] = unsafe_add(self._connectors[connector_id], 1)
