// SPDX-License-Identifier: Apache-2.0
// Written by scripts/export_abi.py from the Vyper sources: change those.
pragma solidity ^0.8.20;

/// @title StationRegistry, to Solidity
/// @notice Specification: docs/protocol.md. Amounts are base units, times UTC seconds.
interface IStationRegistry {
    struct Site {
        uint256 owner_id;
        string name;
        string time_zone;
        string country;
        string grid_zone;
    }

    struct Station {
        uint256 site_id;
        string identity;
        string vendor;
        string model;
    }

    struct Evse {
        uint256 station_id;
        uint256 evse_number;
        string evse_id;
    }

    struct Connector {
        uint256 owner_id;
        uint256 evse;
        uint256 connector_number;
        uint256 standard;
        uint256 power_type;
        uint256 max_power_w;
    }

    struct MeterKey {
        uint256 curve;
        uint256 voucher_kind;
        address voucher;
        uint256 valid_from;
        uint256 revoked_at;
    }

    event OwnerRegistered(uint256 indexed owner_id, address indexed account, string name);

    event OperatorSet(uint256 indexed owner_id, address indexed operator, bool allowed);

    event OwnerAccountChanged(uint256 indexed owner_id, address indexed account);

    event SiteAdded(uint256 indexed site_id, uint256 indexed owner_id, string name, string time_zone,
        string country, string grid_zone);

    event StationAdded(uint256 indexed station_id, uint256 indexed site_id, string identity, string vendor,
        string model);

    event EvseAdded(uint256 indexed evse, uint256 indexed station_id, uint256 evse_number, string evse_id);

    event ConnectorAdded(uint256 indexed connector_id, uint256 indexed evse, uint256 connector_number,
        uint256 standard, uint256 power_type, uint256 max_power_w);

    event TariffPublished(uint256 indexed connector_id, uint256 indexed index, uint256 tariff, uint256 vat_bps,
        bytes32 terms_hash);

    event MeterKeyAdded(uint256 indexed connector_id, bytes32 indexed fingerprint, uint256 curve,
        bytes public_key, uint256 voucher_kind, address voucher, uint256 valid_from);

    event MeterKeyVouched(uint256 indexed connector_id, bytes32 indexed fingerprint, uint256 voucher_kind,
        address voucher);

    event MeterKeyRevoked(uint256 indexed connector_id, bytes32 indexed fingerprint);

    event VoucherSet(address indexed voucher, uint256 kind);

    /// @notice Registers the caller as a station owner. An address may own several.
    /// @param name The owner's name. Reverts if empty.
    /// @return The new owner's id.
    function register_owner(string calldata name) external returns (uint256);

    /// @notice Lets an address act for an owner here, or no longer.
    /// @param owner_id The owner. Reverts unless the caller is its account.
    /// @param operator The address. It can never withdraw money.
    /// @param allowed Whether it may act.
    function set_operator(uint256 owner_id, address operator, bool allowed) external;

    /// @notice Offers an owner's account to another address. Nothing changes until it accepts; a later offer
    ///   replaces this one.
    /// @param owner_id The owner. Reverts unless the caller is its account.
    /// @param account Who may accept; zero takes an offer back.
    function offer_account(uint256 owner_id, address account) external;

    /// @notice Makes the caller an owner's account, at once and for everything: it is paid what the owner has
    ///   accrued. Operators stay until it ends them.
    /// @param owner_id The owner. Reverts unless it is offered to the caller.
    function accept_account(uint256 owner_id) external;

    /// @notice How many owners there are, which is also the last id given out.
    function owner_count() external view returns (uint256);

    /// @notice The address that acts and is paid for an owner, and the one that it is offered to, zero for none.
    function owner_account(uint256) external view returns (address);

    /// @notice The address that acts and is paid for an owner, and the one that it is offered to, zero for none.
    function offered_account(uint256) external view returns (address);

    /// @notice Whether an address may act for an owner in this registry.
    function is_operator(uint256, address) external view returns (bool);

    /// @notice Adds a site.
    /// @param owner_id The owner. Reverts unless the caller acts for it.
    /// @param name The site's name. Reverts if empty.
    /// @param time_zone The IANA time zone, such as `Europe/Berlin`. Reverts if empty.
    /// @param country ISO 3166-1 alpha-2. Reverts unless two characters.
    /// @param grid_zone The zone of the electricity grid whose carbon intensity applies. Reverts if empty.
    /// @return The new site's id.
    function add_site(uint256 owner_id, string calldata name, string calldata time_zone, string calldata country,
        string calldata grid_zone) external returns (uint256);

    /// @notice Adds a charging station.
    /// @param site_id The site. Reverts unless the caller acts for its owner.
    /// @param identity The identity with which the station connects over OCPP. Reverts if empty or taken by any
    ///   station.
    /// @param vendor The vendor's name, may be empty.
    /// @param model The model, may be empty.
    /// @return The new station's id.
    function add_station(uint256 site_id, string calldata identity, string calldata vendor, string calldata model)
        external returns (uint256);

    /// @notice Adds an EVSE, the part of a station that serves one vehicle at a time.
    /// @param station_id The station. Reverts unless the caller acts for its owner.
    /// @param evse_number The EVSE's number at the station. Reverts unless 1 to 2**32 - 1.
    /// @param evse_id The id in eMI3 form, such as `DE*ABC*E1234`, may be empty.
    /// @return The new EVSE's id.
    function add_evse(uint256 station_id, uint256 evse_number, string calldata evse_id) external returns
        (uint256);

    /// @notice Adds a connector. It belongs to the present owner of the site for life.
    /// @param evse_ The EVSE. Reverts unless the caller acts for its owner.
    /// @param connector_number The number the charge point uses for it in OCPP 1.6. Reverts unless 1 to 2**32 - 1
    ///   and unique within the station.
    /// @param standard The plug, numbered as in docs/protocol.md, section 5. Reverts if unknown.
    /// @param power_type 1 AC_1_PHASE, 2 AC_3_PHASE, 3 DC. Reverts if unknown.
    /// @param max_power_w The most it delivers, in W. Reverts unless 1 to 2**32 - 1.
    /// @return The new connector's id.
    function add_connector(uint256 evse_, uint256 connector_number, uint256 standard, uint256 power_type,
        uint256 max_power_w) external returns (uint256);

    /// @notice How many of each there are, which is also the last id given out.
    function site_count() external view returns (uint256);

    /// @notice How many of each there are, which is also the last id given out.
    function station_count() external view returns (uint256);

    /// @notice How many of each there are, which is also the last id given out.
    function evse_count() external view returns (uint256);

    /// @notice How many of each there are, which is also the last id given out.
    function connector_count() external view returns (uint256);

    /// @notice The equipment, by id.
    function site(uint256) external view returns (Site memory);

    /// @notice The equipment, by id.
    function station(uint256) external view returns (Station memory);

    /// @notice The equipment, by id.
    function evse(uint256) external view returns (Evse memory);

    /// @notice A connector, all zero if there is no such.
    /// @param connector_id The connector.
    /// @return Owner, EVSE, number at the station, standard, power type and maximum power (W).
    function connector(uint256 connector_id) external view returns (Connector memory);

    /// @notice The station that connects with an OCPP identity.
    /// @param identity The identity.
    /// @return The station's id, 0 if there is none.
    function station_of(string calldata identity) external view returns (uint256);

    /// @notice The connector with a number at a station.
    /// @param station_id The station.
    /// @param connector_number The number in OCPP 1.6.
    /// @return The connector's id, 0 if there is none.
    function connector_at(uint256 station_id, uint256 connector_number) external view returns (uint256);

    /// @notice Announces a connector's next tariff and ends the one before at its start. Sessions keep the tariff
    ///   that was in force when they started.
    /// @param connector_id The connector. Reverts unless the caller acts for its owner.
    /// @param valid_from When it takes effect. Reverts unless at least an hour from now and later than the start
    ///   of the tariff before. The first tariff of a connector starts at once if this is not in the future.
    /// @param prices Minimum and maximum per kWh, minimum and maximum per hour, minimum and maximum per idle
    ///   hour, fee per session; base units, VAT included. Reverts if one does not fit 27 bits or a minimum is
    ///   above its maximum.
    /// @param vat_bps The VAT rate contained in the prices, in basis points. Reverts above 10,000.
    /// @param terms_hash keccak256 of the OCPI tariff object that prices within the bounds, zero for a flat
    ///   tariff.
    /// @return The tariff's index, counted from 1.
    function publish_tariff(uint256 connector_id, uint256 valid_from, uint256[7] calldata prices, uint256 vat_bps,
        bytes32 terms_hash) external returns (uint256);

    /// @notice What settlement needs before a connector's first run.
    /// @param connector_id The connector.
    /// @param tariff_index The tariff's index.
    /// @return The owner, 0 if there is no such connector.
    /// @return The tariff's slot, 0 if there is no such tariff.
    function run_terms(uint256 connector_id, uint256 tariff_index) external view returns (uint256, uint256);

    /// @notice What settlement needs before a connector's later runs.
    /// @param connector_id The connector.
    /// @param tariff_index The tariff's index.
    /// @return The tariff's slot, 0 if there is no such tariff.
    function tariff_slot(uint256 connector_id, uint256 tariff_index) external view returns (uint256);

    /// @notice All of a tariff.
    /// @param connector_id The connector.
    /// @param index The tariff's index.
    /// @return Its slot, 0 if there is no such tariff.
    /// @return The VAT rate contained in the prices, basis points.
    /// @return keccak256 of the OCPI tariff object, zero if flat.
    function tariff(uint256 connector_id, uint256 index) external view returns (uint256, uint256, bytes32);

    /// @notice How many tariffs a connector has had, announced ones included.
    /// @param connector_id The connector.
    /// @return The index of the last one, 0 if there is none.
    function tariff_count(uint256 connector_id) external view returns (uint256);

    /// @notice Enters the public key of the meter behind a connector. An accredited voucher vouches for it by
    ///   entering it.
    /// @param connector_id The connector. Reverts unless the caller acts for its owner or is an accredited
    ///   voucher.
    /// @param curve The curve, numbered as in docs/protocol.md, section 5. Reverts if unknown.
    /// @param public_key The DER SubjectPublicKeyInfo. Reverts if empty or entered for this connector before.
    /// @param valid_from The first second (UTC) from which its signatures count. Reverts if zero.
    function add_meter_key(uint256 connector_id, uint256 curve, bytes calldata public_key, uint256 valid_from)
        external;

    /// @notice Vouches for a key that someone less trusted entered.
    /// @param connector_id The connector.
    /// @param fingerprint keccak256 of the public key. Reverts if it is unknown, revoked, or vouched for by the
    ///   same kind or a stronger one, and unless the caller is an accredited voucher.
    function vouch(uint256 connector_id, bytes32 fingerprint) external;

    /// @notice Ends a key's validity now. It cannot be entered again.
    /// @param connector_id The connector.
    /// @param fingerprint keccak256 of the public key. Reverts if it is unknown or revoked, and unless the caller
    ///   acts for the owner, is the key's voucher, or is governance.
    function revoke_meter_key(uint256 connector_id, bytes32 fingerprint) external;

    /// @notice Accredits a voucher or ends its accreditation. Keys it vouched for stay as they are, until
    ///   revoked.
    /// @param voucher The address.
    /// @param kind 0 none, 2 manufacturer, 3 authority. Reverts if another, and unless the caller is governance.
    function set_voucher(address voucher, uint256 kind) external;

    /// @notice Meter keys by connector and keccak256 of the public key.
    function meter_key(uint256, bytes32) external view returns (MeterKey memory);

    /// @notice 0 for none, else what kind of accredited voucher an address is.
    function voucher_kind(address) external view returns (uint256);

    /// @notice Accredits vouchers and may revoke any meter key; a timelock.
    function governance() external view returns (address);
}
