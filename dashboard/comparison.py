"""Use before and after a change, on like weekday-hours, with an interval. Pure.

The unit is a whole local day: hours of one day go together, days much less so. Days are
compared within their weekday, which compares each hour of the week with itself, and the
seven differences weigh the same. The interval is Student's, the variance pooled within
weekdays (a stratified comparison of means; Cochran, Sampling Techniques, section 5.4).
It says how sure the difference is. It does not say why there is one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean
from typing import Final

# Each weekday at least twice on either side: with one day there is no spread to go by.
MIN_WEEKS: Final = 2
MIN_DAYS: Final = MIN_WEEKS * 7
MAX_DAYS: Final = 56
WEEK: Final = range(7)
_Z975: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Comparison:
    """Means of days, such as shares of time from 0 to 1.

    `low` and `high` bound the difference at 95 %.
    """

    before: float
    after: float
    low: float
    high: float
    days_before: int
    days_after: int

    @property
    def difference(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def quantile(freedom: int) -> float:
    """Return Student's 97.5 % quantile (Abramowitz and Stegun, 26.7.5; good from 10 on)."""
    z, v = _Z975, float(freedom)
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )


def by_weekday(days: Sequence[tuple[int, float]], weekdays: Collection[int] = WEEK) -> float:
    """Return the mean of days in which each weekday weighs the same."""
    return fmean(fmean(value for one, value in days if one == day) for day in weekdays)


def compare(
    before: Sequence[tuple[int, float]],
    after: Sequence[tuple[int, float]],
    weekdays: Collection[int] = WEEK,
) -> Comparison | None:
    """Compare days given as (weekday 0 to 6, share of time in use or another figure).

    None where one of `weekdays` is there less than twice on either side.
    """
    means: list[tuple[float, float]] = []
    squares, freedom, weights = 0.0, 0, 0.0
    for weekday in weekdays:
        sides = [[share for day, share in side if day == weekday] for side in (before, after)]
        if min(len(side) for side in sides) < MIN_WEEKS:
            return None
        middle = [fmean(side) for side in sides]
        means.append((middle[0], middle[1]))
        for side, mean in zip(sides, middle, strict=True):
            squares += sum((share - mean) ** 2 for share in side)
            freedom += len(side) - 1
            weights += 1 / len(side)
    low, high = fmean(one for one, _ in means), fmean(other for _, other in means)
    reach = quantile(freedom) * sqrt(squares / freedom * weights) / len(weekdays)
    difference = high - low
    return Comparison(low, high, difference - reach, difference + reach, len(before), len(after))
