"""A folder with everything a simulated run is made from, so that a run can be repeated.

- `onboarding.json`: the network and the payers' vaults (docs/onboarding.md)
- `sessions.jsonl`: the planned sessions, one JSON object a line
- `drivers.json`: the seed of all keys and passwords, and which payer has which tokens
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chargecoin.errors import ConfigurationError
from chargecoin.tariff import Prices
from simulate.network import (
    Connector,
    Evse,
    MeterModel,
    Network,
    Owner,
    Site,
    Station,
    onboarding,
)
from simulate.payers import Ledger
from simulate.plan import SessionPlan, load_plans, save_plans

ONBOARDING: Final = "onboarding.json"
SESSIONS: Final = "sessions.jsonl"
DRIVERS: Final = "drivers.json"


@dataclass(frozen=True, slots=True)
class Folder:
    """What `load` finds."""

    network: Network
    sessions: tuple[SessionPlan, ...]
    seed: int


def save(path: Path, network: Network, ledger: Ledger, seed: int) -> None:
    """Write a run's files into a folder, which is made if it is not there."""
    path.mkdir(parents=True, exist_ok=True)
    book = onboarding(network, [payer.funding for payer in ledger.payers], seed)
    (path / ONBOARDING).write_text(json.dumps(book, indent=1))
    save_plans(ledger.plans, path / SESSIONS)
    drivers = {"seed": seed, "tokens": {payer.name: payer.tokens for payer in ledger.payers}}
    (path / DRIVERS).write_text(json.dumps(drivers, indent=1))


def load(path: Path) -> Folder:
    """Read a run's files. Raises `ConfigurationError` where one is missing or not as written."""
    try:
        book = json.loads((path / ONBOARDING).read_text())
        seed = int(json.loads((path / DRIVERS).read_text())["seed"])
        network = Network(tuple(_owner(owner) for owner in book["owners"]))
    except OSError as error:
        raise ConfigurationError(
            f"{path} holds no simulated run: {error}; make one with `chargecoin simulate generate`"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} is not as it was written: {error!r}") from error
    return Folder(network, tuple(load_plans(path / SESSIONS)), seed)


def _owner(raw: dict[str, Any]) -> Owner:
    sites = tuple(
        Site(
            site["name"],
            site["time_zone"],
            site["country"],
            site["grid_zone"],
            tuple(_station(station) for station in site["stations"]),
        )
        for site in raw["sites"]
    )
    return Owner(raw["name"], sites)


def _station(raw: dict[str, Any]) -> Station:
    evses = tuple(
        Evse(evse["number"], evse["evse_id"], tuple(_connector(one) for one in evse["connectors"]))
        for evse in raw["evses"]
    )
    return Station(raw["identity"], raw["vendor"], raw["model"], evses)


def _connector(raw: dict[str, Any]) -> Connector:
    tariff, meter = raw["tariff"], raw["meter_key"]
    return Connector(
        number=raw["number"],
        standard=raw["standard"],
        power_type=raw["power_type"],
        max_power_w=raw["max_power_w"],
        prices=Prices(tariff["kwh"], tariff["hour"], tariff["idle_hour"], tariff["session"]),
        vat_bps=tariff["vat_bps"],
        meter=MeterModel(meter["curve"], meter["voucher"]) if meter else None,
    )
