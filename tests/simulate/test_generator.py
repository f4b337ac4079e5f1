"""The generated fleet follows the published figures, and the figures follow from their files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import islice, pairwise
from pathlib import Path
from random import Random
from statistics import median
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from chargecoin.errors import ConfigurationError
from simulate import perth, profile
from simulate.generator import (
    TURNAROUND_S,
    WEEK_S,
    arrivals,
    default_network,
    end_at,
    generate,
    profile_of,
)
from simulate.history import Source, build
from simulate.network import DC, Network
from simulate.payers import expect
from simulate.plan import SessionPlan, load_plans, overlaps, save_plans
from simulate.profile import GRID, Profile
from tests.simulate.conftest import SHARED, shared

UNTIL = 1_795_000_000


def quantiles(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered[min(len(ordered) - 1, int(u * len(ordered)))] for u in GRID]


def thousandths(values: Sequence[int], size: int) -> tuple[int, ...]:
    counts = Counter(values)
    return tuple(round(1000 * counts[index] / len(values)) for index in range(size))


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    def ranks(values: Sequence[float]) -> list[int]:
        found = [0] * len(values)
        for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
            found[index] = rank
        return found

    mean = (len(first) - 1) / 2
    pairs = list(zip(ranks(first), ranks(second), strict=True))
    return sum((a - mean) * (b - mean) for a, b in pairs) / sum((a - mean) ** 2 for a, _ in pairs)


@pytest.fixture(scope="module")
def perth_rows() -> list[perth.Row]:
    shared("sessions/perth-2016-09--2017-08.csv")
    return [
        row
        for path in sorted(SHARED.glob("sessions/perth-*.csv"))
        for row in perth.read(path).usable
    ]


def check(
    published: Profile,
    starts: Sequence[datetime],
    energy_wh: Sequence[int],
    stay_min: Sequence[int],
) -> None:
    assert published.hours == thousandths([one.hour for one in starts], 24)
    assert published.weekdays == thousandths([one.weekday() for one in starts], 7)
    assert list(published.energy_wh) == pytest.approx(quantiles(energy_wh), abs=5)
    assert list(published.stay_min) == quantiles(stay_min)
    assert published.rank_correlation == pytest.approx(
        rank_correlation(energy_wh, stay_min), abs=0.01
    )


@pytest.mark.parametrize("published", [profile.AC, profile.RAPID])
def test_profiles_of_perth_are_the_figures_of_its_files(
    perth_rows: list[perth.Row], published: Profile
) -> None:
    of_kind = [
        row
        for row in perth_rows
        if (
            row.hardware.power_type == DC and row.hardware.max_power_w == 50_000
            if published is profile.RAPID
            else row.hardware.power_type != DC and row.hardware.max_power_w <= 22_000
        )
    ]
    rows = [row for row in of_kind if row.energy_wh]
    check(
        published,
        [row.started for row in rows],
        [row.energy_wh for row in rows],
        [row.duration_s // 60 for row in rows],
    )
    assert published.zero_energy_rate == pytest.approx(1 - len(rows) / len(of_kind), abs=1e-4)


def test_stays_without_energy_and_missing_ends_are_the_figures_of_perth(
    perth_rows: list[perth.Row],
) -> None:
    stays = [row.duration_s // 60 for row in perth_rows if not row.energy_wh]
    assert quantiles(stays) == list(profile.ZERO_ENERGY_STAY_MIN)
    reasons = sum(
        (perth.read(path).reasons() for path in SHARED.glob("sessions/perth-*.csv")), Counter[str]()
    )
    share = reasons["no end"] / (len(perth_rows) + reasons.total())
    assert share == pytest.approx(profile.MISSING_END_RATE, abs=1e-4)


def test_the_high_power_profile_is_the_figures_of_its_file() -> None:
    path = shared("sessions/desl-epfl-dc-sessions.xlsx")
    book = openpyxl.load_workbook(path, read_only=True)
    rows = list(book.worksheets[0].iter_rows(min_row=2, values_only=True))
    book.close()
    starts = [row[2] for row in rows if isinstance(row[2], datetime)]
    energy_wh = [round(float(str(row[5]))) for row in rows]
    stay_min = [round(float(str(row[4]))) for row in rows]
    check(profile.HIGH_POWER, starts, energy_wh, stay_min)
    days = (max(starts) - min(starts)).days
    outlets = len({row[1] for row in rows})
    assert profile.HIGH_POWER.sessions_per_day == pytest.approx(
        len(rows) / days / outlets, abs=0.05
    )


@pytest.fixture(scope="module")
def many(network: Network) -> list[SessionPlan]:
    return generate(network, sessions=20_000, weeks=130, rng=Random(7))


def of_profile(
    network: Network, plans: Sequence[SessionPlan], wanted: Profile
) -> list[SessionPlan]:
    return [plan for plan in plans if profile_of(network.place(plan.place).connector) is wanted]


@pytest.mark.parametrize("published", [profile.AC, profile.RAPID, profile.HIGH_POWER])
def test_generated_sessions_have_the_published_medians_hours_and_zero_energy_rate(
    network: Network, many: list[SessionPlan], published: Profile
) -> None:
    plans = of_profile(network, many, published)
    charged = [plan for plan in plans if plan.energy_wh]
    half = GRID.index(0.5)
    assert median(plan.energy_wh for plan in charged) == pytest.approx(
        published.energy_wh[half], rel=0.08
    )
    assert median(plan.duration_s for plan in charged) == pytest.approx(
        published.stay_min[half] * 60, rel=0.08
    )
    assert 1 - len(charged) / len(plans) == pytest.approx(published.zero_energy_rate, abs=0.015)
    local = [
        datetime.fromtimestamp(
            plan.started_at, ZoneInfo(network.place(plan.place).site.time_zone)
        ).hour
        for plan in plans
    ]
    daytime = sum(8 <= hour < 18 for hour in local) / len(local)
    assert daytime == pytest.approx(sum(published.hours[8:18]) / 1000, abs=0.03)


def test_vehicles_at_ac_idle_as_long_as_published(
    network: Network, many: list[SessionPlan]
) -> None:
    plans = of_profile(network, many, profile.AC)
    share = sum(plan.idle_s for plan in plans) / sum(plan.duration_s for plan in plans)
    assert share == pytest.approx(profile.AC_IDLE_SHARE, abs=0.03)


def test_no_two_sessions_overlap_at_an_evse_and_none_outruns_its_connector(
    network: Network, many: list[SessionPlan]
) -> None:
    by_evse = defaultdict(list)
    for plan in many:
        place = network.place(plan.place)
        by_evse[place.evse.evse_id].append(plan)
        assert plan.energy_wh * 3600 <= place.connector.max_power_w * max(plan.duration_s, 1)
    for plans in by_evse.values():
        assert all(a.ended_at + TURNAROUND_S <= b.started_at for a, b in pairwise(plans))


def test_one_seed_gives_one_history(network: Network) -> None:
    first, second, other = (
        generate(network, sessions=200, weeks=13, rng=Random(seed)) for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


@pytest.mark.parametrize("now", [UNTIL, UNTIL + 3 * 86_400, UNTIL + 20 * WEEK_S + 1])
def test_whole_weeks_can_be_moved_to_end_at_any_time(
    network: Network, many: list[SessionPlan], now: int
) -> None:
    moved = end_at(many, weeks=130, now=now)
    for before, after in zip(many, moved, strict=True):
        assert now - 130 * WEEK_S < after.ended_at <= now
        assert (after.started_at - before.started_at) % WEEK_S == 0
        assert after.duration_s == before.duration_s
    evse = {plan.place: network.place(plan.place).evse.evse_id for plan in moved}
    taken = ((evse[plan.place], plan.started_at, plan.ended_at) for plan in moved)
    assert overlaps(taken) == 0


@pytest.mark.parametrize("data", [None, "sessions/perth-2018-09--2019-08.csv"])
def test_one_source_gives_the_same_sessions_and_totals_whenever_it_is(data: str | None) -> None:
    source = Source(300, seed=4, data=shared(data) if data else None)
    runs = [build(source, UNTIL + days * 86_400) for days in (0, 2.5)]
    totals = [expect(run.ledger, run.network) for run in runs]
    assert totals[0] == totals[1]
    causes = [
        {(plan.token, plan.energy_wh): plan.cause for plan in run.ledger.plans} for run in runs
    ]
    assert causes[0] == causes[1]
    for run in runs:
        starts = [plan.started_at for plan in run.ledger.plans]
        assert starts == sorted(starts)


def test_a_network_that_is_full_says_so(network: Network) -> None:
    with pytest.raises(ConfigurationError, match="ask for fewer sessions or more weeks"):
        generate(network, sessions=20_000, weeks=1, rng=Random(1))


def test_the_default_network_is_as_large_as_promised() -> None:
    network = default_network()
    places = network.places.values()
    assert len(network.owners) == 3
    assert sum(len(owner.sites) for owner in network.owners) == 12
    assert len(places) == 40
    assert {place.site.country for place in places} == {"GB", "DE"}
    assert {place.connector.power_type == DC for place in places} == {True, False}
    meters = [place.connector.meter for place in places if place.connector.meter]
    assert 0.35 <= len(meters) / 40 <= 0.45
    vouchers = Counter(meter.voucher for meter in meters)
    assert vouchers["owner"] == 1
    assert vouchers["manufacturer"] > vouchers["authority"] > 0
    assert {meter.curve for meter in meters} == {3, 4}
    evse_ids = {place.evse.evse_id for place in places}
    assert len(evse_ids) == sum(len(station.evses) for station in network.stations)


def test_arrivals_keep_coming_at_the_rate_asked_for_and_never_overlap(network: Network) -> None:
    plans = list(islice(arrivals(network, since=UNTIL, per_minute=4, rng=Random(3)), 400))
    minutes = (plans[-1].started_at - UNTIL) / 60
    assert 3 < len(plans) / minutes < 5
    evse = {plan: network.place(plan.place).evse.evse_id for plan in plans}
    assert overlaps((evse[plan], plan.started_at, plan.ended_at) for plan in plans) == 0
    assert all(plan.energy_wh > 0 for plan in plans)


def test_sessions_survive_being_written_and_read(network: Network, tmp_path: Path) -> None:
    plans = generate(network, sessions=30, weeks=13, rng=Random(1))
    save_plans(plans, tmp_path / "plans.jsonl")
    assert load_plans(tmp_path / "plans.jsonl") == plans
    (tmp_path / "plans.jsonl").write_text('{"charge_point": "CP-1"}\n')
    with pytest.raises(ConfigurationError, match="line 1 is no session"):
        load_plans(tmp_path / "plans.jsonl")
