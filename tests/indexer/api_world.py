"""A database in which every kind of object that the read API serves occurs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, select

from indexer import schema
from indexer.schema import LOG_BITS
from indexer.store import Store
from tests.indexer.fake_chain import DEPLOYMENT, FakeChain
from tests.indexer.fake_node import FakeNode
from tests.indexer.tables import catch_up, fresh

FINALITY = 8
BLOCKS = 40
ADDRESS = "0x" + "Ab" * 20
ORACLE = "0x" + "Cd" * 20
HASH = b"\x07" * 32
LOG = 1_000  # Beyond the logs of the block that these rows are put beside.

# What the chain of the simulation need not contain by itself: the API only reads tables.
ROWS: list[tuple[Any, dict[str, Any]]] = [
    (
        schema.refunds,
        {
            "connector_id": 1,
            "sequence": 1,
            "owner_id": 1,
            "site_id": 1,
            "campaign_id": 0,
            "account": 1,
            "settled_at": 1,
            "settled_day": 1,
            "dispute": 1,
            "waived": 1,
            "to_payer": 2,
            "to_campaign": 3,
            "fee_back": 4,
            "reason": 8,
        },
    ),
    *(
        (
            schema.disputes,
            {
                "dispute": number,
                "connector_id": 1,
                "sequence": number,
                "account": 1,
                "owner_id": 1,
                "amount": 10,
                "hold": 9,
                "bond": 1,
                "deadline": 5,
                "reason": 2,
            },
        )
        for number in (901, 902)
    ),
    (schema.dispute_answers, {"dispute": 901, "owner_id": 1, "statement": HASH}),
    (
        schema.dispute_closings,
        {
            "dispute": 901,
            "connector_id": 1,
            "sequence": 1,
            "result": 1,
            "refunded": 6,
            "released": 3,
            "bond_to_owner": 0,
        },
    ),
    (
        schema.campaigns,
        {
            "campaign_id": 907,
            "creator": ADDRESS,
            "owner_id": 1,
            "kind": 1,
            "name": "Night",
            "starts_at": 10,
            "ends_at": 1_000,
            "hour_mask": HASH,
            "rate_bps": 1_000,
            "session_cap": 5,
            "day_cap": 0,
            "min_sessions": 0,
            "window_days": 0,
            "driver_cap": 0,
        },
    ),
    (schema.campaign_closings, {"campaign_id": 907, "ends_at": 500}),
    *(
        (
            schema.campaign_entries,
            {
                "campaign_id": 907,
                "kind": "funded",
                "reference": 0,
                "sessions": 0,
                "amount": amount,
                "budget": amount,
                "spent": 0,
                "day": 0,
                "day_spent": 0,
            },
        )
        for amount in (50, 80)
    ),
    (
        schema.payouts,
        {"owner_id": 1, "recipient": ADDRESS, "amount": 2**200, "reference": HASH},
    ),
    (schema.accrual_withdrawals, {"owner_id": 1, "recipient": ADDRESS, "amount": 5}),
    (schema.withdrawals, {"account": 1, "recipient": ADDRESS, "amount": 6}),
    (schema.owner_accounts, {"owner_id": 1, "account": ADDRESS}),
]


@dataclass
class ApiWorld:
    """Tables, the chain they are of, and who can add to both."""

    engine: Engine
    chain: FakeChain
    node: FakeNode

    async def catch_up(self) -> None:
        await catch_up(self.node, self.engine, finality=FINALITY)

    def tell(self, kind: str) -> None:
        Store(self.engine, DEPLOYMENT).tell(kind)

    def count(self, table: Any) -> int:
        with self.engine.connect() as connection:
            return len(connection.execute(select(table)).all())


def make(folder: Path) -> ApiWorld:
    chain = FakeChain(3)
    chain.mine(BLOCKS)
    engine = fresh(folder / "index.sqlite")
    node = FakeNode(chain, finality=FINALITY)
    asyncio.run(catch_up(node, engine, finality=FINALITY))
    with engine.begin() as connection:
        block = connection.execute(
            select(schema.blocks.c.number).where(schema.blocks.c.logs > 0).limit(1)
        ).scalar_one()
        for number, (table, values) in enumerate(ROWS):
            key = (block << LOG_BITS) + LOG + number
            connection.execute(insert(table).values(id=key, tx_hash=HASH, **values))
        connection.execute(
            insert(schema.feed_sources).values(
                oracle=ORACLE,
                url="http://oracle",
                n=3,
                epoch=1,
                heard_at=9,
                gaps=0,
                refused=0,
                detail="",
            )
        )
        for n in (1, 2, 3):
            connection.execute(
                insert(schema.feed_entries).values(
                    oracle=ORACLE,
                    n=n,
                    epoch=1,
                    connector_id=n % 2,
                    seq=n,
                    at=n,
                    kind="status",
                    status="Charging",
                    error_code="NoError",
                    energy_wh=None,
                    session=None,
                    signature=b"\x01" * 65,
                )
            )
    return ApiWorld(engine, chain, node)
