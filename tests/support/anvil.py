"""A real anvil for tests: one a session, put back as it was after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest

from chargecoin.local_node import LocalNode, NodeOptions

GENESIS: Final = 1_767_225_600
"""2026-01-01 00:00:00 UTC; from there the chain's time runs on by itself."""


@pytest.fixture(scope="session")
def anvil_session() -> Iterator[LocalNode]:
    """One node for the whole run; ask for `anvil` unless you build on it once a session."""
    with LocalNode(NodeOptions(timestamp=GENESIS)) as node:
        yield node


@pytest.fixture
def anvil(anvil_session: LocalNode) -> Iterator[LocalNode]:
    """The session's node; what a test does to the chain is undone after it."""
    before = anvil_session.snapshot()
    yield anvil_session
    anvil_session.revert(before)


@pytest.fixture
def start_anvil() -> Iterator[Callable[..., LocalNode]]:
    """Start nodes of one's own: `start_anvil(timestamp=..., automine=False)`."""
    nodes: list[LocalNode] = []

    def start(**options: int | bool | None) -> LocalNode:
        node = LocalNode(NodeOptions(**options))  # type: ignore[arg-type]
        nodes.append(node)
        return node

    yield start
    for node in nodes:
        node.stop()
