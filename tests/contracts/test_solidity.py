"""Solidity for integrators: interfaces that are the Vyper contracts', and an example that works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import boa
import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from chargecoin.contracts import abi
from scripts._solidity import NAMES, TARGET, Interface
from scripts.export_abi import compile_solidity
from tests.contracts.world import DAY_S, TOKEN, World, a_chain, session

ALLOWANCE: Final = 50 * TOKEN
Signature = tuple[str, tuple[str, ...], tuple[str, ...], str]


@cache
def compiled() -> dict[str, dict[str, Any]]:
    """The interfaces and the example as solc sees them, by name."""
    interfaces = tuple(f"interfaces/I{name}" for name in NAMES)
    made = compile_solidity((*interfaces, "examples/ChargeCard"))
    return {one["name"]: one for one in made}


def canonical(argument: dict[str, Any]) -> str:
    kind: str = argument["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(canonical, argument['components']))}){kind.removeprefix('tuple')}"


def functions(entries: list[dict[str, Any]]) -> set[Signature]:
    """Name, what goes in, what comes out and whether it writes: what a selector stands for."""
    return {
        (
            one["name"],
            tuple(map(canonical, one["inputs"])),
            tuple(map(canonical, one["outputs"])),
            one["stateMutability"].replace("pure", "view"),
        )
        for one in entries
        if one["type"] == "function"
    }


def events(entries: list[dict[str, Any]]) -> set[tuple[str, tuple[tuple[str, bool], ...]]]:
    """Name, types and which are indexed: what a topic stands for, and how data is read."""
    return {
        (one["name"], tuple((canonical(arg), arg["indexed"]) for arg in one["inputs"]))
        for one in entries
        if one["type"] == "event"
    }


@pytest.mark.parametrize("name", NAMES)
def test_an_interface_has_the_contracts_functions_and_events_and_no_other(name: str) -> None:
    solidity, vyper = compiled()[f"I{name}"]["abi"], abi(name)
    assert functions(solidity) == functions(vyper)
    assert events(solidity) == events(vyper)


@pytest.mark.parametrize("name", NAMES)
def test_an_interface_is_the_one_that_the_script_writes(name: str) -> None:
    committed = (TARGET / f"I{name}.sol").read_text()
    made = Interface(name).render()
    assert code_of(made) == code_of(committed), "run `python scripts/export_abi.py`"


def code_of(text: str) -> list[str]:
    """The lines that are no comment: a better word in a source leaves the interface as it is."""
    return [line for line in text.splitlines() if not line.lstrip().startswith("///")]


def test_every_function_that_writes_is_explained() -> None:
    for name in NAMES:
        interface = Interface(name)
        writing = {
            entry["name"]
            for entry in interface.abi
            if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
        }
        assert writing <= interface.documentation.keys(), name


# The example: a charge card that tops up drivers' vaults


@contextmanager
def refused(error: str) -> Iterator[None]:
    """The call reverts with this error of the card."""
    with pytest.raises(boa.BoaError) as raised:
        yield
    selector = repr(keccak(text=error)[:4])[2:-1]
    assert selector in str(raised.value), raised.value


@pytest.fixture(scope="module")
def issued() -> Iterator[tuple[World, Any, int]]:
    """A world, a card contract with 200 tokens, and a driver's account with a card."""
    with a_chain():
        world = World()
        world.add_connector(world.add_owner())
        made = compiled()["ChargeCard"]
        code = bytes.fromhex(made["bytecode"][2:]) + encode(
            ["address"], [str(world.settlement.address)]
        )
        address, _ = boa.env.deploy_code(bytecode=code, sender=world.fleet)
        card = boa.loads_abi(json.dumps(made["abi"]), name="ChargeCard").at(address)
        world.token.mint(card.address, 200 * TOKEN)
        account = world.open_account(world.driver, limit=60 * TOKEN)
        card.set_allowance(account, world.driver, ALLOWANCE, sender=world.fleet)
        yield world, card, account


@pytest.fixture
def world(issued: tuple[World, Any, int]) -> Iterator[World]:
    with boa.env.anchor():
        yield issued[0]


@pytest.fixture
def card(issued: tuple[World, Any, int], world: World) -> Any:
    return issued[1]


@pytest.fixture
def account(issued: tuple[World, Any, int]) -> int:
    return issued[2]


def test_a_driver_charges_with_what_the_card_puts_into_the_vault(
    world: World, card: Any, account: int
) -> None:
    card.top_up(account, 20 * TOKEN, 0, sender=world.driver)
    assert world.settlement.account(account)[0] == 20 * TOKEN
    assert card.left(account) == 30 * TOKEN
    boa.env.timestamp += 7_200
    assert world.settle_one(1, session(account)).paid == 9 * TOKEN
    assert world.settlement.account(account)[0] == 11 * TOKEN
    world.settlement.request_withdrawal(account, 11 * TOKEN, sender=world.driver)
    boa.env.timestamp += 73 * 3_600
    world.settlement.withdraw(account, world.driver, sender=world.driver)
    assert world.token.balanceOf(world.driver) == 11 * TOKEN


def test_a_week_has_one_allowance(world: World, card: Any, account: int) -> None:
    card.top_up(account, 20 * TOKEN, 0, sender=world.driver)
    card.top_up(account, 30 * TOKEN, 0, sender=world.driver)
    with refused("AboveAllowance(uint256)"):
        card.top_up(account, 1, 0, sender=world.driver)
    boa.env.timestamp += 7 * DAY_S
    card.top_up(account, ALLOWANCE, 0, sender=world.driver)
    assert world.settlement.account(account)[0] == 2 * ALLOWANCE


def test_what_is_used_of_a_week_stays_used_when_the_allowance_changes(
    world: World, card: Any, account: int
) -> None:
    card.top_up(account, 40 * TOKEN, 0, sender=world.driver)
    card.set_allowance(account, world.driver, 10 * TOKEN, sender=world.fleet)
    assert card.left(account) == 0
    card.set_allowance(account, world.driver, ALLOWANCE, sender=world.fleet)
    assert card.left(account) == 10 * TOKEN


def test_a_card_pays_only_its_holder_and_only_into_the_holders_vault(
    world: World, card: Any, account: int
) -> None:
    for caller in (world.stranger, world.fleet):
        with refused("NotTheHolder()"):
            card.top_up(account, 1, 0, sender=caller)
    other = world.open_account(world.stranger)
    with refused("NotTheHolder()"):
        card.set_allowance(other, world.driver, ALLOWANCE, sender=world.fleet)
    with refused("NotTheIssuer()"):
        card.set_allowance(account, world.driver, ALLOWANCE, sender=world.driver)


def test_an_allowance_meets_no_more_debt_than_the_driver_says(
    world: World, card: Any, account: int
) -> None:
    boa.env.timestamp += 7_200
    assert world.settle_one(1, session(account)).debt == 9 * TOKEN
    with boa.reverts("settlement: debt above maximum"):
        card.top_up(account, 20 * TOKEN, 9 * TOKEN - 1, sender=world.driver)
    assert card.left(account) == ALLOWANCE
    card.top_up(account, 20 * TOKEN, 9 * TOKEN, sender=world.driver)


def test_the_issuer_takes_out_what_no_card_has_used(world: World, card: Any, account: int) -> None:
    card.top_up(account, 50 * TOKEN, 0, sender=world.driver)
    with refused("NotTheIssuer()"):
        card.withdraw(world.driver, 1, sender=world.driver)
    card.withdraw(world.fleet, 150 * TOKEN, sender=world.fleet)
    assert world.token.balanceOf(card.address) == 0
