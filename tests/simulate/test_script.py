"""What virtual charge points and meters say is read by the oracle's own kernel as it was meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chargecoin.errors import MeteringError, SignatureInvalidError
from chargecoin.sessions import ocmf
from chargecoin.sessions.frames import Frame
from chargecoin.sessions.metering import MeterKey, Reading, measure, plausible_power
from chargecoin.sessions.transaction import Transaction, fold
from simulate.keys import meter_key, public_key_der
from simulate.meter import Meter, MeterReading, tamper
from simulate.plan import Cause, SessionPlan
from simulate.script import Step, session_script

STARTED = 1_790_000_000
POWER_W = 22_000
CURVES = {3: "secp256k1", 4: "secp256r1"}


def plan(cause: Cause | None = None, idle_s: int = 900) -> SessionPlan:
    return SessionPlan("CP-1", 1, STARTED, STARTED + 5400, idle_s, 12_345, "04AABBCCDDEEFF", cause)


def meter(curve: int | None = None, page: int = 0) -> Meter:
    key = meter_key(1, "CP-1/1", curve) if curve else None
    return Meter("VM1", "Europe/Berlin", key, register_wh=7_000_001, page=page)


def key_of(curve: int) -> MeterKey:
    der = public_key_der(meter_key(1, "CP-1/1", curve))
    return MeterKey(curve, der, b"f", 2, 0, None)


def transaction(steps: list[Step]) -> Transaction:
    frames: list[Frame] = []
    for number, step in enumerate(steps):
        payload: dict[str, Any] = dict(step.payload)
        if step.in_transaction:
            payload["transactionId"] = 5
        frames.append(
            Frame(
                STARTED + 6000, "charge_point", json.dumps([2, str(number), step.action, payload])
            )
        )
        answer = {"transactionId": 5} if step.action == "StartTransaction" else {}
        frames.append(Frame(STARTED + 6000, "central_system", json.dumps([3, str(number), answer])))
    return fold(frames)


def reading(cause: Cause | None, curve: int | None) -> Reading:
    steps = session_script(plan(cause), meter(curve), POWER_W)
    return measure(transaction(steps), [key_of(curve)] if curve else [])


@pytest.mark.parametrize("curve", [None, 3, 4])
@pytest.mark.parametrize("idle_s", [0, 900])
def test_a_session_is_read_as_it_was_planned(curve: int | None, idle_s: int) -> None:
    device = meter(curve)
    steps = session_script(plan(idle_s=idle_s), device, POWER_W)
    found = measure(transaction(steps), [key_of(curve)] if curve else [])
    assert (found.energy_wh, found.duration_s, found.idle_s) == (12_345, 5400, idle_s)
    assert found.begin_wh == 7_000_001
    assert found.method == ("ocmf" if curve else "register")
    assert device.register_wh == 7_012_346


def test_a_transaction_says_when_it_begins_charges_idles_and_ends() -> None:
    steps = session_script(plan(), meter(), POWER_W)
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    states = [step.payload.get("status", step.action) for step in steps]
    assert states == [
        *("Preparing", "StartTransaction", "Charging"),
        *["MeterValues"] * 4,
        *("SuspendedEV", "StopTransaction", "Finishing", "Available"),
    ]


def test_pages_go_on_from_session_to_session() -> None:
    device = meter(3)
    first = transaction(session_script(plan(), device, POWER_W))
    second = transaction(session_script(plan(), device, POWER_W))
    pages = [measure(one, [key_of(3)]).pagination for one in (first, second)]
    assert pages == [("T1", "T2"), ("T3", "T4")]


@pytest.mark.parametrize("curve", [None, 3, 4])
@pytest.mark.parametrize(
    ("cause", "code"),
    [(Cause.NO_END, "no_end"), (Cause.REGISTER_BACKWARD, "negative_energy")],
)
def test_a_report_that_goes_wrong_has_no_energy_for_that_reason(
    cause: Cause, code: str, curve: int | None
) -> None:
    with pytest.raises(MeteringError) as caught:
        reading(cause, curve)
    assert caught.value.code == code


@pytest.mark.parametrize("curve", [None, 3, 4])
def test_a_register_that_jumps_claims_more_than_the_connector_can_deliver(
    curve: int | None,
) -> None:
    assert not plausible_power(reading(Cause.REGISTER_IMPLAUSIBLE, curve), POWER_W)
    assert plausible_power(reading(None, curve), POWER_W)


@pytest.mark.parametrize("curve", CURVES)
def test_a_tampered_value_no_longer_verifies(curve: int) -> None:
    with pytest.raises(SignatureInvalidError):
        reading(Cause.TAMPERED, curve)


@pytest.mark.parametrize("curve", CURVES)
def test_the_meters_data_sets_verify_under_its_own_key_alone(curve: int) -> None:
    device = meter(curve, page=41)
    text = device.sign(MeterReading(STARTED, 1234, "B"), MeterReading(STARTED + 60, 2000, "E"))
    document = ocmf.parse(text)
    ocmf.verify(document, public_key_der(meter_key(1, "CP-1/1", curve)))
    assert document.pagination == "T42"
    assert [one.value_wh for one in document.readings] == [1234, 2000]
    assert [one.at for one in document.readings] == [STARTED, STARTED + 60]
    with pytest.raises(SignatureInvalidError):
        ocmf.verify(document, public_key_der(meter_key(2, "CP-1/1", curve)))
    with pytest.raises(SignatureInvalidError):
        ocmf.verify(
            ocmf.parse(tamper(text, 2000, 7000)), public_key_der(meter_key(1, "CP-1/1", curve))
        )


def test_the_user_is_not_in_what_the_meter_signs() -> None:
    text = meter(4).sign(MeterReading(STARTED, 1, "B"))
    assert ocmf.parse(text).user == ""
