"""An index of sessions by when they began; none by batch, whose sessions are in one block."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change them; no row changes."""
    op.drop_index("ix_sessions_batch", "sessions")
    op.create_index(
        "ix_sessions_starts",
        "sessions",
        [
            "connector_id",
            "started_at",
            "duration_s",
            "status",
            "settled_at",
            "hour_of_week",
            "energy_wh",
            "gross",
            "campaign_id",
            "payer",
        ],
        unique=False,
    )
    with_campaign = sa.text("campaign_id != 0")
    op.drop_index("ix_sessions_campaigns", "sessions")
    op.create_index(
        "ix_sessions_campaigns",
        "sessions",
        [
            "campaign_id",
            "id",
            "connector_id",
            "started_at",
            "status",
            "campaign_paid",
            "discount",
        ],
        unique=False,
        sqlite_where=with_campaign,
        postgresql_where=with_campaign,
    )
    if op.get_bind().dialect.name == "sqlite":
        # What SQLite knows of how many rows an index finds, it knows from this.
        op.execute("PRAGMA analysis_limit=1000")
        op.execute("ANALYZE sessions")
