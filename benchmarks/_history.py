"""A chain with a past: many settled sessions on a real anvil, made by the real contracts."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eth_utils.crypto import keccak

from chargecoin.chain import Chain
from chargecoin.local_node import LocalNode
from chargecoin.record import SessionRecord
from chargecoin.tariff import Prices, gross
from chargecoin.typed_data import Signer
from scripts._local import set_up
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
from scripts._settling import Settler

GENESIS: Final = 1_767_225_600
OWNERS: Final = 5
CONNECTORS: Final = 40
FLEETS: Final = 20
PRICES: Final = Prices(kwh=450_000, hour=0, idle_hour=0, session=0)
ZONES: Final = ("Europe/London", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "UTC")
DEPOSIT: Final = 10**13
LIMIT: Final = 10**13


def _secret(role: str) -> str:
    return "0x" + keccak(text=f"chargecoin benchmark {role}").hex()


def _onboarding() -> Onboarding:
    tariff = TariffInput(kwh=PRICES.kwh, hour=0, idle_hour=0, session=0, vat_bps=2_000)

    def station(number: int) -> StationInput:
        connector = ConnectorInput(1, 4, 2, 22_000, tariff)
        return StationInput(f"CP-{number:04}", "Vendor", "Model", (EvseInput(1, (connector,)),))

    def site(owner: int) -> SiteInput:
        each = CONNECTORS // OWNERS
        stations = tuple(station(owner * each + i) for i in range(each))
        return SiteInput(f"Site {owner}", ZONES[owner], "GB", "GB", stations)

    return Onboarding(
        owners=tuple(
            OwnerInput(f"Owner {i}", _secret(f"station_owner {i}"), (site(i),))
            for i in range(OWNERS)
        ),
        payers=tuple(
            PayerInput(f"fleet {i}", _secret(f"fleet {i}"), DEPOSIT, LIMIT) for i in range(FLEETS)
        ),
    )


def _session(dice: random.Random, payer: int, ended_by: int) -> SessionRecord:
    """Draw a session of half an hour to eight: most cover two to four hours of the rollups."""
    energy, duration = dice.randint(2_000, 60_000), dice.randint(1_800, 28_800)
    idle = dice.randint(0, duration // 3)
    return SessionRecord(
        payer=payer,
        started_at=ended_by - duration - dice.randint(0, 3_600),
        duration_s=duration,
        idle_s=idle,
        energy_wh=energy,
        gross=gross(PRICES, energy_wh=energy, duration_s=duration, idle_s=idle),
        campaign_id=0,
        hour_of_week=dice.randrange(168),
        grid_gco2e_per_kwh=177,
        renewable_pct=43,
        assurance=dice.randint(2, 3),
    )


async def settle_history(
    node: LocalNode, book: Path, sessions: int, per_block: int, say: Callable[[str], None]
) -> int:
    """Settle `sessions` in blocks of `per_block`, 20 connectors a batch; return the head."""
    signer = Signer(bytes.fromhex(_secret("attester")[2:]))
    protocol = await set_up(node.url, book, (signer.address,), 1, _onboarding())
    accounts = [payer["account"] for payer in protocol.ids["payers"].values()]
    connectors = list(protocol.ids["connectors"].values())
    dice = random.Random(1)
    async with await Chain.connect(node.url, protocol.deployment) as chain:
        settler = Settler(node, chain, [signer])
        at = GENESIS + 86_400
        for done in range(0, sessions, per_block):
            used = connectors[:20] if done // per_block % 2 else connectors[20:]
            batch: dict[int, list[SessionRecord]] = {one: [] for one in used}
            for i in range(min(per_block, sessions - done)):
                batch[used[i % len(used)]].append(_session(dice, dice.choice(accounts), at))
            # The owner's day cap holds some 20,000 of these sessions.
            at += 3_600
            await settler.settle({one: some for one, some in batch.items() if some}, at=at)
            say(f"settling: {min(done + per_block, sessions)} of {sessions}")
        head = await chain.block("latest")
        if head is None:
            raise RuntimeError("the chain has no head")
        # So that all of it is final.
        node.mine(3)
        return head.number
