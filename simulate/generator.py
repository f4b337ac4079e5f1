"""The default network and the sessions that happen in it, drawn from published statistics."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import count
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from chargecoin.errors import ConfigurationError
from chargecoin.tariff import Prices
from simulate.network import (
    AC_3_PHASE,
    CHADEMO,
    DC,
    IEC_62196_T2,
    IEC_62196_T2_COMBO,
    SECP256K1,
    SECP256R1,
    Connector,
    Evse,
    MeterModel,
    Network,
    Owner,
    Place,
    Site,
    Station,
)
from simulate.plan import MAX_DURATION_S, SessionPlan
from simulate.profile import (
    AC,
    HIGH_POWER,
    RAPID,
    ZERO_ENERGY_STAY_MIN,
    Profile,
    interpolate,
)

WEEK_S: Final = 7 * 86_400
FIRST_MONDAY: Final = 1_704_067_200
"""2024-01-01 00:00 UTC, where generated weeks begin; local hours are those of winter."""
TURNAROUND_S: Final = 120
"""The least time between two vehicles at one EVSE."""
ATTEMPTS: Final = 500
"""Draws for one session before the network counts as full."""
USABLE_POWER: Final = 0.9
"""What of a connector's power a vehicle draws on average at most."""

# On-board chargers in W and how common they are. The mix is set so that vehicles
# at AC idle as long as profile.AC_IDLE_SHARE says; a test holds it.
AC_VEHICLES: Final = ((3_700, 0.45), (7_400, 0.35), (11_000, 0.16), (22_000, 0.04))
# At DC, drivers mostly stay with the car. No published share was found for those
# who overstay: one in ten for a fifth of their stay is an assumption.
DC_OVERSTAY_RATE: Final = 0.1
DC_OVERSTAY_SHARE: Final = 0.2

_GB_VAT_BPS: Final = 2000
_DE_VAT_BPS: Final = 1900
_AC_PRICES: Final = Prices(kwh=450_000, hour=0, idle_hour=600_000, session=0)
_RAPID_PRICES: Final = Prices(kwh=590_000, hour=0, idle_hour=6_000_000, session=250_000)
_HIGH_POWER_PRICES: Final = Prices(kwh=690_000, hour=1_200_000, idle_hour=9_000_000, session=0)
_MANUFACTURER_R1: Final = MeterModel(SECP256R1, "manufacturer")
_MANUFACTURER_K1: Final = MeterModel(SECP256K1, "manufacturer")
_AUTHORITY_R1: Final = MeterModel(SECP256R1, "authority")
_OWNER_R1: Final = MeterModel(SECP256R1, "owner")


class _Builder:
    """Numbers stations as they are added to one country's sites."""

    def __init__(self, country: str, time_zone: str, operator: str, numbers: Iterator[int]) -> None:
        self.country = country
        self.time_zone = time_zone
        self.operator = operator
        self._numbers = numbers
        self._vat_bps = _DE_VAT_BPS if country == "DE" else _GB_VAT_BPS

    def _evse_id(self, station: int, evse: int) -> str:
        return f"{self.country}*{self.operator}*E{station:04d}*{evse}"

    def _connector(
        self, number: int, standard: int, power_w: int, prices: Prices, meter: MeterModel | None
    ) -> Connector:
        power_type = AC_3_PHASE if standard == IEC_62196_T2 else DC
        return Connector(number, standard, power_type, power_w, prices, self._vat_bps, meter)

    def _pair(
        self, model: tuple[str, str], standard: int, power_w: int, prices: Prices, meters: _Meters
    ) -> Station:
        station = next(self._numbers)
        evses = tuple(
            Evse(
                number,
                self._evse_id(station, number),
                (self._connector(number, standard, power_w, prices, meter),),
            )
            for number, meter in enumerate(meters, 1)
        )
        return Station(f"CP-{station:04d}", *model, evses)

    def ac(self, meters: _Meters = (None, None)) -> Station:
        """Return a post with two 22 kW sockets."""
        return self._pair(("Larch", "Post 22"), IEC_62196_T2, 22_000, _AC_PRICES, meters)

    def high_power(self, meters: _Meters = (None, None)) -> Station:
        """Return a charger with two 150 kW outlets."""
        return self._pair(
            ("Tern", "Ultra 300"), IEC_62196_T2_COMBO, 150_000, _HIGH_POWER_PRICES, meters
        )

    def rapid(self) -> Station:
        """Return a 50 kW charger: one EVSE with a CHAdeMO and a CCS cable, no signing meter."""
        station = next(self._numbers)
        cables = (
            self._connector(1, CHADEMO, 50_000, _RAPID_PRICES, None),
            self._connector(2, IEC_62196_T2_COMBO, 50_000, _RAPID_PRICES, None),
        )
        evse = Evse(1, self._evse_id(station, 1), cables)
        return Station(f"CP-{station:04d}", "Larch", "Rapid 50", (evse,))

    def site(self, name: str, *stations: Station) -> Site:
        """Return a site in this country's time and grid zone."""
        return Site(name, self.time_zone, self.country, self.country, stations)


_Meters = tuple[MeterModel | None, MeterModel | None]


def default_network() -> Network:
    """Return 3 owners with 12 sites and 40 connectors in Great Britain and Germany.

    In Germany meters sign, as calibration law asks there, except the rapid charger.
    """
    numbers = count(1)
    strath = _Builder("GB", "Europe/London", "STR", numbers)
    isar = _Builder("DE", "Europe/Berlin", "ISR", numbers)
    corridor_gb = _Builder("GB", "Europe/London", "COR", numbers)
    corridor_de = _Builder("DE", "Europe/Berlin", "COR", numbers)
    r1: _Meters = (_MANUFACTURER_R1, _MANUFACTURER_R1)
    k1: _Meters = (_MANUFACTURER_K1, _MANUFACTURER_K1)
    authority: _Meters = (_AUTHORITY_R1, _AUTHORITY_R1)
    mixed: _Meters = (_MANUFACTURER_R1, _OWNER_R1)
    return Network(
        (
            Owner(
                "Strathmore Public Charging",
                (
                    strath.site("Perth, Riverside Car Park", strath.ac(), strath.rapid()),
                    strath.site("Dunkeld, Bridge Street", strath.ac()),
                    strath.site("Pitlochry, Station Road", strath.ac(), strath.rapid()),
                    strath.site("Crieff, Market Square", strath.ac()),
                    strath.site("Kinross, Park and Ride", strath.rapid(), strath.high_power()),
                ),
            ),
            Owner(
                "Isar Ladenetz",
                (
                    isar.site("München, Ostbahnhof", isar.ac(r1), isar.ac(r1)),
                    isar.site("Freising, Marienplatz", isar.ac(authority)),
                    isar.site("Ingolstadt, Nord", isar.high_power(k1), isar.high_power(k1)),
                    isar.site("Landshut, Stadion", isar.ac(mixed), isar.rapid()),
                ),
            ),
            Owner(
                "Corridor Charging",
                (
                    corridor_gb.site(
                        "Leeds, Junction 45", corridor_gb.high_power(), corridor_gb.rapid()
                    ),
                    corridor_de.site("Kassel, Lohfelden", corridor_de.high_power(k1)),
                    corridor_de.site(
                        "Hannover, Messe", corridor_de.high_power(k1), corridor_de.ac(r1)
                    ),
                ),
            ),
        )
    )


def profile_of(connector: Connector) -> Profile:
    """Return how connectors of this kind are used."""
    if connector.power_type != DC:
        return AC
    return HIGH_POWER if connector.max_power_w >= 100_000 else RAPID


class _Calendar:
    """What is taken at each EVSE in a span of time that begins again when it ends."""

    def __init__(self, span_s: int) -> None:
        self._span_s = span_s
        self._taken: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)

    def book(self, evse_id: str, start: int, end: int) -> bool:
        """Take an interval if it is free, with `TURNAROUND_S` on either side."""
        taken = self._taken[evse_id]
        index = bisect_left(taken, (start, end))
        if index < len(taken) and taken[index][0] < end + TURNAROUND_S:
            return False
        if index and start < taken[index - 1][1] + TURNAROUND_S:
            return False
        for shift in (-self._span_s, 0, self._span_s):
            insort(taken, (start + shift, end + shift))
        return True


def generate(network: Network, *, sessions: int, weeks: int, rng: Random) -> list[SessionPlan]:
    """Draw sessions of some whole weeks from `FIRST_MONDAY` on, by start time.

    No two overlap at an EVSE, also not when the weeks are repeated: `end_at` moves
    them to any other time. Tokens and causes come later (`simulate.payers`).
    Raises `ConfigurationError` if the network cannot hold so many.
    """
    places = list(network.places.values())
    weights = [profile_of(place.connector).sessions_per_day for place in places]
    calendar = _Calendar(weeks * WEEK_S)
    plans: list[SessionPlan] = []
    for _ in range(sessions):
        for _attempt in range(ATTEMPTS):
            place = rng.choices(places, weights)[0]
            plan = _draw(place, weeks, rng)
            if plan and calendar.book(place.evse.evse_id, plan.started_at, plan.ended_at):
                plans.append(plan)
                break
        else:
            raise ConfigurationError(
                f"the network is full at {len(plans)} sessions in {weeks} weeks; "
                "ask for fewer sessions or more weeks"
            )
    return sorted(plans, key=lambda plan: (plan.started_at, plan.place))


def end_at(plans: Iterable[SessionPlan], *, weeks: int, now: int) -> list[SessionPlan]:
    """Move sessions of some whole weeks into the same weeks before `now` (UTC seconds).

    Each moves by whole rounds of these weeks, so its hour of the week stays, and what
    there is of sessions does not depend on when one looks.
    """
    span_s = weeks * WEEK_S
    moved = []
    for plan in plans:
        by = (now - plan.ended_at) // span_s * span_s
        moved.append(replace(plan, started_at=plan.started_at + by, ended_at=plan.ended_at + by))
    return moved


def _draw(place: Place, weeks: int, rng: Random) -> SessionPlan | None:
    """Draw one session, or None where its time is not a time that people charge at."""
    profile = profile_of(place.connector)
    started_at = FIRST_MONDAY + rng.randrange(weeks * WEEK_S)
    local = datetime.fromtimestamp(started_at, ZoneInfo(place.site.time_zone))
    if rng.random() > profile.arrival_weight(local.hour, local.weekday()):
        return None
    if rng.random() < profile.zero_energy_rate:
        zero_min = interpolate(ZERO_ENERGY_STAY_MIN, rng.random())
        return _plan(place, started_at, round(zero_min * 60) + rng.randrange(5, 60))
    energy_wh, stay_s = profile.sample(rng)
    return _charge(place, started_at, energy_wh, stay_s + rng.randrange(60), rng)


def _plan(place: Place, started_at: int, stay_s: int) -> SessionPlan:
    return SessionPlan(
        charge_point=place.station.identity,
        connector=place.connector.number,
        started_at=started_at,
        ended_at=started_at + min(stay_s, MAX_DURATION_S),
        idle_s=0,
        energy_wh=0,
    )


def _charge(place: Place, started_at: int, energy_wh: int, stay_s: int, rng: Random) -> SessionPlan:
    """Fill a stay with energy, no faster than the connector, and the rest with idling."""
    plan = _plan(place, started_at, stay_s)
    most_wh = int(place.connector.max_power_w * USABLE_POWER * plan.duration_s) // 3600
    energy_wh = min(energy_wh, most_wh)
    if place.connector.power_type == DC:
        overstays = rng.random() < DC_OVERSTAY_RATE
        idle_s = int(plan.duration_s * DC_OVERSTAY_SHARE) if overstays else 0
        energy_wh = min(energy_wh, int(most_wh * (1 - DC_OVERSTAY_SHARE)))
        return replace(plan, energy_wh=energy_wh, idle_s=idle_s)
    powers, shares = zip(*AC_VEHICLES, strict=True)
    power = min(rng.choices(powers, shares)[0], place.connector.max_power_w)
    charging_s = energy_wh * 3600 // int(power)
    # A car that could not have taken that much in its stay was one that charges faster.
    idle_s = max(0, plan.duration_s - charging_s)
    return replace(plan, energy_wh=energy_wh, idle_s=idle_s if idle_s >= 60 else 0)


def arrivals(
    network: Network, *, since: int, per_minute: float, rng: Random
) -> Iterator[SessionPlan]:
    """Draw sessions from `since` on without end, by start time, short enough to watch.

    They last one to six minutes at a plausible power, so that the fleet changes
    before one's eyes: more often than real ones, not otherwise unlike them.
    """
    free_at: dict[str, int] = {}
    at = float(since)
    while True:
        at += rng.expovariate(per_minute / 60)
        started_at = int(at)
        free = [
            place
            for place in network.places.values()
            if free_at.get(place.evse.evse_id, 0) <= started_at
        ]
        if not free:
            continue
        place = rng.choice(free)
        stay_s = rng.randrange(60, 360)
        energy_wh = int(
            place.connector.max_power_w * rng.uniform(0.2, USABLE_POWER) * stay_s / 3600
        )
        plan = _charge(place, started_at, energy_wh, stay_s, rng)
        free_at[place.evse.evse_id] = plan.ended_at + TURNAROUND_S
        yield plan
