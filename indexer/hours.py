"""Local hours and days of a site, in UTC seconds. Pure.

A *local hour* begins where the site's clock shows minute 00, or jumps. It is keyed
by the UTC second at which it begins: unlike "14:00 on the 26th", which comes twice
when the clocks go back, that is unique. In most zones it lasts 3,600 s; where the
clocks move by less than an hour (Lord Howe) some last 1,800 s.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_S: Final = 86_400
# Every offset in use since 1972, and every moment of a change since 2012, is a whole number
# of these (before, St. John's moved its clocks at one minute past midnight).
QUARTER_S: Final = 900
EPOCH_DAY: Final = date(1970, 1, 1)


class LocalTime:
    """The calendar of one time zone."""

    def __init__(self, zone: tzinfo) -> None:
        """Serve one zone."""
        self._zone = zone
        self._offsets: dict[int, int] = {}
        self._starts: dict[int, tuple[int, ...]] = {}
        self._day_starts: dict[int, int] = {}

    def offset(self, at: int) -> int:
        """Return how far local time is ahead of UTC at `at`, seconds."""
        quarter = at // QUARTER_S
        found = self._offsets.get(quarter)
        if found is None:
            found = self._offsets[quarter] = self._offset_of(quarter * QUARTER_S)
            self._forget()
        return found

    def day(self, at: int) -> int:
        """Return the local date at `at`, in days since 1970-01-01."""
        return (at + self.offset(at)) // DAY_S

    def day_start(self, day: int) -> int:
        """Return the UTC second at which a local date begins.

        Where midnight is skipped (a change at midnight), the first moment of the day.
        """
        found = self._day_starts.get(day)
        if found is None:
            low = day * DAY_S - 15 * 3600
            candidates = range(low - low % QUARTER_S, day * DAY_S + 15 * 3600, QUARTER_S)
            found = next(at for at in candidates if self.day(at) >= day)
            self._day_starts[day] = found
        return found

    def hour(self, at: int) -> int:
        """Return the UTC second at which the local hour that holds `at` begins."""
        return self.hours(at, at)[0]

    def hours(self, since: int, until: int) -> list[int]:
        """Return the local hours that [since, until) touches; the one of `since` at least."""
        day = since // DAY_S
        starts = self._day_of_starts(day)
        position = bisect_right(starts, since)
        found = [starts[position - 1] if position else self._day_of_starts(day - 1)[-1]]
        while until > (day + 1) * DAY_S:
            found += starts[position:]
            day += 1
            starts = self._day_of_starts(day)
            position = 0
        found += starts[position : bisect_left(starts, until)]
        return found

    def steady(self, since: int, until: int) -> Iterator[tuple[int, int, int]]:
        """Yield the parts of [since, until) in which clocks do not change, each with its offset."""
        begin = since
        # A change begins a local hour.
        for hour in self.hours(since, until)[1:]:
            if self.offset(hour) != self.offset(begin):
                yield begin, hour, self.offset(begin)
                begin = hour
        yield begin, until, self.offset(begin)

    def hours_of_days(self, days: Iterable[int]) -> list[int]:
        """Return the local hours that begin within UTC days (since 1970-01-01), as these come."""
        return [start for day in days for start in self._day_of_starts(day)]

    def _offset_of(self, at: int) -> int:
        local = (datetime.fromtimestamp(0, UTC) + timedelta(seconds=at)).astimezone(self._zone)
        found = local.utcoffset()
        # Before 1972 some offsets were odd seconds; a quarter of an hour is near enough there.
        return 0 if found is None else int(found.total_seconds()) // QUARTER_S * QUARTER_S

    def _day_of_starts(self, utc_day: int) -> tuple[int, ...]:
        """Return the local hours that begin within a UTC day."""
        found = self._starts.get(utc_day)
        if found is None:
            quarters = range(utc_day * DAY_S, (utc_day + 1) * DAY_S, QUARTER_S)
            found = tuple(
                at
                for at in quarters
                if (at + self.offset(at)) % 3600 == 0
                or self.offset(at) != self.offset(at - QUARTER_S)
            )
            self._starts[utc_day] = found
        return found

    def _forget(self) -> None:
        """Bound the caches; a year of quarters is 35,000 entries."""
        if len(self._offsets) > 50_000:
            self._offsets.clear()
            self._starts.clear()
            self._day_starts.clear()


@lru_cache(maxsize=1024)
def local_time(name: str) -> LocalTime:
    """Return the calendar of an IANA zone; of UTC if no such zone exists.

    The name is what an owner typed into the registry: a wrong one must not stop anything.
    """
    return LocalTime(ZoneInfo(name) if is_zone(name) else UTC)


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether an IANA zone of that name exists."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def to_day(value: date) -> int:
    """Return a date as days since 1970-01-01."""
    return (value - EPOCH_DAY).days


def from_day(day: int) -> date:
    """Return the date of a number of days since 1970-01-01."""
    return EPOCH_DAY + timedelta(days=day)
