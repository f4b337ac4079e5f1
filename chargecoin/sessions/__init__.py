"""From stored OCPP frames to a session's reading: pure functions, no I/O."""
