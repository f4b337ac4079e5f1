"""The rows of the tables that money is summed from, in the tables' column order."""

from __future__ import annotations

from typing import NamedTuple


class SessionRow(NamedTuple):
    """A row of `sessions`: one `Session` log, with what its run, batch and block add."""

    id: int
    connector_id: int
    sequence: int
    owner_id: int
    site_id: int
    tariff_index: int
    batch: int
    settled_at: int
    settled_day: int
    payer: int
    started_at: int
    duration_s: int
    idle_s: int
    energy_wh: int
    recorded_gross: int
    campaign_id: int
    hour_of_week: int
    grid_gco2e_per_kwh: int
    renewable_pct: int
    assurance: int
    reserved: int
    status: int
    reason: int
    flags: int
    paid: int
    campaign_paid: int
    debt: int
    gross: int
    fee: int
    discount: int


class CollectionRow(NamedTuple):
    """A row of `collections`: one `DebtCollected` log."""

    id: int
    connector_id: int
    sequence: int
    owner_id: int
    site_id: int
    account: int
    settled_at: int
    settled_day: int
    amount: int
    fee: int
    tx_hash: bytes


class RefundRow(NamedTuple):
    """A row of `refunds`: one `SessionRefunded` log."""

    id: int
    connector_id: int
    sequence: int
    owner_id: int
    site_id: int
    campaign_id: int
    account: int
    settled_at: int
    settled_day: int
    dispute: int
    waived: int
    to_payer: int
    to_campaign: int
    fee_back: int
    reason: int
    tx_hash: bytes
