"""The messages of one transaction, as tests send them."""

from __future__ import annotations

from typing import Any

from tests.oracle.harness import TOKEN, ChargePoint
from tests.support.charging import END, START, iso


def start(**changes: Any) -> dict[str, Any]:
    return {
        "connectorId": 1,
        "idTag": TOKEN,
        "meterStart": 57_584,
        "timestamp": iso(START),
    } | changes


def stop(transaction_id: int, **changes: Any) -> dict[str, Any]:
    return {"transactionId": transaction_id, "meterStop": 58_685, "timestamp": iso(END)} | changes


def sampled(**changes: Any) -> list[dict[str, Any]]:
    return [{"timestamp": iso(START + 60), "sampledValue": [{"value": "57600"} | changes]}]


async def started(charge_point: ChargePoint, **changes: Any) -> int:
    answer = await charge_point.call("StartTransaction", **start(**changes))
    number: int = answer["transactionId"]
    return number
