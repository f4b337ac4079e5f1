"""The billing cases of the field that one OCPP 1.6 transaction can show, by their numbers.

Cases 5, 21, 26 and 27 are of connections, connectors and batches and live with
the oracle; 20 is of OCPP 2.0.1; 29, signed values, is in `test_metering`.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from chargecoin.errors import MeteringError
from chargecoin.sessions.metering import Reading, measure, plausible_power, read
from chargecoin.sessions.transaction import fold
from tests.support.charging import END, START, Charging


def reading_of(charging: Charging) -> Reading:
    return measure(fold(charging.frames))


def refused(charging: Charging) -> str:
    with pytest.raises(MeteringError) as caught:
        read(fold(charging.frames))
    return caught.value.code


def test_case_1_start_repeated_with_a_new_or_the_same_message_id_counts_once() -> None:
    once = Charging().start().stop()
    new_id = Charging().start().repeat("StartTransaction").stop()
    assert reading_of(new_id) == reading_of(once)
    same_id = Charging().start()
    same_id.frames.append(same_id.frames[0])
    assert reading_of(same_id.stop()) == reading_of(once)


def test_case_1_a_repeated_start_that_was_answered_with_another_id_is_still_one() -> None:
    charging = Charging(transaction_id=58).start()
    charging.transaction_id = 59
    transaction = fold(charging.start().values(START + 60, {"value": "1"}).stop().frames)
    assert transaction.transaction_id == 59
    assert len(transaction.samples) == 1
    assert read(transaction).energy_wh == 1101


def test_case_2_start_repeated_after_its_stop_counts_once() -> None:
    charging = Charging().start().stop().repeat("StartTransaction")
    assert reading_of(charging).energy_wh == 1101
    assert fold(charging.frames).transaction_id == 4711


def test_case_3_transaction_id_minus_1_belongs_to_the_undelivered_start() -> None:
    charging = (
        Charging()
        .start()
        .values(START + 60, {"value": "57600"}, transactionId=-1)
        .stop(transactionId=-1)
    )
    transaction = fold(charging.frames)
    assert transaction.transaction_id == 4711
    assert len(transaction.samples) == 1
    assert read(transaction).energy_wh == 1101


def test_case_4_transaction_id_0_and_negative_ones_are_ids_like_any_other() -> None:
    for transaction_id in (0, -7):
        charging = Charging(transaction_id=transaction_id).start().stop()
        assert fold(charging.frames).transaction_id == transaction_id
        assert reading_of(charging).energy_wh == 1101


def test_case_5_a_stop_of_an_unknown_transaction_ends_no_other() -> None:
    assert refused(Charging().start().stop(transactionId=999)) == "no_end"


def test_case_6_stop_repeated_counts_once() -> None:
    charging = Charging().start().stop().repeat("StopTransaction").repeat("StopTransaction")
    assert reading_of(charging) == reading_of(Charging().start().stop())


def test_case_6_a_second_stop_with_another_register_does_not_move_the_end() -> None:
    charging = Charging().start().stop().stop(END + 60, meter=58_690)
    assert reading_of(charging) == reading_of(Charging().start().stop())


def test_case_7_a_missing_stop_is_not_billed() -> None:
    assert refused(Charging().start().values(START + 60, {"value": "58000"})) == "no_end"


def test_case_8_a_stop_without_its_start_is_not_billed() -> None:
    with pytest.raises(MeteringError) as caught:
        fold(Charging().stop(transactionData=[{"timestamp": "", "sampledValue": []}]).frames)
    assert caught.value.code == "no_start"


def test_case_9_energy_under_a_blocked_token_is_measured_all_the_same() -> None:
    answer = {"transactionId": 4711, "idTagInfo": {"status": "Blocked"}}
    assert reading_of(Charging().start(answer=answer).stop()).energy_wh == 1101


def test_case_10_meter_stop_below_meter_start_is_not_billed() -> None:
    assert refused(Charging().start(meter=57_584).stop(meter=12)) == "negative_energy"


def test_case_11_samples_that_count_from_zero_beside_a_lifetime_register_bear_no_money() -> None:
    charging = Charging().start(meter=4_076_000)
    for minute in range(3):
        charging.values(START + 60 * minute, {"value": str(100 * minute)})
    assert reading_of(charging.stop(meter=4_077_101)).energy_wh == 1101


def test_case_12_intervals_beside_registers_are_not_added() -> None:
    charging = Charging().start()
    sample = {"value": "1101", "measurand": "Energy.Active.Import.Interval"}
    charging.values(START + 900, sample).repeat("MeterValues")
    assert reading_of(charging.stop()).energy_wh == 1101
    assert len(fold(charging.frames).samples) == 1


@pytest.mark.parametrize("unit", ["Wh", "kWh", ""])
def test_case_13_a_mislabelled_unit_of_a_sample_changes_no_energy(unit: str) -> None:
    charging = Charging().start().values(START + 900, {"value": "58.1", "unit": unit}).stop()
    assert reading_of(charging).energy_wh == 1101


def test_case_13_decimals_of_a_register_are_exact_and_floored_once() -> None:
    reading = reading_of(Charging().start(meter=Decimal("0.9")).stop(meter="100.1"))
    assert (reading.begin_wh, reading.end_wh) == (Decimal("0.9"), Decimal("100.1"))
    assert reading.energy_wh == 99


def test_case_14_registers_by_phase_are_not_totals() -> None:
    charging = Charging().start()
    for phase in ("L1", "L2", "L3", ""):
        charging.values(START + 900, {"value": "19000", "phase": phase})
    registers = [sample.register_wh for sample in fold(charging.frames).samples]
    assert registers == [None, None, None, 19_000]
    assert reading_of(charging.stop()).energy_wh == 1101


@pytest.mark.parametrize("location", ["Inlet", "EV", "Body", "Cable"])
def test_case_15_other_locations_and_export_are_not_what_is_billed(location: str) -> None:
    charging = (
        Charging()
        .start()
        .values(START + 900, {"value": "99999", "location": location})
        .values(START + 901, {"value": "5", "measurand": "Energy.Active.Export.Register"})
    )
    assert [one.register_wh for one in fold(charging.frames).samples] == [None, None]
    assert reading_of(charging.stop()).energy_wh == 1101


def test_case_16_a_reading_after_the_stop_or_beside_it_does_not_move_the_end() -> None:
    end = {"value": "58689", "context": "Transaction.End"}
    data = [{"timestamp": "2026-01-01T01:00:00Z", "sampledValue": [end]}]
    charging = Charging().start().stop(transactionData=data).values(END + 60, {"value": "58692"})
    assert reading_of(charging).end_wh == 58_685


@pytest.mark.parametrize("context", ["", "Periodic", "Transaction.Begin", "context incorrect"])
def test_case_17_a_wrong_or_missing_context_changes_no_energy(context: str) -> None:
    charging = Charging().start().values(START + 900, {"value": "58000", "context": context})
    assert reading_of(charging.stop()).energy_wh == 1101


def test_case_18_meter_values_before_the_answer_to_start_belong_to_it() -> None:
    charging = Charging().start().values(START + 1, {"value": "57590"}).stop()
    call, answer, *rest = charging.frames
    late = [call, *rest[:2], answer, *rest[2:]]
    assert fold(late) == fold(charging.frames)


def test_case_18_messages_out_of_order_give_the_same_reading() -> None:
    charging = Charging().start().status(START + 60, "SuspendedEV").stop()
    assert read(fold(list(reversed(charging.frames)))) == reading_of(charging)


@pytest.mark.parametrize("timestamp", ["1970-01-01T00:00:12Z", "2000-01-01T00:00:00Z"])
def test_case_19_an_unset_clock_is_not_billed(timestamp: str) -> None:
    assert refused(Charging().start(timestamp=timestamp).stop()) == "clock_unset"
    assert refused(Charging().start().stop(timestamp=timestamp)) == "clock_unset"


def test_case_19_local_time_sent_as_utc_is_seen_where_it_lies_ahead() -> None:
    two_hours = 7200
    charging = Charging().start(START + two_hours, received_at=START).stop(END + two_hours)
    assert refused(charging) == "clock_future"
    assert refused(Charging().start().stop(received_at=END - 301)) == "clock_future"
    assert reading_of(Charging().start().stop(received_at=END - 299)).ended_at == END


def test_case_19_a_time_without_a_zone_is_utc() -> None:
    charging = Charging().start(timestamp="2026-01-01T00:00:00").stop()
    assert reading_of(charging).started_at == START


def test_case_19_an_offset_is_heeded() -> None:
    charging = Charging().start(timestamp="2026-01-01T05:30:00+05:30").stop()
    assert reading_of(charging).started_at == START


@pytest.mark.parametrize("timestamp", ["garbage", "", None, 12])
def test_case_19_a_time_that_is_none_is_not_billed(timestamp: object) -> None:
    assert refused(Charging().start(timestamp=timestamp).stop()) == "timestamp_unreadable"
    assert refused(Charging().start().stop(timestamp=timestamp)) == "timestamp_unreadable"


def test_case_19_an_end_before_the_start_is_not_billed() -> None:
    assert refused(Charging().start().stop(START - 1)) == "negative_duration"


def test_case_19_an_offline_session_keeps_its_own_times() -> None:
    days = 3 * 86_400
    charging = Charging().start(received_at=END + days).stop(received_at=END + days + 1)
    reading = reading_of(charging)
    assert (reading.started_at, reading.ended_at) == (START, END)


@pytest.mark.parametrize(
    ("meter", "code"),
    [
        (10**30, "register_implausible"),
        ("1" + "0" * 40, "no_register"),
        (-5, "register_implausible"),
        ("NaN", "no_register"),
        ("Infinity", "no_register"),
        (None, "no_register"),
        ([], "no_register"),
        (True, "no_register"),
        (57_584 + (1 << 24), "register_implausible"),
    ],
)
def test_case_22_absurd_registers_are_not_billed(meter: object, code: str) -> None:
    assert refused(Charging().start().stop(meter=meter)) == code


def test_case_22_as_much_as_a_record_holds_is_a_session() -> None:
    assert reading_of(Charging().start(meter=0).stop(meter=(1 << 24) - 1)).energy_wh == 16_777_215
    assert refused(Charging().start(meter=0).stop(meter=1 << 24)) == "register_implausible"
    assert reading_of(Charging().start(meter=10**10).stop(meter=10**10)).energy_wh == 0
    assert refused(Charging().start(meter=10**10).stop(meter=10**10 + 1)) == "register_implausible"


def test_case_23_a_session_without_energy_is_a_session() -> None:
    reading = reading_of(Charging().start(meter=5).stop(START + 30, meter=5))
    assert (reading.energy_wh, reading.duration_s) == (0, 30)
    assert reading_of(Charging().start(meter=0).stop(START, meter=0)).duration_s == 0


def test_case_24_parking_counts_only_while_the_vehicle_asks_for_no_power() -> None:
    charging = (
        Charging()
        .start()
        .status(START + 600, "SuspendedEVSE")
        .status(START + 1200, "SuspendedEV")
        .status(START + 1500, "Charging")
        .stop()
    )
    assert reading_of(charging).idle_s == 300


def test_case_25_a_stop_by_another_token_or_none_leaves_the_payer_as_started() -> None:
    for token in ("OTHER", None):
        assert fold(Charging().start().stop(idTag=token).frames).token == "04AB076A345B85"


def test_case_28_a_message_against_the_schema_that_can_be_understood_counts() -> None:
    charging = (
        Charging()
        .start(meter=Decimal("57584.0"), vendorExtra={"a": 1}, idTag="X" * 21)
        .values(START + 60, {"value": 57_600, "phase": "", "context": "Periodic"})
        .stop(meter="58685", reason="")
    )
    reading = reading_of(charging)
    assert reading.energy_wh == 1101
    assert fold(charging.frames).stop_reason == "Local"


def test_a_session_over_twelve_days_is_not_one_record() -> None:
    twelve_days = 12 * 86_400
    assert reading_of(Charging().start().stop(START + twelve_days)).duration_s == twelve_days
    assert refused(Charging().start().stop(START + twelve_days + 1)) == "over_duration"


def test_power_beyond_the_connectors_is_not_plausible() -> None:
    # 110 % of 22 kW for 3601 s are 24,206.7 Wh.
    reading = reading_of(Charging().start(meter=0).stop(meter=24_206))
    assert plausible_power(reading, 22_000)
    assert not plausible_power(reading_of(Charging().start(meter=0).stop(meter=24_207)), 22_000)
    assert not plausible_power(reading, 11_000)


def test_energy_in_no_time_is_not_plausible() -> None:
    assert not plausible_power(reading_of(Charging().start(meter=0).stop(START, meter=100)), 50_000)
    assert plausible_power(reading_of(Charging().start(meter=0).stop(START, meter=0)), 50_000)
