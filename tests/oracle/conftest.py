"""Fixtures of the oracle's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from chargecoin.local_node import LocalNode
from scripts._onboarding_file import MeterKeyInput
from tests.oracle.harness import World
from tests.oracle.listening import Listening, listening
from tests.support.charging import Meter
from tests.support.protocol import ONBOARDING, Protocol, secret, set_up


@pytest.fixture(scope="session")
def metered_session(anvil_session: LocalNode, tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    """The protocol with a signing meter, known to its manufacturer, at CP-0001's connector 2."""
    raw = msgspec.to_builtins(ONBOARDING)
    connector = raw["owners"][0]["sites"][0]["stations"][0]["evses"][1]["connectors"][0]
    meter = Meter()
    connector["meter_key"] = msgspec.to_builtins(
        MeterKeyInput(meter.key().curve, "0x" + meter.public_key.hex(), "manufacturer")
    )
    raw["vouchers"] = {"manufacturer": secret("manufacturer")}
    onboarding = msgspec.convert(raw, type(ONBOARDING))
    return set_up(anvil_session, tmp_path_factory.mktemp("metered"), onboarding=onboarding)


@pytest.fixture
def world(metered_session: Protocol, anvil: LocalNode, tmp_path: Path) -> World:
    """A deployed protocol, with a folder for oracles that a test starts."""
    assert metered_session.node is anvil
    return World.make(metered_session, tmp_path)


@pytest.fixture
async def central_system(tmp_path: Path) -> AsyncIterator[Listening]:
    """A central system for CP-0001 and CP-0002, without a chain."""
    async with listening(tmp_path) as running:
        yield running
