"""Alembic migrations, run by `indexer.database.migrate` at every start."""
