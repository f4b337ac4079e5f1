"""Indexes for a payer's own page: accounts by holder, sessions by payer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; no row changes."""
    paying = sa.text("payer != 0")
    op.create_index(
        "ix_sessions_payers",
        "sessions",
        ["payer", "id"],
        unique=False,
        sqlite_where=paying,
        postgresql_where=paying,
    )
    op.create_index("ix_accounts_holder", "accounts", ["holder"], unique=False)
