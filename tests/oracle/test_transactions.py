"""Transactions: opened and closed once, whatever is repeated, lost or out of place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oracle.store import frames
from tests.oracle.harness import TOKEN
from tests.oracle.listening import Listening, listening
from tests.oracle.messages import sampled, start, started, stop
from tests.support.charging import START, iso

# -------------------------------------------------------------------- once and not twice


@pytest.mark.parametrize("message_ids", [("a", "a"), ("a", "b")])
async def test_a_repeated_start_has_the_same_transaction(
    central_system: Listening, message_ids: tuple[str, str]
) -> None:
    async with central_system.charge_point() as charge_point:
        first, second = [
            await charge_point.send(json.dumps([2, one, "StartTransaction", start()]))
            for one in message_ids
        ]
    assert first == second
    assert (await central_system.counts())["open"] == 1


async def test_a_repeated_start_with_a_card_in_other_case_is_the_same(
    central_system: Listening,
) -> None:
    async with central_system.charge_point() as charge_point:
        number = await started(charge_point)
        assert await started(charge_point, idTag=TOKEN.lower()) == number


async def test_a_start_repeated_after_its_stop_opens_nothing(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        number = await started(charge_point)
        await charge_point.call("StopTransaction", **stop(number))
        assert await started(charge_point) == number
    counts = await central_system.counts()
    assert (counts["open"], counts["closed"]) == (0, 1)


async def test_transactions_have_ids_of_their_own(central_system: Listening) -> None:
    async with (
        central_system.charge_point() as one,
        central_system.charge_point("CP-0002") as other,
    ):
        ids = {
            await started(one),
            await started(one, connectorId=2),
            await started(other),
        }
    assert len(ids) == 3
    assert all(0 < number < 2**31 for number in ids)


async def test_a_repeated_stop_is_acknowledged_and_counted_once(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        number = await started(charge_point)
        for _ in range(3):
            answer = await charge_point.call("StopTransaction", **stop(number, idTag=TOKEN))
            assert answer["idTagInfo"]["status"] == "Accepted"
    assert (await central_system.counts())["closed"] == 1
    assert await central_system.waiting() == []


async def test_a_second_stop_that_says_otherwise_is_set_aside(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        number = await started(charge_point)
        await charge_point.call("StopTransaction", **stop(number))
        assert await charge_point.call("StopTransaction", **stop(number, meterStop=99_999)) == {}
    assert await central_system.waiting() == ["conflicting_stop"]
    assert (await central_system.counts())["closed"] == 1


# ------------------------------------------------------------- transactions that do not fit


@pytest.mark.parametrize("transaction_id", [0, 123_456, -5])
async def test_a_stop_of_an_unknown_transaction_is_acknowledged_and_set_aside(
    central_system: Listening, transaction_id: int
) -> None:
    async with central_system.charge_point() as charge_point:
        await started(charge_point)
        assert await charge_point.call("StopTransaction", **stop(transaction_id)) == {}
    assert await central_system.waiting() == ["unknown_transaction"]
    # It closed nothing that it was not of.
    assert (await central_system.counts())["open"] == 1


async def test_a_charge_point_cannot_stop_the_transaction_of_another(
    central_system: Listening,
) -> None:
    async with (
        central_system.charge_point() as one,
        central_system.charge_point("CP-0002") as other,
    ):
        number = await started(one)
        assert await other.call("StopTransaction", **stop(number)) == {}
    assert (await central_system.counts())["open"] == 1


async def test_minus_one_is_the_transaction_whose_answer_was_lost(
    central_system: Listening,
) -> None:
    async with central_system.charge_point() as charge_point:
        number = await started(charge_point)
        await started(charge_point, connectorId=2, idTag="OTHER")
        await charge_point.call(
            "MeterValues", connectorId=1, transactionId=-1, meterValue=sampled()
        )
        await charge_point.call("StopTransaction", **stop(-1, idTag=TOKEN))
    rows = await central_system.rows("SELECT id FROM transactions WHERE state = 'closed'")
    assert rows == [(number,)]
    frames = await central_system.rows(
        "SELECT count(*) FROM frames WHERE transaction_id = ?", number
    )
    assert frames == [(6,)]


async def test_minus_one_that_may_be_of_two_transactions_closes_neither(
    central_system: Listening,
) -> None:
    async with central_system.charge_point() as charge_point:
        await started(charge_point)
        await started(charge_point, connectorId=2)
        assert await charge_point.call("StopTransaction", **stop(-1)) == {}
    assert await central_system.waiting() == ["unknown_transaction"]
    assert (await central_system.counts())["open"] == 2


async def test_meter_values_without_an_id_are_of_the_connectors_transaction(
    central_system: Listening,
) -> None:
    async with central_system.charge_point() as charge_point:
        number = await started(charge_point)
        await charge_point.call("MeterValues", connectorId=1, meterValue=sampled())
        await charge_point.call("MeterValues", connectorId=2, meterValue=sampled())
    rows = await central_system.rows(
        "SELECT transaction_id FROM frames WHERE text LIKE '%MeterValues%' ORDER BY id"
    )
    assert rows == [(number,), (None,)]


async def test_evidence_ends_with_the_answer_to_the_stop(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        number = await started(charge_point)
        await charge_point.call(
            "StatusNotification", connectorId=1, errorCode="NoError", status="Charging"
        )
        await charge_point.call("StopTransaction", **stop(number))
        await charge_point.call("StopTransaction", **stop(number))
        await charge_point.call(
            "StatusNotification", connectorId=1, errorCode="NoError", status="Available"
        )
    found = await central_system.database.read(lambda c: frames.of_transaction(c, number))
    actions = [json.loads(frame.text)[2] for frame in found if frame.sender == "charge_point"]
    assert actions == ["StartTransaction", "StatusNotification", "StopTransaction"]
    assert found[-1].sender == "central_system"


# ------------------------------------------------------------------------ missing ends


async def test_a_new_start_leaves_the_open_transaction_without_an_end_once(
    central_system: Listening,
) -> None:
    async with central_system.charge_point() as charge_point:
        await started(charge_point)
        for _ in range(2):
            await started(charge_point, timestamp=iso(START + 7200))
        await charge_point.call("BootNotification", chargePointVendor="V", chargePointModel="M")
        await charge_point.call("BootNotification", chargePointVendor="V", chargePointModel="M")
    counts = await central_system.counts()
    assert (counts["open"], counts["quarantined"]) == (0, 2)
    assert await central_system.waiting() == ["no_end", "no_end"]


async def test_a_start_on_another_connector_leaves_the_open_transaction_alone(
    central_system: Listening,
) -> None:
    async with central_system.charge_point() as charge_point:
        await started(charge_point)
        await started(charge_point, connectorId=2)
    assert (await central_system.counts())["open"] == 2


async def test_a_connector_that_is_available_again_has_lost_its_transactions_end(
    central_system: Listening,
) -> None:
    free = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    async with central_system.charge_point() as charge_point:
        number = await started(charge_point)
        for _ in range(2):
            await charge_point.call("StatusNotification", **free)
        assert await central_system.waiting() == ["no_end"]
        await charge_point.call("StopTransaction", **stop(number))
        await charge_point.call("StatusNotification", **free)
    assert await central_system.waiting() == []
    assert (await central_system.counts())["closed"] == 1


async def test_a_connector_that_is_available_again_has_no_open_transaction(
    central_system: Listening,
) -> None:
    async with central_system.charge_point() as charge_point:
        number = await started(charge_point)
        for _ in range(2):
            await charge_point.call(
                "StatusNotification", connectorId=1, errorCode="NoError", status="Available"
            )
        assert await central_system.waiting() == ["no_end"]
        await charge_point.call("StopTransaction", **stop(number))
    assert await central_system.waiting() == []
    assert (await central_system.counts())["closed"] == 1


async def test_a_late_stop_takes_the_session_out_of_quarantine(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        number = await started(charge_point)
        await charge_point.call("BootNotification", chargePointVendor="V", chargePointModel="M")
        assert await central_system.waiting() == ["no_end"]
        await charge_point.call("StopTransaction", **stop(number, reason="PowerLoss"))
        await charge_point.call("StopTransaction", **stop(number, reason="PowerLoss"))
    assert await central_system.waiting() == []
    counts = await central_system.counts()
    assert (counts["closed"], counts.get("quarantined", 0)) == (1, 0)


# ------------------------------------------------------------------------------ replays


async def test_a_stop_set_aside_goes_on_when_replayed_after_its_start(
    central_system: Listening,
) -> None:
    async with central_system.charge_point() as charge_point:
        # The id that the next transaction of this store will have.
        expected = await started(charge_point, connectorId=2) + 1
        await charge_point.call("StopTransaction", **stop(expected))
        [entry] = await central_system.rows("SELECT id FROM quarantine")
        assert not await central_system.intake.replay(entry[0])
        assert await started(charge_point) == expected
    assert await central_system.intake.replay(entry[0])
    assert not await central_system.intake.replay(entry[0])
    assert (await central_system.counts())["closed"] == 1
    assert await central_system.waiting() == []


async def test_garbage_stays_set_aside_when_replayed(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        await charge_point.connection.send("garbage")
        await charge_point.call("Heartbeat")
    assert not await central_system.intake.replay(1)
    assert await central_system.waiting() == ["not_ocpp"]
    assert len(await central_system.rows("SELECT * FROM frames WHERE text = 'garbage'")) == 1


# ------------------------------------------------------------------------------ restarts


async def test_open_transactions_go_on_after_a_restart(tmp_path: Path) -> None:
    async with listening(tmp_path) as before, before.charge_point() as charge_point:
        number = await started(charge_point)
    async with listening(tmp_path) as after:
        async with after.charge_point() as charge_point:
            assert await started(charge_point) == number
            await charge_point.call("StopTransaction", **stop(number))
        assert (await after.counts())["closed"] == 1
