"""The part of the read model that is about money beside settlement.

Statements, payouts, refunds, disputes, campaigns, fees and rewards. Pages use it through
`indexer.read_model.ReadModel`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date
from typing import Final, Self

from sqlalchemy import Connection, Engine

from chargecoin.record import split_session_id
from indexer.database import snapshot
from indexer.figures import Page, Payout, Status, Tariff
from indexer.money_figures import (
    Booking,
    BudgetEntry,
    Campaign,
    CampaignDay,
    CampaignPlace,
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
)
from indexer.queries import (
    bookings,
    books,
    campaign_sessions,
    campaigns,
    live,
    places,
    spans,
)
from indexer.queries.kept import Kept

MAX_PAGE: Final = 1_000
NOT_STARTED: Final = Status(
    chain_id=0,
    number=0,
    hash="0x",
    timestamp=0,
    head_number=0,
    safe_number=0,
    final_number=0,
    state="backfill",
    detail="the indexer has not stored a block yet",
    reorgs=0,
    deepest_reorg=0,
    change=0,
)


def status_of(connection: Connection) -> Status:
    """Return how far the tables are."""
    return live.status(connection) or NOT_STARTED


def bounded(limit: int) -> int:
    """Return how many rows a page may have of those asked for."""
    return max(1, min(limit, MAX_PAGE))


class MoneyReads:
    """Questions about money beside settlement."""

    def __init__(
        self, engine: Engine, held: Connection | None = None, kept: Kept | None = None
    ) -> None:
        """Read from a database that `indexer.database` opened, or `held`, a transaction of it."""
        self._engine = engine
        self._held = held
        self._kept = Kept() if kept is None else kept

    def _snapshot(self) -> AbstractContextManager[Connection]:
        return snapshot(self._engine) if self._held is None else nullcontext(self._held)

    @contextmanager
    def at_once(self) -> Iterator[Self]:
        """Yield this model, answering everything from the same state, in one transaction.

        For a page of many figures: they agree with each other. One thread at a time may ask it.
        """
        with self._snapshot() as connection:
            yield type(self)(self._engine, connection, self._kept)

    # --- an owner's money ---

    def statement(
        self,
        owner_id: int,
        after: int | None = None,
        limit: int = 50,
        kinds: Sequence[EntryKind] = (),
        times: tuple[int, int] | None = None,
    ) -> Page[Entry]:
        """Return what changed an owner's accrual, with its running balance, newest first.

        `kinds` narrows it, and `times`, [from, to) in UTC seconds of the block.
        """
        with self._snapshot() as connection:
            status = status_of(connection)
            found = books.statement(
                connection, status, owner_id, after, bounded(limit), kinds, times
            )
            return Page(*found)

    def span(self, owner_id: int, times: tuple[int, int]) -> Span:
        """Return an owner's accrual over blocks with a time in [from, to), UTC seconds.

        Of entries that are final only.
        """
        with self._snapshot() as connection:
            low, high = places.ids_within(connection, times)
            final = spans.final_below(status_of(connection))
            return spans.span(connection, owner_id, low, high, final)

    def span_entries(
        self, owner_id: int, keys: tuple[int, int], after: int | None = None, limit: int = 50
    ) -> Page[Entry]:
        """Return the entries of a span, oldest first."""
        with self._snapshot() as connection:
            status = status_of(connection)
            return Page(*spans.entries(connection, status, owner_id, keys, after, bounded(limit)))

    def payout(self, owner_id: int, transaction: str) -> tuple[Payout, Span] | None:
        """Return what a transaction paid an owner, and the span that it ends.

        That began after the payout before it, and holds what the payout is made of. None if
        the transaction paid the owner nothing.
        """
        with self._snapshot() as connection:
            return spans.payout(
                connection, status_of(connection), owner_id, bytes.fromhex(transaction[2:])
            )

    def payouts(self, owner_id: int, after: int | None = None, limit: int = 50) -> Page[Payout]:
        """Return what left an owner's accrual for it, newest first."""
        with self._snapshot() as connection:
            status = status_of(connection)
            return Page(*books.list_payouts(connection, status, owner_id, after, bounded(limit)))

    def payout_failures(self, owner_id: int, limit: int = 50) -> tuple[PayoutFailure, ...]:
        """Return an owner's payouts that the token refused, newest first."""
        with self._snapshot() as connection:
            status = status_of(connection)
            return books.list_failures(connection, status, owner_id, bounded(limit))

    def payout_plan(self, owner_id: int, now: int) -> PayoutPlan:
        """Return when and where an owner is paid at `now`, UTC seconds."""
        with self._snapshot() as connection:
            return books.plan(connection, owner_id, now)

    def refunds(
        self,
        owner_id: int | None = None,
        session_id: int | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> Page[Refund]:
        """Return refunds newest first: all, an owner's, or a session's."""
        with self._snapshot() as connection:
            status = status_of(connection)
            found = books.list_refunds(
                connection, status, owner_id, session_id, after, bounded(limit)
            )
            return Page(*found)

    def disputes(
        self,
        owner_id: int | None = None,
        account: int | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> Page[Dispute]:
        """Return disputes newest first: all, with an owner, or of a payer's account."""
        wanted = {"owner_id": owner_id, "account": account}
        where = {name: value for name, value in wanted.items() if value is not None}
        with self._snapshot() as connection:
            status = status_of(connection)
            return Page(*books.list_disputes(connection, status, where, after, bounded(limit)))

    def dispute(self, dispute: int) -> Dispute | None:
        """Return one dispute by number, None if there is none."""
        with self._snapshot() as connection:
            status = status_of(connection)
            found, _ = books.list_disputes(connection, status, {"dispute": dispute}, None, 1)
            return found[0] if found else None

    def dispute_of(self, session_id: int) -> Dispute | None:
        """Return the dispute of a session, None if there was none: it is disputed once."""
        connector_id, sequence = split_session_id(session_id)
        where = {"connector_id": connector_id, "sequence": sequence}
        with self._snapshot() as connection:
            status = status_of(connection)
            found, _ = books.list_disputes(connection, status, where, None, 1)
            return found[0] if found else None

    def paused_until(self) -> int:
        """Return the end of settlement's last pause, UTC seconds, as its contract tells it."""
        with self._snapshot() as connection:
            return books.paused_until(connection)

    def open_disputes(self, owner_id: int) -> tuple[int, int]:
        """Return how many disputes with an owner are open, and what is put aside for all."""
        with self._snapshot() as connection:
            return books.open_disputes(connection, owner_id)

    # --- campaigns ---

    def campaigns(
        self, owner_id: int | None = None, running_at: int | None = None
    ) -> tuple[Campaign, ...]:
        """Return campaigns by id: all, or an owner's (0: sponsors').

        With `running_at`, UTC seconds, only those within their time then, closed or paused ones
        too.
        """
        with self._snapshot() as connection:
            return campaigns.list_campaigns(
                connection, status_of(connection), owner_id, running_at=running_at
            )

    def campaign(self, campaign_id: int) -> Campaign | None:
        """Return one campaign, None if there is none of that id."""
        with self._snapshot() as connection:
            status = status_of(connection)
            found = campaigns.list_campaigns(connection, status, campaign_id=campaign_id)
            return found[0] if found else None

    def campaigns_of(self, creator: str) -> tuple[Campaign, ...]:
        """Return the campaigns that an address created, by id."""
        with self._snapshot() as connection:
            return campaigns.list_campaigns(connection, status_of(connection), creator=creator)

    def sponsored_campaigns(self, connector_ids: Sequence[int]) -> tuple[Campaign, ...]:
        """Return sponsors' campaigns that hold at any of some connectors, by id."""
        with self._snapshot() as connection:
            return campaigns.list_sponsored(connection, status_of(connection), connector_ids)

    def campaign_places(self, campaign_id: int) -> tuple[CampaignPlace, ...]:
        """Return a campaign's sums by site."""
        with self._snapshot() as connection:
            return campaigns.list_places(connection, campaign_id)

    def campaign_funders(self, campaign_id: int) -> tuple[Funder, ...]:
        """Return who put something into a campaign's budget, in the order of their first time."""
        with self._snapshot() as connection:
            return campaigns.list_funders(connection, campaign_id)

    def campaign_costs(
        self, campaign_id: int, since: int, until: int
    ) -> tuple[tuple[int, int, int], ...]:
        """Return (connector, start, what was taken off) of what began in [since, until)."""
        with self._snapshot() as connection:
            return campaign_sessions.costs(connection, campaign_id, since, until)

    def past_sessions(self, connector_ids: Sequence[int], since: int) -> tuple[PastSession, ...]:
        """Return sessions with a payer that started from `since` on, oldest first."""
        with self._snapshot() as connection:
            return campaign_sessions.past_sessions(connection, connector_ids, since)

    def priced_since(self, connector_ids: Sequence[int]) -> int | None:
        """Return when the last of some connectors got its first tariff, None where one has none."""
        with self._snapshot() as connection:
            return campaign_sessions.priced_since(connection, connector_ids)

    def campaign_days(self, campaign_id: int) -> tuple[CampaignDay, ...]:
        """Return a campaign's sums by settlement day (days since 1970), oldest first."""
        with self._snapshot() as connection:
            return campaigns.list_days(connection, campaign_id)

    def campaign_entries(
        self, campaign_id: int, after: int | None = None, limit: int = 50
    ) -> Page[BudgetEntry]:
        """Return the changes of a campaign's budget, newest first."""
        with self._snapshot() as connection:
            status = status_of(connection)
            found = campaigns.list_entries(connection, status, campaign_id, after, bounded(limit))
            return Page(*found)

    # --- fees and rewards ---

    def bookings(
        self, owner_id: int, since: date, until: date, site_id: int | None = None
    ) -> tuple[Booking, ...]:
        """Return what was credited and given back on settlement days `since` to `until`.

        Sessions without a payer and rejected ones are left out: they moved nothing.
        """
        with self._snapshot() as connection:
            return bookings.list_bookings(
                connection, owner_id, days=(since, until), site_id=site_id
            )

    def session_bookings(
        self, owner_id: int, connector_id: int, sequence: int
    ) -> tuple[Booking, ...]:
        """Return what was credited and given back for one session."""
        with self._snapshot() as connection:
            return bookings.list_bookings(connection, owner_id, session=(connector_id, sequence))

    def routed_fees(self) -> RoutedFees:
        """Return where the protocol fee went, of all time."""
        with self._snapshot() as connection:
            charged = self._kept.answer(
                connection, "charged", campaigns.CHARGES, lambda: campaigns.charged(connection)
            )
            return campaigns.routed(connection, charged)

    def reward_epochs(self, kind: int) -> tuple[RewardEpoch, ...]:
        """Return the reward epochs of drivers (1) or stations (2) with funds, newest first."""
        with self._snapshot() as connection:
            return self._kept.answer(
                connection,
                ("epochs", kind),
                campaigns.REWARDS,
                lambda: campaigns.list_epochs(connection, kind),
            )

    def reward_epoch(self, kind: int, epoch: int) -> RewardEpoch | None:
        """Return one epoch of the rewards of drivers (1) or stations (2), None without funds."""
        with self._snapshot() as connection:
            found = campaigns.list_epochs(connection, kind, epoch)
        return found[0] if found else None

    def reward_claims(self, kind: int, recipient: int) -> tuple[RewardClaim, ...]:
        """Return the rewards paid to a vault account (kind 1) or an owner (2), newest first."""
        with self._snapshot() as connection:
            return campaigns.list_claims(connection, status_of(connection), kind, recipient)

    # --- tariffs ---

    def tariff_at(self, connector_id: int, at: int) -> Tariff | None:
        """Return the tariff that is in force at a connector at `at`, None if there is none."""
        with self._snapshot() as connection:
            return places.tariff_at(connection, status_of(connection), connector_id, at)
