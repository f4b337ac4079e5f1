"""Address books."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chargecoin import deployments
from chargecoin.errors import ConfigurationError

SETTLEMENT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_an_address_book_names_chain_and_contracts(tmp_path: Path) -> None:
    path = write(
        tmp_path / "31337.json",
        {
            "chain_id": 31_337,
            "start_block": 5,
            "contracts": {"Settlement": {"address": SETTLEMENT.lower()}},
        },
    )
    book = deployments.load(path)
    assert (book.chain_id, book.start_block) == (31_337, 5)
    assert book.address("Settlement") == SETTLEMENT
    assert book.domain.chain_id == 31_337
    assert book.domain.contract == SETTLEMENT


def test_a_contract_that_is_not_in_the_book_is_named_with_what_is(tmp_path: Path) -> None:
    path = write(
        tmp_path / "book.json",
        {"chain_id": 1, "start_block": 0, "contracts": {"FeeRouter": {"address": SETTLEMENT}}},
    )
    with pytest.raises(ConfigurationError, match=r"no Settlement \(it has FeeRouter\)"):
        deployments.load(path).address("Settlement")


def test_a_missing_book_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ape run deploy"):
        deployments.load(tmp_path / "1.json")


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        [],
        {"chain_id": 1},
        {"chain_id": "x", "start_block": 0, "contracts": {}},
        {"chain_id": 1, "start_block": 0, "contracts": []},
        {"chain_id": 1, "start_block": 0, "contracts": {"Settlement": {"address": "0x12"}}},
        {"chain_id": 1, "start_block": 0, "contracts": {"Settlement": {}}},
    ],
)
def test_what_is_no_address_book_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(ConfigurationError, match="not an address book"):
        deployments.load(write(tmp_path / "book.json", content))


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ({"bundle": {}}, "chain_id"),
        ({"chain_id": 1}, "start_block"),
        ({"chain_id": 1, "start_block": 0}, "contracts"),
        ({"chain_id": 1, "start_block": 0, "contracts": {"Settlement": {}}}, "address"),
    ],
)
def test_the_key_that_an_address_book_lacks_is_named(
    tmp_path: Path, content: object, missing: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"it has no '{missing}'; name a file"):
        deployments.load(write(tmp_path / "book.json", content))
