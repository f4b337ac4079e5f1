"""The Python examples of the pages for payers and protocol developers run as they stand."""

from __future__ import annotations

import pytest

from chargecoin.chain import Chain
from chargecoin.chain.transactions import contract_call
from chargecoin.record import Assurance, SessionRecord
from scripts._settling import Settler
from tests.support.anvil import GENESIS
from tests.support.examples import Example, examples, run
from tests.support.protocol import Protocol, secret

PAGES = ("payer.md", "protocol-developer.md")
HOUR = 3600


async def prepare(protocol: Protocol) -> None:
    """Settle a session, and give the fleet 1,000 tokens beside its vault."""
    fleet = protocol.ids["payers"]["fleet"]
    session = SessionRecord(
        payer=fleet["account"],
        started_at=GENESIS + 25 * HOUR,
        duration_s=HOUR,
        idle_s=0,
        energy_wh=11_000,
        gross=4_950_000,
        campaign_id=0,
        hour_of_week=97,
        grid_gco2e_per_kwh=176,
        renewable_pct=43,
        assurance=Assurance.OBSERVED,
    )
    async with await Chain.connect(protocol.url, protocol.deployment) as chain:
        settler = Settler(protocol.node, chain, protocol.members[: protocol.threshold])
        await settler.settle({1: [session]}, at=GENESIS + 27 * HOUR)
        token = protocol.deployment.address("Token")
        await settler.execute(
            contract_call("TestStablecoin", "mint", token, fleet["holder"], 1_000_000_000)
        )
    protocol.node.mine(2)


def test_there_are_examples() -> None:
    assert len(examples(*PAGES)) == 5


@pytest.mark.parametrize("example", examples(*PAGES))
async def test_an_example_runs(example: Example, protocol: Protocol) -> None:
    await prepare(protocol)
    names = {
        "book": protocol.book,
        "rpc_url": protocol.url,
        "secret": bytes.fromhex(secret("fleet")[2:]),
    }
    printed = await run(example, names)
    assert ("print" in example.source) == bool(printed)
    if "Outcome.decode" in example.source:
        assert "SETTLED 11000 4950000" in printed
