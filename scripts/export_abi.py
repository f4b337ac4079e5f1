"""Write what compilers give: `chargecoin/abi/` and, of that, Solidity interfaces.

python scripts/export_abi.py             # write what has changed
python scripts/export_abi.py FeeRouter   # of this contract alone
python scripts/export_abi.py --check     # exit 1 if a file is not what the compiler gives now
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from scripts._solidity import write

ROOT = Path(__file__).resolve().parents[1]
CONTRACTS = ROOT / "contracts"
TARGET = ROOT / "chargecoin" / "abi"
VYPER = tuple(sorted(path.stem for path in CONTRACTS.glob("*.vy")))
SOLIDITY = ("TestStablecoin", "Timelock")
EVM_VERSION = "prague"


def vyper(name: str, *formats: str) -> list[str]:
    """Return what the compiler gives for a contract, one text a format.

    Metadata is left out of the creation code, so that it changes only where the code does.
    Raises `subprocess.CalledProcessError` if the contract does not compile.
    """
    options = ("-f", ",".join(formats), "--evm-version", EVM_VERSION, "--no-bytecode-metadata")
    result = subprocess.run(
        [sys.executable, "-m", "vyper", *options, str(CONTRACTS / f"{name}.vy")],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return result.stdout.strip().splitlines()


def compile_vyper(name: str) -> dict[str, Any]:
    """Return `{"name", "abi", "bytecode"}` of a Vyper contract. Raises as `vyper` does."""
    interface, bytecode = vyper(name, "abi", "bytecode")
    return {"name": name, "abi": json.loads(interface), "bytecode": bytecode}


def compile_solidity(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return `{"name", "abi", "bytecode"}` of Solidity contracts, by path below `solidity/`.

    Raises `RuntimeError` with the compiler's message if one does not compile.
    """
    request = {
        "language": "Solidity",
        "sources": {
            f"contracts/solidity/{name}.sol": {
                "content": (CONTRACTS / "solidity" / f"{name}.sol").read_text()
            }
            for name in names
        },
        "settings": {
            "remappings": ["@openzeppelin/contracts=node_modules/@openzeppelin/contracts"],
            "optimizer": {"enabled": True, "runs": 200},
            "evmVersion": EVM_VERSION,
            "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    result = subprocess.run(
        ["node", str(next((ROOT / "tools" / "solc").glob("solc-v*"))), "--standard-json"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        input=json.dumps(request),
    )
    output = json.loads(result.stdout)
    errors = [e["formattedMessage"] for e in output.get("errors", ()) if e["severity"] == "error"]
    if errors:
        raise RuntimeError("\n".join(errors))
    compiled = [
        (Path(name).name, output["contracts"][f"contracts/solidity/{name}.sol"][Path(name).name])
        for name in names
    ]
    return [
        {"name": name, "abi": one["abi"], "bytecode": "0x" + one["evm"]["bytecode"]["object"]}
        for name, one in compiled
    ]


def compile_all(names: Collection[str] = (*VYPER, *SOLIDITY)) -> list[dict[str, Any]]:
    """Return what the compilers give for the contracts of these names, all unless named."""
    solidity = tuple(name for name in SOLIDITY if name in names)
    return [
        *(compile_vyper(name) for name in VYPER if name in names),
        *(compile_solidity(solidity) if solidity else ()),
    ]


def render(artifact: dict[str, Any]) -> str:
    """Return the file for a contract: readable interface, code in one line."""
    return json.dumps(artifact, indent=1) + "\n"


def main() -> int:
    """Write or check the files; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    parser.add_argument(
        "names", nargs="*", metavar="CONTRACT", help=f"of {', '.join((*VYPER, *SOLIDITY))}"
    )
    given = parser.parse_args()
    check, names = given.check, given.names or (*VYPER, *SOLIDITY)
    if unknown := set(names) - {*VYPER, *SOLIDITY}:
        parser.error(f"there is no contract {', '.join(sorted(unknown))}")
    TARGET.mkdir(exist_ok=True)
    stale = []
    for artifact in compile_all(names):
        path = TARGET / f"{artifact['name']}.json"
        text = render(artifact)
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path.name)
        if not check:
            path.write_text(text)
    stale += write(names, check=check)
    for name in stale:
        print(
            f"{name}: {'not what the compiler gives; run without --check' if check else 'written'}"
        )
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
