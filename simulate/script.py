"""What a charge point says over OCPP 1.6 in one session, message by message.

A session's script follows from its plan and its meter; sending it is the fleet's
work. Messages of a session with a cause go wrong in that one way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from simulate.meter import Meter, MeterReading, tamper
from simulate.plan import Cause, SessionPlan

SAMPLE_INTERVAL_S: Final = 900
MOST_SAMPLES: Final = 4
BACKWARD_WH: Final = 1_000
"""How far a register that runs backward falls below its begin."""
TAMPERED_WH: Final = 5_000
"""What whoever tampers adds to a session."""
IMPLAUSIBLE_FACTOR: Final = 20
"""How many times the connector's power a register that jumped claims."""


@dataclass(frozen=True, slots=True)
class Step:
    """One message, due at `at` (UTC seconds). `in_transaction`: the charge point adds the id."""

    at: int
    action: str
    payload: dict[str, Any]
    in_transaction: bool = False


def timestamp(at: int) -> str:
    """Return UTC seconds as OCPP writes them."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def status(connector: int, state: str, at: int) -> Step:
    """Return a StatusNotification without an error."""
    return Step(
        at,
        "StatusNotification",
        {
            "connectorId": connector,
            "errorCode": "NoError",
            "status": state,
            "timestamp": timestamp(at),
        },
    )


def session_script(plan: SessionPlan, meter: Meter, max_power_w: int) -> list[Step]:
    """Return a session's messages in order and move the meter on by its energy."""
    begin = meter.register_wh
    meter.register_wh += plan.energy_wh
    end = _reported_end(plan, begin, max_power_w)
    first = MeterReading(plan.started_at, begin, "B")
    last = MeterReading(plan.ended_at, end, "E")
    steps = [
        status(plan.connector, "Preparing", plan.started_at),
        Step(
            plan.started_at,
            "StartTransaction",
            {
                "connectorId": plan.connector,
                "idTag": plan.token,
                "meterStart": begin,
                "timestamp": timestamp(plan.started_at),
            },
        ),
        status(plan.connector, "Charging", plan.started_at),
    ]
    if meter.signs_separately:
        steps.append(_signed_begin(plan, meter.sign(first)))
    steps += _samples(plan, begin)
    if plan.idle_s:
        steps.append(status(plan.connector, "SuspendedEV", plan.ended_at - plan.idle_s))
    if plan.cause is not Cause.NO_END:
        signed = None
        if meter.signs:
            signed = meter.sign(last) if meter.signs_separately else meter.sign(first, last)
            if plan.cause is Cause.TAMPERED:
                signed = tamper(signed, end, end + TAMPERED_WH)
                end += TAMPERED_WH
        steps.append(_stop(plan, end, signed))
        steps.append(status(plan.connector, "Finishing", plan.ended_at))
    steps.append(status(plan.connector, "Available", plan.ended_at))
    return steps


def _reported_end(plan: SessionPlan, begin: int, max_power_w: int) -> int:
    """Return the register that the charge point will report at the end, Wh."""
    if plan.cause is Cause.REGISTER_BACKWARD:
        return begin - BACKWARD_WH
    if plan.cause is Cause.REGISTER_IMPLAUSIBLE:
        return begin + IMPLAUSIBLE_FACTOR * max_power_w * (plan.duration_s + 60) // 3600
    return begin + plan.energy_wh


def _samples(plan: SessionPlan, begin: int) -> list[Step]:
    """Return periodic samples of the register and the power while energy flows."""
    charging_s = plan.duration_s - plan.idle_s
    number = min(MOST_SAMPLES, charging_s // SAMPLE_INTERVAL_S)
    power_w = plan.energy_wh * 3600 // charging_s if charging_s else 0
    steps = []
    for index in range(1, number + 1):
        at = plan.started_at + charging_s * index // (number + 1)
        register = begin + plan.energy_wh * index // (number + 1)
        values = [
            _value(str(register), "Sample.Periodic", "Energy.Active.Import.Register", "Wh"),
            _value(str(power_w), "Sample.Periodic", "Power.Active.Import", "W"),
        ]
        steps.append(_meter_values(plan.connector, at, values))
    return steps


def _value(value: str, context: str, measurand: str, unit: str) -> dict[str, str]:
    return {"value": value, "context": context, "measurand": measurand, "unit": unit}


def _signed_value(text: str, context: str) -> dict[str, str]:
    return {"value": text, "context": context, "format": "SignedData"}


def _meter_values(connector: int, at: int, values: list[dict[str, str]]) -> Step:
    return Step(
        at,
        "MeterValues",
        {
            "connectorId": connector,
            "meterValue": [{"timestamp": timestamp(at), "sampledValue": values}],
        },
        in_transaction=True,
    )


def _signed_begin(plan: SessionPlan, text: str) -> Step:
    return _meter_values(
        plan.connector, plan.started_at, [_signed_value(text, "Transaction.Begin")]
    )


def _stop(plan: SessionPlan, meter_stop: int, signed: str | None) -> Step:
    payload: dict[str, Any] = {
        "idTag": plan.token,
        "meterStop": meter_stop,
        "timestamp": timestamp(plan.ended_at),
        "reason": "Local",
    }
    if signed:
        payload["transactionData"] = [
            {
                "timestamp": timestamp(plan.ended_at),
                "sampledValue": [_signed_value(signed, "Transaction.End")],
            }
        ]
    return Step(plan.ended_at, "StopTransaction", payload, in_transaction=True)
