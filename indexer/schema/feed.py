"""What oracles say of connectors. Nothing here comes from the chain."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    literal_column,
)

from indexer.schema.base import Address, Int, Key, metadata, required

feed_entries = Table(
    "feed_entries",
    metadata,
    Column("oracle", Address, primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    required("epoch", Int),
    required("connector_id", Int),
    required("seq", Int),
    required("at", Int),
    required("kind", String(16)),
    required("status", String(16)),
    required("error_code", Text()),
    Column("energy_wh", Int),
    Column("session", Text),
    required("signature", LargeBinary(65)),
    Index(None, "connector_id", "at"),
    Index(None, "at"),
)
failed_starts = feed_entries.c.kind == literal_column("'failed_start'")
Index(
    "ix_feed_entries_failed_starts",
    feed_entries.c.connector_id,
    feed_entries.c.at,
    sqlite_where=failed_starts,
    postgresql_where=failed_starts,
)
feed_sources = Table(
    "feed_sources",
    metadata,
    Column("oracle", Address, primary_key=True),
    required("url", Text()),
    required("n", Int),
    required("epoch", Int),
    required("heard_at", Int),
    required("gaps", Int),
    required("refused", Int),
    required("detail", Text()),
)
# The newest word on each connector. `whole` is false where words after it are missing.
connector_states = Table(
    "connector_states",
    metadata,
    Column("connector_id", Key, primary_key=True, autoincrement=False),
    required("oracle", Address),
    required("epoch", Int),
    required("seq", Int),
    required("at", Int),
    required("since", Int),
    required("status", String(16)),
    required("error_code", Text()),
    Column("energy_wh", Int),
    Column("session", Text),
    required("whole", Boolean()),
)
