"""Deploying the protocol: what is wanted, what is there already, and the steps between.

The creation code is the committed one (`chargecoin/abi/`), which a test holds equal
to what the compilers give and `verify_deployment` compiles again. A creation is
written to the address book before it is sent and the contract as soon as it exists,
so a run that breaks is continued by the next one, and a run with nothing to do does
nothing.

Settlement names the contracts beside it, its peers, and they name it: their addresses
follow from the deployer's next nonces and are known before they exist. A peer refuses
to be created anywhere else, so a wrong guess never holds money.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chargecoin.chain import Receipt, Rpc
from chargecoin.chain.calls import constructor_arguments
from chargecoin.chain.transactions import Call, wait_for_receipt
from chargecoin.chain.values import to_bytes
from chargecoin.contracts import artifact
from chargecoin.errors import ConfigurationError, RevertedError, WrongChainError
from chargecoin.rewards import Kind
from scripts._book import Book, Settings
from scripts._governance import ANYONE, Progress
from scripts._pipeline import Pipeline, Sender
from scripts._wiring import wire

CONTRACTS: Final = (
    "Token",
    "ChargeCoin",
    "Timelock",
    "StationRegistry",
    "Settlement",
    "CampaignManager",
    "Adjustments",
    "Payouts",
    "StakingPool",
    "DriverRewards",
    "StationRewards",
    "FeeRouter",
)
"""The order in which they are deployed; later ones name earlier ones."""

PEERS: Final = ("CampaignManager", "Adjustments", "Payouts")
"""The contracts that settlement names, in the order of its `Peers`, created right after it."""

INHERITED: Final = ("Token", "ChargeCoin", "Timelock", "StationRegistry", "StakingPool")
"""What a settlement that succeeds another one shares with it."""

_PEERS_ARGUMENT: Final = 6
_COMPILED: Final = {"DriverRewards": "RewardDistributor", "StationRewards": "RewardDistributor"}


@dataclass(frozen=True, slots=True)
class Step:
    """One contract: already there, taken as it is, or to be created."""

    name: str
    compiled: str | None
    address: str | None


def plan(book: Book, settings: Settings) -> list[Step]:
    """Return what is there and what is missing, in order."""
    given = {"Token": settings.token, "ChargeCoin": settings.chg}
    steps = []
    for name in CONTRACTS:
        compiled: str | None = _COMPILED.get(name, name)
        if name == "Token":
            compiled = "TestStablecoin"
        address = book.contracts.get(name, {}).get("address") or given.get(name)
        steps.append(Step(name, None if given.get(name) else compiled, address))
    return steps


def take_over(book: Book, predecessor: Book, *, dry_run: bool = False) -> str:
    """Enter what a new settlement shares with the one of another book; return that one's address.

    Heads are continued by connector, and connectors are the registry's; who governs the
    registry governs both. Events are read from where the predecessor's begin.
    """
    for name in INHERITED:
        if name not in predecessor.contracts:
            raise ConfigurationError(f"{predecessor.path} has no {name}: no book of a deployment")
    if not book.contracts:
        book.raw["start_block"] = predecessor.raw["start_block"]
    for name in INHERITED:
        book.contracts.setdefault(name, predecessor.contracts[name])
    if not dry_run:
        book.save()
    return predecessor.address("Settlement")


def created_at(deployer: str, nonce: int) -> str:
    """Return the address of what a sender's transaction of a nonce creates (Yellow Paper, 7)."""
    found: bytes = keccak(rlp.encode([to_bytes(deployer), nonce]))[12:]
    return str(to_checksum_address(found))


def constructor(name: str, settings: Settings, book: Book, peers: list[str]) -> list[Any]:
    """Return a contract's constructor arguments; those it needs are in the book.

    `peers` are the addresses that settlement is to name.
    """
    at = {one: book.address(one) for one in book.contracts}
    arguments: list[Any] = []
    match name:
        case "ChargeCoin":
            arguments = [settings.chg_holder]
        case "Timelock":
            arguments = [settings.delay_s, settings.proposers, settings.executors or (ANYONE,)]
        case "StationRegistry":
            arguments = [at["Timelock"]]
        case "Settlement":
            arguments = [at["Token"], at["StationRegistry"], at["Timelock"], settings.guardian]
            arguments += [settings.members, settings.threshold, peers]
            arguments.append(settings.predecessor or ANYONE)
        case "CampaignManager" | "Payouts":
            arguments = [at["Settlement"]]
        case "Adjustments":
            arguments = [at["Settlement"], settings.arbiters, settings.arbiter_threshold]
        case "StakingPool":
            arguments = [at["ChargeCoin"], at["Token"]]
        case "DriverRewards":
            arguments = [at["ChargeCoin"], at["Settlement"], Kind.DRIVERS.value]
        case "StationRewards":
            arguments = [at["ChargeCoin"], at["Settlement"], Kind.STATIONS.value]
        case "FeeRouter":
            to = (at["StakingPool"], at["DriverRewards"], at["StationRewards"], settings.treasury)
            arguments = [at["Token"], at["Settlement"], at["Timelock"], to, settings.shares]
    return arguments


async def code_hash(rpc: Rpc, address: str) -> bytes | None:
    """Return keccak256 of the code at an address, None if there is none."""
    code = to_bytes(await rpc.request("eth_getCode", address, "latest"))
    return keccak(code) if code else None


async def deploy(pipeline: Pipeline, deployer: Sender, book: Book, settings: Settings) -> Progress:
    """Create what is missing, wire it, and say what governance has still to do.

    Raises `WrongChainError` if the book names an address whose code is not there,
    `ConfigurationError` if another account has to continue.
    """
    for name in book.contracts:
        await _check_there(pipeline.rpc, name, book)
    await _take_up(pipeline, book)
    _give_up_settlement_without_peers(pipeline, deployer, book)
    for step in plan(book, settings):
        if step.name in book.contracts:
            continue
        if step.address is not None:
            await _enter(pipeline.rpc, step, book)
        else:
            await _create(pipeline, deployer, step, settings, book)
    progress = await wire(pipeline, deployer, book, settings)
    if book.settings is None:
        book.save(settings)
    return progress


async def _check_there(rpc: Rpc, name: str, book: Book) -> None:
    address, expected = book.address(name), book.contracts[name]["code_hash"]
    found = await code_hash(rpc, address)
    if found is None or "0x" + found.hex() != expected:
        raise WrongChainError(
            f"{name} at {address} is not what {book.path} says it is; this is another chain "
            "(a local one that was started anew?). Move the book away to deploy again"
        )


async def _take_up(pipeline: Pipeline, book: Book) -> None:
    """Enter the contract whose creation was sent when an earlier run broke, or forget it."""
    announced = book.announced
    if announced is None:
        return
    if await pipeline.rpc.request("eth_getTransactionByHash", announced["transaction"]) is None:
        book.announce(None)
        return
    created = await wait_for_receipt(pipeline.rpc, to_bytes(announced["transaction"]))
    if not created.succeeded:
        book.announce(None)
        return
    await _enter_created(pipeline.rpc, created, announced, book)


def _give_up_settlement_without_peers(pipeline: Pipeline, deployer: Sender, book: Book) -> None:
    """Drop a settlement whose peers cannot be created any more: it can never be used."""
    if "Settlement" not in book.contracts:
        return
    entry = book.contracts["Settlement"]
    named = dict(zip(PEERS, entry["constructor"][_PEERS_ARGUMENT], strict=True))
    missing = [address for name, address in named.items() if name not in book.contracts]
    if missing == [created_at(deployer.address, deployer.nonce + i) for i in range(len(missing))]:
        return
    if entry["deployer"] != deployer.address:
        raise ConfigurationError(
            f"{entry['deployer']} created Settlement and has to create the contracts beside it: "
            "go on with that account"
        )
    pipeline.report(
        f"Settlement at {entry['address']} is given up: {deployer.address} sent other "
        "transactions since, and the contracts beside it would have other addresses"
    )
    for name in ("Settlement", *PEERS):
        book.contracts.pop(name, None)
    book.save()


async def _enter(rpc: Rpc, step: Step, book: Book) -> None:
    """Enter a contract that is not created here: a payment token, or CHG."""
    address = str(step.address)
    found = await code_hash(rpc, address)
    if found is None:
        raise WrongChainError(f"there is no contract at {address}, named as the {step.name}")
    head = int(await rpc.request("eth_blockNumber"), 16)
    book.add(step.name, {"address": address, "code_hash": "0x" + found.hex()}, head)


async def _create(
    pipeline: Pipeline, deployer: Sender, step: Step, settings: Settings, book: Book
) -> None:
    compiled = str(step.compiled)
    nonce = deployer.nonce
    peers = [created_at(deployer.address, nonce + 1 + i) for i in range(len(PEERS))]
    arguments = constructor(step.name, settings, book, peers)
    data = to_bytes(artifact(compiled)["bytecode"]) + constructor_arguments(compiled, *arguments)
    creation = Call(None, data, 0, name=f"creation of {step.name}")
    signed = await pipeline.sign(deployer, creation)
    announced = {
        "name": step.name,
        "address": created_at(deployer.address, nonce),
        "contract": compiled,
        "constructor": arguments,
        "deployer": deployer.address,
        "transaction": "0x" + signed.hash.hex(),
    }
    book.announce(announced)
    try:
        created = await pipeline.confirm(deployer, creation, signed)
    except RevertedError:
        book.announce(None)
        raise
    await _enter_created(pipeline.rpc, created, announced, book)
    pipeline.report(f"{step.name} created at {announced['address']}")


async def _enter_created(rpc: Rpc, created: Receipt, announced: dict[str, Any], book: Book) -> None:
    name, address = announced["name"], announced["address"]
    found = await code_hash(rpc, address)
    if found is None or created.contract_address != address:
        raise WrongChainError(f"{name} was to be created at {address} and is not there")
    entry = {key: value for key, value in announced.items() if key != "name"}
    book.add(name, entry | {"code_hash": "0x" + found.hex()}, created.block_number)
