"""The dashboard's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargecoin.errors import ConfigurationError
from dashboard.config import Config

GOOD = {"database": "indexer.sqlite", "rpc_url": "http://node", "deployment": "31337.json"}


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "dashboard.toml"
    file.write_text(
        'database = "indexer.sqlite"\nrpc_url = "http://node"\ndeployment = "book.json"\n'
        'clock = "clock"\nevidence = ["http://oracle/"]\n'
    )
    config = Config.load(file)
    assert config.database == f"{tmp_path}/indexer.sqlite"
    assert config.deployment == tmp_path / "book.json"
    assert config.clock == str(tmp_path / "clock")
    assert config.evidence == ("http://oracle",)


def test_a_database_url_stays_as_it_is(tmp_path: Path) -> None:
    url = "postgresql+psycopg://localhost/chargecoin"
    assert Config.parse({**GOOD, "database": url}, tmp_path).database == url


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "colour"),
        ({"rpc_url": None}, "rpc_url"),
        ({"evidence": "http://oracle"}, "evidence"),
        ({"port": 70_000}, "port"),
        ({"port": "8080"}, "port"),
        ({"title": 5}, "title"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Config.parse({**GOOD, **changes}, tmp_path)


def test_a_missing_or_broken_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="station-owner"):
        Config.load(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("database = ")
    with pytest.raises(ConfigurationError, match="TOML"):
        Config.load(broken)
