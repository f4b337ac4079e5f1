"""Everything at once, for real: chain, committee, indexer and dashboard, beside a browser.

The browser's driver runs in the test's own thread; the rest shares an event loop in
another one, and `Stack.do` runs something there.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from chargecoin.clock import ManualClock
from chargecoin.local_node import LocalNode
from dashboard.oracles import Oracles
from dashboard.services import Services
from dashboard.watch import Watch
from indexer.config import IndexerConfig
from indexer.database import open_database
from indexer.service import follow_all
from scripts._onboarding_file import Onboarding, PayerInput
from simulate.charge_point import VirtualChargePoint
from tests.dashboard.serving import running, services
from tests.oracle.harness import Node, World, until
from tests.support.charging import iso
from tests.support.protocol import ONBOARDING, secret, set_up

T = TypeVar("T")
WAIT_S: Final = 120
ONE_ETHER: Final = hex(10**18)


@dataclass(frozen=True)
class Stack:
    """A running whole: the first oracle has all roles and serves any owner."""

    address: str
    world: World
    oracles: list[Node]
    loop: asyncio.AbstractEventLoop
    has: Services

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the loop of oracles and indexer and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S)

    @property
    def node(self) -> LocalNode:
        """The chain."""
        return self.world.protocol.node

    def fund(self, address: str) -> None:
        """Give an account what gas costs."""
        self.node.rpc("anvil_setBalance", address, ONE_ETHER)

    def finalise(self, seconds: int = 10) -> None:
        """Let time pass until all that was sent is final, and the oracles know."""
        self.do(self.world.advance(seconds, *self.oracles))

    def settle(self) -> None:
        """Let what has ended be settled: wait until nothing is on its way, and for finality."""
        self.finalise()
        self.do(until(self.oracles[0], lambda status: status["backlog"] == 0))
        self.finalise()

    def charge_point(self, identity: str, password: str) -> VirtualChargePoint:
        """Return a virtual charge point that connects to the first oracle."""
        url = f"ws://127.0.0.1:{self.oracles[0].oracle.ocpp_port}/ocpp"
        ids = (f"m{number}" for number in itertools.count())
        return VirtualChargePoint(identity, password, url, ids)


async def boot(charger: VirtualChargePoint) -> None:
    """Connect, and say what the charge point is and that its connector is free."""
    await charger.call(
        "BootNotification", {"chargePointVendor": "Vendor", "chargePointModel": "AC-22"}
    )
    await status(charger, "Available")


async def status(charger: VirtualChargePoint, word: str, number: int = 1) -> None:
    """Say what a connector does."""
    await charger.call(
        "StatusNotification", {"connectorId": number, "status": word, "errorCode": "NoError"}
    )


async def begin(charger: VirtualChargePoint, token: str, at: int, meter_wh: int = 57_584) -> int:
    """Begin a session and return its OCPP transaction id."""
    answer = await charger.call(
        "StartTransaction",
        {"connectorId": 1, "idTag": token, "meterStart": meter_wh, "timestamp": iso(at)},
    )
    await status(charger, "Charging")
    return int(answer["transactionId"])


async def end(
    charger: VirtualChargePoint, transaction: int, at: int, meter_wh: int = 58_685
) -> None:
    """End a session."""
    await charger.call(
        "StopTransaction",
        {"transactionId": transaction, "meterStop": meter_wh, "timestamp": iso(at)},
    )
    await status(charger, "Available")


@contextmanager
def _looping() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(
    world: World, folder: Path, exits: AsyncExitStack, stop: asyncio.Event
) -> list[Node]:
    """Start the oracles and the indexer that follows the first one's feed."""
    oracles = await exits.enter_async_context(world.oracles(2, owners="any"))
    listening = asyncio.get_running_loop().create_future()
    config = IndexerConfig(
        deployment=world.protocol.book,
        rpc_url=world.protocol.url,
        database=str(folder / "indexer.sqlite"),
        clock=folder / "clock",
        oracles=(oracles[0].http,),
        http_port=0,
        poll_interval_s=0.05,
        audit_interval_s=0,
    )
    following = asyncio.create_task(follow_all(config, stop, listening.set_result))

    async def finish() -> None:
        stop.set()
        await following

    exits.push_async_callback(finish)
    await asyncio.wait({following, listening}, return_when=asyncio.FIRST_COMPLETED)
    if following.done():
        following.result()
    return oracles


@contextmanager
def whole(node: LocalNode, folder: Path, wall: Callable[[], float]) -> Iterator[Stack]:
    """Run everything on a node: an owner with a station, CP-0001, and a payer, `driver`."""
    payers = (PayerInput("driver", secret("driver"), 50_000_000, 20_000_000),)
    onboarding = Onboarding(ONBOARDING.owners[:1], payers)
    protocol = set_up(node, folder, onboarding=onboarding)
    world = World.make(protocol, folder)
    with _looping() as loop:
        exits = AsyncExitStack()

        def do(work: Coroutine[Any, Any, T]) -> T:
            return asyncio.run_coroutine_threadsafe(work, loop).result(WAIT_S)

        try:
            oracles = do(_start(world, folder, exits, asyncio.Event()))
            engine = open_database(f"sqlite:///{folder}/indexer.sqlite")
            made = services(
                engine,
                protocol.deployment,
                world.clock,
                rpc_url=protocol.url,
                wall=ManualClock(wall()),
                origin="",
            )
            heard = Oracles((oracles[0].http,), httpx.AsyncClient())
            watch = Watch(made.model, made.node, heard, world.clock)
            has = replace(made, oracles=heard, watch=watch)
            with running(has) as address:
                yield Stack(address, world, oracles, loop, has)
            engine.dispose()
        finally:
            do(exits.aclose())
