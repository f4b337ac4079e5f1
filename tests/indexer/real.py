"""The real contracts on a real anvil, who settles on them, and an indexer that follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from chargecoin.chain import Receipt
from chargecoin.record import Assurance, SessionRecord
from indexer.database import open_database
from indexer.follow import DEEP_SIGHTINGS, Follower
from indexer.report import Report
from indexer.rpc import Rpc
from indexer.store import Store
from indexer.verify import verify
from scripts._settling import Settler
from tests.indexer.tables import contents
from tests.support.protocol import Protocol

DAY = 86_400
PRICE_PER_KWH = 450_000


@dataclass
class Past:
    """A protocol on anvil, and who settles on it."""

    protocol: Protocol
    settler: Settler

    def session(
        self, payer: str, *, energy_wh: int = 10_000, gross: int | None = None
    ) -> SessionRecord:
        ids = self.protocol.ids["payers"]
        return SessionRecord(
            payer=ids[payer]["account"] if payer else 0,
            started_at=self.now - 7_200,
            duration_s=5_400,
            idle_s=600,
            energy_wh=energy_wh,
            gross=energy_wh * PRICE_PER_KWH // 1000 if gross is None else gross,
            campaign_id=0,
            hour_of_week=72,
            grid_gco2e_per_kwh=177,
            renewable_pct=43,
            assurance=Assurance.OBSERVED,
        )

    @property
    def now(self) -> int:
        return int(self.protocol.node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    async def settle(self) -> Receipt:
        """Settle every outcome: settled, short of money, without payer, clamped, rejected."""
        self.protocol.node.rpc("evm_increaseTime", DAY)
        self.protocol.node.mine()
        sessions = {
            1: [self.session("fleet"), self.session("driver", energy_wh=400_000)],
            2: [self.session(""), self.session("fleet", gross=1)],
            3: [
                self.session("fleet", gross=0),
                replace(self.session("fleet"), started_at=5),
                self.session("fleet", energy_wh=20_000),
            ],
        }
        receipt = await self.settler.settle(sessions)
        assert receipt.succeeded
        return receipt


@dataclass
class Real(Past):
    """The same, and an indexer."""

    store: Store
    follower: Follower
    rpc: Rpc
    folder: Path

    async def catch_up(self) -> None:
        while await self.follower.step():
            pass
        await self.follower.step()

    async def mend(self) -> None:
        """Catch up, looking again and again where a reorg is below what was final."""
        for _ in range(DEEP_SIGHTINGS + 1):
            await self.catch_up()

    async def verify(self) -> Report:
        return await verify(self.store.engine, self.protocol.deployment, self.rpc)

    async def anew(self) -> dict[str, list[tuple[object, ...]]]:
        """Return the tables of an indexer that sees the chain only as it is now."""
        path = self.folder / "anew.sqlite"
        path.unlink(missing_ok=True)
        engine = open_database(f"sqlite:///{path}")
        follower = Follower(self.rpc, Store(engine, self.protocol.deployment))
        while await follower.step():
            pass
        await follower.step()
        await follower.close()
        found = contents(engine)
        engine.dispose()
        return found
