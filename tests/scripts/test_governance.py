"""Acts of governance through the timelock."""

from __future__ import annotations

import pytest

from chargecoin.chain.transactions import contract_call
from chargecoin.errors import RevertedError
from chargecoin.local_node import CHAIN_ID
from scripts._book import Book
from scripts._governance import Governance
from scripts._pipeline import Pipeline, Sender
from scripts._verification import committee_in_force
from tests.support.protocol import Protocol, attester_signers


async def test_a_committee_is_appointed_and_an_earlier_one_appointed_again(
    protocol: Protocol, pipeline: Pipeline, deployer: Sender
) -> None:
    book = Book(protocol.book, CHAIN_ID)
    governance = Governance(pipeline, book.address("Timelock"), deployer)
    settlement = book.address("Settlement")
    first = (tuple(signer.address for signer in protocol.members), protocol.threshold)
    other = (tuple(signer.address for signer in attester_signers(5)), 3)
    for members, threshold in (other, first, other):
        call = contract_call("Settlement", "appoint_committee", settlement, members, threshold, 0)
        assert (await governance.act(call)).done
        assert await committee_in_force(pipeline.rpc, book) == (members, threshold)


async def test_someone_who_is_not_governance_announces_nothing(
    protocol: Protocol, pipeline: Pipeline
) -> None:
    book = Book(protocol.book, CHAIN_ID)
    [stranger] = await pipeline.senders([protocol.guardian])
    governance = Governance(pipeline, book.address("Timelock"), stranger)
    call = contract_call("Settlement", "set_exposure_limit", book.address("Settlement"), 1)
    before = stranger.nonce
    progress = await governance.act(call)
    assert not progress.done
    assert stranger.nonce == before


async def test_a_call_that_was_executed_is_announced_again_only_if_asked_for(
    protocol: Protocol, pipeline: Pipeline, deployer: Sender
) -> None:
    book = Book(protocol.book, CHAIN_ID)
    governance = Governance(pipeline, book.address("Timelock"), deployer)
    call = contract_call("Settlement", "set_exposure_limit", book.address("Settlement"), 7)
    assert (await governance.act(call, once=True)).message.endswith("executed")
    used = deployer.nonce
    assert "was executed before" in (await governance.act(call, once=True)).message
    assert deployer.nonce == used
    assert (await governance.act(call)).message.endswith("executed")


async def test_what_governance_itself_may_not_do_is_refused_when_executed(
    protocol: Protocol, pipeline: Pipeline, deployer: Sender
) -> None:
    book = Book(protocol.book, CHAIN_ID)
    governance = Governance(pipeline, book.address("Timelock"), deployer)
    call = contract_call("Settlement", "set_caps", book.address("Settlement"), 1 << 80, 1, 1)
    with pytest.raises(RevertedError, match="cap above maximum"):
        await governance.act(call)
