"""From rows to sums: what one session, collection or refund adds to each rollup. Pure.

Undoing a row adds the same with the other sign, so a rollup is at all times the
sum over the rows there are, whatever came and went in between.
"""

from __future__ import annotations

from itertools import zip_longest
from operator import neg
from typing import Final, TypeVar

from chargecoin.carbon import avoided_g, emitted_g
from chargecoin.record import OutcomeFlag, Reason, Status
from indexer.hours import LocalTime
from indexer.rows import CollectionRow, RefundRow, SessionRow
from indexer.schema import CAMPAIGN_SUMS, SETTLEMENT_SUMS

Key = TypeVar("Key", bound=tuple[int, ...])
Sums = tuple[int, ...]
# (owner_id, hour or day, connector_id, site_id), (connector_id, hour) and
# (campaign_id, day, connector_id, owner_id, site_id).
SettlementKey = tuple[int, int, int, int]
HourKey = tuple[int, int]
CampaignKey = tuple[int, int, int, int, int]
# Owner, day, site, status, reason and assurance.
OutcomeKey = tuple[int, int, int, int, int, int]

_REJECTED: Final = int(Status.REJECTED)
_UNFUNDED: Final = int(Status.UNFUNDED)
_NO_PAYER: Final = int(Reason.NO_PAYER)
_CLAMPED: Final = int(OutcomeFlag.CLAMPED)
_NOT_APPLIED: Final = int(OutcomeFlag.CAMPAIGN_NOT_APPLIED)
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
        session.discount,
        0,
        0,
        0,
        1,
    )


def collection_sums(collection: CollectionRow) -> Sums:
    """Return what a collected debt adds to the hour and day of its collection."""
    values = {"collected": collection.amount, "collected_fee": collection.fee, "parts": 1}
    return tuple(values.get(name, 0) for name in SETTLEMENT_SUMS)


def refund_sums(refund: RefundRow) -> Sums:
    """Return what a refund adds to the hour and day on which it was made."""
    values = {
        "refunded": refund.to_payer + refund.to_campaign,
        "refunded_fee": refund.fee_back,
        "waived": refund.waived,
        "parts": 1,
    }
    return tuple(values.get(name, 0) for name in SETTLEMENT_SUMS)


def campaign_sums(session: SessionRow) -> Sums:
    """Return what a session adds to its campaign's day, in order of `CAMPAIGN_SUMS`."""
    return (
        1,
        int(session.flags & _NOT_APPLIED != 0),
        session.energy_wh,
        session.gross,
        session.paid,
        session.campaign_paid,
        session.discount,
        session.fee,
        0,
        1,
    )


def hour_sums(session: SessionRow, local: LocalTime) -> list[tuple[int, Sums]]:
    """Return what a session adds to each local hour that it covers, in order of `HOUR_SUMS`.

    Seconds are exact under one assumption, that the vehicle charges first and idles
    at the end; energy, money and carbon are spread evenly over the charging seconds
    (over the occupied ones where there are none), which is why pages mark these
    figures as approximate. The session itself is counted in the hour it starts in.

    Nothing is lost or invented in the split: an hour's part is the difference of the
    floors of two cumulative shares, so parts are within one of exact and add up.
    """
    if session.status == _REJECTED:
        return []
    start = session.started_at
    duration = session.duration_s
    end = start + duration
    charging = duration - min(session.idle_s, duration)
    charged_until = start + charging
    energy, gross, fee, campaign = (
        session.energy_wh,
        session.gross,
        session.fee,
        session.campaign_paid,
    )
    net = session.paid + campaign - fee
    avoided = avoided_g(energy, session.grid_gco2e_per_kwh) or 0
    hours = local.hours(start, end)
    if len(hours) == 1:
        spent = (duration, charging, duration - charging)
        return [(hours[0], (1, energy, gross, net, fee, campaign, avoided, *spent, 1))]

    weight, spread_until = (charging, charged_until) if charging else (duration, end)
    found: list[tuple[int, Sums]] = []
    low = start
    energy_0 = gross_0 = net_0 = fee_0 = campaign_0 = avoided_0 = 0
    for hour, boundary in zip_longest(hours, hours[1:], fillvalue=end):
        share = min(boundary, spread_until) - start
        energy_1 = energy * share // weight
        gross_1 = gross * share // weight
        net_1 = net * share // weight
        fee_1 = fee * share // weight
        campaign_1 = campaign * share // weight
        avoided_1 = avoided * share // weight
        occupied = boundary - low
        charged = max(0, min(boundary, charged_until) - low)
        sums = (
            int(low == start),
            energy_1 - energy_0,
            gross_1 - gross_0,
            net_1 - net_0,
            fee_1 - fee_0,
            campaign_1 - campaign_0,
            avoided_1 - avoided_0,
            occupied,
            charged,
            occupied - charged,
            1,
        )
        found.append((hour, sums))
        low = boundary
        energy_0, gross_0, net_0 = energy_1, gross_1, net_1
        fee_0, campaign_0, avoided_0 = fee_1, campaign_1, avoided_1
    return found


def outcome_sums(session: SessionRow) -> Sums:
    """Return what a session adds to those that ended as it did, in order of `OUTCOME_SUMS`."""
    return (
        session.flags & _CLAMPED,
        session.energy_wh,
        session.gross,
        session.paid,
        session.campaign_paid,
        session.fee,
        session.debt,
        session.discount,
        1,
    )


# What was added under each key, not yet added up.
Parts = dict[Key, list[Sums]]
# Parts of a key that are kept before they are added up: in columns, many at a time.
_AT_ONCE: Final = 16


class Deltas:
    """Sums to add to the rollup tables, gathered over the rows of one transaction."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._settlement_hours: Parts[SettlementKey] = {}
        self._connector_hours: Parts[HourKey] = {}
        self._campaign_days: Parts[CampaignKey] = {}
        self._outcome_days: Parts[OutcomeKey] = {}
        # The local day of each key of `settlement_hours`.
        self._days: dict[SettlementKey, int] = {}
        # Zone, time and local hour of the last settlement: a batch has one in each zone.
        self._settled: tuple[LocalTime | None, int, int] = (None, 0, 0)

    def add_session(self, session: SessionRow, local: LocalTime, sign: int = 1) -> None:
        """Add a session, or take it away with sign −1."""
        self._add_settlement(session, local, settlement_sums(session), sign)
        connector_id = session.connector_id
        for hour, sums in hour_sums(session, local):
            _add(self._connector_hours, (connector_id, hour), sums, sign)
        _add(self._outcome_days, _outcome_key(session), outcome_sums(session), sign)
        if session.campaign_id and session.status != _REJECTED:
            _add(self._campaign_days, _campaign_key(session), campaign_sums(session), sign)

    def add_collection(self, collection: CollectionRow, local: LocalTime, sign: int = 1) -> None:
        """Add a collection, or take it away with sign −1."""
        self._add_settlement(collection, local, collection_sums(collection), sign)

    def add_refund(self, refund: RefundRow, local: LocalTime, sign: int = 1) -> None:
        """Add a refund, or take it away with sign −1."""
        self._add_settlement(refund, local, refund_sums(refund), sign)
        if refund.to_campaign:
            values = {"returned": refund.to_campaign, "parts": 1}
            sums = tuple(values.get(name, 0) for name in CAMPAIGN_SUMS)
            _add(self._campaign_days, _campaign_key(refund), sums, sign)

    def owners(self) -> list[int]:
        """Return the owners whose settlement sums change."""
        return sorted({key[0] for key in self._settlement_hours})

    def settlement_hours(self) -> dict[SettlementKey, Sums]:
        """Return what is to be added to local hours by settlement."""
        return _added_up(self._settlement_hours)

    def settlement_days(self) -> dict[SettlementKey, Sums]:
        """Return the settlement hours summed to local days."""
        found: Parts[SettlementKey] = {}
        for key, parts in self._settlement_hours.items():
            owner_id, _, connector_id, site_id = key
            found.setdefault((owner_id, self._days[key], connector_id, site_id), []).extend(parts)
        return _added_up(found)

    def connector_hours(self) -> dict[HourKey, Sums]:
        """Return what is to be added to connectors' hours by session time."""
        return _added_up(self._connector_hours)

    def campaign_days(self) -> dict[CampaignKey, Sums]:
        """Return what is to be added to campaigns' days."""
        return _added_up(self._campaign_days)

    def outcome_days(self) -> dict[OutcomeKey, Sums]:
        """Return what is to be added to the days of how sessions ended."""
        return _added_up(self._outcome_days)

    def _add_settlement(
        self,
        row: SessionRow | CollectionRow | RefundRow,
        local: LocalTime,
        sums: Sums,
        sign: int,
    ) -> None:
        settled_at = row.settled_at
        zone, at, hour = self._settled
        if zone is not local or at != settled_at:
            hour = local.hour(settled_at)
            self._settled = (local, settled_at, hour)
        key = (row.owner_id, hour, row.connector_id, row.site_id)
        _add(self._settlement_hours, key, sums, sign)
        self._days[key] = row.settled_day


def _outcome_key(row: SessionRow) -> OutcomeKey:
    return (
        row.owner_id,
        row.settled_day,
        row.site_id,
        row.status,
        row.reason,
        row.assurance,
    )


def _campaign_key(row: SessionRow | RefundRow) -> CampaignKey:
    return (row.campaign_id, row.settled_day, row.connector_id, row.owner_id, row.site_id)


def _add(target: Parts[Key], key: Key, sums: Sums, sign: int) -> None:
    if sign < 0:
        sums = tuple(map(neg, sums))
    parts = target.get(key)
    if parts is None:
        target[key] = [sums]
        return
    parts.append(sums)
    if len(parts) == _AT_ONCE:
        parts[:] = [_total(parts)]


def _total(parts: list[Sums]) -> Sums:
    return parts[0] if len(parts) == 1 else tuple(map(sum, zip(*parts, strict=True)))


def _added_up(target: Parts[Key]) -> dict[Key, Sums]:
    return {key: _total(parts) for key, parts in target.items()}
