"""The running indexer: chain, feeds and endpoints in one process, until told to stop."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from chargecoin.clock import FileClock, SystemClock
from chargecoin.deployments import load as load_deployment
from indexer import audit
from indexer.api.app import application
from indexer.audit import Auditor
from indexer.config import IndexerConfig
from indexer.database import open_database
from indexer.endpoints import Endpoints, compare_always
from indexer.feed import FeedFollower, FeedStore
from indexer.follow import Follower, run
from indexer.heads import Heads
from indexer.hours import DAY_S
from indexer.http import Monitor, monitoring, serve
from indexer.read_model import ReadModel
from indexer.store import Store

log = structlog.get_logger()

# How often nodes are compared with each other.
COMPARE_S: Final = 5.0


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
    urls = (config.rpc_url, *config.other_rpc_urls)
    news = asyncio.Event()
    heads = Heads(config.ws_url, news) if config.ws_url else None
    nodes = Endpoints.of(urls, finality_depth=config.finality_depth)
    engine = await asyncio.to_thread(open_database, config.database_url)
    try:
        store = Store(engine, deployment)
        async with nodes:
            # Before anything is stored: two that contradict each other from the start.
            await nodes.compare()
            follower = Follower(nodes, store, finality_depth=config.finality_depth)
            auditor = Auditor(engine, deployment, nodes, random.SystemRandom())
            model, counters = ReadModel(engine), follower.counters
            progress = follower.progress
            monitor = Monitor(model, counters, progress, nodes, heads, auditor.counters, clock)
            app = application(engine, lambda: nodes.disagreement)
            app.include_router(monitoring(monitor))
            port, close = await serve(app, config.http_host, config.http_port)
            log.info("listening", port=port)
            listening(port)
            feed_store = FeedStore(engine, config.feed_days * DAY_S)
            feeds = [FeedFollower(url, feed_store, store) for url in config.oracles]
            try:
                async with asyncio.TaskGroup() as group:
                    for feed in feeds:
                        group.create_task(feed.run(stop))
                    if heads:
                        group.create_task(heads.run(stop))
                    if config.audit_interval_s:
                        interval_s = config.audit_interval_s
                        group.create_task(audit.run(auditor, stop, interval_s=interval_s))
                    if len(urls) > 1:
                        group.create_task(
                            compare_always(
                                nodes,
                                stop,
                                # The follower takes it back by itself, once the nodes agree.
                                lambda why: asyncio.to_thread(store.withhold, why),
                                every_s=COMPARE_S,
                            )
                        )
                    group.create_task(
                        run(follower, stop, news=news, poll_interval_s=config.poll_interval_s)
                    )
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
