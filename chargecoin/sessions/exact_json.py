"""JSON from meters and charge points: numbers exact, nesting bounded.

Amounts of energy are money, so no number passes through a binary float; and what
arrives over a socket must not be able to end the process.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final, NoReturn

import orjson

from chargecoin.errors import CodecError

_NESTING_UNCHECKED: Final = 1000


def _refuse_constant(name: str) -> NoReturn:
    raise CodecError(f"{name} is not JSON")


def loads(text: str) -> Any:
    """Read JSON with numbers as `int` and `Decimal`. Raises `CodecError` for what is not JSON."""
    try:
        if text.count("[") + text.count("{") > _NESTING_UNCHECKED:
            # orjson refuses more than 1,024 levels. Python's reader has the interpreter's limit
            # for it, which other packages raise until the stack overflows.
            orjson.loads(text)
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"not JSON: {error}") from error
