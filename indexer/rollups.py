"""From rows to sums: what sessions, collections and refunds add to each rollup. Pure.

Undoing a row adds the same with the other sign, so a rollup is at all times the
sum over the rows there are, whatever came and went in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import add, neg
from typing import Any, Final, TypeVar

import numpy as np

from chargecoin.carbon import BASELINE, grams
from chargecoin.record import GRID_UNKNOWN, Status
from indexer.columns import Array, Key, SessionColumns, grouped
from indexer.hours import DAY_S, LocalTime
from indexer.rows import CollectionRow, RefundRow
from indexer.sums import (
    Sums,
    campaign_sums,
    collection_sums,
    outcome_sums,
    refund_sums,
    returned_sums,
    settlement_sums,
)

# (owner_id, hour or day, connector_id, site_id), (connector_id, hour) and
# (campaign_id, day, connector_id, owner_id, site_id).
SettlementKey = tuple[int, int, int, int]
HourKey = tuple[int, int]
CampaignKey = tuple[int, int, int, int, int]
# Owner, day, site, status, reason and assurance.
OutcomeKey = tuple[int, int, int, int, int, int]
K = TypeVar("K", bound=tuple[int, ...])

_REJECTED: Final = int(Status.REJECTED)


def hour_sums(sessions: SessionColumns, local: LocalTime) -> Iterator[tuple[Key, Sums]]:
    """Yield (connector, local hour) and what sessions add to it, in order of `HOUR_SUMS`.

    The sessions are of one time zone, and each is spread over the hours that it covers.
    Seconds are exact under one assumption, that the vehicle charges first and idles
    at the end; energy, money and carbon are spread evenly over the charging seconds
    (over the occupied ones where there are none), which is why pages mark these
    figures as approximate. The session itself is counted in the hour it starts in.

    Nothing is lost or invented in the split: an hour's part is the difference of the
    floors of two cumulative shares, so parts are within one of exact and add up.
    """
    those = sessions.where(sessions.status != _REJECTED)
    if not len(those.id):
        return
    start, duration = those.started_at, those.duration_s
    end = start + duration
    charging = duration - np.minimum(those.idle_s, duration)
    hours, first, count = _hours_of(start, end, local)

    # From here on an element is a session in an hour, `of` says which session.
    of = np.repeat(np.arange(len(start)), count)
    step = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    hour = hours[first[of] + step]
    begins = step == 0
    ends = step == count[of] - 1
    low = np.where(begins, start[of], hour)
    high = np.where(ends, end[of], hours[np.minimum(first[of] + step + 1, len(hours) - 1)])
    charged_until = (start + charging)[of]
    occupied = high - low
    charged = np.maximum(0, np.minimum(high, charged_until) - low)

    weight = np.where(charging > 0, charging, duration)
    spread_until = (start + weight)[of]
    # A session of no time at all is all in its hour.
    whole = np.maximum(weight, 1)[of]
    share = np.where(ends, whole, np.minimum(high, spread_until) - start[of])
    before = np.where(begins, 0, np.minimum(low, spread_until) - start[of])

    def spread(values: Array) -> Array:
        each = values[of]
        found: Array = each * share // whole - each * before // whole
        return found

    grid = those.grid_gco2e_per_kwh
    avoided = grams(those.energy_wh * (grid != GRID_UNKNOWN), BASELINE.g_per_kwh - grid)
    one = np.ones_like(of)
    yield from grouped(
        (those.connector_id[of], hour),
        (
            begins * one,
            spread(those.energy_wh),
            spread(those.gross),
            spread(those.paid + those.campaign_paid - those.fee),
            spread(those.fee),
            spread(those.campaign_paid),
            spread(avoided),
            occupied,
            charged,
            occupied - charged,
            one,
        ),
    )


def _hours_of(start: Array, end: Array, local: LocalTime) -> tuple[Array, Array, Array]:
    """Return local hours in order, and of each session the first one and how many it touches."""
    low, high = start // DAY_S - 1, end // DAY_S
    days = np.unique(
        np.concatenate(
            [np.minimum(low + more, high) for more in range(int((high - low).max()) + 1)]
        )
    )
    hours = np.array(local.hours_of_days(days.tolist()), dtype=np.int64)
    first = np.searchsorted(hours, start, side="right") - 1
    return hours, first, np.maximum(np.searchsorted(hours, end, side="left") - first, 1)


class Deltas:
    """Sums to add to the rollup tables, gathered over the rows of one transaction."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.settlement_hours: dict[SettlementKey, Sums] = {}
        self.settlement_days: dict[SettlementKey, Sums] = {}
        self.connector_hours: dict[HourKey, Sums] = {}
        self.campaign_days: dict[CampaignKey, Sums] = {}
        self.outcome_days: dict[OutcomeKey, Sums] = {}

    def add_sessions(
        self, sessions: SessionColumns, local_of: Callable[[int], LocalTime], sign: int = 1
    ) -> None:
        """Add sessions, or take them away with sign −1; `local_of` is a connector's local time."""
        zones: dict[LocalTime, list[int]] = {}
        for connector_id in np.unique(sessions.connector_id).tolist():
            zones.setdefault(local_of(connector_id), []).append(connector_id)
        for local, connectors in zones.items():
            those = sessions.where(np.isin(sessions.connector_id, connectors))
            _add_all(self.connector_hours, hour_sums(those, local), sign)
            hours = {at: local.hour(at) for at in np.unique(those.settled_at).tolist()}
            hour = np.array([hours[at] for at in those.settled_at.tolist()], dtype=np.int64)
            sums = settlement_sums(those)
            for days, period in (
                (self.settlement_hours, hour),
                (self.settlement_days, those.settled_day),
            ):
                key = (those.owner_id, period, those.connector_id, those.site_id)
                _add_all(days, grouped(key, sums), sign)
        outcome = (
            *(sessions.owner_id, sessions.settled_day, sessions.site_id),
            *(sessions.status, sessions.reason, sessions.assurance),
        )
        _add_all(self.outcome_days, grouped(outcome, outcome_sums(sessions)), sign)
        helped = sessions.where((sessions.campaign_id != 0) & (sessions.status != _REJECTED))
        campaign = (
            *(helped.campaign_id, helped.settled_day, helped.connector_id),
            *(helped.owner_id, helped.site_id),
        )
        _add_all(self.campaign_days, grouped(campaign, campaign_sums(helped)), sign)

    def add_collection(self, collection: CollectionRow, local: LocalTime, sign: int = 1) -> None:
        """Add a collection, or take it away with sign −1."""
        self._add_settlement(collection, local, collection_sums(collection), sign)

    def add_refund(self, refund: RefundRow, local: LocalTime, sign: int = 1) -> None:
        """Add a refund, or take it away with sign −1."""
        self._add_settlement(refund, local, refund_sums(refund), sign)
        if refund.to_campaign:
            key = (
                *(refund.campaign_id, refund.settled_day, refund.connector_id),
                *(refund.owner_id, refund.site_id),
            )
            _add_all(self.campaign_days, [(key, returned_sums(refund))], sign)

    def owners(self) -> list[int]:
        """Return the owners whose settlement sums change."""
        return sorted({key[0] for key in self.settlement_hours})

    def _add_settlement(
        self, row: CollectionRow | RefundRow, local: LocalTime, sums: Sums, sign: int
    ) -> None:
        place = row.connector_id, row.site_id
        hour = local.hour(row.settled_at)
        _add_all(self.settlement_hours, [((row.owner_id, hour, *place), sums)], sign)
        _add_all(self.settlement_days, [((row.owner_id, row.settled_day, *place), sums)], sign)


def _add_all(target: dict[K, Sums], found: Iterable[tuple[Any, Sums]], sign: int) -> None:
    for key, sums in found:
        signed = sums if sign > 0 else tuple(map(neg, sums))
        there = target.get(key)
        target[key] = signed if there is None else tuple(map(add, there, signed))
