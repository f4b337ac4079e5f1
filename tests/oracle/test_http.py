"""The oracle's HTTP API and the commands that use it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner

from chargecoin.errors import ConfigurationError
from chargecoin.typed_data import recover
from oracle.central_system.passwords import ChargePoints
from oracle.cli import cli
from oracle.feed import entries
from tests.oracle.harness import TOKEN, Node, World, until
from tests.support.charging import Charging

NEVER: dict[str, Any] = {"batch_min_sessions": 1_000_000, "batch_max_age_s": 10**9}


@pytest.fixture
async def node(world: World) -> AsyncIterator[Node]:
    """An oracle with all roles that never finds a batch due."""
    async with world.oracles(1, **NEVER) as (only,):
        await world.advance(10, only)
        yield only


async def code(node: Node, path: str) -> int:
    async with node.session.get(node.http + path) as response:
        return response.status


async def test_health_and_readiness_are_told(node: Node) -> None:
    assert await code(node, "/health") == 200
    assert await code(node, "/ready") == 200
    node.oracle.serving = False
    assert await code(node, "/ready") == 503
    assert await code(node, "/health") == 200


async def test_metrics_have_counters_and_gauges(world: World, node: Node) -> None:
    begin = world.now
    await world.advance(3700, node)
    await world.take(node, world.charging(begin))
    await until(node, lambda s: s["sessions"]["pending"] == 1)
    text = (await node.bytes("/metrics")).decode()
    assert "chargecoin_oracle_frames_total 5" in text
    assert "chargecoin_oracle_backlog 1" in text
    assert "chargecoin_oracle_sessions_pending 1" in text


@pytest.mark.parametrize("path", ["/evidence/0x00", "/proof/0x00", "/evidence/x", "/proof/1g"])
async def test_a_session_that_is_not_known_is_not_found(node: Node, path: str) -> None:
    assert await code(node, path) == 404


async def test_evidence_is_there_before_its_proof(world: World) -> None:
    async with world.oracles(1, **NEVER) as (only,):
        assert await code(only, "/proof/0x" + "00" * 31 + "01") == 404


# ------------------------------------------------------------------------- mandates


async def test_a_mandate_is_kept_once(world: World, node: Node) -> None:
    first, second = [await node.post("/mandates", world.mandate()) for _ in range(2)]
    assert first == second
    assert first[0] == 200
    assert (await node.get("/status"))["mandates"] == 1


async def test_a_list_of_mandates_is_kept(world: World, node: Node) -> None:
    body = [world.mandate(), world.mandate("fleet", ["F1", "F2"])]
    status, answer = await node.post("/mandates", body)
    assert (status, len(answer["mandates"])) == (200, 2)


async def test_a_mandate_without_an_end_is_kept_exactly(world: World, node: Node) -> None:
    status, answer = await node.post("/mandates", world.mandate(valid_until=2**64 - 1))
    assert status == 200, answer


async def test_an_account_that_is_not_final_is_to_be_tried_again(world: World, node: Node) -> None:
    status, answer = await node.post("/mandates", world.mandate(account=999))
    assert (status, answer["reason"]) == (503, "not_final")


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.pop("signature"),
        lambda body: body.update(signature="0x12"),
        lambda body: body.update(signature="0x" + "11" * 64 + "1b"),
        lambda body: body["mandate"].update(max_per_session="99999999"),
        lambda body: body["mandate"].update(account=2),
        lambda body: body["mandate"].update(account=-1),
        lambda body: body["mandate"].update(account=True),
        lambda body: body["mandate"].update(valid_until=2**64),
        lambda body: body["mandate"].update(tokens=[]),
        lambda body: body["mandate"].update(tokens=["0x12"]),
        lambda body: body["openings"][0].update(token="ANOTHER"),
        lambda body: body["openings"][0].update(salt="0x12"),
        lambda body: body.update(openings={}),
        lambda body: body.update(openings=[1]),
    ],
)
async def test_a_mandate_that_its_holder_did_not_sign_so_is_refused(
    world: World, node: Node, change: Any
) -> None:
    body = world.mandate()
    change(body)
    status, answer = await node.post("/mandates", body)
    assert (status, answer.get("reason")) == (422, "mandate")
    assert (await node.get("/status"))["mandates"] == 0


@pytest.mark.parametrize("body", ["text", 5, [[]], [{}]])
async def test_what_is_no_mandate_is_refused(node: Node, body: Any) -> None:
    status, answer = await node.post("/mandates", body)
    assert (status, answer["reason"]) == (422, "mandate")


# -------------------------------------------------------------------------- backlog


async def test_the_backlog_lists_what_has_ended_and_is_not_settled(
    world: World, node: Node
) -> None:
    begin = world.now
    await world.take(node, Charging(token=TOKEN).start(begin))
    assert await node.get("/backlog") == []
    await world.advance(7400, node)
    for number in range(2):
        await world.take(node, world.charging(begin + 3600 * number))
    await until(node, lambda s: s["sessions"]["pending"] == 2)
    listed = await node.get("/backlog")
    assert [(one["state"], one["started_at"]) for one in listed] == [
        ("pending", begin),
        ("pending", begin + 3600),
    ]
    assert all(one["energy_wh"] and int(one["gross"]) and one["connector_id"] for one in listed)
    assert listed[0]["sequence"] is None
    assert TOKEN not in json.dumps(listed)
    paged = await node.get(f"/backlog?after={listed[0]['transaction_id']}&limit=1")
    assert paged == listed[1:]


# ----------------------------------------------------------------------- quarantine


async def set_aside(world: World, node: Node, count: int = 1) -> None:
    """Let sessions wait at a connector that is not registered."""
    begin = world.now
    await world.advance(3600 * count, node)
    for n in range(count):
        at = begin + 3600 * n
        await world.take(node, Charging(connector_id=9, token=TOKEN).start(at).stop(at + 600))
    await until(node, lambda s: s["sessions"]["quarantined"] == count)


async def test_quarantine_says_why_and_names_no_driver(world: World, node: Node) -> None:
    await set_aside(world, node, 3)
    listed = await node.get("/quarantine")
    assert [one["code"] for one in listed] == ["unknown_connector"] * 3
    assert all(one["sentence"] and one["charge_point"] == "CP-0001" for one in listed)
    assert TOKEN not in json.dumps(listed)
    paged = await node.get(f"/quarantine?after={listed[0]['id']}&limit=1")
    assert [one["id"] for one in paged] == [listed[1]["id"]]


async def test_a_replay_tries_again(world: World, node: Node) -> None:
    await set_aside(world, node)
    [entry] = await node.get("/quarantine")
    assert await node.post(f"/quarantine/{entry['id']}/replay") == (200, {"resolved": True})
    # Nothing was put right: it waits again, as one and not as two.
    await until(node, lambda s: s["quarantine"] == {"unknown_connector": 1})
    assert (await node.get("/status"))["sessions"]["in"] == 1
    status, _ = await node.post(f"/quarantine/{entry['id']}/replay")
    assert status == 404


async def test_a_replayed_frame_that_still_says_nothing_stays(world: World, node: Node) -> None:
    assert node.oracle.intake
    await node.oracle.intake.receive("CP-0001", "garbage")
    await node.oracle.intake.note("CP-0001", "oversized_frame", "too long")
    for entry in await node.get("/quarantine"):
        assert await node.post(f"/quarantine/{entry['id']}/replay") == (200, {"resolved": False})


async def test_the_operators_requests_are_served_to_this_machine_only(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web.BaseRequest, "remote", "203.0.113.5")
    for path in ("/flush", "/quarantine/1/replay"):
        status, answer = await node.post(path)
        assert (status, answer["reason"]) == (403, "operator_only")


# ------------------------------------------------------------------------------ feed


async def test_the_feed_is_served_in_pages_and_live(world: World, node: Node) -> None:
    first = await node.get("/feed?limit=2")
    rest = await node.get(f"/feed?after={first[-1]['n']}")
    assert [one["n"] for one in first + rest] == list(range(1, len(first + rest) + 1))
    for one in first:
        body = {name: one[name] for name in one if name not in {"oracle", "signature"}}
        data = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        signature = bytes.fromhex(one["signature"][2:])
        assert recover(entries.digest(data), signature) == node.oracle.signer.address
        assert one["oracle"] == node.oracle.signer.address
    last = rest[-1]["n"]
    headers = {"Last-Event-ID": str(last - 1)}
    async with node.session.get(f"{node.http}/feed/stream", headers=headers) as stream:
        assert stream.content_type == "text/event-stream"
        known = await event(stream)
        assert known["n"] == last
        await world.take(node, Charging(token=TOKEN).start(world.now))
        live = await event(stream)
        assert (live["n"], live["kind"], live["status"]) == (last + 1, "session", "Charging")


async def event(stream: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return the next event of a stream."""
    async with asyncio.timeout(10):
        async for line in stream.content:
            if line.startswith(b"data: "):
                found: dict[str, Any] = json.loads(line[6:])
                return found
    raise AssertionError("the stream ended")


# -------------------------------------------------------------------------- commands


def config_file(world: World, node: Node) -> Path:
    """Write the configuration of a running oracle."""
    port = int(node.http.rpartition(":")[2])
    path = world.folder / "oracle.toml"
    lines = {
        "deployment": str(world.protocol.book),
        "rpc_url": world.protocol.url,
        "store": str(world.folder / "0.sqlite"),
        "signing_key_file": str(world.folder / "0.key"),
        "http_port": port,
        "roles": ["attester"],
    }
    path.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in lines.items()))
    return path


async def run(world: World, node: Node, *words: str) -> tuple[int, str, str]:
    """Run a command while the oracle serves."""
    path = str(config_file(world, node))

    def command() -> tuple[int, str, str]:
        result = CliRunner().invoke(cli, [*words, "--config", path])
        return result.exit_code, result.output, str(result.exception or "")

    return await asyncio.to_thread(command)


async def test_status_is_shown(world: World, node: Node) -> None:
    exit_code, output, _ = await run(world, node, "status")
    assert exit_code == 0
    assert "backlog: 0" in output
    assert "sessions: in 0" in output


async def test_quarantine_is_listed_shown_and_replayed(world: World, node: Node) -> None:
    await set_aside(world, node)
    exit_code, output, _ = await run(world, node, "quarantine", "list")
    assert exit_code == 0
    assert "unknown_connector" in output
    assert "1 waiting" in output
    exit_code, output, _ = await run(world, node, "quarantine", "show", "1")
    assert exit_code == 0
    # The operator sees the frames as they were received.
    assert TOKEN in output
    exit_code, output, _ = await run(world, node, "quarantine", "replay", "1")
    assert exit_code == 0
    assert output.endswith("1 goes on\n")
    exit_code, _, error = await run(world, node, "quarantine", "replay", "1")
    assert exit_code == 1
    assert "nothing waits" in error
    exit_code, _, error = await run(world, node, "quarantine", "show", "99")
    assert exit_code == 1
    assert "no entry 99" in error


async def test_an_oracle_that_does_not_answer_is_named(world: World, node: Node) -> None:
    node.http = "http://127.0.0.1:9"
    exit_code, _, error = await run(world, node, "status")
    assert exit_code == 1
    assert "chargecoin oracle run" in error


def test_charge_points_are_added_with_passwords_told_once(tmp_path: Path) -> None:
    file = tmp_path / "charge_points.json"
    words = ["charge-point", "add", "--file", str(file), "CP-1", "CP-2"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0
    passwords = json.loads(result.output)
    assert set(passwords) == {"CP-1", "CP-2"}
    stored = file.read_text()
    assert not any(password in stored for password in passwords.values())


def test_a_known_charge_points_password_is_replaced_only_where_that_is_said(
    tmp_path: Path,
) -> None:
    file = tmp_path / "charge_points.json"
    words = ["charge-point", "add", "--file", str(file)]
    CliRunner().invoke(cli, [*words, "CP-1"])
    before = file.read_bytes()
    refused = CliRunner().invoke(cli, [*words, "CP-2", "CP-1"])
    assert isinstance(refused.exception, ConfigurationError)
    assert str(refused.exception).startswith("CP-1 can connect already")
    assert file.read_bytes() == before
    replaced = CliRunner().invoke(cli, [*words, "--replace", "CP-1"])
    assert ChargePoints(file).accepts("CP-1", json.loads(replaced.output)["CP-1"])
    assert file.read_bytes() != before
