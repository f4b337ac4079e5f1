"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import indexer.schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915 -- a list of tables, not a procedure
    """Apply."""
    op.create_table(
        "accounts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=42), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    op.create_index("ix_accounts_account", "accounts", ["account"], unique=True)
    op.create_table(
        "accrual_withdrawals",
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
        sa.PrimaryKeyConstraint("id", name="pk_accrual_withdrawals"),
    )
    op.create_index(
        "ix_accrual_withdrawals_owner_id", "accrual_withdrawals", ["owner_id"], unique=False
    )
    op.create_table(
        "batches",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("evidence_root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("submitter", sa.String(length=42), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
    )
    op.create_index("ix_batches_batch", "batches", ["batch"], unique=True)
    op.create_table(
        "blocks",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("parent", sa.LargeBinary(length=32), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("logs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_blocks"),
    )
    op.create_index(
        "ix_blocks_empty",
        "blocks",
        ["number"],
        unique=False,
        sqlite_where=sa.text("logs = 0"),
        postgresql_where=sa.text("logs = 0"),
    )
    op.create_index("ix_blocks_timestamp", "blocks", ["timestamp"], unique=False)
    op.create_table(
        "caps",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("session_cap", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("owner_day_cap", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column(
            "committee_day_cap", indexer.schema.Amount(precision=78, scale=0), nullable=False
        ),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_caps"),
    )
    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "collections",
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
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_day", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_collections"),
    )
    op.create_index(
        "ix_collections_connector_id_sequence",
        "collections",
        ["connector_id", "sequence"],
        unique=False,
    )
    op.create_index("ix_collections_owner_id_id", "collections", ["owner_id", "id"], unique=False)
    op.create_table(
        "committee_revocations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_committee_revocations"),
    )
    op.create_table(
        "committees",
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
        sa.PrimaryKeyConstraint("id", name="pk_committees"),
    )
    op.create_index("ix_committees_epoch", "committees", ["epoch"], unique=True)
    op.create_table(
        "connector_hours",
        sa.Column("connector_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("avoided_g", sa.BigInteger(), nullable=False),
        sa.Column("occupied_s", sa.BigInteger(), nullable=False),
        sa.Column("charging_s", sa.BigInteger(), nullable=False),
        sa.Column("idle_s", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connector_id", "hour", name="pk_connector_hours"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "connector_states",
        sa.Column(
            "connector_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("oracle", sa.String(length=42), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("connector_id", name="pk_connector_states"),
    )
    op.create_table(
        "connectors",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("evse", sa.BigInteger(), nullable=False),
        sa.Column("connector_number", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("standard", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("power_type", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("max_power_w", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_connectors"),
    )
    op.create_index("ix_connectors_connector_id", "connectors", ["connector_id"], unique=True)
    op.create_index("ix_connectors_evse", "connectors", ["evse"], unique=False)
    op.create_table(
        "cursor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("identity", sa.LargeBinary(length=32), nullable=False),
        sa.Column("start_block", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("head_number", sa.BigInteger(), nullable=False),
        sa.Column("safe_number", sa.BigInteger(), nullable=False),
        sa.Column("final_number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("reorgs", sa.BigInteger(), nullable=False),
        sa.Column("deepest_reorg", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cursor"),
    )
    op.create_table(
        "daily_limits",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("daily_limit", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_daily_limits"),
    )
    op.create_index("ix_daily_limits_account", "daily_limits", ["account"], unique=False)
    op.create_table(
        "deposits",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("sender", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deposits"),
    )
    op.create_index("ix_deposits_account", "deposits", ["account"], unique=False)
    op.create_table(
        "evses",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("evse", sa.BigInteger(), nullable=False),
        sa.Column("station_id", sa.BigInteger(), nullable=False),
        sa.Column("evse_number", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("evse_id", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evses"),
    )
    op.create_index("ix_evses_evse", "evses", ["evse"], unique=True)
    op.create_index("ix_evses_station_id", "evses", ["station_id"], unique=False)
    op.create_table(
        "exposure_limits",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("exposure_limit", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exposure_limits"),
    )
    op.create_table(
        "fee_destinations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("stakers", sa.String(length=42), nullable=False),
        sa.Column("drivers", sa.String(length=42), nullable=False),
        sa.Column("stations", sa.String(length=42), nullable=False),
        sa.Column("treasury", sa.String(length=42), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fee_destinations"),
    )
    op.create_table(
        "fee_routers",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("router", sa.String(length=42), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fee_routers"),
    )
    op.create_table(
        "fee_routings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("stakers", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("drivers", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("stations", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("treasury", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fee_routings"),
    )
    op.create_table(
        "fee_shares",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("stakers", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("drivers", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("stations", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("treasury", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fee_shares"),
    )
    op.create_table(
        "feed_entries",
        sa.Column("oracle", sa.String(length=42), nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("signature", sa.LargeBinary(length=65), nullable=False),
        sa.PrimaryKeyConstraint("oracle", "n", name="pk_feed_entries"),
    )
    op.create_index("ix_feed_entries_at", "feed_entries", ["at"], unique=False)
    op.create_index(
        "ix_feed_entries_connector_id_at", "feed_entries", ["connector_id", "at"], unique=False
    )
    op.create_table(
        "feed_sources",
        sa.Column("oracle", sa.String(length=42), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("gaps", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("oracle", name="pk_feed_sources"),
    )
    op.create_table(
        "fees_routed",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("router", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fees_routed"),
    )
    op.create_table(
        "mandate_revocations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("mandate", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mandate_revocations"),
    )
    op.create_index(
        "ix_mandate_revocations_account", "mandate_revocations", ["account"], unique=False
    )
    op.create_table(
        "meter_key_revocations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_meter_key_revocations"),
    )
    op.create_index(
        "ix_meter_key_revocations_connector_id",
        "meter_key_revocations",
        ["connector_id"],
        unique=False,
    )
    op.create_table(
        "meter_key_vouchings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("voucher_kind", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("voucher", sa.String(length=42), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_meter_key_vouchings"),
    )
    op.create_index(
        "ix_meter_key_vouchings_connector_id", "meter_key_vouchings", ["connector_id"], unique=False
    )
    op.create_table(
        "meter_keys",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("curve", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("voucher_kind", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("voucher", sa.String(length=42), nullable=False),
        sa.Column("valid_from", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_meter_keys"),
    )
    op.create_index("ix_meter_keys_connector_id", "meter_keys", ["connector_id"], unique=False)
    op.create_table(
        "operators",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.String(length=42), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operators"),
    )
    op.create_index("ix_operators_owner_id", "operators", ["owner_id"], unique=False)
    op.create_table(
        "owners",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(length=42), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_owners"),
    )
    op.create_index("ix_owners_account", "owners", ["account"], unique=False)
    op.create_index("ix_owners_owner_id", "owners", ["owner_id"], unique=True)
    op.create_table(
        "pauses",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("paused_until", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pauses"),
    )
    op.create_table(
        "reimbursement_settings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("oracles", sa.String(length=42), nullable=False),
        sa.Column("per_batch", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reimbursement_settings"),
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
        sa.Column("batches", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reimbursements"),
    )
    op.create_table(
        "runs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False),
        sa.Column("tariff_index", sa.BigInteger(), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_batch", "runs", ["batch"], unique=False)
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
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_batch", "sessions", ["batch"], unique=False)
    op.create_index(
        "ix_sessions_connector_id_sequence", "sessions", ["connector_id", "sequence"], unique=True
    )
    op.create_index(
        "ix_sessions_exceptions",
        "sessions",
        ["owner_id", "id"],
        unique=False,
        sqlite_where=sa.text("status != 1"),
        postgresql_where=sa.text("status != 1"),
    )
    op.create_index("ix_sessions_owner_id_id", "sessions", ["owner_id", "id"], unique=False)
    op.create_index("ix_sessions_site_id_id", "sessions", ["site_id", "id"], unique=False)
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
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "day", "connector_id", name="pk_settlement_days"),
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
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "hour", "connector_id", name="pk_settlement_hours"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sites",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("grid_zone", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sites"),
    )
    op.create_index("ix_sites_owner_id", "sites", ["owner_id"], unique=False)
    op.create_index("ix_sites_site_id", "sites", ["site_id"], unique=True)
    op.create_table(
        "skipped_runs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("first_sequence", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("head_sequence", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_skipped_runs"),
    )
    op.create_index("ix_skipped_runs_connector_id", "skipped_runs", ["connector_id"], unique=False)
    op.create_table(
        "stations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("station_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stations"),
    )
    op.create_index("ix_stations_site_id", "stations", ["site_id"], unique=False)
    op.create_index("ix_stations_station_id", "stations", ["station_id"], unique=True)
    op.create_table(
        "surplus_recoveries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_surplus_recoveries"),
    )
    op.create_table(
        "tariffs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("connector_id", sa.BigInteger(), nullable=False),
        sa.Column("tariff_index", sa.BigInteger(), nullable=False),
        sa.Column("tariff", sa.LargeBinary(length=32), nullable=False),
        sa.Column("vat_bps", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("terms_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tariffs"),
    )
    op.create_index(
        "ix_tariffs_connector_id_tariff_index",
        "tariffs",
        ["connector_id", "tariff_index"],
        unique=True,
    )
    op.create_table(
        "vouchers",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("voucher", sa.String(length=42), nullable=False),
        sa.Column("kind", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vouchers"),
    )
    op.create_table(
        "withdrawal_cancellations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_withdrawal_cancellations"),
    )
    op.create_index(
        "ix_withdrawal_cancellations_account", "withdrawal_cancellations", ["account"], unique=False
    )
    op.create_table(
        "withdrawal_requests",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("executable_at", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("lapses_at", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_withdrawal_requests"),
    )
    op.create_index(
        "ix_withdrawal_requests_account", "withdrawal_requests", ["account"], unique=False
    )
    op.create_table(
        "withdrawals",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("amount", indexer.schema.Amount(precision=78, scale=0), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_withdrawals"),
    )
    op.create_index("ix_withdrawals_account", "withdrawals", ["account"], unique=False)
