# pragma version 0.4.3
"""
@title StationRegistry
@custom:contract-name StationRegistry
@license Apache-2.0
@notice Who owns which charging equipment, at what price it charges, and which
        meter keys are believed because of whom.

        An owner registers sites, stations, EVSEs and connectors, or lets an
        operator do so, and may pass its account on to an address that accepts.
        A connector belongs to one owner for life. Tariffs are
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


from .modules import owners
initializes: owners


from .modules import equipment
initializes: equipment[owners := owners]


from .modules import tariff_history
initializes: tariff_history[
    equipment := equipment,
    owners := owners,
]


from .modules import meter_keys
initializes: meter_keys[
    equipment := equipment,
    owners := owners,
]


exports: (
    # Owners
    owners.register_owner,
    owners.set_operator,
    owners.offer_account,
    owners.accept_account,
    owners.owner_count,
    owners.owner_account,
    owners.offered_account,
    owners.is_operator,
    # Equipment
    equipment.add_site,
    equipment.add_station,
    equipment.add_evse,
    equipment.add_connector,
    equipment.site_count,
    equipment.station_count,
    equipment.evse_count,
    equipment.connector_count,
    equipment.site,
    equipment.station,
    equipment.evse,
    equipment.connector,
    equipment.station_of,
    equipment.connector_at,
    # Tariffs
    tariff_history.publish_tariff,
    tariff_history.run_terms,
    tariff_history.tariff_slot,
    tariff_history.tariff,
    tariff_history.tariff_count,
    # Meter keys
    meter_keys.add_meter_key,
    meter_keys.vouch,
    meter_keys.revoke_meter_key,
    meter_keys.set_voucher,
    meter_keys.meter_key,
    meter_keys.voucher_kind,
    meter_keys.governance,
)


@deploy
def __init__(governance: address):
    """
    @dev Names the timelock that accredits vouchers.
    @param governance The address of governance. Reverts if zero.
    """
    owners.__init__()
    equipment.__init__()
    tariff_history.__init__()
    meter_keys.__init__(governance)
