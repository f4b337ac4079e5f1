"""The scripts as people run them, through ape, against a node that is already there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from chargecoin.local_node import LocalNode
from scripts._local import ARBITER
from tests.support.protocol import ONBOARDING, Protocol, attester_signers

ROOT = Path(__file__).parents[2]


class Ape:
    """Runs ape's scripts on one node."""

    def __init__(self, node: LocalNode) -> None:
        bin_folder = Path(sys.executable).parent
        self._environment = os.environ | {
            "APE_FOUNDRY_HOST": node.url,
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "SOLCX_BINARY_PATH": str(ROOT / "tools" / "solc"),
            "APE_DATA_FOLDER": str(ROOT / ".cache" / "ape"),
        }

    def run(self, *line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ape", "run", *line, "--network", "ethereum:local:foundry"],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def ape(anvil: LocalNode) -> Ape:
    return Ape(anvil)


def members() -> list[str]:
    return [part for one in attester_signers(3) for part in ("--member", one.address)]


def test_deploy_onboard_govern_and_inspect(ape: Ape, tmp_path: Path) -> None:
    book, ids = tmp_path / "31337.json", tmp_path / "onboarded.json"
    source = tmp_path / "onboarding.json"
    source.write_bytes(msgspec.json.encode(ONBOARDING))
    deploy = ("deploy", "--out", str(book), *members(), "--threshold", "2")

    planned = ape.run(*deploy, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "Settlement is missing; to be at 0x" in planned.stdout
    predicted = dict(re.findall(r"(\w+) is missing; to be at (0x\w{40})", planned.stdout))
    assert not book.exists()

    deployed = ape.run(*deploy)
    assert deployed.returncode == 0, deployed.stderr
    entered = json.loads(book.read_text())["contracts"]
    assert {name: entry["address"] for name, entry in entered.items()} == predicted
    where = ("--deployment", str(book))
    onboarded = ape.run("onboard", *where, "--input", str(source), "--out", str(ids))
    assert onboarded.returncode == 0, onboarded.stderr
    assert json.loads(ids.read_text())["connectors"]["CP-0002/1"] == 3

    rotated = ape.run("rotate_committee", *where, *members(), "--threshold", "3")
    assert rotated.returncode == 0, rotated.stderr
    assert "executed" in rotated.stdout
    arbiters = ape.run(
        *("rotate_committee", *where, "--arbiters"),
        *("--member", ARBITER.address),
        *("--threshold", "1"),
    )
    assert "this committee is in force" in arbiters.stdout, arbiters.stderr
    paused = ape.run("guard", "pause", *where)
    assert paused.returncode == 0, paused.stderr
    governed = ape.run("govern", *where, "FeeRouter", "set_shares", "[10000, 0, 0, 0]")
    assert "FeeRouter.set_shares: executed" in governed.stdout, governed.stderr
    shown = ape.run("inspect_deployment", *where)
    assert shown.returncode == 0, shown.stderr
    assert "3 of 3" in shown.stdout
    assert "5,100.000000" in shown.stdout
    assert "100.00 % to" in shown.stdout
    assert f"arbiter            {ARBITER.address}" in shown.stdout


def test_verification_compiles_and_finds_a_changed_parameter_and_nothing_else(
    ape: Ape, protocol: Protocol, tmp_path: Path
) -> None:
    book = json.loads(protocol.book.read_text())
    book["settings"]["threshold"] = 3
    changed = tmp_path / "31337.json"
    changed.write_text(json.dumps(book))
    refused = ape.run("verify_deployment", "--deployment", str(changed))
    assert refused.returncode == 1
    assert refused.stdout.splitlines() == [
        "compiling…",
        "the threshold of the committee: the settings say 3, the chain says 2",
    ]
    assert "Error: 1 of the checks failed" in refused.stderr


def test_a_known_fault_ends_with_one_line_that_says_what_to_do(ape: Ape, tmp_path: Path) -> None:
    refused = ape.run("deploy", "--out", str(tmp_path / "book.json"))
    assert refused.returncode == 1
    assert "Error: the committee has no members; name them" in refused.stderr
    assert "Traceback" not in refused.stderr
