"""Spans of a site's calendar, as UTC seconds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from dashboard.formats import zone_of

DAY_S: Final = 86_400


def starts(day: date, zone: str) -> int:
    """Return the UTC second at which a local day begins."""
    return int(datetime.combine(day, time(), zone_of(zone)).timestamp())


def months_after(month: date, count: int) -> date:
    """Return the first day of the month `count` months later (earlier if negative)."""
    years, index = divmod(month.year * 12 + month.month - 1 + count, 12)
    return date(years, index + 1, 1)


def last_day(month: date) -> date:
    """Return the last day of a month given by its first."""
    return months_after(month, 1) - timedelta(days=1)


def local_day(at: int, zone: str) -> date:
    """Return the local date at a moment."""
    return datetime.fromtimestamp(at, zone_of(zone)).date()


def moment_of(text: str, zone: str) -> int | None:
    """Read a local time as forms send it, `2026-11-22T13:15`; None if it is none.

    Of an hour that comes twice the first is meant.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone_of(zone))
    return int(found.astimezone(UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Around:
    """Whole local days before a change, [since, low), and after it, [high, until); UTC seconds."""

    since: int
    low: int
    high: int
    until: int


def around(change: int, began: int, ends: int, zone: str, days: int) -> Around | None:
    """Return at most `days` whole days on either side of a change, from `began` up to `ends`.

    The day of the change belongs to neither side. None where a side has no whole day.
    """
    day = local_day(change, zone)
    low, high = starts(day, zone), starts(day + timedelta(days=1), zone)
    first, last = max(began, low - days * DAY_S), min(ends, high + days * DAY_S)
    since = starts(local_day(first + DAY_S - 1, zone), zone)
    until = starts(local_day(last, zone), zone)
    return Around(since, low, high, until) if since < low and high < until else None
