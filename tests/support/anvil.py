"""A real anvil for tests: one a session, put back as it was after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chargecoin.local_node import LocalNode, NodeOptions


@pytest.fixture(scope="session")
def anvil_session() -> Iterator[LocalNode]:
    """One node for the whole run; ask for `anvil` unless you build on it once a session."""
    with LocalNode() as node:
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
