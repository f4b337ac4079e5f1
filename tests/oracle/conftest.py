"""Fixtures of the oracle's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle.harness import World
from tests.support.protocol import Protocol


@pytest.fixture
def world(protocol: Protocol, tmp_path: Path) -> World:
    """A deployed protocol, with folders for oracles that a test starts."""
    return World.make(protocol, tmp_path)
