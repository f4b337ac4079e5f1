"""A session's line of a carbon report, and sums of lines. Pure.

Every figure of a line is a whole number, floored once, and only then added up: sums of
lines are exact, and a report's total is the sum of its sites' and months'.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from fractions import Fraction
from math import lcm
from typing import Final, NamedTuple

from chargecoin.carbon import BASELINE, Baseline, avoided_g, emitted_g
from chargecoin.footprint.allocation import Allocation, Certificate, Mix, Pool, spread
from chargecoin.footprint.tables import Factor, Factors

MG_PER_G_KWH: Final = 1_000_000
"""Wh times mg a kWh, in a gram."""

GRID_ONLY: Final = Mix(whole=1, covers=(), rest=1, emits=0)
"""Energy of which nothing was bought apart."""

POWER: Final = {1: "AC", 2: "AC", 3: "DC"}
"""Of the registry's power types (docs/protocol.md, section 5)."""

STANDARDS: Final = (
    "CHADEMO",
    "IEC_62196_T1",
    "IEC_62196_T1_COMBO",
    "IEC_62196_T2",
    "IEC_62196_T2_COMBO",
    "DOMESTIC_F",
    "NACS",
    "OTHER",
)
"""Of connectors, by the registry's number from 1, named as in OCPI."""


class Charged(NamedTuple):
    """What the chain says of a session, as far as carbon goes; the grid factor as recorded."""

    pool: Pool
    started_at: int
    duration_s: int
    idle_s: int
    energy_wh: int
    grid_gco2e_per_kwh: int


@dataclass(frozen=True, slots=True)
class Line:
    """A session's mix and emissions. Wh and g CO2e; None where a factor is not known.

    `energy = solar + certificates + residual`. `location_g` is at the grid's average,
    `market_g` at what each certificate and the residual mix emit, both after on-site solar.
    `frozen_g` and `frozen_avoided_g` are at the factor in the record on chain.
    `certificates` says which gave how much.
    """

    energy_wh: int
    solar_wh: int
    certificate_wh: int
    residual_wh: int
    renewable_wh: int
    location_g: int | None
    market_g: int | None
    avoided_g: int | None
    frozen_g: int | None
    frozen_avoided_g: int | None
    certificates: tuple[tuple[int, int], ...]
    factor: Factor | None

    @property
    def difference_g(self) -> int | None:
        """By how much the restated figure is above the one frozen on chain."""
        if self.location_g is None or self.frozen_g is None:
            return None
        return self.location_g - self.frozen_g


class _Share(NamedTuple):
    """What there is of something in each Wh, exact: `of` for every `whole`."""

    of: int
    whole: int


class _Shares(NamedTuple):
    """What each Wh of a session is made of (Wh) and emits (g), None where a factor is not known."""

    solar: _Share
    covers: tuple[tuple[Certificate, _Share], ...]
    location: _Share | None
    market: _Share | None
    factor: Factor | None


class _Part(NamedTuple):
    """A part of a session (Wh) under the same factors; of `pooled` Wh there `solar` are solar."""

    energy: int
    solar: int
    pooled: int
    location: Factor | None
    residual: Factor | None


@dataclass(frozen=True, slots=True)
class Method:
    """Everything a line is worked out from, beside the session itself."""

    allocation: Allocation
    location: Factors
    residual: Factors
    baseline: Baseline = BASELINE
    _kept: dict[Hashable, _Shares] = field(init=False, default_factory=dict, compare=False)

    def _zone(self, pool: Pool) -> str:
        return self.allocation.sites[pool.site_id].grid_zone

    def _cut(self, pool: Pool) -> bool:
        """Whether sessions are cut up, because factors or solar change with the hour."""
        zone = self._zone(pool)
        hourly = self.location.hourly(zone) or self.residual.hourly(zone)
        return hourly or self.allocation.by_hour(pool)

    def alike(self, session: Charged) -> Hashable:
        """Return what sessions have in common whose lines differ only by their energy."""
        if self._cut(session.pool):
            return session
        # Factors are of UTC years, and solar is of the pool.
        year = datetime.fromtimestamp(session.started_at, UTC).year
        return session.pool, year, session.grid_gco2e_per_kwh

    def _parts(self, session: Charged) -> Iterator[_Part]:
        """Cut a session up where its factors or its solar change, if they do."""
        allocation, pool = self.allocation, session.pool
        zone = self._zone(pool)
        hours = [(session.started_at, 1)]
        if self._cut(pool):
            hours = spread(
                session.started_at, session.duration_s, session.idle_s, session.energy_wh
            )
        for hour, energy in hours:
            at = max(hour, session.started_at)
            location = self.location.at(zone, at)
            # Scope 2 Guidance, table 6.3: without a residual mix the grid's average.
            residual = self.residual.at(zone, at) or location
            yield _Part(energy, *allocation.solar_share(pool, at), location, residual)

    def _shares(self, session: Charged) -> _Shares:
        mix = self.allocation.mixes[session.pool]
        parts = list(self._parts(session))
        # All in integers: Wh from the grid, times `scale`, of `whole` Wh times `scale`.
        scale = lcm(*(one.pooled for one in parts))
        net = [one.energy * (one.pooled - one.solar) * (scale // one.pooled) for one in parts]
        grid = sum(net)
        whole = scale * (sum(one.energy for one in parts) or 1)
        return _Shares(
            _Share(whole - grid, whole),
            tuple((one, _Share(grid * part, whole * mix.whole)) for one, part in mix.covers),
            _grams(net, (one.location for one in parts), whole),
            _grams(net, (one.residual for one in parts), whole, mix),
            _average(parts),
        )

    def line(self, session: Charged) -> Line:
        """Return a session's line. Its pool is one of the allocation's."""
        return self.together(session, (session.energy_wh,))

    def together(self, session: Charged, energies: Sequence[int]) -> Line:
        """Return the sum of the lines of sessions that are `alike` this one, by their energies."""
        alike = self.alike(session)
        shares = self._kept.get(alike)
        if shares is None:
            shares = self._shares(session)
            if alike is not session:
                self._kept[alike] = shares
        energy = sum(energies)
        solar = _floored(energies, shares.solar)
        given = tuple((one, _floored(energies, share)) for one, share in shares.covers)
        certificates = sum(amount for _, amount in given)
        green = sum(amount for one, amount in given if one.renewable)
        location = _emitted(energies, shares.location)
        market = _emitted(energies, shares.market)
        driven = _floored(energies, _Share(self.baseline.g_per_kwh, 1000))
        grid = session.grid_gco2e_per_kwh
        return Line(
            energy_wh=energy,
            solar_wh=solar,
            certificate_wh=certificates,
            residual_wh=energy - solar - certificates,
            renewable_wh=solar + green,
            location_g=location,
            market_g=market,
            avoided_g=None if location is None else driven - location,
            frozen_g=_sum(emitted_g(one, grid) for one in energies),
            frozen_avoided_g=_sum(avoided_g(one, grid, self.baseline) for one in energies),
            certificates=tuple((one.id, amount) for one, amount in given if amount),
            factor=shares.factor,
        )


def _floored(energies: Iterable[int], share: _Share) -> int:
    """Return a share of each energy, floored, added up."""
    of, whole = share
    return sum(energy * of // whole for energy in energies)


def _emitted(energies: Sequence[int], share: _Share | None) -> int | None:
    if share is None:
        # No energy emits nothing, whatever the factor is.
        return None if any(energies) else 0
    return _floored(energies, share)


def _sum(values: Iterable[int | None]) -> int | None:
    """Add up; None if one is not known."""
    found = list(values)
    known = [one for one in found if one is not None]
    return sum(known) if len(known) == len(found) else None


def _grams(
    net: Iterable[int], factors: Iterable[Factor | None], whole: int, mix: Mix = GRID_ONLY
) -> _Share | None:
    """Return what energy emits (g): `mix.rest` of it at its factors, the rest as bought.

    None where a factor is not known and not all is covered.
    """
    total = 0
    for energy, factor in zip(net, factors, strict=True):
        if not energy:
            continue
        if mix.rest and factor is None:
            return None
        total += energy * (mix.emits + (mix.rest * factor.value if factor else 0))
    return _Share(total, whole * mix.whole * MG_PER_G_KWH)


def _average(parts: list[_Part]) -> Factor | None:
    """Return the factor that applied: the only one, or the average of hours, floored."""
    if any(one.location is None for one in parts):
        return None
    found = [one.location for one in parts if one.location is not None]
    first, last = found[0], found[-1]
    if first == last and len(set(found)) == 1:
        return first
    energy = sum(one.energy for one in parts)
    weighted = sum(part.energy * one.value for part, one in zip(parts, found, strict=True))
    return Factor(
        weighted // energy if energy else first.value,
        None,
        max(one.table for one in found),
        f"{first.period}/{last.period}",
    )


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of lines, Wh and g CO2e.

    `covered_wh` is the energy whose location-based factor is known, `market_wh` that whose
    market-based one is, `frozen_wh` that whose factor on chain is. `signed`, `observed` and
    `reported` count sessions by assurance 3, 2 and 1.
    """

    sessions: int = 0
    energy_wh: int = 0
    solar_wh: int = 0
    certificate_wh: int = 0
    residual_wh: int = 0
    renewable_wh: int = 0
    covered_wh: int = 0
    location_g: int = 0
    market_wh: int = 0
    market_g: int = 0
    avoided_g: int = 0
    frozen_wh: int = 0
    frozen_g: int = 0
    frozen_avoided_g: int = 0
    signed: int = 0
    observed: int = 0
    reported: int = 0

    def __add__(self, other: Sums) -> Sums:
        """Add up."""
        return Sums(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Sums)))

    @property
    def difference_g(self) -> int:
        """By how much the restated figure is above the one frozen on chain."""
        return self.location_g - self.frozen_g

    @property
    def adds_up(self) -> bool:
        """Whether the parts of the energy are the whole."""
        return self.solar_wh + self.certificate_wh + self.residual_wh == self.energy_wh


class Totals:
    """Adds lines up by site and month, a few numbers each however many sessions there are."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._sums: dict[Pool, list[int]] = {}

    def add(self, pool: Pool, line: Line, assurance: int, sessions: int = 1) -> None:
        """Add the line of a session, or of several together."""
        known = line.location_g is not None
        row = (
            sessions,
            line.energy_wh,
            line.solar_wh,
            line.certificate_wh,
            line.residual_wh,
            line.renewable_wh,
            line.energy_wh if known else 0,
            line.location_g or 0,
            line.energy_wh if line.market_g is not None else 0,
            line.market_g or 0,
            line.avoided_g or 0,
            line.energy_wh if line.frozen_g is not None else 0,
            line.frozen_g or 0,
            line.frozen_avoided_g or 0,
            sessions * (assurance == 3),
            sessions * (assurance == 2),
            sessions * (assurance == 1),
        )
        held = self._sums.setdefault(pool, [0] * len(row))
        for place, value in enumerate(row):
            held[place] += value

    def by_pool(self) -> dict[Pool, Sums]:
        """Return the sums of each site and month, in order."""
        return {pool: Sums(*self._sums[pool]) for pool in sorted(self._sums)}


@dataclass(frozen=True, slots=True)
class Losses:
    """What was metered into a site's chargers in a month and not delivered, Wh and g CO2e.

    The station owner's own consumption: scope 2. At the average of the energy delivered
    there; market-based at the residual mix, since certificates are given to what was
    delivered. None where no factor is known.
    """

    pool: Pool
    metered_wh: int
    delivered_wh: int
    location_g: int | None
    market_g: int | None

    @property
    def energy_wh(self) -> int:
        """The loss; below zero where the meters cannot be right together."""
        return self.metered_wh - self.delivered_wh


def losses(
    metered: Mapping[Pool, int],
    sums: Mapping[Pool, Sums],
    method: Method,
    moments: Mapping[Pool, int],
) -> tuple[Losses, ...]:
    """Return the losses of sites and months of which metered energy was entered.

    `sums` are of all sessions, not of some by a filter; `moments` a moment in each month.
    """
    found = []
    for pool in sorted(metered):
        one = sums.get(pool, Sums())
        lost = metered[pool] - one.energy_wh
        zone = method.allocation.sites[pool.site_id].grid_zone
        average = None
        if one.covered_wh:
            average = Fraction(one.location_g * MG_PER_G_KWH, one.covered_wh)
        residual = method.residual.at(zone, moments[pool])
        market = average if residual is None else Fraction(residual.value)
        found.append(
            Losses(
                pool,
                metered[pool],
                one.energy_wh,
                None if average is None or lost < 0 else int(lost * average / MG_PER_G_KWH),
                None if market is None or lost < 0 else int(lost * market / MG_PER_G_KWH),
            )
        )
    return tuple(found)
