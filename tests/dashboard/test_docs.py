"""The documentation says what the code does: settings, addresses, words, the CO2 method."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from chargecoin.carbon import BASELINE, FACTORS
from chargecoin.evidence.verify import STEPS
from chargecoin.record import Assurance, OutcomeFlag, Reason, Status
from dashboard import words
from dashboard.app import VIEWS
from dashboard.config import Config
from indexer.live_figures import USES

DOCS = Path(__file__).resolve().parents[2] / "docs"
OWNER = (DOCS / "station-owner.md").read_text()


def test_every_setting_is_documented_with_its_default() -> None:
    documented = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", OWNER, re.MULTILINE))
    for field in fields(Config):
        assert field.name in documented, f"{field.name} is not documented"
        if isinstance(field.default, str | int) and field.default != "":
            assert f"`{field.default}`" in documented[field.name]
    assert documented.keys() == {field.name for field in fields(Config)}


def test_every_address_is_documented() -> None:
    pages = OWNER + (DOCS / "payer.md").read_text()
    documented = {re.sub(r"\{\w+\}", "{}", one) for one in re.findall(r"`(/[^`]*)`", pages)}
    served = {route.path for view in VIEWS for route in view.router.routes}
    assert len(served) > 15
    for path in served:
        assert re.sub(r"\{\w+\}", "{}", path) in documented, path


def test_the_method_says_the_figures_that_the_code_uses() -> None:
    method = (DOCS / "method-co2.md").read_text()
    for figure in (
        f"{BASELINE.car_g_per_km} g CO₂e a km",
        f"{BASELINE.ev_wh_per_km} Wh a km",
        f"{BASELINE.g_per_kwh} g a kWh",
        *{factor.zone for factor in FACTORS},
    ):
        assert figure in method


def test_every_state_has_its_words() -> None:
    assert words.ASSURANCE.keys() == set(Assurance)
    assert words.STATUS.keys() == set(Status)
    assert words.REASON.keys() == set(Reason)
    assert words.FLAGS.keys() == set(OutcomeFlag)
    assert words.CHARGER.keys() == set(USES)
    assert words.STEP.keys() == set(STEPS)
