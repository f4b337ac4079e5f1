"""What operators and supervisors ask a running indexer, and the server of all its answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse

from chargecoin.clock import Clock
from chargecoin.errors import ConfigurationError
from indexer.audit import AuditCounters
from indexer.endpoints import Endpoints
from indexer.figures import Status
from indexer.follow import Counters
from indexer.heads import Heads
from indexer.progress import Progress
from indexer.read_model import ReadModel

# A node that did not answer this often in a row makes the tables old news.
FAILURES_TO_UNREADY = 5


class Monitor:
    """The figures behind the endpoints, gathered from the parts of one process."""

    def __init__(
        self,
        model: ReadModel,
        counters: Counters,
        progress: Progress,
        nodes: Endpoints,
        heads: Heads | None,
        audit: AuditCounters,
        clock: Clock,
    ) -> None:
        """Report on these."""
        self._audit = audit
        self._model = model
        self._counters = counters
        self._progress = progress
        self._nodes = nodes
        self._heads = heads
        self._clock = clock

    def ready(self) -> tuple[bool, str]:
        """Return whether the tables may be shown as current, and why not."""
        if self._nodes.disagreement:
            return False, self._nodes.disagreement
        if self._counters.failures >= FAILURES_TO_UNREADY:
            return False, f"no node answers ({self._counters.failures} times in a row)"
        status = self._model.status()
        if not status.ready:
            return False, status.detail or f"{status.state}: {status.lag} blocks behind"
        return True, status.detail

    def status(self) -> dict[str, Any]:
        """Return everything as one JSON object."""
        ready, detail = self.ready()
        status = self._model.status()
        pace = self._progress.pace
        return {
            "ready": ready,
            "why": detail,
            "chain": {**asdict(status), "lag": status.lag, "age_s": self._age(status)},
            "backfill": pace and asdict(pace),
            "feed": [asdict(source) for source in self._model.feed_sources()],
            "since_start": asdict(self._counters),
            "audit": asdict(self._audit),
            "nodes": [asdict(one) for one in self._nodes.health()],
            "heads": self._heads
            and {
                "node": self._heads.name,
                "connected": self._heads.connected,
                "announced": self._heads.announced,
            },
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
            ("rpc_requests_total", "counter", self._nodes.requests),
            ("rpc_errors_total", "counter", self._nodes.errors),
            ("node_switches_total", "counter", self._nodes.switches),
            ("nodes_disagree", "gauge", int(bool(self._nodes.disagreement))),
            ("audited_blocks_total", "counter", self._audit.blocks),
            ("audit_differences_total", "counter", self._audit.differing),
        ]
        if self._heads:
            values.append(("heads_connected", "gauge", int(self._heads.connected)))
            values.append(("heads_announced_total", "counter", self._heads.announced))
        counters = asdict(self._counters)
        values.append(("failures_in_a_row", "gauge", counters.pop("failures")))
        values += [(f"{name}_total", "counter", value) for name, value in counters.items()]
        lines = []
        for name, kind, value in values:
            lines.append(f"# TYPE chargecoin_indexer_{name} {kind}")
            lines.append(f"chargecoin_indexer_{name} {value}")
        sources, health = self._model.feed_sources(), self._nodes.health()
        for name, label, of in (
            ("feed_entries", "oracle", [(one.oracle, one.n) for one in sources]),
            ("feed_gaps", "oracle", [(one.oracle, one.gaps) for one in sources]),
            ("feed_refused", "oracle", [(one.oracle, one.refused) for one in sources]),
            ("node_active", "node", [(one.name, int(one.active)) for one in health]),
            ("node_failures", "node", [(one.name, one.failures) for one in health]),
            ("node_head", "node", [(one.name, one.head or 0) for one in health]),
        ):
            lines.append(f"# TYPE chargecoin_indexer_{name} gauge")
            for which, count in of:
                lines.append(f'chargecoin_indexer_{name}{{{label}="{which}"}} {count}')
        return "\n".join(lines) + "\n"

    def _age(self, status: Status) -> float:
        return max(0.0, self._clock.now() - status.timestamp)


def monitoring(monitor: Monitor) -> APIRouter:
    """Return the operators' endpoints; each answers in a thread, so the chain is followed on."""
    router = APIRouter(tags=["operation"])

    @router.get("/health")
    def health() -> PlainTextResponse:
        """Whether the process lives."""
        return PlainTextResponse("ok\n")

    @router.get("/ready")
    def ready() -> PlainTextResponse:
        """Whether the tables may be shown as current, and why not."""
        good, why = monitor.ready()
        return PlainTextResponse(f"{why or 'ready'}\n", 200 if good else 503)

    @router.get("/status")
    def status() -> JSONResponse:
        """Everything that is known of how it goes."""
        return JSONResponse(monitor.status())

    @router.get("/metrics")
    def metrics() -> PlainTextResponse:
        """The same for Prometheus."""
        return PlainTextResponse(monitor.metrics())

    return router


class _Server(uvicorn.Server):
    """Leaves signals to the process that it is a part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


async def serve(app: FastAPI, host: str, port: int) -> tuple[int, Callable[[], Awaitable[None]]]:
    """Listen; return the port (the system's choice where it is 0) and what ends it.

    Raises `ConfigurationError` if the port cannot be had.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Now, so that who is told the port need not wait for the server behind it.
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"cannot listen at {host}:{port}: {error.strerror}; set http_host and http_port"
        ) from error
    bound: int = listener.getsockname()[1]
    server = _Server(
        uvicorn.Config(
            app, log_config=None, access_log=False, timeout_graceful_shutdown=2, lifespan="on"
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))

    async def close() -> None:
        await app.state.watch.close()
        server.should_exit = True
        await serving
        listener.close()

    return bound, close
