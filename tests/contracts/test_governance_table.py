"""docs/governance.md lists every function that not everybody may call, and no other.

Which those are is derived from the sources: a function is restricted if it, or a function
that it calls, compares `msg.sender` with somebody, looks it up among those
who have a role, or counts signatures.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from chargecoin.contracts import abi
from scripts.export_abi import VYPER

ROOT: Final = Path(__file__).resolve().parents[2]
CONTRACTS: Final = ROOT / "contracts"
PAGE: Final = ROOT / "docs" / "governance.md"

FUNCTION: Final = re.compile(r"^def (\w+)\(", re.MULTILINE)
IMPORT: Final = re.compile(r"^from (\.[.\w]*) import (\w+)(?: as (\w+))?$", re.MULTILINE)
CALL: Final = re.compile(r"\b(self|[a-z]\w*)\.(_\w+)\(")
EXPORT: Final = re.compile(r"^exports: (\((.*?)^\)|[^(\n]*)", re.MULTILINE | re.DOTALL)
DOCUMENTATION: Final = re.compile(r'""".*?"""', re.DOTALL)
ASKED: Final = re.compile(
    r"msg\.sender (==|!=)|(==|!=) msg\.sender|(voucher_kind|is_operator\[\w+\])\[msg\.sender\]"
)


@cache
def functions(file: Path) -> dict[str, str]:
    """The functions of a source by name: decorators and body, without documentation."""
    text = DOCUMENTATION.sub("", file.read_text())
    blocks = re.split(r"\n\n\n+", text)
    return {found[1]: block for block in blocks if (found := FUNCTION.search(block))}


@cache
def modules(file: Path) -> dict[str, Path]:
    """The modules of ours that a source imports, by the name it gives them."""
    found = {}
    for place, name, alias in IMPORT.findall(file.read_text()):
        folder = file.parents[len(place) - len(place.lstrip(".")) - 1]
        source = folder.joinpath(*filter(None, place.lstrip(".").split(".")), f"{name}.vy")
        if source.exists():
            found[alias or name] = source
    return found


def restricted(file: Path, name: str, seen: frozenset[tuple[Path, str]] = frozenset()) -> bool:
    """Whether a function, or one that it calls, asks who the sender or who signed."""
    if (file, name) in seen or name not in functions(file):
        return False
    body = functions(file)[name]
    if ASKED.search(body) or file.stem == "quorum":
        return True
    for owner, called in CALL.findall(body):
        source = file if owner == "self" else modules(file).get(owner)
        if source and restricted(source, called, seen | {(file, name)}):
            return True
    return False


def entrances(file: Path) -> dict[str, Path]:
    """Where each external function of a contract that writes is defined."""
    found = dict.fromkeys(functions(file), file)
    exported = " ".join(match[0] for match in EXPORT.findall(file.read_text()))
    for module, name in re.findall(r"(\w+)\.(\w+)", exported):
        if module in modules(file):
            found[name] = modules(file)[module]
    writing = {
        entry["name"]
        for entry in abi(file.stem)
        if entry["type"] == "function" and entry["stateMutability"] not in {"view", "pure"}
    }
    return {name: source for name, source in found.items() if name in writing}


def derived(contract: str) -> set[str]:
    """The restricted functions of a contract by its sources."""
    file = CONTRACTS / f"{contract}.vy"
    return {name for name, source in entrances(file).items() if restricted(source, name)}


def documented() -> dict[str, set[str]]:
    """The functions that the page lists, by contract: rows `| `Contract` | `function` | …`."""
    found: dict[str, set[str]] = {}
    contract = ""
    for first, second in re.findall(
        r"^\| (`\w+`)? *\| (`[^|]*`) \|", PAGE.read_text(), re.MULTILINE
    ):
        contract = first.strip("`") or contract
        found.setdefault(contract, set()).update(re.findall(r"`(\w+)`", second))
    return found


@pytest.mark.parametrize("contract", VYPER)
def test_the_page_lists_every_function_that_not_everybody_may_call(contract: str) -> None:
    listed = documented().get(contract, set())
    assert derived(contract) - listed == set(), "docs/governance.md does not list these"
    assert listed - derived(contract) == set(), "anybody may call these, or they do not exist"


def test_the_page_lists_every_function_of_the_timelock_that_needs_a_role() -> None:
    # Of OpenZeppelin's functions that write, these are open to all: they only give up a role
    # of one's own, or receive tokens.
    open_to_all = {
        "renounceRole",
        "onERC721Received",
        "onERC1155Received",
        "onERC1155BatchReceived",
    }
    writing = {
        entry["name"]
        for entry in abi("Timelock")
        if entry["type"] == "function" and entry["stateMutability"] not in {"view", "pure"}
    }
    assert documented()["Timelock"] == writing - open_to_all


def test_what_is_restricted_is_found_in_the_sources() -> None:
    """A few of each way to ask, so that the derivation cannot come to find nothing."""
    assert {"set_voucher", "vouch", "add_site", "accept_account"} <= derived("StationRegistry")
    assert {"settle", "pause", "deposit", "withdraw_accrual"} <= derived("Settlement")
    assert {"post_root", "void_root"} == derived("RewardDistributor")
    assert derived("ChargeCoin") == set()
    assert not {"claim", "sync", "sponsor", "roll_over"} & derived("RewardDistributor")
