"""From rows to sums: what one session or collection adds to each rollup. Pure.

Undoing a row adds the same with the other sign, so a rollup is at all times the
sum over the rows there are, whatever came and went in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, TypeVar

from chargecoin.carbon import avoided_g, emitted_g
from chargecoin.record import OutcomeFlag, Reason, Status
from indexer.hours import LocalTime
from indexer.rows import CollectionRow, SessionRow
from indexer.schema import SETTLEMENT_SUMS

Key = TypeVar("Key", bound=tuple[int, ...])
Sums = tuple[int, ...]
# (owner_id, hour or day, connector_id, site_id) and (connector_id, hour).
SettlementKey = tuple[int, int, int, int]
HourKey = tuple[int, int]

_REJECTED: Final = int(Status.REJECTED)
_UNFUNDED: Final = int(Status.UNFUNDED)
_NO_PAYER: Final = int(Reason.NO_PAYER)
_CLAMPED: Final = int(OutcomeFlag.CLAMPED)
_REJECTED_SUMS: Final = tuple(int(name in {"rejected", "parts"}) for name in SETTLEMENT_SUMS)


def settlement_sums(session: SessionRow) -> Sums:
    """Return what a session adds to its settlement hour and day, in order of `SETTLEMENT_SUMS`.

    A rejected session is counted and nothing else: its fields may say anything.
    """
    if session.status == _REJECTED:
        return _REJECTED_SUMS
    energy = session.energy_wh
    assurance = session.assurance
    emitted = emitted_g(energy, session.grid_gco2e_per_kwh)
    avoided = avoided_g(energy, session.grid_gco2e_per_kwh)
    return (
        1,
        int(session.status == _UNFUNDED),
        0,
        session.flags & _CLAMPED,
        int(assurance == 1),
        int(assurance == 2),
        int(assurance == 3),
        energy,
        energy if assurance == 3 else 0,
        session.gross,
        session.paid,
        session.campaign_paid,
        session.fee,
        session.debt,
        session.gross if session.reason == _NO_PAYER else 0,
        0,
        0,
        emitted or 0,
        avoided or 0,
        0 if emitted is None else energy,
        1,
    )


def collection_sums(collection: CollectionRow) -> Sums:
    """Return what a collected debt adds to the hour and day of its collection."""
    values = {"collected": collection.amount, "collected_fee": collection.fee, "parts": 1}
    return tuple(values.get(name, 0) for name in SETTLEMENT_SUMS)


def apportion(total: int, weights: Iterable[int], weight: int) -> list[int]:
    """Split an integer by weights that sum to `weight`, without losing or inventing any of it.

    Each part is the difference of two floors of the cumulative share, so parts are
    within one of exact and sum to `total`, also where it is negative.
    """
    parts = []
    done = cumulative = 0
    for one in weights:
        cumulative += one
        upto = total * cumulative // weight
        parts.append(upto - done)
        done = upto
    return parts


def overlap(low: int, high: int, since: int, until: int) -> int:
    """Return how many seconds [low, high) and [since, until) share."""
    return max(0, min(high, until) - max(low, since))


def hour_sums(session: SessionRow, local: LocalTime) -> list[tuple[int, Sums]]:
    """Return what a session adds to each local hour that it covers, in order of `HOUR_SUMS`.

    Seconds are exact under one assumption, that the vehicle charges first and idles
    at the end; energy, money and carbon are spread evenly over the charging seconds
    (over the occupied ones where there are none), which is why pages mark these
    figures as approximate. The session itself is counted in the hour it starts in.
    """
    if session.status == _REJECTED:
        return []
    start = session.started_at
    end = start + session.duration_s
    idle_from = end - min(session.idle_s, session.duration_s)
    avoided = avoided_g(session.energy_wh, session.grid_gco2e_per_kwh) or 0
    net = session.paid + session.campaign_paid - session.fee
    amounts = (session.energy_wh, session.gross, net, session.fee, session.campaign_paid, avoided)
    hour = local.hour(start)
    boundary = local.next_hour(start)
    if end <= boundary:
        return [(hour, (1, *amounts, end - start, idle_from - start, end - idle_from, 1))]

    hours = [hour]
    edges = [start]
    while boundary < end:
        hours.append(boundary)
        edges.append(boundary)
        boundary = local.next_hour(boundary)
    edges.append(end)
    spans = list(pairwise(edges))
    charging = [overlap(low, high, start, idle_from) for low, high in spans]
    weights = charging if idle_from > start else [high - low for low, high in spans]
    weight = sum(weights)
    shares = zip(*(apportion(amount, weights, weight) for amount in amounts), strict=True)
    return [
        (hour, (int(low == start), *share, high - low, charged, high - low - charged, 1))
        for hour, (low, high), charged, share in zip(hours, spans, charging, shares, strict=True)
    ]


class Deltas:
    """Sums to add to the rollup tables, gathered over the rows of one transaction."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.settlement_hours: dict[SettlementKey, list[int]] = {}
        self.connector_hours: dict[HourKey, list[int]] = {}
        # The local day of each key of `settlement_hours`.
        self._days: dict[SettlementKey, int] = {}

    def add_session(self, session: SessionRow, local: LocalTime, sign: int = 1) -> None:
        """Add a session, or take it away with sign −1."""
        self._add_settlement(session, local, settlement_sums(session), sign)
        for hour, sums in hour_sums(session, local):
            _add(self.connector_hours, (session.connector_id, hour), sums, sign)

    def add_collection(self, collection: CollectionRow, local: LocalTime, sign: int = 1) -> None:
        """Add a collection, or take it away with sign −1."""
        self._add_settlement(collection, local, collection_sums(collection), sign)

    def settlement_days(self) -> dict[SettlementKey, list[int]]:
        """Return the settlement hours summed to local days."""
        found: dict[SettlementKey, list[int]] = {}
        for key, sums in self.settlement_hours.items():
            owner_id, _, connector_id, site_id = key
            _add(found, (owner_id, self._days[key], connector_id, site_id), sums, 1)
        return found

    def _add_settlement(
        self, row: SessionRow | CollectionRow, local: LocalTime, sums: Sums, sign: int
    ) -> None:
        key = (row.owner_id, local.hour(row.settled_at), row.connector_id, row.site_id)
        _add(self.settlement_hours, key, sums, sign)
        self._days[key] = row.settled_day


def _add(target: dict[Key, list[int]], key: Key, sums: Sequence[int], sign: int) -> None:
    found = target.get(key)
    if found is None:
        target[key] = [sign * value for value in sums]
    else:
        for position, value in enumerate(sums):
            if value:
                found[position] += sign * value
