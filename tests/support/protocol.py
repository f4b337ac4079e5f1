"""The protocol on a real chain: deployed and onboarded by the code of the scripts, without ape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from eth_utils.crypto import keccak

from chargecoin import deployments
from chargecoin.chain import Chain, Rpc
from chargecoin.chain.transactions import KeySigner
from chargecoin.deployments import Deployment
from chargecoin.local_node import CHAIN_ID, LocalNode
from chargecoin.typed_data import Signer
from scripts._book import Book, Settings
from scripts._deployment import deploy
from scripts._onboarding import onboard
from scripts._onboarding_file import (
    ConnectorInput,
    EvseInput,
    Onboarding,
    OwnerInput,
    PayerInput,
    SiteInput,
    StationInput,
    TariffInput,
)
from scripts._pipeline import Pipeline

# The keys of anvil's first accounts, which hold test ether; known to everyone.
DEPLOYER_KEY: Final = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
GUARDIAN_KEY: Final = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
GAS_MONEY: Final = 10**18


def secret(role: str) -> str:
    """Return a private key that belongs to a role, the same in every run."""
    return "0x" + keccak(text=f"chargecoin test {role}").hex()


def attester_signers(count: int) -> tuple[Signer, ...]:
    """Return the signers of attesters, ascending by address as a committee is."""
    signers = [Signer(bytes.fromhex(secret(f"attester {i}")[2:])) for i in range(count)]
    return tuple(sorted(signers, key=lambda signer: int(signer.address, 16)))


def _connector(number: int, kwh: int, standard: int, power_type: int, watt: int) -> ConnectorInput:
    tariff = TariffInput(kwh=kwh, hour=0, idle_hour=0, session=0, vat_bps=2_000)
    return ConnectorInput(number, standard, power_type, watt, tariff)


ONBOARDING: Final = Onboarding(
    owners=(
        OwnerInput(
            "Harbour Parking",
            secret("station_owner 1"),
            (
                SiteInput(
                    "Harbour",
                    "Europe/London",
                    "GB",
                    "GB",
                    (
                        StationInput(
                            "CP-0001",
                            "Vendor",
                            "AC-22",
                            (
                                EvseInput(1, (_connector(1, 450_000, 4, 2, 22_000),), "GB*CCN*E1"),
                                EvseInput(2, (_connector(2, 450_000, 4, 2, 22_000),), "GB*CCN*E2"),
                            ),
                        ),
                    ),
                ),
            ),
        ),
        OwnerInput(
            "Motorway Services",
            secret("station_owner 2"),
            (
                SiteInput(
                    "Services North",
                    "Europe/Berlin",
                    "DE",
                    "DE",
                    (
                        StationInput(
                            "CP-0002",
                            "Vendor",
                            "DC-150",
                            (EvseInput(1, (_connector(1, 690_000, 5, 3, 150_000),)),),
                        ),
                    ),
                ),
            ),
        ),
    ),
    payers=(
        PayerInput("driver", secret("driver"), 100_000_000, 50_000_000),
        PayerInput("fleet", secret("fleet"), 5_000_000_000, 1_000_000_000),
    ),
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """A deployed protocol with two owners, three connectors and two funded payers."""

    node: LocalNode
    book: Path
    deployment: Deployment
    deployer: KeySigner
    guardian: KeySigner
    members: tuple[Signer, ...]
    threshold: int
    onboarding: Onboarding
    ids: dict[str, Any]

    @property
    def url(self) -> str:
        """The node's address."""
        return self.node.url

    def payer(self, name: str) -> KeySigner:
        """Return the signer of an onboarded payer."""
        return KeySigner(bytes.fromhex(secret(name)[2:]))

    def owner(self, number: int) -> KeySigner:
        """Return the signer of an onboarded owner, counted from 1."""
        return KeySigner(bytes.fromhex(secret(f"station_owner {number}")[2:]))


def set_up(
    node: LocalNode,
    folder: Path,
    *,
    onboarding: Onboarding = ONBOARDING,
    members: int = 3,
    threshold: int = 2,
) -> Protocol:
    """Deploy and onboard on a node; the address book goes into `folder`."""
    deployer, guardian = (KeySigner(bytes.fromhex(k[2:])) for k in (DEPLOYER_KEY, GUARDIAN_KEY))
    attesters = attester_signers(members)
    path = folder / f"{CHAIN_ID}.json"

    async def work() -> tuple[Deployment, dict[str, Any]]:
        rpc = Rpc(node.url)
        try:
            pipeline = Pipeline(rpc, CHAIN_ID)
            [sender] = await pipeline.senders([deployer])
            book = Book(path, CHAIN_ID)
            settings = Settings(
                guardian=guardian.address,
                members=tuple(signer.address for signer in attesters),
                threshold=threshold,
                proposers=(deployer.address,),
                destinations=(deployer.address,) * 4,
                delay_s=0,
            )
            await deploy(pipeline, sender, book, settings.checked(CHAIN_ID))
            deployment = deployments.load(path)
            chain = Chain(rpc, deployment)
            ids = await onboard(pipeline, book, chain, sender, onboarding, GAS_MONEY)
            return deployment, ids
        finally:
            await rpc.close()

    deployment, ids = asyncio.run(work())
    return Protocol(
        node, path, deployment, deployer, guardian, attesters, threshold, onboarding, ids
    )


@pytest.fixture(scope="session")
def protocol_session(
    anvil_session: LocalNode, tmp_path_factory: pytest.TempPathFactory
) -> Protocol:
    """The protocol on the session's node; ask for `protocol` unless you build on it."""
    return set_up(anvil_session, tmp_path_factory.mktemp("deployment"))


@pytest.fixture
def protocol(protocol_session: Protocol, anvil: LocalNode) -> Protocol:
    """The protocol; what a test does to the chain is undone after it."""
    assert protocol_session.node is anvil
    return protocol_session


@pytest.fixture
def start_protocol(
    start_anvil: Callable[..., LocalNode], tmp_path: Path
) -> Callable[..., Protocol]:
    """Deploy on a node of one's own: `start_protocol(timestamp=…)`, options as of `start_anvil`."""

    def start(**options: int | bool | None) -> Protocol:
        return set_up(start_anvil(**options), tmp_path)

    return start
