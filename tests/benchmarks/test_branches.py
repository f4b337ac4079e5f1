"""What earlier runs saw counts for as long as a contract's code is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import branches

CONTRACT = "contracts/ChargeCoin.vy"


@pytest.mark.parametrize(("same", "seen"), [(True, {CONTRACT: {(7, True)}}), (False, {})])
def test_what_was_seen_in_other_code_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, same: bool, seen: branches.Seen
) -> None:
    monkeypatch.setattr(branches, "SEEN", tmp_path / "branches.json")
    code = branches.code_of(CONTRACT) if same else "of another time"
    branches.SEEN.write_text(json.dumps({CONTRACT: {"code": code, "jumps": [[7, True]]}}))
    assert branches.known() == seen
