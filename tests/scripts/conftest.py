"""What the tests of the scripts share: a pipeline on a real chain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from chargecoin.chain import Rpc
from chargecoin.local_node import CHAIN_ID, LocalNode
from scripts._book import Settings
from scripts._local import DEPLOYER, local_settings
from scripts._pipeline import Pipeline, Sender
from tests.support.protocol import attester_signers


@pytest_asyncio.fixture
async def pipeline(anvil: LocalNode) -> AsyncIterator[Pipeline]:
    rpc = Rpc(anvil.url)
    yield Pipeline(rpc, CHAIN_ID)
    await rpc.close()


@pytest_asyncio.fixture
async def deployer(pipeline: Pipeline) -> Sender:
    [sender] = await pipeline.senders([DEPLOYER])
    return sender


@pytest.fixture
def settings() -> Settings:
    return local_settings(tuple(signer.address for signer in attester_signers(3)), 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deployments" / f"{CHAIN_ID}.json"
