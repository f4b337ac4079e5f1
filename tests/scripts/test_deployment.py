"""Deploying: what is missing is made, what is there stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chargecoin import deployments
from chargecoin.chain import Chain, Rpc
from chargecoin.errors import WrongChainError
from chargecoin.local_node import CHAIN_ID, LocalNode
from scripts._book import Book, Settings
from scripts._deployment import CONTRACTS, deploy, plan
from scripts._local import DEPLOYER
from scripts._pipeline import Pipeline, Sender
from scripts._verification import parameter_differences


async def test_everything_is_deployed_wired_and_entered(
    pipeline: Pipeline, deployer: Sender, settings: Settings, path: Path
) -> None:
    book = Book(path, CHAIN_ID)
    progress = await deploy(pipeline, deployer, book, settings)
    assert progress.done
    assert tuple(book.contracts) == CONTRACTS
    assert await parameter_differences(pipeline.rpc, book, settings) == []
    deployment = deployments.load(path)
    await Chain(pipeline.rpc, deployment).check()
    assert deployment.start_block > 0


async def test_deploying_again_changes_nothing(
    anvil: LocalNode, pipeline: Pipeline, deployer: Sender, settings: Settings, path: Path
) -> None:
    await deploy(pipeline, deployer, Book(path, CHAIN_ID), settings)
    before = Book(path, CHAIN_ID).raw, anvil.rpc("eth_blockNumber")
    progress = await deploy(pipeline, deployer, Book(path, CHAIN_ID), settings)
    assert progress.done
    assert (Book(path, CHAIN_ID).raw, anvil.rpc("eth_blockNumber")) == before


async def test_a_broken_run_is_continued(
    pipeline: Pipeline, deployer: Sender, settings: Settings, path: Path
) -> None:
    book = Book(path, CHAIN_ID)
    await deploy(pipeline, deployer, book, settings)
    there = {name: book.address(name) for name in CONTRACTS}
    del book.contracts["FeeRouter"], book.raw["settings"]
    book.save()
    again = Book(path, CHAIN_ID)
    assert [step.name for step in plan(again, settings) if step.address is None] == ["FeeRouter"]
    await deploy(pipeline, deployer, again, settings)
    kept = {name for name in CONTRACTS if again.address(name) == there[name]}
    assert kept == set(CONTRACTS) - {"FeeRouter"}
    assert await parameter_differences(pipeline.rpc, again, settings) == []


async def test_a_token_that_is_there_is_used_and_not_replaced(
    pipeline: Pipeline, deployer: Sender, settings: Settings, path: Path, tmp_path: Path
) -> None:
    first = Book(tmp_path / "first.json", CHAIN_ID)
    await deploy(pipeline, deployer, first, settings)
    token = first.address("Token")
    book = Book(path, CHAIN_ID)
    wanted = replace(settings, token=token).checked(CHAIN_ID)
    await deploy(pipeline, deployer, book, wanted)
    assert book.address("Token") == token
    assert "contract" not in book.contracts["Token"]
    assert await parameter_differences(pipeline.rpc, book, wanted) == []


async def test_a_token_that_is_not_there_is_refused(
    pipeline: Pipeline, deployer: Sender, settings: Settings, path: Path
) -> None:
    wanted = replace(settings, token="0x" + "11" * 20)
    with pytest.raises(WrongChainError, match="no contract at 0x1111"):
        await deploy(pipeline, deployer, Book(path, CHAIN_ID), wanted)
    assert Book(path, CHAIN_ID).contracts == {}


async def test_a_book_of_a_chain_that_is_gone_is_noticed(
    pipeline: Pipeline,
    deployer: Sender,
    settings: Settings,
    path: Path,
    start_anvil: Callable[..., LocalNode],
) -> None:
    await deploy(pipeline, deployer, Book(path, CHAIN_ID), settings)
    rpc = Rpc(start_anvil().url)
    elsewhere = Pipeline(rpc, CHAIN_ID)
    [sender] = await elsewhere.senders([DEPLOYER])
    with pytest.raises(WrongChainError, match="a local one that was started anew"):
        await deploy(elsewhere, sender, Book(path, CHAIN_ID), settings)
    await rpc.close()


async def test_governance_with_a_delay_is_announced_and_executed_when_due(
    anvil: LocalNode, pipeline: Pipeline, deployer: Sender, settings: Settings, path: Path
) -> None:
    patient = replace(settings, delay_s=3600)
    first = await deploy(pipeline, deployer, Book(path, CHAIN_ID), patient)
    assert not first.done
    assert "announced; run this again from" in first.message
    early = await deploy(pipeline, deployer, Book(path, CHAIN_ID), patient)
    assert early == first
    anvil.rpc("evm_increaseTime", 3600)
    anvil.mine()
    due = await deploy(pipeline, deployer, Book(path, CHAIN_ID), patient)
    assert due.done
    assert await parameter_differences(pipeline.rpc, Book(path, CHAIN_ID), patient) == []


async def test_who_is_no_proposer_is_told_what_to_propose(
    pipeline: Pipeline, deployer: Sender, settings: Settings, path: Path
) -> None:
    foreign = replace(settings, proposers=(settings.guardian,))
    book = Book(path, CHAIN_ID)
    progress = await deploy(pipeline, deployer, book, foreign)
    assert not progress.done
    assert f"by a proposer of the timelock {book.address('Timelock')}" in progress.message
    assert f"target {book.address('Settlement')}, data 0x" in progress.message
