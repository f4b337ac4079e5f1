"""Registering owners and their equipment: what the chain has is found, the rest is added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chargecoin.chain.events import Event, decode_events
from chargecoin.chain.reader import Chain
from chargecoin.chain.transactions import Call, contract_call
from chargecoin.chain.values import to_bytes
from chargecoin.tariff import NOTICE_S, Tariff
from scripts._onboarding_file import (
    VOUCHER_KINDS,
    ConnectorInput,
    Onboarding,
    OwnerInput,
    TariffInput,
    Voucher,
)
from scripts._pipeline import Pipeline, Sender

FLAT: Final = bytes(32)
NOTICE_MARGIN_S: Final = 600
"""What is added to the hour's notice, because transactions take time to be mined."""


@dataclass(slots=True)
class Registered:
    """What the registry's events say there is."""

    owners: dict[tuple[str, str], int] = field(default_factory=dict)
    sites: dict[tuple[int, str], int] = field(default_factory=dict)
    stations: dict[str, int] = field(default_factory=dict)
    evses: dict[tuple[int, int], int] = field(default_factory=dict)
    connectors: dict[tuple[int, int], int] = field(default_factory=dict)
    tariffs: dict[int, tuple[int, int]] = field(default_factory=dict)
    keys: dict[tuple[int, bytes], int] = field(default_factory=dict)
    vouchers: dict[str, int] = field(default_factory=dict)

    def apply(self, events: Iterable[Event]) -> None:
        """Take in events in their order."""
        for event in events:
            args = event.args
            match event.name:
                case "OwnerRegistered":
                    account = to_checksum_address(args["account"])
                    self.owners.setdefault((account, args["name"]), args["owner_id"])
                case "OwnerAccountChanged":
                    self._pass_on(args["owner_id"], to_checksum_address(args["account"]))
                case "SiteAdded":
                    self.sites.setdefault((args["owner_id"], args["name"]), args["site_id"])
                case "StationAdded":
                    self.stations[args["identity"]] = args["station_id"]
                case "EvseAdded":
                    place = (args["station_id"], args["evse_number"])
                    self.evses.setdefault(place, args["evse"])
                case "ConnectorAdded":
                    self.connectors[args["evse"], args["connector_number"]] = args["connector_id"]
                case "TariffPublished":
                    self.tariffs[args["connector_id"]] = (args["tariff"], args["vat_bps"])
                case "MeterKeyAdded" | "MeterKeyVouched":
                    place_of_key = (args["connector_id"], args["fingerprint"])
                    self.keys[place_of_key] = args["voucher_kind"]
                case "VoucherSet":
                    self.vouchers[to_checksum_address(args["voucher"])] = args["kind"]

    def _pass_on(self, owner_id: int, account: str) -> None:
        """Enter an owner under the account that it has now."""
        for held in [key for key, owner in self.owners.items() if owner == owner_id]:
            del self.owners[held]
            self.owners.setdefault((account, held[1]), owner_id)


class Registrar:
    """Registers what a file describes, level by level: an id is known before it is used."""

    def __init__(
        self,
        pipeline: Pipeline,
        chain: Chain,
        onboarding: Onboarding,
        owners: dict[str, Sender],
        vouchers: dict[str, Sender],
    ) -> None:
        """`owners` by name and `vouchers` by kind send for those they belong to."""
        self._pipeline = pipeline
        self._chain = chain
        self._onboarding = onboarding
        self._owners = owners
        self._vouchers = vouchers
        self._address = chain.deployment.address("StationRegistry")
        self.registered = Registered()

    async def read(self) -> None:
        """Find what is registered already."""
        logs = await self._chain.logs(
            self._chain.deployment.start_block, "latest", ("StationRegistry",)
        )
        self.registered.apply(decode_events("StationRegistry", self._address, logs))

    async def register(self) -> None:
        """Add what is missing, and publish tariffs that have changed."""
        await self._do("owners", self._missing_owners())
        await self._do("sites", self._missing_sites())
        await self._do("stations", self._missing_stations())
        await self._do("EVSEs", self._missing_evses())
        await self._do("connectors", self._missing_connectors())
        block = await self._chain.block()
        now = block.timestamp if block else 0
        terms = [*self._missing_tariffs(now), *self._missing_keys(now)]
        await self._do("tariffs and meter keys", terms)

    async def _do(self, what: str, jobs: Iterable[tuple[Sender, Call]]) -> None:
        receipts = await self._pipeline.execute(list(jobs), what)
        for receipt in receipts:
            events = decode_events("StationRegistry", self._address, receipt.logs)
            self.registered.apply(events)

    def _call(self, name: str, *args: object) -> Call:
        return contract_call("StationRegistry", name, self._address, *args)

    def owner_id(self, owner: OwnerInput) -> int | None:
        """Return a registered owner's id."""
        return self.registered.owners.get((self._owners[owner.name].address, owner.name))

    def connector_id(self, identity: str, evse_number: int, number: int) -> int | None:
        """Return a registered connector's id."""
        evse = self.registered.evses.get((self.registered.stations[identity], evse_number), 0)
        return self.registered.connectors.get((evse, number))

    def ids(self) -> dict[str, Any]:
        """Return the ids of everything in the file, after `register`."""
        there, named = self.registered, self._onboarding
        return {
            "owners": [
                {
                    "name": owner.name,
                    "owner_id": self.owner_id(owner),
                    "account": self._owners[owner.name].address,
                }
                for owner in named.owners
            ],
            "sites": {
                site.name: there.sites[self.owner_id(owner) or 0, site.name]
                for owner, site in named.sites()
            },
            "stations": {
                one.identity: there.stations[one.identity] for *_, one in named.stations()
            },
            "connectors": {
                f"{station.identity}/{connector.number}": self.connector_id(
                    station.identity, evse.number, connector.number
                )
                for _, station, evse, connector in named.connectors()
            },
        }

    def _missing_owners(self) -> Iterable[tuple[Sender, Call]]:
        for owner in self._onboarding.owners:
            if self.owner_id(owner) is None:
                yield self._owners[owner.name], self._call("register_owner", owner.name)

    def _missing_sites(self) -> Iterable[tuple[Sender, Call]]:
        for owner, site in self._onboarding.sites():
            owner_id = self.owner_id(owner) or 0
            if (owner_id, site.name) not in self.registered.sites:
                where = (site.time_zone, site.country, site.grid_zone)
                call = self._call("add_site", owner_id, site.name, *where)
                yield self._owners[owner.name], call

    def _missing_stations(self) -> Iterable[tuple[Sender, Call]]:
        for owner, site, station in self._onboarding.stations():
            if station.identity not in self.registered.stations:
                site_id = self.registered.sites[self.owner_id(owner) or 0, site.name]
                what = (station.identity, station.vendor, station.model)
                yield self._owners[owner.name], self._call("add_station", site_id, *what)

    def _missing_evses(self) -> Iterable[tuple[Sender, Call]]:
        for owner, station, evse in self._onboarding.evses():
            station_id = self.registered.stations[station.identity]
            if (station_id, evse.number) not in self.registered.evses:
                call = self._call("add_evse", station_id, evse.number, evse.evse_id)
                yield self._owners[owner.name], call

    def _missing_connectors(self) -> Iterable[tuple[Sender, Call]]:
        for owner, station, evse, connector in self._onboarding.connectors():
            if self.connector_id(station.identity, evse.number, connector.number) is None:
                place = self.registered.evses[
                    self.registered.stations[station.identity], evse.number
                ]
                what = (connector.number, connector.standard, connector.power_type)
                call = self._call("add_connector", place, *what, connector.max_power_w)
                yield self._owners[owner.name], call

    def _with_ids(self) -> Iterable[tuple[OwnerInput, ConnectorInput, int]]:
        for owner, station, evse, connector in self._onboarding.connectors():
            found = self.connector_id(station.identity, evse.number, connector.number)
            yield owner, connector, found or 0

    def _missing_tariffs(self, now: int) -> Iterable[tuple[Sender, Call]]:
        for owner, connector, connector_id in self._with_ids():
            last = self.registered.tariffs.get(connector_id)
            if last is None or not _same(connector.tariff, *last):
                start = now if last is None else now + NOTICE_S + NOTICE_MARGIN_S
                prices = Tariff.flat(connector.tariff.prices, start).prices7()
                terms = (prices, connector.tariff.vat_bps, FLAT)
                call = self._call("publish_tariff", connector_id, start, *terms)
                yield self._owners[owner.name], call

    def _missing_keys(self, now: int) -> Iterable[tuple[Sender, Call]]:
        for owner, connector, connector_id in self._with_ids():
            if connector.meter_key is None:
                continue
            key = to_bytes(connector.meter_key.public_key)
            sender = self._voucher(connector.meter_key.voucher) or self._owners[owner.name]
            there = self.registered.keys.get((connector_id, keccak(key)))
            if there is None:
                curve = connector.meter_key.curve
                yield sender, self._call("add_meter_key", connector_id, curve, key, now)
            elif there < VOUCHER_KINDS[connector.meter_key.voucher]:
                yield sender, self._call("vouch", connector_id, keccak(key))

    def _voucher(self, name: Voucher) -> Sender | None:
        """Return who vouches, None for the owner."""
        return self._vouchers.get(name)


def _same(tariff: TariffInput, slot: int, vat_bps: int) -> bool:
    there = Tariff.decode(slot)
    return there.is_flat and there.minimum == tariff.prices and vat_bps == tariff.vat_bps
