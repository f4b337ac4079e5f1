"""An attester signs what it has verified: a forged proposal is refused for its reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from chargecoin import record
from chargecoin.chain import Head
from chargecoin.errors import AttestationRefusedError
from chargecoin.evidence.format import hexed, session_hex
from chargecoin.record import encode_runs
from chargecoin.typed_data import Signer, batch_digest, recover
from oracle.committee import proposal as proposals
from oracle.committee.proposal import SIGNATURE_HEADER, seal
from tests.oracle.forging import Case, Json, billed, case_in, metered, refused_for
from tests.oracle.harness import TOKEN, World
from tests.support.charging import Meter
from tests.support.protocol import Protocol

# One proposer and one attester serve all of these tests; a refusal leaves no trace in either.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def case(
    metered_session: Protocol, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Case]:
    """One pending session of a payer with a mandate, one of a signing meter."""
    async with case_in(World.make(metered_session, tmp_path_factory.mktemp("case"))) as made:
        yield made


async def test_an_honest_proposal_is_signed_and_its_evidence_stored(case: Case) -> None:
    proposal = (await case.forgery()).proposal()
    signature = await case.attester.attest(proposal, case.proposer.oracle.signer.address)
    digest = batch_digest(
        case.world.protocol.deployment.domain,
        epoch=proposal.epoch,
        expiry=proposal.expiry,
        evidence_root=bytes.fromhex(proposal.evidence_root[2:]),
        runs=bytes.fromhex(proposal.runs[2:]),
    )
    assert recover(digest, signature) == case.node.oracle.signer.address
    for text in proposal.bundles:
        session = json.loads(text)["session"]["id"]
        assert await case.node.bytes(f"/evidence/{session}") == text.encode()


# ------------------------------------------------------------------------- the batch


async def test_a_proposal_of_a_stranger_is_refused(case: Case) -> None:
    proposal = (await case.forgery()).proposal()
    stranger = Signer(bytes([9]) * 32)
    assert (await case.refusal(proposal, stranger.address)).check == "proposer"


async def test_a_proposal_changed_on_the_way_is_refused(case: Case) -> None:
    body, signature = seal((await case.forgery()).proposal(), case.proposer.oracle.signer)
    for data, header in ((body + b" ", signature), (body, "0x12")):
        async with case.node.session.post(
            case.node.http + "/attest", data=data, headers={SIGNATURE_HEADER: header}
        ) as response:
            assert response.status == 422
            assert (await response.json())["reason"] == "proposer"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"epoch":"1"}'])
async def test_what_is_no_proposal_is_refused(case: Case, body: bytes) -> None:
    with pytest.raises(AttestationRefusedError) as refused:
        proposals.read(body)
    assert refused.value.check == "malformed"


async def test_a_committee_that_is_not_valid_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    forgery.epoch = 2
    assert (await case.refusal(forgery.proposal())).check == "epoch"


@pytest.mark.parametrize("seconds", [-1, 90_000])
async def test_an_expiry_in_the_past_or_too_far_ahead_is_refused(case: Case, seconds: int) -> None:
    forgery = await case.forgery()
    forgery.expiry = case.world.now + seconds
    assert (await case.refusal(forgery.proposal())).check == "expiry"


@pytest.mark.parametrize(
    "change",
    [
        lambda head: Head(head.sequence + 1, head.owner_id, head.hash),
        lambda head: Head(head.sequence, head.owner_id, head.hash ^ 1),
    ],
)
async def test_a_run_that_is_not_at_the_head_is_refused(
    case: Case, change: Callable[[Head], Head]
) -> None:
    forgery = await case.forgery()
    forgery.heads = {connector: change(head) for connector, head in forgery.heads.items()}
    assert (await case.refusal(forgery.proposal())).check == "head"


async def test_another_evidence_root_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    forgery.root = bytes(32)
    assert (await case.refusal(forgery.proposal())).check == "evidence_root"


@pytest.mark.parametrize("runs", ["0x", "0x00", "0x" + "00" * 64])
async def test_malformed_runs_are_refused(case: Case, runs: str) -> None:
    proposal = msgspec.structs.replace((await case.forgery()).proposal(), runs=runs)
    assert (await case.refusal(proposal)).check == "malformed"


async def test_a_missing_bundle_is_refused(case: Case) -> None:
    proposal = (await case.forgery()).proposal()
    proposal = msgspec.structs.replace(proposal, bundles=proposal.bundles[:1])
    assert (await case.refusal(proposal)).check == "malformed"


# ------------------------------------------------------------------------ one session


async def test_a_bundle_that_is_not_canonical_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    texts = [json.dumps(bundle) for bundle in forgery.bundles]
    assert (await case.refusal(forgery.proposal(texts))).check == "bundle"


async def test_a_bundle_with_more_than_the_format_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["note"] = "trust me"
    assert await refused_for(case, forgery, bundle) == "bundle"


async def test_the_bundle_of_another_session_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = forgery.bundles[0]
    connector = bundle["session"]["connector_id"]
    place = session_hex(connector, bundle["session"]["sequence"])
    bundle["session"] |= {"id": session_hex(connector, 9), "sequence": 9}
    refused = await case.refusal(forgery.proposal())
    assert (refused.check, refused.session_id) == ("session", int(place, 16))


async def test_a_word_that_is_not_the_bundles_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    proposal = forgery.proposal()
    runs = record.decode_runs(bytes.fromhex(proposal.runs[2:]))
    other = replace(runs[0], words=(runs[0].words[0] ^ 1 << 20, *runs[0].words[1:]))
    encoded = hexed(encode_runs([other, *runs[1:]]))
    forged = msgspec.structs.replace(proposal, runs=encoded)
    assert (await case.refusal(forged)).check == "word"


async def test_a_run_under_another_tariff_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    forgery.tariff_index = 2
    assert (await case.refusal(forgery.proposal())).check == "tariff_index"


async def test_frames_of_a_connection_that_the_proposer_does_not_hold_are_refused(
    case: Case,
) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["source"]["oracle"] = case.node.oracle.signer.address
    assert await refused_for(case, forgery, bundle) == "source"


async def test_a_changed_frame_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    frame = bundle["frames"][0]
    frame["text"] = frame["text"].replace("57584", "57000")
    assert await refused_for(case, forgery, bundle) == "frames"


async def test_a_reading_that_the_frames_do_not_give_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["reading"]["energy_wh"] += 1000
    assert await refused_for(case, forgery, bundle) == "reading"


async def test_a_transaction_id_that_the_frames_do_not_give_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["session"]["transaction_id"] += 1
    assert await refused_for(case, forgery, bundle) == "reading"


async def test_a_meter_key_that_is_not_registered_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = metered(forgery)
    other = Meter(number=8)
    bundle["meter"] |= {
        "public_key": other.public_key.hex(),
        "fingerprint": hexed(other.key().fingerprint),
    }
    assert await refused_for(case, forgery, bundle) == "signature"


async def test_a_signature_left_out_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = metered(forgery)
    bundle["meter"] = None
    assert await refused_for(case, forgery, bundle) == "signature"


@pytest.mark.parametrize(
    "change",
    [
        {"account": 2},
        {"max_per_session": "1"},
        {"valid_until": "1"},
        {"tokens": ["0x" + "11" * 32]},
    ],
)
async def test_a_mandate_that_its_holder_did_not_sign_is_refused(case: Case, change: Json) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["payer"]["mandate"] |= change
    assert await refused_for(case, forgery, bundle) == "payer"


async def test_an_account_without_a_mandate_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = metered(forgery)
    bundle["payer"]["account"] = 1
    bundle["record"]["payer"] = 1
    forgery.sign_records()
    assert await refused_for(case, forgery, bundle) == "payer"


async def test_a_mandate_revoked_before_the_start_is_refused(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgery = await case.forgery()
    revoked = {"at": case.now}

    async def revoked_at(*_args: object) -> int:
        return revoked["at"]

    monkeypatch.setattr(case.node.oracle.registry, "revoked_at", revoked_at)
    await case.attester.verify(forgery.proposal(), case.proposer.oracle.signer.address)
    revoked["at"] = case.now - 1
    assert await refused_for(case, forgery, billed(forgery)) == "payer"


async def test_a_token_that_is_not_opened_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    del forgery.openings[bundle["payer"]["token"]]
    assert await refused_for(case, forgery, bundle) == "opening"


async def test_an_opening_of_another_token_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    forgery.openings[bundle["payer"]["token"]]["token"] = TOKEN + "X"
    assert await refused_for(case, forgery, bundle) == "opening"


async def test_a_price_that_is_not_the_tariffs_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["price"]["gross"] += 1
    bundle["record"]["gross"] += 1
    forgery.sign_records()
    assert await refused_for(case, forgery, bundle) == "price"


async def test_a_record_that_does_not_restate_its_parts_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["record"]["energy_wh"] += 1
    forgery.sign_records()
    assert await refused_for(case, forgery, bundle) == "record"


async def test_an_assurance_that_is_not_earned_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["record"]["assurance"] = 3
    forgery.sign_records()
    assert await refused_for(case, forgery, bundle) == "record"


async def test_a_session_of_another_charge_point_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["session"]["charge_point"] = "CP-0002"
    assert await refused_for(case, forgery, bundle) == "record"


async def test_a_connector_that_is_not_in_the_registry_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["session"] |= {"connector_id": 99, "id": session_hex(99, 1), "sequence": 1}
    forgery.heads[99] = Head(0, 0, 0)
    assert (await case.refusal(forgery.proposal())).check == "price"


async def test_a_campaign_that_there_is_not_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["campaign"] = {
        "id": 1,
        "rate_bps": 2_000,
        "session_cap": 5_000_000,
        "benefit": bundle["price"]["gross"] // 5,
        "sessions": [],
    }
    bundle["record"]["campaign_id"] = 1
    forgery.sign_records()
    assert await refused_for(case, forgery, bundle) == "campaign"


async def test_a_campaign_in_the_record_alone_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    bundle["record"]["campaign_id"] = 1
    forgery.sign_records()
    assert await refused_for(case, forgery, bundle) == "record"


async def test_more_energy_than_the_connector_gives_is_refused(case: Case) -> None:
    forgery = await case.forgery()
    bundle = billed(forgery)
    frame = next(one for one in bundle["frames"] if "StopTransaction" in one["text"])
    _rewrite(frame, "58685", "157584")
    energy = 100_000
    bundle["reading"] |= {"end_wh": "157584", "energy_wh": energy}
    gross = energy * 450
    bundle["price"]["gross"] = gross
    bundle["price"]["lines"][0] |= {"quantity": energy, "amount_exact": str(gross * 3_600_000)}
    bundle["record"] |= {"energy_wh": energy, "gross": gross}
    bundle["payer"] |= {"account": 0, "mandate": None, "signature": None}
    bundle["record"]["payer"] = 0
    forgery.sign_records()
    assert await refused_for(case, forgery, bundle) == "record"


def _rewrite(frame: Json, old: str, new: str) -> None:
    frame["text"] = frame["text"].replace(old, new)
    frame["sha256"] = hashlib.sha256(frame["text"].encode()).hexdigest()


async def test_a_session_that_starts_after_the_last_final_block_is_refused(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = (await case.forgery()).proposal()
    registry = case.node.oracle.registry
    assert registry.block
    monkeypatch.setattr(registry, "block", replace(registry.block, timestamp=case.now - 1))
    assert (await case.refusal(proposal)).check == "not_final"


async def test_a_session_that_ends_after_the_latest_block_is_refused(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgery = await case.forgery()
    _at(case, monkeypatch, case.now + 3000)
    assert (await case.refusal(forgery.proposal())).check == "future"


def _at(case: Case, monkeypatch: pytest.MonkeyPatch, timestamp: int) -> None:
    """Let the attester's node be at another time."""
    chain = case.node.oracle.chain
    block = chain.block

    async def elsewhere(*args: Any) -> Any:
        latest = await block(*args)
        assert latest
        return replace(latest, timestamp=timestamp)

    monkeypatch.setattr(chain, "block", elsewhere)


async def test_a_session_that_ended_too_long_ago_is_refused(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgery = await case.forgery()
    later = case.now + 90 * 86_400
    forgery.expiry = later + 3600
    _at(case, monkeypatch, later)
    assert (await case.refusal(forgery.proposal())).check == "too_old"
