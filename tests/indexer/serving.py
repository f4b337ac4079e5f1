"""Small servers for tests: what a node or an oracle is to the indexer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web


async def serve(
    app: web.Application, host: str, port: int
) -> tuple[int, Callable[[], Awaitable[None]]]:
    """Listen; return the port (the system's choice where it is 0) and what ends it."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    [(_, bound)] = runner.addresses
    return bound, runner.cleanup
