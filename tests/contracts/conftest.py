"""One deployment a module; what a test does to it is undone after it."""

import os
from collections.abc import Iterator
from typing import Any, Final

import boa
import pytest

from tests.contracts.world import HOUR_S, TOKEN, World, a_chain, source, wait
from tests.support.evm import an_env

# What the marker `py_evm` stands for.
NOT_ON_REVM: Final = (
    "revm cannot do what this test needs (another chain id, exact gas or Vyper evaluated in a "
    "contract): run it without CHARGECOIN_EVM=revm"
)


def on_revm() -> bool:
    """Whether everything that can is to run on revm."""
    return os.environ.get("CHARGECOIN_EVM") == "revm"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what asks for py-evm where everything else is to run on revm."""
    for item in items:
        if on_revm() and item.get_closest_marker("py_evm"):
            item.add_marker(pytest.mark.skip(NOT_ON_REVM))


@pytest.fixture(scope="module", autouse=True)
def own_chain() -> Iterator[None]:
    """A chain a module: boa names storage by what other modules wrote at the same address."""
    with boa.swap_env(an_env(fast=on_revm())):
        yield


@pytest.fixture(scope="module")
def deployed() -> Iterator[World]:
    """Owner 1 with connector 1 on a flat tariff that has been in force for two hours."""
    with a_chain():
        world = World()
        world.add_connector(world.add_owner())
        wait(2 * HOUR_S)
        yield world


@pytest.fixture
def world(deployed: World) -> Iterator[World]:
    """The deployment, for one test."""
    with boa.env.anchor():
        yield deployed


@pytest.fixture
def account(world: World) -> int:
    """The driver's account: 100 tokens, 60 of them a day."""
    return world.open_account(world.driver, balance=100 * TOKEN, limit=60 * TOKEN)


@pytest.fixture
def odd_token() -> Any:
    """A token whose faults can be chosen."""
    return source("mocks/odd_token_mock").deploy(6)
