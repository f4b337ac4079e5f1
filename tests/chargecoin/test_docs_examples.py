"""The Python examples of the pages for payers and protocol developers run as they stand."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from chargecoin.chain import Chain
from chargecoin.chain.transactions import contract_call
from chargecoin.record import Assurance, SessionRecord
from scripts._settling import Settler
from tests.support.anvil import GENESIS
from tests.support.protocol import Protocol, secret

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("payer.md", "protocol-developer.md")
HOUR = 3600


def examples() -> list[Any]:
    """Return each example by its place, and whether it reads what the chain has settled."""
    found = []
    for page in PAGES:
        text = (DOCS / page).read_text()
        for match in re.finditer(r"```python\n(.*?)```", text, re.DOTALL):
            line = text[: match.start()].count("\n") + 1
            found.append(pytest.param(match[1], id=f"{page}:{line}"))
    return found


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
    assert len(examples()) == 5


@pytest.mark.parametrize("source", examples())
async def test_an_example_runs(
    source: str, protocol: Protocol, capsys: pytest.CaptureFixture[str]
) -> None:
    await prepare(protocol)
    names: dict[str, Any] = {
        "book": protocol.book,
        "rpc_url": protocol.url,
        "secret": bytes.fromhex(secret("fleet")[2:]),
    }
    code = compile(source, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    # With top-level await the code is a coroutine function's, and eval hands out the coroutine.
    running = eval(code, names)
    if inspect.isawaitable(running):
        await running
    printed = capsys.readouterr().out
    assert ("print" in source) == bool(printed)
    if "Outcome.decode" in source:
        assert "SETTLED 11000 4950000" in printed
