"""What a carbon report is made from: the sessions of the tables, and what the owner entered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from chargecoin.carbon import BASELINE, Factor, factor_for
from chargecoin.footprint.account import Account, Settled
from chargecoin.footprint.allocation import Certificate, HourPools, Place, Pool
from chargecoin.footprint.document import Anchor, Inputs, Scope, power_name, standard_name
from chargecoin.footprint.lines import POWER, STANDARDS, Charged, Line
from chargecoin.footprint.tables import Energy, Table, built_in, month_of
from chargecoin.record import RENEWABLE_UNKNOWN
from chargecoin.record import Status as Outcome
from dashboard import pages
from dashboard.errors import BadAddressError
from dashboard.language import gettext
from dashboard.private.carbon import Wanted
from dashboard.query import choice_of, number_of
from dashboard.query import month_of as read_month
from dashboard.services import Services
from dashboard.spans import last_day, months_after
from indexer.read_model import (
    ChargedSession,
    Connector,
    Owner,
    Page,
    SessionDetail,
    SessionFilter,
    Site,
    Status,
)

POWERS: Final = tuple(dict.fromkeys(POWER.values()))
MAX_MONTHS: Final = 24


@dataclass(frozen=True, slots=True)
class CarbonQuery:
    """Months (inclusive, by their first days) and what the report is narrowed to."""

    since: date
    until: date
    site: int | None = None
    power: str | None = None
    standard: str | None = None
    after: int | None = None

    @classmethod
    def parse(cls, values: Mapping[str, str], current: date) -> CarbonQuery:
        """Read an address; without months it is the `current` one. Raises `BadAddressError`.

        `month` stands for `since` and `until`.
        """

        def given(name: str) -> date | None:
            return read_month(values, name) if values.get(name) else None

        month = given("month")
        since, until = given("since") or month, given("until") or month
        since, until = since or until or current, until or since or current
        if not since <= until < months_after(since, MAX_MONTHS):
            raise BadAddressError(
                gettext("the months go from since to until, %(most)s at most", most=MAX_MONTHS)
            )
        power = choice_of(values, "power", POWERS)
        standard = choice_of(values, "standard", STANDARDS)
        return cls(
            since=since,
            until=until,
            site=number_of(values, "site", (1 << 32) - 1),
            power=power,
            standard=standard,
            after=number_of(values, "after", (1 << 62) - 1),
        )

    def address(self, **changes: Any) -> str:
        """Return the query string of this with some fields changed."""
        values = {k: v for k, v in asdict(replace(self, **changes)).items() if v is not None}
        for name in ("since", "until"):
            values[name] = month_of(values[name])
        return "?" + urlencode({name: str(value) for name, value in values.items()})


def place_of(site: Site) -> Place:
    """Return a site as reports name it."""
    return Place(site.site_id, site.name, site.country, site.grid_zone, site.time_zone)


def day_of_month(month: str) -> date:
    """Return the first day of a month written as `2026-11`."""
    return date.fromisoformat(f"{month}-01")


def together(
    certificates: Sequence[Certificate], since: str, until: str
) -> tuple[tuple[Certificate, ...], str, str]:
    """Return the certificates that bear on some months, and all the months these span.

    One bears on them through another whose months it shares, since what was entered
    first covers first.
    """
    found: list[Certificate] = []
    waiting = list(certificates)
    while True:
        near = [one for one in waiting if one.since <= until and one.until >= since]
        if not near:
            return tuple(sorted(found, key=lambda one: one.id)), since, until
        found += near
        waiting = [one for one in waiting if one not in near]
        since = min(since, *(one.since for one in near))
        until = max(until, *(one.until for one in near))


class Reporting:
    """A report of an owner's sessions: its scope and inputs, and its sessions in order.

    Without `private` nothing that the owner entered is in it: only the built-in factors.
    """

    def __init__(
        self,
        has: Services,
        owner: Owner,
        query: CarbonQuery,
        *,
        private: bool,
        whole: bool,
    ) -> None:
        """Read what the report is made from, all but its sessions.

        With all values of its tables if `whole`, so that their hashes can be checked; without,
        the figures are the same, and sooner there.
        """
        self._has, self._owner = has, owner
        self._connectors = {one.connector_id: one for one in has.model.connectors(owner.owner_id)}
        self.sites = tuple(has.model.sites(owner.owner_id))
        since, until = month_of(query.since), month_of(query.until)
        certificates: tuple[Certificate, ...] = ()
        if private:
            held = has.carbon.certificates(owner.owner_id)
            certificates = tuple(
                one.certificate for one in held if one.entered.withdrawn_at is None
            )
        certificates, first, last = together(certificates, since, until)
        days = day_of_month(first), last_day(day_of_month(last))
        status, energy = has.model.energy_by_site_month(owner.owner_id, *days)
        places = tuple(place_of(one) for one in self.sites)
        tables: tuple[Table, ...] = (built_in(),)
        if private:
            zones = {one.grid_zone for one in places} | {str(one.site_id) for one in places}
            # A session may be settled as late as 90 days after it began.
            begins = month_of(months_after(day_of_month(first), -4))
            wanted = Wanted(frozenset(zones), begins, last)
            tables += has.carbon.tables(owner.owner_id, wanted, whole=whole)
        pools = {
            Pool(site, f"{year:04}-{month:02}"): wh for (site, year, month), wh in energy.items()
        }
        self.status: Status = status
        self.scope = Scope(
            owner_id=owner.owner_id,
            owner=owner.name,
            chain_id=has.node.deployment.chain_id,
            settlement=has.node.deployment.address("Settlement"),
            since=since,
            until=until,
            site_id=query.site,
            power_type=query.power,
            standard=query.standard,
            block=status.number,
            block_hash=status.hash,
        )
        hours = self._hours(tables, places, pools)
        self.inputs = Inputs(places, tables, certificates, pools, hours, BASELINE.g_per_kwh)

    def _hours(
        self, tables: Sequence[Table], places: Sequence[Place], pools: Mapping[Pool, int]
    ) -> Mapping[Pool, Mapping[str, int]]:
        """Return the energy of hours of the pools whose solar goes by the hour."""
        zones = {one.site_id: one.time_zone for one in places}
        found = HourPools(Energy(tables, "solar", zones))
        for pool in pools:
            if found.wanted(pool):
                month = day_of_month(pool.month)
                for one, _ in self._delivered(self._filter(month, month, pool.site_id), None):
                    found.add(*one[:5])
        return found.sums

    def _filter(self, since: date, until: date, site_id: int | None) -> SessionFilter:
        return SessionFilter(
            owner_id=self._owner.owner_id, site_id=site_id, since=since, until=last_day(until)
        )

    def _delivered(
        self, wanted: SessionFilter, connectors: Sequence[int] | None
    ) -> Iterator[tuple[Charged, int]]:
        """Yield what sessions delivered, and their assurance, as of the report's block."""
        read = self._has.model.deliveries
        pools: dict[tuple[int, date], Pool] = {}
        for one in pages.whole(lambda *part: read(wanted, connectors, self.status.number, *part)):
            _, site, day, *said, assurance = one
            pool = pools.get((site, day))
            if pool is None:
                pool = pools[site, day] = Pool(site, month_of(day))
            yield Charged(pool, *said), assurance

    def holds(self, connector: Connector) -> bool:
        """Whether the report holds a connector's sessions."""
        power, standard = power_name(connector.power_type), standard_name(connector.standard)
        return self.scope.holds(connector.site_id, power, standard)

    def _narrowed(self) -> tuple[SessionFilter, Sequence[int] | None]:
        """Return the filter and the connectors of the report, None for all."""
        scope = self.scope
        connectors = None
        if scope.power_type is not None or scope.standard is not None:
            connectors = [key for key, one in self._connectors.items() if self.holds(one)]
        since, until = day_of_month(scope.since), day_of_month(scope.until)
        return self._filter(since, until, scope.site_id), connectors

    def deliveries(self) -> Iterator[tuple[Charged, int]]:
        """Yield what the report's sessions delivered, and their assurance."""
        return self._delivered(*self._narrowed())

    def sessions(self) -> Iterator[Settled]:
        """Yield the report's sessions, oldest first."""
        wanted, connectors = self._narrowed()
        read = self._has.model.charged_sessions
        for one in pages.whole(lambda *part: read(wanted, connectors, self.status.number, *part)):
            yield self._settled(one)

    def listed(self, after: int | None, limit: int) -> Page[Settled]:
        """Return some of the report's sessions, and the key that continues them."""
        page = self._has.model.charged_sessions(*self._narrowed(), self.status.number, after, limit)
        return Page(tuple(map(self._settled, page.items)), page.after)

    def _settled(self, one: ChargedSession) -> Settled:
        """Return a session as accounts take it."""
        connector = self._connectors[one.connector_id]
        return Settled(
            one.connector_id,
            one.sequence,
            Pool(one.site_id, month_of(one.day)),
            one.settled_at,
            power_name(connector.power_type),
            standard_name(connector.standard),
            Anchor(
                one.word,
                one.batch,
                one.evidence_root,
                one.commitment,
                one.transaction,
                one.block,
            ),
        )

    def account(self) -> Account:
        """Return the report with no session entered."""
        return Account(self.scope, self.inputs)


@dataclass(frozen=True, slots=True)
class SessionCarbon:
    """A session's carbon: the factor that its record was signed with, and it restated.

    `restated` is None for whoever may not see what the owner entered; `source` is where its
    factor is from.
    """

    factor: Factor | None
    renewable_pct: int | None
    restated: Line | None
    source: str


def session_carbon(
    has: Services, owner: Owner, detail: SessionDetail, *, private: bool
) -> SessionCarbon:
    """Return a session's carbon; restated with what the owner entered if `private`."""
    row = detail.row
    zone = next(
        (one.grid_zone for one in has.model.sites(owner.owner_id) if one.site_id == row.site_id), ""
    )
    found = factor_for(zone, row.started_at)
    if found is not None and found.gco2e_per_kwh != detail.grid_gco2e_per_kwh:
        found = None
    share = detail.renewable_pct
    restated, source = None, ""
    if private and row.status != int(Outcome.REJECTED):
        month = row.day.replace(day=1)
        made = Reporting(has, owner, CarbonQuery(month, month), private=True, whole=False)
        restated = made.account().line(Pool(row.site_id, month_of(month)), detail.word)
        tables = {one.id: one.source for one in made.inputs.tables}
        source = tables[restated.factor.table] if restated.factor else ""
    return SessionCarbon(found, None if share == RENEWABLE_UNKNOWN else share, restated, source)
