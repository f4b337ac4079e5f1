"""The protocol on a real chain: deployed and onboarded by the code of the scripts, without ape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from eth_utils.crypto import keccak

from chargecoin.chain.transactions import KeySigner
from chargecoin.deployments import Deployment
from chargecoin.local_node import CHAIN_ID, LocalNode
from chargecoin.typed_data import Signer
from scripts._local import DEPLOYER, GUARDIAN
from scripts._local import set_up as set_up_local
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
    members: tuple[Signer, ...]
    threshold: int
    onboarding: Onboarding
    ids: dict[str, Any]

    @property
    def deployer(self) -> KeySigner:
        """Who deployed, and proposes to governance."""
        return DEPLOYER

    @property
    def guardian(self) -> KeySigner:
        """Who may pause and revoke committees."""
        return GUARDIAN

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
    attesters = attester_signers(members)
    addresses = tuple(signer.address for signer in attesters)
    book = folder / f"{CHAIN_ID}.json"
    made = asyncio.run(set_up_local(node.url, book, addresses, threshold, onboarding))
    return Protocol(node, book, made.deployment, attesters, threshold, onboarding, made.ids)


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
