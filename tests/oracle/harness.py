"""Oracles in this process, on a real chain, with charge points that speak OCPP to them."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web
from websockets.asyncio.client import ClientConnection, connect

from chargecoin.chain import Rpc
from chargecoin.chain.transactions import (
    Call,
    KeySigner,
    contract_call,
    send,
    sign,
    suggest_fees,
    transaction_count,
    wait_for_receipt,
)
from chargecoin.clock import FileClock
from chargecoin.errors import ChainError
from chargecoin.typed_data import Mandate, Signer, token_commitment
from oracle.central_system.passwords import add as add_charge_points
from oracle.config import Config
from oracle.http import reports
from oracle.http.app import make_app
from oracle.service import Oracle
from tests.support.charging import Charging, dumps, iso
from tests.support.protocol import Protocol, secret

TOKEN = "04AB076A345B85"
SALT = bytes(range(32))
GAS_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"


@dataclass
class ChargePoint:
    """One charge point's connection. `call` waits for the answer."""

    connection: ClientConnection
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    async def call(self, action: str, **payload: Any) -> Any:
        """Send a request and return the answer's payload, or the error's code."""
        return await self.send(json.dumps([2, f"m{next(self._ids)}", action, payload]))

    async def send(self, text: str) -> Any:
        """Send a frame and return what the answer says."""
        await self.connection.send(text)
        async with asyncio.timeout(10):
            answer = json.loads(await self.connection.recv())
        return answer[2]

    async def replay(self, charging: Charging) -> int:
        """Send what a charge point sends in a transaction, with the id we gave it."""
        transaction_id = 0
        for frame in charging.frames:
            if frame.sender != "charge_point":
                continue
            _, message_id, action, payload = json.loads(frame.text)
            if payload.get("transactionId") == charging.transaction_id:
                payload["transactionId"] = transaction_id
            answer = await self.send(json.dumps([2, message_id, action, payload]))
            if action == "StartTransaction":
                transaction_id = answer["transactionId"]
        return transaction_id


def basic_auth(identity: str, password: str) -> dict[str, str]:
    """Return the header of a charge point's handshake."""
    token = base64.b64encode(f"{identity}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


@dataclass
class Node:
    """One oracle with its HTTP API."""

    oracle: Oracle
    http: str
    session: aiohttp.ClientSession

    async def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        async with self.session.get(self.http + path) as response:
            return await response.json()

    async def bytes(self, path: str) -> bytes:
        """Return what is served at a path."""
        async with self.session.get(self.http + path) as response:
            assert response.status == 200, await response.text()
            return await response.read()

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Post JSON and return status and answer."""
        async with self.session.post(self.http + path, json=body) as response:
            return response.status, await response.json()


@dataclass
class World:
    """A protocol on a chain, a clock, and a folder in which oracles have their files."""

    protocol: Protocol
    folder: Path
    clock: FileClock
    passwords: dict[str, str]

    @classmethod
    def make(cls, protocol: Protocol, folder: Path) -> Self:
        """Let the charge points of the registry connect; the clock stands at the chain's time."""
        clock = FileClock.create(folder / "clock", protocol_time(protocol))
        passwords = add_charge_points(folder / "charge_points.json", ["CP-0001", "CP-0002"])
        for number, signer in enumerate(protocol.members):
            (folder / f"{number}.key").write_text(_secret_of(signer, len(protocol.members)))
        (folder / "gas.key").write_text(GAS_KEY)
        return cls(protocol, folder, clock, passwords)

    @property
    def now(self) -> int:
        """The clock's time."""
        return int(self.clock.now())

    async def advance(self, seconds: int, *nodes: Node) -> None:
        """Let time pass, on the clock and on the chain, until it is final and the nodes know."""
        self._set_time(self.now + seconds)
        self.protocol.node.mine(4)
        for node in nodes:
            await final(node, self.now)

    def _set_time(self, at: int) -> None:
        """Set clock and chain to a time, or to the chain's own if that has run on further."""
        while True:
            self.clock.set(max(at, protocol_time(self.protocol) + 1))
            try:
                return self.protocol.node.set_next_timestamp(self.now)
            except ChainError as error:
                # An oracle's transaction was mined between the question and the answer.
                if "Timestamp error" not in str(error):
                    raise

    def config(self, number: int, **changes: Any) -> Config:
        """Return an oracle's configuration: oracle 0 has all roles, the others attest."""
        roles = ("central_system", "attester", "proposer") if number == 0 else ("attester",)
        settings: dict[str, Any] = {
            "clock": str(self.folder / "clock"),
            "deployment": str(self.protocol.book),
            "rpc_url": self.protocol.url,
            "store": str(self.folder / f"{number}.sqlite"),
            "signing_key_file": str(self.folder / f"{number}.key"),
            "gas_key_file": str(self.folder / "gas.key"),
            "charge_points_file": str(self.folder / "charge_points.json"),
            "roles": roles,
            "ocpp_port": 0,
            "http_port": 0,
            "batch_min_sessions": 1,
            "follow_interval_s": 0.05,
        }
        return Config(**(settings | changes))

    @asynccontextmanager
    async def oracles(self, count: int = 3, **changes: Any) -> AsyncIterator[list[Node]]:
        """Run a committee; oracle 0 proposes to the others."""
        async with AsyncExitStack() as stack:
            others = [
                await stack.enter_async_context(self.node(number)) for number in range(1, count)
            ]
            changes = {"attesters": tuple(node.http for node in others)} | changes
            first = await stack.enter_async_context(self.node(0, **changes))
            yield [first, *others]

    @asynccontextmanager
    async def node(self, number: int, **changes: Any) -> AsyncIterator[Node]:
        """Run one oracle with its HTTP API."""
        async with (
            await Oracle.start(self.config(number, **changes)) as oracle,
            aiohttp.ClientSession() as session,
        ):
            runner = web.AppRunner(make_app(oracle), access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            try:
                yield Node(oracle, f"http://127.0.0.1:{runner.addresses[0][1]}", session)
            finally:
                await runner.cleanup()

    @asynccontextmanager
    async def charge_point(
        self, node: Node, identity: str = "CP-0001", password: str | None = None
    ) -> AsyncIterator[ChargePoint]:
        """Connect a charge point."""
        async with connect(
            f"ws://127.0.0.1:{node.oracle.ocpp_port}/ocpp/{identity}",
            subprotocols=["ocpp1.6"],  # type: ignore[list-item]
            additional_headers=basic_auth(identity, password or self.passwords[identity]),
            compression=None,
        ) as connection:
            yield ChargePoint(connection)

    async def take(self, node: Node, charging: Charging, identity: str = "CP-0001") -> int:
        """Let an oracle take in what a charge point sends, without a socket; return the id."""
        assert node.oracle.intake
        transaction_id = 0
        for frame in charging.frames:
            if frame.sender != "charge_point":
                continue
            _, message_id, action, payload = json.loads(frame.text, parse_float=Decimal)
            if payload.get("transactionId") == charging.transaction_id:
                payload["transactionId"] = transaction_id
            taken = await node.oracle.intake.receive(
                identity, dumps([2, message_id, action, payload])
            )
            if action == "StartTransaction":
                transaction_id = json.loads(taken.answer or "")[2]["transactionId"]
        return transaction_id

    async def send(self, signer: KeySigner, contract: str, name: str, *args: Any) -> None:
        """Send a transaction to a contract and wait until it is mined."""
        address = self.protocol.deployment.address(contract)
        await self.send_call(signer, contract_call(contract, name, address, *args))

    async def send_call(self, signer: KeySigner, call: Call) -> None:
        """Send a call as a transaction and wait until it is mined."""
        deployment = self.protocol.deployment
        rpc = Rpc(self.protocol.url)
        try:
            nonce = await transaction_count(rpc, signer.address)
            fees = await suggest_fees(rpc)
            signed = sign(call, signer, chain_id=deployment.chain_id, nonce=nonce, fees=fees)
            await send(rpc, signed)
            receipt = await wait_for_receipt(rpc, signed.hash)
            assert receipt.succeeded
        finally:
            await rpc.close()

    def charging(self, begin: int, end: int | None = None, **changes: Any) -> Charging:
        """Return one transaction of an hour from `begin` on, 1101 Wh."""
        end = end or begin + 3600
        charging = Charging(**({"token": TOKEN} | changes))
        return (
            charging.start(begin)
            .status(begin, "Charging")
            .values(begin + 60, {"value": "57600", "unit": "Wh"})
            .status(end - 300, "SuspendedEV")
            .stop(end)
        )

    def mandate(
        self, payer: str = "driver", tokens: Sequence[str] = (TOKEN,), **changes: Any
    ) -> dict[str, Any]:
        """Return a payer's signed mandate as it is posted."""
        fields: dict[str, Any] = {
            "account": self.protocol.ids["payers"][payer]["account"],
            "tokens": tuple(token_commitment(SALT, token) for token in tokens),
            "max_per_session": 20_000_000,
            "valid_from": 0,
            "valid_until": 4_102_444_800,
        } | changes
        signer = Signer(bytes.fromhex(secret(payer)[2:]))
        digest = Mandate(**fields).digest(self.protocol.deployment.domain)
        return {
            "mandate": fields
            | {
                "tokens": ["0x" + token.hex() for token in fields["tokens"]],
                "max_per_session": str(fields["max_per_session"]),
            },
            "signature": "0x" + signer.sign(digest).hex(),
            "openings": [{"salt": "0x" + SALT.hex(), "token": token} for token in tokens],
        }


async def final(node: Node, at: int, timeout: float = 30.0) -> None:
    """Wait until an oracle knows everything up to a time (UTC seconds) as final."""
    registry = node.oracle.registry
    async with asyncio.timeout(timeout):
        while registry.time < at:
            await registry.advanced.wait(registry.advanced.version)


def protocol_time(protocol: Protocol) -> int:
    """Return the time of the chain's latest block."""
    return int(protocol.node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


def _secret_of(signer: Signer, count: int) -> str:
    """Return the secret of an attester, which signers do not show."""
    for number in range(count):
        text = secret(f"attester {number}")
        if Signer(bytes.fromhex(text[2:])).address == signer.address:
            return text
    raise LookupError(signer.address)


async def until(
    node: Node, holds: Callable[[dict[str, Any]], bool], timeout: float = 30.0
) -> dict[str, Any]:
    """Return the oracle's status once something holds of it."""
    async with asyncio.timeout(timeout):
        while True:
            seen = node.oracle.database.committed.version
            status = await reports.status(node.oracle)
            if holds(status):
                return status
            await node.oracle.database.committed.wait(seen)


__all__ = ["ChargePoint", "Node", "World", "final", "iso", "until"]
