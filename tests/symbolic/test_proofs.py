"""Claims of docs/proofs.md, for every input there is: on bytecode by Halmos, on integers by z3."""

import subprocess
from pathlib import Path

import pytest

from tests.symbolic import prover

pytestmark = pytest.mark.skipif(
    not prover.installed(), reason="the prover is not installed: tools/proofs.sh installs it"
)

ARITHMETIC = sorted(Path(__file__).with_name("arithmetic").glob("*.smt2"))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", prover.names())
def test_every_claim_holds_for_every_input(name: str, tmp_path: Path) -> None:
    verdicts = prover.prove(name, tmp_path)
    assert verdicts
    for one in verdicts:
        print(f"{one.seconds:6.1f} s  {one.paths:4} paths  {name}.{one.claim}")
    assert not [one for one in verdicts if not one.proved]


@pytest.mark.parametrize("path", ARITHMETIC, ids=lambda path: path.stem)
def test_the_arithmetic_of_fractions_holds_for_every_integer(path: Path) -> None:
    """`unsat`: no numbers are against it."""
    found = subprocess.run(
        [prover.BIN / "z3", "-T:60", path], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "unsat"


def test_what_does_not_hold_is_found(tmp_path: Path) -> None:
    verdicts = prover.prove(prover.WRONG, tmp_path)
    assert verdicts
    assert all(one.broken_by and not one.proved for one in verdicts)
