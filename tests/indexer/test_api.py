"""The read API: lists that continue, objects that say where they stand, changes that resume."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, select, update

from chargecoin.errors import IndexerError
from chargecoin.evidence.format import session_hex
from chargecoin.indexer_client import IndexerClient
from chargecoin.indexer_models import Change, OnChain
from chargecoin.record import split_session_id
from indexer import schema
from indexer.api.app import application
from indexer.http import serve
from tests.indexer.api_world import ADDRESS, BLOCKS, FINALITY, ORACLE, ApiWorld, make

TIMEOUT_S = 60


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> ApiWorld:
    return make(tmp_path_factory.mktemp("api"))


@pytest.fixture
def own_world(tmp_path: Path) -> ApiWorld:
    """One that a test may change."""
    return make(tmp_path)


@pytest.fixture
def app(world: ApiWorld) -> FastAPI:
    return application(world.engine)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://indexer") as found:
        yield found


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[IndexerClient]:
    async with IndexerClient("http://indexer", transport=httpx.ASGITransport(app=app)) as found:
        yield found


async def all_of(client: IndexerClient, ask: Any, *arguments: Any, **wanted: Any) -> list[Any]:
    return [item async for item in client.every(ask, *arguments, **wanted)]


async def test_every_list_has_something_and_every_item_says_where_it_stands(
    client: IndexerClient, world: ApiWorld
) -> None:
    lists = {
        name: await ask(*arguments)
        for name, ask, *arguments in (
            ("owners", client.owners),
            ("sites", client.sites),
            ("stations", client.stations),
            ("connectors", client.connectors),
            ("tariffs", client.tariffs),
            ("batches", client.batches),
            ("sessions", client.sessions),
            ("collections", client.collections),
            ("refunds", client.refunds),
            ("disputes", client.disputes),
            ("campaigns", client.campaigns),
            ("campaign_ledger", client.campaign_ledger, 907),
            ("ledger", client.ledger, 1),
            ("payouts", client.payouts),
            ("accrual_withdrawals", client.accrual_withdrawals),
            ("accounts", client.accounts),
            ("deposits", client.deposits),
            ("withdrawals", client.withdrawals),
            ("stakes", client.stakes),
            ("unstakes", client.unstakes),
            ("stake_claims", client.stake_claims),
            ("streams", client.streams),
            ("reward_fundings", client.reward_fundings),
            ("reward_roots", client.reward_roots),
            ("reward_claims", client.reward_claims),
        )
    }
    with world.engine.connect() as connection:
        blocks = {
            row.number: (f"0x{row.hash.hex()}", row.timestamp)
            for row in connection.execute(select(schema.blocks))
        }
    for name, page in lists.items():
        assert page.items, name
        keys = [item.key for item in page.items]
        assert keys == sorted(keys, reverse=True), name
        for item in page.items:
            assert isinstance(item, OnChain)
            assert (item.block.hash, item.block.timestamp) == blocks[item.block.number]
            assert item.key == item.block.number << 20 | item.log_index
            assert item.finality == (
                "final"
                if item.block.number <= BLOCKS - FINALITY
                else "safe"
                if item.block.number <= BLOCKS - FINALITY // 2
                else "seen"
            )


@pytest.mark.parametrize("name", ["collections", "refunds", "disputes"])
async def test_what_came_after_settlement_is_found_by_site(
    client: IndexerClient, name: str
) -> None:
    ask = getattr(client, name)
    sites = {one.session_id: one.site_id for one in await all_of(client, client.sessions)}
    everything = await all_of(client, ask)
    assert everything
    for site_id in {*sites.values(), max(sites.values()) + 1}:
        found = await all_of(client, ask, limit=5, site_id=site_id)
        assert found == [one for one in everything if sites.get(one.session_id) == site_id]


async def test_rewards_are_found_by_kind_and_epoch(client: IndexerClient) -> None:
    for ask in (client.reward_fundings, client.reward_roots, client.reward_claims):
        everything = await all_of(client, ask)
        assert {one.kind for one in everything} == {1, 2}
        for kind, epoch in {(one.kind, one.epoch) for one in everything}:
            found = await all_of(client, ask, limit=2, kind=kind, epoch=epoch)
            assert found == [one for one in everything if (one.kind, one.epoch) == (kind, epoch)]
    position = (await client.stakes()).items[0].position
    assert [one.position for one in await all_of(client, client.unstakes, position=position)] == [
        position
    ]


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("limit", [1, 7, 1_000])
async def test_a_list_continues_without_gap_or_repetition(
    client: IndexerClient, world: ApiWorld, order: str, limit: int
) -> None:
    found = [one.key for one in await all_of(client, client.sessions, limit=limit, order=order)]
    assert len(found) == world.count(schema.sessions)
    assert found == sorted(set(found), reverse=order == "newest")


@pytest.mark.parametrize("name", ["owner_id", "site_id", "connector_id", "batch", "status"])
async def test_a_filter_finds_exactly_its_own(client: IndexerClient, name: str) -> None:
    everything = await all_of(client, client.sessions)
    values = {getattr(one, name) for one in everything}
    assert len(values) > 1
    for value in values:
        found = await all_of(client, client.sessions, limit=5, **{name: value})
        assert found == [one for one in everything if getattr(one, name) == value]


@pytest.mark.parametrize("name", ["collections", "refunds", "disputes"])
async def test_what_came_after_settlement_is_found_by_connector(
    client: IndexerClient, name: str
) -> None:
    ask = getattr(client, name)
    everything = await all_of(client, ask)
    of = [split_session_id(int(one.session_id, 16))[0] for one in everything]
    # And of one that has none.
    for connector_id in {*of, max(of) + 1}:
        found = await all_of(client, ask, limit=5, connector_id=connector_id)
        wanted = [one for one, at in zip(everything, of, strict=True) if at == connector_id]
        assert found == wanted


async def test_a_span_of_time_is_that_of_the_blocks(client: IndexerClient) -> None:
    everything = await all_of(client, client.sessions)
    times = sorted({one.block.timestamp for one in everything})
    since, until = times[2], times[-2]
    found = await all_of(client, client.sessions, since=since, until=until)
    assert found == [one for one in everything if since <= one.block.timestamp < until]
    assert await all_of(client, client.sessions, since=times[-1] + 1) == []
    assert await all_of(client, client.sessions, until=times[0]) == []
    assert await all_of(client, client.sessions, since=2**63 - 1, until=0) == []


async def test_a_span_of_blocks_and_a_finality_can_be_asked_for(client: IndexerClient) -> None:
    everything = await all_of(client, client.sessions)
    found = await all_of(client, client.sessions, from_block=10, to_block=20)
    assert found == [one for one in everything if 10 <= one.block.number <= 20]
    final = await all_of(client, client.sessions, finality="final")
    assert final == [one for one in everything if one.finality == "final"]
    safe = await all_of(client, client.sessions, finality="safe")
    assert safe == [one for one in everything if one.finality != "seen"]
    assert await all_of(client, client.sessions, from_block=2**63 - 1, to_block=2**63 - 1) == []


async def test_one_object_is_the_one_of_the_list(client: IndexerClient) -> None:
    [newest] = (await client.sessions(limit=1)).items
    assert newest.session_id == session_hex(newest.connector_id, newest.sequence)
    assert await client.session(newest.session_id) == newest
    for ask, asked, name in (
        (client.owners, client.owner, "owner_id"),
        (client.sites, client.site, "site_id"),
        (client.stations, client.station, "station_id"),
        (client.connectors, client.connector, "connector_id"),
        (client.batches, client.batch, "batch"),
        (client.accounts, client.account, "account"),
        (client.disputes, client.dispute, "dispute"),
        (client.campaigns, client.campaign, "campaign_id"),
    ):
        [first] = (await ask(limit=1)).items
        assert await asked(getattr(first, name)) == first


async def test_what_is_not_there_is_not_found(client: IndexerClient) -> None:
    for asking in (
        client.owner(99),
        client.session("0x" + "f" * 64),
        client.session(session_hex(1, 4_000_000)),
        client.batch(2**63 - 1),
    ):
        with pytest.raises(IndexerError, match="there is no such") as refused:
            await asking
        assert refused.value.status == 404


async def test_later_rows_are_told_with_what_they_change(client: IndexerClient) -> None:
    assert (await client.owner(1)).account == ADDRESS  # Handed over since it was registered.
    campaign = await client.campaign(907)
    assert (campaign.ends_at, campaign.budget, campaign.spent) == (500, 80, 0)
    closed, opened = await client.dispute(901), await client.dispute(902)
    assert (closed.result, closed.refunded, closed.answer) == (1, 6, "0x" + "07" * 32)
    assert (opened.result, opened.refunded, opened.answer) == (None, None, None)
    everything = await all_of(client, client.disputes)
    for is_open in (True, False):
        found = await all_of(client, client.disputes, open=is_open)
        assert found == [one for one in everything if (one.result is None) == is_open]
        assert found
    assert 2**200 in {one.amount for one in await all_of(client, client.payouts)}


async def test_tariffs_as_of_a_moment_are_the_last_published_before_it(
    client: IndexerClient,
) -> None:
    everything = await all_of(client, client.tariffs)
    moment = sorted(one.block.timestamp for one in everything)[len(everything) // 2]
    expected = {}
    for one in reversed(everything):
        if one.block.timestamp <= moment:
            expected[one.connector_id] = one.key
    found = await all_of(client, client.tariffs, at=moment)
    assert {one.connector_id: one.key for one in found} == expected
    assert await all_of(client, client.tariffs, at=0) == []


async def test_sums_are_those_of_the_sessions(client: IndexerClient) -> None:
    settled = [one for one in await all_of(client, client.sessions) if one.status != 3]
    first, last = min(one.day for one in settled), max(one.day for one in settled)
    days = (await client.days(first, last)).items
    assert [one.day for one in days] == [
        date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)
    ]
    everything = await client.days(date.min, date.max)
    assert sum(one.sessions for one in everything.items) == len(settled)
    assert sum(one.sessions for one in days) == len(settled)
    assert sum(one.gross for one in days) == sum(one.gross for one in settled)
    # From the beginning of time to its end, in as many pages as there is something.
    for end in (2**40, 2**63 - 1):
        hours = await all_of(client, client.hours, 0, end)
        assert sum(one.energy_wh for one in hours) == sum(one.energy_wh for one in settled)
        assert len({one.hour for one in hours}) == len(hours)
    assert (await client.days(first, last, after=2**40)).items == ()
    assert (await client.hours(2**40, 0)).items == ()


async def test_a_feed_is_read_by_number(client: IndexerClient) -> None:
    assert [one.n for one in await client.feeds()] == [3]
    assert [one.n for one in (await client.feed(ORACLE, limit=2)).items] == [1, 2]
    assert [one.n for one in (await client.feed(ORACLE, after=2)).items] == [3]
    assert [one.n for one in (await client.feed(ORACLE, connector_id=1)).items] == [1, 3]


async def test_what_the_reader_has_is_not_sent_again(http: httpx.AsyncClient) -> None:
    first = await http.get("/v1/sessions?limit=2")
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await http.get("/v1/sessions?limit=2", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    other = await http.get("/v1/sessions?limit=3", headers={"if-none-match": tag})
    assert other.status_code == 200
    assert other.headers["etag"] != tag
    assert first.headers["chargecoin-block"] == str(BLOCKS)
    assert first.headers["chargecoin-state"] == "live"


async def test_the_client_asks_again_by_etag_and_sees_what_changed(own_world: ApiWorld) -> None:
    statuses = []

    async def note(response: httpx.Response) -> None:
        statuses.append(response.status_code)

    transport = httpx.ASGITransport(app=application(own_world.engine))
    async with IndexerClient("http://indexer", transport=transport) as client:
        client._http.event_hooks["response"].append(note)
        before = await client.batches()
        assert await client.batches() is before
        while len(own_world.chain.head.logs) == 0 or own_world.count(schema.batches) == len(
            before.items
        ):
            own_world.chain.mine(5)
            await own_world.catch_up()
        assert len((await client.batches()).items) > len(before.items)
    assert statuses == [200, 304, 200]


async def test_figures_are_withheld_while_they_are_mended(own_world: ApiWorld) -> None:
    with own_world.engine.begin() as connection:
        connection.execute(update(schema.cursor).values(state="mending", detail="two chains"))
    transport = httpx.ASGITransport(app=application(own_world.engine))
    async with IndexerClient("http://indexer", transport=transport) as client:
        with pytest.raises(IndexerError, match="two chains") as refused:
            await client.sessions()
        assert refused.value.status == 503


async def test_an_indexer_that_is_not_there_is_told() -> None:
    async with IndexerClient("http://127.0.0.1:1") as client:
        with pytest.raises(IndexerError, match="gives no answer to owners"):
            await client.owners()


# --- changes ---------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def served(world: ApiWorld, port: int = 0) -> AsyncIterator[str]:
    port, close = await serve(application(world.engine), "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await asyncio.wait_for(close(), TIMEOUT_S)


async def take(changes: AsyncIterator[Change], count: int) -> list[Change]:
    async with asyncio.timeout(TIMEOUT_S):
        return [await anext(changes) for _ in range(count)]


async def at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


async def test_changes_come_as_they_happen_and_resume_where_they_were_lost(
    own_world: ApiWorld,
) -> None:
    async with served(own_world) as url, IndexerClient(url, sleep=at_once) as client:
        start = (await asyncio.to_thread(application(own_world.engine).state.model.status)).change
        changes = client.changes(after=start)
        own_world.tell("feed")
        [first] = await take(changes, 1)
        assert (first.change, first.kind) == (start + 1, "feed")
        own_world.tell("money")
        assert [one.kind for one in await take(changes, 1)] == ["money"]
        port = int(url.rsplit(":", 1)[1])
    # While nobody listened, and over a restart.
    own_world.tell("registry")
    own_world.tell("feed")
    async with (
        served(own_world, port) as url,
        IndexerClient(url, sleep=at_once) as client,
    ):
        changes = client.changes(after=first.change + 1)
        assert [one.kind for one in await take(changes, 2)] == ["registry", "feed"]


async def test_a_reorg_is_told_with_the_block_that_is_still_there(own_world: ApiWorld) -> None:
    async with served(own_world) as url, IndexerClient(url, sleep=at_once) as client:
        status = application(own_world.engine).state.model.status
        changes = client.changes(after=(await asyncio.to_thread(status)).change)
        own_world.chain.reorganise(4, 6)
        await own_world.catch_up()
        async with asyncio.timeout(TIMEOUT_S):
            while (change := await anext(changes)).kind != "reorg":
                pass
        assert change.block_number == BLOCKS - 4


async def test_an_owner_is_told_only_what_concerns_it(own_world: ApiWorld) -> None:
    async with served(own_world) as url, IndexerClient(url, sleep=at_once) as client:
        status = application(own_world.engine).state.model.status
        after = (await asyncio.to_thread(status)).change
        with own_world.engine.begin() as connection:
            for owner in (1, 2, 0):
                connection.execute(
                    schema.changes.insert().values(kind="settled", owner_id=owner, block_number=1)
                )
        found = await take(client.changes(after=after, owner_id=2), 2)
        assert [one.owner_id for one in found] == [2, 0]


async def test_who_missed_more_than_is_kept_is_told_to_read_anew(own_world: ApiWorld) -> None:
    for _ in range(3):
        own_world.tell("feed")
    with own_world.engine.begin() as connection:
        newest = connection.scalar(select(schema.changes.c.id).order_by(schema.changes.c.id.desc()))
        assert newest is not None
        connection.execute(delete(schema.changes).where(schema.changes.c.id < newest))
    async with served(own_world) as url, IndexerClient(url, sleep=at_once) as client:
        for lost in (0, newest + 1_000):
            [reset] = await take(client.changes(after=lost), 1)
            assert (reset.kind, reset.change) == ("reset", newest)
