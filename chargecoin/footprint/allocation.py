"""What share of a site's energy is on-site solar, and what each certificate covers. Pure.

Everything is a share of a *pool*: the energy of all of an owner's sessions that were
settled at a site in a calendar month of that site. Pools never depend on a report's filter,
so whatever the sessions are split into, no certificate gives more than was entered and
nothing is given twice: a session gets the floor of its part, and the parts of a pool add up
to no more than the pool was given.

Energy generated on site and used there is no purchased electricity (GHG Protocol, Scope 2
Guidance, 2015, section 6.1) and comes off first; then certificates and contracts, in the
order in which they were entered; the rest is at the residual mix (table 6.3, market-based
scope 2 data hierarchy).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import Final, NamedTuple

from chargecoin.footprint.tables import HOUR_S, Energy, hour_of

ONE: Final = Fraction(1)
NONE: Final = Fraction(0)


@dataclass(frozen=True, slots=True)
class Place:
    """A site, as the registry has it."""

    site_id: int
    name: str
    country: str
    grid_zone: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """A guarantee of origin or a power purchase agreement, as the owner entered it.

    It covers `quantity_wh` at sites in `zone` (or at one `site_id`) in the months `since` to
    `until` (inclusive), at `mg_per_kwh` (0 for renewable generation). `reference` is the
    registry's numbers or the contract. `id` orders them: what was entered first covers first.
    """

    id: int
    kind: str
    reference: str
    zone: str
    site_id: int | None
    since: str
    until: str
    quantity_wh: int
    mg_per_kwh: int
    renewable: bool

    def covers(self, site: Place, month: str) -> bool:
        """Whether it may be used at a site in a month."""
        here = self.site_id in {None, site.site_id} and self.zone == site.grid_zone
        return here and self.since <= month <= self.until


class Pool(NamedTuple):
    """A site in a month, `2026-11`."""

    site_id: int
    month: str


class Mix(NamedTuple):
    """How a pool's energy after solar is made up, in parts of `whole`.

    `covers` says which certificate covers how many of the parts, `rest` is what none does, and
    `emits` the sum of parts times mg a kWh of the covers.
    """

    whole: int
    covers: tuple[tuple[Certificate, int], ...]
    rest: int
    emits: int


def _mix(covers: Sequence[tuple[Certificate, Fraction]]) -> Mix:
    """Return shares as parts of a whole, so that lines are worked out in integers."""
    whole = lcm(*(share.denominator for _, share in covers))
    parts = tuple((one, int(share * whole)) for one, share in covers)
    return Mix(
        whole,
        parts,
        whole - sum(part for _, part in parts),
        sum(part * one.mg_per_kwh for one, part in parts),
    )


@dataclass(frozen=True, slots=True)
class Used:
    """What a certificate could be used for: the pools' energy left for it, and how much is used.

    Wh, exact. `used` is never more than was entered.
    """

    certificate: Certificate
    pooled: Fraction
    used: Fraction


def spread(started_at: int, duration_s: int, idle_s: int, energy_wh: int) -> list[tuple[int, int]]:
    """Return a session's energy by UTC hour, (start of the hour, Wh), adding up to all of it.

    Spread evenly over the seconds of charging, which come before those of idling: the same
    assumption as in the cost of energy.
    """
    seconds = max(1, duration_s - min(idle_s, duration_s))
    found, taken, at, end = [], 0, started_at, started_at + seconds
    while at < end:
        hour = at - at % HOUR_S
        until = min(end, hour + HOUR_S)
        share = energy_wh * (until - started_at) // seconds
        found.append((hour, share - taken))
        taken, at = share, until
    return found


class HourPools:
    """The energy of pools by UTC hour, as far as solar was entered by the hour."""

    def __init__(self, solar: Energy) -> None:
        """Begin with nothing."""
        self._solar = solar
        self.sums: dict[Pool, dict[str, int]] = {}

    def wanted(self, pool: Pool) -> bool:
        """Whether a pool's sessions must be added, because its solar goes by the hour."""
        return bool(self._solar.hours(*pool))

    def add(
        self, pool: Pool, started_at: int, duration_s: int, idle_s: int, energy_wh: int
    ) -> None:
        """Add a session's energy by hour, where it is wanted."""
        hours = self._solar.hours(*pool)
        if not hours:
            return
        sums = self.sums.setdefault(pool, dict.fromkeys(hours, 0))
        for hour, energy in spread(started_at, duration_s, idle_s, energy_wh):
            name = hour_of(hour)
            if name in hours:
                sums[name] += energy


@dataclass(slots=True)
class Allocation:
    """Shares by pool, from the energy of the pools and what the owner entered.

    `pools` is the energy (Wh) of all sessions settled at a site in a month, `hours` that of
    the hours within it, where solar was entered by the hour.
    """

    sites: Mapping[int, Place]
    pools: Mapping[Pool, int]
    hours: Mapping[Pool, Mapping[str, int]]
    solar: Energy
    certificates: Sequence[Certificate]
    mixes: dict[Pool, Mix] = field(init=False)
    used: tuple[Used, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Work out what each certificate covers, in the order they were entered."""
        net = {pool: energy - self.solar_of(pool) for pool, energy in self.pools.items()}
        left = dict.fromkeys(self.pools, ONE)
        covers: dict[Pool, list[tuple[Certificate, Fraction]]] = {pool: [] for pool in self.pools}
        used = []
        for one in sorted(self.certificates, key=lambda one: one.id):
            wanted = [
                pool
                for pool in sorted(self.pools)
                if one.covers(self.sites[pool.site_id], pool.month)
            ]
            pooled = sum((net[pool] * left[pool] for pool in wanted), NONE)
            ratio = min(ONE, one.quantity_wh / pooled) if pooled else NONE
            for pool in wanted:
                share = left[pool] * ratio
                if share:
                    covers[pool].append((one, share))
                left[pool] -= share
            used.append(Used(one, pooled, pooled * ratio))
        self.mixes = {pool: _mix(found) for pool, found in covers.items()}
        self.used = tuple(used)

    def by_hour(self, pool: Pool) -> bool:
        """Whether a pool's solar goes by the hour."""
        return pool in self.hours

    def solar_of(self, pool: Pool) -> int:
        """Return how much of a pool's energy is on-site solar: never more than either."""
        if pool in self.hours:
            given = self.solar.hours(*pool)
            return sum(min(energy, given[hour]) for hour, energy in self.hours[pool].items())
        return min(self.pools[pool], self.solar.month(*pool) or 0)

    def solar_share(self, pool: Pool, moment: int) -> tuple[int, int]:
        """Return how much of how much energy is on-site solar at a moment (UTC seconds), Wh."""
        if pool in self.hours:
            hour = hour_of(moment)
            energy = self.hours[pool].get(hour, 0)
            given = self.solar.hours(*pool).get(hour, 0)
        else:
            energy, given = self.pools[pool], self.solar.month(*pool) or 0
        return (min(given, energy), energy) if given and energy else (0, 1)
