"""Adjustments, campaigns and payouts: money after, beside and out of settlement."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Text

from indexer.schema.base import Address, Amount, Hash, Int, event_table, required

# --- what is paid later, and back ---

collections = event_table(
    "collections",
    required("connector_id", Int),
    required("sequence", Int),
    required("owner_id", Int),
    required("site_id", Int),
    required("account", Int),
    required("settled_at", Int),
    required("settled_day", Integer()),
    required("amount", Int),
    required("fee", Int),
    Index(None, "owner_id", "id"),
    Index(None, "connector_id", "sequence"),
)
# `dispute` is 0 where the owner refunded without one. What left the owner is `to_payer`
# and `to_campaign`; `fee_back` is the protocol fee of it that is given back.
refunds = event_table(
    "refunds",
    required("connector_id", Int),
    required("sequence", Int),
    required("owner_id", Int),
    required("site_id", Int),
    required("campaign_id", Int),
    required("account", Int),
    required("settled_at", Int),
    required("settled_day", Integer()),
    required("dispute", Int),
    required("waived", Int),
    required("to_payer", Int),
    required("to_campaign", Int),
    required("fee_back", Int),
    required("reason", Int),
    Index(None, "owner_id", "id"),
    Index(None, "connector_id", "sequence"),
)
fees_returned = event_table(
    "fees_returned",
    required("owner_id", Int),
    required("amount", Int),
    Index(None, "owner_id"),
)

# --- disputes ---

disputes = event_table(
    "disputes",
    required("dispute", Int),
    required("connector_id", Int),
    required("sequence", Int),
    required("account", Int),
    required("owner_id", Int),
    required("amount", Int),
    required("hold", Int),
    required("bond", Int),
    required("deadline", Int),
    required("reason", Amount()),
    Index(None, "dispute", unique=True),
    Index(None, "owner_id", "id"),
    Index(None, "account"),
    Index(None, "connector_id", "sequence"),
)
dispute_answers = event_table(
    "dispute_answers",
    required("dispute", Int),
    required("owner_id", Int),
    required("statement", Hash),
    Index(None, "dispute"),
)
dispute_rulings = event_table(
    "dispute_rulings",
    required("dispute", Int),
    required("epoch", Int),
    required("refund", Int),
    required("reason", Hash),
    Index(None, "dispute"),
)
dispute_closings = event_table(
    "dispute_closings",
    required("dispute", Int),
    required("connector_id", Int),
    required("sequence", Int),
    required("result", Int),
    required("refunded", Int),
    required("released", Int),
    required("bond_to_owner", Int),
    Index(None, "dispute"),
)
arbiters = event_table(
    "arbiters",
    required("epoch", Int),
    required("threshold", Amount()),
    required("members", Text()),
    required("previous_valid_until", Amount()),
    Index(None, "epoch", unique=True),
)
arbiter_revocations = event_table("arbiter_revocations", required("epoch", Int))

# --- campaigns ---

campaigns = event_table(
    "campaigns",
    required("campaign_id", Int),
    required("creator", Address),
    required("owner_id", Int),
    required("kind", Int),
    required("name", Text()),
    required("starts_at", Int),
    required("ends_at", Int),
    required("hour_mask", Hash),
    required("rate_bps", Int),
    required("session_cap", Int),
    required("day_cap", Amount()),
    required("min_sessions", Amount()),
    required("window_days", Amount()),
    required("driver_cap", Amount()),
    Index(None, "campaign_id", unique=True),
    Index(None, "owner_id"),
)
# One log enrols many connectors: its id is in as many rows.
campaign_connectors = event_table(
    "campaign_connectors",
    Column("connector_id", Int, primary_key=True, autoincrement=False),
    required("campaign_id", Int),
    Index(None, "campaign_id"),
    Index(None, "connector_id"),
)
campaign_pauses = event_table(
    "campaign_pauses",
    required("campaign_id", Int),
    required("paused_from", Int),
    Index(None, "campaign_id"),
)
campaign_resumptions = event_table(
    "campaign_resumptions",
    required("campaign_id", Int),
    required("paused_to", Int),
    Index(None, "campaign_id"),
)
campaign_closings = event_table(
    "campaign_closings",
    required("campaign_id", Int),
    required("ends_at", Int),
    Index(None, "campaign_id"),
)
budget_fundings = event_table(
    "budget_fundings",
    required("campaign_id", Int),
    required("funder", Address),
    required("amount", Amount()),
    Index(None, "campaign_id"),
)
budget_releases = event_table(
    "budget_releases",
    required("campaign_id", Int),
    required("recipient", Address),
    required("amount", Amount()),
    Index(None, "campaign_id"),
)

# --- payouts ---

accrual_withdrawals = event_table(
    "accrual_withdrawals",
    required("owner_id", Int),
    required("recipient", Address),
    required("amount", Amount()),
    Index(None, "owner_id"),
)
destinations = event_table(
    "destinations",
    required("owner_id", Int),
    required("recipient", Address),
    required("reference", Hash),
    required("effective_at", Int),
    Index(None, "owner_id"),
)
payouts = event_table(
    "payouts",
    required("owner_id", Int),
    required("recipient", Address),
    required("amount", Amount()),
    required("reference", Hash),
    Index(None, "owner_id"),
)
payout_failures = event_table(
    "payout_failures",
    required("owner_id", Int),
    required("recipient", Address),
    required("amount", Amount()),
    Index(None, "owner_id"),
)
payout_schedules = event_table(
    "payout_schedules",
    required("owner_id", Int),
    required("cycle", Int),
    required("threshold", Amount()),
    Index(None, "owner_id"),
)
payout_batches = event_table(
    "payout_batches",
    required("batch", Int),
    required("submitter", Address),
    required("paid", Int),
    required("failed", Int),
    required("amount", Amount()),
)
