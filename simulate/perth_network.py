"""The charge points of Perth and Kinross as a network that can be onboarded.

Stations, sites, models and connectors are the file's. What it does not tell is
invented and said so in docs/demo.md: the owners (three, the sites dealt out in
turn), the prices (charging was free then), and that part of the meters sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chargecoin.tariff import Prices
from simulate.network import (
    DC,
    SECP256K1,
    SECP256R1,
    Connector,
    Evse,
    MeterModel,
    Network,
    Owner,
    Site,
    Station,
)
from simulate.perth import HARDWARE, TIME_ZONE, Row

OWNERS: Final = ("Tay Charging", "Ochil Charging", "Earn Charging")
VAT_BPS: Final = 2000
_AC_PRICES: Final = Prices(kwh=450_000, hour=0, idle_hour=600_000, session=0)
_DC_PRICES: Final = Prices(kwh=590_000, hour=0, idle_hour=6_000_000, session=250_000)
# Two stations in five have meters that sign, by the number of the charge point, of
# one curve each, most of them vouched for by the manufacturer.
_METERS: Final[dict[int, MeterModel]] = {
    0: MeterModel(SECP256R1, "manufacturer"),
    5: MeterModel(SECP256K1, "manufacturer"),
    1: MeterModel(SECP256R1, "authority"),
    6: MeterModel(SECP256K1, "owner"),
}


def network(rows: Iterable[Row]) -> Network:
    """Return the network these sessions happened in, with every connector its models have."""
    models: dict[str, str] = {}
    site_of: dict[str, str] = {}
    for row in rows:
        models[row.charge_point] = row.model
        # Spellings of one site vary over the years; the newest, which comes first, is its name.
        site_of.setdefault(row.charge_point, row.site.strip())
    sites: dict[str, list[Station]] = {}
    for identity in sorted(models):
        station = _station(identity, models[identity])
        sites.setdefault(site_of[identity], []).append(station)
    dealt: list[list[Site]] = [[] for _ in OWNERS]
    for index, name in enumerate(sorted(sites)):
        dealt[index % len(OWNERS)].append(Site(name, TIME_ZONE, "GB", "GB", tuple(sites[name])))
    return Network(
        tuple(Owner(name, tuple(owned)) for name, owned in zip(OWNERS, dealt, strict=True) if owned)
    )


def _station(identity: str, model: str) -> Station:
    vendor, _, name = model.partition(" ")
    meter = _METERS.get(int(identity) % 10)
    evses = []
    for number, hardware in HARDWARE[model].items():
        prices = _DC_PRICES if hardware.power_type == DC else _AC_PRICES
        connector = Connector(
            number,
            hardware.standard,
            hardware.power_type,
            hardware.max_power_w,
            prices,
            VAT_BPS,
            meter,
        )
        # The file's sessions run side by side at one station's connectors.
        evses.append(Evse(number, f"GB*PKC*E{identity}*{number}", (connector,)))
    return Station(identity, vendor, name, tuple(evses))
