"""Solidity interfaces of the Vyper contracts, in `contracts/solidity/interfaces/`.

Functions, events and structs are those of the compiler's ABIs, so nothing can be left
out; their words are those of the sources. `ChargeCoin` has none: it is an ERC-20 with
permit, for which OpenZeppelin's `IERC20` and `IERC20Permit` serve.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any, Final

from chargecoin.contracts import abi
from chargecoin.errors import ConfigurationError

CONTRACTS: Final = Path(__file__).resolve().parents[1] / "contracts"
TARGET: Final = CONTRACTS / "solidity" / "interfaces"
NAMES: Final = tuple(sorted({path.stem for path in CONTRACTS.glob("*.vy")} - {"ChargeCoin"}))
WIDTH: Final = 110
KEPT: Final = "\N{NO-BREAK SPACE}"
"""Between words that stay on one line."""

# Words of Solidity that are names in our interfaces.
RESERVED: Final = frozenset({"new", "reference", "after", "days", "hours", "seconds", "of", "type"})

STRUCT: Final = re.compile(r"^struct (\w+):\n((?:    .*\n)+)", re.MULTILINE)
FIELD: Final = re.compile(r"^    (\w+): (?:\w+\.)?(\w+)", re.MULTILINE)
DOCUMENTED: Final = re.compile(
    r'^@external\n(?:@\w+\n)*def (\w+)\([^"]*?:\n    """\n(.*?)"""', re.MULTILINE | re.DOTALL
)
GETTER: Final = re.compile(r"^(\w+): public\(", re.MULTILINE)
IN_MEMORY: Final = ("string", "bytes")
VYPER_TYPES: Final = {"String": "string", "Bytes": "bytes"}


@cache
def structs() -> dict[tuple[tuple[str, str], ...], str]:
    """The names of structs in the sources by their fields and types."""
    found = {}
    for path in sorted(CONTRACTS.rglob("*.vy*")):
        for name, body in STRUCT.findall(path.read_text()):
            fields = tuple((f, VYPER_TYPES.get(kind, kind)) for f, kind in FIELD.findall(body))
            found[fields] = name
    return found


def sources(file: Path) -> tuple[Path, ...]:
    """A contract's source and those of its modules."""
    modules = re.findall(r"^from \.modules import (\w+)", file.read_text(), re.MULTILINE)
    return file, *(file.parent / "modules" / f"{name}.vy" for name in modules)


def comments(file: Path) -> dict[str, str]:
    """What the comment above a public variable or constant says, by its name."""
    found: dict[str, str] = {}
    for path in sources(file):
        for block in re.split(r"\n\n\n", path.read_text()):
            if block.startswith("# @dev"):
                said = " ".join(re.findall(r"^# ?(.*)$", block, re.MULTILINE))
                for name in GETTER.findall(block):
                    found.setdefault(name, said.removeprefix("@dev "))
    return found


def documentation(file: Path) -> dict[str, list[tuple[str, str]]]:
    """What a contract and its modules say of each external function: (tag, words) in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sources(file):
        for name, said in DOCUMENTED.findall(path.read_text()):
            tags = re.split(r"\n    @(?=dev|param|return)", "\n" + said.rstrip())
            found.setdefault(name, [_tag(words) for words in tags if words.strip()])
    return found


def _tag(words: str) -> tuple[str, str]:
    tag, _, rest = " ".join(words.split()).partition(" ")
    return tag, rest


class Interface:
    """One contract's interface in the making."""

    def __init__(self, name: str) -> None:
        """Take the ABI in `chargecoin/abi/`."""
        self.name = name
        self.abi = abi(name)
        self.documentation = documentation(CONTRACTS / f"{name}.vy")
        self.comments = comments(CONTRACTS / f"{name}.vy")
        self.functions = {entry["name"] for entry in self.abi if entry["type"] == "function"}
        self.structs: dict[str, list[dict[str, Any]]] = {}

    def type_of(self, argument: dict[str, Any]) -> str:
        """The Solidity type of an argument; a struct is remembered."""
        kind: str = argument["type"]
        if not kind.startswith("tuple"):
            return kind
        parts = argument["components"]
        fields = tuple((one["name"], self._plain(one)) for one in parts)
        name = structs().get(fields)
        if name is None:
            raise ConfigurationError(f"{self.name}: no struct in the sources has {fields}")
        for one in parts:
            self.type_of(one)
        self.structs[name] = parts
        return name + kind.removeprefix("tuple")

    def _plain(self, argument: dict[str, Any]) -> str:
        """The type of a struct's field as the sources write it."""
        if argument["type"] == "tuple":
            return self.type_of(argument)
        return str(argument["type"])

    def word(self, name: str) -> str:
        """A parameter's name that Solidity takes and no function of the interface has."""
        return f"{name}_" if name in self.functions else _word(name)

    def argument(self, one: dict[str, Any], location: str) -> str:
        """An argument of a function with its data location."""
        kind = self.type_of(one)
        stored = kind.endswith("]") or kind in IN_MEMORY or one["type"].startswith("tuple")
        # The compiler calls the keys of a public mapping arg0, arg1: they have no name.
        name = "" if re.fullmatch(r"arg\d", one["name"]) else self.word(one["name"])
        return KEPT.join(filter(None, (kind, location if stored else "", name)))

    def function(self, entry: dict[str, Any]) -> list[str]:
        """A function with its documentation."""
        inputs = ", ".join(self.argument(one, "calldata") for one in entry["inputs"])
        outputs = ", ".join(self.argument(one, "memory") for one in entry["outputs"])
        mutability = entry["stateMutability"]
        parts = [f"function {entry['name']}({inputs}) external"]
        parts += [mutability] if mutability in {"view", "pure"} else []
        parts += [f"returns ({outputs})"] if outputs else []
        return [*self._said_of(entry), *_wrapped(" ".join(parts) + ";")]

    def _said_of(self, entry: dict[str, Any]) -> list[str]:
        said = self.documentation.get(entry["name"])
        if said is None:
            words = self.comments.get(entry["name"])
            return _comment("@notice", words) if words else []
        lines = []
        for tag, words in said:
            if tag == "dev":
                lines += _comment("@notice", words)
            elif tag == "return":
                lines += _comment("@return", words.partition(" ")[2])
            else:
                names, rest = re.fullmatch(r"((?:\w+, )*\w+) (.*)", words).groups()  # type: ignore[union-attr]
                for name in names.split(", "):
                    lines += _comment(f"@param {self.word(name)}", rest)
        return lines

    def event(self, entry: dict[str, Any]) -> list[str]:
        """An event."""
        arguments = ", ".join(
            KEPT.join((self.type_of(one), *["indexed"] * one["indexed"], _word(one["name"])))
            for one in entry["inputs"]
        )
        return _wrapped(f"event {entry['name']}({arguments});")

    def render(self) -> str:
        """The whole file."""
        events = [self.event(entry) for entry in self.abi if entry["type"] == "event"]
        functions = [self.function(entry) for entry in self.abi if entry["type"] == "function"]
        definitions = []
        for name, parts in self.structs.items():
            fields = [f"    {self.type_of(one)} {_word(one['name'])};" for one in parts]
            definitions.append([f"struct {name} {{", *fields, "}"])
        head = [
            "// SPDX-License-Identifier: Apache-2.0",
            "// Written by scripts/export_abi.py from the Vyper sources: change those.",
            "pragma solidity ^0.8.20;",
            "",
            *_comment("@title", f"{self.name}, to Solidity"),
            *_comment(
                "@notice",
                "Specification: docs/protocol.md. Amounts are base units, times UTC seconds.",
            ),
        ]
        blocks = [*definitions, *events, *functions]
        body = "\n\n".join("\n".join(f"    {line}" for line in block) for block in blocks)
        return "\n".join([*head, f"interface I{self.name} {{", body, "}", ""])


def _word(name: str) -> str:
    return f"{name}_" if name in RESERVED else name


def _comment(tag: str, words: str) -> list[str]:
    return textwrap.wrap(
        f"{tag} {' '.join(words.split())}",
        WIDTH,
        initial_indent="/// ",
        subsequent_indent="///   ",
        break_on_hyphens=False,
    )


def _wrapped(line: str) -> list[str]:
    lines = textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False)
    return [one.replace(KEPT, " ") for one in lines]


def write(names: Collection[str], *, check: bool) -> list[str]:
    """Write the interfaces of these contracts that have changed, or only name them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    stale = []
    for name in NAMES:
        path = TARGET / f"I{name}.sol"
        if name not in names:
            continue
        text = Interface(name).render()
        if not path.exists() or path.read_text() != text:
            stale.append(path.name)
            if not check:
                path.write_text(text)
    return stale
