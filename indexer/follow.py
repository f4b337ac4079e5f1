"""Following the chain: far behind by ranges, near the head block by block, back at a reorg.

`Follower.step` does one thing and returns, so a test can stop between any two:

    node's head below ours ........ the node lags: wait. Never a reorg: a node that is
                                     still syncing would otherwise undo everything
    our block is not on its chain .. a reorg: undo to the common ancestor
      ... below what was final .... fail closed (`mending`), look again, then undo
    finality is far ahead of us ... backfill a range of blocks up to it
    else .......................... the next blocks, logs by block hash
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from chargecoin.errors import (
    InconsistentNodeError,
    NodeUnavailableError,
    StoreError,
    WrongChainError,
)
from indexer.fetch import Fetched, Fetcher, Tips
from indexer.heads import wait_for_any
from indexer.ledger import MissingLogsError
from indexer.progress import Progress
from indexer.rpc import Node
from indexer.store import Block, Cursor, State, Store

log = structlog.get_logger()

Offload = Callable[..., Awaitable[Any]]

LIVE_BLOCKS: Final = 32
# Further behind than this, the tables are not shown as current.
READY_LAG: Final = 64
# How often a reorg below finality must be seen before it is believed.
DEEP_SIGHTINGS: Final = 3
# How often the same log must be missed before stored blocks are doubted.
MISSING_SIGHTINGS: Final = 3
ANCESTOR_WINDOW: Final = 32
LONGEST_PAUSE_S: Final = 10.0


@dataclass(slots=True)
class Counters:
    """What happened since the start; for `/metrics`."""

    blocks: int = 0
    logs: int = 0
    reorgs: int = 0
    deep_reorgs: int = 0
    behind: int = 0
    inconsistent: int = 0
    unavailable: int = 0
    # In a row, until the node answers again.
    failures: int = 0


class Follower:
    """Brings a store up to a node's head and keeps it there."""

    def __init__(
        self,
        node: Node,
        store: Store,
        *,
        finality_depth: int = 64,
        offload: Offload = asyncio.to_thread,
    ) -> None:
        """Follow `node`; `finality_depth` (blocks) counts where it knows no finality itself.

        `offload` runs what waits for the database, by default in a thread.
        """
        self._offload = offload
        self._fetcher = Fetcher(node, store.addresses, finality_depth)
        self._store = store
        self._prefetched: asyncio.Task[Fetched] | None = None
        self._chain_checked = False
        self._deep_sightings = 0
        self._missing: tuple[str, int] = ("", 0)
        self.counters = Counters()
        self.progress = Progress()

    async def step(self) -> bool:
        """Do the next thing; return whether there may be more to do at once.

        Raises `NodeUnavailableError` (then nothing was stored; call again later),
        `WrongChainError`, `CodecError` for logs of unknown contracts, `StoreError`.
        """
        try:
            return await self._step()
        except MissingLogsError as error:
            self.counters.inconsistent += 1
            self._fetcher.doubt(str(error))
            return await self._fetch_again(error)
        except InconsistentNodeError as error:
            self.counters.inconsistent += 1
            self._fetcher.doubt(str(error))
            raise
        except NodeUnavailableError:
            self.counters.unavailable += 1
            raise

    async def _step(self) -> bool:
        await self._check_chain()
        cursor: Cursor = await self._offload(self._store.cursor) or self._beginning()
        tips = await self._fetcher.tips(cursor.number)
        if tips.head.number < cursor.number:
            return await self._wait(cursor, tips)
        if cursor.number >= self._first and tips.theirs != cursor.hash:
            return await self._reorg(cursor, tips)
        self._deep_sightings = 0
        if tips.final > cursor.number + LIVE_BLOCKS:
            return await self._backfill(cursor, tips)
        return await self._live(cursor, tips)

    @property
    def _first(self) -> int:
        return self._store.deployment.start_block

    async def _check_chain(self) -> None:
        """Make sure, once, that this is the chain: another one would look like a huge reorg."""
        if self._chain_checked:
            return
        chain_id = await self._fetcher.chain_id()
        if chain_id != self._store.deployment.chain_id:
            raise WrongChainError(
                f"the node serves chain {chain_id}, the address book is of chain "
                f"{self._store.deployment.chain_id}; name another of the two"
            )
        self._chain_checked = True

    def _beginning(self) -> Cursor:
        """Return where an empty database is: before the first block."""
        return Cursor(
            number=self._first - 1,
            hash=bytes(32),
            timestamp=0,
            head_number=0,
            safe_number=0,
            final_number=0,
            state="backfill",
            detail="",
            reorgs=0,
            deepest_reorg=0,
        )

    async def close(self) -> None:
        """End what was asked of the node ahead of its time, and what is measured of a backfill."""
        self.progress.end()
        if self._prefetched:
            self._prefetched.cancel()
            await asyncio.gather(self._prefetched, return_exceptions=True)
            self._prefetched = None

    # --- forward ---

    async def _backfill(self, cursor: Cursor, tips: Tips) -> bool:
        if self.progress.pace is None:
            self.progress.note(cursor.number, 0, tips.head.number)
        fetched = await self._next_range(cursor.number + 1, tips.final)
        self._prefetch(fetched.last.number + 1, tips.final)
        await self._append(cursor, tips, fetched)
        self.progress.note(fetched.last.number, len(fetched.logs), tips.head.number)
        return True

    async def _next_range(self, first: int, last: int) -> Fetched:
        task, self._prefetched = self._prefetched, None
        if task is not None:
            fetched = await task
            if fetched.first == first:
                return fetched
        return await self._fetcher.range(first, last)

    def _prefetch(self, first: int, last: int) -> None:
        """Ask for the next range while this one is being written."""
        if first <= last:
            self._prefetched = asyncio.create_task(self._fetcher.range(first, last))

    async def _live(self, cursor: Cursor, tips: Tips) -> bool:
        await self.close()
        if tips.head.number == cursor.number:
            await self._rest(cursor, tips)
            return False
        last = min(tips.head.number, cursor.number + LIVE_BLOCKS)
        parent = cursor.hash if cursor.number >= self._first else None
        fetched = await self._fetcher.blocks(cursor.number + 1, last, parent)
        await self._append(cursor, tips, fetched)
        return last < tips.head.number

    async def _append(self, cursor: Cursor, tips: Tips, fetched: Fetched) -> None:
        last = fetched.last
        state: State = cursor.state
        lag = tips.head.number - last.number
        if not lag:
            state = "live"
        elif state != "mending" and lag > READY_LAG:
            state = "backfill"
        moved = replace(
            cursor,
            number=last.number,
            hash=last.hash,
            timestamp=last.timestamp,
            state=state,
            detail=cursor.detail if state == "mending" else "",
        )
        await self._offload(self._store.append, fetched.blocks, fetched.logs, tips.noted(moved))
        self.counters.blocks += last.number - cursor.number
        self.counters.logs += len(fetched.logs)

    async def _rest(self, cursor: Cursor, tips: Tips) -> None:
        """Nothing new: note the head, finality and that we are there, if that is news."""
        state = tips.noted(replace(cursor, state="live", detail=""))
        if state != cursor:
            await self._offload(self._store.save, state)

    async def _wait(self, cursor: Cursor, tips: Tips) -> bool:
        """The node knows less than we do."""
        await self.close()
        self.counters.behind += 1
        state: State = "behind" if cursor.state == "live" else cursor.state
        detail = f"the node is at block {tips.head.number}, the tables at {cursor.number}"
        if (state, detail) != (cursor.state, cursor.detail) and state == "behind":
            waiting = replace(cursor, state=state, detail=detail)
            await self._offload(self._store.save, waiting)
        return False

    # --- back ---

    async def _reorg(self, cursor: Cursor, tips: Tips) -> bool:
        await self.close()
        ancestor = await self._ancestor(cursor)
        depth = cursor.number - ancestor.number
        if not depth:
            # Asked again, the node has our block after all: two nodes, or one in motion.
            self.counters.inconsistent += 1
            return False
        deep = ancestor.number < cursor.final_number
        if deep and not await self._believe(cursor, depth):
            return False
        log.warning("reorg", depth=depth, ancestor=ancestor.number, deep=deep)
        self.counters.reorgs += 1
        self.counters.deep_reorgs += int(deep)
        state = replace(
            cursor,
            head_number=tips.head.number,
            safe_number=min(cursor.safe_number, ancestor.number),
            final_number=min(cursor.final_number, ancestor.number),
            state="mending" if deep else cursor.state,
            reorgs=cursor.reorgs + 1,
            deepest_reorg=max(cursor.deepest_reorg, depth),
        )
        await self._offload(self._store.undo, ancestor, state)
        self._deep_sightings = 0
        return True

    async def _believe(self, cursor: Cursor, depth: int) -> bool:
        """Fail closed at once, but undo what was final only if the node insists."""
        self._deep_sightings += 1
        detail = (
            f"the node's chain differs from the tables {depth} blocks deep, below block "
            f"{cursor.final_number} which was final; figures are withheld until it is mended"
        )
        if cursor.state != "mending" or cursor.detail != detail:
            log.error("deep_reorg", depth=depth, final=cursor.final_number)
            state = replace(cursor, state="mending", detail=detail)
            await self._offload(self._store.save, state)
        return self._deep_sightings >= DEEP_SIGHTINGS

    async def _ancestor(self, cursor: Cursor) -> Block:
        """Return the highest stored block that is on the node's chain.

        Stored blocks up to it are, and none above: looked for in windows that double.
        """
        window = ANCESTOR_WINDOW
        below = cursor.number
        while True:
            stored: list[Block] = await self._offload(self._store.stored_below, below, window)
            stored = [block for block in stored if block.number >= self._first]
            if not stored:
                return Block(self._first - 1, bytes(32), bytes(32), 0)
            theirs = await self._fetcher.headers([block.number for block in stored])
            for block, header in zip(stored, theirs, strict=True):
                if block.hash == header.hash:
                    return block
            below = stored[-1].number - 1
            window = min(window * 2, 1024)

    async def _fetch_again(self, error: MissingLogsError) -> bool:
        """Something does not follow on what is stored: the node left logs out, now or before.

        What is fetched is not stored. If that happens again and again, and the gap may
        lie in stored blocks, they are undone, once, and fetched again.
        """
        await self.close()
        cursor = await self._offload(self._store.cursor)
        since = max(error.since, self._first)
        message, times = self._missing
        self._missing = (str(error), times + 1 if message == str(error) else 1)
        if cursor is None or since > cursor.number or self._missing[1] != MISSING_SIGHTINGS:
            raise error
        log.error("missing_logs", detail=str(error), since=since)
        below = await self._offload(self._store.stored_below, since - 1, 1)
        ancestor = below[0] if below else Block(self._first - 1, bytes(32), bytes(32), 0)
        state = replace(
            cursor,
            final_number=min(cursor.final_number, ancestor.number),
            safe_number=min(cursor.safe_number, ancestor.number),
            state="mending",
            detail=f"logs were left out by the node ({error}); fetching them again",
        )
        await self._offload(self._store.undo, ancestor, state)
        return True


async def run(
    follower: Follower, stop: asyncio.Event, *, news: asyncio.Event, poll_interval_s: float
) -> None:
    """Follow until `stop`: look at every `news` of a head, and each poll interval anyway.

    A node that does not answer is asked again after a pause.
    """
    counters = follower.counters
    try:
        while not stop.is_set():
            news.clear()
            try:
                more = await follower.step()
                counters.failures = 0
            except (NodeUnavailableError, StoreError) as error:
                counters.failures += 1
                more = False
                log.warning("step_failed", detail=str(error), failures=counters.failures)
            if not more:
                pause = poll_interval_s * 2 ** min(counters.failures, 5)
                await wait_for_any(stop, news, timeout_s=min(pause, LONGEST_PAUSE_S))
    finally:
        await follower.close()
