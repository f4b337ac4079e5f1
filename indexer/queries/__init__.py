"""The SQL behind the read model, by what it is about."""
