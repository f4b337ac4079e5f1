"""OCPP-J frames."""

from __future__ import annotations

import contextlib
import json
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargecoin.errors import CodecError
from chargecoin.sessions.frames import Call, CallError, CallResult, parse, redact

START = '[2,"19","StartTransaction",{"connectorId":1,"idTag":"04AB","meterStart":5}]'
text = st.text(st.characters(codec="utf-8"))
payloads = st.dictionaries(
    st.sampled_from(["idTag", "parentIdTag", "idTagInfo", "value"]) | text,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**20), 10**20) | text,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["idTag", "parentIdTag"]) | text, inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


def test_a_request_an_answer_and_a_refusal_are_read() -> None:
    assert parse('[2,"1","Heartbeat",{}]') == Call("1", "Heartbeat", {})
    assert parse('[3,"1",{"currentTime":"x"}]') == CallResult("1", {"currentTime": "x"})
    assert parse('[4,"1","NotImplemented","no",{"a":1}]') == CallError(
        "1", "NotImplemented", "no", {"a": 1}
    )


def test_numbers_are_never_binary_floats() -> None:
    call = parse('[2,"1","MeterValues",{"a":0.1,"b":100000000000000000000.25,"c":7}]')
    assert isinstance(call, Call)
    assert call.payload == {"a": Decimal("0.1"), "b": Decimal("100000000000000000000.25"), "c": 7}
    assert isinstance(call.payload["a"], Decimal)


def test_what_can_be_understood_is_understood() -> None:
    assert parse('[2,17,"Heartbeat",{},"extra"]') == Call("17", "Heartbeat", {})
    assert parse('[4,"1","GenericError"]') == CallError("1", "GenericError", "", {})
    assert parse('[4,"1","GenericError",null,null]') == CallError("1", "GenericError", "", {})
    assert parse(' [2,"1","Heartbeat",{}]\n') == Call("1", "Heartbeat", {})


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "garbage",
        "{}",
        "[]",
        "[2]",
        '[2,"1"]',
        '[2,"1","Heartbeat"]',
        '[2,"1",[],{}]',
        '[2,"1","Heartbeat",[]]',
        '[5,"1","Heartbeat",{}]',
        '["2","1","Heartbeat",{}]',
        '[2,null,"Heartbeat",{}]',
        '[3,"1",null]',
        '[2,"1","MeterValues",{"value":NaN}]',
        '[2,"1","MeterValues",{"value":Infinity}]',
        '[2,"1","StartTransaction",{"idTag":"\\ud800"}]',
        '[2,"1","StartTransaction",{"meterStart":' + "1" * 5000 + "}]",
        "[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(frame: str) -> None:
    with pytest.raises(CodecError):
        parse(frame)


def test_a_deeply_nested_frame_is_refused_under_any_recursion_limit() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(CodecError):
            parse("[" * 200_000)
        with pytest.raises(CodecError):
            parse('{"a":' * 200_000)
    finally:
        sys.setrecursionlimit(limit)


@given(text)
def test_no_text_does_more_than_be_refused(frame: str) -> None:
    with contextlib.suppress(CodecError):
        parse(frame)


def test_personal_fields_are_replaced_and_the_rest_stays_byte_for_byte() -> None:
    frame = '[2, "19",  "StopTransaction", {"idTag" : "04AB", "meterStop": 1.50, "note":"idTag"}]'
    assert redact(frame, lambda token: f"0x{token.lower()}") == (
        '[2, "19",  "StopTransaction", {"idTag" : "0x04ab", "meterStop": 1.50, "note":"idTag"}]'
    )


def test_a_parents_tag_in_an_answer_is_replaced() -> None:
    frame = '[3,"1",{"idTagInfo":{"status":"Accepted","parentIdTag":"BOSS"}}]'
    assert redact(frame, lambda _: "0x") == (
        '[3,"1",{"idTagInfo":{"status":"Accepted","parentIdTag":"0x"}}]'
    )


@pytest.mark.parametrize("value", ['"04AB"', "1234", '"\\u0030\\u0034AB"', '"a\\"b"'])
@pytest.mark.parametrize("key", ['"idTag"', '"id\\u0054ag"'])
def test_a_token_is_found_however_it_is_written(key: str, value: str) -> None:
    seen: list[str] = []

    def commit(token: str) -> str:
        seen.append(token)
        return "hidden"

    frame = redact(f'[2,"1","Authorize",{{{key}: {value}}}]', commit)
    call = parse(frame)
    assert isinstance(call, Call)
    assert call.payload == {"idTag": "hidden"}
    assert seen == [str(json.loads(value))]


def test_a_text_that_only_looks_like_a_field_stays() -> None:
    frame = json.dumps([2, "1", "DataTransfer", {"data": '{"idTag":"04AB"}', "x": ["idTag", "a"]}])
    assert redact(frame, lambda _: "hidden") == frame


def test_nobody_stays_nobody() -> None:
    frame = '[2,"1","Authorize",{"idTag":""}]'
    assert redact(frame, lambda _: "hidden") == frame


def hidden(value: Any) -> Any:
    """Do on values what `redact` does on text."""
    if isinstance(value, dict):
        return {
            key: "hidden"
            if key in {"idTag", "parentIdTag"}
            and isinstance(member, str | int)
            and not isinstance(member, bool)
            and member != ""
            else hidden(member)
            for key, member in value.items()
        }
    return [hidden(member) for member in value] if isinstance(value, list) else value


@given(payloads, st.booleans())
def test_redaction_touches_personal_fields_and_nothing_else(
    payload: dict[str, Any], ascii_only: bool
) -> None:
    frame = json.dumps([2, "1", "DataTransfer", payload], ensure_ascii=ascii_only)
    call = parse(redact(frame, lambda _: "hidden"))
    assert isinstance(call, Call)
    assert call.payload == hidden(payload)
    assert redact(START, lambda _: "x") == START.replace("04AB", "x")


def test_what_is_no_message_is_not_redacted() -> None:
    with pytest.raises(CodecError):
        redact("garbage with a token 04AB", lambda _: "hidden")
