"""docs/oracle-operator.md says what there is: settings, endpoints, counters, codes, commands."""

from __future__ import annotations

import re
from pathlib import Path

import click
import msgspec
import pytest
from aiohttp import web
from click.testing import CliRunner

from chargecoin.errors import ConfigurationError
from oracle import config
from oracle.cli import cli
from oracle.committee.attester import PASSING
from oracle.config import Config
from oracle.http.app import make_app
from oracle.metrics import COUNTERS, Metrics
from oracle.service import Oracle

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "oracle-operator.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """Return the cells of a section's tables by their first cell's code words."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = {}
    for line in section.splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name in re.findall(r"`([^`]+)`", cells[0]):
            found[name] = cells
    return found


def test_every_setting_is_documented_with_its_default() -> None:
    documented = rows("Settings")
    fields = {field.name: field for field in msgspec.structs.fields(Config)}
    assert set(documented) == set(fields)
    for name, field in fields.items():
        default = documented[name][1]
        if field.required:
            assert default == "required"
        elif field.default in {None, ()}:
            assert not default.startswith("`"), name
        else:
            assert default == f"`{field.default}`", name


def test_the_example_is_a_configuration(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example
    file = tmp_path / "oracle.toml"
    file.write_text(example[1])
    loaded = config.load(file)
    assert loaded.store == str(tmp_path / "oracle.sqlite")
    assert loaded.has(config.PROPOSER)


def test_every_endpoint_is_documented() -> None:
    app = make_app(object.__new__(Oracle))
    served = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource and route.method != "HEAD"
    }
    assert isinstance(app, web.Application)
    assert set(rows("HTTP API")) - {"GET /feed/stream"} == served - {"GET /feed/stream"}
    assert "`GET /feed/stream`" in PAGE


def test_every_counter_is_documented() -> None:
    assert set(rows("Metrics")) == set(COUNTERS)


def test_every_check_that_may_pass_is_documented() -> None:
    assert set(rows("What an attester checks")) >= PASSING


@pytest.mark.parametrize("source", ["oracle", "chargecoin/sessions"])
def test_every_code_of_the_quarantine_is_documented(source: str) -> None:
    documented = set(rows("The quarantine")) | set(rows("What an attester checks"))
    written = set()
    for file in (ROOT / source).rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        written |= set(
            re.findall(r'(?:QuarantineError|MeteringError|Conflict)\(\s*"([a-z_0-9]+)"', text)
        )
        written |= set(re.findall(r'desk\.quarantine\(\s*"([a-z_0-9]+)"', text))
    assert written
    # Raised by the fold for frames that the central system never puts together.
    assert written - documented <= {"no_start", "mixed_transactions"}


def commands(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    """Return the words of every command below a group."""
    found: list[tuple[str, ...]] = [path]
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, *path, name)
        else:
            found.append((*path, name))
    return found


@pytest.mark.parametrize("words", commands(cli), ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*words, "--help"])
    assert result.exit_code == 0
    assert "Example: chargecoin oracle" in result.output


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ('roles = ["king"]', "roles"),
        ("roles = []", "roles"),
        ('roles = ["proposer"]\ngas_key_file = "k"', "attester"),
        ('roles = ["attester", "proposer"]', "gas_key_file"),
        ('roles = ["central_system"]', "charge_points_file"),
        ('roles = ["attester"]\nbatch_valid_s = 0', "batch_valid_s"),
        ('roles = ["attester"]\nocpp_port = "many"', "ocpp_port"),
        ('roles = ["attester"]\nport = 1', "port"),
        ("roles = [", "TOML"),
    ],
)
def test_a_configuration_that_is_wrong_is_refused_by_name(
    tmp_path: Path, change: str, named: str
) -> None:
    file = tmp_path / "oracle.toml"
    file.write_text(
        f'deployment = "d"\nrpc_url = "u"\nstore = "s"\nsigning_key_file = "k"\n{change}\n'
    )
    with pytest.raises(ConfigurationError, match=named):
        config.load(file)


def test_a_configuration_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="absent"):
        config.load(tmp_path / "absent.toml")


def test_metrics_are_in_prometheus_text() -> None:
    metrics = Metrics()
    metrics.count("connections_refused_total", "wrong_password")
    metrics.count("frames_total", by=3)
    lines = metrics.render({"backlog": 2}).splitlines()
    assert "chargecoin_oracle_frames_total 3" in lines
    refused = 'chargecoin_oracle_connections_refused_total{reason="wrong_password"} 1'
    assert refused in lines
    assert "chargecoin_oracle_backlog 2" in lines
    for line in lines:
        assert re.fullmatch(r'#.*|[a-z_]+(\{reason="[a-z_]+"\})? [0-9.e+]+', line), line
