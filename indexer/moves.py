"""Logs that move money beside settlement: each its row, its entry in the books, its sums.

Debts collected, refunds, disputes, payouts, budgets. Everything that is not here is
stored as it is logged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Table

from chargecoin.record import split_session_id
from indexer import schema
from indexer.books import Books
from indexer.ledger import Ledger, MissingLogsError
from indexer.rollups import Deltas
from indexer.rows import CollectionRow, RefundRow

# Row id, transaction hash, block time.
At = tuple[int, bytes, int]
Handler = Callable[[At, list[Any]], None]


class Sink(Protocol):
    """Where rows and sums go."""

    deltas: Deltas

    def add(self, table: Table, row: tuple[Any, ...]) -> None:
        """Take a row, in the table's column order."""

    def extend(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take rows, in the table's column order."""


class Moves:
    """Handles the logs that move money, of one transaction of the database."""

    def __init__(self, ledger: Ledger, sink: Sink, books: Books) -> None:
        """Look things up in `ledger`, write to `sink` and `books`."""
        self._ledger = ledger
        self._sink = sink
        self._books = books
        self._handlers: Final[dict[str, Handler]] = {
            schema.collections.name: self._collected,
            schema.refunds.name: self._refunded,
            schema.fees_returned.name: self._fee_returned,
            schema.disputes.name: self._dispute_opened,
            schema.dispute_closings.name: self._dispute_closed,
            schema.accrual_withdrawals.name: self._withdrawn,
            schema.payouts.name: self._paid_out,
            schema.campaign_connectors.name: self._enrolled,
            schema.budget_fundings.name: self._funded,
            schema.budget_releases.name: self._released,
        }

    def take(self, table: Table, at: At, values: list[Any]) -> bool:
        """Store what was logged for a table; false if it moves no money and was not stored."""
        if table is not schema.dispute_closings:
            self._books.finish()
        handler = self._handlers.get(table.name)
        if handler is None:
            return False
        handler(at, values)
        return True

    def _store(self, table: Table, at: At, *values: Any) -> None:
        self._sink.add(table, (at[0], *values, at[1]))

    # --- adjustments ---

    def _collected(self, at: At, values: list[Any]) -> None:
        session, account, owner_id, amount, fee = values
        connector_id, sequence = split_session_id(session)
        place = self._ledger.place(connector_id)
        row = CollectionRow(
            at[0],
            connector_id,
            sequence,
            owner_id,
            place.site_id,
            account,
            at[2],
            place.local.day(at[2]),
            amount,
            fee,
            at[1],
        )
        self._sink.add(schema.collections, row)
        self._sink.deltas.add_collection(row, place.local)
        self._books.collected(row)

    def _refunded(self, at: At, values: list[Any]) -> None:
        session, account, owner_id, dispute, waived, to_payer, to_campaign, fee_back, reason = (
            values
        )
        connector_id, sequence = split_session_id(session)
        place = self._ledger.place(connector_id)
        campaign_id = self._ledger.campaign_of(connector_id, sequence)
        if campaign_id is None:
            raise MissingLogsError(f"session {session:#x} is refunded and was never settled", 0)
        row = RefundRow(
            at[0],
            connector_id,
            sequence,
            owner_id,
            place.site_id,
            campaign_id,
            account,
            at[2],
            place.local.day(at[2]),
            dispute,
            waived,
            to_payer,
            to_campaign,
            fee_back,
            reason,
            at[1],
        )
        self._sink.add(schema.refunds, row)
        self._sink.deltas.add_refund(row, place.local)
        self._books.refunded(row)

    def _fee_returned(self, at: At, values: list[Any]) -> None:
        owner_id, amount = values
        self._store(schema.fees_returned, at, *values)
        self._books.fee_returned(at[:2], owner_id, amount)

    def _dispute_opened(self, at: At, values: list[Any]) -> None:
        dispute, session, account, owner_id, amount, hold, bond, *rest = values
        place = split_session_id(session)
        self._store(
            schema.disputes, at, dispute, *place, account, owner_id, amount, hold, bond, *rest
        )
        self._books.dispute_opened(at[:2], dispute, owner_id, hold, bond)

    def _dispute_closed(self, at: At, values: list[Any]) -> None:
        dispute, session, result, refunded, released, bond = values
        place = split_session_id(session)
        self._store(schema.dispute_closings, at, dispute, *place, result, refunded, released, bond)
        self._books.dispute_closed(at[:2], dispute, refunded, bond)

    # --- payouts ---

    def _withdrawn(self, at: At, values: list[Any]) -> None:
        owner_id, _, amount = values
        self._store(schema.accrual_withdrawals, at, *values)
        self._books.paid_out(at[:2], owner_id, amount, "withdrawn")

    def _paid_out(self, at: At, values: list[Any]) -> None:
        owner_id, _, amount, _ = values
        self._store(schema.payouts, at, *values)
        self._books.paid_out(at[:2], owner_id, amount, "paid_out")

    # --- campaigns ---

    def _enrolled(self, at: At, values: list[Any]) -> None:
        campaign_id, connectors = values
        for connector_id in sorted(set(connectors)):
            self._store(schema.campaign_connectors, at, connector_id, campaign_id)

    def _funded(self, at: At, values: list[Any]) -> None:
        campaign_id, _, amount = values
        self._store(schema.budget_fundings, at, *values)
        self._books.funded(at[:2], campaign_id, amount)

    def _released(self, at: At, values: list[Any]) -> None:
        campaign_id, _, amount = values
        self._store(schema.budget_releases, at, *values)
        self._books.released(at[:2], campaign_id, amount)
