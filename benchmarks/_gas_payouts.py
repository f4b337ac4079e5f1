"""What it costs to pay 50 station owners, and what an ERC-20 batch transfer does.

Both move the same amounts to the same owners in the same state: `payout` out of accruals
by a schedule, to the owners' own accounts as the registry has them; `batch_transfer`
(snekmate's) out of tokens that somebody has put together. Each is measured twice: to
owners who hold the token already, so that every slot is cold and not zero, and to owners
who never held it (`_new`). `payout_to_destination` is for owners who have set a
destination, so that the registry is not asked. `escrow` is a session paid as peers do
it, in two transactions (`contracts/mocks/session_escrow_mock.vy`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from chargecoin.chain import Chain, Receipt
from chargecoin.chain.events import decode_events
from chargecoin.chain.transactions import Call, KeySigner, contract_call
from chargecoin.local_node import CHAIN_ID, LocalNode
from chargecoin.payouts import Cycle, pay, set_schedule
from chargecoin.record import Assurance, SessionRecord
from chargecoin.typed_data import Signer
from scripts._local import DEPLOYER, LocalProtocol, set_up
from scripts._onboarding_file import (
    ConnectorInput,
    EvseInput,
    Onboarding,
    OwnerInput,
    PayerInput,
    SiteInput,
    StationInput,
    TariffInput,
)
from scripts._pipeline import Pipeline
from scripts._settling import Settler
from scripts.export_abi import vyper

OWNERS: Final = 50
KWH_PRICE: Final = 450_000
DEPOSIT: Final = 10**10
DAY_S: Final = 86_400
GENESIS: Final = 1_767_225_600  # 2026-01-01
GAS: Final = 10_000_000
SIGNERS: Final = (Signer(keccak(text="chargecoin benchmark attester")),)


def _secret(role: str) -> str:
    return "0x" + keccak(text=f"chargecoin benchmark {role}").hex()


def _owner_keys() -> list[KeySigner]:
    return [KeySigner(bytes.fromhex(_secret(f"paid owner {i}")[2:])) for i in range(OWNERS)]


def _onboarding() -> Onboarding:
    """Return 50 owners with a connector each, and a fleet that pays."""
    tariff = TariffInput(kwh=KWH_PRICE, hour=0, idle_hour=0, session=0, vat_bps=2_000)

    def site(number: int) -> SiteInput:
        evse = EvseInput(1, (ConnectorInput(1, 4, 2, 22_000, tariff),))
        station = StationInput(f"CP-{number:04}", "Vendor", "Model", (evse,))
        return SiteInput(f"Site {number}", "Europe/London", "GB", "GB", (station,))

    return Onboarding(
        owners=tuple(
            OwnerInput(f"Owner {i}", _secret(f"paid owner {i}"), (site(i),)) for i in range(OWNERS)
        ),
        payers=(PayerInput("fleet", _secret("fleet"), DEPOSIT, DEPOSIT),),
    )


@dataclass(frozen=True, slots=True)
class Mock:
    """A contract of `contracts/mocks/` on the chain."""

    address: str
    interface: list[dict[str, Any]]

    def call(self, name: str, *args: Any) -> Call:
        """Return a call of one of its functions."""
        inputs = next(one for one in self.interface if one.get("name") == name)["inputs"]
        types = [_type(one) for one in inputs]
        selector = keccak(text=f"{name}({','.join(types)})")[:4]
        return Call(self.address, selector + encode(types, args), GAS, name=name)


def _type(entry: dict[str, Any]) -> str:
    name: str = entry["type"]
    if not name.startswith("tuple"):
        return name
    inner = ",".join(_type(part) for part in entry["components"])
    return f"({inner}){name.removeprefix('tuple')}"


class Payday:
    """50 owners who are paid daily, and what they have earned."""

    def __init__(self, node: LocalNode, chain: Chain, protocol: LocalProtocol) -> None:
        """Build on what `set_up` made."""
        self._node = node
        self._pipeline = Pipeline(chain.rpc, CHAIN_ID)
        self._settler = Settler(node, chain, SIGNERS)
        self._fleet: int = protocol.ids["payers"]["fleet"]["account"]
        self._connectors: list[int] = list(protocol.ids["connectors"].values())
        self._owners: list[int] = [one["owner_id"] for one in protocol.ids["owners"]]
        self._keys = _owner_keys()
        self._chain = chain
        self._token = chain.deployment.address("Token")

    async def execute(self, call: Call) -> Receipt:
        """Send one transaction of the deployer."""
        [receipt] = await self._settler.execute(call)
        return receipt

    async def deploy(self, name: str, types: Sequence[str] = (), *args: Any) -> Mock:
        """Create a mock."""
        interface, bytecode = vyper(f"mocks/{name}", "abi", "bytecode")
        data = bytes.fromhex(bytecode.removeprefix("0x")) + encode(list(types), args)
        receipt = await self.execute(Call(None, data, GAS, name=name))
        return Mock(str(receipt.contract_address), json.loads(interface))

    async def prepare(self) -> None:
        """Set schedules, and put together what the batch transfer needs."""
        deployment = self._chain.deployment
        await self._each(lambda owner, _: set_schedule(deployment, owner, Cycle.DAILY))
        self._distributor = await self.deploy("batch_distributor_mock")
        for holder in (DEPLOYER.address, self._distributor.address):
            await self.execute(self._erc20("mint", holder, 10**12))
        await self.execute(self._erc20("approve", self._distributor.address, 10**12))

    async def _each(self, call: Callable[[int, str], Call]) -> None:
        """Have each owner send a call, made from its number and address."""
        senders = await self._pipeline.senders(self._keys)
        await self._pipeline.execute(
            [
                (sender, call(owner, sender.address))
                for sender, owner in zip(senders, self._owners, strict=True)
            ]
        )

    async def set_destinations(self) -> None:
        """Have each owner say that it is paid to the address it has."""
        settlement = self._chain.deployment.address("Settlement")
        await self._each(
            lambda owner, address: contract_call(
                "Settlement", "set_destination", settlement, owner, address, bytes(32)
            )
        )

    def _erc20(self, name: str, *args: Any) -> Call:
        return contract_call("TestStablecoin", name, self._token, *args)

    async def earn(self, day: int) -> None:
        """Have each owner earn something on a day after genesis; amounts differ."""
        start = GENESIS + day * DAY_S + 6 * 3600
        sessions = {
            connector: [_record(self._fleet, start, energy_wh=30_000 + 7 * i)]
            for i, connector in enumerate(self._connectors)
        }
        await self._settler.settle(sessions, at=start + 6 * 3600)

    async def pay(self, day: int) -> Receipt:
        """Pay everybody on a day after genesis."""
        self._node.set_next_timestamp(GENESIS + day * DAY_S)
        return await self.execute(pay(self._chain.deployment, self._owners))

    async def transfer_the_same(self, day: int) -> Receipt:
        """Send everybody what `pay` would, by a batch transfer."""
        amounts = []
        for owner in self._owners:
            accrual = await self._chain.accrual(owner)
            amounts.append(accrual.balance)
        transfers = [(key.address, amount) for key, amount in zip(self._keys, amounts, strict=True)]
        self._node.set_next_timestamp(GENESIS + day * DAY_S)
        call = self._distributor.call("distribute_token", self._token, (transfers,))
        return await self.execute(call)

    async def both(self, day: int) -> tuple[int, int]:
        """Return the gas of paying and of transferring, and leave the first done."""
        before = self._node.snapshot()
        transferred = await self.transfer_the_same(day)
        self._node.revert(before)
        return await self.paid(day), transferred.gas_used

    async def paid(self, day: int) -> int:
        """Return the gas of paying everybody."""
        receipt = await self.pay(day)
        settlement = self._chain.deployment.address("Settlement")
        paid = [event.name for event in decode_events("Settlement", settlement, receipt.logs)]
        if paid != ["PaidOut"] * OWNERS:
            raise RuntimeError(f"{len(paid)} of {OWNERS} owners were paid")
        return receipt.gas_used

    async def escrow(self) -> int:
        """Return the gas of a session in two transactions, the second of its kind."""
        treasury = self._distributor.address
        types = ("address", "address", "address")
        escrow = await self.deploy(
            "session_escrow_mock", types, self._token, DEPLOYER.address, treasury
        )
        await self.execute(self._erc20("approve", escrow.address, 10**12))
        await self.execute(self._erc20("mint", escrow.address, 1))
        gas = 0
        for session in (1, 2):
            opened = await self.execute(escrow.call("open", self._keys[0].address, 40_000_000))
            closed = await self.execute(escrow.call("close", session, 33_333, 15_000_000))
            gas = opened.gas_used + closed.gas_used
        return gas


def _record(payer: int, start: int, *, energy_wh: int) -> SessionRecord:
    return SessionRecord(
        payer=payer,
        started_at=start,
        duration_s=3_600,
        idle_s=600,
        energy_wh=energy_wh,
        gross=energy_wh * KWH_PRICE // 1_000,
        campaign_id=0,
        hour_of_week=10,
        grid_gco2e_per_kwh=176,
        renewable_pct=43,
        assurance=Assurance.SIGNED,
    )


async def measure(node: LocalNode, folder: Path) -> dict[str, int]:
    """Return the gas of each transaction (of both, for `escrow`) by scenario."""
    members = tuple(signer.address for signer in SIGNERS)
    protocol = await set_up(node.url, folder / "payouts.json", members, len(members), _onboarding())
    async with await Chain.connect(node.url, protocol.deployment) as chain:
        payday = Payday(node, chain, protocol)
        await payday.prepare()
        await payday.earn(day=1)
        new, transfer_new = await payday.both(day=2)
        await payday.earn(day=3)
        paid, transferred = await payday.both(day=4)
        await payday.set_destinations()
        await payday.earn(day=8)
        return {
            "payout": paid,
            "batch_transfer": transferred,
            "payout_to_destination": await payday.paid(day=9),
            "payout_new": new,
            "batch_transfer_new": transfer_new,
            "escrow": await payday.escrow(),
        }


def figures(gas: dict[str, int]) -> dict[str, float]:
    """Return gas a payout, a transfer and an escrowed session, and how they compare."""
    each = {name: round(total / OWNERS, 1) for name, total in gas.items() if name != "escrow"}
    return each | {
        "payout_ratio": round(gas["payout"] / gas["batch_transfer"], 3),
        "payout_to_destination_ratio": round(
            gas["payout_to_destination"] / gas["batch_transfer"], 3
        ),
        "payout_new_ratio": round(gas["payout_new"] / gas["batch_transfer_new"], 3),
        "escrow": gas["escrow"],
    }
