"""Frames in: stored before they are answered, understood where they can be."""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema_rs import Draft4Validator

from oracle.central_system import ocpp16
from oracle.central_system.intake import Intake
from tests.oracle.harness import TOKEN
from tests.oracle.listening import Listening
from tests.oracle.messages import sampled, start, started, stop
from tests.support.charging import START


async def test_a_frame_and_its_answer_are_stored_as_they_were_before_the_answer_leaves(
    central_system: Listening,
) -> None:
    text = '[2, "ü-1",  "Heartbeat",\t{}]'
    async with central_system.charge_point() as charge_point:
        answer = await charge_point.send(text)
        stored = await central_system.rows("SELECT sender, at, text FROM frames ORDER BY id")
    assert stored[0] == ("charge_point", START, text)
    assert stored[1][0] == "central_system"
    assert json.loads(stored[1][2]) == [3, "ü-1", answer]


async def test_answers_are_as_ocpp_16_wants_them(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        answers = {
            "BootNotification": await charge_point.call(
                "BootNotification", chargePointVendor="V", chargePointModel="M"
            ),
            "Heartbeat": await charge_point.call("Heartbeat"),
            "Authorize": await charge_point.call("Authorize", idTag=TOKEN),
            "DataTransfer": await charge_point.call("DataTransfer", vendorId="V"),
            "StatusNotification": await charge_point.call(
                "StatusNotification", connectorId=1, errorCode="NoError", status="Available"
            ),
            "StartTransaction": await charge_point.call("StartTransaction", **start()),
            "MeterValues": await charge_point.call(
                "MeterValues", connectorId=1, meterValue=sampled()
            ),
        }
        number = answers["StartTransaction"]["transactionId"]
        answers["StopTransaction"] = await charge_point.call(
            "StopTransaction", **stop(number, idTag=TOKEN)
        )
    assert set(answers) == set(ocpp16.HANDLERS)
    for action, answer in answers.items():
        schema = files("ocpp.v16").joinpath("schemas", f"{action}Response.json").read_text()
        Draft4Validator(json.loads(schema), validate_formats=True).validate(answer)
    assert answers["BootNotification"]["currentTime"] == "2026-01-01T00:00:00.000Z"


async def test_an_action_that_is_not_supported_is_answered_so(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        assert await charge_point.call("FirmwareStatusNotification") == "NotImplemented"
        assert await charge_point.call("Nonsense") == "NotImplemented"


async def test_a_message_id_that_is_a_number_is_answered_as_one(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        await charge_point.connection.send('[2,42,"Heartbeat",{}]')
        assert json.loads(await charge_point.connection.recv())[1] == 42


# ------------------------------------------------------------------ what is not OCPP


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "garbage",
        "{}",
        "[]",
        "[2]",
        '[9,"1","Heartbeat",{}]',
        '[2,"1",[],{}]',
        '[2,"1","Heartbeat"]',
        '[2,"1","Heartbeat",[]]',
        '[2,{},"Heartbeat",{}]',
        '[2,"1","Heartbeat",{"a":NaN}]',
        '[2,"1","Heartbeat",{"a":"\\ud800"}]',
        "[" * 10_000,
        "\x00",
        b'[2,"1","Heartbeat",{}]',
        b"\xff\xfe",
    ],
)
async def test_garbage_is_stored_and_set_aside_and_the_connection_goes_on(
    central_system: Listening, garbage: str | bytes
) -> None:
    async with central_system.charge_point() as charge_point:
        await charge_point.connection.send(garbage)
        assert "currentTime" in await charge_point.call("Heartbeat")
    assert (await central_system.rows("SELECT text FROM frames"))[0] == (garbage,)
    assert await central_system.waiting() == ["not_ocpp"]


@pytest.mark.parametrize("text", ['[3,"1",{}]', '[4,"1","InternalError","",{}]'])
async def test_an_answer_to_nothing_is_stored_and_not_answered(
    central_system: Listening, text: str
) -> None:
    async with central_system.charge_point() as charge_point:
        await charge_point.connection.send(text)
        assert "currentTime" in await charge_point.call("Heartbeat")
    assert (await central_system.rows("SELECT text FROM frames"))[0] == (text,)


async def test_a_frame_that_makes_us_fail_is_kept_whole(
    central_system: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> dict[str, Any]:
        raise ZeroDivisionError

    monkeypatch.setitem(ocpp16.HANDLERS, "Authorize", broken)
    async with central_system.charge_point() as charge_point:
        await charge_point.connection.send('[2,"1","Authorize",{"idTag":"A"}]')
        assert "currentTime" in await charge_point.call("Heartbeat")
    assert await central_system.waiting() == ["internal_error"]
    assert (await central_system.rows("SELECT text FROM frames"))[0][0].startswith('[2,"1"')


# ------------------------------------------------- what is not to the letter and bears money


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StartTransaction", start(vendorField=1)),
        ("StartTransaction", start(meterStart=57584.0)),
        ("StartTransaction", start(meterStart="57584")),
        ("StartTransaction", start(idTag="X" * 21)),
        ("StartTransaction", start(timestamp="not a date")),
        ("StartTransaction", start(meterStart=None)),
        ("StartTransaction", start(connectorId="1")),
        ("StartTransaction", {"connectorId": 1}),
        ("StopTransaction", stop(5, reason="")),
        ("StopTransaction", stop(5, reason="local")),
        ("StopTransaction", stop("5")),  # type: ignore[arg-type]
        ("StopTransaction", {"transactionId": 5}),
        ("StopTransaction", stop(5, transactionData=sampled(value=57600, phase=""))),
        ("MeterValues", {"connectorId": 1, "meterValue": sampled(value=57600.5)}),
        ("MeterValues", {"connectorId": 1, "meterValue": sampled(context="Periodic")}),
        ("MeterValues", {"connectorId": 1, "meterValue": []}),
        ("MeterValues", {"transactionId": 5}),
    ],
)
async def test_money_is_never_refused_for_its_form(
    central_system: Listening, action: str, payload: dict[str, Any]
) -> None:
    async with central_system.charge_point() as charge_point:
        answer = await charge_point.call(action, **payload)
    assert isinstance(answer, dict), answer
    [(notes,)] = await central_system.rows("SELECT notes FROM frames WHERE sender = 'charge_point'")
    assert json.loads(notes)


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StartTransaction", {"idTag": TOKEN}),
        ("StartTransaction", start(connectorId="one")),
        ("StopTransaction", {"meterStop": 5}),
        ("StopTransaction", stop(transaction_id=None)),  # type: ignore[arg-type]
        ("MeterValues", {"meterValue": sampled()}),
        ("StatusNotification", {"connectorId": 1}),
    ],
)
async def test_what_nobody_can_understand_is_refused_and_set_aside_whole(
    central_system: Listening, action: str, payload: dict[str, Any]
) -> None:
    async with central_system.charge_point() as charge_point:
        assert await charge_point.call(action, **payload) == "FormationViolation"
    assert await central_system.waiting() == ["not_understood"]


async def test_a_message_to_the_letter_has_no_notes(central_system: Listening) -> None:
    async with central_system.charge_point() as charge_point:
        number = await started(charge_point)
        await charge_point.call(
            "MeterValues", connectorId=1, transactionId=number, meterValue=sampled()
        )
        await charge_point.call("StopTransaction", **stop(number))
    assert await central_system.rows("SELECT * FROM frames WHERE notes IS NOT NULL") == []


async def test_many_charge_points_wait_for_one_commit(central_system: Listening) -> None:
    intake: Intake = central_system.intake
    before = central_system.database.committed.version
    await asyncio.gather(
        *(intake.receive("CP-0001", f'[2,"{n}","Heartbeat",{{}}]') for n in range(200))
    )
    assert central_system.database.committed.version - before < 20
    assert await central_system.rows("SELECT count(*) FROM frames") == [(400,)]
