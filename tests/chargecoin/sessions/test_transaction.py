"""Folding frames to a transaction: what it is made of, and how long the vehicle idled."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargecoin.errors import MeteringError
from chargecoin.sessions.frames import Frame
from chargecoin.sessions.transaction import Sample, StatusChange, fold, samples_of, start_key
from tests.support.charging import END, START, Charging, Meter, iso, signed_session


def test_a_transaction_is_what_its_frames_say() -> None:
    one = fold(
        Charging()
        .start(meter=100)
        .status(START, "Charging")
        .values(START + 900, {"value": "0.5", "unit": "kWh"})
        .stop(meter=1600, reason="EVDisconnected")
        .frames
    )
    assert (one.connector_number, one.token, one.transaction_id) == (1, "04AB076A345B85", 4711)
    assert (one.started_at, one.ended_at) == (START, END)
    assert one.meter_start_wh == 100
    assert one.meter_stop_wh == 1600
    assert (one.start_received_at, one.stop_received_at) == (START + 1, END + 1)
    assert one.closed
    assert one.stop_reason == "EVDisconnected"
    assert one.statuses == (StatusChange(START, "Charging"),)
    [sample] = one.samples
    assert sample == Sample(
        at=START + 900,
        value="0.5",
        context="Sample.Periodic",
        format="Raw",
        measurand="Energy.Active.Import.Register",
        phase="",
        location="Outlet",
        unit="kWh",
    )
    assert sample.register_wh == 500


def test_a_transaction_without_a_stop_is_open() -> None:
    one = fold(Charging().start().frames)
    assert not one.closed
    assert one.ended_at is None
    assert one.idle_s == 0


def test_the_reason_is_local_where_none_is_given() -> None:
    assert fold(Charging().start().stop().frames).stop_reason == "Local"


def test_folding_is_blind_to_redaction_but_for_the_token() -> None:
    charging = signed_session(Meter())
    plain, redacted = fold(charging.frames), fold(charging.redacted(lambda _: "0xabc"))
    assert redacted.token == "0xabc"
    for name in (
        "started_at",
        "ended_at",
        "samples",
        "statuses",
        "signed_values",
        "transaction_id",
    ):
        assert getattr(plain, name) == getattr(redacted, name)


def test_a_transaction_needs_its_start() -> None:
    with pytest.raises(MeteringError) as caught:
        fold(Charging().stop().frames)
    assert caught.value.code == "no_start"
    with pytest.raises(MeteringError) as caught:
        fold(Charging().start(connectorId=None).frames)
    assert caught.value.code == "no_start"


def test_two_transactions_are_not_one() -> None:
    frames = Charging().start().start(at=START + 60).frames
    with pytest.raises(MeteringError) as caught:
        fold(frames)
    assert caught.value.code == "mixed_transactions"


def test_frames_of_others_change_nothing() -> None:
    charging = Charging().start().stop()
    others = [
        *Charging(transaction_id=99).values(START + 1, {"value": "7"}).frames,
        *Charging(connector_id=2).status(START + 1, "SuspendedEV").frames,
        *Charging(connector_id=2).values(START + 2, {"value": "7"}, transactionId=None).frames,
        *Charging(transaction_id=99).stop(meter=9).frames,
        Frame(START, "charge_point", "garbage"),
    ]
    first, *rest = charging.frames
    assert fold([first, *others, *rest]) == fold(charging.frames)


def test_samples_are_read_in_odd_shapes() -> None:
    samples = list(
        samples_of(
            {
                "timestamp": "?",
                "sampledValue": [
                    {"value": 12, "measurand": "", "phase": "L1", "unit": "Wh"},
                    {"value": Decimal("1.5"), "measurand": "Power.Active.Import"},
                    {"no": "value"},
                    "text",
                ],
            }
        )
    )
    assert [sample.value for sample in samples] == ["12", "1.5"]
    assert [sample.register_wh for sample in samples] == [None, None]
    assert samples[0].at is None
    assert list(samples_of(["text", None, {"sampledValue": {"value": "3"}}])) != []
    assert list(samples_of("text")) == []


def test_a_signed_value_is_no_register() -> None:
    [sample] = samples_of([{"sampledValue": [{"value": "00", "format": "SignedData"}]}])
    assert sample.is_signed
    assert sample.register_wh is None


def test_what_makes_two_starts_the_same_is_content() -> None:
    payload = {"connectorId": 1, "idTag": "ab", "meterStart": 5, "timestamp": iso(START)}
    assert start_key(payload) == start_key(
        payload | {"idTag": "AB", "meterStart": "5.0", "timestamp": "2026-01-01T01:00:00+01:00"}
    )
    for change in ({"connectorId": 2}, {"idTag": "x"}, {"meterStart": 6}, {"timestamp": iso(END)}):
        assert start_key(payload) != start_key(payload | change)


# ---------------------------------------------------------------------- idling


def idle(*statuses: tuple[int, str]) -> int:
    charging = Charging().start()
    for at, status in statuses:
        charging.status(START + at, status)
    return fold(charging.stop().frames).idle_s


def test_a_vehicle_idles_while_it_asks_for_no_power() -> None:
    assert idle((0, "Charging"), (600, "SuspendedEV"), (900, "Charging")) == 300
    assert idle((600, "SuspendedEV"), (900, "Charging"), (1200, "SuspendedEV")) == 300 + 2400


def test_a_vehicle_held_back_by_the_charge_point_does_not_idle() -> None:
    assert idle((600, "SuspendedEVSE")) == 0
    assert idle((600, "SuspendedEV"), (700, "SuspendedEVSE")) == 100


def test_finishing_is_not_idling_since_the_transaction_has_ended() -> None:
    assert idle((3000, "SuspendedEV"), (3300, "Finishing")) == 300
    assert idle((3000, "Finishing")) == 0


def test_idling_counts_within_the_session_only() -> None:
    assert idle((-600, "SuspendedEV")) == 3600
    assert idle((-600, "SuspendedEV"), (-300, "Charging")) == 0
    assert idle((3300, "SuspendedEV"), (9000, "Available")) == 300
    assert idle((9000, "SuspendedEV")) == 0


def test_a_status_repeated_or_out_of_order_counts_once() -> None:
    assert idle((600, "SuspendedEV"), (600, "SuspendedEV"), (900, "Charging")) == 300
    assert idle((900, "Charging"), (600, "SuspendedEV")) == 300


def test_a_status_without_a_usable_time_holds_from_its_arrival() -> None:
    for timestamp in (None, "not a date", "1970-01-01T00:00:00Z"):
        charging = Charging(delay_s=0).start().status(END - 60, "SuspendedEV", timestamp=timestamp)
        assert fold(charging.stop().frames).idle_s == 60


@given(
    st.lists(
        st.tuples(
            st.integers(-600, 4200),
            st.sampled_from(["Charging", "SuspendedEV", "SuspendedEVSE", "Finishing"]),
        ),
        max_size=8,
    )
)
def test_idling_is_counted_second_by_second(statuses: list[tuple[int, str]]) -> None:
    expected, ordered = 0, sorted(statuses, key=lambda one: one[0])
    for second in range(3600):
        before = [status for at, status in ordered if at <= second]
        expected += bool(before) and before[-1] == "SuspendedEV"
    assert idle(*statuses) == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6))
def test_no_order_or_repetition_of_frames_breaks_the_fold(swaps: list[tuple[int, int]]) -> None:
    frames = signed_session(Meter()).frames
    reference = fold(frames)
    shuffled = list(frames)
    for one, other in swaps:
        shuffled[one], shuffled[other] = shuffled[other], shuffled[one]
    again = fold([*shuffled, *shuffled])
    assert (again.meter_start_wh, again.meter_stop_wh, again.idle_s) == (
        reference.meter_start_wh,
        reference.meter_stop_wh,
        reference.idle_s,
    )
    assert sorted(again.signed_values) == sorted(reference.signed_values)
    assert json.loads(frames[0].text)[2] == "StartTransaction"
