"""Claims about the contracts, proved on the compiler's bytecode for every input there is.

A proof is a Vyper contract in `proofs/` that imports a module of the protocol, compiled by the
compiler and the settings that the protocol is compiled by. Each of its `check_` functions is run by
Halmos with symbols for arguments; Halmos asks an SMT solver for arguments that break the claim.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
PROOFS: Final = Path(__file__).with_name("proofs")
BIN: Final = ROOT / ".cache" / "proofs" / "bin"

# The one with claims that are to be broken.
WRONG: Final = "WrongProof"

# How often a loop is gone round before the prover gives up on a path, which it then says.
LOOP: Final = 8
SOLVER_TIMEOUT: Final = "300s"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one claim. `broken_by` are arguments that break it."""

    claim: str
    proved: bool
    paths: int
    seconds: float
    broken_by: tuple[str, ...]


def installed() -> bool:
    """Whether the prover is there (`tools/proofs.sh` installs it)."""
    return (BIN / "halmos").exists()


def names() -> list[str]:
    """The proofs, by contract."""
    return sorted(path.stem for path in PROOFS.glob("*Proof.vy") if path.stem != WRONG)


def compile_proof(name: str) -> dict[str, Any]:
    """A proof in the form in which the prover reads contracts (that of Foundry's artifacts)."""
    path = f"{PROOFS.relative_to(ROOT)}/{name}.vy"
    vyper = Path(sys.executable).with_name("vyper")
    run = subprocess.run(
        [vyper, "-f", "combined_json", path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise RuntimeError(f"{path} does not compile:\n{run.stderr}")
    made = json.loads(run.stdout)[path]
    kind = {"nodeType": "ContractDefinition", "name": name, "contractKind": "contract", "nodes": []}
    return {
        "id": 0,
        "abi": made["abi"],
        "bytecode": {"object": made["bytecode"], "linkReferences": {}},
        "deployedBytecode": {"object": made["bytecode_runtime"], "linkReferences": {}},
        "methodIdentifiers": {
            signature: selector.removeprefix("0x").zfill(8)
            for signature, selector in made["method_identifiers"].items()
        },
        "metadata": {"compiler": {"version": "vyper"}},
        "ast": {"nodeType": "SourceUnit", "absolutePath": path, "nodes": [kind]},
    }


def prove(name: str, folder: Path) -> list[Verdict]:
    """Prove a contract's claims; `folder` is scratch space."""
    artifact = folder / "out" / f"{name}.sol" / f"{name}.json"
    artifact.parent.mkdir(parents=True)
    artifact.write_text(json.dumps(compile_proof(name)))
    result = folder / "result.json"
    command: list[str | Path] = [
        *(BIN / "halmos", "--root", folder, "--contract", name, "--json-output", result),
        # Vyper's storage is not laid out as Solidity's.
        *("--storage-layout", "generic", "--loop", str(LOOP), "--no-status"),
        # Signatures of a quorum of two; one less and one more are refused.
        *("--default-bytes-lengths", "65,130,195"),
        *("--solver", "z3", "--solver-timeout-assertion", SOLVER_TIMEOUT),
    ]
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if not result.exists():
        raise RuntimeError(f"the prover did not finish with {name}:\n{run.stdout}{run.stderr}")
    return [
        Verdict(
            claim=test["name"].split("(")[0],
            # 0 is that no path broke it; a path left unfinished is no proof.
            proved=test["exitcode"] == 0 and not test["num_bounded_loops"],
            paths=test["num_paths"][0],
            seconds=test["time"][0],
            broken_by=tuple(
                ", ".join(f"{one['variable_name']} = {one['value']}" for one in found.values())
                for found in (model["model"] for model in test["models"] or ())
            ),
        )
        for tests in json.loads(result.read_text())["test_results"].values()
        for test in tests
    ]
