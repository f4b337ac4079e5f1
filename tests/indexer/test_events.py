"""Logs read as eth_abi reads them, into tables that have a column for every argument."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import decode
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from chargecoin import contracts
from chargecoin.errors import CodecError
from indexer import schema
from indexer.events import CONTRACTS, Event, events_of
from indexer.rpc import Log
from tests.indexer.fake_chain import DEPLOYMENT, event

EVENTS = [one for name in DEPLOYMENT.contracts for one in events_of(name).values()]
# Their rows hold more than the log, or less: see test_store and test_moves.
DERIVED = {
    "Run",
    "Session",
    "DebtCollected",
    "SessionRefunded",
    "DisputeOpened",
    "DisputeClosed",
    "ConnectorsEnrolled",
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "uint256": st.integers(0, (1 << 256) - 1),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes": st.binary(max_size=200),
    "string": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    "bool": st.booleans(),
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "uint256[]": st.lists(st.integers(0, (1 << 256) - 1), max_size=5),
    "address[]": st.lists(
        st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()), max_size=5
    ),
}


def as_log(contract: str, topics: list[str], data: str) -> Log:
    del contract
    return Log("0x", tuple(topics), data, "0x1", "0x", "0x" + "00" * 32, "0x0")


def abi_of(one: Event) -> contracts.EventAbi:
    return contracts.events(CONTRACTS[one.contract].interface)[bytes.fromhex(one.topic[2:])]


def narrow(one: Event, name: str, kind: str) -> st.SearchStrategy[Any]:
    """Where the table's column is an integer of 63 bits, the contract logs no more."""
    column = one.table.c.get(one.columns[[i["name"] for i in abi_of(one).inputs].index(name)])
    if kind == "uint256" and column is not None and isinstance(column.type, type(schema.Int)):
        return st.integers(0, (1 << 63) - 1)
    return VALUES[kind]


@pytest.mark.parametrize("one", EVENTS, ids=lambda one: f"{one.contract}.{one.name}")
def test_every_event_has_a_table_with_a_column_for_every_argument(one: Event) -> None:
    if one.name not in DERIVED:
        columns = [column.name for column in one.table.c if column.name not in {"id", "tx_hash"}]
        assert list(one.columns) == columns[len(one.constants) :]


def test_every_event_of_every_contract_is_indexed() -> None:
    indexed = {(one.contract, one.name) for one in EVENTS}
    for name in DEPLOYMENT.contracts:
        abi = contracts.abi(CONTRACTS[name].interface)
        assert {(name, e["name"]) for e in abi if e["type"] == "event"} == {
            pair for pair in indexed if pair[0] == name
        }


@settings(max_examples=30, deadline=None)
@given(st.data())
@pytest.mark.parametrize("one", EVENTS, ids=lambda one: f"{one.contract}.{one.name}")
def test_logs_are_read_as_eth_abi_reads_them(one: Event, data: st.DataObject) -> None:
    inputs = abi_of(one).inputs
    values = {i["name"]: data.draw(narrow(one, i["name"], i["type"])) for i in inputs}
    log = as_log(*event(one.contract, one.name, **values))
    found = one.read(log)

    plain = [i for i in inputs if not i["indexed"]]
    expected = dict(
        zip(
            [i["name"] for i in plain],
            decode([i["type"] for i in plain], bytes.fromhex(log.data[2:])),
            strict=True,
        )
    )
    for i, topic in zip([i for i in inputs if i["indexed"]], log.topics[1:], strict=True):
        [expected[i["name"]]] = decode([i["type"]], bytes.fromhex(topic[2:]))
    for value, i in zip(found, inputs, strict=True):
        assert as_number(value, i["type"]) == as_stored(expected[i["name"]], i["type"])


def as_number(value: Any, kind: str) -> Any:
    """A tariff is a number in the event and 32 bytes in the table."""
    return int.from_bytes(value, "big") if isinstance(value, bytes) and kind == "uint256" else value


def as_stored(value: Any, kind: str) -> Any:
    if kind == "address":
        return to_checksum_address(value)
    if kind == "address[]":
        members = ",".join(f'"{to_checksum_address(one)}"' for one in value)
        return f"[{members}]"
    return list(value) if kind == "uint256[]" else value


OWNER_REGISTERED = next(one for one in EVENTS if one.name == "OwnerRegistered")
DEPOSITED = next(one for one in EVENTS if one.name == "Deposited")


@pytest.mark.parametrize(
    ("raw", "stored"),
    [(b"caf\xc3\xa9", "café"), (b"a\x00b", "a\ufffdb"), (b"\xff\xfe", "\ufffd\ufffd")],
)
def test_a_name_that_is_not_text_is_stored_as_text_all_the_same(raw: bytes, stored: str) -> None:
    _, topics, data = event(
        "StationRegistry",
        "OwnerRegistered",
        owner_id=1,
        account="0x" + "11" * 20,
        name="x" * len(raw),
    )
    data = data.replace((b"x" * len(raw)).hex(), raw.hex())
    assert OWNER_REGISTERED.read(as_log("", topics, data))[2] == stored


@pytest.mark.parametrize("data", ["0x", "0x" + "00" * 31, "0x" + "00" * 64])
def test_a_log_of_another_size_is_refused(data: str) -> None:
    _, topics, _ = event("Settlement", "Deposited", account=1, sender="0x" + "11" * 20, amount=5)
    with pytest.raises(CodecError, match="Deposited"):
        DEPOSITED.read(as_log("", topics, data))


def test_a_log_with_topics_missing_is_refused() -> None:
    _, topics, data = event("Settlement", "Deposited", account=1, sender="0x" + "11" * 20, amount=5)
    with pytest.raises(CodecError, match="topics"):
        DEPOSITED.read(as_log("", topics[:2], data))


def test_an_id_larger_than_the_contract_can_make_is_refused() -> None:
    log = as_log(
        *event("Settlement", "Deposited", account=1 << 63, sender="0x" + "11" * 20, amount=5)
    )
    with pytest.raises(CodecError, match="more than the contract"):
        DEPOSITED.read(log)
