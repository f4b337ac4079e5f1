"""A virtual charge point keeps what was not answered, whatever the central system does."""

from __future__ import annotations

import asyncio
import base64
import json
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from chargecoin.errors import CentralSystemError
from simulate.charge_point import Patience, VirtualChargePoint
from simulate.fleet import Fleet, password
from simulate.generator import generate
from simulate.network import Network
from simulate.plan import SessionPlan
from tests.simulate.conftest import CentralSystem

QUICK = Patience(answer_s=0.2, total_s=20)


def charge_point(url: str, patience: Patience = QUICK) -> VirtualChargePoint:
    return VirtualChargePoint("CP-1", "secret", url, (f"m{n}" for n in count(1)), patience)


async def test_it_connects_with_its_identity_and_password(central_system: CentralSystem) -> None:
    device = charge_point(central_system.url)
    assert await device.call("Heartbeat", {}) == {}
    await device.close()
    assert central_system.actions("CP-1") == ["Heartbeat"]
    credentials = base64.b64encode(b"CP-1:secret").decode()
    assert central_system.passwords == {f"Basic {credentials}"}


async def test_a_message_cut_off_is_sent_again_under_its_id(central_system: CentralSystem) -> None:
    async def hang_up_twice(connection: ServerConnection, message: list[Any]) -> None:
        if len(central_system.received) <= 2:
            connection.transport.abort()
        else:
            await central_system.answer_well(connection, message)

    central_system.answer = hang_up_twice
    device = charge_point(central_system.url)
    await device.call("StartTransaction", {"connectorId": 1})
    await device.close()
    assert [message_id for _, message_id, _, _ in central_system.received] == ["m1", "m1", "m1"]
    assert central_system.connections == 3


async def test_a_message_without_an_answer_is_sent_again(central_system: CentralSystem) -> None:
    async def ignore_once(connection: ServerConnection, message: list[Any]) -> None:
        if len(central_system.received) > 1:
            await central_system.answer_well(connection, message)

    central_system.answer = ignore_once
    device = charge_point(central_system.url)
    assert (await device.call("StartTransaction", {}))["transactionId"] == 1
    await device.close()
    assert len(central_system.received) == 2


async def test_an_absent_central_system_is_waited_for_and_then_named(
    central_system: CentralSystem,
) -> None:
    await central_system.stop()
    device = charge_point(central_system.url, Patience(answer_s=0.2, total_s=0.3))
    with pytest.raises(CentralSystemError, match="no answer to Heartbeat"):
        await device.call("Heartbeat", {})


async def test_a_refusal_is_told_and_not_repeated(central_system: CentralSystem) -> None:
    async def refuse(connection: ServerConnection, message: list[Any]) -> None:
        await connection.send(json.dumps([4, message[1], "SecurityError", "unknown", {}]))

    central_system.answer = refuse
    device = charge_point(central_system.url)
    with pytest.raises(CentralSystemError, match="SecurityError"):
        await device.call("BootNotification", {})
    await device.close()
    assert len(central_system.received) == 1


async def test_it_answers_what_the_central_system_asks(central_system: CentralSystem) -> None:
    answers: asyncio.Queue[list[Any]] = asyncio.Queue()

    async def ask_first(connection: ServerConnection, message: list[Any]) -> None:
        for action in ("ChangeConfiguration", "Reset"):
            await connection.send(json.dumps([2, action, action, {}]))
            answers.put_nowait(json.loads(await connection.recv()))
        await central_system.answer_well(connection, message)

    central_system.answer = ask_first
    device = charge_point(central_system.url)
    await device.call("Heartbeat", {})
    await device.close()
    assert answers.get_nowait() == [3, "ChangeConfiguration", {"status": "Accepted"}]
    assert answers.get_nowait()[:3] == [4, "Reset", "NotImplemented"]


def fleet(network: Network, url: str) -> Fleet:
    return Fleet(network, url=url, seed=1, run="r1", patience=QUICK)


@pytest.fixture
def plans(network: Network) -> list[SessionPlan]:
    return generate(network, sessions=30, weeks=1, rng=Random(1))


async def test_a_fleet_plays_every_session_in_order_and_to_its_end(
    central_system: CentralSystem, network: Network, plans: list[SessionPlan]
) -> None:
    devices = fleet(network, central_system.url)
    await devices.boot(plans[0].started_at - 60)
    devices.add(plans)
    while (due := devices.next_due()) is not None:
        await devices.advance(due + 6 * 3600)
    await devices.close()
    for station in network.stations:
        sent = [
            (action, payload)
            for who, _, action, payload in central_system.received
            if who == station.identity
        ]
        assert sent[0][0] == "BootNotification"
        times = [payload["timestamp"] for _, payload in sent if "timestamp" in payload]
        assert times == sorted(times)
    stops = [payload for _, _, action, payload in central_system.received if action[:4] == "Stop"]
    assert len(stops) == len({stop["transactionId"] for stop in stops}) == len(plans)


async def test_nothing_is_sent_before_its_time(
    central_system: CentralSystem, network: Network, plans: list[SessionPlan]
) -> None:
    devices = fleet(network, central_system.url)
    devices.add(plans)
    assert await devices.advance(plans[0].started_at - 1) == 0
    await devices.advance(plans[0].started_at)
    await devices.close()
    assert central_system.actions(plans[0].charge_point)[:2] == [
        "StatusNotification",
        "StartTransaction",
    ]
    assert "StopTransaction" not in central_system.actions(plans[0].charge_point)


async def test_meters_go_on_from_where_an_earlier_run_left_them(
    central_system: CentralSystem, network: Network, plans: list[SessionPlan], tmp_path: Path
) -> None:
    first = fleet(network, central_system.url)
    first.add(plans[:1])
    await first.advance(plans[0].ended_at)
    first.save_meters(tmp_path / "meters.json")
    await first.close()
    second = Fleet(network, url=central_system.url, seed=1, run="r2", patience=QUICK)
    second.load_meters(tmp_path / "meters.json")
    second.add(plans[:1])
    await second.advance(plans[0].started_at)
    await second.close()
    payloads = {action: payload for _, _, action, payload in central_system.received}
    assert payloads["StartTransaction"]["meterStart"] == payloads["StopTransaction"]["meterStop"]
    starts = [action for _, _, action, _ in central_system.received if action[:5] == "Start"]
    assert len(starts) == 2


def test_passwords_are_of_the_seed_and_the_identity() -> None:
    assert len({password(seed, name) for seed in (1, 2) for name in ("CP-1", "CP-2")}) == 4
