"""Following the oracles' operational feeds: pulled, verified, stored, kept gap-free.

Kept apart from what the chain proves: nothing here touches the event tables or the
rollups. A feed is pulled by number (`GET /feed?after=n`), so whatever was missed
comes with the next pull; its stream only says when to pull.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import aiohttp
import orjson
import structlog
from sqlalchemy import Connection, Engine, delete, insert, select, update

from chargecoin.errors import ChargeCoinError, FeedError, NodeUnavailableError
from indexer.database import snapshot, writing
from indexer.feed_entries import WHOLE_ORACLE, Entry, Word, check, leaves_gap, next_word, read
from indexer.live_figures import FeedSource
from indexer.schema import committee_revocations, committees, connector_states, feed_entries
from indexer.schema import feed_sources as sources
from indexer.store import Store

log = structlog.get_logger()

PAGE: Final = 500
PULL_EVERY_S: Final = 2.0
RETRY_S: Final = 5.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_STREAM_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=10)


class FeedStore:
    """The feed tables' one writer."""

    def __init__(self, engine: Engine, keep_s: int) -> None:
        """Write into a migrated database; entries older than `keep_s` are forgotten."""
        self._engine = engine
        self._keep_s = keep_s

    def position(self, url: str) -> int:
        """Return the number of the last entry taken from an address."""
        with snapshot(self._engine) as connection:
            found = connection.scalars(select(sources.c.n).where(sources.c.url == url)).all()
        return max(found, default=0)

    def members(self) -> frozenset[str]:
        """Return everyone in a committee that was appointed and not revoked."""
        with snapshot(self._engine) as connection:
            revoked = select(committee_revocations.c.epoch)
            rows = connection.scalars(
                select(committees.c.members).where(committees.c.epoch.not_in(revoked))
            )
            return frozenset(member for members in rows for member in orjson.loads(members))

    def add(self, url: str, entries: Sequence[Entry], members: frozenset[str]) -> int:
        """Verify and store entries in order; return how many.

        An entry that is not signed as it should be ends it: nothing after it is
        believed, and the source's `refused` and `detail` say so.
        """
        with writing(self._engine) as connection:
            source: FeedSource | None = None
            done = 0
            for entry in entries:
                source = source or self._source(connection, entry.oracle, url)
                try:
                    check(entry, members)
                    if source.url != url and entry.n <= source.n:
                        # Known from another address: the next pull goes on where that one was.
                        self._write_source(connection, replace(source, url=url), {})
                        return done
                    self._check_place(entry, source)
                except FeedError as error:
                    refused = {"refused": source.refused + 1, "detail": str(error)}
                    log.warning("feed_refused", url=url, detail=str(error))
                    self._write_source(connection, source, refused)
                    return done
                source = self._take(connection, entry, replace(source, url=url))
                done += 1
            if source is not None:
                self._write_source(connection, source, {})
                horizon = source.heard_at - self._keep_s
                connection.execute(delete(feed_entries).where(feed_entries.c.at < horizon))
        return done

    @staticmethod
    def _check_place(entry: Entry, source: FeedSource) -> None:
        if entry.oracle != source.oracle:
            raise FeedError(f"entry {entry.n} is of {entry.oracle}, the feed of {source.oracle}")
        if entry.n <= source.n or entry.epoch < source.epoch:
            raise FeedError(
                f"entry {entry.n} of epoch {entry.epoch} comes after entry {source.n} of "
                f"epoch {source.epoch}"
            )

    @staticmethod
    def _source(connection: Connection, oracle: str, url: str) -> FeedSource:
        row = connection.execute(select(sources).where(sources.c.oracle == oracle)).one_or_none()
        if row is not None:
            return FeedSource(**row._mapping)  # noqa: SLF001 -- its public face
        return FeedSource(oracle, url, n=0, epoch=0, heard_at=0, gaps=0, refused=0, detail="")

    @staticmethod
    def _write_source(connection: Connection, source: FeedSource, changes: dict[str, Any]) -> None:
        values = {name: getattr(source, name) for name in FeedSource.__dataclass_fields__}
        values |= changes
        where = sources.c.oracle == source.oracle
        if connection.execute(update(sources).where(where).values(**values)).rowcount == 0:
            connection.execute(insert(sources).values(**values))

    def _take(self, connection: Connection, entry: Entry, source: FeedSource) -> FeedSource:
        gap = entry.n != source.n + 1
        if gap:
            connection.execute(
                update(connector_states)
                .where(connector_states.c.oracle == entry.oracle)
                .values(whole=False)
            )
        values = entry.body() | {"oracle": entry.oracle, "signature": entry.signature_bytes()}
        connection.execute(insert(feed_entries).values(**values))
        if entry.connector_id != WHOLE_ORACLE:
            gap = self._take_word(connection, entry) or gap
        return replace(
            source,
            n=entry.n,
            epoch=entry.epoch,
            heard_at=max(source.heard_at, entry.at),
            gaps=source.gaps + int(gap),
            detail="",
        )

    @staticmethod
    def _take_word(connection: Connection, entry: Entry) -> bool:
        """Store the newest word on a connector; return whether words before it are missing."""
        where = connector_states.c.connector_id == entry.connector_id
        row = connection.execute(select(connector_states).where(where)).one_or_none()
        before = None if row is None else Word(**row._mapping)  # noqa: SLF001 -- its public face
        word = next_word(before, entry)
        if word is None:
            return False
        values = {name: getattr(word, name) for name in Word.__dataclass_fields__}
        if row is None:
            connection.execute(insert(connector_states).values(**values))
        else:
            connection.execute(update(connector_states).where(where).values(**values))
        return leaves_gap(before, entry)


class FeedFollower:
    """Keeps one oracle's feed."""

    def __init__(self, url: str, store: FeedStore, chain: Store) -> None:
        """Follow the oracle at `url`; changes are announced through `chain`."""
        self._url = url
        self._store = store
        self._chain = chain
        self._news = asyncio.Event()
        self.failures = 0

    async def pull(self, session: aiohttp.ClientSession) -> int:
        """Take everything that is new; return how many entries.

        Raises `NodeUnavailableError` if the oracle does not answer, `FeedError` if what
        it answers is no feed.
        """
        taken = 0
        members = await asyncio.to_thread(self._store.members)
        while members:
            after = await asyncio.to_thread(self._store.position, self._url)
            entries = read(await self._get(session, after))
            done = await asyncio.to_thread(self._store.add, self._url, entries, members)
            taken += done
            if done < len(entries) or len(entries) < PAGE:
                break
        if taken:
            await asyncio.to_thread(self._chain.tell, "feed")
        return taken

    async def _get(self, session: aiohttp.ClientSession, after: int) -> bytes:
        url = f"{self._url}/feed"
        try:
            async with session.get(
                url, params={"after": after, "limit": PAGE}, timeout=_TIMEOUT
            ) as answer:
                if answer.status != 200:
                    raise NodeUnavailableError(f"{url} answers HTTP {answer.status}")
                return await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NodeUnavailableError(f"the oracle at {url} does not answer: {error!r}") from error

    async def run(self, stop: asyncio.Event) -> None:
        """Follow until `stop`; an oracle that does not answer is asked again."""
        async with aiohttp.ClientSession() as session:
            listening = asyncio.create_task(self._listen(session))
            stopping = asyncio.create_task(stop.wait())
            try:
                while not stop.is_set():
                    await self._pull_once(session)
                    pause = RETRY_S if self.failures else PULL_EVERY_S
                    news = asyncio.create_task(self._news.wait())
                    await asyncio.wait(
                        [news, stopping], timeout=pause, return_when=asyncio.FIRST_COMPLETED
                    )
                    news.cancel()
                    self._news.clear()
            finally:
                listening.cancel()
                stopping.cancel()
                await asyncio.gather(listening, stopping, return_exceptions=True)

    async def _pull_once(self, session: aiohttp.ClientSession) -> None:
        try:
            await self.pull(session)
            self.failures = 0
        except ChargeCoinError as error:
            self.failures += 1
            if self.failures == 1:
                log.warning("feed_unavailable", url=self._url, detail=str(error))

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        """Wake the puller at every event of the stream (server-sent events)."""
        while True:
            try:
                async with session.get(
                    f"{self._url}/feed/stream", timeout=_STREAM_TIMEOUT
                ) as answer:
                    async for line in answer.content:
                        if line.startswith(b"data:"):
                            self._news.set()
            except (aiohttp.ClientError, TimeoutError, ValueError):
                log.debug("feed_stream_lost", url=self._url)
            await asyncio.sleep(RETRY_S)
