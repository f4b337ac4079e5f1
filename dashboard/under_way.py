"""What only oracles tell of an owner's connectors, read: under way, held back, failed to start."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from dashboard import exceptions
from dashboard.exceptions import ExceptionQuery, Line
from dashboard.formats import zone_of
from dashboard.services import Services
from indexer.read_model import Utilisation

# Failed starts are read from the feed; where no day is asked for, those of so long.
RECENT_DAYS: Final = 30


def waiting(has: Services, now: int, utilisation: Utilisation) -> list[Line]:
    """Return what is open, on its way or held back."""
    connectors = [one.connector for one in utilisation.connectors]
    ends = {(one.station_identity, one.connector_number): one for one in connectors}
    stations = {one.station_identity: one for one in connectors}
    return [
        *exceptions.in_flight(utilisation.connectors),
        *exceptions.on_its_way(has.watch.on_the_way, ends, now),
        *exceptions.held_back(has.watch.held_back, stations),
    ]


def failed_starts(
    has: Services, now: int, utilisation: Utilisation, query: ExceptionQuery
) -> list[Line]:
    """Return failed starts of the days asked for, at most the newest thousand."""
    places = {one.connector.connector_id: one.connector for one in utilisation.connectors}
    since, until = _span(query, now)
    found = has.model.failed_starts(list(places), since, until)
    return [line for line in exceptions.failed(found, places) if query.holds(line)]


def _span(query: ExceptionQuery, now: int) -> tuple[int, int]:
    """Return what of the feed to read: the days, and one on either side for time zones."""
    utc = zone_of("UTC")
    today, day = datetime.fromtimestamp(now, utc).date(), timedelta(days=1)

    def midnight(one: date) -> int:
        return int(datetime.combine(one, time(), utc).timestamp())

    since = query.since or today - RECENT_DAYS * day
    return midnight(since - day), midnight((query.until or today) + 2 * day)


def off_chain(
    has: Services, now: int, utilisation: Utilisation, query: ExceptionQuery
) -> list[Line]:
    """Return all of it within a site and days, newest first, of every kind."""
    lines = [line for line in waiting(has, now, utilisation) if query.holds(line)]
    return exceptions.newest_first([*lines, *failed_starts(has, now, utilisation, query)])
