"""Emission factors and avoided emissions (docs/method-co2.md)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargecoin.carbon import BASELINE, FACTORS, avoided_g, emitted_g, factor_for
from chargecoin.record import GRID_UNKNOWN, RENEWABLE_UNKNOWN

ZONES = sorted({factor.zone for factor in FACTORS})
energies = st.integers(0, (1 << 24) - 1)


def at(year: int) -> int:
    return int(datetime(year, 7, 1, tzinfo=UTC).timestamp())


def test_every_factor_fits_the_record_and_names_its_source() -> None:
    for factor in FACTORS:
        assert 0 <= factor.gco2e_per_kwh < GRID_UNKNOWN
        assert 0 <= factor.renewable_pct <= 100 or factor.renewable_pct == RENEWABLE_UNKNOWN
        assert str(factor.year) in factor.source
        assert factor.id == f"{factor.zone}-{factor.year}"
    assert len({factor.id for factor in FACTORS}) == len(FACTORS)


@pytest.mark.parametrize("zone", ZONES)
def test_a_session_takes_its_years_factor_or_the_latest_before(zone: str) -> None:
    years = sorted(factor.year for factor in FACTORS if factor.zone == zone)
    for year in range(years[0], years[-1] + 3):
        found = factor_for(zone, at(year))
        assert found is not None
        assert found.year == max(one for one in years if one <= year)
    assert factor_for(zone, at(years[0] - 1)) is None


def test_a_zone_without_factors_is_unknown() -> None:
    assert factor_for("XX", at(2025)) is None


def test_a_year_begins_at_midnight_utc() -> None:
    new_year = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    before, after = factor_for("GB", new_year - 1), factor_for("GB", new_year)
    assert before is not None
    assert after is not None
    assert (before.year, after.year) == (2023, 2024)


@given(energies, st.integers(0, GRID_UNKNOWN - 1))
def test_avoided_is_what_the_car_would_have_emitted_less_the_grids(
    energy_wh: int, grid: int
) -> None:
    avoided, emitted = avoided_g(energy_wh, grid), emitted_g(energy_wh, grid)
    assert avoided is not None
    assert emitted is not None
    car = energy_wh * BASELINE.g_per_kwh / 1000
    assert abs(avoided + emitted - car) < 2


def test_a_grid_dirtier_than_the_car_avoids_less_than_nothing() -> None:
    assert avoided_g(1000, BASELINE.g_per_kwh) == 0
    avoided = avoided_g(1000, BASELINE.g_per_kwh + 1)
    assert avoided is not None
    assert avoided < 0


def test_where_the_grid_is_unknown_nothing_is_claimed() -> None:
    assert emitted_g(1000, GRID_UNKNOWN) is None
    assert avoided_g(1000, GRID_UNKNOWN) is None


def test_the_baseline_is_a_car_over_the_same_distance() -> None:
    km_per_kwh = 1000 / BASELINE.ev_wh_per_km
    assert abs(BASELINE.g_per_kwh - km_per_kwh * BASELINE.car_g_per_km) < 1
