"""The part of the read model that carbon is reported from.

Pages use it through `indexer.read_model.ReadModel`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from indexer.figures import Page, Status
from indexer.queries import charged
from indexer.queries.charged import ChargedSession, Delivery
from indexer.read_money import MAX_PAGE, MoneyReads, bounded, status_of
from indexer.session_figures import SessionFilter


class CarbonReads(MoneyReads):
    """Questions about the energy that was delivered."""

    def charged_sessions(
        self,
        wanted: SessionFilter,
        connector_ids: Sequence[int] | None,
        block: int,
        after: int | None = None,
        limit: int = MAX_PAGE,
    ) -> Page[ChargedSession]:
        """Return sessions up to a block, oldest first, at most 1,000 at a time; no rejected ones.

        `connector_ids` narrows them to some connectors.
        """
        with self._snapshot() as connection:
            found = charged.list_charged(
                connection, wanted, connector_ids, block, after, bounded(limit)
            )
        return Page(*found)

    def deliveries(
        self,
        wanted: SessionFilter,
        connector_ids: Sequence[int] | None,
        block: int,
        after: int | None = None,
        limit: int = MAX_PAGE,
    ) -> Page[Delivery]:
        """Return what the sessions of `charged_sessions` delivered, at most 1,000 at a time."""
        with self._snapshot() as connection:
            found = charged.list_deliveries(
                connection, wanted, connector_ids, block, after, bounded(limit)
            )
        return Page(*found)

    def energy_by_site_month(
        self, owner_id: int, since: date, until: date
    ) -> tuple[Status, dict[tuple[int, int, int], int]]:
        """Return the energy (Wh) settled on days `since` to `until` by (site, year, month).

        And how far the tables were when it was read: later sessions are not in it.
        """
        with self._snapshot() as connection:
            found = charged.site_months(connection, owner_id, since, until)
            return status_of(connection), found
