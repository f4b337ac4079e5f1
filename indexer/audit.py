"""Old blocks, again and again: fetched anew and held against the tables, for as long as we run.

`verify` compares everything once. This catches what changes later and quietly: a disk
that forgets, a hand in the database, a node that tells another past than it did.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Engine, Table, func, select

from chargecoin.deployments import Deployment
from chargecoin.errors import ChargeCoinError
from indexer import schema
from indexer.assemble import Assembler, read_contracts
from indexer.database import snapshot
from indexer.fetch import Fetcher
from indexer.ledger import Ledger, MissingLogsError
from indexer.report import Check
from indexer.rollups import Deltas
from indexer.rpc import Log, Node
from indexer.store import Block

log = structlog.get_logger()

Offload = Callable[..., Awaitable[Any]]


@dataclass(slots=True)
class AuditCounters:
    """What was found since the start. `first` names the first row that differed."""

    blocks: int = 0
    differing: int = 0
    first: str = ""


class _Rows:
    """A sink that keeps the rows."""

    def __init__(self) -> None:
        self.deltas = Deltas()
        self.rows: dict[str, dict[tuple[Any, ...], tuple[Any, ...]]] = {}

    def add(self, table: Table, row: tuple[Any, ...]) -> None:
        """Take a row, in the table's column order."""
        keys = len(table.primary_key.columns)
        self.rows.setdefault(table.name, {})[row[:keys]] = tuple(row)

    def extend(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take rows, in the table's column order."""
        for row in rows:
            self.add(table, row)


class Auditor:
    """Compares one final block at a time, drawn at random."""

    def __init__(
        self,
        engine: Engine,
        deployment: Deployment,
        node: Node,
        draw: random.Random,
        offload: Offload = asyncio.to_thread,
    ) -> None:
        """Compare the tables in `engine` with what `node` says; `draw` chooses the blocks."""
        self._engine = engine
        self._events = read_contracts(deployment)
        self._fetcher = Fetcher(node, list(self._events), 0)
        self._draw = draw
        self._offload = offload
        self.counters = AuditCounters()

    async def look(self) -> Check | None:
        """Compare one block; None while none is final. A difference is logged as an error.

        Raises `NodeUnavailableError`, `StoreError`, and `CodecError` for logs of no known event.
        """
        block: Block | None = await self._offload(self._choose)
        if block is None:
            return None
        [header] = await self._fetcher.headers([block.number])
        check = Check(f"block {block.number}")
        check.see(f"blocks {block.number}", "0x" + block.hash.hex(), "0x" + header.hash.hex())
        if header.hash == block.hash:
            fetched = await self._fetcher.range(block.number, block.number)
            await self._offload(self._compare, check, block, fetched.logs)
        self.counters.blocks += 1
        if check.differing:
            self.counters.differing += 1
            self.counters.first = self.counters.first or check.differences[0]
            log.error("audit_difference", block=block.number, first=check.differences[0])
        return check

    def _choose(self) -> Block | None:
        """Draw a final block with logs: the next one from a random number on."""
        table = schema.blocks
        with snapshot(self._engine) as connection:
            cursor = connection.execute(select(schema.cursor)).one_or_none()
            if cursor is None:
                return None
            final = min(cursor.final_number, cursor.number)
            where = (table.c.logs > 0, table.c.number <= final)
            first = connection.scalar(select(func.min(table.c.number)).where(*where))
            if first is None:
                return None
            number = self._draw.randint(first, final)
            above = select(table).where(*where, table.c.number >= number)
            row = connection.execute(above.order_by(table.c.number).limit(1)).one_or_none()
            if row is None:
                below = select(table).where(*where, table.c.number < number)
                row = connection.execute(below.order_by(table.c.number.desc()).limit(1)).one()
            return Block(*row[:4])

    def _compare(self, check: Check, block: Block, logs: list[Log]) -> None:
        """Make the block's rows again, on top of what was before it, and compare each."""
        first, last = schema.row_id(block.number, 0), schema.row_id(block.number + 1, 0)
        made = _Rows()
        with snapshot(self._engine) as connection:
            still = connection.scalar(
                select(schema.blocks.c.hash).where(schema.blocks.c.number == block.number)
            )
            if still != block.hash:
                return  # Undone meanwhile.
            ledger = Ledger(before=first)
            ledger.use(connection, lambda: None)
            try:
                Assembler(self._events, ledger).read(logs, {block.number: block.timestamp}, made)
            except MissingLogsError as error:
                # The logs are whole, so the rows that they go on from are not.
                check.see(f"rows before block {block.number}", str(error), "whole")
                return
            for table in schema.EVENT_TABLES:
                keys = len(table.primary_key.columns)
                query = select(table).where(table.c.id >= first, table.c.id < last)
                stored = {tuple(row[:keys]): tuple(row) for row in connection.execute(query)}
                wanted = made.rows.get(table.name, {})
                for key in sorted(stored.keys() | wanted.keys()):
                    check.see(f"{table.name} {key}", stored.get(key), wanted.get(key))


async def run(auditor: Auditor, stop: asyncio.Event, *, interval_s: float) -> None:
    """Compare a block every `interval_s` seconds until `stop`."""
    while not stop.is_set():
        try:
            await auditor.look()
        except ChargeCoinError as error:
            log.warning("audit_failed", detail=str(error))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), interval_s)
