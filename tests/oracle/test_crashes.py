"""Killed at every seam and started again: nothing is lost, nothing is settled twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from chargecoin.chain import Chain
from chargecoin.chain.events import decode_events
from chargecoin.record import SessionRecord
from oracle.crash import SEAMS, VARIABLE
from tests.oracle.harness import TOKEN, ChargePoint, World, basic_auth
from tests.support.charging import Charging

COMMAND = "from chargecoin.cli import main; main()"
GIVE_UP_S = 40.0


@dataclass
class Process:
    """An oracle in a process of its own."""

    process: asyncio.subprocess.Process
    ports: dict[str, int]
    said: deque[str]

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.ports['http_port']}"


def write_config(world: World, number: int, attesters: tuple[str, ...] = ()) -> Path:
    """Write an oracle's configuration file."""
    settings = msgspec.to_builtins(world.config(number, attesters=attesters))
    path = world.folder / f"{number}.toml"
    lines = [
        f"{name} = {json.dumps(value)}" for name, value in settings.items() if value is not None
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


async def start(config: Path, crash: str = "") -> Process:
    """Start an oracle and wait until it listens, or is dead already."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COMMAND, "oracle", "run", "--config", str(config)),
        env=os.environ | {VARIABLE: crash},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    said: deque[str] = deque(maxlen=30)
    ports: dict[str, int] = {}
    async for line in process.stderr:
        said.append(line.decode())
        event = json.loads(line)
        if event.get("event") == "listening":
            ports = {name: event[name] for name in ("http_port", "ocpp_port")}
            break
    return Process(process, ports, said)


@asynccontextmanager
async def running(config: Path, crash: str = "") -> AsyncIterator[Process]:
    """Run an oracle until the end of the block, unless it dies before."""
    started = await start(config, crash)
    stream = started.process.stderr
    assert stream

    async def drain() -> None:
        async for line in stream:
            started.said.append(line.decode())

    draining = asyncio.create_task(drain())
    try:
        yield started
    finally:
        if started.process.returncode is None:
            started.process.terminate()
        async with asyncio.timeout(20):
            await started.process.wait()
            await draining


@dataclass
class Fleet:
    """A charge point that keeps each message until it is answered, as OCPP wants it."""

    world: World
    transactions: list[int] = field(default_factory=list)
    _messages: deque[tuple[int, str, dict[str, Any]]] = field(default_factory=deque)

    async def plug_in(self) -> None:
        """Let a session take place and queue its messages, alternating between two connectors."""
        begin = self.world.now
        await self.world.advance(601)
        connector = len(self.transactions) % 2 + 1
        meter = 1000 * len(self.transactions)
        charging = (
            Charging(connector_id=connector, token=TOKEN, transaction_id=-7)
            .start(begin, meter=meter)
            .values(begin + 300, {"value": str(meter + 500)})
            .stop(begin + 600, meter=meter + 900)
        )
        for frame in charging.frames:
            if frame.sender == "charge_point":
                _, _, action, payload = json.loads(frame.text)
                self._messages.append((len(self.transactions), action, payload))
        self.transactions.append(0)

    async def send(self, oracle: Process) -> None:
        """Send what is queued; return when all is answered or the oracle is gone."""
        url = f"ws://127.0.0.1:{oracle.ports['ocpp_port']}/ocpp/CP-0001"
        headers = basic_auth("CP-0001", self.world.passwords["CP-0001"])
        try:
            async with connect(
                url,
                subprotocols=["ocpp1.6"],  # type: ignore[list-item]
                additional_headers=headers,
                compression=None,
            ) as connection:
                charge_point = ChargePoint(connection)
                while self._messages:
                    session, action, payload = self._messages[0]
                    if payload.get("transactionId") == -7:
                        payload = payload | {"transactionId": self.transactions[session]}
                    answer = await charge_point.call(action, **payload)
                    if action == "StartTransaction":
                        self.transactions[session] = answer["transactionId"]
                    self._messages.popleft()
        except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError, EOFError):
            return


async def status(oracle: Process) -> dict[str, Any] | None:
    """Return an oracle's status, None if it is gone."""
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{oracle.http}/status") as response,
        ):
            found: dict[str, Any] = await response.json()
            return found
    except (aiohttp.ClientError, OSError):
        return None


async def until_killed(world: World, fleet: Fleet, oracle: Process, seam: str) -> None:
    """Let sessions and time pass until the oracle has killed itself."""
    async with asyncio.timeout(GIVE_UP_S):
        while oracle.process.returncode is None:
            await fleet.send(oracle)
            # Blocks come, so that what is mined becomes final.
            await world.advance(1)
            with suppress(TimeoutError):
                await asyncio.wait_for(oracle.process.wait(), 0.2)
                break
            report = await status(oracle)
            if report and not report["backlog"] and not report["sessions"]["open"]:
                # Everything has passed, and the seam's count is not reached: go on charging.
                await fleet.plug_in()
    assert oracle.process.returncode == -signal.SIGKILL, (seam, *oracle.said)


async def settle_all(world: World, oracle: Process, count: int) -> dict[str, Any]:
    """Let time pass until every session is settled and final."""
    report: dict[str, Any] | None = None
    try:
        async with asyncio.timeout(GIVE_UP_S):
            while not report or report["sessions"]["final"] != count:
                await world.advance(1)
                report = await status(oracle)
    except TimeoutError:
        pytest.fail(f"of {count} sessions: {report}\n{''.join(oracle.said)}")
    return report


async def check(world: World, fleet: Fleet, report: dict[str, Any]) -> None:
    """Compare what the charge point did with what the chain holds."""
    count = len(fleet.transactions)
    assert len(set(fleet.transactions)) == count
    assert report["sessions"]["in"] == report["sessions"]["settled"] == count
    assert report["sessions"]["quarantined"] == report["sessions"]["open"] == 0
    assert report["sessions"]["outcomes"] == {"settled": count, "unfunded": 0, "rejected": 0}
    account = world.protocol.ids["payers"]["driver"]["account"]
    async with await Chain.connect(world.protocol.url, world.protocol.deployment) as chain:
        heads = [(await chain.head(connector)).sequence for connector in (1, 2)]
        assert sum(heads) == count
        logs = await chain.logs(0, "latest", ("Settlement",))
        address = world.protocol.deployment.address("Settlement")
        words = [
            SessionRecord.decode(event.args["word"])
            for event in decode_events("Settlement", address, logs)
            if event.name == "Session"
        ]
        assert len({word.started_at for word in words}) == len(words) == count
        paid = sum(word.gross for word in words)
        deposited = 100_000_000
        assert (
            (await chain.account(account)).balance
            == deposited - paid
            == deposited - count * (900 * 450)
        )


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "passes",
    [1, pytest.param(2, marks=pytest.mark.deep), pytest.param(3, marks=pytest.mark.deep)],
)
async def test_killed_at_every_seam_nothing_is_lost_or_settled_twice(
    world: World, passes: int
) -> None:
    fleet = Fleet(world)
    await world.advance(10)
    async with running(write_config(world, 1)) as attester:
        config = write_config(world, 0, (attester.http,))
        async with running(config) as oracle, aiohttp.ClientSession() as session:
            answer = await session.post(f"{oracle.http}/mandates", json=world.mandate())
            assert answer.status == 200, await answer.text()
        for seam in SEAMS:
            await fleet.plug_in()
            async with running(config, f"{seam}:{passes}") as oracle:
                if oracle.ports:
                    await until_killed(world, fleet, oracle, seam)
        async with running(config) as oracle:
            while fleet._messages:
                await fleet.send(oracle)
            report = await settle_all(world, oracle, len(fleet.transactions))
            await check(world, fleet, report)


@pytest.mark.deep
@pytest.mark.timeout(120)
async def test_an_attester_killed_before_or_after_it_stored_still_signs_only_one_word(
    world: World,
) -> None:
    fleet = Fleet(world)
    await world.advance(10)
    for seam in ("proposal_verified", "proposal_attested"):
        await fleet.plug_in()
        async with running(write_config(world, 1), f"{seam}:1") as attester:
            config = write_config(world, 0, (attester.http,))
            async with running(config) as oracle:
                async with aiohttp.ClientSession() as session:
                    await session.post(f"{oracle.http}/mandates", json=world.mandate())
                await fleet.send(oracle)
                await world.advance(700)
                async with asyncio.timeout(GIVE_UP_S):
                    await attester.process.wait()
                assert attester.process.returncode == -signal.SIGKILL
    async with running(write_config(world, 1)) as attester:
        config = write_config(world, 0, (attester.http,))
        async with running(config) as oracle:
            report = await settle_all(world, oracle, len(fleet.transactions))
            await check(world, fleet, report)


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_an_oracle_in_order(world: World, signal_number: int) -> None:
    async with running(write_config(world, 0)) as oracle:
        oracle.process.send_signal(signal_number)
        async with asyncio.timeout(20):
            assert await oracle.process.wait() == 0
    assert json.loads(oracle.said[-1])["event"] == "stopped"
