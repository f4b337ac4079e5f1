"""Times and numbers as charge points write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargecoin.sessions.values import integer, is_clock_set, number, text_of, timestamp

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600),
        ("2026-01-01T00:00:00.999Z", 1_767_225_600),
        ("2026-01-01T02:00:00+02:00", 1_767_225_600),
        ("2026-01-01T02:00:00,000+0200", 1_767_225_600),
        ("2025-12-31T19:00:00-05:00", 1_767_225_600),
        ("2026-01-01T00:00:00", 1_767_225_600),
        ("2026-01-01 00:00:00Z", 1_767_225_600),
        ("1970-01-01T00:00:12Z", 12),
        ("1969-12-31T23:59:59.5Z", -1),
    ],
)
def test_a_time_is_utc_seconds_floored(text: str, expected: int) -> None:
    assert timestamp(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "not a date", "2026-01-01", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", None, 7],
)
def test_what_is_no_time_is_none(text: object) -> None:
    assert timestamp(text) is None


@given(st.integers(946_800_000_000, 4_102_444_800_000), offsets)
def test_a_time_means_the_same_in_every_zone(milliseconds: int, zone: timezone) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert timestamp(at.astimezone(zone).isoformat()) == milliseconds // 1000


def test_a_clock_of_before_the_protocol_was_never_set() -> None:
    assert [is_clock_set(at) for at in (0, 946_684_800, 1_444_262_399)] == [False] * 3
    assert is_clock_set(1_444_262_400)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, Decimal(7)),
        (Decimal("1.50"), Decimal("1.50")),
        ("  9.038 ", Decimal("9.038")),
        ("1e3", Decimal(1000)),
        ("-5", Decimal(-5)),
        (10**30, Decimal(10**30)),
    ],
)
def test_a_number_is_read_exactly(value: object, expected: Decimal) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "NaN",
        "Infinity",
        "-inf",
        "sNaN",
        "12 kWh",
        "0x10",
        None,
        True,
        [],
        {},
        1.5,
        "1e999",
        10**40,
    ],
)
def test_what_is_no_reading_is_none(value: object) -> None:
    assert number(value) is None


@given(st.decimals(-(10**12), 10**12, places=6))
def test_a_number_survives_as_text(value: Decimal) -> None:
    read = number(str(value))
    assert read is not None
    assert Fraction(read) == Fraction(value)


@pytest.mark.parametrize(("value", "expected"), [(1, 1), ("1", 1), (Decimal("1.0"), 1), (-1, -1)])
def test_a_whole_number_may_be_written_otherwise(value: object, expected: int) -> None:
    assert integer(value) == expected


@pytest.mark.parametrize("value", ["1.5", Decimal("0.1"), "x", None, True])
def test_what_is_not_whole_is_none(value: object) -> None:
    assert integer(value) is None


@pytest.mark.parametrize(
    ("value", "expected"), [("a", "a"), (None, ""), (5, "5"), ({"a": [1]}, '{"a": [1]}')]
)
def test_a_fields_text(value: Any, expected: str) -> None:
    assert text_of(value) == expected
