"""Tables of values, and certificates, that carbon is worked out from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _entered() -> list[sa.Column[object]]:
    return [
        sa.Column("entered_by", sa.String(length=42), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=42)),
        sa.Column("withdrawn_at", sa.BigInteger()),
    ]


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "carbon_tables",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("published", sa.String(length=10), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        *_entered(),
        sa.PrimaryKeyConstraint("id", name="pk_carbon_tables"),
    )
    op.create_index("ix_carbon_tables_owner_id", "carbon_tables", ["owner_id"], unique=False)
    op.create_table(
        "carbon_values",
        sa.Column("table_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.Column("period", sa.String(length=13), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("renewable_pct", sa.Integer()),
        sa.PrimaryKeyConstraint("table_id", "place", "period", name="pk_carbon_values"),
    )
    op.create_table(
        "certificates",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("zone", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.BigInteger()),
        sa.Column("since", sa.String(length=7), nullable=False),
        sa.Column("until", sa.String(length=7), nullable=False),
        sa.Column("quantity_wh", sa.BigInteger(), nullable=False),
        sa.Column("mg_per_kwh", sa.BigInteger(), nullable=False),
        sa.Column("renewable", sa.Boolean(), nullable=False),
        *_entered(),
        sa.PrimaryKeyConstraint("id", name="pk_certificates"),
    )
    op.create_index("ix_certificates_owner_id", "certificates", ["owner_id"], unique=False)
