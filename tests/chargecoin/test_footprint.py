"""Carbon accounts: nothing is given twice, lines add up, and the order of accounting holds."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargecoin.carbon import BASELINE, avoided_g, emitted_g, factor_for
from chargecoin.errors import ReportError
from chargecoin.footprint.account import Account, charged
from chargecoin.footprint.allocation import Pool, spread
from chargecoin.footprint.lines import POWER, STANDARDS, Sums
from chargecoin.footprint.tables import (
    Factors,
    Table,
    Value,
    built_in,
    canonical,
    digest,
    read_csv,
    thousandths,
)
from chargecoin.record import SessionRecord
from tests.chargecoin.footprints import MONTH, NOON, Made, certificate, full, settled

HARBOUR = Pool(1, MONTH)

sessions = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.sampled_from([1, 2]),
        st.integers(0, 60_000),
        st.integers(0, 40_000),
        st.integers(0, 9_000),
        st.integers(0, 4_000),
    ),
    max_size=25,
)


def of(drawn: list[tuple[int, int, int, int, int, int]]) -> list[Any]:
    """Return the sessions that were drawn."""
    return [
        settled(
            connector,
            number,
            site,
            started_at=NOON + later,
            energy_wh=energy,
            duration_s=duration,
            idle_s=idle,
        )
        for number, (connector, site, energy, later, duration, idle) in enumerate(drawn, 1)
    ]


def counted(made: Made) -> Account:
    """Return the report with its sessions counted and not entered."""
    found = Account(made.scope, made.inputs())
    found.count(
        (charged(one.pool, one.anchor.word), SessionRecord.decode(one.anchor.word).assurance)
        for one in made.held()
    )
    return found


def test_sessions_counted_together_add_up_to_those_entered_one_by_one() -> None:
    made = full()
    again = [replace(one, sequence=one.sequence + 10) for one in made.sessions]
    made = replace(made, sessions=[*made.sessions, *again])
    assert counted(made).sums() == made.account().sums()
    # Factors of years alone: sessions of a month and a factor are alike.
    plain = replace(made, tables=(), certificates=made.certificates)
    assert counted(plain).sums() == plain.account().sums()


@given(
    drawn=sessions,
    quantities=st.lists(
        st.tuples(st.integers(0, 300_000), st.sampled_from(["GB", "DE"]), st.booleans()),
        max_size=4,
    ),
    monthly=st.integers(0, 200_000),
    hourly=st.lists(st.integers(0, 30_000), max_size=24),
)
def test_nothing_is_given_twice_and_never_more_than_was_entered(
    drawn: list[tuple[int, int, int, int, int, int]],
    quantities: list[tuple[int, str, bool]],
    monthly: int,
    hourly: list[int],
) -> None:
    sun = tuple(Value("1", f"2026-11-03T{hour:02}", wh) for hour, wh in enumerate(hourly))
    made = Made(
        of(drawn),
        tables=[
            Table(1, "solar", "inverter", sun),
            Table(2, "solar", "roof", (Value("2", MONTH, monthly),)),
        ],
        certificates=[
            certificate(id=number, zone=zone, quantity_wh=wh, site_id=2 if narrow else None)
            for number, (wh, zone, narrow) in enumerate(quantities, 1)
        ],
    )
    # Whatever the sessions are split into: reports of direct and of alternating current.
    lines = []
    for power in ("AC", "DC"):
        part = replace(made, scope=replace(made.scope, power_type=power))
        account = part.account()
        lines += [account.enter(one).line for one in part.held()]
    for one in made.certificates:
        used = sum(wh for line in lines for number, wh in line.certificates if number == one.id)
        assert used <= one.quantity_wh
    assert sum(line.solar_wh for line in lines) <= monthly + sum(hourly)
    for line in lines:
        assert line.solar_wh + line.certificate_wh + line.residual_wh == line.energy_wh
        assert min(line.solar_wh, line.certificate_wh, line.residual_wh) >= 0
        assert line.certificate_wh == sum(wh for _, wh in line.certificates)
        assert line.location_g is not None
        assert 0 <= line.location_g <= line.energy_wh * 363 // 1000
    whole = made.account()
    assert counted(made).sums() == whole.sums()
    total = sum(whole.sums().values(), Sums())
    assert total.adds_up
    for name in ("energy_wh", "solar_wh", "certificate_wh", "residual_wh", "location_g"):
        assert getattr(total, name) == sum(getattr(line, name) for line in lines)
    for cover in whole.method.allocation.used:
        assert cover.used <= min(Fraction(cover.certificate.quantity_wh), cover.pooled)


def test_what_was_entered_is_used_up_where_there_is_use_for_it() -> None:
    made = Made([settled(1, number, energy_wh=20_000) for number in range(1, 6)])
    made.certificates = [certificate(quantity_wh=60_000), certificate(id=2, quantity_wh=90_000)]
    made.tables = [Table(1, "solar", "roof", (Value("1", MONTH, 10_000),))]
    total = made.account().sums()[HARBOUR]
    # 100 kWh: 10 from the roof, 60 from the first certificate, 30 of the 90 from the second.
    assert (total.solar_wh, total.certificate_wh, total.residual_wh) == (10_000, 90_000, 0)
    assert [one.used for one in made.account().method.allocation.used] == [60_000, 30_000]
    assert (total.market_g, total.renewable_wh) == (0, 100_000)
    # On-site solar is no purchased electricity; certificates do not change the grid.
    assert total.location_g == 90_000 * 177 // 1000


def test_the_rest_is_at_the_residual_mix_or_where_there_is_none_at_the_grids_average() -> None:
    made = Made([settled()], certificates=[certificate(quantity_wh=5_000)])
    line = made.account().enter(settled()).line
    assert line.market_g == 15_000 * 177 // 1000
    made.tables = [Table(1, "residual", "residual mix", (Value("GB", "2025", 400_000),))]
    line = made.account().enter(settled()).line
    assert line.market_g == 15_000 * 400 // 1000
    ppa = certificate(id=2, kind="ppa", quantity_wh=1_000_000, mg_per_kwh=12_500, renewable=False)
    made.certificates = [*made.certificates, ppa]
    line = made.account().enter(settled()).line
    assert (line.market_g, line.renewable_wh, line.residual_wh) == (15_000 * 125 // 10_000, 5000, 0)


def test_with_nothing_entered_a_report_is_what_the_chain_has_frozen() -> None:
    line = Made([settled()]).account().enter(settled()).line
    factor = factor_for("GB", NOON)
    assert factor is not None
    assert line.frozen_g == emitted_g(20_000, factor.gco2e_per_kwh) == line.location_g
    assert line.frozen_avoided_g == avoided_g(20_000, 177) == line.avoided_g
    assert line.difference_g == 0
    assert line.factor is not None
    assert line.factor.period == "2025"


def test_a_restated_figure_stands_beside_the_frozen_one() -> None:
    newer = Table(1, "location", "factors of 2026", (Value("GB", "2026", 150_500, 61),))
    line = Made([settled()], tables=[newer]).account().enter(settled()).line
    assert (line.frozen_g, line.location_g, line.difference_g) == (3_540, 3_010, -530)
    assert line.factor == (150_500, 61, 1, "2026")


def test_a_session_without_a_factor_is_not_counted_as_none() -> None:
    session = settled(grid_gco2e_per_kwh=4095)
    method = replace(Made([session]).account().method, location=Factors([], "location"))
    line = method.line(charged(session.pool, session.anchor.word))
    assert (line.location_g, line.market_g, line.frozen_g, line.avoided_g) == (None,) * 4


def test_hours_are_weighed_by_the_energy_in_them() -> None:
    hours = (Value("GB", "2026-11-03T12", 100_000), Value("GB", "2026-11-03T13", 400_000))
    session = settled(duration_s=5_400)  # An hour in the first, half an hour in the second.
    made = Made([session], tables=[Table(1, "location", "by hour", hours)])
    line = made.account().enter(session).line
    assert line.location_g == (13_333 * 100_000 + 6_667 * 400_000) // 1_000_000
    assert line.factor is not None
    assert (line.factor.period, line.factor.value) == ("2026-11-03T12/2026-11-03T13", 200_005)


def test_solar_of_an_hour_is_shared_by_those_who_charge_in_it() -> None:
    sun = (Value("1", "2026-11-03T12", 4_000), Value("1", MONTH, 9_000_000))
    made = Made(
        [settled(1, 1, duration_s=3_600), settled(2, 1, duration_s=3_600, energy_wh=60_000)],
        tables=[Table(1, "solar", "inverter", sun)],
    )
    account = made.account()
    lines = [account.enter(one).line for one in made.sessions]
    # Hours take the place of the month: of 4 kWh a quarter and three quarters.
    assert [one.solar_wh for one in lines] == [1_000, 3_000]


@given(
    start=st.integers(0, 1 << 31),
    duration=st.integers(0, 1 << 20),
    idle=st.integers(0, 1 << 20),
    energy=st.integers(0, 1 << 24),
)
def test_a_session_spread_over_hours_is_all_of_it(
    start: int, duration: int, idle: int, energy: int
) -> None:
    parts = spread(start, duration, idle, energy)
    assert sum(wh for _, wh in parts) == energy
    assert all(wh >= 0 and hour % 3600 == 0 for hour, wh in parts)
    assert parts[0][0] <= start < parts[0][0] + 3600


def test_losses_are_what_was_metered_and_not_delivered_at_the_residual_mix() -> None:
    made = Made(
        [settled()],
        tables=[
            Table(1, "metered", "bill", (Value("1", MONTH, 21_000),)),
            Table(2, "residual", "mix", (Value("GB", "2025", 400_000),)),
        ],
        certificates=[certificate(quantity_wh=50_000)],
    )
    [lost] = made.account().losses()
    assert (lost.energy_wh, lost.location_g, lost.market_g) == (1_000, 177, 400)
    made.tables = [Table(1, "metered", "bill", (Value("1", MONTH, 19_000),))]
    [lost] = made.account().losses()
    assert (lost.energy_wh, lost.location_g) == (-1_000, None)
    made.scope = replace(made.scope, power_type="AC")
    assert made.account().losses() == ()


def test_the_newest_table_counts_and_of_years_the_latest_before() -> None:
    old = Table(1, "location", "old", (Value("GB", "2024", 1), Value("GB", "2026", 2)))
    new = Table(2, "location", "new", (Value("GB", "2024", 3),))
    factors = Factors([new, old, built_in()], "location")
    at = {year: factors.at("GB", NOON - (2026 - year) * 31_557_600) for year in (2017, 2024, 2026)}
    assert at[2017] is None
    assert at[2024] is not None
    assert (at[2024].value, at[2024].table) == (3, 2)
    assert at[2026] is not None
    assert (at[2026].value, at[2026].table) == (2, 1)
    assert factors.at("FR", NOON) is None


FILE = "\ufeffzone,period,gco2e_per_kwh,renewable_pct\r\nGB,2026,150.5,61\r\nDE,2025,342,\r\n"


def test_a_file_has_the_same_hash_however_its_lines_stand() -> None:
    values = read_csv("location", FILE)
    assert values == (Value("DE", "2025", 342_000), Value("GB", "2026", 150_500, 61))
    again = "period,gco2e_per_kwh,zone,renewable_pct\n2025,342.000,DE,\n2026,150.500,GB,61\n"
    assert digest("location", values) == digest("location", read_csv("location", again))
    assert read_csv("location", canonical("location", values)) == values
    changed = (values[0], values[1]._replace(value=150_501))
    assert digest("location", changed) != digest("location", values)
    hours = read_csv("solar", "site,period,kwh\n1,2026-11-03T12:00Z,1.5\n1,2026-11,40\n")
    assert hours == (Value("1", "2026-11", 40_000), Value("1", "2026-11-03T12", 1_500))
    assert read_csv("solar", canonical("solar", hours)) == hours


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("location", "period,gco2e_per_kwh\n2026,1", "the first line names the columns: zone,"),
        ("location", "zone,period,gco2e_per_kwh\n", "the file holds no value"),
        ("location", "zone,period,gco2e_per_kwh\nGB,2026,1\nGB,2026-11,1", "line 3: period is"),
        ("location", "zone,period,gco2e_per_kwh\nGB,2026,0.1234", "line 2: gco2e_per_kwh is a"),
        ("location", "zone,period,gco2e_per_kwh\nGB,2026,10001", "from 0 to 10000"),
        ("location", "zone,period,gco2e_per_kwh\n,2026,1", "line 2: zone is a grid zone"),
        ("location", "zone,period,gco2e_per_kwh\nGB,2026,1\nGB,2026,2", "GB has two values of"),
        ("location", "zone,period,gco2e_per_kwh,renewable_pct\nGB,2026,1,101", "from 0 to 100"),
        ("location", "zone,period,gco2e_per_kwh\nGB,2026,1,1,1", "more values than columns"),
        ("solar", "site,period,kwh\n1,2026-13,1", "line 2: period is a month"),
        ("metered", "site,period,kwh\n1,2026-11-03T12:00Z,1", "line 2: period is a month such"),
    ],
)
def test_a_file_with_a_fault_is_refused_and_names_the_line(
    kind: str, text: str, words: str
) -> None:
    with pytest.raises(ReportError, match=words.replace("(", r"\(")):
        read_csv(kind, text)


@given(st.integers(0, 10_000_000))
def test_thousandths_are_exact(value: int) -> None:
    assert thousandths(f"{value // 1000}.{value % 1000:03}", "x", 10_000_000) == value


def test_the_registrys_codes_have_their_names() -> None:
    assert POWER == {1: "AC", 2: "AC", 3: "DC"}
    assert len(STANDARDS) == 8


def test_sums_of_sites_and_months_are_the_whole() -> None:
    made = full()
    account = made.account()
    sums = account.sums()
    whole = sum(sums.values(), Sums())
    lines = [account.enter(one).line for one in made.sessions]
    assert whole.adds_up
    assert whole.market_g == sum(one.market_g or 0 for one in lines)
    assert whole.difference_g == sum((one.location_g or 0) - (one.frozen_g or 0) for one in lines)
    assert sum(one.used for one in account.method.allocation.used) > Fraction(20_000)
    assert BASELINE.g_per_kwh == 947
