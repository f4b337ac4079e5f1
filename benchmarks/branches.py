"""Which branches of the contracts their tests never take: `python -m benchmarks.branches`.

Coverage tools count lines, and an assert that never fails is a line like any other. Here every
JUMPI that py-evm runs is noted with the way it goes, and told by the compiler's source map: a line
of a source with a way that no test took is listed. What the compiler made by itself (sizes of
calldata, overflows, failed calls) is counted by its kind.

What was seen is kept in `.cache/branches.json` for as long as a contract's code is the same, so
that a run can be made in parts, each over some of the tests; `--only` tells what to report of.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boa
import pytest
from boa.vm.py_evm import patch_opcode
from eth.vm.forks.cancun.opcodes import CANCUN_OPCODES
from vyper import ast as nodes_of

import tests.support.titanoboa  # noqa: F401 - Compiled contracts are named by all their sources.
from benchmarks._mutations import sources

ROOT: Final = Path(__file__).resolve().parents[1]
SEEN: Final = ROOT / ".cache" / "branches.json"
JUMPI: Final = 0x57
PUSH1, PUSH32 = 0x60, 0x7F
# Of what the compiler puts before a revert, what a source says itself.
WRITTEN: Final = {None, "user assert", "user revert with reason", "user raise"}
# Jumps of these are sizes and lengths; what a source asks belongs to the node that asks.
COPIED: Final = (
    nodes_of.Name,
    nodes_of.Attribute,
    nodes_of.NameConstant,
    nodes_of.Log,
    nodes_of.arg,
)
# By contract: positions of jumps with the ways that were taken there.
Seen = dict[str, set[tuple[int, bool]]]


class Jumps:
    """Notes at which place of which contract a jump was taken, and where it was not."""

    mnemonic = "JUMPI"

    def __init__(self) -> None:
        self._jumpi = CANCUN_OPCODES[JUMPI]
        self.seen: set[tuple[str, int, bool]] = set()

    def __call__(self, computation: Any) -> None:
        """Run the opcode."""
        message = computation.msg
        if not message.is_create:
            contract = boa.env.lookup_contract(message.code_address)
            condition = computation._stack.values[-2]  # noqa: SLF001 - No other way in.
            taken = condition not in {0, b""}
            if isinstance(condition, bytes):
                taken = any(condition)
            if contract is not None and getattr(contract, "filename", None):
                at = computation.code.program_counter - 1
                self.seen.add((contract.filename, at, taken))
        self._jumpi(computation)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The `number`th jump of a node of a source; `kind` is what the compiler says of it."""

    path: str
    line: int
    column: int
    kind: str
    number: int


def places(contract: str) -> Iterator[tuple[int, Place]]:
    """Each jump of a contract's code, by its position, and where it comes from."""
    compiled = boa.load_partial(contract).compiler_data
    nodes, errors = compiled.source_map["pc_raw_ast_map"], compiled.source_map["error_map"]
    code: bytes = compiled.bytecode_runtime
    numbers: Counter[tuple[Any, ...]] = Counter()
    node, position = None, 0
    while position < len(code):
        operation = code[position]
        node = nodes.get(position, node)
        if operation == JUMPI and node is not None:
            # The compiler's result may have been kept of a copy of the project.
            folder, _, file = node.module_node.resolved_path.rpartition("/contracts/")
            path = f"contracts/{file}" if folder else file.rpartition("/site-packages/")[2]
            kind = errors.get(position)
            if not folder:
                kind = "code of a library"
            elif isinstance(node, nodes_of.FunctionDef | nodes_of.VariableDecl):
                kind = kind or "entry of a function"
            elif isinstance(node, nodes_of.Call | nodes_of.ExtCall | nodes_of.StaticCall):
                kind = kind or "encoding and decoding of a call"
            elif isinstance(node, COPIED):
                kind = kind or "copying of a value"
            same = (path, node.lineno, node.col_offset, "" if kind in WRITTEN else str(kind))
            yield position, Place(*same, numbers[same])
            numbers[same] += 1
        position += operation - PUSH1 + 2 if PUSH1 <= operation <= PUSH32 else 1


def code_of(contract: str) -> str:
    """What names a contract's code: positions in another code are other places."""
    code: bytes = boa.load_partial(contract).compiler_data.bytecode_runtime
    return hashlib.sha256(code).hexdigest()


def known() -> Seen:
    """What earlier runs saw of contracts that are still the same."""
    kept = json.loads(SEEN.read_text()) if SEEN.exists() else {}
    deployed = sources(ROOT)
    return {
        path: {(position, taken) for position, taken in one["jumps"]}
        for path, one in kept.items()
        if path in deployed and one["code"] == code_of(path)
    }


def trace(tests: list[str]) -> tuple[Seen, bool]:
    """Run tests; return what they and earlier runs reached, and whether they passed."""
    jumps, deployed = Jumps(), sources(ROOT)
    patch_opcode(JUMPI, jumps)
    os.environ["CHARGECOIN_EVM"] = "py-evm"
    # Hypothesis was loaded before pytest could rewrite it.
    quiet = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
    passed = pytest.main(["-q", "-m", "not deep", "-p", "no:cacheprovider", *quiet, *tests])
    seen = known()
    for path, position, taken in jumps.seen:
        contract = os.path.relpath(path, ROOT)
        if contract in deployed:
            seen.setdefault(contract, set()).add((position, taken))
    SEEN.parent.mkdir(parents=True, exist_ok=True)
    kept = {path: {"code": code_of(path), "jumps": sorted(ways)} for path, ways in seen.items()}
    SEEN.write_text(json.dumps(kept))
    return seen, passed == pytest.ExitCode.OK


def missing(seen: Seen, only: str) -> dict[Place, set[bool]]:
    """Ways of each jump that were taken in no contract, of contracts with `only` in their path."""
    taken: defaultdict[Place, set[bool]] = defaultdict(set)
    for contract in sources(ROOT):
        if "/modules/" in contract or only not in contract:
            continue
        reached = seen.get(contract, set())
        for position, place in places(contract):
            taken[place] |= {way for way in (True, False) if (position, way) in reached}
    return {place: {True, False} - ways for place, ways in taken.items()}


def main() -> int:
    """Run tests, then list what they did not reach; the last line printed is JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="contracts with this in a path")
    parser.add_argument("tests", nargs="*", help="files of tests (default: all of the contracts')")
    arguments = parser.parse_args()
    seen, passed = trace(arguments.tests or ["tests/contracts"])
    found = missing(seen, arguments.only)
    written = {place: ways for place, ways in found.items() if not place.kind}
    for place, ways in sorted(written.items()):
        for way in ways:
            print(
                f"{place.path}:{place.line}:{place.column}: never {'jumps' if way else 'goes on'}"
            )
    made = Counter(place.kind for place, ways in found.items() if place.kind and ways)
    for kind, number in sorted(made.items()):
        print(f"made by the compiler, a way not taken: {kind}: {number}")
    print(
        json.dumps(
            {
                "ways": 2 * len(written),
                "taken": sum(2 - len(ways) for ways in written.values()),
                "compiler_ways": 2 * (len(found) - len(written)),
                "compiler_taken": sum(2 - len(w) for p, w in found.items() if p.kind),
            }
        )
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
