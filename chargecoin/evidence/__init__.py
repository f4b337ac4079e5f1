"""Evidence of a session: built by an oracle, checked by anyone (docs/evidence.md)."""
