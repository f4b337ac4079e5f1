"""Grid emission factors and the baseline of avoided emissions.

Location-based yearly averages, each with its source, so that a report can be
made again from the same numbers. A session takes the factor of its own year, or
of the latest earlier year published, and its evidence says which.

Avoided emissions are a comparison with a stated baseline; they stand apart from
the inventory and are never netted against it (GHG Protocol, Corporate Value Chain
(Scope 3) Standard, section 9.5; docs/method-co2.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from chargecoin.record import GRID_UNKNOWN, RENEWABLE_UNKNOWN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# One value, or those of many sessions.
N = TypeVar("N", int, "NDArray[np.int64]")


@dataclass(frozen=True, slots=True)
class Factor:
    """One zone's average for one year: gCO2e/kWh and the renewable share in percent."""

    zone: str
    year: int
    gco2e_per_kwh: int
    renewable_pct: int
    source: str

    @property
    def id(self) -> str:
        """Name the factor in evidence and reports."""
        return f"{self.zone}-{self.year}"


_DESNZ: Final = (
    "UK Government GHG conversion factors for company reporting {year}, UK electricity "
    "(generation), DESNZ, Open Government Licence v3.0"
)
_UBA: Final = (
    "Umweltbundesamt, Entwicklung der spezifischen Treibhausgas-Emissionen des deutschen "
    "Strommix, 2025 edition, CO2 per kWh of {year}"
)

FACTORS: Final = (
    Factor("GB", 2018, 283, RENEWABLE_UNKNOWN, _DESNZ.format(year=2018)),
    Factor("GB", 2019, 256, RENEWABLE_UNKNOWN, _DESNZ.format(year=2019)),
    Factor("GB", 2020, 233, RENEWABLE_UNKNOWN, _DESNZ.format(year=2020)),
    Factor("GB", 2021, 212, RENEWABLE_UNKNOWN, _DESNZ.format(year=2021)),
    Factor("GB", 2022, 193, RENEWABLE_UNKNOWN, _DESNZ.format(year=2022)),
    Factor("GB", 2023, 207, RENEWABLE_UNKNOWN, _DESNZ.format(year=2023)),
    Factor("GB", 2024, 207, RENEWABLE_UNKNOWN, _DESNZ.format(year=2024)),
    Factor("GB", 2025, 177, RENEWABLE_UNKNOWN, _DESNZ.format(year=2025)),
    Factor("DE", 2022, 433, RENEWABLE_UNKNOWN, _UBA.format(year=2022)),
    Factor("DE", 2023, 386, RENEWABLE_UNKNOWN, _UBA.format(year=2023)),
    Factor("DE", 2024, 363, RENEWABLE_UNKNOWN, _UBA.format(year=2024)),
)


def factor_for(zone: str, at: int) -> Factor | None:
    """Return the zone's factor for a time (UTC seconds): its year's, or the latest before it."""
    year = datetime.fromtimestamp(at, UTC).year
    candidates = [factor for factor in FACTORS if factor.zone == zone and factor.year <= year]
    return max(candidates, key=lambda factor: factor.year, default=None)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The combustion car a session is compared with, and how far its energy would have gone."""

    car_g_per_km: int
    ev_wh_per_km: int
    source: str

    @property
    def g_per_kwh(self) -> int:
        """What the same distance in a combustion car would have emitted, g a kWh charged."""
        return self.car_g_per_km * 1000 // self.ev_wh_per_km


BASELINE: Final = Baseline(
    car_g_per_km=164,
    ev_wh_per_km=173,
    source=(
        "average petrol car, tank to wheel: UK Government GHG conversion factors 2024; "
        "electric car 3.60 miles a kWh: US DOE Alternative Fuels Data Center"
    ),
)


def grams(energy_wh: N, g_per_kwh: N) -> N:
    """Return grams of CO2e of energy at a factor that is known, floored."""
    return energy_wh * g_per_kwh // 1000


def emitted_g(energy_wh: int, grid_g_per_kwh: int) -> int | None:
    """Return grams of CO2e of charging, floored; None where the grid factor is unknown."""
    return None if grid_g_per_kwh == GRID_UNKNOWN else grams(energy_wh, grid_g_per_kwh)


def avoided_g(energy_wh: int, grid_g_per_kwh: int, baseline: Baseline = BASELINE) -> int | None:
    """Return grams of CO2e avoided against the baseline (may be negative); None if unknown."""
    if grid_g_per_kwh == GRID_UNKNOWN:
        return None
    return grams(energy_wh, baseline.g_per_kwh - grid_g_per_kwh)
