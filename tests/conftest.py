"""Fixtures that every part uses; each lives with what it fakes or starts."""

pytest_plugins = ["tests.support.anvil", "tests.support.protocol", "tests.support.settlement"]
