"""Measuring with signed meter values (case 29), and never falling back from them."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargecoin.errors import MeteringError, SignatureInvalidError
from chargecoin.record import Assurance
from chargecoin.sessions.metering import (
    VOUCHED_BY_AUTHORITY,
    VOUCHED_BY_MANUFACTURER,
    VOUCHED_BY_OWNER,
    Reading,
    measure,
    read,
)
from chargecoin.sessions.transaction import fold
from tests.support.charging import END, START, Charging, Meter, signed_session


def refused(charging: Charging, *keys: Any) -> str:
    with pytest.raises(MeteringError) as caught:
        measure(fold(charging.frames), keys or [Meter().key()])
    return caught.value.code


def session(*texts: str, meter_stop: Any = 58_685) -> Charging:
    """Return a session whose signed values come with its stop."""
    data = [
        {
            "timestamp": "2026-01-01T01:00:00Z",
            "sampledValue": [{"value": text, "format": "SignedData"}],
        }
        for text in texts
    ]
    return Charging().start().stop(meter=meter_stop, transactionData=data)


def measured(charging: Charging, meter: Meter | None = None) -> Reading:
    return measure(fold(charging.frames), [(meter or Meter()).key()])


def test_begin_and_end_signed_in_two_values_are_billed() -> None:
    reading = measured(signed_session(Meter(), "57.584", "58.6855"))
    assert reading.method == "ocmf"
    assert (reading.begin_wh, reading.end_wh) == (Decimal(57_584), Decimal("58685.5"))
    assert reading.energy_wh == 1101
    assert reading.idle_s == 300
    assert reading.pagination == ("T144", "T145")
    assert reading.serial == "1DZG0033016824"
    assert len(reading.signed) == 2
    assert reading.key is not None
    assert reading.assurance is Assurance.SIGNED


def test_begin_and_end_signed_in_one_value_are_billed() -> None:
    meter = Meter()
    both = meter.sign(meter.reading("B", "57.584", START), {"TX": "E", "RV": Decimal("58.685")})
    reading = measured(session(both))
    assert (reading.energy_wh, reading.pagination) == (1101, ("T144",))


@pytest.mark.parametrize("reason", ["E", "L", "R", "A", "P"])
def test_every_reason_to_end_ends(reason: str) -> None:
    meter = Meter()
    begin, end = meter.reading("B", "57.584", START), meter.reading(reason, "58.685", END)
    assert measured(session(meter.sign(begin, end))).energy_wh == 1101


def test_a_value_sent_twice_and_in_two_encodings_counts_once() -> None:
    meter = Meter()
    begin = meter.sign(meter.reading("B", "57.584", START))
    end = meter.sign(meter.reading("E", "58.685", END))
    carried = json.dumps({"signedMeterData": base64.b64encode(begin.encode()).decode()})
    reading = measured(session(begin, carried, begin.encode().hex(), end, end))
    assert reading.signed == (begin, end)


def test_a_begin_stated_again_with_the_end_is_the_same_begin() -> None:
    meter = Meter()
    begin = meter.reading("B", "57.584", START)
    first, both = meter.sign(begin), meter.sign(begin, meter.reading("E", "58.685", END))
    assert measured(session(first, both)).pagination == ("T144", "T145")


def test_values_out_of_order_are_put_in_the_meters_order() -> None:
    meter = Meter()
    texts = [
        meter.sign(meter.reading("B", "57.584", START)),
        meter.sign(meter.reading("C", "58.000", START + 900)),
        meter.sign(meter.reading("T", "58.200", START + 1800)),
        meter.sign(meter.reading("E", "58.685", END)),
    ]
    reading = measured(session(*reversed(texts)))
    assert reading.signed == tuple(texts)
    assert reading.pagination == ("T144", "T145", "T146", "T147")


def test_the_vehicles_register_is_billed_before_the_mains() -> None:
    meter = Meter()
    values = {"01-00:B3.08.00*FF": "1.050", "01-00:B2.08.00*FF": "1.101", "1-0:1.8.0": "58.685"}
    begins = [
        meter.reading("B", "0" if "B" in obis else "57.584", START, RI=obis) for obis in values
    ]
    ends = [meter.reading("E", value, END, RI=obis) for obis, value in values.items()]
    reading = measured(session(meter.sign(*begins, *ends), meter_stop=58_634))
    assert reading.begin_wh == 0
    assert reading.end_wh == 1050


def test_other_quantities_beside_the_register_are_passed_over() -> None:
    meter = Meter()
    text = meter.sign(
        meter.reading("B", "57.584", START),
        meter.reading("B", "4.405", START, RI="1-0:2.8.0"),
        meter.reading("E", "58.685", END),
        meter.reading("E", "3600", END, RI="01-00:00.08.06.FF", RU="sec"),
    )
    assert measured(session(text)).energy_wh == 1101


def test_fiscal_values_are_of_no_transaction() -> None:
    meter = Meter()
    begin = meter.sign(meter.reading("B", "57.584", START))
    fiscal = Meter(page=9, options={"PG": "F9"}).sign(meter.reading("C", "58", START + 900))
    end = meter.sign(meter.reading("E", "58.685", END))
    assert measured(session(begin, fiscal, end)).pagination == ("T144", "T145")
    assert refused(session(fiscal)) == "signed_incomplete"


@given(
    st.decimals(0, 90_000, places=4),
    st.decimals(0, 200, places=4),
)
def test_energy_is_the_floor_of_the_exact_difference(begin: Decimal, kwh: Decimal) -> None:
    end = begin + kwh
    reading = read(fold(signed_session(Meter(), f"{begin:f}", f"{end:f}").frames))
    assert reading.energy_wh == (Fraction(end) * 1000 - Fraction(begin) * 1000).__floor__()


# ------------------------------------------------------------------- tampering


def test_a_tampered_reading_is_refused_and_not_replaced_by_the_unsigned_one() -> None:
    charging = signed_session(Meter())
    charging.frames = [
        type(frame)(frame.at, frame.sender, frame.text.replace("58.685", "58.680"))
        for frame in charging.frames
    ]
    assert refused(charging) == "signature_invalid"


def test_a_tampered_signature_is_refused() -> None:
    meter = Meter()
    begin, end = (
        meter.sign(meter.reading(reason, kwh, at))
        for reason, kwh, at in (("B", "57.584", START), ("E", "58.685", END))
    )
    position = end.rindex('"SD": "') + 30
    tampered = end[:position] + ("0" if end[position] != "0" else "1") + end[position + 1 :]
    assert refused(session(begin, tampered)) == "signature_invalid"


def test_a_reading_between_begin_and_end_must_verify_too() -> None:
    meter, other = Meter(), Meter(number=8)
    begin = meter.sign(meter.reading("B", "57.584", START))
    other.page = meter.page
    middle = other.sign(other.reading("C", "58.000", START + 900))
    meter.page = other.page
    assert refused(session(begin, middle, meter.sign(meter.reading("E", "58.685", END)))) == (
        "signature_invalid"
    )


def test_another_meters_key_does_not_verify() -> None:
    charging = signed_session(Meter())
    with pytest.raises(SignatureInvalidError, match="does not verify"):
        measure(fold(charging.frames), [Meter(number=8).key()])


def test_an_unreadable_signed_value_is_refused() -> None:
    meter = Meter()
    begin = meter.sign(meter.reading("B", "57.584", START))
    assert refused(session(begin, "garbage")) == "signed_unreadable"


def test_a_begin_without_an_end_is_refused_and_the_other_way_round() -> None:
    meter = Meter()
    assert refused(session(meter.sign(meter.reading("B", "57.584", START)))) == "signed_incomplete"
    assert refused(session(meter.sign(meter.reading("E", "58.685", END)))) == "signed_incomplete"
    assert refused(session(meter.sign(meter.reading("C", "58", END)))) == "signed_incomplete"


def test_two_different_ends_are_refused() -> None:
    meter = Meter()
    begin = meter.sign(meter.reading("B", "57.584", START))
    ends = [meter.sign(meter.reading("E", kwh, END)) for kwh in ("58.600", "58.685")]
    assert refused(session(begin, *ends)) == "signed_incomplete"


def test_a_missing_page_is_refused() -> None:
    meter = Meter()
    begin = meter.sign(meter.reading("B", "57.584", START))
    meter.page += 1
    end = meter.sign(meter.reading("E", "58.685", END))
    assert refused(session(begin, end)) == "pagination_gap"


def test_a_page_used_twice_is_refused() -> None:
    meter = Meter()
    begin = meter.sign(meter.reading("B", "57.584", START))
    meter.page -= 1
    assert (
        refused(session(begin, meter.sign(meter.reading("E", "58.685", END)))) == "pagination_gap"
    )


def test_readings_of_two_meters_are_refused() -> None:
    one, other = Meter(), Meter(serial="OTHER", page=145)
    begin = one.sign(one.reading("B", "57.584", START))
    end = other.sign(other.reading("E", "58.685", END))
    assert refused(session(begin, end)) == "signed_other_meter"


@pytest.mark.parametrize("status", ["N", "T", "D", "R", "M", "X", "I", "O", "S", "E", "F", ""])
def test_only_a_meter_in_good_state_is_billed(status: str) -> None:
    meter = Meter()
    begin = meter.reading("B", "57.584", START)
    end = meter.reading("E", "58.685", END, ST=status)
    assert refused(session(meter.sign(begin, end))) == "signed_not_billable"


def test_an_energy_error_is_not_billed_and_a_time_error_is() -> None:
    for flags, billable in (("E", False), ("Et", False), ("t", True)):
        meter = Meter()
        begin = meter.reading("B", "57.584", START)
        charging = session(meter.sign(begin, meter.reading("E", "58.685", END, EF=flags)))
        if billable:
            assert measured(charging).energy_wh == 1101
        else:
            assert refused(charging) == "signed_not_billable"


def test_an_exception_in_between_is_not_billed() -> None:
    meter = Meter()
    text = meter.sign(
        meter.reading("B", "57.584", START),
        meter.reading("X", "58.000", START + 60),
        meter.reading("E", "58.685", END),
    )
    assert refused(session(text)) == "signed_not_billable"


def test_a_register_that_fell_is_not_billed() -> None:
    meter = Meter()
    text = meter.sign(meter.reading("B", "57.584", START), meter.reading("E", "57.000", END))
    assert refused(session(text)) == "negative_energy"


def test_a_reading_without_energy_is_refused() -> None:
    meter = Meter()
    text = meter.sign(
        meter.reading("B", "57.584", START), meter.reading("E", "0", END, RV="broken")
    )
    assert refused(session(text)) == "signed_unreadable"


def test_a_synchronised_meter_must_agree_on_the_time() -> None:
    for off, status, accepted in (
        (0, "S", True),
        (900, "S", True),
        (901, "S", False),
        (-901, "S", False),
        (86_400, "I", True),
        (86_400, "U", True),
    ):
        meter = Meter()
        begin, end = meter.reading("B", "57.584", START), meter.reading("E", "58.685", END + off)
        begin["TM"], end["TM"] = (one["TM"][:-1] + status for one in (begin, end))
        charging = session(meter.sign(begin, end))
        if accepted:
            assert measured(charging).energy_wh == 1101
        else:
            assert refused(charging) == "signed_other_time"


@pytest.mark.parametrize(
    ("meter_stop", "accepted"),
    [
        (58_685, True),
        (58_696, True),
        (58_674, True),
        (58_697, False),
        (58_673, False),
        (57_584, False),
        (None, True),
        ("NaN", True),
    ],
)
def test_unsigned_registers_must_not_contradict_the_meter(
    meter_stop: object, accepted: bool
) -> None:
    meter = Meter()
    text = meter.sign(meter.reading("B", "57.584", START), meter.reading("E", "58.685", END))
    charging = session(text, meter_stop=meter_stop)
    if accepted:
        assert measured(charging).energy_wh == 1101
    else:
        assert refused(charging) == "unsigned_mismatch"


def test_a_small_session_may_differ_by_the_resolution_of_the_registers() -> None:
    meter = Meter()
    text = meter.sign(meter.reading("B", "57.584", START), meter.reading("E", "57.684", END))
    assert measured(session(text, meter_stop=57_694)).energy_wh == 100
    assert refused(session(text, meter_stop=57_695)) == "unsigned_mismatch"


def test_a_large_session_may_differ_by_the_class_of_the_instruments() -> None:
    meter = Meter()
    text = meter.sign(meter.reading("B", "57.584", START), meter.reading("E", "157.584", END))
    assert measured(session(text, meter_stop=158_584)).energy_wh == 100_000
    assert refused(session(text, meter_stop=158_585)) == "unsigned_mismatch"


# ------------------------------------------------------------------------ keys


def test_without_a_registered_key_a_signed_session_is_not_billed() -> None:
    charging = signed_session(Meter())
    with pytest.raises(MeteringError) as caught:
        measure(fold(charging.frames), [])
    assert caught.value.code == "unknown_key"


def test_a_key_counts_from_its_validity_to_its_revocation() -> None:
    charging = signed_session(Meter())
    for valid_from, revoked_at, accepted in (
        (START, None, True),
        (START + 1, None, False),
        (0, START + 1, True),
        (0, START, False),
    ):
        key = Meter().key(valid_from=valid_from, revoked_at=revoked_at)
        if accepted:
            assert measure(fold(charging.frames), [key]).key == key
        else:
            assert refused(charging, key) == "unknown_key"


def test_the_right_key_of_several_is_found() -> None:
    charging = signed_session(Meter())
    keys = [
        Meter("ECDSA-secp256k1-SHA256").key(),
        Meter(number=8).key(),
        Meter().key(),
    ]
    assert measure(fold(charging.frames), keys).key == keys[2]


@pytest.mark.parametrize(
    ("voucher", "assurance"),
    [
        (VOUCHED_BY_OWNER, Assurance.OBSERVED),
        (VOUCHED_BY_MANUFACTURER, Assurance.SIGNED),
        (VOUCHED_BY_AUTHORITY, Assurance.SIGNED),
    ],
)
def test_a_key_that_only_the_owner_entered_proves_no_more_than_the_owners_word(
    voucher: int, assurance: Assurance
) -> None:
    reading = measure(fold(signed_session(Meter()).frames), [Meter().key(voucher)])
    assert reading.assurance is assurance


def test_an_unsigned_session_is_observed() -> None:
    reading = measure(fold(Charging().start().stop().frames), [Meter().key()])
    assert (reading.method, reading.assurance, reading.key) == (
        "register",
        Assurance.OBSERVED,
        None,
    )
