"""Comparing what is on chain with what was compiled and what was decided.

A contract is verified by the transaction that created it: its input must be the
creation code compiled here followed by the constructor arguments in the book. That
covers the code, its immutables and its first storage, and needs no masks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chargecoin.chain import Log, Rpc
from chargecoin.chain.calls import constructor_arguments
from chargecoin.chain.events import Event, decode_events
from chargecoin.chain.transactions import receipt
from chargecoin.chain.values import to_bytes
from chargecoin.rewards import Kind
from scripts._book import Book, Settings
from scripts._deployment import PEERS
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


async def committee_in_force(
    rpc: Rpc, book: Book, name: str = "Settlement"
) -> tuple[tuple[str, ...], int]:
    """Return the members and the threshold of the last committee that a contract appointed."""
    events = await _events(rpc, book, name)
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


def _addresses(at: Mapping[str, str]) -> Iterator[tuple[str, str, object]]:
    """Yield which contract names which: (contract, view, address)."""
    token, timelock, settlement = at["Token"], at["Timelock"], at["Settlement"]
    yield "StationRegistry", "governance", timelock
    yield "Settlement", "token", token
    yield "Settlement", "registry", at["StationRegistry"]
    yield "Settlement", "governance", timelock
    yield "Settlement", "fee_router", at["FeeRouter"]
    for view, name in zip(("campaigns", "adjustments", "payouts"), PEERS, strict=True):
        yield "Settlement", view, at[name]
        yield name, "settlement", settlement
    yield "StakingPool", "chg", at["ChargeCoin"]
    yield "StakingPool", "token", token
    for name in ("DriverRewards", "StationRewards"):
        yield name, "settlement", settlement
        yield name, "chg", at["ChargeCoin"]
        yield name, "token", token
        yield name, "registry", at["StationRegistry"]
    yield "FeeRouter", "token", token
    yield "FeeRouter", "settlement", settlement
    yield "FeeRouter", "governance", timelock


def _decided(at: Mapping[str, str], settings: Settings) -> Iterator[tuple[str, str, object]]:
    """Yield what was decided: (contract, view, value)."""
    to = (at["StakingPool"], at["DriverRewards"], at["StationRewards"], settings.treasury)
    yield "Timelock", "getMinDelay", settings.delay_s
    yield "Settlement", "guardian", settings.guardian
    yield "Settlement", "predecessor", settings.predecessor or ANYONE
    yield "Settlement", "reimbursement_per_batch", settings.reimbursement
    yield "DriverRewards", "guardian", settings.guardian
    yield "DriverRewards", "kind", Kind.DRIVERS.value
    yield "StationRewards", "guardian", settings.guardian
    yield "StationRewards", "kind", Kind.STATIONS.value
    yield "FeeRouter", "oracles", settings.oracles
    yield "FeeRouter", "destinations", to
    yield "FeeRouter", "shares", settings.shares


async def _parameters(
    rpc: Rpc, book: Book, settings: Settings
) -> AsyncIterator[tuple[str, Any, Any]]:
    at = {name: book.address(name) for name in book.contracts}
    for what, given, name in (
        ("the payment token", settings.token, "Token"),
        ("CHG", settings.chg, "ChargeCoin"),
    ):
        if given is not None:
            yield what, given, at[name]
    for name, view, wanted in (*_addresses(at), *_decided(at, settings)):
        [there] = await read(rpc, book.contracts[name].get("contract", name), at[name], view)
        yield f"{name}.{view}", wanted, there
    for contract, what, members, threshold in (
        ("Settlement", "the committee", settings.members, settings.threshold),
        ("Adjustments", "the arbiters", settings.arbiters, settings.arbiter_threshold),
    ):
        there_members, there_threshold = await committee_in_force(rpc, book, contract)
        yield f"the members of {what}", members, there_members
        yield f"the threshold of {what}", threshold, there_threshold
    roles = await _events(rpc, book, "Timelock")
    executors = settings.executors or (ANYONE,)
    for what, role, wanted_holders in (
        ("the timelock's proposers", PROPOSER_ROLE, settings.proposers),
        ("the timelock's executors", EXECUTOR_ROLE, executors),
        ("the timelock's administrators", ADMIN_ROLE, (at["Timelock"],)),
    ):
        yield what, sorted(wanted_holders, key=lambda one: int(one, 16)), _holders(roles, role)
