"""How public charging is really used: published figures that the generator follows.

Sources (docs/demo.md says more):

- Perth and Kinross Council, electric vehicle charging sessions 2016-09 to 2019-08,
  Open Government Licence v3.0: `AC` from its 7 and 22 kW sockets, `RAPID` from its
  50 kW DC connectors, and how often no energy flows or no end is reported.
- EPFL DESL, Level 3 charging sessions 2022-04 to 2023-07, MIT: `HIGH_POWER`.
- A. Lucas, R. Barranco, N. Refa, "EV Idle Time Estimation on Charging
  Infrastructure", Energies 2019, 12(2), 269 (JRC and ElaadNL, 1.8 million public AC
  sessions in the Netherlands): vehicles idle 61.4 % of the time they are connected.

A test derives the figures of the first two from their files again.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import NormalDist
from typing import Final

GRID: Final = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Where the quantiles below are given."""

MISSING_END_RATE: Final = 0.0028
"""Share of rows without end and energy, Perth and Kinross, all three years."""

AC_IDLE_SHARE: Final = 0.614
"""Share of connected time in which a vehicle at public AC idles (Lucas et al. 2019)."""

_NORMAL: Final = NormalDist()


def interpolate(quantiles: Sequence[float], u: float) -> float:
    """Return the value at probability `u` of a distribution given at `GRID`."""
    index = bisect_right(GRID, u) - 1
    if index >= len(GRID) - 1:
        return quantiles[-1]
    low, high = GRID[index], GRID[index + 1]
    return quantiles[index] + (quantiles[index + 1] - quantiles[index]) * (u - low) / (high - low)


@dataclass(frozen=True, slots=True)
class Profile:
    """Usage of one kind of connector.

    Shares are in thousandths of all sessions by local hour and by weekday (Monday
    first). Energy (Wh) and stay (minutes) are quantiles at `GRID` of sessions with
    energy; `rank_correlation` is Spearman's between the two. `sessions_per_day` is
    a connector's.
    """

    hours: tuple[int, ...]
    weekdays: tuple[int, ...]
    energy_wh: tuple[int, ...]
    stay_min: tuple[int, ...]
    rank_correlation: float
    zero_energy_rate: float
    sessions_per_day: float

    def arrival_weight(self, hour: int, weekday: int) -> float:
        """Return how likely a session starts then, 1 at the busiest hour of the week."""
        busiest = max(self.hours) * max(self.weekdays)
        return self.hours[hour] * self.weekdays[weekday] / busiest

    def sample(self, rng: Random) -> tuple[int, int]:
        """Draw (energy in Wh, stay in seconds) of a session with energy, correlated as observed."""
        # A Gaussian copula; Pearson's r of the normals for a Spearman's rho of the ranks.
        r = 2 * math.sin(math.pi * self.rank_correlation / 6)
        first = rng.gauss(0, 1)
        second = r * first + math.sqrt(1 - r * r) * rng.gauss(0, 1)
        energy = interpolate(self.energy_wh, _NORMAL.cdf(first))
        stay = interpolate(self.stay_min, _NORMAL.cdf(second))
        return max(1, round(energy)), max(60, round(stay * 60))


AC: Final = Profile(
    hours=(
        *(2, 3, 1, 1, 2, 13, 11, 39, 110, 106, 79, 93),
        *(97, 91, 78, 75, 57, 45, 40, 28, 12, 7, 5, 4),
    ),
    weekdays=(153, 162, 152, 165, 160, 127, 81),
    energy_wh=(
        *(2, 80, 826, 1709, 3208, 4872, 6450),
        *(8100, 10400, 13094, 16280, 20590, 25640, 40330),
    ),
    stay_min=(1, 2, 13, 28, 61, 91, 125, 166, 218, 288, 415, 575, 854, 1617),
    rank_correlation=0.68,
    zero_energy_rate=0.0458,
    sessions_per_day=0.53,
)

RAPID: Final = Profile(
    hours=(
        *(4, 3, 2, 2, 1, 3, 9, 20, 42, 57, 65, 73),
        *(83, 81, 81, 88, 83, 92, 80, 54, 34, 22, 14, 7),
    ),
    weekdays=(146, 136, 142, 145, 156, 144, 130),
    energy_wh=(
        *(10, 680, 2290, 3770, 5320, 6190, 7840),
        *(9850, 11950, 14280, 17200, 21880, 26190, 38350),
    ),
    stay_min=(1, 4, 8, 11, 15, 19, 22, 25, 29, 34, 42, 55, 60, 65),
    rank_correlation=0.70,
    zero_energy_rate=0.0127,
    sessions_per_day=3.3,
)

HIGH_POWER: Final = Profile(
    hours=(
        *(6, 9, 4, 3, 2, 7, 16, 19, 35, 56, 53, 75),
        *(71, 66, 68, 81, 77, 79, 83, 61, 42, 48, 26, 14),
    ),
    weekdays=(124, 158, 146, 146, 163, 140, 124),
    energy_wh=(
        *(1170, 4080, 7920, 11030, 15990, 20480, 24960),
        *(29370, 34700, 40740, 46940, 55530, 60960, 79350),
    ),
    stay_min=(5, 6, 10, 13, 18, 22, 26, 30, 34, 40, 45, 54, 62, 90),
    rank_correlation=0.66,
    # The file has no session without energy; the rate of Perth's rapid chargers stands in.
    zero_energy_rate=0.0127,
    sessions_per_day=2.1,
)

ZERO_ENERGY_STAY_MIN: Final = (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 26, 163, 547)
"""Stay in minutes of sessions without energy, quantiles at `GRID` (Perth, all three years)."""
