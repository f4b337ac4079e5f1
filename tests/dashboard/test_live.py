"""Live pages: a stream that says when to look again, resumed where it broke."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from chargecoin.clock import ManualClock
from dashboard.navigation import OWN
from dashboard.services import Services
from dashboard.watch import Signal
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import look, running
from tests.dashboard.world import Made

WAIT_S = 10.0


async def heard(signals: AsyncIterator[Signal]) -> Signal:
    """Return the next signal, or fail after a while."""
    return await asyncio.wait_for(anext(signals), WAIT_S)


@pytest.fixture
async def quiet(has: Services, town: Town) -> Services:
    """A dashboard that has looked at all there was."""
    await look(has)
    return has


async def test_a_session_wakes_whoever_follows_its_owner(quiet: Services, town: Town) -> None:
    signals = quiet.watch.follow(town.first, quiet.watch.newest)
    waiting = asyncio.create_task(heard(signals))
    town.world.settle(NOW - 60, [Made(town.harbour[0], NOW - 5000)])
    await look(quiet)
    assert "settled" in (await waiting).kinds


async def test_what_came_while_nobody_listened_is_not_missed(quiet: Services, town: Town) -> None:
    before = quiet.watch.newest
    town.world.settle(NOW - 60, [Made(town.harbour[0], NOW - 5000)])
    await look(quiet)
    signal = await heard(quiet.watch.follow(town.first, before))
    assert signal.number == quiet.watch.newest


async def test_who_heard_too_long_ago_is_told_to_look(quiet: Services, town: Town) -> None:
    quiet.watch._changes = quiet.watch._changes[-1:]
    for after in (0, quiet.watch.newest + 1000):
        signal = await heard(quiet.watch.follow(town.first, after))
        assert signal == Signal(quiet.watch.newest, ("missed",))


async def test_a_node_that_falls_silent_is_told_to_pages(
    quiet: Services, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answers() -> int:
        return await asyncio.to_thread(lambda: town.world.head)

    signals = quiet.watch.follow(town.first, quiet.watch.newest)
    waiting = asyncio.create_task(heard(signals))
    monkeypatch.setattr(quiet.node, "head", answers)
    await quiet.watch.ask_node()
    assert (await waiting).kinds == ("tick",)


async def test_another_owners_session_wakes_nobody_else(quiet: Services, town: Town) -> None:
    signals = quiet.watch.follow(town.second, quiet.watch.newest)
    waiting = asyncio.create_task(heard(signals))
    town.world.settle(NOW - 60, [Made(town.harbour[0], NOW - 5000)])
    await look(quiet)
    town.world.settle(NOW - 50, [Made(town.kiel[0], NOW - 5000)])
    await look(quiet)
    signal = await waiting
    assert signal.number == quiet.watch.newest


async def test_ages_move_on_although_nothing_happens(
    quiet: Services, town: Town, clock: ManualClock
) -> None:
    signals = quiet.watch.follow(town.first, quiet.watch.newest)
    waiting = asyncio.create_task(heard(signals))
    clock.advance(31)
    await look(quiet)
    assert (await waiting).kinds == ("tick",)


async def test_the_end_of_the_server_ends_its_streams(quiet: Services, town: Town) -> None:
    signals = quiet.watch.follow(town.first, quiet.watch.newest)
    waiting = asyncio.create_task(heard(signals))
    await quiet.watch.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    assert quiet.watch.streams == 0


async def test_the_stream_over_http_resumes_by_its_last_id(has: Services, town: Town) -> None:
    with running(has) as address:
        async with httpx.AsyncClient(base_url=address, timeout=WAIT_S) as pages:
            async with pages.stream("GET", "/live?owner=1&after=0") as first:
                assert first.headers["content-type"].startswith("text/event-stream")
                lines = first.aiter_lines()
                number = await _number(lines)
            town.world.settle(NOW - 60, [Made(town.harbour[0], NOW - 5000)])
            resumed = {"last-event-id": str(number)}
            async with pages.stream("GET", "/live?owner=1&after=0", headers=resumed) as second:
                assert await _number(second.aiter_lines()) > number


async def _number(lines: AsyncIterator[str]) -> int:
    async for line in lines:
        if line.startswith("id: "):
            return int(line.removeprefix("id: "))
    raise AssertionError("the stream ended")


async def test_more_streams_than_it_can_bear_are_refused(has: Services, town: Town) -> None:
    has.watch.streams = has.watch.limit
    with running(has) as address:
        async with httpx.AsyncClient(base_url=address, timeout=WAIT_S) as pages:
            assert (await pages.get("/live")).status_code == 503
    has.watch.streams = 0


async def test_parts_that_a_live_page_swaps_have_names_of_their_own(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    # A list of exceptions once shared its name with a part of the header, and was replaced by it.
    base = f"/owners/{busy_town.first}"
    below = [to for _, entries in OWN for _, to in entries]
    for path in [*(base + one for one in below), "/sessions/1/1", "/status", "/"]:
        found = re.findall(r'data-part="([^"]*)"', (await pages.get(path)).text)
        assert len(found) == len(set(found)), f"{path}: {found}"
