"""Deploying the protocol: what is wanted, what is there already, and the steps between.

The creation code is the committed one (`chargecoin/abi/`), which a test holds equal
to what the compilers give and `verify_deployment` compiles again. Each contract is
written to the address book as soon as it exists, so a run that breaks is continued
by the next one, and a run with nothing to do does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chargecoin.chain import Rpc
from chargecoin.chain.calls import constructor_arguments
from chargecoin.chain.transactions import Call, contract_call
from chargecoin.chain.values import to_bytes
from chargecoin.contracts import artifact
from chargecoin.errors import WrongChainError
from scripts._book import Book, Settings
from scripts._governance import ANYONE, Governance, Progress, read
from scripts._pipeline import Pipeline, Sender

CONTRACTS: Final = ("Token", "Timelock", "StationRegistry", "Settlement", "FeeRouter")
"""The order in which they are deployed; later ones name earlier ones."""


@dataclass(frozen=True, slots=True)
class Step:
    """One contract: already there, taken as it is, or to be created."""

    name: str
    compiled: str | None
    address: str | None


def plan(book: Book, settings: Settings) -> list[Step]:
    """Return what is there and what is missing, in order."""
    steps = []
    for name in CONTRACTS:
        compiled: str | None = name
        address = book.contracts.get(name, {}).get("address")
        if name == "Token":
            compiled = None if settings.token else "TestStablecoin"
            address = address or settings.token
        steps.append(Step(name, compiled, address))
    return steps


def constructor(name: str, settings: Settings, book: Book) -> list[Any]:
    """Return a contract's constructor arguments; those it needs are in the book."""
    if name == "Token":
        return []
    if name == "Timelock":
        return [settings.delay_s, settings.proposers, settings.executors or (ANYONE,)]
    timelock = book.address("Timelock")
    if name == "StationRegistry":
        return [timelock]
    token = book.address("Token")
    if name == "Settlement":
        registry, guardian = book.address("StationRegistry"), settings.guardian
        return [token, registry, timelock, guardian, settings.members, settings.threshold]
    settlement = book.address("Settlement")
    return [token, settlement, timelock, settings.destinations, settings.shares]


async def code_hash(rpc: Rpc, address: str) -> bytes | None:
    """Return keccak256 of the code at an address, None if there is none."""
    code = to_bytes(await rpc.request("eth_getCode", address, "latest"))
    return keccak(code) if code else None


async def deploy(pipeline: Pipeline, deployer: Sender, book: Book, settings: Settings) -> Progress:
    """Create what is missing, wire it, and say what governance has still to do.

    Raises `WrongChainError` if the book names an address whose code is not there.
    """
    for step in plan(book, settings):
        if step.name in book.contracts:
            await _check_there(pipeline.rpc, step.name, book)
        elif step.address is not None:
            await _enter(pipeline.rpc, step, book)
        else:
            await _create(pipeline, deployer, step, settings, book)
    progress = await _wire(pipeline, deployer, book)
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


async def _enter(rpc: Rpc, step: Step, book: Book) -> None:
    """Enter a contract that is not ours: the payment token of a public chain."""
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
    arguments = constructor(step.name, settings, book)
    data = to_bytes(artifact(compiled)["bytecode"]) + constructor_arguments(compiled, *arguments)
    creation = Call(None, data, 0, name=f"creation of {step.name}")
    [receipt] = await pipeline.execute([(deployer, creation)], step.name)
    address = str(receipt.contract_address)
    found = await code_hash(pipeline.rpc, address)
    if found is None:
        raise WrongChainError(f"{step.name} was created at {address} and is not there")
    entry = {
        "address": address,
        "contract": compiled,
        "constructor": arguments,
        "code_hash": "0x" + found.hex(),
        "transaction": "0x" + receipt.transaction_hash.hex(),
    }
    book.add(step.name, entry, receipt.block_number)


async def _wire(pipeline: Pipeline, deployer: Sender, book: Book) -> Progress:
    """Tell settlement where fees go, which only governance can."""
    settlement, router = book.address("Settlement"), book.address("FeeRouter")
    [named] = await read(pipeline.rpc, "Settlement", settlement, "fee_router")
    if to_checksum_address(named) == router:
        return Progress(done=True, message="fees go to the fee router")
    governance = Governance(pipeline, book.address("Timelock"), deployer)
    return await governance.act(contract_call("Settlement", "set_fee_router", settlement, router))
