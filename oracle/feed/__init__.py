"""The operational feed: what the connectors do now, signed by who holds their connection."""
