"""What the routes have in common: where the oracle is, how an answer and a refusal look."""

from __future__ import annotations

from typing import Any, Final

import orjson
from aiohttp import web

from oracle.service import Oracle

ORACLE: Final = web.AppKey("oracle", Oracle)


def reply(value: Any, status: int = 200) -> web.Response:
    """Return a JSON answer."""
    return web.Response(
        body=orjson.dumps(value), status=status, content_type="application/json", charset="utf-8"
    )


def refuse(reason: str, detail: str, status: int) -> web.Response:
    """Return why a request is not served: a code and a sentence."""
    return reply({"reason": reason, "session": None, "detail": detail}, status)


def number(request: web.Request, name: str, default: int) -> int:
    """Return a number of the query, the default where there is none."""
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else default
