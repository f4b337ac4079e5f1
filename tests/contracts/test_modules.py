"""The Vyper modules and their Python twins, bit for bit on random input."""

from dataclasses import replace
from typing import Any

import boa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chargecoin.errors import FieldRangeError
from chargecoin.record import FIELDS, MAX_DURATION_S, SessionRecord
from chargecoin.tariff import MAX_PRICE, OPEN_END, Prices, Tariff
from tests.contracts.model import COOL_DOWN_S, MAX_AGE_S, PAUSE_S, Model, in_range
from tests.contracts.world import DAY_S, a_chain, now, source, wait

MANY = settings(max_examples=200, deadline=None)

VALID = SessionRecord(
    payer=7,
    started_at=1_767_225_600,
    duration_s=3600,
    idle_s=300,
    energy_wh=1101,
    gross=495_450,
    campaign_id=0,
    hour_of_week=72,
    grid_gco2e_per_kwh=177,
    renewable_pct=127,
    assurance=3,
)


def uint(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


def near(*values: int, bits: int) -> st.SearchStrategy[int]:
    """Any value of a field, and often one at the edge of its range."""
    edges = [value + d for value in values for d in (-1, 0, 1)]
    return st.sampled_from([edge for edge in edges if 0 <= edge < 1 << bits]) | uint(bits)


records = st.builds(
    SessionRecord,
    **{name: uint(bits) for name, bits in FIELDS}
    | {
        "duration_s": near(0, MAX_DURATION_S, (1 << 20) - 1, bits=20),
        "idle_s": near(0, MAX_DURATION_S, bits=20),
        "hour_of_week": near(0, 167, 255, bits=8),
        "renewable_pct": near(0, 100, 127, bits=7),
        "assurance": uint(2),
        "campaign_id": st.just(0) | near(1, (1 << 32) - 1, bits=32),
    },
)
words = st.builds(
    lambda record, low: record.encode() | low, records, st.just(0) | near(1, bits=19)
) | uint(256)


@pytest.fixture(scope="module")
def record_module() -> Any:
    return source("mocks/record_mock").deploy()


@pytest.fixture(scope="module")
def tariff_module() -> Any:
    return source("mocks/tariff_mock").deploy()


@MANY
@given(words)
@example(VALID.encode())
@example(replace(VALID, duration_s=MAX_DURATION_S, hour_of_week=167, renewable_pct=100).encode())
@example((1 << 256) - 1)
@example(0)
def test_a_record_is_in_range_for_vyper_as_for_python(record_module: Any, word: int) -> None:
    assert record_module.in_range(word) == in_range(word)


@MANY
@given(words)
@example(VALID.encode())
@example(replace(VALID, campaign_id=1).encode())
@example(replace(VALID, campaign_id=1 << 31).encode())
@example(replace(VALID, hour_of_week=168).encode())
@example(replace(VALID, hour_of_week=255, campaign_id=(1 << 32) - 1).encode())
def test_the_loops_one_sum_asks_five_questions(record_module: Any, word: int) -> None:
    session = SessionRecord.decode(word >> 19 << 19)
    expected = (
        word & ((1 << 19) - 1) == 0
        and session.assurance != 0
        and session.duration_s <= MAX_DURATION_S
        and session.hour_of_week <= 167
        and session.campaign_id == 0
    )
    assert record_module.is_ordinary(word) == expected


prices = near(0, MAX_PRICE, bits=27)
pairs = st.tuples(prices, prices).map(sorted)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    (low_kwh, high_kwh), (low_hour, high_hour), (low_idle, high_idle) = (
        draw(pairs | prices.map(lambda price: [price, price])) for _ in range(3)
    )
    fee = draw(prices)
    return Tariff(
        draw(uint(32)),
        draw(uint(32)),
        Prices(low_kwh, low_hour, low_idle, fee),
        Prices(high_kwh, high_hour, high_idle, fee),
    )


@MANY
@given(tariffs())
def test_a_tariff_is_packed_by_vyper_as_by_python(tariff_module: Any, tariff: Tariff) -> None:
    slot = tariff_module.pack(tariff.valid_from, tariff.valid_to, tariff.prices7())
    assert slot == tariff.encode()
    assert Tariff.decode(slot) == tariff


@pytest.mark.parametrize("position", range(7))
def test_a_price_of_28_bits_is_refused(tariff_module: Any, position: int) -> None:
    seven = [MAX_PRICE] * 7
    seven[position] += 1
    with boa.reverts("tariff: price too large"):
        tariff_module.pack(0, OPEN_END, seven)
    low = Prices(seven[0], seven[2], seven[4], seven[6])
    high = Prices(seven[1], seven[3], seven[5], seven[6])
    with pytest.raises(FieldRangeError):
        Tariff(0, OPEN_END, low, high).encode()


@pytest.mark.parametrize("pair", range(3))
def test_a_minimum_above_its_maximum_is_refused(tariff_module: Any, pair: int) -> None:
    seven = [5] * 7
    seven[2 * pair] = 6
    with boa.reverts("tariff: minimum above maximum"):
        tariff_module.pack(0, OPEN_END, seven)


@MANY
@given(tariffs(), uint(24), near(MAX_DURATION_S, bits=20), near(0, bits=20), uint(42), st.data())
def test_a_gross_is_bounded_by_vyper_as_by_python(
    tariff_module: Any,
    tariff: Tariff,
    energy_wh: int,
    charging_s: int,
    idle_s: int,
    gross: int,
    data: st.DataObject,
) -> None:
    low, high = tariff.bounds(energy_wh=energy_wh, duration_s=charging_s + idle_s, idle_s=idle_s)
    stated = data.draw(st.sampled_from([gross, low, high, max(0, low - 1), high + 1]))
    found = tariff_module.bounded(tariff.encode(), energy_wh, charging_s, idle_s, stated)
    assert found == min(max(stated, low), high)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 3 * DAY_S) | st.integers(0, 60 * DAY_S), max_size=10),
    st.integers(0, 120 * DAY_S) | st.just(MAX_AGE_S),
)
def test_a_session_grows_too_old_only_while_settlement_runs(gaps: list[int], later: int) -> None:
    with a_chain():
        clock = source("mocks/session_clock_mock").deploy()
        model = Model(0, 0, 0, 0)
        for gap in gaps:
            wait(gap + (PAUSE_S + COOL_DOWN_S if model.pauses else 0))
            clock.pause()
            model.pause(now())
        wait(later + (PAUSE_S if gaps else 0))
        oldest = clock.oldest_end()
        assert model.age(oldest, now()) == MAX_AGE_S
        assert model.age(oldest - 1, now()) > MAX_AGE_S
