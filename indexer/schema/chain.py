"""The chain itself: blocks, how far the tables are, and what changed."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from indexer.schema.base import Hash, Int, Key, metadata, required

blocks = Table(
    "blocks",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=False),
    required("hash", Hash),
    required("parent", Hash),
    required("timestamp", Int),
    required("logs", Integer()),
    Index(None, "timestamp"),
)

# Blocks without logs are kept only as long as a reorg may have to step back over them.
Index(
    "ix_blocks_empty",
    blocks.c.number,
    sqlite_where=blocks.c.logs == 0,
    postgresql_where=blocks.c.logs == 0,
)

# One row (id 1). Finality of a row is its block number against `safe_number` and
# `final_number`: stated once, not in every row.
cursor = Table(
    "cursor",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    required("chain_id", Int),
    required("identity", Hash),
    required("start_block", Int),
    required("number", Int),
    required("hash", Hash),
    required("timestamp", Int),
    required("head_number", Int),
    required("safe_number", Int),
    required("final_number", Int),
    required("state", String(16)),
    required("detail", Text()),
    required("reorgs", Int),
    required("deepest_reorg", Int),
)

# What changed, newest last, for pages that follow live; pruned to the newest few thousand.
changes = Table(
    "changes",
    metadata,
    Column("id", Key, primary_key=True),
    required("kind", String(16)),
    required("owner_id", Int),
    required("block_number", Int),
    sqlite_autoincrement=True,
)
