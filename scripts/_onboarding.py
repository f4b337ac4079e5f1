"""Onboarding as a whole: gas money, accreditation, registry, vaults, and the ids of it all."""

from __future__ import annotations

from typing import Any, Final

from eth_utils.address import to_checksum_address

from chargecoin.chain import Chain
from chargecoin.chain.transactions import KeySigner, contract_call
from chargecoin.chain.values import to_bytes
from chargecoin.errors import ConfigurationError
from scripts._book import Book
from scripts._funding import fund, give_gas
from scripts._governance import Governance
from scripts._onboarding_file import VOUCHER_KINDS, Onboarding
from scripts._pipeline import Pipeline, Sender
from scripts._registering import Registrar

TEST_TOKEN: Final = "TestStablecoin"


async def _senders(pipeline: Pipeline, keys: dict[str, str], giver: Sender) -> dict[str, Sender]:
    """Return senders by name. Equal keys share one sender, and so its nonces."""
    signers = {key: KeySigner(to_bytes(key)) for key in set(keys.values())}
    found = dict(zip(signers, await pipeline.senders(signers.values()), strict=True))
    return {
        name: giver if found[key].address == giver.address else found[key]
        for name, key in keys.items()
    }


async def onboard(
    pipeline: Pipeline, book: Book, chain: Chain, giver: Sender, onboarding: Onboarding, gas: int
) -> dict[str, Any]:
    """Do what the file says and is not done yet; return the ids (docs/onboarding.md).

    `giver` tops everyone up to `gas` wei and proposes accreditations to governance.
    Raises `ConfigurationError` if governance has to act first, `RevertedError` with
    the contract's reason where one refuses.
    """
    keys = {f"owner {owner.name}": owner.key for owner in onboarding.owners}
    keys |= {f"voucher {kind}": key for kind, key in onboarding.vouchers.items()}
    keys |= {f"payer {payer.name}": payer.key for payer in onboarding.payers}
    senders = await _senders(pipeline, keys, giver)
    addresses = sorted({sender.address for sender in senders.values()})
    await give_gas(pipeline, giver, addresses, gas)

    owners = {owner.name: senders[f"owner {owner.name}"] for owner in onboarding.owners}
    vouchers = {str(kind): senders[f"voucher {kind}"] for kind in onboarding.vouchers}
    registrar = Registrar(pipeline, chain, onboarding, owners, vouchers)
    await registrar.read()
    await _accredit(pipeline, book, giver, onboarding, registrar, vouchers)
    await registrar.register()

    payers = [(payer, senders[f"payer {payer.name}"]) for payer in onboarding.payers]
    mint = book.contracts["Token"].get("contract") == TEST_TOKEN
    accounts = await fund(pipeline, chain, payers, mint=mint)
    return {
        **registrar.ids(),
        "payers": {
            payer.name: {"account": accounts[payer.name], "holder": sender.address}
            for payer, sender in payers
        },
    }


async def _accredit(
    pipeline: Pipeline,
    book: Book,
    proposer: Sender,
    onboarding: Onboarding,
    registrar: Registrar,
    vouchers: dict[str, Sender],
) -> None:
    governance = Governance(pipeline, book.address("Timelock"), proposer)
    registry = book.address("StationRegistry")
    waiting = []
    for name in onboarding.vouchers:
        address, kind = to_checksum_address(vouchers[name].address), VOUCHER_KINDS[name]
        if registrar.registered.vouchers.get(address) != kind:
            call = contract_call("StationRegistry", "set_voucher", registry, address, kind)
            progress = await governance.act(call)
            if not progress.done:
                waiting.append(progress.message)
    if waiting:
        raise ConfigurationError(
            "governance has to accredit vouchers first:\n" + "\n".join(waiting)
        )
