"""Opening payers' vaults and filling them: what the chain has is found, the rest is added."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from eth_utils.address import to_checksum_address

from chargecoin.chain.events import Event, decode_events
from chargecoin.chain.reader import Chain
from chargecoin.chain.transactions import Call, contract_call
from scripts._onboarding_file import PayerInput
from scripts._pipeline import Pipeline, Sender

TRANSFER_GAS = 21_000


async def give_gas(
    pipeline: Pipeline, giver: Sender, addresses: Iterable[str], allowance: int
) -> None:
    """Fill addresses up to `allowance` wei where they have less than half of it."""
    wanted = list(addresses)
    request = [("eth_getBalance", (address, "latest")) for address in wanted]
    balances = [int(raw, 16) for raw in await pipeline.rpc.batch(request)]
    jobs = [
        (giver, Call(address, b"", TRANSFER_GAS, allowance - balance, "gas money"))
        for address, balance in zip(wanted, balances, strict=True)
        if balance < allowance // 2
    ]
    await pipeline.execute(jobs, "gas money")


@dataclass(slots=True)
class Vaults:
    """What settlement's events say of vaults: the first account of a holder, and its deposits."""

    accounts: dict[str, int] = field(default_factory=dict)
    deposits: dict[int, int] = field(default_factory=dict)

    def apply(self, events: Iterable[Event]) -> None:
        """Take in events in their order."""
        for event in events:
            if event.name == "AccountOpened":
                holder = to_checksum_address(event.args["holder"])
                self.accounts.setdefault(holder, event.args["account"])
            elif event.name == "Deposited":
                account = event.args["account"]
                self.deposits[account] = self.deposits.get(account, 0) + event.args["amount"]


async def fund(
    pipeline: Pipeline, chain: Chain, payers: list[tuple[PayerInput, Sender]], *, mint: bool
) -> dict[str, int]:
    """Give each payer an open vault with deposit and limit; return the accounts by name.

    With `mint` the token is the test one and what is missing is minted; otherwise
    payers must hold it.
    """
    settlement, token = (chain.deployment.address(name) for name in ("Settlement", "Token"))
    logs = await chain.logs(chain.deployment.start_block, "latest", ("Settlement",))
    vaults = Vaults()
    vaults.apply(decode_events("Settlement", settlement, logs))

    opening: list[tuple[Sender, Call]] = []
    missing: dict[str, int] = {}
    for payer, sender in payers:
        account = vaults.accounts.get(sender.address)
        if account is None:
            opening.append((sender, contract_call("Settlement", "open_account", settlement)))
        missing[payer.name] = max(0, payer.deposit - vaults.deposits.get(account or 0, 0))
        if (amount := missing[payer.name]) > 0:
            if mint:
                call = contract_call("TestStablecoin", "mint", token, sender.address, amount)
                opening.append((sender, call))
            call = contract_call("TestStablecoin", "approve", token, settlement, amount)
            opening.append((sender, call))
    for receipt in await pipeline.execute(opening, "vaults"):
        vaults.apply(decode_events("Settlement", settlement, receipt.logs))

    accounts = {payer.name: vaults.accounts[sender.address] for payer, sender in payers}
    states = await asyncio.gather(*(chain.account(accounts[payer.name]) for payer, _ in payers))
    filling: list[tuple[Sender, Call]] = []
    for (payer, sender), state in zip(payers, states, strict=True):
        account, amount = accounts[payer.name], missing[payer.name]
        if amount > 0:
            filling.append(
                (sender, contract_call("Settlement", "deposit", settlement, account, amount))
            )
        if state.daily_limit != payer.daily_limit:
            call = contract_call(
                "Settlement", "set_daily_limit", settlement, account, payer.daily_limit
            )
            filling.append((sender, call))
    await pipeline.execute(filling, "deposits and limits")
    return accounts
