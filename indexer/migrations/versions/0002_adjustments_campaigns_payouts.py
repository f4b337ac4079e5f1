"""Adjustments, campaigns, payouts, rewards; the books.

What follows from the chain is read from it again: the new columns follow from logs that
the tables never held. The operational feed stays.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

import indexer.schema

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REPLACED: Final = (
    "reimbursement_settings",
    "reimbursements",
    "sessions",
    "settlement_days",
    "settlement_hours",
)
EMPTIED: Final = (
    "accounts",
    "accrual_withdrawals",
    "batches",
    "blocks",
    "caps",
    "changes",
    "collections",
    "committee_revocations",
    "committees",
    "connector_hours",
    "connectors",
    "cursor",
    "daily_limits",
    "deposits",
    "evses",
    "exposure_limits",
    "fee_destinations",
    "fee_routers",
    "fee_routings",
    "fee_shares",
    "fees_routed",
    "mandate_revocations",
    "meter_key_revocations",
    "meter_key_vouchings",
    "meter_keys",
    "operators",
    "owners",
    "pauses",
    "runs",
    "sites",
    "skipped_runs",
    "stations",
    "surplus_recoveries",
    "tariffs",
    "vouchers",
    "withdrawal_cancellations",
    "withdrawal_requests",
    "withdrawals",
)


def upgrade() -> None:  # noqa: PLR0915 -- a list of tables, not a procedure
    """Apply."""
    for name in REPLACED:
        op.drop_table(name)
    for name in EMPTIED:
        op.execute(f"DELETE FROM {name}")  # noqa: S608 -- the names above
    op.create_table(
        "arbiter_revocations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arbiter_revocations")),
    )
    op.create_table(
        "arbiters",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("threshold", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column(
            "previous_valid_until", indexer.schema.Amount(precision=78, scale=0), nullable=False
        ),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arbiters")),
    )
    op.create_index(op.f("ix_arbiters_epoch"), "arbiters", ["epoch"], unique=True)
    op.create_table(
        "budget_fundings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("funder", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_fundings")),
    )
    op.create_index(
        op.f("ix_budget_fundings_campaign_id"), "budget_fundings", ["campaign_id"], unique=False
    )
    op.create_table(
        "budget_releases",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_releases")),
    )
    op.create_index(
        op.f("ix_budget_releases_campaign_id"), "budget_releases", ["campaign_id"], unique=False
    )
    op.create_table(
        "campaign_closings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_closings")),
    )
    op.create_index(
        op.f("ix_campaign_closings_campaign_id"), "campaign_closings", ["campaign_id"], unique=False
    )
    op.create_table(
        "campaign_connectors",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("connector_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", "connector_id", name=op.f("pk_campaign_connectors")),
    )
    op.create_index(
        op.f("ix_campaign_connectors_campaign_id"),
        "campaign_connectors",
        ["campaign_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_campaign_connectors_connector_id"),
        "campaign_connectors",
        ["connector_id"],
        unique=False,
    )
    op.create_table(
        "campaign_days",
        sa.Column("campaign_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("connector_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "campaign_id", "day", "connector_id", name=op.f("pk_campaign_days")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outcome_days",
        sa.Column("owner_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("site_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("assurance", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("clamped", sa.BigInteger(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "owner_id",
            "day",
            "site_id",
            "status",
            "reason",
            "assurance",
            name=op.f("pk_outcome_days"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "campaign_entries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("campaign_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reference", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("budget", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("spent", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("day_spent", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", "campaign_id", name=op.f("pk_campaign_entries")),
    )
    op.create_index(
        op.f("ix_campaign_entries_campaign_id_id"),
        "campaign_entries",
        ["campaign_id", "id"],
        unique=False,
    )
    op.create_table(
        "campaign_pauses",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("paused_from", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_pauses")),
    )
    op.create_index(
        op.f("ix_campaign_pauses_campaign_id"), "campaign_pauses", ["campaign_id"], unique=False
    )
    op.create_table(
        "campaign_resumptions",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("paused_to", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_resumptions")),
    )
    op.create_index(
        op.f("ix_campaign_resumptions_campaign_id"),
        "campaign_resumptions",
        ["campaign_id"],
        unique=False,
    )
    op.create_table(
        "campaigns",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("creator", sa.String(length=42), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("hour_mask", sa.LargeBinary(length=32), nullable=False),
        sa.Column("rate_bps", sa.BigInteger(), nullable=False),
        sa.Column("session_cap", sa.BigInteger(), nullable=False),
        sa.Column("day_cap", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("min_sessions", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("window_days", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("driver_cap", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    op.create_index(op.f("ix_campaigns_campaign_id"), "campaigns", ["campaign_id"], unique=True)
    op.create_index(op.f("ix_campaigns_owner_id"), "campaigns", ["owner_id"], unique=False)
    op.create_table(
        "destinations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("reference", sa.LargeBinary(length=32), nullable=False),
        sa.Column("effective_at", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destinations")),
    )
    op.create_index(op.f("ix_destinations_owner_id"), "destinations", ["owner_id"], unique=False)
    op.create_table(
        "dispute_answers",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("dispute", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("statement", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_answers")),
    )
    op.create_index(
        op.f("ix_dispute_answers_dispute"), "dispute_answers", ["dispute"], unique=False
    )
    op.create_table(
        "dispute_closings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("dispute", sa.BigInteger(), nullable=False),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=False),
        sa.Column("bond_to_owner", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_closings")),
    )
    op.create_index(
        op.f("ix_dispute_closings_dispute"), "dispute_closings", ["dispute"], unique=False
    )
    op.create_table(
        "dispute_entries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("dispute", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("hold", sa.BigInteger(), nullable=False),
        sa.Column("short", sa.BigInteger(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("bond", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_entries")),
    )
    op.create_index(
        op.f("ix_dispute_entries_dispute_id"), "dispute_entries", ["dispute", "id"], unique=False
    )
    op.create_index(
        op.f("ix_dispute_entries_owner_id"), "dispute_entries", ["owner_id"], unique=False
    )
    op.create_table(
        "dispute_rulings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("dispute", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("refund", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_rulings")),
    )
    op.create_index(
        op.f("ix_dispute_rulings_dispute"), "dispute_rulings", ["dispute"], unique=False
    )
    op.create_table(
        "disputes",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("dispute", sa.BigInteger(), nullable=False),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("hold", sa.BigInteger(), nullable=False),
        sa.Column("bond", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("reason", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
    )
    op.create_index(op.f("ix_disputes_account"), "disputes", ["account"], unique=False)
    op.create_index(
        op.f("ix_disputes_connector_id_sequence"),
        "disputes",
        ["connector_id", "sequence"],
        unique=False,
    )
    op.create_index(op.f("ix_disputes_dispute"), "disputes", ["dispute"], unique=True)
    op.create_index(op.f("ix_disputes_owner_id_id"), "disputes", ["owner_id", "id"], unique=False)
    op.create_table(
        "fees_returned",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fees_returned")),
    )
    op.create_index(op.f("ix_fees_returned_owner_id"), "fees_returned", ["owner_id"], unique=False)
    op.create_table(
        "owner_accounts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(length=42), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owner_accounts")),
    )
    op.create_index(op.f("ix_owner_accounts_account"), "owner_accounts", ["account"], unique=False)
    op.create_index(
        op.f("ix_owner_accounts_owner_id"), "owner_accounts", ["owner_id"], unique=False
    )
    op.create_table(
        "owner_entries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reference", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("earned", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("fee", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("debt_change", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("balance", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("debt", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("pool", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("due", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", "owner_id", name=op.f("pk_owner_entries")),
    )
    op.create_index(
        op.f("ix_owner_entries_owner_id_id"), "owner_entries", ["owner_id", "id"], unique=False
    )
    op.create_table(
        "payout_batches",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("submitter", sa.String(length=42), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_batches")),
    )
    op.create_table(
        "payout_failures",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_failures")),
    )
    op.create_index(
        op.f("ix_payout_failures_owner_id"), "payout_failures", ["owner_id"], unique=False
    )
    op.create_table(
        "payout_schedules",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("cycle", sa.BigInteger(), nullable=False),
        sa.Column("threshold", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_schedules")),
    )
    op.create_index(
        op.f("ix_payout_schedules_owner_id"), "payout_schedules", ["owner_id"], unique=False
    )
    op.create_table(
        "payouts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("reference", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
    )
    op.create_index(op.f("ix_payouts_owner_id"), "payouts", ["owner_id"], unique=False)
    op.create_table(
        "refunds",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_day", sa.Integer(), nullable=False),
        sa.Column("dispute", sa.BigInteger(), nullable=False),
        sa.Column("waived", sa.BigInteger(), nullable=False),
        sa.Column("to_payer", sa.BigInteger(), nullable=False),
        sa.Column("to_campaign", sa.BigInteger(), nullable=False),
        sa.Column("fee_back", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
    )
    op.create_index(
        op.f("ix_refunds_connector_id_sequence"),
        "refunds",
        ["connector_id", "sequence"],
        unique=False,
    )
    op.create_index(op.f("ix_refunds_owner_id_id"), "refunds", ["owner_id", "id"], unique=False)
    op.create_table(
        "reimbursed_oracles",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("oracles", sa.String(length=42), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reimbursed_oracles")),
    )
    op.create_table(
        "reimbursement_settings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("per_batch", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reimbursement_settings")),
    )
    op.create_table(
        "reimbursements",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("oracles", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reimbursements")),
    )
    op.create_table(
        "reward_claims",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(length=42), nullable=False),
        sa.Column("payment", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("chg", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_claims")),
    )
    op.create_index(
        op.f("ix_reward_claims_kind_epoch"), "reward_claims", ["kind", "epoch"], unique=False
    )
    op.create_index(
        op.f("ix_reward_claims_kind_recipient"),
        "reward_claims",
        ["kind", "recipient"],
        unique=False,
    )
    op.create_table(
        "reward_fundings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=42), nullable=False),
        sa.Column("payment", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("chg", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_fundings")),
    )
    op.create_index(
        op.f("ix_reward_fundings_kind_epoch"), "reward_fundings", ["kind", "epoch"], unique=False
    )
    op.create_table(
        "reward_rollovers",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("into_epoch", sa.BigInteger(), nullable=False),
        sa.Column("payment", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("chg", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_rollovers")),
    )
    op.create_index(
        op.f("ix_reward_rollovers_kind_epoch"), "reward_rollovers", ["kind", "epoch"], unique=False
    )
    op.create_table(
        "reward_roots",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("committee_epoch", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("payment", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("chg", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("claimable_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_roots")),
    )
    op.create_index(
        op.f("ix_reward_roots_kind_epoch"), "reward_roots", ["kind", "epoch"], unique=False
    )
    op.create_table(
        "reward_voids",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_voids")),
    )
    op.create_index(
        op.f("ix_reward_voids_kind_epoch"), "reward_voids", ["kind", "epoch"], unique=False
    )
    op.create_table(
        "route_failures",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route_failures")),
    )
    op.create_index(
        op.f("ix_route_failures_recipient"), "route_failures", ["recipient"], unique=False
    )
    op.create_table(
        "route_retries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route_retries")),
    )
    op.create_index(
        op.f("ix_route_retries_recipient"), "route_retries", ["recipient"], unique=False
    )
    op.create_table(
        "sessions",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("tariff_index", sa.BigInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_day", sa.Integer(), nullable=False),
        sa.Column("payer", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=False),
        sa.Column("idle_s", sa.Integer(), nullable=False),
        sa.Column("energy_wh", sa.Integer(), nullable=False),
        sa.Column("recorded_gross", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("hour_of_week", sa.Integer(), nullable=False),
        sa.Column("grid_gco2e_per_kwh", sa.Integer(), nullable=False),
        sa.Column("renewable_pct", sa.Integer(), nullable=False),
        sa.Column("assurance", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("flags", sa.Integer(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("campaign_paid", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_batch"), "sessions", ["batch"], unique=False)
    op.create_index(
        "ix_sessions_campaigns",
        "sessions",
        ["campaign_id", "id"],
        unique=False,
        sqlite_where=sa.text("campaign_id != 0"),
        postgresql_where=sa.text("campaign_id != 0"),
    )
    op.create_index(
        op.f("ix_sessions_connector_id_sequence"),
        "sessions",
        ["connector_id", "sequence"],
        unique=True,
    )
    op.create_index(
        "ix_sessions_exceptions",
        "sessions",
        ["owner_id", "id"],
        unique=False,
        sqlite_where=sa.text("status != 1"),
        postgresql_where=sa.text("status != 1"),
    )
    op.create_index(op.f("ix_sessions_owner_id_id"), "sessions", ["owner_id", "id"], unique=False)
    op.create_index(op.f("ix_sessions_site_id_id"), "sessions", ["site_id", "id"], unique=False)
    op.create_table(
        "settlement_days",
        sa.Column("owner_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("connector_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("unfunded", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("clamped", sa.BigInteger(), nullable=False),
        sa.Column("reported", sa.BigInteger(), nullable=False),
        sa.Column("observed", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.BigInteger(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("signed_wh", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("elsewhere", sa.BigInteger(), nullable=False),
        sa.Column("collected", sa.BigInteger(), nullable=False),
        sa.Column("collected_fee", sa.BigInteger(), nullable=False),
        sa.Column("emitted_g", sa.BigInteger(), nullable=False),
        sa.Column("avoided_g", sa.BigInteger(), nullable=False),
        sa.Column("carbon_wh", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("refunded_fee", sa.BigInteger(), nullable=False),
        sa.Column("waived", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "day", "connector_id", name=op.f("pk_settlement_days")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "settlement_hours",
        sa.Column("owner_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("connector_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("unfunded", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("clamped", sa.BigInteger(), nullable=False),
        sa.Column("reported", sa.BigInteger(), nullable=False),
        sa.Column("observed", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.BigInteger(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("signed_wh", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("elsewhere", sa.BigInteger(), nullable=False),
        sa.Column("collected", sa.BigInteger(), nullable=False),
        sa.Column("collected_fee", sa.BigInteger(), nullable=False),
        sa.Column("emitted_g", sa.BigInteger(), nullable=False),
        sa.Column("avoided_g", sa.BigInteger(), nullable=False),
        sa.Column("carbon_wh", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("refunded_fee", sa.BigInteger(), nullable=False),
        sa.Column("waived", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "owner_id", "hour", "connector_id", name=op.f("pk_settlement_hours")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stake_claims",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stake_claims")),
    )
    op.create_index(op.f("ix_stake_claims_position"), "stake_claims", ["position"], unique=False)
    op.create_table(
        "stakes",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("weight", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("unlocks_at", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stakes")),
    )
    op.create_index(op.f("ix_stakes_owner"), "stakes", ["owner"], unique=False)
    op.create_index(op.f("ix_stakes_position"), "stakes", ["position"], unique=True)
    op.create_table(
        "stream_rollovers",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream_rollovers")),
    )
    op.create_table(
        "streams",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("begins_at", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_streams")),
    )
    op.create_table(
        "sunsets",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("successor", sa.String(length=42), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sunsets")),
    )
    op.create_table(
        "unstakes",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unstakes")),
    )
    op.create_index(op.f("ix_unstakes_position"), "unstakes", ["position"], unique=False)
