"""Sums over rows, kept in the same transaction as the rows."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table

from indexer.schema.base import Int, metadata, required

# By settlement time, exact. `elsewhere` is the gross of sessions without a payer,
# `carbon_wh` the energy whose grid factor is known. `refunded` left the owner for payers and
# budgets, of which `refunded_fee` came back as fee; `waived` is debt given up.
SETTLEMENT_SUMS: Final = (
    "sessions",
    "unfunded",
    "rejected",
    "clamped",
    "reported",
    "observed",
    "signed",
    "energy_wh",
    "signed_wh",
    "gross",
    "paid",
    "campaign",
    "fee",
    "debt",
    "elsewhere",
    "collected",
    "collected_fee",
    "emitted_g",
    "avoided_g",
    "carbon_wh",
    "discount",
    "refunded",
    "refunded_fee",
    "waived",
    "parts",
)


def _settlement_rollup(name: str, period: str) -> Table:
    return Table(
        name,
        metadata,
        Column("owner_id", Int, primary_key=True, autoincrement=False),
        Column(period, Int, primary_key=True, autoincrement=False),
        Column("connector_id", Int, primary_key=True, autoincrement=False),
        required("site_id", Int),
        *(required(column, Int) for column in SETTLEMENT_SUMS),
        sqlite_with_rowid=False,
    )


settlement_days = _settlement_rollup("settlement_days", "day")
# The local hour in which a session was settled, keyed by the hour's start in UTC.
settlement_hours = _settlement_rollup("settlement_hours", "hour")

# By session time, spread over the local hours that a session covers, keyed by the
# hour's start in UTC: approximate, except `sessions`, which counts starts.
HOUR_SUMS: Final = (
    "sessions",
    "energy_wh",
    "gross",
    "net",
    "fee",
    "campaign",
    "avoided_g",
    "occupied_s",
    "charging_s",
    "idle_s",
    "parts",
)
connector_hours = Table(
    "connector_hours",
    metadata,
    Column("connector_id", Int, primary_key=True, autoincrement=False),
    Column("hour", Int, primary_key=True, autoincrement=False),
    *(required(column, Int) for column in HOUR_SUMS),
    sqlite_with_rowid=False,
)


# What a campaign did, by settlement day and connector, exact. `sessions` named the
# campaign and were not rejected; of them `refused` had no benefit. `returned` is what
# refunds gave back to the budget.
CAMPAIGN_SUMS: Final = (
    "sessions",
    "refused",
    "energy_wh",
    "gross",
    "paid",
    "campaign",
    "discount",
    "fee",
    "returned",
    "parts",
)
campaign_days = Table(
    "campaign_days",
    metadata,
    Column("campaign_id", Int, primary_key=True, autoincrement=False),
    Column("day", Int, primary_key=True, autoincrement=False),
    Column("connector_id", Int, primary_key=True, autoincrement=False),
    required("owner_id", Int),
    required("site_id", Int),
    *(required(column, Int) for column in CAMPAIGN_SUMS),
    sqlite_with_rowid=False,
)
# Sessions by how they ended and how well they are vouched for, by settlement day and site,
# exact. `parts` counts them. Rejected ones too, whose fields may say anything.
OUTCOME_SUMS: Final = (
    "clamped",
    "energy_wh",
    "gross",
    "paid",
    "campaign",
    "fee",
    "debt",
    "discount",
    "parts",
)
outcome_days = Table(
    "outcome_days",
    metadata,
    Column("owner_id", Int, primary_key=True, autoincrement=False),
    Column("day", Int, primary_key=True, autoincrement=False),
    Column("site_id", Int, primary_key=True, autoincrement=False),
    Column("status", Int, primary_key=True, autoincrement=False),
    Column("reason", Int, primary_key=True, autoincrement=False),
    Column("assurance", Int, primary_key=True, autoincrement=False),
    *(required(column, Int) for column in OUTCOME_SUMS),
    sqlite_with_rowid=False,
)
ROLLUPS: Final = (settlement_hours, settlement_days, connector_hours, campaign_days, outcome_days)
