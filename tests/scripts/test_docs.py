"""What the pages say of the scripts is what the scripts take."""

from __future__ import annotations

import json
import re
from pathlib import Path

from scripts._book import LEAST_DELAY_S, Settings
from scripts._onboarding_file import load
from tests.support.protocol import secret

ROOT = Path(__file__).parents[2]


def block(page: str, language: str) -> str:
    """Return the first example in a language on a page."""
    found = re.search(rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_documented_onboarding_file_is_read(tmp_path: Path) -> None:
    keys = iter(range(9))
    text = block("onboarding.md", "json").replace("0x3059…", "0x3059")
    text = re.sub("0x…", lambda _: secret(str(next(keys))), text)
    file = tmp_path / "onboarding.json"
    file.write_text(text)
    onboarding = load(file)
    [(_, _, _, connector)] = onboarding.connectors()
    assert connector.meter_key is not None
    assert connector.tariff.kwh == 450_000


def test_the_documented_settings_are_those_of_a_public_chain(tmp_path: Path) -> None:
    numbers = iter(range(1, 99))
    file = tmp_path / "settings.toml"
    toml = block("protocol-developer.md", "toml")
    file.write_text(re.sub("0x…", lambda _: f"0x{next(numbers):040x}", toml))
    settings = Settings.from_toml(file).checked(chain_id=1)
    assert (settings.delay_s, settings.threshold) == (LEAST_DELAY_S, 2)


def test_every_script_is_documented() -> None:
    page = (ROOT / "docs" / "protocol-developer.md").read_text()
    scripts = {path.stem for path in (ROOT / "scripts").glob("[!_]*.py")} - {
        "catalog",
        "export_abi",
    }
    assert {name for name in scripts if f"ape run {name}" not in page} == set()


def test_the_documented_ids_are_those_of_the_documented_file() -> None:
    pages = re.findall(
        r"```json\n(.*?)```", (ROOT / "docs" / "onboarding.md").read_text(), re.DOTALL
    )
    given, ids = json.loads(pages[0]), json.loads(pages[1])
    assert [owner["name"] for owner in ids["owners"]] == [one["name"] for one in given["owners"]]
    assert set(ids) == {"owners", "sites", "stations", "connectors", "payers"}
    assert set(ids["payers"]) == {payer["name"] for payer in given["payers"]}
