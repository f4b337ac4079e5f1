"""Comparing what is on chain with what was compiled and what was decided.

A contract is verified by the transaction that created it: its input must be the
creation code compiled here followed by the constructor arguments in the book. That
covers the code, its immutables and its first storage, and needs no masks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chargecoin.chain import Log, Rpc
from chargecoin.chain.calls import constructor_arguments
from chargecoin.chain.events import Event, decode_events
from chargecoin.chain.transactions import receipt
from chargecoin.chain.values import to_bytes
from scripts._book import Book, Settings
from scripts._governance import ADMIN_ROLE, ANYONE, EXECUTOR_ROLE, PROPOSER_ROLE, read


async def code_differences(rpc: Rpc, book: Book, compiled: Mapping[str, str]) -> list[str]:
    """Return in what the contracts on chain are not those compiled here.

    `compiled` holds creation code by contract. A token that is not ours is only
    checked to have the code it had.
    """
    found: list[str] = []
    for name, entry in book.contracts.items():
        code = to_bytes(await rpc.request("eth_getCode", entry["address"], "latest"))
        if not code:
            found.append(f"{name}: no code at {entry['address']}")
        elif "0x" + keccak(code).hex() != entry["code_hash"]:
            found.append(f"{name}: the code at {entry['address']} is not the one in the book")
        elif "contract" in entry:
            found += [f"{name}: {fault}" async for fault in _creation_faults(rpc, entry, compiled)]
    return found


async def _creation_faults(
    rpc: Rpc, entry: dict[str, Any], compiled: Mapping[str, str]
) -> AsyncIterator[str]:
    created = await receipt(rpc, to_bytes(entry["transaction"]))
    if created is None:
        yield f"the node does not know the transaction {entry['transaction']} that created it"
        return
    if created.contract_address != entry["address"]:
        yield f"the transaction {entry['transaction']} created {created.contract_address}"
        return
    raw = await rpc.request("eth_getTransactionByHash", entry["transaction"])
    sent, code = to_bytes(raw["input"]), to_bytes(compiled[entry["contract"]])
    arguments = constructor_arguments(entry["contract"], *entry["constructor"])
    if sent[: len(code)] != code:
        yield "it was created from other code than is compiled here"
    elif sent[len(code) :] != arguments:
        yield "it was constructed with other arguments than the book says"


async def _events(rpc: Rpc, book: Book, name: str) -> list[Event]:
    address = book.address(name)
    criteria = {"address": address, "fromBlock": hex(book.raw["start_block"]), "toBlock": "latest"}
    logs = [Log.from_json(raw) for raw in await rpc.request("eth_getLogs", criteria)]
    return list(decode_events(name, address, logs))


async def committee_in_force(rpc: Rpc, book: Book) -> tuple[tuple[str, ...], int]:
    """Return the members and the threshold of the last committee appointed."""
    events = await _events(rpc, book, "Settlement")
    last = [event.args for event in events if event.name == "CommitteeAppointed"][-1]
    return tuple(to_checksum_address(one) for one in last["members"]), int(last["threshold"])


def _holders(events: list[Event], role: bytes) -> list[str]:
    """Return who has a role of the timelock, by its events."""
    holders: set[str] = set()
    for event in events:
        if event.name in {"RoleGranted", "RoleRevoked"} and event.args["role"] == role:
            account = to_checksum_address(event.args["account"])
            (holders.add if event.name == "RoleGranted" else holders.discard)(account)
    return sorted(holders, key=lambda one: int(one, 16))


def _plain(value: Any) -> Any:
    """Return a value of the chain as it is written in settings."""
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return to_checksum_address(value) if isinstance(value, str) else value


async def parameter_differences(rpc: Rpc, book: Book, settings: Settings) -> list[str]:
    """Return in which parameters the chain is not as the settings say."""
    return [
        f"{what}: the settings say {_plain(wanted)}, the chain says {_plain(there)}"
        async for what, wanted, there in _parameters(rpc, book, settings)
        if _plain(wanted) != _plain(there)
    ]


async def _parameters(
    rpc: Rpc, book: Book, settings: Settings
) -> AsyncIterator[tuple[str, Any, Any]]:
    addresses = {name: book.address(name) for name in book.contracts}
    token, timelock = addresses["Token"], addresses["Timelock"]
    registry, settlement = addresses["StationRegistry"], addresses["Settlement"]
    router = addresses["FeeRouter"]
    if settings.token is not None:
        yield "the payment token", settings.token, token
    for contract, name, wanted in (
        ("StationRegistry", "governance", timelock),
        ("Settlement", "token", token),
        ("Settlement", "registry", registry),
        ("Settlement", "governance", timelock),
        ("Settlement", "guardian", settings.guardian),
        ("Settlement", "fee_router", router),
        ("FeeRouter", "token", token),
        ("FeeRouter", "settlement", settlement),
        ("FeeRouter", "governance", timelock),
        ("FeeRouter", "destinations", settings.destinations),
        ("FeeRouter", "shares", settings.shares),
        ("Timelock", "getMinDelay", settings.delay_s),
    ):
        [there] = await read(rpc, contract, addresses[contract], name)
        yield f"{contract}.{name}", wanted, there
    members, threshold = await committee_in_force(rpc, book)
    yield "the committee's members", settings.members, members
    yield "the committee's threshold", settings.threshold, threshold
    roles = await _events(rpc, book, "Timelock")
    executors = settings.executors or (ANYONE,)
    for what, role, wanted_holders in (
        ("the timelock's proposers", PROPOSER_ROLE, settings.proposers),
        ("the timelock's executors", EXECUTOR_ROLE, executors),
        ("the timelock's administrators", ADMIN_ROLE, (timelock,)),
    ):
        yield what, sorted(wanted_holders, key=lambda one: int(one, 16)), _holders(roles, role)
