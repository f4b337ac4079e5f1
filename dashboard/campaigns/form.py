"""The form of a campaign as it stands in the address: read, checked field by field. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, TypeVar
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from chargecoin.campaign_calls import MAX_CONNECTORS, NewCampaign
from chargecoin.campaigns import ALL_HOURS, HOURS, Kind
from dashboard.errors import BadAddressError
from dashboard.language import gettext
from dashboard.query import day_of, money_of, number_of
from dashboard.spans import starts
from indexer.read_model import Connector

T = TypeVar("T")

KINDS: Final = {kind.name.lower(): kind for kind in Kind}
TOKEN: Final = 1_000_000
MAX_CAP: Final = 10_000 * TOKEN
MAX_BUDGET: Final = 100_000_000 * TOKEN
MAX_NAME: Final = 64  # bytes
MAX_LENGTH_S: Final = 366 * 86_400
MAX_WINDOW_DAYS: Final = 366
MAX_TIMES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A campaign that the contract would take, and the budget to put in (base units)."""

    new: NewCampaign
    connectors: tuple[int, ...]
    budget: int


@dataclass(frozen=True, slots=True)
class Filled:
    """What was filled in. `problems` says by field what to do; `wanted` is there if none is.

    `chosen` are connectors, those of `sites` among them. `zone` is that of the first: dates
    begin at its midnight.
    """

    kind: Kind
    given: dict[str, str]
    sites: tuple[int, ...]
    connectors: tuple[int, ...]
    chosen: tuple[Connector, ...]
    hour_mask: int
    zone: str
    asked: bool
    problems: dict[str, str] = field(default_factory=dict)
    wanted: Wanted | None = None

    @property
    def zones(self) -> tuple[str, ...]:
        """The time zones of the chosen connectors."""
        return tuple(dict.fromkeys(one.time_zone for one in self.chosen))

    def address(self, **changes: str) -> str:
        """Return the query string that fills the form in like this again."""
        values: dict[str, str | list[str]] = {
            name: text
            for name, text in self.given.items()
            if name not in {"site", "connector", "hour", "hours", "kind", "toggle", "clear"}
            and text
        }
        values |= {"kind": self.kind.name.lower(), "hours": f"{self.hour_mask:x}"}
        values |= {"site": [str(one) for one in self.sites]} if self.sites else {}
        values |= {"connector": [str(one) for one in self.connectors]} if self.connectors else {}
        return "?" + urlencode(values | changes, doseq=True)


def _numbers(query: QueryParams, name: str, known: set[int], what: str) -> tuple[int, ...]:
    found = []
    for text in query.getlist(name):
        if not (text.isdecimal() and int(text) in known):
            raise BadAddressError(f"choose the owner's own {what}, not {text!r}")
        found.append(int(text))
    return tuple(dict.fromkeys(found))


def _mask(query: QueryParams, given: Mapping[str, str]) -> int:
    """Read the week: an hour each, as the form sends it, or all in hex (bit 0 Monday 00).

    `toggle` has hours to switch on, or off where all of them are on; `clear` leaves none.
    """
    try:
        mask = int(given.get("hours", "") or "0", 16)
        toggled = int(given.get("toggle", "") or "0", 16)
    except ValueError:
        raise BadAddressError("the hours of a week are written in hex, bit 0 Monday 00") from None
    for text in query.getlist("hour"):
        if not (text.isdecimal() and int(text) < HOURS):
            raise BadAddressError(f"an hour of the week is 0 to {HOURS - 1}, not {text!r}")
        mask |= 1 << int(text)
    if not 0 <= mask <= ALL_HOURS or not 0 <= toggled <= ALL_HOURS:
        raise BadAddressError("a week has 168 hours")
    if given.get("clear"):
        return 0
    return mask & ~toggled if toggled and mask & toggled == toggled else mask | toggled


def _must(value: T | None) -> T:
    """Return a value that has to be there. Raises `BadAddressError`."""
    if not value:
        raise BadAddressError("there is none")
    return value


class _Reading:
    """Reads fields one by one and remembers what to do about those that cannot be."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given
        self.problems: dict[str, str] = {}

    def take(self, name: str, read: Callable[[], T | None], advice: str, otherwise: T) -> T:
        """Return a field, or `otherwise` where it is empty or cannot be read."""
        try:
            found = read()
        except BadAddressError:
            self.problems[name] = advice
            return otherwise
        return otherwise if found is None else found

    def amount(self, name: str, highest: int, advice: str, *, needed: bool) -> int:
        """Return an amount in base units, 0 where it is empty and may be."""

        def read() -> int | None:
            amount = money_of(self.given, name, highest)
            return _must(amount) if needed else amount

        return self.take(name, read, advice, 0)

    def count(self, name: str, highest: int, advice: str, *, needed: bool) -> int:
        """Return a whole number, 0 where it is empty and may be."""

        def read() -> int | None:
            count = number_of(self.given, name, highest)
            return _must(count) if needed else count

        return self.take(name, read, advice, 0)


def _name(given: Mapping[str, str]) -> str:
    name = given.get("name", "")
    if not 0 < len(name.encode()) <= MAX_NAME or not name.isprintable():
        raise BadAddressError("a name")
    return name


def _rate(given: Mapping[str, str]) -> int:
    """Return a percentage in basis points."""
    rate = _must(money_of(given, "rate", 100 * TOKEN))
    if rate % 10_000:
        raise BadAddressError("two decimals")
    return rate // 10_000


def _dates(reading: _Reading, zone: str, now: int) -> tuple[int, int]:
    """Return when it starts (0: as soon as it is created) and the first second after it."""
    given = reading.given
    first = reading.take(
        "first",
        lambda: day_of(given, "first"),
        gettext(
            "Enter the first day as 2026-12-01, or leave it empty to begin as soon as it is created"
        ),
        None,
    )
    last = reading.take(
        "last",
        lambda: _must(day_of(given, "last")),
        gettext("Enter the last day, as 2026-12-31"),
        None,
    )
    if "first" in reading.problems or last is None:
        return 0, 0
    if not (last.year < 2100 and (first is None or first.year > 1970)):
        reading.problems["last"] = gettext("Choose days of this century")
        return 0, 0
    begin, end = (starts(first, zone) if first else 0), starts(last + timedelta(days=1), zone)
    if end <= max(begin, now):
        reading.problems["last"] = gettext(
            "Choose a last day that is not before the first one, and not over"
        )
    elif end - max(begin, now) > MAX_LENGTH_S:
        reading.problems["last"] = gettext(
            "Choose a last day within 366 days of the first: no campaign is longer"
        )
    return begin, end


def _terms(filled: Filled, owner_id: int, now: int) -> Filled:
    """Check everything that is needed to create it."""
    reading, kind = _Reading(filled.given), filled.kind
    co_branded, loyalty = kind == Kind.CO_BRANDED, kind == Kind.LOYALTY
    name = reading.take(
        "name",
        lambda: _name(filled.given),
        gettext("Give it a name of 1 to 64 letters, fewer with accents; drivers see it"),
        "",
    )
    begin, end = _dates(reading, filled.zone, now)
    rate = reading.take(
        "rate",
        lambda: _rate(filled.given),
        gettext(
            "Enter a percentage above 0 and up to 100 with two decimals at most, such as 15 or 7.5"
        ),
        0,
    )
    session_cap = reading.amount(
        "cap",
        MAX_CAP,
        gettext("Enter the most that comes off one session, such as 5 or 2.50; at most 10,000"),
        needed=True,
    )
    own_budget = gettext(
        "Enter the budget, such as 250; at most 100 million. 0 is none: all of the discount then "
        "comes off what you receive"
    )
    sponsors_budget = gettext("Enter the budget, such as 250; at most 100 million")
    budget = reading.amount(
        "budget", MAX_BUDGET, sponsors_budget if co_branded else own_budget, needed=co_branded
    )
    if not co_branded and not filled.given.get("budget"):
        reading.problems["budget"] = own_budget
    day_cap = reading.amount(
        "day_cap",
        MAX_BUDGET,
        gettext(
            "Enter the most that the budget pays on one day, such as 20; a sponsor's campaign has "
            "to have it"
        )
        if co_branded
        else gettext(
            "Enter the most that the budget pays on one day, such as 20, or leave it empty"
        ),
        needed=co_branded,
    )
    driver_cap = reading.count(
        "driver_cap",
        MAX_TIMES,
        gettext("Enter how many sessions of each driver get it, at most 10,000, or leave it empty"),
        needed=False,
    )
    min_sessions = window_days = 0
    if loyalty:
        min_sessions = reading.count(
            "min_sessions",
            MAX_TIMES,
            gettext("Enter how many sessions a driver must have had before, such as 5"),
            needed=True,
        )
        window_days = reading.count(
            "window_days",
            MAX_WINDOW_DAYS,
            gettext("Enter within how many days before they count, such as 30; at most 366"),
            needed=True,
        )
    if not filled.chosen:
        reading.problems["sites"] = gettext("Choose at least one site or connector")
    elif len(filled.chosen) > MAX_CONNECTORS:
        reading.problems["sites"] = gettext(
            "Choose at most %(most)s connectors; more are added on the campaign's page",
            most=MAX_CONNECTORS,
        )
    if not filled.hour_mask:
        reading.problems["hours"] = gettext("Choose at least one hour of the week")
    wanted = None
    if not reading.problems:
        new = NewCampaign(
            kind=kind,
            owner_id=0 if co_branded else owner_id,
            name=name,
            starts_at=begin,
            ends_at=end,
            hour_mask=filled.hour_mask,
            rate_bps=rate,
            session_cap=session_cap,
            day_cap=day_cap,
            min_sessions=min_sessions,
            window_days=window_days,
            driver_cap=driver_cap,
        )
        wanted = Wanted(new, tuple(one.connector_id for one in filled.chosen), budget)
    return replace(filled, asked=True, problems=reading.problems, wanted=wanted)


def read(query: QueryParams, own: Sequence[Connector], owner_id: int, now: int) -> Filled:
    """Read a form about an owner's connectors; nothing is checked before `show` is asked for.

    Raises `BadAddressError` for what no form of ours sends.
    """
    given = {name: text.strip() for name, text in query.items()}
    kind = KINDS.get(given.get("kind", "") or "off_peak")
    if kind is None:
        raise BadAddressError(f"kind is one of {', '.join(KINDS)}")
    sites = _numbers(query, "site", {one.site_id for one in own}, "sites")
    connectors = _numbers(query, "connector", {one.connector_id for one in own}, "connectors")
    chosen = tuple(one for one in own if one.site_id in sites or one.connector_id in connectors)
    zone = next((one.time_zone for one in (*chosen, *own)), "UTC")
    mask = _mask(query, given)
    filled = Filled(kind, given, sites, connectors, chosen, mask, zone, asked=False)
    return _terms(filled, owner_id, now) if given.get("show") else filled
