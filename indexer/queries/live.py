"""How far the tables are, what changed, and what the operational feed says now."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from indexer.database import asked_once
from indexer.figures import Change, Connector, Status
from indexer.live_figures import USES, ConnectorState, FeedSource, Use, Utilisation
from indexer.schema import changes, connector_states, cursor, feed_sources

SILENCE_S: Final = 900
CHANGES_LIMIT: Final = 500

# OCPP 1.6, ChargePointStatus (section 7.7), and `Offline`: the charge point's connection is gone.
_USE: Final[dict[str, Use]] = {
    "Available": "free",
    "Preparing": "in_use",
    "Charging": "in_use",
    "SuspendedEV": "in_use",
    "SuspendedEVSE": "in_use",
    "Finishing": "in_use",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
    "Offline": "offline",
}


@asked_once
def status(connection: Connection) -> Status | None:
    """Return the cursor; None before the first block is indexed."""
    newest = select(func.max(changes.c.id)).scalar_subquery()
    row = connection.execute(select(cursor, newest.label("newest"))).one_or_none()
    if row is None:
        return None
    return Status(
        chain_id=row.chain_id,
        number=row.number,
        hash="0x" + row.hash.hex(),
        timestamp=row.timestamp,
        head_number=row.head_number,
        safe_number=row.safe_number,
        final_number=row.final_number,
        state=row.state,
        detail=row.detail,
        reorgs=row.reorgs,
        deepest_reorg=row.deepest_reorg,
        change=row.newest or 0,
    )


def changes_since(connection: Connection, change: int, limit: int) -> tuple[Change, ...]:
    """Return what changed after `change`, oldest first."""
    found = connection.execute(
        select(changes).where(changes.c.id > change).order_by(changes.c.id).limit(limit)
    )
    return tuple(Change(row.id, row.kind, row.owner_id, row.block_number) for row in found)


@asked_once
def sources(connection: Connection) -> tuple[FeedSource, ...]:
    """Return the oracles whose feeds are followed."""
    found = connection.execute(select(feed_sources).order_by(feed_sources.c.oracle))
    return tuple(FeedSource(**row._mapping) for row in found)  # noqa: SLF001 -- its public face


def utilisation(connection: Connection, connectors: tuple[Connector, ...], now: int) -> Utilisation:
    """Return what each connector is doing at `now`, by the newest signed word on it."""
    wanted = [connector.connector_id for connector in connectors]
    heard = {source.oracle: source for source in sources(connection)}
    words: dict[int, Row[Any]] = {}
    for first in range(0, len(wanted), 500):
        found = connection.execute(
            select(connector_states).where(
                connector_states.c.connector_id.in_(wanted[first : first + 500])
            )
        )
        words.update((row.connector_id, row) for row in found)
    states = tuple(_state(connector, words, heard, now) for connector in connectors)
    counts = dict.fromkeys(USES, 0)
    for state in states:
        counts[state.use] += 1
    return Utilisation(
        counts=counts,
        connectors=states,
        heard_at=max((source.heard_at for source in heard.values()), default=None),
    )


def _state(
    connector: Connector, words: dict[int, Row[Any]], heard: dict[str, FeedSource], now: int
) -> ConnectorState:
    word = words.get(connector.connector_id)
    if word is None:
        return ConnectorState(
            connector, "unknown", None, "", None, None, None, None, None, None, None
        )
    source = heard[word.oracle]
    silence = max(0, now - source.heard_at)
    holds = word.whole and word.epoch == source.epoch and silence <= SILENCE_S
    return ConnectorState(
        connector=connector,
        use=_USE.get(word.status, "unknown") if holds else "unknown",
        status=word.status,
        error_code=word.error_code,
        since=word.since,
        at=word.at,
        age_s=max(0, now - word.at),
        silence_s=silence,
        energy_wh=word.energy_wh,
        session=word.session,
        oracle=word.oracle,
    )
