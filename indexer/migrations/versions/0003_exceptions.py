"""Indexes of the few rows that the page of exceptions asks for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; no row changes."""
    remark = sa.text("flags != 0 OR energy_wh = 0")
    op.create_index(
        "ix_sessions_remarks",
        "sessions",
        ["owner_id", "id"],
        unique=False,
        sqlite_where=remark,
        postgresql_where=remark,
    )
    failed = sa.text("kind = 'failed_start'")
    op.create_index(
        "ix_feed_entries_failed_starts",
        "feed_entries",
        ["connector_id", "at"],
        unique=False,
        sqlite_where=failed,
        postgresql_where=failed,
    )
