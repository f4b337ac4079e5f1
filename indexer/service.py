"""The running indexer: chain, feeds and endpoints in one process, until told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable

import structlog

from chargecoin.clock import FileClock, SystemClock
from chargecoin.deployments import load as load_deployment
from indexer.config import IndexerConfig
from indexer.database import open_database
from indexer.feed import FeedFollower, FeedStore
from indexer.follow import Follower, run
from indexer.hours import DAY_S
from indexer.http import Monitor, application, serve
from indexer.read_model import ReadModel
from indexer.rpc import Rpc
from indexer.store import Store

log = structlog.get_logger()


def prepare_process() -> None:
    """Let the collector of cycles run seldom: rows are many, short-lived and in no cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


async def follow_all(
    config: IndexerConfig,
    stop: asyncio.Event,
    listening: Callable[[int], None] = lambda _port: None,
) -> None:
    """Run until `stop` is set; `listening` is told the HTTP port.

    Raises `ConfigurationError`, `StoreError`, `WrongChainError` and `CodecError` for
    what no waiting mends.
    """
    clock = FileClock(config.clock) if config.clock else SystemClock()
    deployment = load_deployment(config.deployment)
    engine = await asyncio.to_thread(open_database, config.database_url)
    try:
        store = Store(engine, deployment)
        async with Rpc(config.rpc_url) as rpc:
            follower = Follower(rpc, store, finality_depth=config.finality_depth)
            monitor = Monitor(ReadModel(engine), follower.counters, rpc, clock)
            port, close = await serve(application(monitor), config.http_host, config.http_port)
            log.info("listening", port=port)
            listening(port)
            feed_store = FeedStore(engine, config.feed_days * DAY_S)
            feeds = [FeedFollower(url, feed_store, store) for url in config.oracles]
            try:
                async with asyncio.TaskGroup() as group:
                    for feed in feeds:
                        group.create_task(feed.run(stop))
                    group.create_task(run(follower, stop, poll_interval_s=config.poll_interval_s))
            finally:
                await close()
    finally:
        engine.dispose()


async def until_signalled(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run until SIGTERM or SIGINT, then let the work end by itself."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await work(stop)
