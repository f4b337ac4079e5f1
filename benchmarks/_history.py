"""A chain with a past: many settled sessions on a real anvil, made by the real contracts."""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import orjson
from eth_utils.crypto import keccak

from chargecoin.chain import Chain
from chargecoin.chain.transactions import Call
from chargecoin.local_node import LocalNode, NodeOptions
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
CONNECTORS: Final = 180
# Of one batch.
RUNS: Final = 10
FLEETS: Final = 20
PRICES: Final = Prices(kwh=450_000, hour=0, idle_hour=0, session=0)
ZONES: Final = ("Europe/London", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "UTC")
DEPOSIT: Final = 10**13
LIMIT: Final = 10**13
BATCH: Final = 256
# What the largest batch of such sessions needs, with room.
BATCH_GAS: Final = 3_200_000
BLOCK_GAS: Final = 60_000_000
# Blocks without sessions at the end, so that all before them is final to everyone.
FINALITY: Final = 80
CACHE: Final = Path(__file__).resolve().parents[1] / ".cache" / "history"


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


@dataclass(frozen=True, slots=True)
class Shape:
    """How sessions lie in blocks: `batches` a block, each of `batch` sessions."""

    sessions: int
    batch: int
    batches: int

    @property
    def blocks(self) -> int:
        """Blocks with sessions."""
        return -(-self.sessions // (self.batch * self.batches))


def sparse(sessions: int) -> Shape:
    """One batch of 100 sessions a block."""
    return Shape(sessions, 100, 1)


def dense(sessions: int) -> Shape:
    """As many whole batches as the gas of a block of 60 million allows."""
    return Shape(sessions, BATCH, BLOCK_GAS // BATCH_GAS)


@dataclass(frozen=True, slots=True)
class History:
    """A chain as a state to begin with, its address book, and how many logs it has."""

    state: Path
    book: Path

    def options(self) -> NodeOptions:
        """Return how to start a node on it."""
        return NodeOptions(state=self.state, gas_limit=BLOCK_GAS)


def history(shape: Shape, say: Callable[[str], None]) -> History:
    """Return a chain of this shape, made once and kept while the contracts stay as they are."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    root = Path(__file__).resolve().parents[1]
    for path in sorted((root / "chargecoin" / "abi").glob("*.json")):
        digest.update(path.read_bytes())
    folder = CACHE / f"{shape.sessions}-{shape.batch}-{shape.batches}-{digest.hexdigest()[:16]}"
    found = History(folder / "state.json", folder / "book.json")
    if not found.state.exists():
        for old in CACHE.glob(f"{shape.sessions}-{shape.batch}-{shape.batches}-*"):
            shutil.rmtree(old)
        folder.mkdir(parents=True)
        with LocalNode(NodeOptions(timestamp=GENESIS, gas_limit=BLOCK_GAS)) as node:
            asyncio.run(_settle(node, found.book, shape, say))
            node.mine(FINALITY)
            half = found.state.with_suffix(".part")
            node.dump(half)
            half.rename(found.state)
    return found


class Writer:
    """Settles blocks of sessions on a node, each at connectors of its own."""

    def __init__(self, node: LocalNode, chain: Chain, shape: Shape, ids: Ids) -> None:
        """Settle on `node`, in blocks of `shape`."""
        self.settler = Settler(node, chain, [SIGNER])
        self._node = node
        self._shape = shape
        self._ids = ids
        self._dice = random.Random(1)
        self._turn = 0

    async def block(self, sessions: int, at: int) -> list[Call]:
        """Return the batches of a block of time `at`, UTC seconds."""
        calls = []
        for _ in range(self._shape.batches):
            if sessions <= 0:
                break
            count = min(self._shape.batch, sessions)
            sessions -= count
            batch: dict[int, list[SessionRecord]] = {}
            for i in range(count):
                connector = self._ids.connectors[(self._turn + i % RUNS) % CONNECTORS]
                payer = self._dice.choice(self._ids.accounts)
                batch.setdefault(connector, []).append(_session(self._dice, payer, at))
            self._turn += RUNS
            calls.append(replace(await self.settler.batch(batch), gas=BATCH_GAS))
        return calls

    async def settle(self, sessions: int, at: int) -> None:
        """Make a block."""
        calls = await self.block(sessions, at)
        self._node.set_next_timestamp(at)
        await self.settler.execute(*calls)


@dataclass(frozen=True, slots=True)
class Ids:
    """What was onboarded, and the time of the last block with sessions, UTC seconds."""

    connectors: tuple[int, ...]
    accounts: tuple[int, ...]
    settled_until: int = 0


SIGNER: Final = Signer(bytes.fromhex(_secret("attester")[2:]))


async def _settle(node: LocalNode, book: Path, shape: Shape, say: Callable[[str], None]) -> None:
    protocol = await set_up(node.url, book, (SIGNER.address,), 1, _onboarding())
    ids = Ids(
        tuple(protocol.ids["connectors"].values()),
        tuple(payer["account"] for payer in protocol.ids["payers"].values()),
    )
    a_block = shape.batch * shape.batches
    # An owner's day cap holds some 20,000 of these sessions.
    step = max(3_600, 86_400 * a_block // 40_000)
    async with await Chain.connect(node.url, protocol.deployment) as chain:
        writer = Writer(node, chain, shape, ids)
        at = GENESIS + 86_400
        for done in range(0, shape.sessions, a_block):
            at += step
            await writer.settle(min(a_block, shape.sessions - done), at)
            say(f"settling: {min(done + a_block, shape.sessions)} of {shape.sessions} sessions")
    book.with_name("ids.json").write_bytes(orjson.dumps(replace(ids, settled_until=at)))


def ids_of(found: History) -> Ids:
    """Return what was onboarded on a chain."""
    raw = orjson.loads(found.book.with_name("ids.json").read_bytes())
    return Ids(tuple(raw["connectors"]), tuple(raw["accounts"]), raw["settled_until"])
