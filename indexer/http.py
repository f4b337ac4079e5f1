"""What operators and supervisors ask a running indexer: health, readiness, status, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson
from aiohttp import web

from chargecoin.clock import Clock
from indexer.figures import Status
from indexer.follow import Counters
from indexer.read_model import ReadModel
from indexer.rpc import Rpc

# A node that did not answer this often in a row makes the tables old news.
FAILURES_TO_UNREADY = 5


class Monitor:
    """The figures behind the endpoints, gathered from the parts of one process."""

    def __init__(self, model: ReadModel, counters: Counters, rpc: Rpc, clock: Clock) -> None:
        """Report on these."""
        self._model = model
        self._counters = counters
        self._rpc = rpc
        self._clock = clock

    def ready(self) -> tuple[bool, str]:
        """Return whether the tables may be shown as current, and why not."""
        if self._counters.failures >= FAILURES_TO_UNREADY:
            return False, f"the node does not answer ({self._counters.failures} times in a row)"
        status = self._model.status()
        if not status.ready:
            return False, status.detail or f"{status.state}: {status.lag} blocks behind"
        return True, status.detail

    def status(self) -> dict[str, Any]:
        """Return everything as one JSON object."""
        ready, detail = self.ready()
        status = self._model.status()
        return {
            "ready": ready,
            "why": detail,
            "chain": {**asdict(status), "lag": status.lag, "age_s": self._age(status)},
            "feed": [asdict(source) for source in self._model.feed_sources()],
            "since_start": asdict(self._counters),
            "rpc": {"requests": self._rpc.requests, "errors": self._rpc.errors},
        }

    def metrics(self) -> str:
        """Return the same as Prometheus text (exposition format 0.0.4)."""
        status = self._model.status()
        values: list[tuple[str, str, float]] = [
            ("block_number", "gauge", status.number),
            ("head_number", "gauge", status.head_number),
            ("final_number", "gauge", status.final_number),
            ("lag_blocks", "gauge", status.lag),
            ("block_age_seconds", "gauge", self._age(status)),
            ("ready", "gauge", int(self.ready()[0])),
            ("deepest_reorg_blocks", "gauge", status.deepest_reorg),
            ("rpc_requests_total", "counter", self._rpc.requests),
            ("rpc_errors_total", "counter", self._rpc.errors),
        ]
        counters = asdict(self._counters)
        values.append(("failures_in_a_row", "gauge", counters.pop("failures")))
        values += [(f"{name}_total", "counter", value) for name, value in counters.items()]
        lines = []
        for name, kind, value in values:
            lines.append(f"# TYPE chargecoin_indexer_{name} {kind}")
            lines.append(f"chargecoin_indexer_{name} {value}")
        for source in self._model.feed_sources():
            label = f'{{oracle="{source.oracle}"}}'
            lines.append(f"chargecoin_indexer_feed_entries{label} {source.n}")
            lines.append(f"chargecoin_indexer_feed_gaps{label} {source.gaps}")
            lines.append(f"chargecoin_indexer_feed_refused{label} {source.refused}")
        return "\n".join(lines) + "\n"

    def _age(self, status: Status) -> float:
        return max(0.0, self._clock.now() - status.timestamp)


def application(monitor: Monitor) -> web.Application:
    """Return the endpoints; each answer is made in a thread, so the chain is followed meanwhile."""

    async def health(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(_request: web.Request) -> web.Response:
        good, why = await asyncio.to_thread(monitor.ready)
        return web.Response(status=200 if good else 503, text=f"{why or 'ready'}\n")

    async def status(_request: web.Request) -> web.Response:
        body = await asyncio.to_thread(monitor.status)
        return web.Response(
            body=orjson.dumps(body, option=orjson.OPT_INDENT_2), content_type="application/json"
        )

    async def metrics(_request: web.Request) -> web.Response:
        text = await asyncio.to_thread(monitor.metrics)
        return web.Response(text=text, content_type="text/plain")

    found = web.Application()
    for path, handler in {
        "/health": health,
        "/ready": ready,
        "/status": status,
        "/metrics": metrics,
    }.items():
        found.router.add_get(path, handler)
    return found


async def serve(app: web.Application, host: str, port: int) -> tuple[int, Callable[[], Any]]:
    """Listen; return the port (the system's choice where it is 0) and what ends it."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    server = site._server  # noqa: SLF001 -- aiohttp has no public way to the bound port
    sockets = getattr(server, "sockets", None) or []
    return (sockets[0].getsockname()[1] if sockets else port), runner.cleanup
