"""Fixtures of the oracle's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.oracle.harness import World
from tests.oracle.listening import Listening, listening
from tests.support.protocol import Protocol


@pytest.fixture
def world(protocol: Protocol, tmp_path: Path) -> World:
    """A deployed protocol, with folders for oracles that a test starts."""
    return World.make(protocol, tmp_path)


@pytest.fixture
async def central_system(tmp_path: Path) -> AsyncIterator[Listening]:
    """A central system for CP-0001 and CP-0002, without a chain."""
    async with listening(tmp_path) as running:
        yield running
