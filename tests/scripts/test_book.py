"""Settings and address books."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from chargecoin.errors import ConfigurationError
from chargecoin.local_node import CHAIN_ID
from scripts._book import LEAST_DELAY_S, Book, Settings

PUBLIC_CHAIN = 1
TOKEN = "0x" + "11" * 20

TOML = """
token = "0x1111111111111111111111111111111111111111"
guardian = "0x2222222222222222222222222222222222222222"
chg_holder = "0x9999999999999999999999999999999999999999"

[governance]
delay_s = 691200
proposers = ["0x3333333333333333333333333333333333333333"]

[committee]
members = [
  "0x5555555555555555555555555555555555555555",
  "0x4444444444444444444444444444444444444444",
]
threshold = 2

[arbiters]
members = ["0x7777777777777777777777777777777777777777"]
threshold = 1

[fees]
stakers = 4500
drivers = 2000
stations = 2000
treasury = 1500
treasury_to = "0x6666666666666666666666666666666666666666"
oracles_to = "0x8888888888888888888888888888888888888888"
reimbursement = 250000
"""


def test_a_settings_file_is_read_and_put_in_order(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(TOML)
    settings = Settings.from_toml(file).checked(PUBLIC_CHAIN)
    assert settings.members == ("0x" + "44" * 20, "0x" + "55" * 20)
    assert settings.shares == (4_500, 2_000, 2_000, 1_500)
    assert (settings.arbiters, settings.arbiter_threshold) == (("0x" + "77" * 20,), 1)
    assert (settings.treasury, settings.oracles) == ("0x" + "66" * 20, "0x" + "88" * 20)
    assert settings.executors == ()


@pytest.mark.parametrize(
    "missing", ["guardian", "threshold", "treasury ", "proposers", "oracles_to"]
)
def test_a_settings_file_without_a_needed_field_is_refused(tmp_path: Path, missing: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("\n".join(li for li in TOML.splitlines() if not li.startswith(missing)))
    with pytest.raises(ConfigurationError, match=missing.strip()):
        Settings.from_toml(file)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"threshold": 1}, "not a majority of 3 members"),
        ({"threshold": 4}, "not a majority of 3 members"),
        ({"members": ()}, "has no members"),
        ({"members": ("0x1",) * 3}, "not an address"),
        ({"members": (TOKEN, TOKEN, TOKEN)}, "named twice"),
        ({"arbiters": ()}, "the arbiters' committee has no members"),
        ({"arbiter_threshold": 0}, "not a majority of 1 members of the arbiters"),
        ({"arbiters": (TOKEN,), "members": (TOKEN,), "threshold": 1}, "both settle sessions and"),
        ({"shares": (5_000, 5_000, 1, 0)}, "sum to 10,000"),
        ({"shares": (11_000, 0, -1_000, 0)}, "sum to 10,000"),
        ({"shares": (5_000, 2_000, 2_000, 1_000)}, "could earn more than it costs"),
        ({"shares": (4_000, 3_500, 2_500, 0)}, "could earn more than it costs"),
        ({"reimbursement": 100_000_001}, "not within 0 and 100000000"),
        ({"chg_holder": None}, "say who receives CHG"),
        ({"proposers": ()}, "needs a proposer"),
        ({"guardian": "nobody"}, "'nobody' is not an address"),
    ],
)
def test_settings_that_the_contracts_would_refuse_are_refused_before(
    settings: Settings, change: dict[str, object], fault: str
) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        replace(settings, **change).checked(CHAIN_ID)  # type: ignore[arg-type]


def test_a_public_chain_needs_its_own_token(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="name the payment token of chain 1"):
        settings.checked(PUBLIC_CHAIN)


def test_governance_of_a_public_chain_waits_twice_the_longest_withdrawal(
    settings: Settings,
) -> None:
    hasty = replace(settings, token=TOKEN, delay_s=LEAST_DELAY_S - 1)
    with pytest.raises(ConfigurationError, match="at least 691200 s"):
        hasty.checked(PUBLIC_CHAIN)
    assert replace(hasty, delay_s=LEAST_DELAY_S).checked(PUBLIC_CHAIN).delay_s == 192 * 3600


def test_a_book_keeps_the_settings(settings: Settings, path: Path) -> None:
    Book(path, CHAIN_ID).save(settings)
    kept = Book(path, CHAIN_ID).settings
    assert kept is not None
    assert asdict(kept) == asdict(settings)


def test_a_book_of_another_chain_is_refused(path: Path) -> None:
    Book(path, CHAIN_ID).save()
    with pytest.raises(ConfigurationError, match="is the address book of chain 31337"):
        Book(path, PUBLIC_CHAIN)


def test_a_file_that_is_no_book_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "1.json"
    file.write_text("[]")
    with pytest.raises(ConfigurationError, match="is not an address book"):
        Book(file, PUBLIC_CHAIN)
