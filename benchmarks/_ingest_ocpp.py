"""The `ocpp` package on websockets, as its own example has it: validates, answers, stores nothing.

Prints its port; ends at the end of its input, printing what it used.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import resource
import sys
import time
from datetime import UTC, datetime
from typing import Any

import uvloop
from ocpp.routing import on
from ocpp.v16 import ChargePoint as OcppChargePoint
from ocpp.v16 import call_result
from ocpp.v16.enums import Action, AuthorizationStatus
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

_transactions = itertools.count(1)


class ChargePoint(OcppChargePoint):
    """Answers the messages that the benchmark sends."""

    @on(Action.start_transaction)
    def on_start(self, **_payload: Any) -> call_result.StartTransaction:
        """Give the next id."""
        accepted = {"status": AuthorizationStatus.accepted}
        return call_result.StartTransaction(next(_transactions), accepted)

    @on(Action.meter_values)
    def on_meter_values(self, **_payload: Any) -> call_result.MeterValues:
        """Acknowledge."""
        return call_result.MeterValues()

    @on(Action.status_notification)
    def on_status(self, **_payload: Any) -> call_result.StatusNotification:
        """Acknowledge."""
        return call_result.StatusNotification()

    @on(Action.stop_transaction)
    def on_stop(self, **_payload: Any) -> call_result.StopTransaction:
        """Acknowledge."""
        return call_result.StopTransaction()

    @on(Action.heartbeat)
    def on_heartbeat(self) -> call_result.Heartbeat:
        """Tell the time."""
        return call_result.Heartbeat(datetime.now(UTC).isoformat())


async def connected(connection: ServerConnection) -> None:
    """Serve one charge point."""
    try:
        await ChargePoint("CP", connection).start()
    except ConnectionClosed:
        return


async def run() -> None:
    """Serve until standard input ends."""
    subprotocols = [Subprotocol("ocpp1.6")]
    async with serve(connected, "127.0.0.1", 0, subprotocols=subprotocols) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        begun = time.process_time()
        await asyncio.to_thread(sys.stdin.read)
    figures = {
        "cpu_s": time.process_time() - begun,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    uvloop.run(run())
