"""Owners let their own charge points connect, and nobody else's."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

import pytest
from click.testing import CliRunner
from eth_account import Account
from eth_account.messages import encode_typed_data
from websockets.exceptions import InvalidStatus

from chargecoin.charge_points import ChargePointPassword, for_wallet
from chargecoin.typed_data import Signer
from oracle.central_system.passwords import ChargePoints, add
from oracle.cli import cli
from tests.oracle.harness import Node, World, until
from tests.support.protocol import secret

PASSWORD: Final = "5f" * 20
SALT: Final = bytes(range(32))
NEVER: Final[dict[str, Any]] = {"batch_min_sessions": 1_000_000, "batch_max_age_s": 10**9}


@pytest.fixture
async def node(world: World) -> AsyncIterator[Node]:
    """An oracle that serves owner 1 alone, with a charge point of nobody's."""
    (world.folder / "charge_points.json").unlink()
    add(world.folder / "charge_points.json", ["CP-0009"])
    async with world.oracles(1, owners=(1,), ocpp_url="wss://ocpp.example/ocpp", **NEVER) as (one,):
        await world.advance(10, one)
        yield one


def wanted(world: World, node: Node, **changes: Any) -> ChargePointPassword:
    """Return a request of the first owner for its charge point."""
    request = ChargePointPassword(
        identity="CP-0001",
        owner_id=1,
        oracle=node.oracle.signer.address,
        salt=SALT,
        hash=hashlib.sha256(SALT + PASSWORD.encode()).digest(),
        issued_at=world.now,
    )
    return replace(request, **changes)


def posted(world: World, request: ChargePointPassword, role: str) -> dict[str, Any]:
    """Return a request as it is posted, signed by somebody."""
    signer = Signer(bytes.fromhex(secret(role)[2:]))
    signature = signer.sign(request.digest(world.protocol.deployment.domain))
    return {
        "identity": request.identity,
        "owner_id": request.owner_id,
        "salt": "0x" + request.salt.hex(),
        "hash": "0x" + request.hash.hex(),
        "issued_at": request.issued_at,
        "signature": "0x" + signature.hex(),
    }


def test_a_wallet_signs_what_the_oracle_checks(world: World) -> None:
    domain = world.protocol.deployment.domain
    request = ChargePointPassword("CP-0001", 7, "0x" + "ab" * 20, SALT, bytes(32), 1_767_225_600)
    data = for_wallet(domain, "CP-0001", 7, request.oracle, request.issued_at)
    data["message"] |= {"salt": "0x" + request.salt.hex(), "hash": "0x" + request.hash.hex()}
    signed = Account.sign_message(encode_typed_data(full_message=data), secret("driver"))
    assert bytes(signed.message_hash) == request.digest(domain)


async def test_the_oracle_says_where_charge_points_connect_and_whose(node: Node) -> None:
    assert await node.get("/charge-points") == {
        "oracle": node.oracle.signer.address,
        "url": "wss://ocpp.example/ocpp/",
        "owners": [1],
    }


async def test_the_owner_of_a_station_lets_it_connect(world: World, node: Node) -> None:
    with pytest.raises(InvalidStatus):
        async with world.charge_point(node, password=PASSWORD):
            pass
    body = posted(world, wanted(world, node), "station_owner 1")
    code, answer = await node.post("/charge-points", body)
    assert (code, answer) == (
        200,
        {"identity": "CP-0001", "url": "wss://ocpp.example/ocpp/CP-0001"},
    )
    async with world.charge_point(node, password=PASSWORD) as charge_point:
        assert "currentTime" in await charge_point.call("Heartbeat")
    # What was there stays, the password is nowhere, and a request serves once.
    file = world.folder / "charge_points.json"
    assert ChargePoints(file).knows("CP-0009")
    assert PASSWORD not in file.read_text()
    assert (await node.post("/charge-points", body))[0] == 409


async def test_an_operator_of_the_owner_may(world: World, node: Node) -> None:
    body = posted(world, wanted(world, node), "driver")
    assert (await node.post("/charge-points", body))[1]["reason"] == "signature"
    operator = Signer(bytes.fromhex(secret("driver")[2:])).address
    owner = world.protocol.owner(1)
    await world.send(owner, "StationRegistry", "set_operator", 1, operator, True)
    await world.advance(10, node)
    assert (await node.post("/charge-points", body))[0] == 200


@pytest.mark.parametrize(
    ("changes", "role", "code", "reason"),
    [
        ({}, "station_owner 2", 403, "signature"),
        ({"owner_id": 2, "identity": "CP-0002"}, "station_owner 2", 403, "not_served"),
        ({"identity": "CP-0002"}, "station_owner 1", 409, "other_owner"),
        ({"identity": "CP-0404"}, "station_owner 1", 503, "not_final"),
        ({"issued_at": 1_700_000_000}, "station_owner 1", 422, "out_of_date"),
        ({"issued_at": 1 << 52}, "station_owner 1", 422, "out_of_date"),
        ({"identity": "CP:1"}, "station_owner 1", 422, "malformed"),
        ({"salt": bytes(31)}, "station_owner 1", 422, "malformed"),
    ],
)
async def test_a_request_that_cannot_be_is_refused_with_a_reason(
    world: World, node: Node, changes: dict[str, Any], role: str, code: int, reason: str
) -> None:
    before = (world.folder / "charge_points.json").read_text()
    body = posted(world, wanted(world, node, **changes), role)
    status, answer = await node.post("/charge-points", body)
    assert (status, answer["reason"]) == (code, reason), answer
    assert (world.folder / "charge_points.json").read_text() == before


async def test_what_the_operator_let_in_for_nobody_or_others_is_not_the_owners_to_change(
    world: World, node: Node
) -> None:
    file = world.folder / "charge_points.json"
    body = posted(world, wanted(world, node), "station_owner 1")
    for owner_id in (None, 2):
        add(file, ["CP-0001"], replace=True, owner_id=owner_id)
        code, answer = await node.post("/charge-points", body)
        assert (code, answer["reason"]) == (409, "other_owner")
    add(file, ["CP-0001"], replace=True, owner_id=1)
    assert (await node.post("/charge-points", body))[0] == 200


async def test_an_attester_takes_no_charge_points(world: World) -> None:
    async with world.node(1) as other:
        assert (await other.get("/charge-points"))["reason"] == "no_central_system"
        assert (await other.post("/charge-points", {}))[0] == 404


async def test_nothing_is_booked_for_who_took_the_identity_of_somebody_elses_charger(
    world: World,
) -> None:
    file = world.folder / "charge_points.json"
    # The charger is owner 2's; owner 1 registered its identity.
    options = ["charge-point", "add", "--file", str(file), "--replace", "--owner", "2", "CP-0001"]
    assert CliRunner().invoke(cli, options).exit_code == 0
    async with world.oracles(1, **NEVER) as (node,):
        begin = world.now
        await world.advance(3700, node)
        await world.take(node, world.charging(begin))
        status = await until(node, lambda s: s["sessions"]["quarantined"] == 1)
        assert status["quarantine"] == {"other_owner": 1}
        [entry] = await node.get("/quarantine")
        assert "another identity" in entry["sentence"]
        add(file, ["CP-0001"], replace=True, owner_id=1)
        assert node.oracle.charge_points is not None
        node.oracle.charge_points.refresh()
        assert (await node.post(f"/quarantine/{entry['id']}/replay"))[1] == {"resolved": True}
        await until(node, lambda s: s["sessions"]["pending"] == 1)
