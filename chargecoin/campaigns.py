"""What a campaign takes off a price, exactly as the contracts compute it.

Layout and rules: docs/protocol.md, section 10. The Vyper twins are held equal by
property tests. Times are UTC seconds, amounts base units of the payment token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from chargecoin.errors import CodecError, FieldRangeError

BPS: Final = 10_000
DAYS: Final = 7
HOURS_A_DAY: Final = 24
HOURS: Final = DAYS * HOURS_A_DAY
ALL_HOURS: Final = (1 << HOURS) - 1
OPEN_PAUSE: Final = (1 << 32) - 1
MAX_SESSION_CAP: Final = (1 << 40) - 1

# The fields of the rules word, most significant first, and seven bits of zero.
_FIELDS: Final = (
    ("starts_at", 32),
    ("ends_at", 32),
    ("paused_from", 32),
    ("paused_to", 32),
    ("rate_bps", 16),
    ("session_cap", 40),
    ("day_cap", 64),
    ("own", 1),
)
_ZERO_BITS: Final = 7

Grid = Sequence[Sequence[bool]]


class Kind(IntEnum):
    """What a campaign is for. The first two are a station owner's, the third a sponsor's."""

    OFF_PEAK = 1
    LOYALTY = 2
    CO_BRANDED = 3


def benefit(gross: int, rate_bps: int, session_cap: int) -> int:
    """Return what a campaign takes off a session's gross, floored (base units)."""
    return min(gross * rate_bps // BPS, session_cap)


@dataclass(frozen=True, slots=True)
class Budget:
    """A campaign's budget in settlement. `day_spent` counts on `day` (days since 1970) only."""

    left: int
    spent: int = 0
    day: int = 0
    day_spent: int = 0

    def spent_on(self, day: int) -> int:
        """Return what was spent on a day."""
        return self.day_spent if day == self.day else 0


@dataclass(frozen=True, slots=True)
class Share:
    """Who bears what of a session's gross.

    `payer` is what the payer is asked for, `campaign` what the budget pays, `discount`
    what comes off the owner's net because its own campaign's budget did not reach. The
    three sum up to the gross. `benefit` is what the rules grant.
    """

    benefit: int
    payer: int
    campaign: int
    discount: int

    @property
    def short(self) -> bool:
        """Whether the budget paid less than the benefit."""
        return self.campaign < self.benefit

    @property
    def applied(self) -> bool:
        """Whether the payer got anything of the benefit. Else the session is flagged."""
        return not self.short or bool(self.campaign or self.discount)


@dataclass(frozen=True, slots=True)
class Rules:
    """A campaign's rules as settlement reads them.

    It covers sessions that start in [starts_at, ends_at) and not in [paused_from,
    paused_to). `day_cap` of 0 is none. `own` says that it is the station owner's.
    """

    starts_at: int
    ends_at: int
    rate_bps: int
    session_cap: int
    day_cap: int = 0
    own: bool = False
    paused_from: int = 0
    paused_to: int = 0

    def encode(self) -> int:
        """Return the word. Raises `FieldRangeError` where a field does not fit."""
        word = 0
        for name, bits in _FIELDS:
            value = int(getattr(self, name))
            if not 0 <= value < 1 << bits:
                raise FieldRangeError(name, value, (1 << bits) - 1)
            word = word << bits | value
        return word << _ZERO_BITS

    @classmethod
    def decode(cls, word: int) -> Self:
        """Read a word. Raises `CodecError` if it is none."""
        if word < 0 or word >> 256 or word & (1 << _ZERO_BITS) - 1:
            raise CodecError(f"{word:#x} is not a word of campaign rules")
        rest = word >> _ZERO_BITS
        values = {}
        for name, bits in reversed(_FIELDS):
            values[name] = rest & (1 << bits) - 1
            rest >>= bits
        own = bool(values.pop("own"))
        return cls(own=own, **values)

    def covers(self, started_at: int, hour_of_week: int, hour_mask: int) -> bool:
        """Whether a session that starts then, in that hour of the site's week, is covered."""
        return (
            self.starts_at <= started_at < self.ends_at
            and not self.paused_from <= started_at < self.paused_to
            and bool(hour_mask >> hour_of_week & 1)
        )

    def share(self, gross: int, budget: Budget, today: int) -> Share:
        """Return who bears what of a covered session that is settled on day `today`."""
        granted = benefit(gross, self.rate_bps, self.session_cap)
        reached = min(granted, budget.left)
        if self.day_cap:
            reached = min(reached, max(0, self.day_cap - budget.spent_on(today)))
        discount = granted - reached if self.own else 0
        return Share(granted, gross - reached - discount, reached, discount)


def hour_mask(grid: Grid) -> int:
    """Return the mask of a week of seven days, from Monday, with 24 hours each.

    Raises `CodecError` if the grid has another shape.
    """
    if len(grid) != DAYS or any(len(day) != HOURS_A_DAY for day in grid):
        raise CodecError("a week has seven days of 24 hours each")
    hours = [on for day in grid for on in day]
    return sum(1 << hour for hour, on in enumerate(hours) if on)


def week_grid(mask: int) -> tuple[tuple[bool, ...], ...]:
    """Return the seven days of a mask, from Monday, with 24 hours each.

    Raises `FieldRangeError` if the mask has bits that are no hour of a week.
    """
    if not 0 <= mask <= ALL_HOURS:
        raise FieldRangeError("hour_mask", mask, ALL_HOURS)
    return tuple(
        tuple(bool(mask >> day * HOURS_A_DAY + hour & 1) for hour in range(HOURS_A_DAY))
        for day in range(DAYS)
    )


def daily_hours(begin: int, end: int, days: Iterable[int] = range(DAYS)) -> int:
    """Return the mask of the hours from `begin` to before `end` that start on given days.

    Hours are 0 to 23, `end` up to 24, days 0 (Monday) to 6. Where the end is not after
    the begin, the hours go on into the next day, from Sunday into Monday:
    `daily_hours(22, 6)` is every night. Raises `FieldRangeError` out of these ranges.
    """
    if not 0 <= begin < HOURS_A_DAY:
        raise FieldRangeError("begin", begin, HOURS_A_DAY - 1)
    if not 0 <= end <= HOURS_A_DAY:
        raise FieldRangeError("end", end, HOURS_A_DAY)
    length = end - begin if end > begin else end + HOURS_A_DAY - begin
    mask = 0
    for day in days:
        if not 0 <= day < DAYS:
            raise FieldRangeError("day", day, DAYS - 1)
        first = day * HOURS_A_DAY + begin
        for hour in range(first, first + length):
            mask |= 1 << hour % HOURS
    return mask
