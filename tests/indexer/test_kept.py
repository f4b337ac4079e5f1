"""Answers that are kept are asked for again as soon as they may be others."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.database import open_database
from indexer.read_model import ReadModel
from tests.dashboard.world import ACCOUNT, Made, World, at

DAY = 86_400
NOON = at("2026-11-20 12:00")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One owner with one connector, and three days of sessions."""
    world = World(open_database(f"sqlite:///{tmp_path / 'indexer.sqlite'}"))
    owner = world.owner("Tay Valley", NOON - 9 * DAY)
    world.site(owner, "Perth", NOON - 9 * DAY + 60, stations=[("A", 1, 22_000)])
    for day in (6, 5, 4):
        settle(world, NOON - day * DAY)
    return world


def settle(world: World, moment: int, energy_wh: int = 1_000) -> None:
    """Settle one session that ended an hour ago."""
    world.settle(
        moment, [Made(1, moment - 7_200, duration_s=3_600, energy_wh=energy_wh, paid=450_000)]
    )


def both(model: ReadModel, now: int) -> tuple[int, int]:
    """What the list of owners says of the only one."""
    [one] = model.owner_months(now)
    return one.sessions, one.energy_wh


def test_an_owners_month_grows_with_every_batch(world: World) -> None:
    model = ReadModel(world.engine)
    assert both(model, NOON) == (3, 3_000)
    settle(world, NOON - 3 * DAY)
    assert both(model, NOON) == (4, 4_000)
    settle(world, NOON)
    assert both(model, NOON) == (5, 5_000)
    assert both(model, NOON + 20 * DAY) == (0, 0)
    assert both(model, NOON) == (5, 5_000)


def test_an_owners_month_forgets_days_that_were_undone(world: World) -> None:
    model = ReadModel(world.engine)
    world.mine(NOON)
    # All three days are closed by now, and added up.
    assert both(model, NOON) == (3, 3_000)
    world.reorganise(2)
    settle(world, NOON - 4 * DAY, energy_wh=7_000)
    world.mine(NOON)
    assert both(model, NOON) == (3, 9_000) == both(ReadModel(world.engine), NOON)


def test_undone_blocks_are_remembered_however_much_follows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.store.KEPT_CHANGES", 2)
    model = ReadModel(world.engine)
    world.mine(NOON)
    assert both(model, NOON) == (3, 3_000)
    world.reorganise(2)
    for later in range(5):
        world.mine(NOON + later)
    assert both(model, NOON) == (2, 2_000)


def test_reward_epochs_follow_the_events_that_they_are_of(world: World) -> None:
    model = ReadModel(world.engine)
    assert model.reward_epochs(2) == ()
    for amount in (5, 6):
        funded = {"epoch": 2_900, "source": ACCOUNT, "payment": amount, "chg": 1}
        world.mine(NOON, [("StationRewards", "EpochFunded", funded)])
    [epoch] = model.reward_epochs(2)
    assert epoch.funded == (11, 2)
    assert model.reward_epochs(2)[0] is epoch
    world.reorganise(1)
    assert model.reward_epochs(2)[0].funded == (5, 1)
