"""Importer of the public charging sessions of Perth and Kinross, Scotland, 2016 to 2019.

Open data of Perth and Kinross Council under the Open Government Licence v3.0; one
CSV a year, latest session first. Two things about it must be known:

- **Day and month are swapped wherever the day is 12 or less.** The file of
  September 2018 to August 2019 reads from January to December, and sessions of
  one connector overlap 2,208 times. Swapped back, none does.
- Times are local (Europe/London) and whole minutes.

Every row is either usable or unusable for a stated reason; none is dropped.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from chargecoin.errors import ConfigurationError
from simulate.plan import MAX_DURATION_S, SessionPlan

TIME_ZONE: Final = "Europe/London"
COLUMNS: Final = (
    "_id",
    "CP ID",
    "Connector",
    "Start Date",
    "Start Time",
    "End Date",
    "End Time",
    "Total kWh",
    "Site",
    "Model",
)
_LONDON: Final = ZoneInfo(TIME_ZONE)
_WEEK: Final = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a connector of a charge point model is (standard and power type as in the protocol)."""

    standard: int
    power_type: int
    max_power_w: int


_T2_7: Final = Hardware(4, 1, 7_400)
_T2_22: Final = Hardware(4, 2, 22_000)
_T2_43: Final = Hardware(4, 2, 43_000)
_CHADEMO_22: Final = Hardware(1, 3, 22_000)
_CCS_22: Final = Hardware(5, 3, 22_000)
_CHADEMO_50: Final = Hardware(1, 3, 50_000)
_CCS_50: Final = Hardware(5, 3, 50_000)

# The file names models, not sockets. Which connector is which follows from the
# powers seen at it: nothing above 23 kW at a 22 kW one, an AC car's 3 to 7 kW at
# a Type 2 socket, and so on.
HARDWARE: Final[dict[str, dict[int, Hardware]]] = {
    "APT Triple Rapid Charger": {1: _T2_43, 2: _CCS_50},
    "Siemens Triple Rapid Charger": {1: _CHADEMO_50, 2: _CCS_50, 3: _T2_43},
    "APT 22kW Raption": {1: _T2_22, 2: _CCS_22, 3: _CHADEMO_22},
    "Siemens Semi-Rapid": {1: _CHADEMO_22, 2: _CCS_22, 3: _T2_22},
    "APT 22kW Dual Outlet": {1: _T2_22, 2: _T2_22},
    "APT 7kW Dual Outlet": {1: _T2_7, 2: _T2_7},
    "Siemens 7 kW Dual Outlet": {1: _T2_7, 2: _T2_7},
}


@dataclass(frozen=True, slots=True)
class Row:
    """One session as the file states it, dates repaired; times are local and naive."""

    number: str
    charge_point: str
    connector: int
    started: datetime
    ended: datetime
    energy_wh: int
    site: str
    model: str

    @property
    def duration_s(self) -> int:
        """Seconds plugged in, over a change of the clocks too; negative if it ends first."""
        return _utc(self.ended) - _utc(self.started)

    @property
    def hardware(self) -> Hardware:
        """What the connector is."""
        return HARDWARE[self.model][self.connector]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that is not replayed, and why."""

    number: str
    reason: str


@dataclass(frozen=True, slots=True)
class Import:
    """A file's rows, each in one of the two lists, in the file's order."""

    usable: tuple[Row, ...]
    unusable: tuple[Unusable, ...]

    def reasons(self) -> Counter[str]:
        """Count unusable rows by reason."""
        return Counter(row.reason for row in self.unusable)


def repair(written: date) -> date:
    """Swap day and month back where the export swapped them: wherever the day is 12 or less."""
    return written.replace(month=written.day, day=written.month) if written.day <= 12 else written


class _UnusableError(ValueError):
    """A row that cannot be used; its text is the reason."""


def _moment(row: dict[str, str], which: str, *, as_written: bool) -> datetime:
    day, clock = row[f"{which} Date"], row[f"{which} Time"]
    if not day or not clock:
        raise _UnusableError(f"no {which.lower()}")
    try:
        written = datetime.fromisoformat(day).date()
        hour, minute = clock.split(":")
        moment = datetime(written.year, written.month, written.day, int(hour), int(minute))  # noqa: DTZ001 - local wall time, made aware once shifted
    except ValueError:
        raise _UnusableError(f"unreadable {which.lower()}") from None
    return moment if as_written else datetime.combine(repair(written), moment.time())


def _energy_wh(row: dict[str, str]) -> int:
    text = row["Total kWh"]
    if not text:
        raise _UnusableError("no energy")
    try:
        kwh = float(text)
    except ValueError:
        raise _UnusableError("unreadable energy") from None
    if not math.isfinite(kwh):
        raise _UnusableError("unreadable energy")
    if kwh < 0:
        raise _UnusableError("negative energy")
    return round(kwh * 1000)


def _row(raw: dict[str, str]) -> Row:
    if "TEST SITE" in raw["Site"]:
        raise _UnusableError("a test site, not a public one")
    started = _moment(raw, "Start", as_written=False)
    ended = _moment(raw, "End", as_written=False)
    energy_wh = _energy_wh(raw)
    if raw["Connector"] not in {str(number) for number in HARDWARE.get(raw["Model"], {})}:
        raise _UnusableError("unknown charge point model or connector")
    row = Row(
        number=raw["_id"],
        charge_point=raw["CP ID"],
        connector=int(raw["Connector"]),
        started=started,
        ended=ended,
        energy_wh=energy_wh,
        site=raw["Site"],
        model=raw["Model"],
    )
    if row.duration_s < 0:
        raise _UnusableError("ends before it starts")
    if row.duration_s > MAX_DURATION_S:
        raise _UnusableError("longer than 12 days")
    if energy_wh and not row.duration_s:
        raise _UnusableError("energy in no time")
    if energy_wh * 3600 > row.hardware.max_power_w * row.duration_s:
        raise _UnusableError("more energy than the connector can deliver in the time")
    return row


def _raw_rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ConfigurationError(
                    f"{path} is not a Perth and Kinross session file; "
                    f"its columns must be {', '.join(COLUMNS)}"
                )
            return list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}") from error


def read(path: Path) -> Import:
    """Read a file. Raises `ConfigurationError` if it is not one of these."""
    usable: list[Row] = []
    unusable: list[Unusable] = []
    for raw in _raw_rows(path):
        try:
            usable.append(_row(raw))
        except _UnusableError as error:
            unusable.append(Unusable(raw["_id"], str(error)))
    return Import(tuple(usable), tuple(unusable))


def written_intervals(
    path: Path, *, as_written: bool
) -> list[tuple[tuple[str, str], float, float]]:
    """Return (connector, start, end) of rows with both ends in order, dates repaired or not.

    With these the repair is judged: `simulate.plan.overlaps` of them.
    """
    found = []
    for raw in _raw_rows(path):
        try:
            start = _moment(raw, "Start", as_written=as_written)
            end = _moment(raw, "End", as_written=as_written)
        except _UnusableError:
            continue
        if end >= start:
            place = (raw["CP ID"], raw["Connector"])
            found.append((place, _wall_seconds(start), _wall_seconds(end)))
    return found


def _wall_seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class History:
    """Rows moved in time to end now, in the file's order, and the usable ones left out."""

    rows: tuple[Row, ...]
    plans: tuple[SessionPlan, ...]
    left_out: tuple[Unusable, ...]


def shift(rows: Sequence[Row], *, now: float, limit: int) -> History:
    """Move the first `limit` rows by whole weeks of local time to end now (UTC seconds).

    Weekday and hour stay what they were. The move is the least that leaves no gap
    before now; rows of the newest days, up to a week, would come to lie after it and
    are put before the oldest instead, again by whole weeks. So the same rows are
    replayed whenever that is. A row that a change of the clocks in its new week pushes
    into another is left out for the next one.
    Raises `ConfigurationError` if there are fewer than `limit`.
    """
    wall_now = datetime.fromtimestamp(now, _LONDON).replace(tzinfo=None)
    taken: list[tuple[Row, SessionPlan]] = []
    left_out: list[Unusable] = []
    following = iter(rows)
    while len(taken) < limit:
        more = list(islice(following, limit - len(taken)))
        if not more:
            raise ConfigurationError(
                f"only {len(taken)} of the file's rows can be replayed; ask for no more sessions"
            )
        taken = _moved([*(row for row, _ in taken), *more], wall_now)
        pushed = _pushed_together(taken)
        left_out += [Unusable(number, "overlaps after a change of the clocks") for number in pushed]
        taken = [(row, plan) for row, plan in taken if row.number not in pushed]
    left_out += [Unusable(row.number, f"beyond the first {limit}") for row in following]
    return History(
        rows=tuple(row for row, _ in taken),
        plans=tuple(plan for _, plan in taken),
        left_out=tuple(left_out),
    )


def _moved(rows: Sequence[Row], wall_now: datetime) -> list[tuple[Row, SessionPlan]]:
    oldest = min(row.started for row in rows)
    latest = max(row.ended for row in rows)
    weeks = -((latest - wall_now) // _WEEK)
    span = -((oldest - latest) // _WEEK)
    limit = _utc(wall_now)
    moved = []
    for row in rows:
        plan = _plan(row, weeks)
        if plan.ended_at > limit:
            plan = _plan(row, weeks - span)
        moved.append((row, plan))
    return moved


def _utc(wall: datetime) -> int:
    return round(wall.replace(tzinfo=_LONDON).timestamp())


def _plan(row: Row, weeks: int) -> SessionPlan:
    started_at = _utc(row.started + weeks * _WEEK)
    return SessionPlan(
        charge_point=row.charge_point,
        connector=row.connector,
        started_at=started_at,
        # How long it lasted is settled by the clocks of its own time; only the start moves.
        ended_at=started_at + row.duration_s,
        idle_s=0,
        energy_wh=row.energy_wh,
    )


def _pushed_together(past: Iterable[tuple[Row, SessionPlan]]) -> set[str]:
    """Return the numbers of rows that start before the one before at their connector ends."""
    pushed: set[str] = set()
    latest: dict[str, int] = {}
    for row, plan in sorted(past, key=lambda one: (one[1].started_at, one[1].ended_at)):
        if plan.started_at < latest.get(plan.place, 0):
            pushed.add(row.number)
        else:
            latest[plan.place] = plan.ended_at
    return pushed
