"""docs/proofs.md names what there is: every proof, and only tests that exist."""

import re
from pathlib import Path

from tests.symbolic import prover

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "proofs.md").read_text()


def test_every_proof_is_on_the_page() -> None:
    assert not [name for name in (*prover.names(), prover.WRONG) if f"`{name}`" not in PAGE]


def test_every_test_that_an_attack_names_exists() -> None:
    folder = ROOT / "tests" / "contracts"
    rows = [row for row in PAGE.splitlines() if row.startswith("| ") and ".py`: " in row]
    assert len(rows) >= 20
    missing = []
    for row in rows:
        for file, named in re.findall(
            r"`(test_\w+\.py)`: ((?:`test_\w+`(?: \([^)]*\))?(?:, )?)+)", row
        ):
            text = (folder / file).read_text()
            missing += [one for one in re.findall(r"`(\w+)`", named) if f"def {one}(" not in text]
    assert not missing
