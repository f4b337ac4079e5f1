"""The operational feed over HTTP: in pages, and live as server-sent events."""

from __future__ import annotations

from typing import Any, Final

import orjson
from aiohttp import web

from oracle.http.answers import ORACLE, number, reply
from oracle.service import Oracle
from oracle.store import feed

MAX_ENTRIES: Final = 1000
# A comment this often keeps proxies from closing a quiet stream.
KEEP_ALIVE_S: Final = 15.0


async def _entries(oracle: Oracle, after: int, limit: int) -> list[dict[str, Any]]:
    """Return entries as they are served: the body, who signed it, and the signature."""
    found = await oracle.database.read(lambda c: feed.after(c, after, limit))
    return [
        orjson.loads(body) | {"oracle": oracle.signer.address, "signature": "0x" + signature.hex()}
        for _, body, signature in found
    ]


async def feed_entries(request: web.Request) -> web.Response:
    """Give the entries after a number, oldest first."""
    limit = min(number(request, "limit", MAX_ENTRIES), MAX_ENTRIES)
    return reply(await _entries(request.app[ORACLE], number(request, "after", 0), limit))


async def feed_stream(request: web.Request) -> web.StreamResponse:
    """Give the entries after a number, or after `Last-Event-ID`, and then each as it comes."""
    oracle = request.app[ORACLE]
    last = request.headers.get("Last-Event-ID", "")
    after = int(last) if last.isdigit() and len(last) < 16 else number(request, "after", 0)
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    await response.prepare(request)
    while oracle.serving:
        seen = oracle.feed.changed.version
        entries = await _entries(oracle, after, MAX_ENTRIES)
        try:
            for one in entries:
                after = one["n"]
                await response.write(b"id: %d\ndata: %s\n\n" % (after, orjson.dumps(one)))
            if not entries:
                await response.write(b":\n\n")
        except ConnectionError:
            break
        if not entries:
            await oracle.feed.changed.wait_at_most(seen, KEEP_ALIVE_S)
    return response
