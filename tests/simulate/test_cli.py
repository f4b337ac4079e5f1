"""The `simulate` commands, as they are typed."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chargecoin.errors import ConfigurationError
from simulate import folder
from simulate.cli import cli
from simulate.generator import default_network
from tests.simulate.conftest import CentralSystem, shared


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


@pytest.mark.parametrize("command", [(), ("generate",), ("import",), ("fleet",)])
def test_help_has_an_example(command: tuple[str, ...]) -> None:
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert "Example: chargecoin simulate" in result.output


async def test_generated_sessions_are_played_by_their_fleet(
    central_system: CentralSystem, tmp_path: Path
) -> None:
    made = invoke("generate", "--sessions", "30", "--seed", "5", "--out", str(tmp_path))
    assert made.exit_code == 0
    assert "30 sessions at 40 connectors of 3 owners" in made.output
    played = await asyncio.to_thread(invoke, "fleet", str(tmp_path), "--url", central_system.url)
    assert played.exit_code == 0
    stops = [action for _, _, action, _ in central_system.received if action == "StopTransaction"]
    # One of the thirty was seeded with a missing end.
    assert len(stops) == 29


def test_importing_reports_every_row_that_is_not_replayed(tmp_path: Path) -> None:
    csv = shared("sessions/perth-2018-09--2019-08.csv")
    result = invoke("import", str(csv), "--sessions", "50", "--out", str(tmp_path))
    assert result.exit_code == 0
    told = re.findall(r"^(?:unusable|left out): (\d+) rows, ", result.output, re.MULTILINE)
    assert sum(map(int, told)) + 50 == 32_711


def test_a_folder_gives_back_what_was_put_in(tmp_path: Path) -> None:
    invoke("generate", "--sessions", "30", "--seed", "5", "--out", str(tmp_path))
    found = folder.load(tmp_path)
    assert found.network == default_network()
    assert found.seed == 5
    assert len(found.sessions) == 30


def test_a_folder_without_a_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="chargecoin simulate generate"):
        folder.load(tmp_path)
