"""The operational feed: believed only where signed, whole and recent; unknown otherwise."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import orjson
import pytest
from aiohttp import web
from eth_utils.crypto import keccak
from sqlalchemy import Engine, func, select

from chargecoin import canonical
from chargecoin.errors import FeedError, NodeUnavailableError
from chargecoin.typed_data import Signer
from indexer import schema
from indexer.feed import FeedFollower, FeedStore
from indexer.feed_entries import DOMAIN, Entry, check, read
from indexer.live_figures import ConnectorState
from indexer.queries.live import SILENCE_S
from indexer.read_model import ReadModel
from indexer.store import Store
from tests.indexer.fake_chain import DEPLOYMENT, GENESIS, event
from tests.indexer.serving import serve
from tests.indexer.tables import fresh
from tests.indexer.test_store import PLACE, append, logs_of

ORACLE = Signer(b"\x01" * 32)
OTHER = Signer(b"\x02" * 32)
STRANGER = Signer(b"\x03" * 32)
NOW = GENESIS + 10_000
URL = "http://oracle"


class Oracle:
    """Writes a feed as an oracle does."""

    def __init__(self, signer: Signer = ORACLE) -> None:
        self.signer = signer
        self.entries: list[Entry] = []
        self.epoch = 0
        self.sequences: dict[int, int] = {}
        self.at = NOW

    def restart(self) -> None:
        self.epoch += 1
        self.sequences = {}
        self.say(0, "restart", "Offline")

    def say(
        self, connector_id: int, kind: str = "status", status: str = "Charging", **more: Any
    ) -> Entry:
        seq = self.sequences[connector_id] = self.sequences.get(connector_id, 0) + 1
        body: dict[str, Any] = {
            "n": len(self.entries) + 1,
            "epoch": self.epoch,
            "connector_id": connector_id,
            "seq": seq,
            "at": self.at,
            "kind": kind,
            "status": status,
            "error_code": "NoError",
            "energy_wh": None,
            "session": None,
        } | more
        signature = self.signer.sign(keccak(DOMAIN + canonical.dumps(body)))
        entry = Entry(**body, oracle=self.signer.address, signature="0x" + signature.hex())
        self.entries.append(entry)
        return entry


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """A database in which the chain says: connector 1, and a committee of two."""
    found = fresh(tmp_path / "index.sqlite")
    members = sorted((ORACLE.address, OTHER.address))
    committee = event(
        "Settlement",
        "CommitteeAppointed",
        epoch=1,
        threshold=2,
        members=members,
        previous_valid_until=0,
    )
    append(Store(found, DEPLOYMENT), 1, logs_of(1, (*PLACE, committee)))
    return found


@pytest.fixture
def store(engine: Engine) -> FeedStore:
    return FeedStore(engine, 90 * 86_400)


@pytest.fixture
def oracle() -> Oracle:
    found = Oracle()
    found.restart()
    found.say(1, "snapshot", "Available")
    return found


def take(store: FeedStore, oracle: Oracle, url: str = URL) -> int:
    """Take what is new, as a pull does."""
    new = oracle.entries[store.position(url) :]
    return store.add(url, new, store.members())


def state(engine: Engine, now: int = NOW) -> ConnectorState:
    [found] = ReadModel(engine).utilisation(None, now).connectors
    return found


def test_a_signed_word_of_a_member_is_believed(
    engine: Engine, store: FeedStore, oracle: Oracle
) -> None:
    oracle.at += 60
    oracle.say(1, status="Charging", energy_wh=500, session="42")
    assert take(store, oracle) == 3
    found = state(engine, NOW + 90)
    assert (found.use, found.status, found.energy_wh, found.session) == (
        "in_use",
        "Charging",
        500,
        "42",
    )
    assert (found.since, found.age_s, found.silence_s) == (NOW + 60, 30, 30)


def test_a_connector_never_heard_of_is_unknown(engine: Engine) -> None:
    assert state(engine).use == "unknown"
    assert ReadModel(engine).utilisation(None, NOW).counts["unknown"] == 1


def test_silence_is_unknown_and_never_the_last_state(
    engine: Engine, store: FeedStore, oracle: Oracle
) -> None:
    take(store, oracle)
    assert state(engine, NOW + SILENCE_S).use == "free"
    assert state(engine, NOW + SILENCE_S + 1).use == "unknown"
    # A heartbeat of the oracle is a sign of life for all its connectors.
    oracle.at += SILENCE_S
    oracle.say(0, "heartbeat", "Available")
    take(store, oracle)
    assert state(engine, NOW + SILENCE_S + 1).use == "free"


def test_after_a_restart_only_a_snapshot_restores_a_state(
    engine: Engine, store: FeedStore, oracle: Oracle
) -> None:
    oracle.restart()
    take(store, oracle)
    assert state(engine).use == "unknown"
    oracle.say(1, "snapshot", "Faulted")
    take(store, oracle)
    assert state(engine).use == "faulted"


def test_after_a_gap_a_connector_is_unknown_until_it_is_spoken_of_again(
    engine: Engine, store: FeedStore, oracle: Oracle
) -> None:
    take(store, oracle)
    oracle.say(1, status="Charging")
    oracle.say(0, "heartbeat", "Available")
    store.add(URL, oracle.entries[3:], store.members())
    assert state(engine).use == "unknown"
    assert ReadModel(engine).feed_sources()[0].gaps == 1
    oracle.say(1, status="Finishing")
    take(store, oracle)
    assert state(engine).use == "in_use"
    # That one of its words was missed shows in its own count, and is counted too.
    assert ReadModel(engine).feed_sources()[0].gaps == 2


def test_an_older_word_of_another_oracle_is_left_alone(
    engine: Engine, store: FeedStore, oracle: Oracle
) -> None:
    take(store, oracle)
    other = Oracle(OTHER)
    other.at = NOW - 1
    other.restart()
    other.say(1, "snapshot", "Charging")
    take(store, other, "http://other")
    assert state(engine).use == "free"


def test_an_oracles_clock_that_goes_back_takes_no_sign_of_life_back(
    engine: Engine, store: FeedStore, oracle: Oracle
) -> None:
    oracle.at = NOW - 5_000
    oracle.say(0, "heartbeat", "Available")
    take(store, oracle)
    assert ReadModel(engine).feed_sources()[0].heard_at == NOW


@pytest.mark.parametrize("field", ["status", "at", "connector_id", "n"])
def test_a_word_that_was_changed_is_refused(
    engine: Engine, store: FeedStore, oracle: Oracle, field: str
) -> None:
    good = oracle.say(1, status="Charging")
    value = "Available" if field == "status" else getattr(good, field) + 1
    oracle.entries[-1] = msgspec.structs.replace(good, **{field: value})
    oracle.say(1, status="Finishing")
    assert take(store, oracle) == 2
    [source] = ReadModel(engine).feed_sources()
    assert (source.n, source.refused) == (2, 1)
    assert "signed by" in source.detail
    assert state(engine).use == "free"


def test_a_stranger_is_not_believed(engine: Engine, store: FeedStore) -> None:
    stranger = Oracle(STRANGER)
    stranger.restart()
    stranger.say(1, "snapshot", "Available")
    assert take(store, stranger) == 0
    assert state(engine).use == "unknown"


def test_a_member_that_was_revoked_is_not_believed(
    engine: Engine, store: FeedStore, oracle: Oracle
) -> None:
    append(
        Store(engine, DEPLOYMENT),
        2,
        logs_of(2, (event("Settlement", "CommitteeRevoked", epoch=1),)),
    )
    assert take(store, oracle) == 0


def test_who_does_not_see_a_charger_says_nothing_about_one_that_does(
    engine: Engine, store: FeedStore, oracle: Oracle
) -> None:
    take(store, oracle)
    other = Oracle(OTHER)
    other.at = NOW + 60
    other.restart()
    other.say(1, "snapshot", "Charging")
    take(store, other, "http://other")
    assert state(engine, NOW + 60).use == "in_use"
    oracle.at = NOW + 70
    oracle.say(1, status="Offline")
    take(store, oracle)
    assert state(engine, NOW + 70).use == "in_use"
    assert state(engine, NOW + 70).oracle == OTHER.address


def test_an_entry_that_goes_back_is_refused(store: FeedStore, oracle: Oracle) -> None:
    take(store, oracle)
    assert store.add(URL, oracle.entries[:1], store.members()) == 0


def test_entries_older_than_they_are_kept_are_forgotten(engine: Engine, oracle: Oracle) -> None:
    store = FeedStore(engine, 3600)
    take(store, oracle)
    oracle.at += 3601
    oracle.say(1)
    take(store, oracle)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.feed_entries)) == 1


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'[{"n": 1}]', b'[{"n": "1"}]', orjson.dumps([{"n": 1, "more": 2}])]
)
def test_what_is_no_feed_is_refused(data: bytes) -> None:
    with pytest.raises(FeedError):
        read(data)


@pytest.mark.parametrize(
    "change",
    [{"energy_wh": 1 << 60}, {"at": -1}, {"error_code": "x" * 101}, {"status": "\x00"}],
    ids=str,
)
def test_values_that_fit_no_table_are_refused(oracle: Oracle, change: dict[str, Any]) -> None:
    entry = msgspec.structs.replace(oracle.entries[-1], **change)
    with pytest.raises(FeedError):
        check(entry, frozenset([ORACLE.address]))


# --- over HTTP -------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def served(oracle: Oracle) -> AsyncIterator[str]:
    """Serve a feed at a port of the system's choice."""

    async def feed(request: web.Request) -> web.Response:
        after, limit = (int(request.query[name]) for name in ("after", "limit"))
        page = [msgspec.structs.asdict(entry) for entry in oracle.entries[after : after + limit]]
        return web.Response(body=orjson.dumps(page), content_type="application/json")

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: {}\n\n")
        return response

    app = web.Application()
    app.router.add_get("/feed", feed)
    app.router.add_get("/feed/stream", stream)
    port, close = await serve(app, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{port}"
    await close()


@pytest.fixture
async def url(oracle: Oracle) -> AsyncIterator[str]:
    async with served(oracle) as found:
        yield found


async def test_a_pull_takes_all_pages_once(
    engine: Engine, store: FeedStore, oracle: Oracle, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.feed.PAGE", 4)
    for _ in range(9):
        oracle.say(1)
    follower = FeedFollower(url, store, Store(engine, DEPLOYMENT))
    before = ReadModel(engine).status().change
    async with aiohttp.ClientSession() as session:
        assert await follower.pull(session) == 11
        assert await follower.pull(session) == 0
    assert [c.kind for c in ReadModel(engine).changes_since(before)] == ["feed"]


async def test_an_oracle_that_moved_to_another_port_is_followed_on(
    engine: Engine, store: FeedStore, oracle: Oracle
) -> None:
    """It was refused once: its entries, known from the old address, looked like going back."""
    chain = Store(engine, DEPLOYMENT)
    async with served(oracle) as before, aiohttp.ClientSession() as session:
        assert await FeedFollower(before, store, chain).pull(session) == len(oracle.entries)
    known = len(oracle.entries)
    oracle.say(1)
    oracle.say(1, status="Finishing")
    async with served(oracle) as after, aiohttp.ClientSession() as session:
        follower = FeedFollower(after, store, chain)
        # The first look finds where the old address was, the second goes on from there.
        assert [await follower.pull(session) for _ in range(3)] == [0, 2, 0]
    [source] = ReadModel(engine).feed_sources()
    assert (source.url, source.n, source.gaps, source.refused) == (after, known + 2, 0, 0)
    assert state(engine).use == "in_use"
    with engine.connect() as connection:
        numbers = connection.scalars(select(schema.feed_entries.c.n)).all()
    assert sorted(numbers) == list(range(1, known + 3))


async def test_an_oracle_that_does_not_answer_is_named(engine: Engine, store: FeedStore) -> None:
    follower = FeedFollower("http://127.0.0.1:1", store, Store(engine, DEPLOYMENT))
    async with aiohttp.ClientSession() as session:
        with pytest.raises(NodeUnavailableError, match=r"127\.0\.0\.1:1/feed"):
            await follower.pull(session)
