"""Mandates that payers signed here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "mandates",
        sa.Column("mandate", sa.String(length=66), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("cards", sa.Integer(), nullable=False),
        sa.Column("max_per_session", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mandate", name="pk_mandates"),
    )
    op.create_index("ix_mandates_account", "mandates", ["account"], unique=False)
