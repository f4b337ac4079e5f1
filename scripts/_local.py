"""Deploying and onboarding on a local chain in one call, for tests and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chargecoin import deployments
from chargecoin.chain import Chain, Rpc
from chargecoin.chain.transactions import KeySigner
from chargecoin.deployments import Deployment
from chargecoin.local_node import CHAIN_ID
from scripts._book import Book, Settings
from scripts._deployment import deploy
from scripts._onboarding import onboard
from scripts._onboarding_file import Onboarding
from scripts._pipeline import Pipeline

GAS_MONEY: Final = 10**18

# The keys of anvil's first three accounts, which hold test ether; known to everyone.
DEPLOYER: Final = KeySigner(
    bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
)
GUARDIAN: Final = KeySigner(
    bytes.fromhex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
)
ARBITER: Final = KeySigner(
    bytes.fromhex("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")
)


@dataclass(frozen=True, slots=True)
class LocalProtocol:
    """What was deployed, and the ids of what was onboarded (docs/onboarding.md)."""

    deployment: Deployment
    ids: dict[str, Any]


def local_settings(members: tuple[str, ...], threshold: int) -> Settings:
    """Return settings under which governance acts at once, and everything is the deployer's."""
    return Settings(
        guardian=GUARDIAN.address,
        members=members,
        threshold=threshold,
        arbiters=(ARBITER.address,),
        arbiter_threshold=1,
        proposers=(DEPLOYER.address,),
        treasury=DEPLOYER.address,
        oracles=DEPLOYER.address,
        chg_holder=DEPLOYER.address,
        delay_s=0,
    ).checked(CHAIN_ID)


async def set_up(
    url: str, book: Path, members: tuple[str, ...], threshold: int, onboarding: Onboarding
) -> LocalProtocol:
    """Deploy with governance that acts at once, and onboard. `book` is where addresses go."""
    rpc = Rpc(url)
    try:
        pipeline = Pipeline(rpc, CHAIN_ID)
        [deployer] = await pipeline.senders([DEPLOYER])
        settings = local_settings(members, threshold)
        addresses = Book(book, CHAIN_ID)
        await deploy(pipeline, deployer, addresses, settings)
        deployment = deployments.load(book)
        chain = Chain(rpc, deployment)
        ids = await onboard(pipeline, addresses, chain, deployer, onboarding, GAS_MONEY)
        return LocalProtocol(deployment, ids)
    finally:
        await rpc.close()
