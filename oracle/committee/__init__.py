"""Attesting: a member signs what it has itself verified and stored, and nothing else."""
