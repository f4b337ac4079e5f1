"""What is refused before a page is asked: too much, and what another site sends."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import Engine
from starlette.datastructures import Headers

from chargecoin.clock import ManualClock
from dashboard.access.gate import READS, WRITES, Buckets, Rate, foreign
from dashboard.services import Services
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.people import sign_in
from tests.dashboard.serving import client, services
from tests.dashboard.world import DEPLOYMENT


def test_a_bucket_empties_and_fills_again() -> None:
    buckets = Buckets(Rate(burst=3, per_s=0.5))
    assert [buckets.take("reader", 0) for _ in range(3)] == [0, 0, 0]
    assert buckets.take("reader", 0) == 2
    assert buckets.take("another", 0) == 0
    assert buckets.take("reader", 1) == 1
    assert buckets.take("reader", 2) == 0
    assert buckets.take("reader", 2) > 0


def test_a_bucket_holds_no_more_than_its_burst_and_takes_no_clock_that_goes_back() -> None:
    buckets = Buckets(Rate(burst=2, per_s=1))
    assert [buckets.take("reader", at) for at in (0, 1_000, 1_000)] == [0, 0, 0]
    assert buckets.take("reader", 1_000) == 1
    assert buckets.take("reader", 0) == 1


def test_clients_beyond_a_bound_are_forgotten() -> None:
    buckets = Buckets(Rate(burst=1, per_s=1))
    for number in range(20_000):
        buckets.take(str(number), 0)
    assert len(buckets._left) == 10_000


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "http://here:1"}, True),
        ({"origin": "http://here:1"}, False),
        ({"origin": "http://here"}, True),
        ({"origin": "http://evil.example"}, True),
        ({"origin": "null"}, True),
        ({}, False),
        ({"cookie": "session=1"}, True),
    ],
)
def test_another_sites_request_is_told_from_ours(headers: dict[str, str], expected: bool) -> None:
    assert foreign(Headers({"host": "here:1"} | headers)) is expected


async def test_another_site_changes_nothing_in_a_members_name(has: Services, town: Town) -> None:
    async with client(has) as pages:
        await sign_in(pages, "station_owner")
        data = {"address": "0x" + "12" * 20, "role": "admin"}
        for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
            answer = await pages.post("/owners/1/access/people", data=data, headers=headers)
            assert answer.status_code == 403
            assert "Another site sent this" in answer.text
        assert has.access.people(1) == ()


async def test_too_many_requests_are_told_when_to_come_back(
    engine: Engine, clock: ManualClock, town: Town
) -> None:
    wall = ManualClock(NOW)
    has = services(engine, DEPLOYMENT, clock, wall=wall)
    async with client(has) as pages:
        answers = [await pages.post("/sign-in", data={}) for _ in range(int(WRITES.burst) + 1)]
        assert [one.status_code for one in answers[:-1]] == [400] * int(WRITES.burst)
        assert answers[-1].status_code == 429
        assert answers[-1].headers["retry-after"] == "3"
        # Reading goes on.
        assert (await pages.get("/health")).status_code == 200
        wall.advance(3)
        assert (await pages.post("/sign-in", data={})).status_code == 400
        for _ in range(int(READS.burst) - 1):
            await pages.get("/health")
        last: httpx.Response = await pages.get("/health")
        assert last.status_code in {200, 429}
        assert (await pages.get("/health")).status_code == 429
