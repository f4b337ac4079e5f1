"""Who acts on the real contracts, and whether the tables of what they did are verified."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from sqlalchemy import Engine, select, text

from chargecoin.chain import Receipt
from chargecoin.chain.events import decode_events
from chargecoin.chain.transactions import Call, KeySigner, contract_call
from chargecoin.local_node import CHAIN_ID
from indexer import schema
from indexer.database import open_engine
from indexer.report import Check
from indexer.verify import verify
from indexer.verify_storage import compare_storage
from scripts._pipeline import Pipeline
from tests.indexer.real import DAY, Real

MANY = 10**12
INTERFACES = {
    "Token": "TestStablecoin",
    "DriverRewards": "RewardDistributor",
    "StationRewards": "RewardDistributor",
}


class Cast:
    """Who acts on the contracts, each by its own key."""

    def __init__(self, real: Real) -> None:
        self.real = real
        self.book = real.protocol.deployment

    def call(self, contract: str, name: str, *args: object) -> Call:
        interface = INTERFACES.get(contract, contract)
        return contract_call(interface, name, self.book.address(contract), *args)

    def signer(self, role: str) -> KeySigner:
        """Return a role's signer: the owner's, the guardian's, the deployer's, a payer's."""
        protocol = self.real.protocol
        others = {
            "owner": protocol.owner(1),
            "guardian": protocol.guardian,
            "deployer": protocol.deployer,
        }
        return others.get(role) or protocol.payer(role)

    async def act(self, role: str, *calls: Call) -> None:
        pipeline = Pipeline(self.real.settler.rpc, CHAIN_ID)
        [sender] = await pipeline.senders([self.signer(role)])
        receipts = await pipeline.execute([(sender, call) for call in calls])
        assert all(receipt.succeeded for receipt in receipts)

    def pass_time(self, seconds: int) -> None:
        self.real.protocol.node.rpc("evm_increaseTime", seconds)
        self.real.protocol.node.mine()

    async def start_campaign(self, budget: int) -> None:
        """An owner's campaign of 20 % on connectors 1 and 2 that begins at once."""
        owner = self.real.protocol.owner(1).address
        await self.real.settler.execute(self.call("Token", "mint", owner, MANY))
        now = self.real.now
        rules = (1, 1, "Nights", now + 60, now + 30 * DAY, (1 << 168) - 1, 2_000, 10**9, 0, 0, 0, 0)
        await self.act(
            "owner",
            self.call("Token", "approve", self.book.address("Settlement"), MANY),
            self.call("CampaignManager", "create", rules, [1, 2], budget),
        )
        self.pass_time(DAY)

    async def settle(self) -> Receipt:
        """One with the campaign and more than its budget, one without, one nobody could pay."""
        self.pass_time(DAY)
        with_campaign = replace(self.real.session("fleet", energy_wh=30_000), campaign_id=1)
        sessions = [
            with_campaign,
            self.real.session("fleet"),
            self.real.session("driver", energy_wh=400_000),
        ]
        receipt = await self.real.settler.settle({1: sessions})
        assert receipt.succeeded
        return receipt

    def presented(self, receipt: Receipt, index: int) -> tuple[object, ...]:
        settlement = self.book.address("Settlement")
        words = [
            event.args["session"].to_bytes(32, "big")
            for event in decode_events("Settlement", settlement, receipt.logs)
            if event.name == "Session"
        ]
        batch = len(self.real.settler.settled)
        return (batch, *self.real.settler.settled[batch], b"".join(words), index)


async def assert_verified(real: Real) -> None:
    await real.catch_up()
    report = await real.verify()
    assert [check.differences for check in report.checks if check.differing] == []


async def against_all(real: Real, engine: Engine) -> Sequence[Check]:
    """Compare with the rows, with the logs and with storage."""
    return (await verify(engine, real.protocol.deployment, real.rpc)).checks


async def against_storage(real: Real, engine: Engine) -> Sequence[Check]:
    """Compare with storage alone, which is quicker than to index again."""
    with engine.connect() as connection:
        at = connection.execute(select(schema.cursor.c.number, schema.cursor.c.timestamp)).one()
        block = (at.number, at.timestamp)
        return await compare_storage(
            connection, real.protocol.deployment, real.rpc, block, lambda _line: None
        )


async def assert_found(
    real: Real,
    changes: list[tuple[str, str]],
    against: Callable[[Real, Engine], Awaitable[Sequence[Check]]],
) -> None:
    """Each change by hand in a copy of the tables is found by the check that it names."""
    with real.store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    missed = []
    for number, (statement, found_by) in enumerate(changes):
        copy = real.folder / f"{number}.sqlite"
        copy.write_bytes((real.folder / "index.sqlite").read_bytes())
        engine = open_engine(f"sqlite:///{copy}")
        with engine.begin() as connection:
            assert connection.execute(text(statement)).rowcount, statement
        checks = await against(real, engine)
        engine.dispose()
        if not any(check.name == found_by and check.differences for check in checks):
            missed.append(statement)
    assert not missed, missed
