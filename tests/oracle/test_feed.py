"""The operational feed: signed, gapless within an epoch, honest about what cannot be seen."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from chargecoin import canonical
from chargecoin.typed_data import recover
from oracle.feed import entries, feed
from oracle.store import feed as stored
from tests.oracle.listening import ORACLE, Listening, listening
from tests.oracle.messages import start, stop


async def report(
    central_system: Listening, *statuses: str, identity: str = "CP-0001", connector: int = 1
) -> None:
    async with central_system.charge_point(identity) as charge_point:
        for status in statuses:
            await charge_point.call(
                "StatusNotification", connectorId=connector, errorCode="NoError", status=status
            )
    await central_system.settle()


async def test_every_entry_is_canonical_and_signed_by_the_oracle(
    central_system: Listening,
) -> None:
    await report(central_system, "Available", "Preparing")
    found = await central_system.database.read(lambda c: stored.after(c, 0, 100))
    assert len(found) > 5
    for number, (n, body, signature) in enumerate(found, start=1):
        assert canonical.dumps(json.loads(body)) == body
        assert recover(entries.digest(body), signature) == ORACLE.address
        assert json.loads(body)["n"] == n == number


async def test_a_connectors_entries_count_without_gaps(central_system: Listening) -> None:
    await report(central_system, "Available", "Preparing", "Charging")
    of_connector = [one for one in await central_system.entries() if one["connector_id"] == 101]
    assert [one["seq"] for one in of_connector] == list(range(1, len(of_connector) + 1))
    assert [one["status"] for one in of_connector] == [
        "Offline",
        "Available",
        "Preparing",
        "Charging",
        "Offline",
    ]


async def test_a_charge_points_boot_is_a_restart_of_each_connector_it_has_reported(
    central_system: Listening,
) -> None:
    async with central_system.charge_point("CP-0001") as charge_point:
        await charge_point.call(
            "StatusNotification", connectorId=1, errorCode="GroundFailure", status="Faulted"
        )
        await charge_point.call(
            "BootNotification", chargePointVendor="Vendor", chargePointModel="Model"
        )
    await central_system.settle()
    restarts = [one for one in await central_system.entries() if one["kind"] == "restart"]
    of_connectors = [one for one in restarts if one["connector_id"]]
    assert [(one["connector_id"], one["status"]) for one in of_connectors] == [(101, "Faulted")]
    assert of_connectors[0]["error_code"] == "GroundFailure"


async def test_a_start_begins_with_a_snapshot_in_a_new_epoch(tmp_path: Path) -> None:
    async with listening(tmp_path) as first:
        await report(first, "Charging")
    async with listening(tmp_path) as second:
        last = (await second.entries())[-4:]
        assert [one["kind"] for one in last] == ["restart", "snapshot", "snapshot", "snapshot"]
        assert {one["status"] for one in last} == {"Offline"}
        assert {(one["epoch"], one["seq"]) for one in last} == {(2, 1)}


async def test_a_charge_point_that_reconnects_is_as_it_last_reported(tmp_path: Path) -> None:
    async with listening(tmp_path) as first:
        await report(first, "Charging")
    async with listening(tmp_path) as second, second.charge_point() as charge_point:
        await charge_point.call("Heartbeat")
        last = (await second.entries())[-1]
        assert (last["connector_id"], last["kind"], last["status"]) == (101, "snapshot", "Charging")


async def test_a_fault_is_told_with_its_error(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        await charge_point.call(
            "StatusNotification", connectorId=1, errorCode="GroundFailure", status="Faulted"
        )
        last = (await central_system.entries())[-1]
    assert (last["kind"], last["status"], last["error_code"]) == (
        "fault",
        "Faulted",
        "GroundFailure",
    )


async def test_sessions_are_told_with_their_energy(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        answer = await charge_point.call("StartTransaction", **start())
        await charge_point.call("StopTransaction", **stop(answer["transactionId"]))
        begun, ended = (await central_system.entries())[-2:]
    assert (begun["kind"], begun["status"], begun["energy_wh"]) == ("session", "Charging", None)
    assert (ended["kind"], ended["status"], ended["energy_wh"]) == ("session", "Finishing", 1101)


async def test_what_is_said_of_a_connector_names_the_transaction_open_at_it(
    central_system: Listening,
) -> None:
    async with central_system.charge_point() as charge_point:
        number = (await charge_point.call("StartTransaction", **start()))["transactionId"]
        await charge_point.call(
            "StatusNotification", connectorId=1, errorCode="NoError", status="SuspendedEV"
        )
    await central_system.settle()
    async with central_system.charge_point() as charge_point:
        await charge_point.call("StopTransaction", **stop(number))
        said = [one for one in await central_system.entries() if one["connector_id"] == 101]
    assert [(one["status"], one["session"]) for one in said] == [
        ("Offline", None),
        ("Charging", str(number)),
        ("SuspendedEV", str(number)),
        # The connection is gone and the transaction is not.
        ("Offline", str(number)),
        ("SuspendedEV", str(number)),
        ("Finishing", None),
    ]


async def test_a_card_without_a_transaction_is_a_failed_start(central_system: Listening) -> None:
    await report(central_system, "Available", "Preparing", "Available", "Preparing", "Faulted")
    said = [one for one in await central_system.entries() if one["connector_id"] == 101]
    assert [(one["kind"], one["status"]) for one in said if one["kind"] == "failed_start"] == [
        ("failed_start", "Available")
    ]


async def test_a_transaction_without_energy_is_a_failed_start(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        await charge_point.call(
            "StatusNotification", connectorId=1, errorCode="NoError", status="Preparing"
        )
        number = (await charge_point.call("StartTransaction", **start()))["transactionId"]
        await charge_point.call("StopTransaction", **stop(number, meterStop=57_584))
        await charge_point.call(
            "StatusNotification", connectorId=1, errorCode="NoError", status="Available"
        )
        *_, ended, _free = await central_system.entries()
    assert (ended["kind"], ended["status"], ended["energy_wh"]) == ("failed_start", "Finishing", 0)


async def test_a_connector_that_is_not_registered_has_no_entries(
    central_system: Listening,
) -> None:
    before = len(await central_system.entries())
    await report(central_system, "Available", identity="CP-0002", connector=9)
    new = (await central_system.entries())[before:]
    assert {one["connector_id"] for one in new} == {201}


async def test_a_charge_point_of_another_oracle_has_no_entries(central_system: Listening) -> None:
    # CP-0003 is registered with connector 301, and does not connect here.
    assert 301 not in {one["connector_id"] for one in await central_system.entries()}


async def test_a_newly_registered_connector_begins_with_a_snapshot(
    central_system: Listening,
) -> None:
    await central_system.feed.registered([("CP-0002", 1)], frozenset())
    last = (await central_system.entries())[-1]
    assert (last["connector_id"], last["kind"], last["status"]) == (201, "snapshot", "Offline")


async def test_the_oracle_has_a_heartbeat_every_five_minutes(
    central_system: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_LOOK_S", 0)
    beating = asyncio.create_task(central_system.feed.beat())
    for _ in range(3):
        seen = central_system.feed.changed.version
        central_system.clock.advance(feed.HEARTBEAT_S)
        async with asyncio.timeout(10):
            await central_system.feed.changed.wait(seen)
    beating.cancel()
    beats = [one for one in await central_system.entries() if one["kind"] == "heartbeat"]
    assert [(one["connector_id"], one["seq"]) for one in beats] == [(0, 2), (0, 3), (0, 4)]
