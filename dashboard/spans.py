"""Spans of a site's calendar, as UTC seconds. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from dashboard.formats import zone_of


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
