"""Virtual charge points, meters and sessions: what the demo and the tests run on."""
