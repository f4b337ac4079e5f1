"""Running balances: what each event left in an accrual and in a budget."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, String

from indexer.schema.base import Amount, Int, event_table, required

# What changed an owner's accrual, one row for each event and owner (a batch's sessions
# are one). `balance` and `debt` are the contract's accrual after it, `pool` is what was
# paid of the debt and no dispute has used, `due` fees that are owed back. `amount` and
# `debt_change` are what it changed; `earned` and `fee` what was credited before the
# owner's debt took its part.
owner_entries = event_table(
    "owner_entries",
    Column("owner_id", Int, primary_key=True, autoincrement=False),
    required("kind", String(16)),
    required("reference", Amount()),
    required("sessions", Int),
    required("earned", Amount()),
    required("fee", Amount()),
    required("amount", Amount()),
    required("debt_change", Amount()),
    required("balance", Amount()),
    required("debt", Amount()),
    required("pool", Amount()),
    required("due", Amount()),
    Index(None, "owner_id", "id"),
)
# What is put aside for a dispute, after each event: of `hold`, `short` is not there yet;
# `owed` was granted and not paid. `bond` is 0 once it is given to somebody.
dispute_entries = event_table(
    "dispute_entries",
    required("dispute", Int),
    required("owner_id", Int),
    required("hold", Int),
    required("short", Int),
    required("owed", Int),
    required("refunded", Int),
    required("bond", Int),
    required("open", Boolean()),
    Index(None, "dispute", "id"),
    Index(None, "owner_id"),
)
# What changed a campaign's budget, in the same way. `day_spent` is of the UTC day `day`.
campaign_entries = event_table(
    "campaign_entries",
    Column("campaign_id", Int, primary_key=True, autoincrement=False),
    required("kind", String(16)),
    required("reference", Amount()),
    required("sessions", Int),
    required("amount", Amount()),
    required("budget", Amount()),
    required("spent", Amount()),
    required("day", Int),
    required("day_spent", Amount()),
    Index(None, "campaign_id", "id"),
)
