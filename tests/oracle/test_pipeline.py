"""From closed transactions to pending sessions, or to quarantine with the reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from chargecoin.evidence.format import Bundle
from chargecoin.record import Assurance
from oracle.store import quarantine, sessions
from oracle.store.quarantine import Entry
from oracle.store.sessions import Pending
from tests.oracle.harness import SALT, TOKEN, Node, World, until
from tests.support.charging import Charging, Meter, signed_session


@pytest.fixture
async def node(world: World) -> AsyncIterator[Node]:
    """An oracle that never finds a batch due."""
    never = {"batch_min_sessions": 1_000_000, "batch_max_age_s": 10**9}
    async with world.oracles(1, **never) as (only,):
        await world.advance(10, only)
        yield only


async def pending(world: World, node: Node, charging: Charging, end: int) -> Pending:
    """Let a charge point send a transaction and return the session it becomes."""
    await world.advance(max(1, end - world.now), node)
    await world.take(node, charging)
    await until(node, lambda s: s["sessions"]["pending"] == 1)
    [session] = await node.oracle.database.read(lambda c: sessions.pending(c, 2**32, 10))
    return session


async def set_aside(
    world: World, node: Node, charging: Charging, end: int, identity: str = "CP-0001"
) -> Entry:
    """Let a charge point send a transaction and return why it waits."""
    await world.advance(max(1, end - world.now), node)
    await world.take(node, charging, identity)
    await until(node, lambda s: s["sessions"]["quarantined"] == 1)
    [entry] = await node.oracle.database.read(quarantine.waiting)
    return entry


def evidence(session: Pending) -> Bundle:
    return msgspec.json.decode(session.draft, type=Bundle)


async def test_a_session_is_measured_priced_and_billed_to_its_mandate(
    world: World, node: Node
) -> None:
    code, _ = await node.post("/mandates", world.mandate())
    assert code == 200
    begin = world.now
    bundle = evidence(await pending(world, node, world.charging(begin), begin + 3700))
    record = bundle.record
    assert (record.energy_wh, record.duration_s, record.idle_s) == (1101, 3600, 300)
    assert record.gross == 1101 * 450_000 // 1000
    assert record.payer == world.protocol.ids["payers"]["driver"]["account"]
    assert record.assurance == Assurance.OBSERVED
    assert bundle.carbon is not None
    assert bundle.carbon.zone == "GB"


async def test_no_token_is_in_the_evidence_and_each_commitment_is_opened(
    world: World, node: Node
) -> None:
    await node.post("/mandates", world.mandate())
    begin = world.now
    session = await pending(world, node, world.charging(begin), begin + 3700)
    assert TOKEN.encode() not in session.draft
    openings = msgspec.json.decode(session.openings)
    payer = evidence(session).payer
    assert openings == {payer.token: {"salt": "0x" + SALT.hex(), "token": TOKEN}}


async def test_two_sessions_of_a_card_without_a_mandate_cannot_be_linked(
    world: World, node: Node
) -> None:
    begin = world.now
    await world.advance(8000, node)
    for start in (begin, begin + 3600):
        await world.take(node, world.charging(start))
    await until(node, lambda s: s["sessions"]["pending"] == 2)
    found = await node.oracle.database.read(lambda c: sessions.pending(c, 2**32, 10))
    payers = [evidence(session).payer for session in found]
    assert [payer.account for payer in payers] == [0, 0]
    assert payers[0].token != payers[1].token


async def test_another_card_that_stops_the_session_is_hidden_too(world: World, node: Node) -> None:
    begin = world.now
    charging = Charging(token=TOKEN).start(begin).stop(begin + 3600, idTag="SECOND-CARD")
    session = await pending(world, node, charging, begin + 3700)
    assert b"SECOND-CARD" not in session.draft
    assert len(msgspec.json.decode(session.openings)) == 2


async def test_a_signed_session_has_the_meters_assurance(world: World, node: Node) -> None:
    begin = world.now
    charging = signed_session(Meter(), start=begin)
    # The meter is at connector 2.
    charging.frames = [
        replace(frame, text=frame.text.replace('"connectorId":1', '"connectorId":2'))
        for frame in charging.frames
    ]
    bundle = evidence(await pending(world, node, charging, begin + 3700))
    assert bundle.record.assurance == Assurance.SIGNED
    assert bundle.reading.method == "ocmf"
    assert bundle.meter is not None


@pytest.mark.parametrize(
    ("changes", "payer_pays"),
    [
        ({"max_per_session": 495_450}, True),
        ({"max_per_session": 495_449}, False),
        ({"valid_until": 1_000_000_000}, False),
        ({"tokens": ["OTHER"]}, False),
        ({"tokens": [TOKEN.lower()]}, True),
    ],
)
async def test_only_a_mandate_that_covers_the_session_makes_its_account_pay(
    world: World, node: Node, changes: dict[str, Any], payer_pays: bool
) -> None:
    code, answer = await node.post("/mandates", world.mandate(**changes))
    assert code == 200, answer
    begin = world.now
    bundle = evidence(await pending(world, node, world.charging(begin), begin + 3700))
    assert bool(bundle.payer.account) == payer_pays


async def test_a_mandate_revoked_before_the_start_pays_nothing(world: World, node: Node) -> None:
    await node.post("/mandates", world.mandate())
    account = world.protocol.ids["payers"]["driver"]["account"]
    [mandate] = await node.oracle.database.read(
        lambda c: [row["id"] for row in c.execute("SELECT id FROM mandates")]
    )
    driver = world.protocol.payer("driver")
    await world.send(driver, "Settlement", "revoke_mandate", account, mandate)
    await world.advance(10, node)
    begin = world.now
    bundle = evidence(await pending(world, node, world.charging(begin), begin + 3700))
    assert bundle.payer.account == 0


async def test_a_session_waits_until_its_start_is_final(world: World, node: Node) -> None:
    begin = world.now + 1000
    world.clock.set(begin + 3700)
    await world.take(node, world.charging(begin))
    assert node.oracle.pipeline
    assert await node.oracle.pipeline.step() == 0
    await world.advance(1, node)
    await until(node, lambda s: s["sessions"]["pending"] == 1)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("negative_energy", {"meterStop": 1}),
        ("register_implausible", {"meterStop": 10**12}),
        ("over_consumption", {"meterStop": 57_584 + 30_000}),
        ("no_register", {"meterStop": "unknown"}),
        ("timestamp_unreadable", {"timestamp": "yesterday"}),
        ("clock_unset", {"timestamp": "1970-01-01T00:10:00Z"}),
        ("no_token", {}),
    ],
)
async def test_an_impossible_reading_is_set_aside_with_its_reason(
    world: World, node: Node, code: str, changes: dict[str, Any]
) -> None:
    begin = world.now
    token = "" if code == "no_token" else TOKEN
    charging = Charging(token=token).start(begin).stop(begin + 3600, **changes)
    entry = await set_aside(world, node, charging, begin + 3700)
    assert entry.code == code
    assert entry.sentence


async def test_a_tampered_meter_value_is_set_aside(world: World, node: Node) -> None:
    begin = world.now
    meter = Meter()
    text = meter.sign(meter.reading("B", "57.584", begin), meter.reading("E", "58.685", begin + 60))
    charging = (
        Charging(connector_id=2, token=TOKEN)
        .start(begin)
        .signed(begin, text.replace("58.685", "59.685"))
        .stop(begin + 3600, meter=59_685)
    )
    assert (await set_aside(world, node, charging, begin + 3700)).code == "signature_invalid"


async def test_a_meter_without_a_registered_key_is_set_aside(world: World, node: Node) -> None:
    begin = world.now
    charging = signed_session(Meter(), start=begin)  # at connector 1, whose meter has no key
    assert (await set_aside(world, node, charging, begin + 3700)).code == "unknown_key"


async def test_a_connector_that_is_not_registered_is_set_aside_until_it_is(
    world: World, node: Node
) -> None:
    begin = world.now
    charging = Charging(connector_id=3, token=TOKEN).start(begin).stop(begin + 3600)
    entry = await set_aside(world, node, charging, begin + 3700)
    assert entry.code == "unknown_connector"
    # It is registered, with a tariff that was not in force when the session started.
    owner, evse = world.protocol.owner(1), 1
    await world.send(owner, "StationRegistry", "add_connector", evse, 3, 4, 2, 22_000)
    await world.advance(10, node)
    assert ("CP-0001", 3) in node.oracle.registry.ids
    code, answer = await node.post(f"/quarantine/{entry.id}/replay")
    assert (code, answer) == (200, {"resolved": True})
    await until(node, lambda s: s["quarantine"] == {"no_tariff": 1})
    assert (await node.get("/status"))["sessions"]["in"] == 1


async def test_a_session_over_the_cap_is_set_aside(world: World, node: Node) -> None:
    begin = world.now
    connector = node.oracle.registry.ids["CP-0002", 1]
    prices = [2**27 - 1] * 2 + [0] * 5
    await world.send(
        world.protocol.owner(2),
        "StationRegistry",
        "publish_tariff",
        connector,
        begin + 3700,
        prices,
        0,
        bytes(32),
    )
    await world.advance(3700, node)
    begin = world.now
    charging = Charging(token=TOKEN).start(begin, meter=0).stop(begin + 3600, meter=100_000)
    entry = await set_aside(world, node, charging, begin + 3700, "CP-0002")
    assert entry.code == "session_cap"


async def test_a_transaction_that_never_ends_is_set_aside_once(world: World, node: Node) -> None:
    await world.take(node, Charging(token=TOKEN).start(world.now))
    await world.advance(13 * 86_400, node)
    await until(node, lambda s: s["sessions"]["quarantined"] == 1)
    assert node.oracle.pipeline
    await node.oracle.pipeline.give_up()
    status = await node.get("/status")
    assert (status["sessions"]["in"], status["quarantine"]) == (1, {"no_end": 1})


async def test_a_session_that_makes_us_fail_is_set_aside_and_the_others_go_on(
    world: World, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = world.now
    await world.advance(8000, node)
    assert node.oracle.pipeline
    prepare = node.oracle.pipeline.prepare
    broken: list[int] = []

    async def once(number: int) -> Pending:
        if not broken:
            broken.append(number)
            raise ZeroDivisionError
        return await prepare(number)

    monkeypatch.setattr(node.oracle.pipeline, "prepare", once)
    for start in (begin, begin + 3600):
        await world.take(node, world.charging(start))
    status = await until(node, lambda s: s["sessions"]["pending"] == 1)
    assert status["quarantine"] == {"internal_error": 1}


async def test_the_tariff_in_force_at_the_start_is_the_one(world: World, node: Node) -> None:
    connector = node.oracle.registry.ids["CP-0001", 1]
    change = world.now + 5000
    await world.send(
        world.protocol.owner(1),
        "StationRegistry",
        "publish_tariff",
        connector,
        change,
        [600_000, 600_000, 0, 0, 0, 0, 0],
        0,
        bytes(32),
    )
    await world.advance(3600, node)
    before, after = change - 1, change + 4000
    await world.advance(12_000, node)
    for start in (before, after):
        await world.take(node, world.charging(start))
    await until(node, lambda s: s["sessions"]["pending"] == 2)
    found = await node.oracle.database.read(lambda c: sessions.pending(c, 2**32, 10))
    assert [(one.tariff_index, evidence(one).price.gross) for one in found] == [
        (1, 1101 * 450),
        (2, 1101 * 600),
    ]
