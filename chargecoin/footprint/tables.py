"""Values by place and time, as imported: grid factors, on-site solar, metered energy. Pure.

A table is never changed: a newer one takes the place of an older one where both have a
value. Energy is in Wh, factors are in mg CO2e a kWh, so that five decimals of a kg a kWh,
as factors are published, are kept exactly.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chargecoin.carbon import FACTORS
from chargecoin.errors import ReportError
from chargecoin.record import RENEWABLE_UNKNOWN

HOUR_S: Final = 3600
MAX_ROWS: Final = 20_000
# Lignite is near 1,200 g a kWh; ten times that is a slip of the unit.
MAX_FACTOR: Final = 10_000_000
MAX_ENERGY: Final = 1_000_000_000_000
BUILT_IN: Final = 0

# What a kind of table is by, what its columns are called, and which periods it takes.
FACTOR_COLUMNS: Final = ("zone", "period", "gco2e_per_kwh", "renewable_pct")
ENERGY_COLUMNS: Final = ("site", "period", "kwh")
KINDS: Final = {
    "location": ("year", "hour"),
    "residual": ("year", "hour"),
    "solar": ("month", "hour"),
    "metered": ("month",),
}
_PERIODS: Final = {
    "year": (re.compile(r"[0-9]{4}"), "%Y", "a year such as 2026"),
    "month": (re.compile(r"[0-9]{4}-[0-9]{2}"), "%Y-%m", "a month such as 2026-11"),
    "hour": (
        re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}(:00(:00)?)?Z"),
        "%Y-%m-%dT%H",
        "an hour in UTC such as 2026-11-22T13:00Z",
    ),
}
_SIZES: Final = {4: "year", 7: "month", 13: "hour"}


class Value(NamedTuple):
    """One row: of a zone or site, a year, month or UTC hour; mg CO2e a kWh, or Wh.

    `period` is `2026`, `2026-11` or `2026-11-22T13`; `renewable_pct` is None where unknown.
    """

    place: str
    period: str
    value: int
    renewable_pct: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Values of one kind from one source. `id` orders tables: a higher one counts first."""

    id: int
    kind: str
    source: str
    values: tuple[Value, ...]

    @property
    def sha256(self) -> str:
        """The hash of its canonical form, by which a report names it."""
        return digest(self.kind, self.values)


def is_factors(kind: str) -> bool:
    """Whether a kind holds factors by grid zone, and not energy by site."""
    return kind in {"location", "residual"}


def columns(kind: str) -> tuple[str, ...]:
    """Return the columns of a kind's CSV."""
    return FACTOR_COLUMNS if is_factors(kind) else ENERGY_COLUMNS


def hour_of(at: int) -> str:
    """Return the UTC hour that holds a moment, as `Value.period` writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H")


def month_of(day: date) -> str:
    """Return the month of a day, as `Value.period` writes it."""
    return f"{day.year:04}-{day.month:02}"


def thousandths(text: str, name: str, highest: int) -> int:
    """Return a decimal with at most three places, times 1,000. Raises `ReportError`."""
    found = re.fullmatch(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?", text)
    amount = int(found[1] + (found[2] or "").ljust(3, "0")) if found else -1
    if not 0 <= amount <= highest:
        raise ReportError(
            f"{name} is a number from 0 to {highest // 1000} with three decimals at most, "
            f"not {text!r}"
        )
    return amount


def decimal(value: int) -> str:
    """Return thousandths as a decimal, the inverse of `thousandths`."""
    return f"{value // 1000}.{value % 1000:03}"


def read_period(text: str, allowed: Sequence[str]) -> str:
    """Return a period in canonical form. Raises `ReportError`."""
    for name in allowed:
        pattern, form, _ = _PERIODS[name]
        if pattern.fullmatch(text):
            short = text.rstrip("Z").split(":")[0]
            try:
                # Spring and autumn are no matter: hours are UTC.
                datetime.strptime(short, form)  # noqa: DTZ007
            except ValueError:
                break
            return short
    raise ReportError(f"period is {' or '.join(_PERIODS[one][2] for one in allowed)}, not {text!r}")


def read_value(kind: str, fields: dict[str, str]) -> Value:
    """Read one value, of a form or of a line of CSV. Raises `ReportError`."""
    place_name, _, value_name, *_ = columns(kind)
    place = fields.get(place_name, "").strip()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", place):
        raise ReportError(f"{place_name} is a grid zone or a site's number, not {place!r}")
    period = read_period(fields.get("period", "").strip(), KINDS[kind])
    text = fields.get(value_name, "").strip().replace(",", ".")
    factor = is_factors(kind)
    value = thousandths(text, value_name, MAX_FACTOR if factor else MAX_ENERGY)
    share = fields.get("renewable_pct", "").strip() if factor else ""
    if share and not (share.isdecimal() and int(share) <= 100):
        raise ReportError(f"renewable_pct is a whole number from 0 to 100, not {share!r}")
    return Value(place, period, value, int(share) if share else None)


def read_csv(kind: str, text: str) -> tuple[Value, ...]:
    """Read a table from CSV with the kind's columns. Raises `ReportError` naming the line."""
    lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), restval="")
    wanted = set(columns(kind)) - {"renewable_pct"}
    if lines.fieldnames is None or not wanted <= set(lines.fieldnames):
        raise ReportError(f"the first line names the columns: {','.join(columns(kind))}")
    found: dict[tuple[str, str], Value] = {}
    for line in lines:
        try:
            if len(found) >= MAX_ROWS:
                raise ReportError(f"a file holds at most {MAX_ROWS} values")
            if None in line:
                raise ReportError("there are more values than columns")
            one = read_value(kind, {name: line[name] or "" for name in line})
            if (one.place, one.period) in found:
                raise ReportError(f"{one.place} has two values of {one.period}")
            found[one.place, one.period] = one
        except ReportError as error:
            raise ReportError(f"line {lines.line_num}: {error}") from None
    if not found:
        raise ReportError("the file holds no value")
    return tuple(found[key] for key in sorted(found))


def canonical(kind: str, values: Iterable[Value]) -> str:
    """Return a table as CSV in the one form that is hashed: sorted, LF, three decimals."""
    lines = [",".join(columns(kind))]
    for one in sorted(values):
        period = one.period + ":00Z" if len(one.period) == 13 else one.period
        cells = [one.place, period, decimal(one.value)]
        if is_factors(kind):
            cells.append("" if one.renewable_pct is None else str(one.renewable_pct))
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def digest(kind: str, values: Iterable[Value]) -> str:
    """Return the SHA-256 of a table's canonical form, in hex."""
    return hashlib.sha256(canonical(kind, values).encode()).hexdigest()


def built_in() -> Table:
    """Return the location-based factors that come with the software."""
    values = (
        Value(
            one.zone,
            str(one.year),
            one.gco2e_per_kwh * 1000,
            None if one.renewable_pct == RENEWABLE_UNKNOWN else one.renewable_pct,
        )
        for one in FACTORS
    )
    # Each source once, and not again for each year of it.
    named = (re.sub(r" [0-9]{4}\b", "", one.source.split(",")[0]) for one in FACTORS)
    sources = "; ".join(dict.fromkeys(named))
    return Table(BUILT_IN, "location", f"built in: {sources}", tuple(sorted(values)))


class Factor(NamedTuple):
    """A factor that applies: mg CO2e a kWh, of which table and period."""

    value: int
    renewable_pct: int | None
    table: int
    period: str


class Factors:
    """Grid factors of one kind: the hour's value if there is one, else the year's.

    The year is that of the moment (UTC), or the latest before it that has a value. Of
    several tables with a value of the same hour or year the newest counts.
    """

    def __init__(self, tables: Iterable[Table], kind: str) -> None:
        """Hold the tables of a kind."""
        self._hours: dict[tuple[str, str], Factor] = {}
        self._years: dict[str, dict[int, Factor]] = {}
        self._hourly: set[str] = set()
        for table in sorted(tables, key=lambda one: one.id):
            if table.kind != kind:
                continue
            for one in table.values:
                found = Factor(one.value, one.renewable_pct, table.id, one.period)
                if _SIZES[len(one.period)] == "hour":
                    self._hours[one.place, one.period] = found
                    self._hourly.add(one.place)
                else:
                    self._years.setdefault(one.place, {})[int(one.period)] = found

    def hourly(self, zone: str) -> bool:
        """Whether a zone has values of hours, so that a session must be cut up."""
        return zone in self._hourly

    def at(self, zone: str, moment: int) -> Factor | None:
        """Return a zone's factor at a moment (UTC seconds), None if none is known."""
        if zone in self._hourly:
            found = self._hours.get((zone, hour_of(moment)))
            if found is not None:
                return found
        years = self._years.get(zone, {})
        year = datetime.fromtimestamp(moment, UTC).year
        latest = max((one for one in years if one <= year), default=None)
        return None if latest is None else years[latest]


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """Return an IANA zone; UTC for a name that is none, as the indexer counts such a site."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


class Energy:
    """Energy by site (Wh) of one kind; of several tables with the same period the newest.

    Where a month has values of hours, these count and not one of the month as a whole. An
    hour belongs to the month in which it begins in the site's time zone.
    """

    def __init__(self, tables: Iterable[Table], kind: str, zones: Mapping[int, str]) -> None:
        """Hold the tables of a kind, for the sites whose time zones are given."""
        values: dict[tuple[int, str], int] = {}
        for table in sorted(tables, key=lambda one: one.id):
            if table.kind == kind:
                values.update(((int(one.place), one.period), one.value) for one in table.values)
        self._months: dict[tuple[int, str], int] = {}
        self._hours: dict[tuple[int, str], dict[str, int]] = {}
        for (site, period), value in values.items():
            if site not in zones:
                continue
            if _SIZES[len(period)] == "month":
                self._months[site, period] = value
                continue
            begins = datetime.strptime(period, "%Y-%m-%dT%H").replace(tzinfo=UTC)
            month = month_of(begins.astimezone(zone_of(zones[site])).date())
            self._hours.setdefault((site, month), {})[period] = value

    def month(self, site_id: int, month: str) -> int | None:
        """Return what was entered of a month as a whole."""
        return self._months.get((site_id, month))

    def hours(self, site_id: int, month: str) -> Mapping[str, int]:
        """Return what was entered by UTC hour, empty if nothing was."""
        return self._hours.get((site_id, month), {})
