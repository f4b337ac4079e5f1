"""The one door through which pages read the tables.

Every method answers from one consistent snapshot, returns plain frozen values (all of
them importable from here) and works on an empty database. Lists are bounded and continue
by key, not by offset: pass a page's `after` back in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final, Self

from chargecoin.errors import FieldRangeError
from indexer.database import READERS_CACHE_KIB, open_engine
from indexer.equipment_figures import Equipment, Evse, FirstSigns, Station
from indexer.exception_figures import (
    COUNTED,
    ExceptionFilter,
    ExceptionKind,
    FailedStart,
    SessionException,
    SignedWord,
)
from indexer.figures import (
    Carbon,
    Change,
    Connector,
    ConnectorTotals,
    DayTotals,
    Finality,
    HourTotals,
    HourUse,
    MeterKey,
    Overview,
    Owner,
    OwnerMonth,
    Page,
    Payout,
    Period,
    Provenance,
    Site,
    Status,
    Tariff,
    Totals,
)
from indexer.hours import to_day
from indexer.live_figures import (
    USES,
    ConnectorState,
    FeedSource,
    FeedWord,
    Silence,
    Use,
    Utilisation,
)
from indexer.money_figures import (
    Booking,
    BudgetEntry,
    Campaign,
    CampaignDay,
    CampaignPlace,
    CampaignTotals,
    Dispute,
    Entry,
    EntryKind,
    Funder,
    PastSession,
    PayoutFailure,
    PayoutPlan,
    Refund,
    RewardClaim,
    RewardEpoch,
    RoutedFees,
    Span,
    SpanLine,
)
from indexer.payer_figures import Revocation, VaultAccount
from indexer.queries import (
    equipment,
    history,
    live,
    money,
    outcomes,
    overview,
    payers,
    places,
    sessions,
)
from indexer.queries.charged import ChargedSession
from indexer.read_carbon import CarbonReads
from indexer.read_exceptions import ExceptionReads
from indexer.read_money import MAX_PAGE, NOT_STARTED, bounded, status_of
from indexer.session_figures import (
    Batch,
    Collection,
    ReasonCount,
    SessionDetail,
    SessionFilter,
    SessionRow,
)

__all__ = [
    "COUNTED",
    "MAX_PAGE",
    "NOT_STARTED",
    "USES",
    "Batch",
    "Booking",
    "BudgetEntry",
    "Campaign",
    "CampaignDay",
    "CampaignPlace",
    "CampaignTotals",
    "Carbon",
    "Change",
    "ChargedSession",
    "Collection",
    "Connector",
    "ConnectorState",
    "ConnectorTotals",
    "DayTotals",
    "Dispute",
    "Entry",
    "EntryKind",
    "Equipment",
    "Evse",
    "ExceptionFilter",
    "ExceptionKind",
    "FailedStart",
    "FeedSource",
    "FeedWord",
    "Finality",
    "FirstSigns",
    "Funder",
    "HourTotals",
    "HourUse",
    "MeterKey",
    "Overview",
    "Owner",
    "OwnerMonth",
    "Page",
    "PastSession",
    "Payout",
    "PayoutFailure",
    "PayoutPlan",
    "Period",
    "Provenance",
    "ReadModel",
    "ReasonCount",
    "Refund",
    "Revocation",
    "RewardClaim",
    "RewardEpoch",
    "RoutedFees",
    "SessionDetail",
    "SessionException",
    "SessionFilter",
    "SessionRow",
    "SignedWord",
    "Silence",
    "Site",
    "Span",
    "SpanLine",
    "Station",
    "Status",
    "Tariff",
    "Totals",
    "Use",
    "Utilisation",
    "VaultAccount",
]

EVERYTHING: Final = SessionFilter()


class ReadModel(CarbonReads, ExceptionReads):
    """Questions to the indexer's tables. `owner_id` None asks for all owners together."""

    @classmethod
    def open(cls, database: str) -> Self:
        """Connect to a database by path (SQLite) or URL, as the indexer's settings name it.

        Raises `ConfigurationError` if it is not one. The tables are the indexer's to make:
        before it ran once, every question raises `StoreError`.
        """
        url = database if "://" in database else f"sqlite:///{database}"
        return cls(open_engine(url, READERS_CACHE_KIB))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    # --- places ---

    def owners(self) -> tuple[Owner, ...]:
        """Return all owners by id."""
        with self._snapshot() as connection:
            return places.list_owners(connection)

    def owner(self, owner_id: int) -> Owner | None:
        """Return one owner, None if there is none of that id."""
        with self._snapshot() as connection:
            return places.one_owner(connection, owner_id)

    def owner_months(self, now: int) -> tuple[OwnerMonth, ...]:
        """Return all owners by id, each with this month so far at `now`, UTC seconds."""
        with self._snapshot() as connection:
            return outcomes.owner_months(connection, status_of(connection), now, self._kept)

    def sites(self, owner_id: int | None = None) -> tuple[Site, ...]:
        """Return sites by id."""
        with self._snapshot() as connection:
            return places.list_sites(connection, owner_id)

    def connectors(
        self, owner_id: int | None = None, site_id: int | None = None
    ) -> tuple[Connector, ...]:
        """Return connectors by site, station and id."""
        with self._snapshot() as connection:
            return places.list_connectors(connection, owner_id, site_id)

    def connectors_beside(self, connector_ids: Sequence[int]) -> tuple[Connector, ...]:
        """Return all connectors of the owners of some connectors, by site, station and number."""
        with self._snapshot() as connection:
            return places.list_beside(connection, connector_ids)

    def connector(self, connector_id: int) -> Connector | None:
        """Return one connector, None if there is none of that id."""
        with self._snapshot() as connection:
            return places.one_connector(connection, connector_id)

    def equipment(self, owner_id: int) -> Equipment:
        """Return what an owner has registered, stations without a connector included."""
        with self._snapshot() as connection:
            return equipment.equipment(connection, status_of(connection), owner_id)

    def station_named(self, identity: str) -> Station | None:
        """Return the station of any owner that has an OCPP identity, None if there is none."""
        with self._snapshot() as connection:
            return equipment.station_named(connection, status_of(connection), identity)

    def first_signs(self, connector_ids: Sequence[int]) -> tuple[FirstSigns, ...]:
        """Return when each connector was first heard of, by the feed and by the chain."""
        with self._snapshot() as connection:
            return equipment.first_signs(connection, status_of(connection), connector_ids)

    def tariffs(self, connector_id: int) -> tuple[Tariff, ...]:
        """Return a connector's tariffs as published, by index."""
        with self._snapshot() as connection:
            return places.list_tariffs(connection, status_of(connection), connector_id)

    def meter_keys(self, connector_id: int) -> tuple[MeterKey, ...]:
        """Return a connector's meter keys, each with who vouches for it now."""
        with self._snapshot() as connection:
            return places.list_meter_keys(connection, connector_id)

    # --- payers ---

    def account(self, account: int) -> VaultAccount | None:
        """Return a vault account, None if there is none of that number."""
        with self._snapshot() as connection:
            return payers.one_account(connection, status_of(connection), account)

    def accounts_of(self, holder: str) -> tuple[VaultAccount, ...]:
        """Return the vault accounts of an address."""
        with self._snapshot() as connection:
            return payers.accounts_of(connection, status_of(connection), holder)

    def revocations(self, account: int) -> tuple[Revocation, ...]:
        """Return the mandates that an account's holder ended, newest first."""
        with self._snapshot() as connection:
            return payers.revocations(connection, account)

    # --- money and energy by settlement day, exact ---

    def overview(self, owner_id: int | None, now: int) -> Overview:
        """Return the first page's figures at `now`, UTC seconds."""
        with self._snapshot() as connection:
            return overview.overview(connection, owner_id, now)

    def receivable(self, owner_id: int) -> int:
        """Return what payers owe an owner, of all time, base units."""
        with self._snapshot() as connection:
            return money.receivable(connection, owner_id)

    def totals(
        self, owner_id: int | None, since: date, until: date, site_id: int | None = None
    ) -> Totals:
        """Return the totals of settlement days `since` to `until` (inclusive)."""
        with self._snapshot() as connection:
            return money.days_total(
                connection,
                owner_id,
                None if site_id is None else (site_id,),
                to_day(since),
                to_day(until),
            )

    def connector_totals(
        self, owner_id: int | None, since: date, until: date, site_id: int | None = None
    ) -> tuple[ConnectorTotals, ...]:
        """Return each connector's totals of settlement days `since` to `until` (inclusive)."""
        with self._snapshot() as connection:
            found = money.connector_totals(connection, owner_id, site_id, since, until)
            return tuple(
                ConnectorTotals(connector, found.get(connector.connector_id, Totals()))
                for connector in places.list_connectors(connection, owner_id, site_id)
            )

    def daily_totals(
        self,
        owner_id: int | None,
        since: date,
        until: date,
        site_id: int | None = None,
        connector_id: int | None = None,
    ) -> tuple[DayTotals, ...]:
        """Return one entry a settlement day, `since` to `until` (inclusive), empty days too."""
        with self._snapshot() as connection:
            return money.daily_totals(connection, owner_id, site_id, connector_id, since, until)

    # --- performance by session time, approximate ---

    def hours(
        self,
        owner_id: int | None,
        since: int,
        until: int,
        site_id: int | None = None,
        connector_id: int | None = None,
    ) -> tuple[HourTotals, ...]:
        """Return local hours that begin in [since, until), UTC seconds, but for empty ones."""
        with self._snapshot() as connection:
            if connector_id is None:
                found = places.list_connectors(connection, owner_id, site_id)
                wanted = [connector.connector_id for connector in found]
            else:
                wanted = [connector_id]
            return money.hourly(connection, wanted, since, until)

    def hours_of(self, connector_ids: Sequence[int], since: int, until: int) -> tuple[HourUse, ...]:
        """Return energy and use alone of `hours`, of some connectors together."""
        with self._snapshot() as connection:
            return money.hourly_use(connection, connector_ids, since, until)

    def energy_by_hour_of_day(
        self, connectors: Sequence[Connector], since: date, until: date
    ) -> dict[int, tuple[int, ...]]:
        """Return by site the energy (Wh) of its connectors in each local hour of the day.

        Over local days `since` to `until` (inclusive); a site that had none is left out.
        """
        with self._snapshot() as connection:
            return money.energy_by_hour_of_day(connection, connectors, since, until)

    # --- sessions and batches ---

    def sessions(
        self, wanted: SessionFilter = EVERYTHING, after: int | None = None, limit: int = 50
    ) -> Page[SessionRow]:
        """Return sessions newest first, at most 1,000 at a time."""
        with self._snapshot() as connection:
            return Page(
                *sessions.list_sessions(
                    connection, status_of(connection), wanted, after, bounded(limit)
                )
            )

    def session_totals(self, wanted: SessionFilter = EVERYTHING) -> Totals:
        """Return the totals of what `sessions` lists, all pages of it.

        As settled: debts collected and refunds made later are not in it, nor is carbon.
        """
        by_day = SessionFilter(
            owner_id=wanted.owner_id,
            site_id=wanted.site_id,
            connector_id=wanted.connector_id,
            since=wanted.since,
            until=wanted.until,
        )
        with self._snapshot() as connection:
            if wanted != by_day:
                return outcomes.total_sessions(connection, wanted)
            first, last = money.EVER
            found = money.days_total(
                connection,
                wanted.owner_id,
                None if wanted.site_id is None else (wanted.site_id,),
                first if wanted.since is None else to_day(wanted.since),
                last if wanted.until is None else to_day(wanted.until),
                wanted.connector_id,
            )
            later = dict.fromkeys(("collected", "collected_fee", "refunded", "refunded_fee"), 0)
            carbon = dict.fromkeys(("emitted_g", "avoided_g", "carbon_wh"), 0)
            return replace(found, waived=0, **later, **carbon)

    def session(self, session_id: int) -> SessionDetail | None:
        """Return everything the chain says of one session, None if it says nothing."""
        with self._snapshot() as connection:
            try:
                return sessions.one_session(connection, status_of(connection), session_id)
            except FieldRangeError:
                return None

    def exceptions(
        self, owner_id: int | None = None, since: date | None = None
    ) -> tuple[ReasonCount, ...]:
        """Return how many sessions were not settled, by status and reason, from a day on."""
        with self._snapshot() as connection:
            return outcomes.reason_counts(connection, owner_id, since)

    def batches(self, after: int | None = None, limit: int = 50) -> Page[Batch]:
        """Return batches newest first."""
        with self._snapshot() as connection:
            return Page(
                *sessions.list_batches(connection, status_of(connection), after, bounded(limit))
            )

    def batch(self, batch: int) -> Batch | None:
        """Return one batch by number, None if there is none."""
        with self._snapshot() as connection:
            return sessions.one_batch(connection, status_of(connection), batch)

    # --- now ---

    def status(self) -> Status:
        """Return how far the tables are and whether they may be shown as current."""
        with self._snapshot() as connection:
            return status_of(connection)

    def changes_since(self, change: int, limit: int = live.CHANGES_LIMIT) -> tuple[Change, ...]:
        """Return what changed after `change` (start from `status().change`), oldest first."""
        with self._snapshot() as connection:
            return live.changes_since(connection, change, min(limit, live.CHANGES_LIMIT))

    def utilisation(
        self, owner_id: int | None, now: int, site_id: int | None = None
    ) -> Utilisation:
        """Return what each connector is doing at `now` (UTC seconds), from the signed feed."""
        with self._snapshot() as connection:
            found = places.list_connectors(connection, owner_id, site_id)
            return live.utilisation(connection, found, now)

    # --- what was, by the feed and by session time ---

    def feed_words(
        self, connector_ids: Sequence[int], since: int, until: int
    ) -> tuple[FeedWord, ...]:
        """Return what the feed said of connectors in [since, until), UTC seconds, by connector.

        Each connector's last word before `since` comes first, where there is one.
        """
        with self._snapshot() as connection:
            return history.words(connection, connector_ids, since, until)

    def silences(self, since: int, until: int) -> tuple[Silence, ...]:
        """Return when oracles were not heard within [since, until), UTC seconds."""
        with self._snapshot() as connection:
            return history.silences(connection, since, until)

    def occupied(self, connector_ids: Sequence[int], since: int, until: int) -> dict[int, int]:
        """Return by connector for how long a vehicle was plugged in (s), approximate.

        Of local hours that begin in [since, until); a connector that was not used is left out.
        """
        with self._snapshot() as connection:
            return history.occupied(connection, connector_ids, since, until)

    def durations(self, connector_ids: Sequence[int], since: int, until: int) -> tuple[int, ...]:
        """Return how long vehicles were plugged in (s), sorted, by when sessions began."""
        with self._snapshot() as connection:
            return history.durations(connection, connector_ids, since, until)

    def feed_sources(self) -> tuple[FeedSource, ...]:
        """Return the oracles whose feeds are followed, and how well."""
        with self._snapshot() as connection:
            return live.sources(connection)
