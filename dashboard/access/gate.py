"""What is refused before a page is asked: too much, and what another site sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.language import gettext

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket that holds `burst` requests and fills with `per_s`."""

    burst: float
    per_s: float


# Reading is cheap; what is sent is checked against a node or written down.
READS: Final = Rate(600, 60)
WRITES: Final = Rate(40, 0.5)


class Buckets:
    """Token buckets by client; the ones not used longest are forgotten first."""

    def __init__(self, rate: Rate) -> None:
        """Let everybody begin with a full bucket."""
        self._rate = rate
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, client: str, now: float) -> float:
        """Take one; return 0, or how many seconds to wait where there was none."""
        left, before = self._left.pop(client, (self._rate.burst, now))
        left = min(self._rate.burst, left + max(0.0, now - before) * self._rate.per_s)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate.per_s
        self._left[client] = (left if wait else left - 1, now)
        if len(self._left) > REMEMBERED:
            del self._left[next(iter(self._left))]
        return wait


def foreign(headers: Headers) -> bool:
    """Whether a request that changes something was sent by another site's page.

    Browsers say so in `Sec-Fetch-Site`, older ones in `Origin`; what says neither is
    no browser and carries nobody's cookie (Fetch Metadata; OWASP, CSRF prevention).
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is not None:
        return origin.partition("://")[2] != headers.get("host")
    return "cookie" in headers


class Gate:
    """Refuses what comes too often (429) and what another site sends (403)."""

    def __init__(self, app: ASGIApp, now: Callable[[], float]) -> None:
        """Wrap an application; `now` is wall time."""
        self._app = app
        self._now = now
        self._reads, self._writes = Buckets(READS), Buckets(WRITES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        safe = scope["method"] in SAFE
        client = scope["client"][0] if scope.get("client") else ""
        wait = (self._reads if safe else self._writes).take(client, self._now())
        if wait:
            refused = PlainTextResponse(
                gettext("Too many requests. Wait a moment and try again.\n"),
                429,
                {"retry-after": str(int(wait) + 1)},
            )
            await refused(scope, receive, send)
        elif not safe and foreign(Headers(scope=scope)):
            refused = PlainTextResponse(
                gettext("Another site sent this in your name; nothing was done.\n"), 403
            )
            await refused(scope, receive, send)
        else:
            await self._app(scope, receive, send)
