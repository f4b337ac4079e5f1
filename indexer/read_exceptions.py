"""The part of the read model that is about sessions that are not simply settled."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.exception_figures import (
    ExceptionFilter,
    ExceptionKind,
    FailedStart,
    SessionException,
    SignedWord,
)
from indexer.figures import Page
from indexer.queries import exceptions
from indexer.read_money import MoneyReads, bounded, status_of


class ExceptionReads(MoneyReads):
    """Questions about exceptions."""

    def session_exceptions(
        self, wanted: ExceptionFilter, after: int | None = None, limit: int = 50
    ) -> Page[SessionException]:
        """Return what happened to sessions besides being settled, newest first."""
        with self._snapshot() as connection:
            status = status_of(connection)
            found = exceptions.list_exceptions(connection, status, wanted, after, bounded(limit))
            return Page(*found)

    def exception_counts(
        self, wanted: Sequence[ExceptionFilter]
    ) -> tuple[tuple[ExceptionKind | None, int], ...]:
        """Return how many there are of each filter; `COUNTED` + 1 stands for more."""
        with self._snapshot() as connection:
            return tuple((one.kind, exceptions.count_exceptions(connection, one)) for one in wanted)

    def signed_words(
        self,
        connector_id: int,
        since: int,
        until: int,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[tuple[SignedWord, ...], str | None]:
        """Return what oracles signed of a connector in [since, until), UTC seconds, newest first.

        The second is what continues it, None at its end.
        """
        with self._snapshot() as connection:
            return exceptions.list_signed_words(
                connection, connector_id, since, until, after, bounded(limit)
            )

    def failed_starts(
        self, connector_ids: Sequence[int], since: int, until: int, limit: int = 1_000
    ) -> tuple[FailedStart, ...]:
        """Return failed starts in [since, until), UTC seconds, newest first, from the feed."""
        with self._snapshot() as connection:
            return exceptions.list_failed_starts(
                connection, connector_ids, since, until, bounded(limit)
            )
