"""The part of the read model that carbon is reported from.

Pages use it through `indexer.read_model.ReadModel`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from indexer.figures import Page, Status
from indexer.queries import charged
from indexer.queries.charged import ChargedSession
from indexer.read_money import MoneyReads, bounded, status_of
from indexer.session_figures import SessionFilter


class CarbonReads(MoneyReads):
    """Questions about the energy that was delivered."""

    def charged_sessions(
        self,
        wanted: SessionFilter,
        connector_ids: Sequence[int] | None = None,
        after: int | None = None,
        limit: int = 1_000,
    ) -> Page[ChargedSession]:
        """Return sessions oldest first, at most 1,000 at a time, but for rejected ones.

        `connector_ids` narrows them to some connectors.
        """
        with self._snapshot() as connection:
            return Page(
                *charged.list_charged(connection, wanted, connector_ids, after, bounded(limit))
            )

    def energy_by_site_month(
        self, owner_id: int, since: date, until: date
    ) -> tuple[Status, dict[tuple[int, int, int], int]]:
        """Return the energy (Wh) settled on days `since` to `until` by (site, year, month).

        And how far the tables were when it was read: later sessions are not in it.
        """
        with self._snapshot() as connection:
            found = charged.site_months(connection, owner_id, since, until)
            return status_of(connection), found
