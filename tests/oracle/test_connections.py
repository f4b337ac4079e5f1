"""Who may connect, and what becomes of connections."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chargecoin.errors import ConfigurationError, StoreError
from oracle.central_system import passwords, server
from oracle.store.database import Database
from tests.oracle.listening import Listening


async def refusal(central_system: Listening, **how: Any) -> int:
    with pytest.raises(InvalidStatus) as refused:
        async with central_system.charge_point(**how):
            pass
    return refused.value.response.status_code


async def test_a_charge_point_with_its_password_connects(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        assert "currentTime" in await charge_point.call("Heartbeat")
        assert central_system.server.connected == {"CP-0001"}
    await central_system.settle()


async def test_an_unknown_charge_point_is_not_found(central_system: Listening) -> None:
    assert await refusal(central_system, identity="CP-9999", password="x") == 404
    assert "unknown_charge_point" in central_system.metrics.render({})


@pytest.mark.parametrize(
    "how",
    [
        {"password": "wrong"},
        {"password": ""},
        {"user": "CP-0002"},
        {"additional_headers": {}},
        {"additional_headers": {"Authorization": "Bearer token"}},
        {"additional_headers": {"Authorization": "Basic ????"}},
    ],
)
async def test_a_wrong_password_is_not_let_in(
    central_system: Listening, how: dict[str, Any]
) -> None:
    assert await refusal(central_system, **how) == 401
    assert not central_system.server.connected
    assert await central_system.rows("SELECT * FROM frames") == []


async def test_another_path_is_not_found(central_system: Listening) -> None:
    assert await refusal(central_system, path="/elsewhere/") == 404


@pytest.mark.parametrize("subprotocols", [None, ["ocpp2.0.1"]])
async def test_a_charge_point_that_does_not_speak_ocpp_16_is_refused(
    central_system: Listening, subprotocols: list[str] | None
) -> None:
    assert await refusal(central_system, subprotocols=subprotocols) == 400


async def test_a_charge_point_may_connect_as_soon_as_it_is_added(
    central_system: Listening,
) -> None:
    made = passwords.add(central_system.charge_points_file, ["CP-0003"])
    async with central_system.charge_point("CP-0003", made["CP-0003"]) as charge_point:
        assert "currentTime" in await charge_point.call("Heartbeat")


async def test_a_charge_point_whose_password_is_replaced_has_the_new_one_only(
    central_system: Listening,
) -> None:
    with pytest.raises(ConfigurationError, match="CP-0001"):
        passwords.add(central_system.charge_points_file, ["CP-0009", "CP-0001"])
    assert "CP-0009" not in central_system.charge_points_file.read_text()
    made = passwords.add(central_system.charge_points_file, ["CP-0001"], replace=True)
    assert await refusal(central_system) == 401
    async with central_system.charge_point("CP-0001", made["CP-0001"]) as charge_point:
        assert "currentTime" in await charge_point.call("Heartbeat")


async def test_charge_points_stay_known_when_their_file_breaks(central_system: Listening) -> None:
    central_system.charge_points_file.write_text("{")
    async with central_system.charge_point() as charge_point:
        assert "currentTime" in await charge_point.call("Heartbeat")


async def test_the_newest_connection_of_a_charge_point_wins(central_system: Listening) -> None:
    async with central_system.charge_point() as old:
        await old.call("StatusNotification", connectorId=1, errorCode="NoError", status="Available")
        async with central_system.charge_point() as new:
            with pytest.raises(ConnectionClosed):
                await old.connection.recv()
            # The old connection's end takes nothing from the new one.
            assert "currentTime" in await new.call("Heartbeat")
            assert central_system.server.connected == {"CP-0001"}
            assert (await central_system.entries())[-1]["status"] == "Available"


async def test_an_intruder_without_the_password_does_not_end_a_connection(
    central_system: Listening,
) -> None:
    async with central_system.charge_point() as charge_point:
        assert await refusal(central_system, password="guess") == 401
        assert "currentTime" in await charge_point.call("Heartbeat")


async def test_an_oversized_frame_ends_its_own_connection_and_is_noted(
    central_system: Listening,
) -> None:
    async with (
        central_system.charge_point("CP-0002") as other,
        central_system.charge_point() as charge_point,
    ):
        await charge_point.connection.send('[2,"1","DataTransfer",{"data":"' + "x" * 300_000)
        with pytest.raises(ConnectionClosed) as closed:
            await charge_point.connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == server.TOO_BIG
        async with asyncio.timeout(10):
            while await central_system.waiting() != ["oversized_frame"]:
                committed = central_system.database.committed
                await committed.wait(committed.version)
        assert "currentTime" in await other.call("Heartbeat")
    async with central_system.charge_point() as charge_point:
        assert "currentTime" in await charge_point.call("Heartbeat")


async def test_a_charge_point_that_is_never_understood_is_told_to_go(
    central_system: Listening,
) -> None:
    async with central_system.charge_point() as charge_point:
        for _ in range(server.MAX_UNREADABLE):
            await charge_point.connection.send("garbage")
        with pytest.raises(ConnectionClosed) as closed:
            await charge_point.connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == server.POLICY_VIOLATION
    stored = await central_system.rows("SELECT count(*) FROM frames WHERE text = 'garbage'")
    assert stored == [(server.MAX_UNREADABLE,)]


async def test_what_cannot_be_stored_is_not_answered(
    central_system: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with central_system.charge_point() as charge_point:

        async def full(_self: Database, _work: object) -> None:
            raise StoreError("disk full")

        monkeypatch.setattr(Database, "write", full)
        await charge_point.connection.send('[2,"1","Heartbeat",{}]')
        with pytest.raises(ConnectionClosed) as closed:
            await charge_point.connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == server.INTERNAL_ERROR


def test_a_password_is_kept_as_a_salted_hash(tmp_path: Any) -> None:
    file = tmp_path / "charge_points.json"
    made = passwords.add(file, ["CP-1"])
    assert made["CP-1"] not in file.read_text()
    # What OCPP 1.6 allows for AuthorizationKey: 16 to 20 bytes, in hex.
    assert len(made["CP-1"]) == 40
    points = passwords.ChargePoints(file)
    assert points.accepts("CP-1", made["CP-1"])
    assert not points.accepts("CP-1", "")
    assert not points.accepts("CP-2", made["CP-1"])


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"CP-1": {}}',
        '{"CP-1": {"password_hash": "secret"}}',
        '{"CP/1": {"password_hash": "' + passwords.hash_password("p", bytes(16)) + '"}}',
    ],
)
def test_a_malformed_list_of_charge_points_is_refused(tmp_path: Any, text: str) -> None:
    file = tmp_path / "charge_points.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError):
        passwords.ChargePoints(file)


def test_an_identity_with_a_colon_is_refused(tmp_path: Any) -> None:
    with pytest.raises(ConfigurationError, match="identity"):
        passwords.add(tmp_path / "charge_points.json", ["CP:1"])
