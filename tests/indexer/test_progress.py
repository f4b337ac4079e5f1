"""A backfill says how fast it goes and how long it takes yet."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from indexer.progress import LOGGED_EVERY_S, WINDOW_S, Pace, Progress
from indexer.store import Store
from tests.indexer.conftest import Databases
from tests.indexer.fake_chain import DEPLOYMENT, FakeChain
from tests.indexer.fake_node import FakeNode
from tests.indexer.tables import follower


class Watch:
    """A watch that is set by hand."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


def test_the_rate_is_that_of_the_last_minute() -> None:
    watch = Watch()
    progress = Progress(watch)
    progress.note(100, 0, head=10_000)
    assert progress.pace is None
    watch.at += 10
    progress.note(600, 1_000, head=10_000)
    assert progress.pace == Pace(600, 10_000, 50.0, 100.0, left_s=188)
    # What was before the last minute no longer counts.
    for _ in range(7):
        watch.at += WINDOW_S / 6
        progress.note((progress.pace.block if progress.pace else 0) + 10, 20, head=10_000)
    assert progress.pace == Pace(670, 10_000, 1.0, 2.0, left_s=9_330)


def test_after_a_step_back_it_is_measured_anew() -> None:
    watch = Watch()
    progress = Progress(watch)
    progress.note(0, 0, head=100)
    watch.at += 1
    progress.note(50, 5, head=100)
    progress.end()
    assert progress.pace is None
    progress.note(10, 0, head=100)
    watch.at += 2
    progress.note(20, 4, head=100)
    assert progress.pace == Pace(20, 100, 5.0, 2.0, left_s=16)


def test_it_is_logged_now_and_then() -> None:
    watch = Watch()
    progress = Progress(watch)
    with capture_logs() as logs:
        for block in range(41):
            progress.note(block, 1, head=100)
            watch.at += LOGGED_EVERY_S / 10
    assert [one["block"] for one in logs] == [10, 20, 30, 40]
    assert logs[0]["left_s"] == 90


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
async def test_a_follower_measures_its_backfill_and_not_what_is_live(databases: Databases) -> None:
    chain = FakeChain(3)
    chain.mine(200)
    one = follower(FakeNode(chain, finality=8), Store(databases.new(), DEPLOYMENT), finality=8)
    await one.step()
    assert one.progress.pace is not None
    assert one.progress.pace.head == 200
    while await one.step():
        pass
    assert one.progress.pace is None
    await one.close()
