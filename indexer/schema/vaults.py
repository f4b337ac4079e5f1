"""Settlement: vault accounts, the committee, parameters."""

from __future__ import annotations

from sqlalchemy import Index, Text

from indexer.schema.base import Address, Amount, Hash, Int, event_table, required

accounts = event_table(
    "accounts",
    required("account", Int),
    required("holder", Address),
    Index(None, "account", unique=True),
    Index(None, "holder"),
)
deposits = event_table(
    "deposits",
    required("account", Int),
    required("sender", Address),
    required("amount", Amount()),
    Index(None, "account"),
)
daily_limits = event_table(
    "daily_limits",
    required("account", Int),
    required("daily_limit", Amount()),
    Index(None, "account"),
)
withdrawal_requests = event_table(
    "withdrawal_requests",
    required("account", Int),
    required("amount", Amount()),
    required("executable_at", Amount()),
    required("lapses_at", Amount()),
    Index(None, "account"),
)
withdrawal_cancellations = event_table(
    "withdrawal_cancellations", required("account", Int), Index(None, "account")
)
withdrawals = event_table(
    "withdrawals",
    required("account", Int),
    required("recipient", Address),
    required("amount", Amount()),
    Index(None, "account"),
)
mandate_revocations = event_table(
    "mandate_revocations",
    required("account", Int),
    required("mandate", Hash),
    Index(None, "account"),
)
fees_routed = event_table("fees_routed", required("router", Address), required("amount", Amount()))
committees = event_table(
    "committees",
    required("epoch", Int),
    required("threshold", Amount()),
    required("members", Text()),
    required("previous_valid_until", Amount()),
    Index(None, "epoch", unique=True),
)
committee_revocations = event_table("committee_revocations", required("epoch", Int))
pauses = event_table("pauses", required("paused_until", Amount()))
caps = event_table(
    "caps",
    required("session_cap", Amount()),
    required("owner_day_cap", Amount()),
    required("committee_day_cap", Amount()),
)
exposure_limits = event_table("exposure_limits", required("exposure_limit", Amount()))
reimbursement_settings = event_table("reimbursement_settings", required("per_batch", Amount()))
sunsets = event_table("sunsets", required("successor", Address))
fee_routers = event_table("fee_routers", required("router", Address))
surplus_recoveries = event_table(
    "surplus_recoveries", required("recipient", Address), required("amount", Amount())
)
