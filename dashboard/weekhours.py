"""The week of a place: how much of each weekday-hour was used. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Final

from chargecoin.campaigns import ALL_HOURS
from dashboard.formats import zone_of
from indexer.read_model import HourUse

HOUR_S: Final = 3600


@dataclass(frozen=True)
class WeekHours:
    """For each weekday (Monday first) and hour: seconds plugged in, of seconds there were."""

    occupied_s: tuple[tuple[int, ...], ...]
    available_s: tuple[tuple[int, ...], ...]

    @cached_property
    def shares(self) -> tuple[tuple[float | None, ...], ...]:
        """The share in use, None where the span holds no such hour."""
        return tuple(
            tuple(used / there if there else None for used, there in zip(row, whole, strict=True))
            for row, whole in zip(self.occupied_s, self.available_s, strict=True)
        )

    @property
    def share(self) -> float:
        """The share in use over the whole span."""
        whole = sum(map(sum, self.available_s))
        return sum(map(sum, self.occupied_s)) / whole if whole else 0.0

    @property
    def peak(self) -> tuple[int, int] | None:
        """The weekday and hour used most, None if nothing was."""
        cells = [
            (share or 0.0, -day, -hour)
            for day, row in enumerate(self.shares)
            for hour, share in enumerate(row)
        ]
        share, day, hour = max(cells)
        return (-day, -hour) if share else None


@lru_cache(maxsize=1 << 15)
def _local(at: int, zone: str) -> tuple[int, int, int]:
    """Return the ordinal of the local day, the weekday and the hour.

    Kept, for years of a few zones: pages ask for the same hours again and again.
    """
    moment = datetime.fromtimestamp(at, zone_of(zone))
    return moment.toordinal(), moment.weekday(), moment.hour


def week_of(
    hours: Iterable[HourUse], connectors: int, since: int, until: int, zone: str
) -> WeekHours:
    """Fold local hours within [since, until) into a week; `connectors` share each hour."""
    used = [[0] * 24 for _ in range(7)]
    there = [[0] * 24 for _ in range(7)]
    for at in range(since, until, HOUR_S):
        _, weekday, hour = _local(at, zone)
        there[weekday][hour] += min(HOUR_S, until - at) * connectors
    for one in hours:
        _, weekday, hour = _local(one.hour, zone)
        used[weekday][hour] += one.occupied_s
    return WeekHours(tuple(map(tuple, used)), tuple(map(tuple, there)))


@dataclass(frozen=True, slots=True)
class DaySums:
    """What hours of one local day hold: seconds there were, seconds in use, energy."""

    seconds: int = 0
    occupied_s: int = 0
    energy_wh: int = 0

    def __add__(self, other: DaySums) -> DaySums:
        """Add up the same day in two places."""
        return DaySums(
            self.seconds + other.seconds,
            self.occupied_s + other.occupied_s,
            self.energy_wh + other.energy_wh,
        )


def local_days(
    hours: Iterable[HourUse],
    connectors: int,
    since: int,
    until: int,
    zone: str,
    mask: int = ALL_HOURS,
) -> dict[int, DaySums]:
    """Return the sums of each whole local day within [since, until), by its ordinal.

    Of the hours in `mask` only (bit 0 Monday 00); a day without any is left out.
    `connectors` share each hour.
    """
    # By day: all seconds there were, then those, the use and the energy of the mask's hours.
    sums: dict[int, list[int]] = {}

    def day_of(at: int) -> tuple[list[int], bool]:
        ordinal, weekday, hour = _local(at, zone)
        inside = mask >> weekday * 24 + hour & 1
        return sums.setdefault(ordinal, [0, 0, 0, 0]), bool(inside)

    known: dict[int, tuple[list[int], bool]] = {}
    for at in range(since, until, HOUR_S):
        day, inside = known[at] = day_of(at)
        length = min(HOUR_S, until - at)
        day[0] += length
        day[1] += length * connectors * inside
    for hour, energy_wh, occupied_s in hours:
        day, inside = known.get(hour) or day_of(hour)
        if inside:
            day[2] += occupied_s
            day[3] += energy_wh
    # Clocks that change make a day 23 or 25 hours long; a shorter one was cut off by the span.
    return {
        day: DaySums(*inside)
        for day, (whole, *inside) in sorted(sums.items())
        if whole >= 23 * HOUR_S and inside[0]
    }


def shares_of(days: Mapping[int, DaySums]) -> list[tuple[int, float]]:
    """Return (weekday, share of time in use) of days by their ordinal."""
    return [((day - 1) % 7, min(1.0, sums.occupied_s / sums.seconds)) for day, sums in days.items()]


def days_of(
    hours: Iterable[HourUse], connectors: int, since: int, until: int, zone: str
) -> list[tuple[int, float]]:
    """Return (weekday, share in use) of each whole local day within [since, until)."""
    return shares_of(local_days(hours, connectors, since, until, zone))
