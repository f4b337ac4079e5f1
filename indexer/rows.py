"""The rows of the tables that money is summed from, in the tables' column order."""

from __future__ import annotations

from typing import Any, NamedTuple

from chargecoin import record


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


def session_word(row: Any) -> int:
    """Return the record word that a row of `sessions` was read from."""
    word = 0
    for name, bits in record.FIELDS:
        column = "recorded_gross" if name == "gross" else name
        word = word << bits | getattr(row, column)
    return word << record.RESERVED_BITS | int(row.reserved)


def outcome_word(row: Any) -> int:
    """Return the outcome word that a row of `sessions` was read from."""
    return record.Outcome(
        session_id=record.session_id(row.connector_id, row.sequence),
        status=record.Status(row.status),
        reason=record.Reason(row.reason),
        flags=record.OutcomeFlag(row.flags),
        paid=row.paid,
        campaign_paid=row.campaign_paid,
        debt=row.debt,
    ).encode()
