"""What an attester signed binds it: one word a sequence, nothing used twice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from chargecoin.evidence.format import session_hex
from tests.oracle.forging import Case, billed, case_in, refused_for
from tests.oracle.harness import World


@pytest.fixture
async def case(world: World) -> AsyncIterator[Case]:
    """One pending session of a payer with a mandate, one of a signing meter."""
    async with case_in(world) as made:
        yield made


async def test_the_same_batch_is_signed_again(case: Case) -> None:
    proposal = (await case.forgery()).proposal()
    proposer = case.proposer.oracle.signer.address
    assert await case.attester.attest(proposal, proposer) == await case.attester.attest(
        proposal, proposer
    )


async def test_a_second_word_for_a_sequence_is_refused_until_the_first_expires(
    case: Case,
) -> None:
    proposer = case.proposer.oracle.signer.address
    forgery = await case.forgery()
    await case.attester.attest(forgery.proposal(), proposer)
    bundle = billed(forgery)
    bundle["payer"] |= {"account": 0, "mandate": None, "signature": None}
    bundle["record"]["payer"] = 0
    forgery.sign_records()
    assert await refused_for(case, forgery, bundle) == "already_attested"
    await case.world.advance(3601, case.node)
    forgery.expiry = case.world.now + 3600
    assert await case.attester.attest(forgery.proposal(), proposer)


async def test_a_transaction_used_under_another_sequence_is_refused(case: Case) -> None:
    proposer = case.proposer.oracle.signer.address
    forgery = await case.forgery()
    forgery.bundles = [billed(forgery)]
    await case.attester.attest(forgery.proposal(), proposer)
    twice = json.loads(json.dumps(forgery.bundles[0]))
    connector = twice["session"]["connector_id"]
    twice["session"] |= {"sequence": 2, "id": session_hex(connector, 2)}
    forgery.bundles.append(twice)
    assert await refused_for(case, forgery, twice) == "transaction_used"
