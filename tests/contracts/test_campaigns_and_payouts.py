"""Campaigns and payouts beside a settlement, and what the specification says of them."""

import re
from pathlib import Path

import pytest

from chargecoin.contracts import artifact, events
from tests.contracts.world import World

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
CONTRACTS = pytest.mark.parametrize(
    ("contract", "heading"),
    [("CampaignManager", "10. Campaigns"), ("Payouts", "11. Payouts")],
)


def section(heading: str) -> str:
    """One section of the specification."""
    text = (ROOT / "docs" / "protocol.md").read_text()
    return text[text.index(f"\n## {heading}") :].split("\n## ")[1]


def test_they_stand_beside_their_settlement(world: World) -> None:
    settlement = world.settlement
    assert settlement.campaigns() == world.campaigns.address
    assert settlement.payouts() == world.payouts.address
    for peer in (world.campaigns, world.payouts):
        assert peer.settlement() == settlement.address
        assert peer.registry() == world.registry.address


@CONTRACTS
def test_every_function_is_in_the_specification(contract: str, heading: str) -> None:
    text = section(heading)
    names = {one["name"] for one in artifact(contract)["abi"] if one["type"] == "function"}
    assert not {name for name in names if f"`{name}(" not in text}


@CONTRACTS
def test_the_events_are_those_of_the_specification(contract: str, heading: str) -> None:
    text = section(heading)
    for event in events(contract).values():
        arguments = ", ".join(
            one["name"]
            + "*" * one["indexed"]
            + (f" {one['type']}" if one["type"] != "uint256" else "")
            for one in event.inputs
        )
        assert f"`{event.name}({arguments})`" in text


def test_every_test_that_an_invariant_names_exists() -> None:
    text = section("10. Campaigns") + section("11. Payouts")
    rows = [row for row in text.splitlines() if re.match(r"\| \d\d \|", row)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(43, 57))
    tests = "".join(path.read_text() for path in FOLDER.glob("test_*.py"))
    for name, file in re.findall(r"`(\w+)(\.py)?`", " ".join(row.split("|")[3] for row in rows)):
        assert (FOLDER / f"{name}.py").exists() if file else f"def {name}(" in tests
