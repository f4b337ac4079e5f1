"""Verification of a deployment: each difference is found and named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chargecoin.chain.transactions import contract_call
from chargecoin.contracts import artifact
from chargecoin.local_node import CHAIN_ID
from scripts._book import Book, Settings
from scripts._governance import PROPOSER_ROLE, Governance
from scripts._pipeline import Pipeline, Sender
from scripts._verification import code_differences, parameter_differences
from scripts.export_abi import SOLIDITY, VYPER
from tests.support.protocol import Protocol

COMPILED = {name: artifact(name)["bytecode"] for name in (*VYPER, *SOLIDITY)}
STRANGER = "0x" + "42" * 20


@pytest.fixture
def book(protocol: Protocol, path: Path) -> Book:
    """A copy of the protocol's book, to be changed."""
    path.parent.mkdir()
    path.write_bytes(protocol.book.read_bytes())
    return Book(path, CHAIN_ID)


async def test_what_was_deployed_here_has_no_differences(
    pipeline: Pipeline, book: Book, settings: Settings
) -> None:
    assert await code_differences(pipeline.rpc, book, COMPILED) == []
    assert await parameter_differences(pipeline.rpc, book, settings) == []


async def test_other_creation_code_is_found(pipeline: Pipeline, book: Book) -> None:
    code = COMPILED["Settlement"]
    changed = code[:-2] + ("00" if code[-2:] != "00" else "01")
    faults = await code_differences(pipeline.rpc, book, COMPILED | {"Settlement": changed})
    assert faults == ["Settlement: it was created from other code than is compiled here"]


async def test_other_code_at_the_address_is_found(
    protocol: Protocol, pipeline: Pipeline, book: Book
) -> None:
    address = book.address("FeeRouter")
    protocol.node.rpc("anvil_setCode", address, "0x00")
    faults = await code_differences(pipeline.rpc, book, COMPILED)
    assert faults == [f"FeeRouter: the code at {address} is not the one in the book"]
    protocol.node.rpc("anvil_setCode", address, "0x")
    assert await code_differences(pipeline.rpc, book, COMPILED) == [
        f"FeeRouter: no code at {address}"
    ]


async def test_other_constructor_arguments_are_found(pipeline: Pipeline, book: Book) -> None:
    book.contracts["Settlement"]["constructor"][3] = STRANGER
    faults = await code_differences(pipeline.rpc, book, COMPILED)
    assert faults == ["Settlement: it was constructed with other arguments than the book says"]


async def test_another_contracts_creation_is_not_taken_for_this_ones(
    pipeline: Pipeline, book: Book
) -> None:
    book.contracts["FeeRouter"]["transaction"] = book.contracts["Settlement"]["transaction"]
    [fault] = await code_differences(pipeline.rpc, book, COMPILED)
    assert fault.endswith(f"created {book.address('Settlement')}")


async def test_an_unknown_creation_is_not_taken_on_trust(pipeline: Pipeline, book: Book) -> None:
    book.contracts["FeeRouter"]["transaction"] = "0x" + "00" * 32
    [fault] = await code_differences(pipeline.rpc, book, COMPILED)
    assert "does not know the transaction" in fault


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"threshold": 3}, "the threshold of the committee"),
        ({"members": (STRANGER,)}, "the members of the committee"),
        ({"shares": (1_000, 2_000, 3_000, 4_000)}, "FeeRouter.shares"),
        ({"treasury": STRANGER}, "FeeRouter.destinations"),
        ({"oracles": STRANGER}, "FeeRouter.oracles"),
        ({"reimbursement": 1}, "Settlement.reimbursement_per_batch"),
        ({"predecessor": STRANGER}, "Settlement.predecessor"),
        ({"arbiters": (STRANGER,)}, "the members of the arbiters"),
        ({"chg": STRANGER}, "CHG"),
        ({"delay_s": 5}, "Timelock.getMinDelay"),
        ({"proposers": (STRANGER,)}, "the timelock's proposers"),
        ({"executors": (STRANGER,)}, "the timelock's executors"),
        ({"token": STRANGER}, "the payment token"),
    ],
)
async def test_a_changed_parameter_is_found_and_both_values_named(
    pipeline: Pipeline, book: Book, settings: Settings, change: dict[str, object], named: str
) -> None:
    faults = await parameter_differences(
        pipeline.rpc,
        book,
        replace(settings, **change),  # type: ignore[arg-type]
    )
    [fault] = faults
    assert fault.startswith(f"{named}: the settings say ")
    assert "the chain says" in fault


async def test_another_guardian_is_found_wherever_it_is_one(
    pipeline: Pipeline, book: Book, settings: Settings
) -> None:
    faults = await parameter_differences(pipeline.rpc, book, replace(settings, guardian=STRANGER))
    assert [fault.split(":")[0] for fault in faults] == [
        "Settlement.guardian",
        "DriverRewards.guardian",
        "StationRewards.guardian",
    ]


async def test_contracts_that_do_not_name_each_other_are_found(
    pipeline: Pipeline, book: Book, settings: Settings
) -> None:
    payouts, campaigns = book.address("Payouts"), book.address("CampaignManager")
    book.contracts["Payouts"]["address"] = campaigns
    [fault] = [
        one
        for one in await parameter_differences(pipeline.rpc, book, settings)
        if one.startswith("Settlement.payouts")
    ]
    assert fault == (f"Settlement.payouts: the settings say {campaigns}, the chain says {payouts}")


async def test_a_proposer_added_later_is_found(
    pipeline: Pipeline, deployer: Sender, book: Book, settings: Settings
) -> None:
    timelock = book.address("Timelock")
    grant = contract_call("Timelock", "grantRole", timelock, PROPOSER_ROLE, STRANGER)
    assert (await Governance(pipeline, timelock, deployer).act(grant)).done
    [fault] = await parameter_differences(pipeline.rpc, book, settings)
    assert fault.startswith("the timelock's proposers")
    assert STRANGER in fault
