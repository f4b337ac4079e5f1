"""Adjustments beside a settlement: who appoints arbiters, and what the specification says."""

import re
from pathlib import Path

import boa

from chargecoin import adjustments as sdk
from chargecoin.contracts import artifact, events
from tests.contracts.adjusting import dispute, pay, rule, rulings
from tests.contracts.world import HOUR_S, TOKEN, World, attesters, now, wait
from tests.contracts.world import events as logged

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]


def section() -> str:
    """Section 9 of the specification."""
    text = (ROOT / "docs" / "protocol.md").read_text()
    return text[text.index("\n## 9. Adjustments") :].split("\n## ")[1]


def test_it_stands_beside_its_settlement(world: World) -> None:
    adjustments, settlement = world.adjustments, world.settlement
    assert (adjustments.settlement(), settlement.adjustments()) == (
        settlement.address,
        adjustments.address,
    )
    assert adjustments.registry() == world.registry.address
    assert (adjustments.governance(), adjustments.guardian()) == (world.governance, world.guardian)
    assert (adjustments.current_epoch(), adjustments.dispute_count()) == (1, 0)
    assert adjustments.committee(1) == (2, 2**40 - 1)
    assert all(adjustments.is_member(1, one.address) for one in world.arbiters)


def test_governance_replaces_the_arbiters_with_a_grace(world: World, account: int) -> None:
    first, second = (dispute(world, pay(world, account)) for _ in range(2))
    team = attesters(5, "next arbiter")
    world.adjustments.appoint_arbiters(
        [one.address for one in team], 3, HOUR_S, sender=world.governance
    )
    [event] = logged(world.adjustments, "CommitteeAppointed")
    assert (event.epoch, event.threshold, event.previous_valid_until) == (2, 3, now() + HOUR_S)
    wait(HOUR_S - 1)
    rule(world, first, TOKEN)
    wait(1)
    with boa.reverts("settlement: wrong committee epoch"):
        rule(world, second, TOKEN)
    rule(world, second, TOKEN, epoch=2, by=team[1:4])


def test_python_and_the_contract_name_the_same_domain_and_constants(world: World) -> None:
    adjustments = world.adjustments
    assert adjustments.DOMAIN_SEPARATOR() == rulings(world).separator
    assert (adjustments.REFUND_WINDOW_S(), adjustments.DISPUTE_WINDOW_S()) == (
        sdk.REFUND_WINDOW_S,
        sdk.DISPUTE_WINDOW_S,
    )
    assert adjustments.RULING_WINDOW_S() == sdk.RULING_WINDOW_S
    assert (adjustments.MIN_BOND(), adjustments.MAX_OPEN()) == (sdk.MIN_BOND, sdk.MAX_OPEN)


def test_every_function_is_in_the_specification() -> None:
    text = section()
    names = {one["name"] for one in artifact("Adjustments")["abi"] if one["type"] == "function"}
    assert not {name for name in names if f"`{name}(" not in text}


def test_the_events_are_those_of_the_specification() -> None:
    text = section()
    for event in events("Adjustments").values():
        arguments = ", ".join(
            one["name"]
            + "*" * one["indexed"]
            + (f" {one['type']}" if one["type"] != "uint256" else "")
            for one in event.inputs
        )
        assert f"`{event.name}({arguments})`" in text


def test_every_test_that_an_invariant_names_exists() -> None:
    rows = [row for row in section().splitlines() if re.match(r"\| \d\d \|", row)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(30, 43))
    tests = "".join(path.read_text() for path in FOLDER.glob("test_*.py"))
    for name, file in re.findall(r"`(\w+)(\.py)?`", " ".join(row.split("|")[3] for row in rows)):
        assert (FOLDER / f"{name}.py").exists() if file else f"def {name}(" in tests
