"""Deploying: what is missing is made, what is there stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chargecoin import deployments
from chargecoin.chain import Chain, Receipt, Rpc
from chargecoin.chain.transactions import Call, Signed, contract_call, send
from chargecoin.contracts import artifact
from chargecoin.errors import ConfigurationError, WrongChainError
from chargecoin.local_node import CHAIN_ID, LocalNode
from scripts._book import Book, Settings
from scripts._deployment import CONTRACTS, INHERITED, PEERS, deploy, take_over
from scripts._governance import Governance
from scripts._local import DEPLOYER, GUARDIAN
from scripts._pipeline import Pipeline, Sender
from scripts._verification import code_differences, parameter_differences
from scripts.export_abi import SOLIDITY, VYPER


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


class BrokenOffError(Exception):
    """The machine went away."""


class BreakingPipeline(Pipeline):
    """Breaks off around one creation: before it is sent, or after it without waiting."""

    def __init__(self, pipeline: Pipeline, name: str, *, sent: bool) -> None:
        super().__init__(pipeline.rpc, pipeline.chain_id)
        self._name = f"creation of {name}"
        self._sent = sent

    async def confirm(self, sender: Sender, call: Call, signed: Signed) -> Receipt:
        if call.name == self._name:
            if self._sent:
                await send(self.rpc, signed)
            raise BrokenOffError
        return await super().confirm(sender, call, signed)


async def break_off(
    pipeline: Pipeline, settings: Settings, path: Path, name: str, *, sent: bool
) -> None:
    """Deploy until the creation of one contract."""
    breaking = BreakingPipeline(pipeline, name, sent=sent)
    [deployer] = await breaking.senders([DEPLOYER])
    with pytest.raises(BrokenOffError):
        await deploy(breaking, deployer, Book(path, CHAIN_ID), settings)


@pytest.mark.parametrize("sent", [False, True], ids=["before sending", "after sending"])
@pytest.mark.parametrize("name", ["Token", "Settlement", *PEERS, "FeeRouter"])
async def test_a_run_that_broke_off_is_continued_and_creates_nothing_twice(
    pipeline: Pipeline, settings: Settings, path: Path, name: str, sent: bool
) -> None:
    await break_off(pipeline, settings, path, name, sent=sent)
    there = dict(Book(path, CHAIN_ID).contracts)
    [deployer] = await pipeline.senders([DEPLOYER])
    created_before = deployer.nonce
    book = Book(path, CHAIN_ID)
    assert (await deploy(pipeline, deployer, book, settings)).done
    assert tuple(book.contracts) == CONTRACTS
    assert {one: book.contracts[one] for one in there} == there
    assert await parameter_differences(pipeline.rpc, book, settings) == []
    # Each of three acts of governance is announced and executed.
    missing = len(CONTRACTS) - len(there) - sent
    assert deployer.nonce == created_before + missing + 6
    assert book.announced is None


@pytest.mark.parametrize("name", PEERS)
async def test_a_settlement_is_given_up_if_the_contracts_beside_it_cannot_be_created_any_more(
    pipeline: Pipeline, settings: Settings, path: Path, name: str
) -> None:
    await break_off(pipeline, settings, path, name, sent=False)
    given_up = Book(path, CHAIN_ID).address("Settlement")
    [deployer] = await pipeline.senders([DEPLOYER])
    await pipeline.execute([(deployer, Call(GUARDIAN.address, b"", 21_000, 1))])
    said: list[str] = []
    pipeline.report = said.append
    book = Book(path, CHAIN_ID)
    assert (await deploy(pipeline, deployer, book, settings)).done
    assert book.address("Settlement") != given_up
    assert any(f"Settlement at {given_up} is given up" in line for line in said)
    assert await parameter_differences(pipeline.rpc, book, settings) == []


async def test_another_account_cannot_create_the_contracts_beside_settlement(
    pipeline: Pipeline, settings: Settings, path: Path
) -> None:
    await break_off(pipeline, settings, path, "Adjustments", sent=False)
    [other] = await pipeline.senders([GUARDIAN])
    with pytest.raises(ConfigurationError, match=f"{DEPLOYER.address} created Settlement"):
        await deploy(pipeline, other, Book(path, CHAIN_ID), settings)
    assert "Settlement" in Book(path, CHAIN_ID).contracts


async def test_what_governance_changes_later_is_not_undone_by_deploying_again(
    pipeline: Pipeline, deployer: Sender, settings: Settings, path: Path
) -> None:
    book = Book(path, CHAIN_ID)
    await deploy(pipeline, deployer, book, settings)
    governance = Governance(pipeline, book.address("Timelock"), deployer)
    settlement = book.address("Settlement")
    assert (
        await governance.act(contract_call("Settlement", "set_reimbursement", settlement, 1))
    ).done
    nonce = deployer.nonce
    assert (await deploy(pipeline, deployer, Book(path, CHAIN_ID), settings)).done
    assert deployer.nonce == nonce
    [fault] = await parameter_differences(pipeline.rpc, book, settings)
    assert fault.startswith("Settlement.reimbursement_per_batch")


async def test_a_settlement_that_succeeds_another_shares_registry_governance_and_tokens_with_it(
    pipeline: Pipeline, deployer: Sender, settings: Settings, path: Path, tmp_path: Path
) -> None:
    old = Book(tmp_path / "old.json", CHAIN_ID)
    await deploy(pipeline, deployer, old, settings)
    book = Book(path, CHAIN_ID)
    wanted = replace(settings, predecessor=take_over(book, old))
    assert wanted.predecessor == old.address("Settlement")
    assert (await deploy(pipeline, deployer, book, wanted)).done
    shared = {name for name in CONTRACTS if book.address(name) == old.address(name)}
    assert shared == set(INHERITED)
    assert book.raw["start_block"] == old.raw["start_block"]
    assert await parameter_differences(pipeline.rpc, book, wanted) == []
    compiled = {name: artifact(name)["bytecode"] for name in (*VYPER, *SOLIDITY)}
    assert await code_differences(pipeline.rpc, book, compiled) == []
    empty = Book(tmp_path / "empty.json", CHAIN_ID)
    with pytest.raises(ConfigurationError, match="no book of a deployment"):
        take_over(book, empty)


async def test_a_token_that_is_there_is_used_and_not_replaced(
    pipeline: Pipeline, deployer: Sender, settings: Settings, path: Path, tmp_path: Path
) -> None:
    first = Book(tmp_path / "first.json", CHAIN_ID)
    await deploy(pipeline, deployer, first, settings)
    token = first.address("Token")
    chg = first.address("ChargeCoin")
    book = Book(path, CHAIN_ID)
    wanted = replace(settings, token=token, chg=chg).checked(CHAIN_ID)
    await deploy(pipeline, deployer, book, wanted)
    assert (book.address("Token"), book.address("ChargeCoin")) == (token, chg)
    assert "contract" not in book.contracts["Token"] | book.contracts["ChargeCoin"]
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
    assert progress.message.count("to be announced by a proposer") == 3
    for name in ("FeeRouter", "Settlement"):
        assert f"target {book.address(name)}, data 0x" in progress.message
