"""The tariff slot, the price formula and the fee (docs/protocol.md, sections 3 and 4)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chargecoin import tariff
from chargecoin.errors import CodecError, FieldRangeError
from chargecoin.tariff import MAX_PRICE, OPEN_END, Prices, Tariff

price = st.integers(0, MAX_PRICE)
prices = st.builds(Prices, kwh=price, hour=price, idle_hour=price, session=price)
seconds = st.integers(0, (1 << 20) - 1)
energies = st.integers(0, (1 << 24) - 1)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    low_kwh, kwh = sorted(draw(st.tuples(price, price)))
    low_hour, hour = sorted(draw(st.tuples(price, price)))
    low_idle, idle = sorted(draw(st.tuples(price, price)))
    session = draw(price)
    low = Prices(low_kwh, low_hour, low_idle, session)
    high = Prices(kwh, hour, idle, session)
    start = draw(st.integers(0, OPEN_END - 1))
    return Tariff(start, draw(st.integers(start, OPEN_END)), low, high)


@given(tariffs())
def test_a_tariff_survives_its_slot(one: Tariff) -> None:
    slot = one.encode()
    assert slot < 1 << 256
    assert slot & 0b111 == 0
    assert Tariff.decode(slot) == one


def test_a_slot_holds_its_prices_in_the_order_of_the_page() -> None:
    one = Tariff(1, 2, Prices(3, 5, 7, 9), Prices(4, 6, 8, 9))
    slot = one.encode()
    assert slot >> 224 == 1
    assert slot >> 192 & OPEN_END == 2
    assert [slot >> 3 + 27 * place & MAX_PRICE for place in range(6, -1, -1)] == [
        3,
        4,
        5,
        6,
        7,
        8,
        9,
    ]
    assert one.prices7() == [3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("value", [MAX_PRICE + 1, -1])
def test_a_price_that_does_not_fit_is_refused(value: int) -> None:
    with pytest.raises(FieldRangeError):
        Tariff.flat(Prices(value, 0, 0, 0), 0).encode()


def test_a_time_that_does_not_fit_is_refused() -> None:
    with pytest.raises(FieldRangeError, match="valid_to"):
        Tariff.flat(Prices(1, 0, 0, 0), 0, OPEN_END + 1).encode()


def test_a_tariff_with_two_session_fees_is_none() -> None:
    flat = Tariff.flat(Prices(1, 1, 1, 1), 0)
    with pytest.raises(CodecError, match="one session fee"):
        replace(flat, maximum=Prices(1, 1, 1, 2)).encode()


@given(prices, energies, seconds, seconds)
def test_the_price_is_floored_once(one: Prices, energy: int, charging: int, idle: int) -> None:
    exact = (
        Fraction(energy, 1000) * one.kwh
        + Fraction(charging, 3600) * one.hour
        + Fraction(idle, 3600) * one.idle_hour
        + one.session
    )
    total = tariff.gross(one, energy_wh=energy, duration_s=charging + idle, idle_s=idle)
    assert total == exact.__floor__()


def test_a_price_of_the_documentation() -> None:
    one = Prices(kwh=450_000, hour=0, idle_hour=0, session=0)
    assert tariff.gross(one, energy_wh=1101, duration_s=3600, idle_s=300) == 495_450


def test_a_vehicle_cannot_idle_longer_than_it_is_plugged_in() -> None:
    with pytest.raises(CodecError, match="idle 61 s"):
        tariff.gross(Prices(1, 1, 1, 1), energy_wh=0, duration_s=60, idle_s=61)


@given(prices, energies, seconds)
def test_a_receipts_lines_add_up_to_the_price(one: Prices, energy: int, duration: int) -> None:
    lines = tariff.price_lines(one, energy_wh=energy, duration_s=duration, idle_s=duration // 3)
    total = tariff.gross(one, energy_wh=energy, duration_s=duration, idle_s=duration // 3)
    assert [line.name for line in lines] == ["energy", "time", "idle", "session"]
    assert sum(line.amount_exact for line in lines) // tariff.SCALE == total


@given(tariffs(), energies, seconds)
def test_bounds_enclose_every_price_between_minimum_and_maximum(
    one: Tariff, energy: int, duration: int
) -> None:
    low, high = one.bounds(energy_wh=energy, duration_s=duration, idle_s=0)
    middle = Prices(
        *(
            (getattr(one.minimum, name) + getattr(one.maximum, name)) // 2
            for name in ("kwh", "hour", "idle_hour", "session")
        )
    )
    assert low <= tariff.gross(middle, energy_wh=energy, duration_s=duration, idle_s=0) <= high


@given(prices, st.integers(0, OPEN_END))
def test_a_flat_tariff_is_flat(one: Prices, start: int) -> None:
    flat = Tariff.flat(one, start)
    assert flat.is_flat
    low, high = flat.bounds(energy_wh=12_345, duration_s=3600, idle_s=60)
    assert low == high


def test_a_tariff_is_in_force_from_its_start_to_before_its_end() -> None:
    one = Tariff.flat(Prices(1, 0, 0, 0), 100, 200)
    assert [one.in_force(at) for at in (99, 100, 199, 200)] == [False, True, True, False]


@given(st.lists(st.integers(0, 1 << 40), max_size=6))
def test_fees_by_difference_add_up_to_a_thousandth(payments: list[int]) -> None:
    total = charged = 0
    for paid in payments:
        charged += tariff.fee(total + paid) - tariff.fee(total)
        total += paid
    assert charged == total // 1000


@pytest.mark.parametrize(
    ("amount", "bps", "expected"),
    [(1200, 2000, 200), (0, 2000, 0), (495_450, 0, 0), (1, 1900, 0), (4, 1900, 1), (3, 10_000, 2)],
)
def test_vat_is_the_part_inside_the_amount(amount: int, bps: int, expected: int) -> None:
    assert tariff.vat_part(amount, bps) == expected


@given(st.integers(0, 1 << 40), st.integers(0, 10_000))
def test_vat_is_rounded_to_the_nearest(amount: int, bps: int) -> None:
    exact = Fraction(amount * bps, 10_000 + bps)
    assert abs(tariff.vat_part(amount, bps) - exact) <= Fraction(1, 2)
    assume(bps)
    assert tariff.vat_part(amount, bps) <= amount
