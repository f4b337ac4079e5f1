"""What is committed for the other parts is what the compilers make of the sources now."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from chargecoin.contracts import artifact, events
from scripts.export_abi import SOLIDITY, VYPER, compile_solidity, render, vyper

ROOT = Path(__file__).resolve().parents[2]
EIP_170 = 24_576


@cache
def compiled(name: str) -> list[str]:
    """Interface, creation code, runtime code, layout and documentation, compiled once."""
    return vyper(name, "abi", "bytecode", "bytecode_runtime", "layout", "devdoc")


def committed(name: str) -> str:
    return (ROOT / "chargecoin" / "abi" / f"{name}.json").read_text()


def immutables(layout: Any) -> int:
    """Bytes that the constructor appends to the runtime code."""
    if "length" in layout:
        return int(layout["length"])
    return sum(immutables(value) for value in layout.values())


@pytest.mark.parametrize("name", VYPER)
def test_the_committed_interface_and_code_are_the_compilers(name: str) -> None:
    interface, bytecode, *_ = compiled(name)
    made = {"name": name, "abi": json.loads(interface), "bytecode": bytecode}
    assert render(made) == committed(name), "run `python scripts/export_abi.py`"


def test_the_committed_solidity_is_the_compilers() -> None:
    for made in compile_solidity(SOLIDITY):
        assert render(made) == committed(made["name"]), "run `python scripts/export_abi.py`"


def test_every_contract_is_exported_and_nothing_that_is_gone() -> None:
    exported = {path.stem for path in (ROOT / "chargecoin" / "abi").glob("*.json")}
    assert exported == {*VYPER, *SOLIDITY}


@pytest.mark.parametrize("name", VYPER)
def test_a_contract_fits_its_size_and_says_how_to_stop_it(name: str) -> None:
    _, _, runtime, layout, documentation = compiled(name)
    size = len(bytes.fromhex(runtime.removeprefix("0x")))
    assert size + immutables(json.loads(layout).get("code_layout", {})) <= EIP_170
    assert json.loads(documentation).get("custom:kill"), f"{name} does not say how to stop it"


TYPES = {"string", "bool", "bytes", "bytes32", "address", "address[]"}


def specified_events() -> dict[str, dict[str, list[tuple[str, str, bool]]]]:
    """Events by contract, as docs/protocol.md, section 6, has them: (name, type, indexed)."""
    text = (ROOT / "docs" / "protocol.md").read_text()
    section = text[text.index("## 6. Events") :].split("\n## ")[0]
    found: dict[str, dict[str, list[tuple[str, str, bool]]]] = {}
    contract = ""
    for first, second in re.findall(r"^\|([^|]*)\|([^|]*)\|$", section, re.MULTILINE):
        if named := re.fullmatch(r" `(\w+)` ", first):
            contract = named[1]
        for name, arguments in re.findall(r"`(\w+)\(([^`]*)\)`", second):
            parsed = []
            for argument in filter(None, arguments.split(", ")):
                word, _, kind = argument.partition(" ")
                kind = kind if kind in TYPES else "uint256"
                indexed = word.endswith("*")
                kind = "address" if word.rstrip("*") in ADDRESSES[name] else kind
                parsed.append((word.rstrip("*"), kind, indexed))
            found.setdefault(contract, {})[name] = parsed
    return found


class _Addresses(dict[str, set[str]]):
    """Arguments that are addresses by their name alone in the specification."""

    def __missing__(self, key: str) -> set[str]:
        return {"account"} if key == "OwnerRegistered" else ROLES


ROLES = {"operator", "voucher", "holder", "sender", "to", "router", "oracles", "submitter"}
ADDRESSES = _Addresses()


@pytest.mark.parametrize("contract", ["StationRegistry", "Settlement", "FeeRouter"])
def test_the_events_are_those_of_the_specification(contract: str) -> None:
    real = {
        event.name: [(arg["name"], arg["type"], arg["indexed"]) for arg in event.inputs]
        for event in events(contract).values()
    }
    assert real == specified_events()[contract]


@pytest.mark.parametrize("contract", ["StationRegistry", "Settlement", "FeeRouter"])
def test_every_function_is_in_the_specification(contract: str) -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    section = text[text.index("## 5. Contracts") : text.index("## 6. Events")]
    names = {entry["name"] for entry in artifact(contract)["abi"] if entry["type"] == "function"}
    missing = {
        name for name in names if f"`{name}(" not in section and not re.fullmatch(r"MAX_\w+", name)
    }
    assert not missing


def test_every_test_that_an_invariant_names_exists() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    section = text[text.index("## 7. Invariants") :].split("\n## ")[0]
    folder = ROOT / "tests" / "contracts"
    tests = "".join(path.read_text() for path in sorted(folder.glob("test_*.py")))
    rows = [row.split("|") for row in section.splitlines() if re.match(r"\| \d", row)]
    assert [int(row[1]) for row in rows] == list(range(1, len(rows) + 1))
    held_by = [row[3] for row in rows]
    named = re.findall(r"`(\w+)(\.py)?`", " ".join(held_by))
    assert all("`" in one for one in held_by)
    missing = [
        name
        for name, file in named
        if not ((folder / f"{name}.py").exists() if file else f"def {name}(" in tests)
    ]
    assert not missing
