"""OCPP-J frames: reading them leniently, and hiding the personal fields in them.

Framing: OCPP-J 1.6, section 4 (the same in OCPP 2.0.1, part 4). Numbers are
read as `int` and `Decimal`, never as binary floats, because meter values are
money. Reading is lenient: what can be understood is understood, since a frame
that bears money is never refused for its form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from chargecoin.errors import CodecError
from chargecoin.sessions import exact_json

Sender: TypeAlias = Literal["charge_point", "central_system"]

# Fields that name a driver, in OCPP 1.6 requests and answers.
PERSONAL_FIELDS: Final = frozenset({"idTag", "parentIdTag"})

_STRING: Final = r'"(?:[^"\\]|\\.)*+"'
_NUMBER: Final = r"-?[0-9][0-9.eE+-]*"
_MEMBER: Final = re.compile(
    rf"({_STRING})(\s*:\s*)({_STRING}|{_NUMBER})|{_STRING}", flags=re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One WebSocket text message, and when we had it in hand (UTC seconds)."""

    at: float
    sender: Sender
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A request: `[2, id, action, payload]`."""

    id: str
    action: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallResult:
    """An answer: `[3, id, payload]`."""

    id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallError:
    """A refusal: `[4, id, code, description, details]`."""

    id: str
    code: str
    description: str
    details: dict[str, Any]


Message: TypeAlias = Call | CallResult | CallError


def _load(text: str) -> Any:
    value = exact_json.loads(text)
    if "\\u" in text:
        # A lone surrogate is legal in JSON's escapes but is not text: it has no UTF-8, no hash.
        try:
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except ValueError as error:
            raise CodecError(f"not text: {error}") from error
    return value


def parse(text: str) -> Message:
    """Read one frame. Raises `CodecError` for what is not an OCPP-J message.

    A message id that is a number is taken as its text, elements after the last
    one defined are ignored, and a CallError may lack description and details.
    """
    match _load(text):
        case [2, str() | int() as message_id, str() as action, dict() as payload, *_]:
            return Call(str(message_id), action, payload)
        case [3, str() | int() as message_id, dict() as payload, *_]:
            return CallResult(str(message_id), payload)
        case [4, str() | int() as message_id, str() as code, *rest]:
            description = rest[0] if rest and isinstance(rest[0], str) else ""
            details = rest[1] if len(rest) > 1 and isinstance(rest[1], dict) else {}
            return CallError(str(message_id), code, description, details)
    raise CodecError("not an OCPP message: want [2, id, action, {}], [3, id, {}] or [4, id, code]")


def redact(text: str, commit: Callable[[str], str]) -> str:
    """Return the frame with the value of every personal field replaced by `commit(value)`.

    All else stays as it was sent, byte for byte: a signed meter value inside
    must not be written anew. Empty values stay empty, since they name nobody.
    Raises `CodecError` for what is not an OCPP-J message.
    """
    parse(text)

    def replace(found: re.Match[str]) -> str:
        key, colon, value = found.groups()
        if key is None or (json.loads(key) if "\\" in key else key[1:-1]) not in PERSONAL_FIELDS:
            return found[0]
        token = json.loads(value) if value.startswith('"') else value
        return f"{key}{colon}{json.dumps(commit(token))}" if token else found[0]

    return _MEMBER.sub(replace, text)
