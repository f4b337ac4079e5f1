"""What several test modules need to start real components."""
