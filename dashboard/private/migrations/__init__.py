"""Alembic's folder of the private settings."""
