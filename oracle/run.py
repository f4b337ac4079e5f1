"""Running one oracle until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

import structlog
from aiohttp import web

from oracle.config import Config
from oracle.http.app import make_app
from oracle.service import Oracle

log = structlog.get_logger()

SHUTDOWN_S = 5.0


async def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT, then stop in order.

    Raises `ChargeCoinError` if the oracle cannot start, or what ended one of its parts.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with await Oracle.start(config) as oracle:
        runner = web.AppRunner(make_app(oracle), access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        site = web.TCPSite(runner, config.http_host, config.http_port)
        await site.start()
        log.info("listening", http_port=runner.addresses[0][1], ocpp_port=oracle.ocpp_port)
        stop, fail = asyncio.create_task(stopping.wait()), asyncio.create_task(oracle.failed())
        try:
            await asyncio.wait((stop, fail), return_when=asyncio.FIRST_COMPLETED)
            if fail.done():
                fail.result()
        finally:
            oracle.serving = False
            oracle.feed.changed.set()  # Streams end when they see that we do not serve any more.
            for task in (stop, fail):
                task.cancel()
            await runner.cleanup()
