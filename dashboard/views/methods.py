"""How figures that are estimates are worked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Response

from chargecoin.carbon import BASELINE, FACTORS, Baseline, Factor, avoided_g, emitted_g
from dashboard.language import Text, gettext
from dashboard.pages import Page, Table
from dashboard.render import Render

router = APIRouter()

NOT_COUNTED: Final = (
    Text("Making the car, its battery or the charger."),
    Text("Getting the fuel to the pump: the baseline is what leaves the exhaust."),
    Text("Losses between the meter and the battery, and in the grid before the meter."),
    Text("Whether the driver would have driven, or driven a combustion car, at all."),
    Text("The hour of charging: factors are yearly averages, not hourly or marginal ones."),
    Text(
        "Certificates, power purchase agreements and panels on the roof: the factor is "
        "location-based."
    ),
    Text("Sessions whose zone and year have no published factor, and energy of rejected sessions."),
)


@dataclass(frozen=True, slots=True)
class Example:
    """The formula worked once."""

    energy_wh: int
    grid: int
    emitted: int | None
    avoided: int | None


@dataclass(frozen=True, slots=True)
class MethodPage:
    """The baseline, the factors and what is left out."""

    baseline: Baseline
    baseline_g_per_kwh: int
    factors: tuple[Factor, ...]
    not_counted: tuple[str, ...]
    example: Example


@router.get("/methods/co2")
def co2(render: Render) -> Response:
    """Say how avoided CO2 is worked out, from what, and what is not counted."""
    factor = max(FACTORS, key=lambda one: (one.zone == "GB", one.year))
    energy_wh = 30_000
    page = MethodPage(
        baseline=BASELINE,
        baseline_g_per_kwh=BASELINE.g_per_kwh,
        factors=FACTORS,
        not_counted=tuple(str(one) for one in NOT_COUNTED),
        example=Example(
            energy_wh=energy_wh,
            grid=factor.gco2e_per_kwh,
            emitted=emitted_g(energy_wh, factor.gco2e_per_kwh),
            avoided=avoided_g(energy_wh, factor.gco2e_per_kwh),
        ),
    )
    table = Table(
        ("factor", "zone", "year", "gco2e_per_kwh", "renewable_pct", "source"),
        [(f.id, f.zone, f.year, f.gco2e_per_kwh, f.renewable_pct, f.source) for f in FACTORS],
    )
    return render(Page("method_co2.html", gettext("CO2 method"), page, table))
