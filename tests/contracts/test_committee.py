"""Who may sign a batch, and for how long."""

from dataclasses import replace
from typing import Any

import boa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargecoin.typed_data import Signer, batch_digest
from tests.contracts.world import (
    DAY_S,
    Batch,
    World,
    attesters,
    events,
    now,
    session,
    wait,
)

CONNECTOR = 1
NEW = attesters(3, team="new attester")
OPEN_END = (1 << 40) - 1


@pytest.fixture
def settlement(world: World) -> Any:
    return world.settlement


@pytest.fixture
def batch(world: World, account: int) -> Batch:
    return world.batch([world.run(CONNECTOR, [session(account).encode()])])


def appoint(
    world: World, members: tuple[Signer, ...] = NEW, threshold: int = 2, grace: int = 3600
) -> None:
    world.settlement.appoint_committee(
        [one.address for one in members], threshold, grace, sender=world.governance
    )


def resigned(world: World, batch: Batch, signatures: list[bytes]) -> Batch:
    return Batch(batch.epoch, batch.expiry, batch.root, batch.runs, b"".join(signatures))


def digest(world: World, batch: Batch) -> bytes:
    return batch_digest(
        world.domain,
        epoch=batch.epoch,
        expiry=batch.expiry,
        evidence_root=batch.root,
        runs=batch.runs,
    )


# Appointing


def test_the_first_committee_is_appointed_with_the_contract(world: World, settlement: Any) -> None:
    assert settlement.current_epoch() == 1
    assert settlement.committee(1) == (3, OPEN_END)
    assert all(settlement.is_member(1, one.address) for one in world.committee)
    assert not settlement.is_member(1, world.stranger)
    assert settlement.committee(2) == (0, 0)


def test_the_outgoing_committee_has_a_grace(world: World, settlement: Any, batch: Batch) -> None:
    appoint(world, grace=3600)
    [event] = events(settlement, "CommitteeAppointed")
    assert (event.epoch, event.threshold) == (2, 2)
    assert list(event.members) == [one.address for one in NEW]
    assert event.previous_valid_until == now() + 3600
    assert settlement.committee(1) == (3, now() + 3600)
    assert settlement.committee(2) == (2, OPEN_END)
    wait(3600)
    with boa.reverts("settlement: wrong committee epoch"):
        world.submit(batch)
    boa.env.timestamp -= 1
    assert len(world.submit(batch).outcomes) == 1


def test_only_governance_appoints(world: World, settlement: Any) -> None:
    for caller in (world.guardian, world.stranger):
        with boa.reverts("settlement: not governance"):
            settlement.appoint_committee([NEW[0].address], 1, 0, sender=caller)


@pytest.mark.parametrize(("size", "threshold"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (32, 17)])
def test_a_threshold_is_more_than_half(
    world: World, account: int, size: int, threshold: int
) -> None:
    team = attesters(size, team="team")
    with boa.reverts("settlement: threshold is not a majority"):
        appoint(world, team, threshold - 1)
    with boa.reverts("settlement: threshold is not a majority"):
        appoint(world, team, size + 1)
    appoint(world, team, threshold)
    runs = [world.run(CONNECTOR, [session(account).encode()])]
    with boa.reverts("quorum: wrong number of signatures"):
        world.submit(world.batch(runs, by=team[: threshold - 1]))
    assert len(world.submit(world.batch(runs, by=team[:threshold])).outcomes) == 1


def test_a_committee_has_members_once_each_and_no_zero_address(world: World) -> None:
    a, b, _ = (one.address for one in NEW)
    for members in ([b, a], [a, a], ["0x" + "00" * 20, a]):
        with boa.reverts("settlement: members not ascending"):
            world.settlement.appoint_committee(members, 2, 0, sender=world.governance)
    with boa.reverts("settlement: threshold is not a majority"):
        world.settlement.appoint_committee([], 0, 0, sender=world.governance)


def test_a_grace_is_a_day_at_most(world: World) -> None:
    with boa.reverts("settlement: grace too long"):
        appoint(world, grace=DAY_S + 1)
    appoint(world, grace=DAY_S)


def test_a_grace_never_revives_a_revoked_committee(
    world: World, settlement: Any, batch: Batch
) -> None:
    settlement.revoke_committee(1, sender=world.guardian)
    appoint(world, grace=DAY_S)
    assert events(settlement, "CommitteeAppointed")[0].previous_valid_until == 0
    assert settlement.committee(1) == (3, 0)
    with boa.reverts("settlement: wrong committee epoch"):
        world.submit(batch)


def test_each_outgoing_committee_keeps_its_own_grace(world: World, settlement: Any) -> None:
    appoint(world, attesters(3, team="second"), grace=100)
    until = now() + 100
    wait(50)
    appoint(world, attesters(3, team="third"), grace=DAY_S)
    assert settlement.committee(1) == (3, until)
    assert settlement.committee(2) == (2, now() + DAY_S)


# Revoking


def test_the_guardian_ends_a_committee_at_once(world: World, settlement: Any, batch: Batch) -> None:
    with boa.reverts("settlement: not the guardian"):
        settlement.revoke_committee(1, sender=world.governance)
    settlement.revoke_committee(1, sender=world.guardian)
    assert events(settlement, "CommitteeRevoked")[0].epoch == 1
    with boa.reverts("settlement: wrong committee epoch"):
        world.submit(batch)
    for epoch in (1, 2):
        with boa.reverts("settlement: wrong committee epoch"):
            settlement.revoke_committee(epoch, sender=world.guardian)


def test_the_guardian_ends_a_grace(world: World, settlement: Any, batch: Batch) -> None:
    appoint(world, grace=DAY_S)
    settlement.revoke_committee(1, sender=world.guardian)
    with boa.reverts("settlement: wrong committee epoch"):
        world.submit(batch)


# Signing


def test_any_threshold_of_members_will_do(world: World, batch: Batch) -> None:
    for some in ((0, 1, 2), (2, 3, 4), (0, 2, 4)):
        with boa.env.anchor():
            signers = [world.committee[i] for i in some]
            assert len(world.submit(world.sign(batch, signers)).outcomes) == 1


def test_one_signature_more_than_needed_is_refused(world: World, batch: Batch) -> None:
    with boa.reverts("quorum: wrong number of signatures"):
        world.submit(world.sign(batch, world.committee[:4]))


def test_a_signature_cut_short_is_refused(world: World, batch: Batch) -> None:
    cut = [batch.signatures[:-1]]
    with boa.reverts("quorum: wrong number of signatures"):
        world.submit(resigned(world, batch, cut))


def test_signers_who_are_not_in_order_are_refused(world: World, batch: Batch) -> None:
    a, b, c = (one.sign(digest(world, batch)) for one in world.committee[:3])
    for order in ([b, a, c], [a, c, b], [c, b, a]):
        with boa.reverts("quorum: signers not ascending"):
            world.submit(resigned(world, batch, order))


def test_one_signer_counts_once(world: World, batch: Batch) -> None:
    a, b, _ = (one.sign(digest(world, batch)) for one in world.committee[:3])
    for doubled in ([a, a, b], [a, b, b]):
        with boa.reverts("quorum: signers not ascending"):
            world.submit(resigned(world, batch, doubled))


def test_a_signer_who_is_no_member_is_refused(world: World, batch: Batch) -> None:
    outsider = attesters(1, team="outsider")[0]
    signers = sorted([*world.committee[:2], outsider], key=lambda one: int(one.address, 16))
    with boa.reverts("settlement: not a member"):
        world.submit(world.sign(batch, signers))


@pytest.mark.parametrize("field", ["epoch", "expiry", "root", "runs"])
def test_nothing_that_was_signed_can_be_changed(world: World, batch: Batch, field: str) -> None:
    appoint(world, grace=DAY_S)
    forged = {
        "epoch": Batch(2, batch.expiry, batch.root, batch.runs, batch.signatures[:130]),
        "expiry": Batch(1, batch.expiry + 1, batch.root, batch.runs, batch.signatures),
        "root": Batch(1, batch.expiry, b"\x01" * 32, batch.runs, batch.signatures),
        "runs": Batch(1, batch.expiry, batch.root, batch.runs + bytes(32), batch.signatures),
    }
    with boa.reverts():
        world.submit(forged[field])
    assert len(world.submit(batch).outcomes) == 1


def test_a_batch_expires(world: World, batch: Batch) -> None:
    boa.env.timestamp = batch.expiry + 1
    with boa.reverts("settlement: batch expired"):
        world.submit(batch)
    boa.env.timestamp = batch.expiry
    assert len(world.submit(batch).outcomes) == 1


@settings(max_examples=25, deadline=None)
@given(
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**256 - 1 - 2**40),
    st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=9),
)
def test_any_batch_is_hashed_as_python_hashes_it(
    deployed: World, root: bytes, later: int, words: list[int]
) -> None:
    batch = deployed.batch([deployed.run(CONNECTOR, words)], root=root, expiry=now() + later)
    assert len(deployed.submit(batch).outcomes) == len(words)
    with boa.reverts():
        deployed.submit(replace(batch, root=bytes([root[0] ^ 1]) + root[1:]))


def test_the_domain_is_that_of_python(world: World, settlement: Any) -> None:
    assert settlement.DOMAIN_SEPARATOR() == world.domain.separator
    fields, name, version, chain_id, contract, salt, extensions = settlement.eip712Domain()
    assert (fields, name, version) == (b"\x0f", "ChargeCoin Settlement", "1")
    assert (chain_id, contract) == (world.domain.chain_id, settlement.address)
    assert (salt, extensions) == (bytes(32), [])
