"""A report worked out: sessions in, lines and sums out, the same way for maker and checker."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from chargecoin.carbon import BASELINE
from chargecoin.footprint import document
from chargecoin.footprint.allocation import Allocation, Pool
from chargecoin.footprint.document import Anchor, Entry, Inputs, Row, Scope
from chargecoin.footprint.lines import Charged, Line, Losses, Method, Sums, Totals, losses
from chargecoin.footprint.tables import Energy, Factors, zone_of
from chargecoin.record import SessionRecord


@dataclass(frozen=True, slots=True)
class Settled:
    """A session as the chain has it, and what the registry says of its connector."""

    connector_id: int
    sequence: int
    pool: Pool
    settled_at: int
    power_type: str
    standard: str
    anchor: Anchor


def charged(pool: Pool, word: int) -> Charged:
    """Return what carbon goes by of a record word. Raises `CodecError` if it is none."""
    return _charged(pool, SessionRecord.decode(word))


def _charged(pool: Pool, said: SessionRecord) -> Charged:
    return Charged(
        pool,
        said.started_at,
        said.duration_s,
        said.idle_s,
        said.energy_wh,
        said.grid_gco2e_per_kwh,
    )


def month_begins(month: str, zone: str) -> int:
    """Return the UTC second at which a month (`2026-11`) begins in a zone."""
    return int(datetime.strptime(month, "%Y-%m").replace(tzinfo=zone_of(zone)).timestamp())


def method_of(inputs: Inputs) -> Method:
    """Return how lines are worked out from what was entered."""
    sites = {one.site_id: one for one in inputs.sites}
    zones = {one.site_id: one.time_zone for one in inputs.sites}
    solar = Energy(inputs.tables, "solar", zones)
    allocation = Allocation(sites, inputs.pools, inputs.hours, solar, inputs.certificates)
    return Method(
        allocation,
        Factors(inputs.tables, "location"),
        Factors(inputs.tables, "residual"),
        # One number stands in a report; how it comes about is in docs/method-co2.md.
        replace(BASELINE, car_g_per_km=inputs.baseline_g_per_kwh, ev_wh_per_km=1000),
    )


class Account:
    """A report in the making: enter sessions one by one, then read the sums."""

    def __init__(self, scope: Scope, inputs: Inputs) -> None:
        """Begin with no session."""
        self.scope = scope
        self.inputs = inputs
        self.method = method_of(inputs)
        self._totals = Totals()

    def line(self, pool: Pool, word: int) -> Line:
        """Return a session's line, without adding it."""
        return self.method.line(charged(pool, word))

    def count(self, sessions: Iterable[tuple[Charged, int]]) -> None:
        """Add sessions, each with its assurance, without an entry: those that are alike at once.

        The sums are those of entering each, and sooner there.
        """
        found: dict[tuple[Hashable, int], tuple[Charged, list[int]]] = {}
        for one, assurance in sessions:
            key = self.method.alike(one), assurance
            if key not in found:
                found[key] = one, []
            found[key][1].append(one.energy_wh)
        for (_, assurance), (one, energies) in found.items():
            line = self.method.together(one, energies)
            self._totals.add(one.pool, line, assurance, len(energies))

    def enter(self, one: Settled) -> Entry:
        """Add a session and return its entry."""
        found = self.entry(one)
        self._totals.add(one.pool, found.line, found.said.assurance)
        return found

    def entry(self, one: Settled) -> Entry:
        """Return a session's entry, without adding it."""
        said = SessionRecord.decode(one.anchor.word)
        line = self.method.line(_charged(one.pool, said))
        return Entry(
            one.connector_id,
            one.sequence,
            one.pool,
            one.settled_at,
            one.power_type,
            one.standard,
            line,
            said,
            one.anchor,
        )

    def sums(self) -> dict[Pool, Sums]:
        """Return the sums by site and month so far."""
        return self._totals.by_pool()

    def losses(self) -> tuple[Losses, ...]:
        """Return the losses of the report's sites and months, where metered energy was entered.

        None where connectors are left out: losses are of a whole site.
        """
        scope = self.scope
        if scope.power_type is not None or scope.standard is not None:
            return ()
        zones = {one.site_id: one.time_zone for one in self.inputs.sites}
        metered = Energy(self.inputs.tables, "metered", zones)
        wanted = [
            pool
            for pool in self.inputs.pools
            if scope.since <= pool.month <= scope.until and scope.site_id in {None, pool.site_id}
        ]
        found = {pool: metered.month(*pool) for pool in wanted}
        known = {pool: value for pool, value in found.items() if value is not None}
        moments = {pool: month_begins(pool.month, zones[pool.site_id]) for pool in known}
        return losses(known, self.sums(), self.method, moments)

    def closing(self) -> Iterator[Row]:
        """Yield the rows after the sessions."""
        return document.totals(self.sums(), self.losses(), self.method.allocation)

    def rows(self, sessions: Iterable[Settled]) -> Iterator[Row]:
        """Yield all rows of the report, digest last, entering the sessions on the way."""

        def parts() -> Iterator[Row]:
            yield from document.opening(self.scope, self.inputs)
            for one in sessions:
                yield document.session_row(self.enter(one))
            yield from self.closing()

        return document.sealed(parts())
