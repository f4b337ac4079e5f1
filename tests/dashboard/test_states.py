"""Empty, still reading, behind, reorganised, mending, failed: each caused, and each said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from chargecoin.clock import ManualClock
from chargecoin.local_node import LocalNode, NodeOptions
from dashboard.app import create_app
from dashboard.security import POLICY
from dashboard.services import Services
from indexer.database import open_engine
from indexer.read_model import ReadModel
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import client, look, services, text_of
from tests.dashboard.settled import Settled, index, settle
from tests.dashboard.world import DEPLOYMENT, Made, World
from tests.support.charging import START

PAGES = ("/", "/owners/1", "/owners/1/sessions", "/owners/1/chargers", "/status")


async def said(pages: httpx.AsyncClient, path: str) -> str:
    """Return what a page says."""
    return text_of((await pages.get(path)).text)


async def test_before_anything_is_indexed_pages_say_so(pages: httpx.AsyncClient) -> None:
    words = await said(pages, "/")
    assert "No block has been read yet" in words
    assert "No station owner is registered yet" in words
    assert "The indexer has not written anything yet" in await said(pages, "/status")
    ready = await pages.get("/ready")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert (await pages.get("/health")).status_code == 200


async def test_an_owner_without_a_session_is_told_what_comes(
    pages: httpx.AsyncClient, town: Town
) -> None:
    words = await said(pages, "/owners/1")
    assert "No session has been settled yet." in words
    assert "nothing yesterday by this time to compare with" in words
    assert "No session of this month has a known grid factor yet." in words
    assert "4 connectors unknown" in words
    assert "The first session shows here" in await said(pages, "/owners/1/sessions")
    assert "Every session is simply settled" in await said(pages, "/owners/1/exceptions")


async def test_a_filter_without_a_match_offers_the_way_back(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    words = await said(pages, "/owners/1/sessions?since=2030-01-01")
    assert "No session matches" in words
    assert "Show all sessions" in words
    assert "No charger is reserved" in await said(pages, "/owners/1/chargers?use=reserved")


async def test_while_the_chain_is_being_read_every_page_says_how_far(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    head = busy_town.world.head
    busy_town.world.set_cursor(state="backfill", head_number=head + 4000)
    for path in PAGES:
        words = await said(pages, path)
        assert "Reading the chain" in words
        assert f"Block {head:,} of {head + 4000:,}." in words
    assert (await pages.get("/ready")).status_code == 503


async def test_a_reorganisation_is_said_until_it_is_final(
    pages: httpx.AsyncClient, has: Services, town: Town
) -> None:
    world = town.world
    world.settle(NOW - 900, [Made(town.harbour[0], NOW - 9000)])
    [gone] = world.settle(NOW - 600, [Made(town.harbour[0], NOW - 5000)])
    await look(has)
    assert (await pages.get("/sessions/1/2")).status_code == 200
    world.reorganise(1)
    await look(has)
    words = await said(pages, "/owners/1")
    assert "The chain replaced recent blocks" in words
    # What was taken back is nowhere, and its own page says why.
    assert "from 1 settled session," in words
    answer = await pages.get("/sessions/1/2")
    assert answer.status_code == 404
    assert "the block it was in was replaced" in text_of(answer.text)
    # It comes back under the same number, and the banner goes once the blocks are final.
    assert world.settle(NOW - 500, [Made(town.harbour[0], NOW - 5000)]) == [gone]
    assert (await pages.get("/sessions/1/2")).status_code == 200
    for _ in range(4):
        world.mine(NOW - 400)
    await look(has)
    assert "The chain replaced recent blocks" not in await said(pages, "/owners/1")


async def test_tables_that_fail_closed_are_not_passed_off_as_current(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    busy_town.world.set_cursor(state="mending", detail="Block 7 was final and is gone.")
    for path in PAGES:
        words = await said(pages, path)
        assert "The tables are being mended" in words
        assert "Block 7 was final and is gone." in words
    ready = await pages.get("/ready")
    assert ready.status_code == 503
    assert ready.json()["state"] == "mending"


@pytest.fixture
def own_chain(tmp_path: Path) -> Iterator[Settled]:
    """A chain that only this test moves on, and stops."""
    with LocalNode(NodeOptions(timestamp=START - 2 * 86_400)) as node:
        yield settle(node, tmp_path)


async def test_tables_behind_the_chain_say_how_far(
    engine: Engine, own_chain: Settled, clock: ManualClock
) -> None:
    node = own_chain.protocol.node
    await index(own_chain, engine)
    has = services(engine, own_chain.protocol.deployment, clock, rpc_url=node.url)
    async with client(has) as pages:
        await look(has)
        assert "behind" not in await said(pages, "/owners/1")
        node.mine(40)
        await look(has)
        words = await said(pages, "/owners/1")
        assert "These figures are behind the chain" in words
        assert "40 blocks behind" in words
        await index(own_chain, engine)
        await look(has)
        assert "behind" not in await said(pages, "/owners/1")
        node.stop()
        await look(has)
        words = await said(pages, "/owners/1")
        assert "The node is not answering" in words
        assert "from 0 settled sessions" in words  # Read from the tables all the same.
    await has.node.close()


async def test_a_store_that_fails_is_a_503_in_words(
    engine: Engine, clock: ManualClock, town: Town, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE owners"))
    async with client(services(engine, DEPLOYMENT, clock)) as pages:
        answer = await pages.get("/owners/1")
        assert answer.status_code == 503
        assert "The figures cannot be read" in answer.text
        assert "owners" not in text_of(answer.text)
    unmade = open_engine(f"sqlite:///{tmp_path}/none/none.sqlite")
    async with client(services(unmade, DEPLOYMENT, clock, private=tmp_path / "p.sqlite")) as pages:
        assert (await pages.get("/owners/1")).status_code == 503
        assert (await pages.get("/ready")).status_code == 503
        assert (await pages.get("/health")).status_code == 200


async def test_a_fault_of_ours_is_said_and_shows_nothing_of_itself(
    has: Services, busy_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_model: ReadModel, _owner_id: int) -> None:
        raise RuntimeError("a secret of the machine")

    monkeypatch.setattr(ReadModel, "owner", fails)
    transport = httpx.ASGITransport(create_app(has), raise_app_exceptions=False)
    asking = httpx.AsyncClient(transport=transport, base_url="http://test")
    with capture_logs() as logged:
        async with asking as pages:
            answer = await pages.get("/owners/1")
            as_json = await pages.get("/owners/1.json")
            assert (await pages.get("/methods/co2")).status_code == 200
    assert logged[0]["event"] == "a page failed"
    assert answer.status_code == 500
    assert "This page failed" in answer.text
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"] == POLICY
    assert as_json.json()["title"] == "This page failed"


async def test_a_zone_that_does_not_exist_is_counted_in_utc_and_said(
    pages: httpx.AsyncClient, world: World
) -> None:
    owner = world.owner("Somewhere", NOW - 9000)
    [first, second] = world.site(owner, "Atlantis", NOW - 8000, zone="Sea/Atlantis")
    world.settle(NOW - 600, [Made(first, NOW - 5000), Made(second, NOW - 5000)])
    world.feed(NOW - 10, {first: "Available", second: "Charging"})
    words = await said(pages, "/owners/1")
    assert "Atlantis has no known time zone" in words
    for path in ("/owners/1/sessions", "/owners/1/chargers", "/sessions/1/1"):
        assert (await pages.get(path)).status_code == 200


async def test_the_list_of_owners_is_where_owners_are(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    for suffix in ("json", "csv"):
        answer = await pages.get(f"/owners.{suffix}")
        assert answer.status_code == 200
        assert answer.content == (await pages.get(f"/index.{suffix}")).content


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/sessions/9/9", 404, "The chain knows no session 9/9."),
        ("/sessions/9/9/verify", 404, "The chain knows no session 9/9."),
        ("/sessions/nine", 404, "There is no session nine."),
        ("/batches/9999", 404, "The chain knows no batch 9999."),
        ("/batches/x", 400, "This cannot be read"),
        ("/owners/one", 400, "This cannot be read"),
        ("/nowhere", 404, "There is no page at /nowhere."),
        ("/owners/1/chargers?use=flying", 400, "use is one of"),
    ],
)
async def test_what_is_not_there_is_said_in_every_form(
    pages: httpx.AsyncClient, busy_town: Town, path: str, status: int, words: str
) -> None:
    answer = await pages.get(path)
    assert answer.status_code == status
    assert words in text_of(answer.text)
    stem, mark, query = path.partition("?")
    as_json = await pages.get(f"{stem}.json{mark}{query}")
    assert as_json.status_code == status
    assert words in as_json.json()["title"] + " " + as_json.json()["detail"]
