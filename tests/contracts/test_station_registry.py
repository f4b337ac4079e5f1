"""The station registry, function by function."""

from dataclasses import replace
from typing import Any

import boa
import pytest
from eth_utils.crypto import keccak

from chargecoin.tariff import OPEN_END, Prices, Tariff
from tests.contracts.world import FLAT, HOUR_S, TOKEN, World, events, now, session, wait

CHEAPER = Tariff.flat(Prices(kwh=300_000, hour=0, idle_hour=0, session=0), 0)
KEY = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + b"\x04" * 65
FINGERPRINT = keccak(KEY)
OWNER, CONNECTOR = 1, 1
NOBODY = "0x" + "00" * 20


@pytest.fixture
def registry(world: World) -> Any:
    return world.registry


# Owners and operators


def test_whoever_registers_an_owner_is_its_account(world: World, registry: Any) -> None:
    owner = registry.register_owner("Quay Parking", sender=world.stranger)
    [event] = events(registry, "OwnerRegistered")
    assert (event.owner_id, event.account, event.name) == (owner, world.stranger, "Quay Parking")
    assert owner == registry.owner_count() == 2
    assert registry.owner_account(owner) == world.stranger


def test_an_owner_needs_a_name(world: World, registry: Any) -> None:
    with boa.reverts("registry: empty name"):
        registry.register_owner("", sender=world.stranger)


def test_only_the_owner_names_operators(world: World, registry: Any) -> None:
    for caller in (world.stranger, world.governance):
        with boa.reverts("registry: not the owner"):
            registry.set_operator(OWNER, world.operator, True, sender=caller)
    registry.set_operator(OWNER, world.operator, True, sender=world.station_owner)
    [event] = events(registry, "OperatorSet")
    assert (event.owner_id, event.operator, event.allowed) == (OWNER, world.operator, True)
    assert registry.is_operator(OWNER, world.operator)


def test_an_operator_equips_and_prices_but_names_no_other(world: World, registry: Any) -> None:
    registry.set_operator(OWNER, world.operator, True, sender=world.station_owner)
    with boa.reverts("registry: not the owner"):
        registry.set_operator(OWNER, world.stranger, True, sender=world.operator)
    site = registry.add_site(OWNER, "Dock", "Europe/Berlin", "DE", "DE", sender=world.operator)
    station = registry.add_station(site, "CP-9", "Vendor", "Model", sender=world.operator)
    evse = registry.add_evse(station, 1, "DE*ABC*E9", sender=world.operator)
    connector = registry.add_connector(evse, 1, 4, 2, 22_000, sender=world.operator)
    seven = FLAT.prices7()
    registry.publish_tariff(connector, 0, seven, 0, bytes(32), sender=world.operator)
    registry.set_operator(OWNER, world.operator, False, sender=world.station_owner)
    with boa.reverts("registry: neither owner nor operator"):
        registry.add_evse(station, 2, "", sender=world.operator)


def test_an_account_passes_on_only_when_the_other_accepts(world: World, registry: Any) -> None:
    registry.offer_account(OWNER, world.stranger, sender=world.station_owner)
    assert registry.offered_account(OWNER) == world.stranger
    assert registry.owner_account(OWNER) == world.station_owner
    registry.accept_account(OWNER, sender=world.stranger)
    [event] = events(registry, "OwnerAccountChanged")
    assert (event.owner_id, event.account) == (OWNER, world.stranger)
    assert registry.owner_account(OWNER) == world.stranger
    assert int(registry.offered_account(OWNER), 16) == 0
    with boa.reverts("registry: not offered to the caller"):
        registry.accept_account(OWNER, sender=world.stranger)


def test_the_account_that_was_is_nobody_any_more(world: World, registry: Any, account: int) -> None:
    world.settle_one(CONNECTOR, session(account))
    registry.offer_account(OWNER, world.stranger, sender=world.station_owner)
    registry.accept_account(OWNER, sender=world.stranger)
    with boa.reverts("registry: not the owner"):
        registry.set_operator(OWNER, world.operator, True, sender=world.station_owner)
    with boa.reverts("registry: neither owner nor operator"):
        registry.add_site(OWNER, "S", "UTC", "DE", "DE", sender=world.station_owner)
    with boa.reverts("settlement: not the owner"):
        world.settlement.withdraw_accrual(OWNER, TOKEN, sender=world.station_owner)
    world.settlement.withdraw_accrual(OWNER, TOKEN, sender=world.stranger)
    assert world.token.balanceOf(world.stranger) == TOKEN


def test_an_operator_outlives_the_account_that_named_it(world: World, registry: Any) -> None:
    registry.set_operator(OWNER, world.operator, True, sender=world.station_owner)
    registry.offer_account(OWNER, world.stranger, sender=world.station_owner)
    registry.accept_account(OWNER, sender=world.stranger)
    assert registry.is_operator(OWNER, world.operator)
    registry.set_operator(OWNER, world.operator, False, sender=world.stranger)
    with boa.reverts("registry: neither owner nor operator"):
        registry.add_site(OWNER, "S", "UTC", "DE", "DE", sender=world.operator)


def test_an_offer_is_the_accounts_to_make_and_to_take_back(world: World, registry: Any) -> None:
    registry.set_operator(OWNER, world.operator, True, sender=world.station_owner)
    for caller in (world.operator, world.stranger, world.governance):
        with boa.reverts("registry: not the owner"):
            registry.offer_account(OWNER, caller, sender=caller)
    with boa.reverts("registry: not the owner"):
        registry.offer_account(9, world.stranger, sender=world.station_owner)
    registry.offer_account(OWNER, world.stranger, sender=world.station_owner)
    registry.offer_account(OWNER, world.fleet, sender=world.station_owner)
    with boa.reverts("registry: not offered to the caller"):
        registry.accept_account(OWNER, sender=world.stranger)
    registry.offer_account(OWNER, NOBODY, sender=world.station_owner)
    for caller in (world.fleet, world.station_owner, world.stranger):
        with boa.reverts("registry: not offered to the caller"):
            registry.accept_account(OWNER, sender=caller)
    assert registry.owner_account(OWNER) == world.station_owner


# Equipment


def test_equipment_is_read_as_it_was_entered(world: World, registry: Any) -> None:
    by = world.station_owner
    site = registry.add_site(OWNER, "Dock", "Europe/Paris", "FR", "FR", sender=by)
    [added] = events(registry, "SiteAdded")
    assert (added.site_id, added.owner_id, added.time_zone) == (site, OWNER, "Europe/Paris")
    station = registry.add_station(site, "CP-77", "Vendor", "M7", sender=by)
    [added] = events(registry, "StationAdded")
    assert (added.station_id, added.site_id, added.identity) == (station, site, "CP-77")
    evse = registry.add_evse(station, 3, "FR*ABC*E77", sender=by)
    [added] = events(registry, "EvseAdded")
    assert (added.evse, added.station_id, added.evse_number) == (evse, station, 3)
    connector = registry.add_connector(evse, 2, 5, 3, 150_000, sender=by)
    [added] = events(registry, "ConnectorAdded")
    assert (added.connector_id, added.evse, added.max_power_w) == (connector, evse, 150_000)
    assert tuple(registry.site(site)) == (OWNER, "Dock", "Europe/Paris", "FR", "FR")
    assert tuple(registry.station(station)) == (site, "CP-77", "Vendor", "M7")
    assert tuple(registry.evse(evse)) == (station, 3, "FR*ABC*E77")
    assert tuple(registry.connector(connector)) == (OWNER, evse, 2, 5, 3, 150_000)
    assert registry.station_of("CP-77") == station
    assert registry.connector_at(station, 2) == connector
    counts = (registry.site_count(), registry.station_count(), registry.evse_count())
    assert (*counts, registry.connector_count()) == (2, 2, 2, 2)


def test_what_does_not_exist_reads_as_zero(registry: Any) -> None:
    assert registry.site(9)[0] == registry.station(9)[0] == registry.evse(9)[0] == 0
    assert tuple(registry.connector(9)) == (0,) * 6
    assert registry.station_of("nobody") == registry.connector_at(9, 1) == 0
    assert registry.run_terms(9, 1) == (0, 0)
    assert registry.tariff(CONNECTOR, 2) == (0, 0, bytes(32))
    assert registry.tariff_slot(CONNECTOR, 2) == 0


@pytest.mark.parametrize("what", ["site", "station", "evse", "connector", "tariff", "key"])
def test_a_stranger_adds_nothing_to_what_is_anothers(
    world: World, registry: Any, what: str
) -> None:
    calls = {
        "site": lambda: registry.add_site(1, "S", "UTC", "DE", "DE", sender=world.stranger),
        "station": lambda: registry.add_station(1, "CP-8", "", "", sender=world.stranger),
        "evse": lambda: registry.add_evse(1, 2, "", sender=world.stranger),
        "connector": lambda: registry.add_connector(1, 2, 4, 2, 1, sender=world.stranger),
        "tariff": lambda: registry.publish_tariff(
            1, OPEN_END - 1, [0] * 7, 0, bytes(32), sender=world.stranger
        ),
        "key": lambda: registry.add_meter_key(1, 4, KEY, 1, sender=world.stranger),
    }
    with boa.reverts("registry: neither owner nor operator"):
        calls[what]()


def test_nothing_is_added_to_what_does_not_exist(world: World, registry: Any) -> None:
    by = world.station_owner
    with boa.reverts("registry: neither owner nor operator"):
        registry.add_site(9, "S", "UTC", "DE", "DE", sender=by)
    with boa.reverts("registry: no such owner"):
        registry.add_station(9, "CP-8", "", "", sender=by)
    with boa.reverts("registry: no such owner"):
        registry.add_evse(9, 2, "", sender=by)
    with boa.reverts("registry: no such owner"):
        registry.add_connector(9, 2, 4, 2, 1, sender=by)
    with boa.reverts("registry: no such owner"):
        registry.publish_tariff(9, OPEN_END - 1, [0] * 7, 0, bytes(32), sender=by)
    with boa.reverts("registry: no such connector"):
        registry.add_meter_key(9, 4, KEY, 1, sender=by)


@pytest.mark.parametrize(
    ("name", "time_zone", "country", "grid_zone", "fault"),
    [
        ("", "UTC", "DE", "DE", "empty field"),
        ("S", "", "DE", "DE", "empty field"),
        ("S", "UTC", "DE", "", "empty field"),
        ("S", "UTC", "D", "DE", "country is two letters"),
    ],
)
def test_a_site_is_entered_whole(
    world: World, registry: Any, name: str, time_zone: str, country: str, grid_zone: str, fault: str
) -> None:
    with boa.reverts(f"registry: {fault}"):
        registry.add_site(OWNER, name, time_zone, country, grid_zone, sender=world.station_owner)


def test_two_stations_never_share_an_identity(world: World, registry: Any) -> None:
    other = world.add_owner(world.stranger)
    site = registry.add_site(other, "S", "UTC", "DE", "DE", sender=world.stranger)
    with boa.reverts("registry: identity taken"):
        registry.add_station(site, "CP-1", "", "", sender=world.stranger)
    with boa.reverts("registry: empty identity"):
        registry.add_station(site, "", "", "", sender=world.stranger)


def test_two_connectors_of_a_station_never_share_a_number(world: World, registry: Any) -> None:
    by = world.station_owner
    evse = registry.add_evse(1, 2, "", sender=by)
    with boa.reverts("registry: connector number taken"):
        registry.add_connector(evse, 1, 4, 2, 22_000, sender=by)
    registry.add_connector(evse, 2, 4, 2, 22_000, sender=by)


@pytest.mark.parametrize(
    ("number", "standard", "power_type", "power", "fault"),
    [
        (0, 4, 2, 22_000, "connector number out of range"),
        (1 << 32, 4, 2, 22_000, "connector number out of range"),
        (2, 0, 2, 22_000, "unknown standard"),
        (2, 9, 2, 22_000, "unknown standard"),
        (2, 4, 0, 22_000, "unknown power type"),
        (2, 4, 4, 22_000, "unknown power type"),
        (2, 4, 2, 0, "power out of range"),
        (2, 4, 2, 1 << 32, "power out of range"),
    ],
)
def test_a_connector_is_one_of_those_that_exist(
    world: World, registry: Any, number: int, standard: int, power_type: int, power: int, fault: str
) -> None:
    with boa.reverts(f"registry: {fault}"):
        registry.add_connector(1, number, standard, power_type, power, sender=world.station_owner)


@pytest.mark.parametrize("number", [0, 1 << 32])
def test_an_evse_has_a_number(world: World, registry: Any, number: int) -> None:
    with boa.reverts("registry: evse number out of range"):
        registry.add_evse(1, number, "", sender=world.station_owner)


# Tariffs


def test_the_first_tariff_starts_at_once(world: World, registry: Any) -> None:
    connector = world.add_connector(OWNER, tariff=None)
    assert registry.tariff_count(connector) == 0
    assert world.publish(connector, replace(FLAT, valid_from=now() - 5)) == 1
    [event] = events(registry, "TariffPublished")
    stored = replace(FLAT, valid_from=now()).encode()
    assert (event.connector_id, event.index, event.tariff) == (connector, 1, stored)
    assert (event.vat_bps, event.terms_hash) == (1_900, bytes(32))
    assert registry.tariff(connector, 1) == (stored, 1_900, bytes(32))
    assert registry.tariff_slot(connector, 1) == stored
    assert registry.run_terms(connector, 1) == (OWNER, stored)


def test_the_first_tariff_may_start_later(world: World, registry: Any) -> None:
    connector = world.add_connector(OWNER, tariff=None)
    world.publish(connector, replace(FLAT, valid_from=now() + 10))
    assert Tariff.decode(registry.tariff_slot(connector, 1)).valid_from == now() + 10


def test_a_new_tariff_ends_the_one_before_and_leaves_its_prices(
    world: World, registry: Any
) -> None:
    before = Tariff.decode(registry.tariff_slot(CONNECTOR, 1))
    start = now() + HOUR_S
    assert world.publish(CONNECTOR, replace(CHEAPER, valid_from=start)) == 2
    assert Tariff.decode(registry.tariff_slot(CONNECTOR, 1)) == replace(before, valid_to=start)
    second = Tariff.decode(registry.tariff_slot(CONNECTOR, 2))
    assert second == replace(CHEAPER, valid_from=start)
    assert registry.tariff_count(CONNECTOR) == 2
    assert registry.connector(CONNECTOR)[0] == OWNER


def test_a_tariff_needs_an_hours_notice(world: World) -> None:
    with boa.reverts("registry: a tariff needs an hour's notice"):
        world.publish(CONNECTOR, replace(CHEAPER, valid_from=now() + HOUR_S - 1))


def test_a_tariff_starts_after_the_start_of_the_one_before(world: World, registry: Any) -> None:
    world.publish(CONNECTOR, replace(CHEAPER, valid_from=now() + 3 * HOUR_S))
    for start in (2 * HOUR_S, 3 * HOUR_S):
        with boa.reverts("registry: starts before the last tariff"):
            world.publish(CONNECTOR, replace(FLAT, valid_from=now() + start))
    world.publish(CONNECTOR, replace(FLAT, valid_from=now() + 3 * HOUR_S + 1))
    second = Tariff.decode(registry.tariff_slot(CONNECTOR, 2))
    assert second.valid_to == second.valid_from + 1


def test_a_tariff_that_no_slot_can_hold_is_refused(world: World, registry: Any) -> None:
    by = world.station_owner
    with boa.reverts("registry: start out of range"):
        registry.publish_tariff(1, OPEN_END, FLAT.prices7(), 0, bytes(32), sender=by)
    with boa.reverts("registry: vat out of range"):
        registry.publish_tariff(1, OPEN_END - 1, FLAT.prices7(), 10_001, bytes(32), sender=by)
    with boa.reverts("tariff: minimum above maximum"):
        registry.publish_tariff(1, OPEN_END - 1, [2, 1, 0, 0, 0, 0, 0], 0, bytes(32), sender=by)
    with boa.reverts("tariff: price too large"):
        registry.publish_tariff(1, OPEN_END - 1, [0] * 6 + [2**27], 0, bytes(32), sender=by)


@pytest.mark.py_evm
def test_ids_are_used_up_after_32_bits(world: World, registry: Any) -> None:
    registry.eval("owners.owner_count = 2 ** 32 - 2")
    assert registry.register_owner("Last", sender=world.stranger) == 2**32 - 1
    with boa.reverts("registry: ids used up"):
        registry.register_owner("One more", sender=world.stranger)


def test_a_key_that_nobody_entered_is_neither_vouched_for_nor_revoked(
    world: World, registry: Any
) -> None:
    registry.set_voucher(world.stranger, 2, sender=world.governance)
    for call, by in (
        (registry.vouch, world.stranger),
        (registry.revoke_meter_key, world.governance),
    ):
        with boa.reverts("registry: no such key"):
            call(CONNECTOR, FINGERPRINT, sender=by)


# Meter keys


def test_a_key_that_only_the_owner_entered_says_so(world: World, registry: Any) -> None:
    registry.add_meter_key(CONNECTOR, 4, KEY, now(), sender=world.station_owner)
    [event] = events(registry, "MeterKeyAdded")
    assert (event.fingerprint, event.public_key, event.voucher_kind) == (FINGERPRINT, KEY, 1)
    found = tuple(registry.meter_key(CONNECTOR, FINGERPRINT))
    assert found == (4, 1, world.station_owner, now(), 0)


@pytest.mark.parametrize("kind", [2, 3])
def test_an_accredited_voucher_vouches_by_entering(world: World, registry: Any, kind: int) -> None:
    registry.set_voucher(world.stranger, kind, sender=world.governance)
    [event] = events(registry, "VoucherSet")
    assert (event.voucher, event.kind) == (world.stranger, kind)
    registry.add_meter_key(CONNECTOR, 4, KEY, now(), sender=world.stranger)
    assert registry.meter_key(CONNECTOR, FINGERPRINT)[1:3] == (kind, world.stranger)


def test_a_stronger_voucher_replaces_a_weaker_and_never_the_other_way(
    world: World, registry: Any
) -> None:
    manufacturer, authority = world.stranger, world.operator
    registry.set_voucher(manufacturer, 2, sender=world.governance)
    registry.set_voucher(authority, 3, sender=world.governance)
    registry.add_meter_key(CONNECTOR, 4, KEY, now(), sender=world.station_owner)
    registry.vouch(CONNECTOR, FINGERPRINT, sender=manufacturer)
    [event] = events(registry, "MeterKeyVouched")
    assert (event.voucher_kind, event.voucher) == (2, manufacturer)
    with boa.reverts("registry: already vouched for"):
        registry.vouch(CONNECTOR, FINGERPRINT, sender=manufacturer)
    registry.vouch(CONNECTOR, FINGERPRINT, sender=authority)
    with boa.reverts("registry: already vouched for"):
        registry.vouch(CONNECTOR, FINGERPRINT, sender=manufacturer)
    assert registry.meter_key(CONNECTOR, FINGERPRINT)[1:3] == (3, authority)


def test_nobody_vouches_without_accreditation(world: World, registry: Any) -> None:
    registry.add_meter_key(CONNECTOR, 4, KEY, now(), sender=world.station_owner)
    registry.set_voucher(world.stranger, 2, sender=world.governance)
    registry.set_voucher(world.stranger, 0, sender=world.governance)
    for caller in (world.stranger, world.station_owner, world.governance):
        with boa.reverts("registry: not accredited"):
            registry.vouch(CONNECTOR, FINGERPRINT, sender=caller)


def test_only_governance_accredits_and_only_what_exists(world: World, registry: Any) -> None:
    with boa.reverts("registry: not governance"):
        registry.set_voucher(world.stranger, 2, sender=world.station_owner)
    for kind in (1, 4):
        with boa.reverts("registry: unknown kind"):
            registry.set_voucher(world.stranger, kind, sender=world.governance)


@pytest.mark.parametrize("by", ["station_owner", "operator", "stranger", "governance"])
def test_owner_operator_voucher_and_governance_revoke_a_key(
    world: World, registry: Any, by: str
) -> None:
    registry.set_operator(OWNER, world.operator, True, sender=world.station_owner)
    registry.set_voucher(world.stranger, 2, sender=world.governance)
    registry.add_meter_key(CONNECTOR, 4, KEY, now(), sender=world.stranger)
    wait(10)
    registry.revoke_meter_key(CONNECTOR, FINGERPRINT, sender=getattr(world, by))
    [event] = events(registry, "MeterKeyRevoked")
    assert (event.connector_id, event.fingerprint) == (CONNECTOR, FINGERPRINT)
    assert registry.meter_key(CONNECTOR, FINGERPRINT)[4] == now()


def test_a_revoked_key_stays_revoked(world: World, registry: Any) -> None:
    by = world.station_owner
    registry.set_voucher(world.stranger, 2, sender=world.governance)
    registry.add_meter_key(CONNECTOR, 4, KEY, now(), sender=by)
    with boa.reverts("registry: neither owner nor operator"):
        registry.revoke_meter_key(CONNECTOR, FINGERPRINT, sender=world.driver)
    registry.revoke_meter_key(CONNECTOR, FINGERPRINT, sender=by)
    for call in (registry.revoke_meter_key, registry.vouch):
        with boa.reverts("registry: no such key"):
            call(CONNECTOR, FINGERPRINT, sender=world.stranger)
    with boa.reverts("registry: key known"):
        registry.add_meter_key(CONNECTOR, 4, KEY, now(), sender=by)


@pytest.mark.parametrize(
    ("curve", "key", "valid_from", "fault"),
    [
        (0, KEY, 1, "unknown curve"),
        (8, KEY, 1, "unknown curve"),
        (4, b"", 1, "empty key"),
        (4, KEY, 0, "no start of validity"),
    ],
)
def test_a_key_is_entered_whole(
    world: World, registry: Any, curve: int, key: bytes, valid_from: int, fault: str
) -> None:
    with boa.reverts(f"registry: {fault}"):
        registry.add_meter_key(CONNECTOR, curve, key, valid_from, sender=world.station_owner)
