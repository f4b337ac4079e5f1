"""The charging network of a run: owners, sites, stations, EVSEs, connectors and their meters.

Built by the generator (an invented network) or an importer (a real one), turned
here into the onboarding file that `scripts/onboard.py` registers on the chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple

from chargecoin.errors import ConfigurationError
from chargecoin.tariff import Prices
from simulate.keys import meter_key, public_key_der, secret_hex

# Numbered as in docs/protocol.md, section 5.
CHADEMO: Final = 1
IEC_62196_T2: Final = 4
IEC_62196_T2_COMBO: Final = 5
AC_1_PHASE: Final = 1
AC_3_PHASE: Final = 2
DC: Final = 3
SECP256K1: Final = 3
SECP256R1: Final = 4

Voucher = Literal["manufacturer", "authority", "owner"]


@dataclass(frozen=True, slots=True)
class MeterModel:
    """A meter that signs: its curve and who vouches for its key."""

    curve: int
    voucher: Voucher

    @property
    def accredited(self) -> bool:
        """Whether sessions under its key reach assurance 3."""
        return self.voucher != "owner"


@dataclass(frozen=True, slots=True)
class Connector:
    """One cable or socket. `number` is the one the charge point uses in OCPP 1.6."""

    number: int
    standard: int
    power_type: int
    max_power_w: int
    prices: Prices
    vat_bps: int
    meter: MeterModel | None = None


@dataclass(frozen=True, slots=True)
class Evse:
    """One place to charge one vehicle; only one of its connectors is in use at a time."""

    number: int
    evse_id: str
    connectors: tuple[Connector, ...]


@dataclass(frozen=True, slots=True)
class Station:
    """One charge point, known to OCPP by its identity."""

    identity: str
    vendor: str
    model: str
    evses: tuple[Evse, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A place with stations; `grid_zone` names the emission factors it takes."""

    name: str
    time_zone: str
    country: str
    grid_zone: str
    stations: tuple[Station, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """A station owner."""

    name: str
    sites: tuple[Site, ...]


class Place(NamedTuple):
    """A connector and everything above it."""

    owner: Owner
    site: Site
    station: Station
    evse: Evse
    connector: Connector

    @property
    def name(self) -> str:
        """`<identity>/<connector number>`, as the onboarding names it."""
        return f"{self.station.identity}/{self.connector.number}"


@dataclass(frozen=True)
class Network:
    """All owners of a run."""

    owners: tuple[Owner, ...]

    @property
    def stations(self) -> Iterator[Station]:
        """Every charge point."""
        for owner in self.owners:
            for site in owner.sites:
                yield from site.stations

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Every connector by name. Raises `ConfigurationError` if two share one."""
        found: dict[str, Place] = {}
        for owner in self.owners:
            for site in owner.sites:
                for station in site.stations:
                    for evse in station.evses:
                        for connector in evse.connectors:
                            place = Place(owner, site, station, evse, connector)
                            if place.name in found:
                                raise ConfigurationError(f"two connectors are named {place.name}")
                            found[place.name] = place
        return found

    def place(self, name: str) -> Place:
        """Return a connector by `<identity>/<number>`. Raises `ConfigurationError` if unknown."""
        try:
            return self.places[name]
        except KeyError:
            raise ConfigurationError(f"the network has no connector {name}") from None


class Funding(NamedTuple):
    """One payer's vault as the onboarding opens it, amounts in base units."""

    name: str
    deposit: int
    daily_limit: int


def onboarding(network: Network, payers: Sequence[Funding], seed: int) -> dict[str, Any]:
    """Return the onboarding file (docs/onboarding.md) with keys derived from `seed`."""
    return {
        "owners": [_owner(owner, seed) for owner in network.owners],
        "vouchers": {
            kind: secret_hex(seed, f"voucher {kind}") for kind in ("manufacturer", "authority")
        },
        "payers": [
            {**payer._asdict(), "key": secret_hex(seed, f"payer {payer.name}")} for payer in payers
        ],
    }


def _owner(owner: Owner, seed: int) -> dict[str, Any]:
    return {
        "name": owner.name,
        "key": secret_hex(seed, f"owner {owner.name}"),
        "sites": [
            {
                "name": site.name,
                "time_zone": site.time_zone,
                "country": site.country,
                "grid_zone": site.grid_zone,
                "stations": [_station(station, seed) for station in site.stations],
            }
            for site in owner.sites
        ],
    }


def _station(station: Station, seed: int) -> dict[str, Any]:
    return {
        "identity": station.identity,
        "vendor": station.vendor,
        "model": station.model,
        "evses": [
            {
                "number": evse.number,
                "evse_id": evse.evse_id,
                "connectors": [
                    _connector(connector, f"{station.identity}/{connector.number}", seed)
                    for connector in evse.connectors
                ],
            }
            for evse in station.evses
        ],
    }


def _connector(connector: Connector, name: str, seed: int) -> dict[str, Any]:
    meter = connector.meter
    return {
        "number": connector.number,
        "standard": connector.standard,
        "power_type": connector.power_type,
        "max_power_w": connector.max_power_w,
        "tariff": {
            "kwh": connector.prices.kwh,
            "hour": connector.prices.hour,
            "idle_hour": connector.prices.idle_hour,
            "session": connector.prices.session,
            "vat_bps": connector.vat_bps,
        },
        "meter_key": meter
        and {
            "curve": meter.curve,
            "public_key": f"0x{public_key_der(meter_key(seed, name, meter.curve)).hex()}",
            "voucher": meter.voucher,
        },
    }
