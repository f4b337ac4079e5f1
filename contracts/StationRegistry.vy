# pragma version 0.4.3
"""
@title StationRegistry
@custom:contract-name StationRegistry
@license Apache-2.0
@notice Who owns which charging equipment, at what price it charges, and which
        meter keys are believed because of whom.

        An owner registers sites, stations, EVSEs and connectors, or lets an
        operator do so. A connector belongs to one owner for life. Tariffs are
        announced an hour ahead and never changed: a new one ends the one before
        it. A meter key is entered by the owner or by an accredited voucher (a
        manufacturer or an authority), who may also vouch for it later; what a
        key is worth is stated, never assumed.

        Nothing here holds money, and settlement only reads. Ids are counted
        from 1 and have 32 bits, times are UTC seconds, prices are base units of
        the payment token. Specification: docs/protocol.md, sections 3 and 5.
@custom:kill Nothing to stop: the contract holds no funds. Settlement that must
             not use this registry any more is paused by its guardian and
             replaced by governance with a deployment beside another registry.
"""


from .interfaces import IStationRegistry
implements: IStationRegistry


# @notice Stateless, needs no `uses`.
from .modules import tariff as tariffs


# @dev What kind of voucher stands behind a meter key.
VOUCHER_OWNER: constant(uint256) = 1
VOUCHER_MANUFACTURER: constant(uint256) = 2
VOUCHER_AUTHORITY: constant(uint256) = 3


# @dev A tariff is announced this many seconds ahead.
NOTICE_S: constant(uint256) = 3_600


# @dev Ids, times and powers have 32 bits.
MASK_32: constant(uint256) = 2 ** 32 - 1


# @dev The last entry of each list in docs/protocol.md, section 5.
LAST_STANDARD: constant(uint256) = 8
LAST_POWER_TYPE: constant(uint256) = 3
LAST_CURVE: constant(uint256) = 7


# @dev 100 %.
BPS: constant(uint256) = 10_000


# @dev Accredits vouchers and may revoke any meter key; a timelock.
governance: public(immutable(address))


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


struct MeterKey:
    curve: uint256
    voucher_kind: uint256
    voucher: address
    valid_from: uint256
    revoked_at: uint256


struct Terms:
    vat_bps: uint256
    terms_hash: bytes32


# @dev How many of each there are, which is also the last id given out.
owner_count: public(uint256)
site_count: public(uint256)
station_count: public(uint256)
evse_count: public(uint256)
connector_count: public(uint256)


# @dev The address that acts and is paid for an owner.
owner_account: public(HashMap[uint256, address])


# @dev Whether an address may act for an owner in this registry.
is_operator: public(HashMap[uint256, HashMap[address, bool]])


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


# @dev Tariff slots and the rest of their terms by `connector_id << 32 | index`.
_tariffs: HashMap[uint256, uint256]
_terms: HashMap[uint256, Terms]


# @dev Meter keys by connector and keccak256 of the public key.
meter_key: public(HashMap[uint256, HashMap[bytes32, MeterKey]])


# @dev 0 for none, else what kind of accredited voucher an address is.
voucher_kind: public(HashMap[address, uint256])


@deploy
def __init__(governance_: address):
    """
    @dev Names the timelock that accredits vouchers.
    @param governance_ The address of governance. Reverts if zero.
    """
    assert governance_ != empty(address), "registry: no governance"
    governance = governance_


@external
def register_owner(name: String[64]) -> uint256:
    """
    @dev Registers the caller as a station owner. An address may own several.
    @param name The owner's name. Reverts if empty.
    @return uint256 The new owner's id.
    """
    assert len(name) != 0, "registry: empty name"
    owner_id: uint256 = self._next(self.owner_count)
    self.owner_count = owner_id
    self.owner_account[owner_id] = msg.sender
    log IStationRegistry.OwnerRegistered(owner_id=owner_id, account=msg.sender, name=name)
    return owner_id


@external
def set_operator(owner_id: uint256, operator: address, allowed: bool):
    """
    @dev Lets an address act for an owner here, or no longer.
    @param owner_id The owner. Reverts unless the caller is its account.
    @param operator The address. It can never withdraw money.
    @param allowed Whether it may act.
    """
    assert msg.sender == self.owner_account[owner_id], "registry: not the owner"
    self.is_operator[owner_id][operator] = allowed
    log IStationRegistry.OperatorSet(owner_id=owner_id, operator=operator, allowed=allowed)


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
    self._check_acts_for(owner_id)
    assert len(name) != 0 and len(time_zone) != 0 and len(grid_zone) != 0, "registry: empty field"
    assert len(country) == 2, "registry: country is two letters"
    site_id: uint256 = self._next(self.site_count)
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
    self._check_acts_for(self.site[site_id].owner_id)
    assert len(identity) != 0, "registry: empty identity"
    identity_hash: bytes32 = keccak256(identity)
    assert self._station_of[identity_hash] == 0, "registry: identity taken"
    station_id: uint256 = self._next(self.station_count)
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
    self._check_acts_for(self._owner_of_station(station_id))
    assert evse_number != 0 and evse_number <= MASK_32, "registry: evse number out of range"
    evse: uint256 = self._next(self.evse_count)
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
    self._check_acts_for(owner_id)
    assert connector_number != 0 and connector_number <= MASK_32, "registry: connector number out of range"
    assert standard != 0 and standard <= LAST_STANDARD, "registry: unknown standard"
    assert power_type != 0 and power_type <= LAST_POWER_TYPE, "registry: unknown power type"
    assert max_power_w != 0 and max_power_w <= MASK_32, "registry: power out of range"
    place: uint256 = (station_id << 32) | connector_number
    assert self._connector_at[place] == 0, "registry: connector number taken"
    connector_id: uint256 = self._next(self.connector_count)
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
    connector: uint256 = self._connectors[connector_id]
    self._check_acts_for(connector >> OWNER_SHIFT)
    assert vat_bps <= BPS, "registry: vat out of range"
    before: uint256 = connector & MASK_32
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
    # A connector that could have 2**32 tariffs, an hour apart, would be older
    # than 490,000 years.
    index: uint256 = unsafe_add(before, 1)
    self._connectors[connector_id] = unsafe_add(connector, 1)
    key: uint256 = (connector_id << 32) | index
    self._tariffs[key] = slot
    self._terms[key] = Terms(vat_bps=vat_bps, terms_hash=terms_hash)
    log IStationRegistry.TariffPublished(
        connector_id=connector_id, index=index, tariff=slot, vat_bps=vat_bps, terms_hash=terms_hash
    )
    return index


@external
def add_meter_key(connector_id: uint256, curve: uint256, public_key: Bytes[256], valid_from: uint256):
    """
    @dev Enters the public key of the meter behind a connector. An accredited
         voucher vouches for it by entering it.
    @param connector_id The connector. Reverts unless the caller acts for its
           owner or is an accredited voucher.
    @param curve The curve, numbered as in docs/protocol.md, section 5. Reverts
           if unknown.
    @param public_key The DER SubjectPublicKeyInfo. Reverts if empty or entered
           for this connector before.
    @param valid_from The first second (UTC) from which its signatures count.
           Reverts if zero.
    """
    owner_id: uint256 = self._connectors[connector_id] >> OWNER_SHIFT
    assert owner_id != 0, "registry: no such connector"
    kind: uint256 = self.voucher_kind[msg.sender]
    if kind == 0:
        self._check_acts_for(owner_id)
        kind = VOUCHER_OWNER
    assert curve != 0 and curve <= LAST_CURVE, "registry: unknown curve"
    assert len(public_key) != 0, "registry: empty key"
    assert valid_from != 0, "registry: no start of validity"
    fingerprint: bytes32 = keccak256(public_key)
    assert self.meter_key[connector_id][fingerprint].curve == 0, "registry: key known"
    self.meter_key[connector_id][fingerprint] = MeterKey(
        curve=curve, voucher_kind=kind, voucher=msg.sender, valid_from=valid_from, revoked_at=0
    )
    log IStationRegistry.MeterKeyAdded(
        connector_id=connector_id,
        fingerprint=fingerprint,
        curve=curve,
        public_key=public_key,
        voucher_kind=kind,
        voucher=msg.sender,
        valid_from=valid_from,
    )


@external
def vouch(connector_id: uint256, fingerprint: bytes32):
    """
    @dev Vouches for a key that someone less trusted entered.
    @param connector_id The connector.
    @param fingerprint keccak256 of the public key. Reverts if it is unknown,
           revoked, or vouched for by the same kind or a stronger one, and
           unless the caller is an accredited voucher.
    """
    kind: uint256 = self.voucher_kind[msg.sender]
    assert kind != 0, "registry: not accredited"
    key: MeterKey = self.meter_key[connector_id][fingerprint]
    assert key.curve != 0 and key.revoked_at == 0, "registry: no such key"
    assert kind > key.voucher_kind, "registry: already vouched for"
    key.voucher_kind = kind
    key.voucher = msg.sender
    self.meter_key[connector_id][fingerprint] = key
    log IStationRegistry.MeterKeyVouched(
        connector_id=connector_id, fingerprint=fingerprint, voucher_kind=kind, voucher=msg.sender
    )


@external
def revoke_meter_key(connector_id: uint256, fingerprint: bytes32):
    """
    @dev Ends a key's validity now. It cannot be entered again.
    @param connector_id The connector.
    @param fingerprint keccak256 of the public key. Reverts if it is unknown or
           revoked, and unless the caller acts for the owner, is the key's
           voucher, or is governance.
    """
    key: MeterKey = self.meter_key[connector_id][fingerprint]
    assert key.curve != 0 and key.revoked_at == 0, "registry: no such key"
    if msg.sender != key.voucher and msg.sender != governance:
        self._check_acts_for(self._connectors[connector_id] >> OWNER_SHIFT)
    self.meter_key[connector_id][fingerprint].revoked_at = block.timestamp
    log IStationRegistry.MeterKeyRevoked(connector_id=connector_id, fingerprint=fingerprint)


@external
def set_voucher(voucher: address, kind: uint256):
    """
    @dev Accredits a voucher or ends its accreditation. Keys it vouched for stay
         as they are, until revoked.
    @param voucher The address.
    @param kind 0 none, 2 manufacturer, 3 authority. Reverts if another, and
           unless the caller is governance.
    """
    assert msg.sender == governance, "registry: not governance"
    assert kind in [empty(uint256), VOUCHER_MANUFACTURER, VOUCHER_AUTHORITY], "registry: unknown kind"
    self.voucher_kind[voucher] = kind
    log IStationRegistry.VoucherSet(voucher=voucher, kind=kind)


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
    return self._connectors[connector_id] >> OWNER_SHIFT, self._tariffs[(connector_id << 32) | tariff_index]


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
    return self._connectors[connector_id] & MASK_32


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
        evse=(packed >> EVSE_SHIFT) & MASK_32,
        connector_number=(packed >> NUMBER_SHIFT) & MASK_32,
        standard=(packed >> STANDARD_SHIFT) & 255,
        power_type=(packed >> POWER_TYPE_SHIFT) & 255,
        max_power_w=(packed >> POWER_SHIFT) & MASK_32,
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
@pure
def _next(last: uint256) -> uint256:
    """
    @dev The id after `last`. Reverts when 32 bits are used up.
    @param last The last id given out.
    @return uint256 The next one.
    """
    assert last < MASK_32, "registry: ids used up"
    return unsafe_add(last, 1)


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
def _check_acts_for(owner_id: uint256):
    """
    @dev Reverts unless the caller is an owner's account or operator. Owner 0,
         of what does not exist, has neither.
    @param owner_id The owner.
    """
    assert owner_id != 0, "registry: no such owner"
    assert (
        msg.sender == self.owner_account[owner_id] or self.is_operator[owner_id][msg.sender]
    ), "registry: neither owner nor operator"
