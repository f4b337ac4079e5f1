"""Reading the numbers, texts and times of charging messages exactly and leniently."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

# 2015-10-08, the first edition of OCPP 1.6. Clocks that were never set say 1970 or 2000.
OCPP_1_6_PUBLISHED: Final = 1_444_262_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Numbers beyond these sizes are not meter readings; the bounds keep arithmetic exact and quick.
_MAX_DIGITS: Final = 36
_MAX_EXPONENT: Final = 36


def timestamp(text: object) -> int | None:
    """Return an ISO 8601 date and time as UTC seconds, floored; `None` if it is not one.

    Without a zone it is taken as UTC.
    """
    if not isinstance(text, str) or len(text) < len("2026-01-01T00"):
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // timedelta(seconds=1)


def is_clock_set(at: int) -> bool:
    """Whether a time can be true: no charge point spoke OCPP 1.6 before its publication."""
    return at >= OCPP_1_6_PUBLISHED


def number(value: object) -> Decimal | None:
    """Return a JSON number, or a text that holds one, exactly; `None` if it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        result = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    _, digits, exponent = result.as_tuple()
    if not isinstance(exponent, int) or len(digits) > _MAX_DIGITS or abs(exponent) > _MAX_EXPONENT:
        return None
    return result


def integer(value: object) -> int | None:
    """Return a whole number, also one written as text or with a zero fraction."""
    result = number(value)
    return int(result) if result is not None and result == result.to_integral_value() else None


def text_of(value: object) -> str:
    """Return a field's text: of a number its digits, of an object its JSON, of nothing nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return "" if value is None else str(value)
