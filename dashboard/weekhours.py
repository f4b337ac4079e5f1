"""The week of a place: how much of each weekday-hour was used. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboard.formats import zone_of
from indexer.read_model import HourTotals

HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class WeekHours:
    """For each weekday (Monday first) and hour: seconds plugged in, of seconds there were."""

    occupied_s: tuple[tuple[int, ...], ...]
    available_s: tuple[tuple[int, ...], ...]

    @property
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


def week_of(
    hours: Iterable[HourTotals], connectors: int, since: int, until: int, zone: str
) -> WeekHours:
    """Fold local hours within [since, until) into a week; `connectors` share each hour."""
    local = zone_of(zone)
    used = [[0] * 24 for _ in range(7)]
    there = [[0] * 24 for _ in range(7)]
    for at in range(since, until, HOUR_S):
        moment = datetime.fromtimestamp(at, local)
        there[moment.weekday()][moment.hour] += min(HOUR_S, until - at) * connectors
    for one in hours:
        moment = datetime.fromtimestamp(one.hour, local)
        used[moment.weekday()][moment.hour] += one.occupied_s
    return WeekHours(tuple(map(tuple, used)), tuple(map(tuple, there)))


def days_of(
    hours: Iterable[HourTotals], connectors: int, since: int, until: int, zone: str
) -> list[tuple[int, float]]:
    """Return (weekday, share in use) of each whole local day within [since, until)."""
    local = zone_of(zone)
    used: dict[int, int] = {}
    there: dict[int, int] = {}
    for at in range(since, until, HOUR_S):
        day = datetime.fromtimestamp(at, local).toordinal()
        there[day] = there.get(day, 0) + min(HOUR_S, until - at)
    for one in hours:
        day = datetime.fromtimestamp(one.hour, local).toordinal()
        used[day] = used.get(day, 0) + one.occupied_s
    # Clocks that change make a day 23 or 25 hours long; a shorter one was cut off by the span.
    return [
        ((day - 1) % 7, min(1.0, used.get(day, 0) / (whole * connectors)))
        for day, whole in there.items()
        if whole >= 23 * HOUR_S
    ]
