"""The onboarding file: who is to be registered, with what equipment and which money.

Format: docs/onboarding.md. It holds private keys, so it is for chains where those
who are onboarded trust whoever runs this: local ones, and an operator's own fleet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from chargecoin.errors import ConfigurationError
from chargecoin.tariff import Prices

PrivateKey = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-fA-F]{64}$")]
Hex = Annotated[str, msgspec.Meta(pattern="^0x([0-9a-fA-F]{2})+$")]
Voucher = Literal["owner", "manufacturer", "authority"]
VOUCHER_KINDS: Final[dict[Voucher, int]] = {"owner": 1, "manufacturer": 2, "authority": 3}


class TariffInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A flat tariff: base units per kWh, hour, idle hour and session, VAT included."""

    kwh: int
    hour: int
    idle_hour: int
    session: int
    vat_bps: int

    @property
    def prices(self) -> Prices:
        """The four prices."""
        return Prices(self.kwh, self.hour, self.idle_hour, self.session)


class MeterKeyInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meter's public key (DER SubjectPublicKeyInfo, hex) and who stands behind it."""

    curve: int
    public_key: Hex
    voucher: Voucher


class ConnectorInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A connector; codes as in docs/protocol.md, section 5. Power in W."""

    number: int
    standard: int
    power_type: int
    max_power_w: int
    tariff: TariffInput
    meter_key: MeterKeyInput | None = None


class EvseInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An EVSE and its connectors."""

    number: int
    connectors: tuple[ConnectorInput, ...]
    evse_id: str = ""


class StationInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A charging station by its OCPP identity."""

    identity: str
    vendor: str
    model: str
    evses: tuple[EvseInput, ...]


class SiteInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A site: IANA time zone, ISO 3166-1 country, zone of the electricity grid."""

    name: str
    time_zone: str
    country: str
    grid_zone: str
    stations: tuple[StationInput, ...]


class OwnerInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A station owner, and the private key that registers and is paid."""

    name: str
    key: PrivateKey
    sites: tuple[SiteInput, ...]


class PayerInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A payer: what is to be deposited in all, and the daily limit, base units."""

    name: str
    key: PrivateKey
    deposit: int
    daily_limit: int


class Onboarding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    owners: tuple[OwnerInput, ...] = ()
    payers: tuple[PayerInput, ...] = ()
    vouchers: dict[Literal["manufacturer", "authority"], PrivateKey] = {}

    def sites(self) -> Iterator[tuple[OwnerInput, SiteInput]]:
        """Yield each site with its owner."""
        return ((owner, site) for owner in self.owners for site in owner.sites)

    def stations(self) -> Iterator[tuple[OwnerInput, SiteInput, StationInput]]:
        """Yield each station with its site and owner."""
        return ((owner, site, one) for owner, site in self.sites() for one in site.stations)

    def evses(self) -> Iterator[tuple[OwnerInput, StationInput, EvseInput]]:
        """Yield each EVSE with its station and owner."""
        return ((owner, station, e) for owner, _, station in self.stations() for e in station.evses)

    def connectors(self) -> Iterator[tuple[OwnerInput, StationInput, EvseInput, ConnectorInput]]:
        """Yield each connector with its EVSE, station and owner."""
        return (
            (owner, station, evse, connector)
            for owner, station, evse in self.evses()
            for connector in evse.connectors
        )


def _unique(what: str, names: Iterable[object]) -> None:
    seen: set[object] = set()
    for name in names:
        if name in seen:
            raise ConfigurationError(f"{what} {name!r} is listed twice")
        seen.add(name)


def load(path: Path) -> Onboarding:
    """Read an onboarding file. Raises `ConfigurationError` with the place of the first fault."""
    try:
        onboarding = msgspec.json.decode(path.read_bytes(), type=Onboarding)
    except FileNotFoundError:
        raise ConfigurationError(f"no onboarding file at {path}") from None
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{path}: {error}; see docs/onboarding.md") from error
    _unique("owner", (owner.name for owner in onboarding.owners))
    _unique("site", (site.name for _, site in onboarding.sites()))
    _unique("station", (station.identity for _, _, station in onboarding.stations()))
    _unique("EVSE", ((s.identity, evse.number) for _, s, evse in onboarding.evses()))
    _unique("connector", ((s.identity, c.number) for _, s, _, c in onboarding.connectors()))
    _unique("payer", (payer.name for payer in onboarding.payers))
    _unique("payer's key", (payer.key for payer in onboarding.payers))
    for _, station, _, connector in onboarding.connectors():
        key = connector.meter_key
        if key and key.voucher != "owner" and key.voucher not in onboarding.vouchers:
            raise ConfigurationError(
                f"{station.identity}/{connector.number}: the file has no key of the {key.voucher}"
            )
    return onboarding
