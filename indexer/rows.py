"""The rows of the tables that money is summed from, in the tables' column order."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

from chargecoin import record

T = TypeVar("T")


class Session(NamedTuple, Generic[T]):
    """The columns of `sessions`: a value each of one session, or an array each of many."""

    id: T
    connector_id: T
    sequence: T
    owner_id: T
    site_id: T
    tariff_index: T
    batch: T
    settled_at: T
    settled_day: T
    payer: T
    started_at: T
    duration_s: T
    idle_s: T
    energy_wh: T
    recorded_gross: T
    campaign_id: T
    hour_of_week: T
    grid_gco2e_per_kwh: T
    renewable_pct: T
    assurance: T
    reserved: T
    status: T
    reason: T
    flags: T
    paid: T
    campaign_paid: T
    debt: T
    gross: T
    fee: T
    discount: T


class SessionRow(Session[int]):
    """A row of `sessions`: one `Session` log, with what its run, batch and block add."""

    __slots__ = ()


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
