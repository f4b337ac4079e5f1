"""How soon a block is in the tables, and how long a reorg takes: the running indexer itself.

`chargecoin indexer run` in a process of its own with the settings that it has by itself,
a node that announces its blocks, and this process reading the database beside it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks._history import History, Shape, Writer, ids_of
from benchmarks._processes import CHARGECOIN
from chargecoin.chain import Chain
from chargecoin.chain.transactions import sign, suggest_fees, transaction_count
from chargecoin.deployments import load
from chargecoin.local_node import CHAIN_ID, LocalNode
from scripts._local import DEPLOYER

BLOCKS: Final = 64
SESSIONS: Final = 100
WAIT_S: Final = 60.0


@contextmanager
def _running(node: LocalNode, book: Path, folder: Path) -> Iterator[sqlite3.Connection]:
    database = folder / "live.sqlite"
    settings = folder / "indexer.toml"
    settings.write_text(
        f'deployment = "{book}"\nrpc_url = "{node.url}"\n'
        f'ws_url = "{node.url.replace("http", "ws", 1)}"\n'
        f'database = "{database}"\nhttp_port = 0\n'
    )
    line = [*CHARGECOIN, "indexer", "run", "--config", str(settings)]
    with (folder / "live.log").open("w") as said:
        process = subprocess.Popen(line, stdout=said, stderr=said)
        try:
            _until(database.exists)
            connection = sqlite3.connect(database, isolation_level=None)
            yield connection
            connection.close()
        finally:
            process.terminate()
            process.wait()


def _until(condition: Callable[[], Any]) -> float:
    """Wait until a condition holds; return when."""
    limit = time.perf_counter() + WAIT_S
    while not condition():
        if time.perf_counter() > limit:
            raise RuntimeError("the indexer did not get there within a minute")
        time.sleep(0.0005)
    return time.perf_counter()


def _one(connection: sqlite3.Connection, query: str) -> Any:
    try:
        row = connection.execute(query).fetchone()
    except sqlite3.OperationalError:
        return None  # Not made yet.
    return row and row[0]


async def live(found: History, folder: Path, say: Callable[[str], None]) -> dict[str, float]:
    """Return p95 of mined to visible, and the time of a reorg of as many blocks."""
    ids = ids_of(found)
    options = replace(
        found.options(), automine=False, slots_in_an_epoch=BLOCKS, timestamp=ids.settled_until
    )
    deployment = load(found.book)
    with LocalNode(options) as node, _running(node, found.book, folder) as tables:
        head = int(node.rpc("eth_blockNumber"), 16)
        _until(lambda: _one(tables, "SELECT number FROM cursor") == head)
        async with await Chain.connect(node.url, deployment) as chain:
            writer = Writer(node, chain, Shape(SESSIONS, SESSIONS, 1), ids)
            latencies, raw = await _blocks(node, chain, writer, ids.settled_until, tables, say)
        count = "SELECT count(*) FROM sessions"
        sessions, reorgs = _one(tables, count), _one(tables, "SELECT reorgs FROM cursor")
        say(f"reorganising {BLOCKS} blocks")
        node.rpc("anvil_reorg", BLOCKS, [[one, at] for at, one in enumerate(raw)])
        started = time.perf_counter()
        head = int(node.rpc("eth_blockNumber"), 16)
        redone = _until(
            lambda: (
                _one(tables, "SELECT number FROM cursor") == head
                and _one(tables, "SELECT reorgs FROM cursor") > reorgs
                and _one(tables, count) == sessions
            )
        )
    return {
        "live_p50_ms": 1_000 * statistics.median(latencies),
        "live_p95_ms": 1_000 * statistics.quantiles(latencies, n=20)[-1],
        "reorg_64_ms": 1_000 * (redone - started),
    }


async def _blocks(
    node: LocalNode,
    chain: Chain,
    writer: Writer,
    ended_by: int,
    tables: sqlite3.Connection,
    say: Callable[[str], None],
) -> tuple[list[float], list[str]]:
    """Mine blocks of a batch each; return each one's way into the tables, and what was sent."""
    latencies, raw = [], []
    for number in range(BLOCKS):
        say(f"following live: {number} of {BLOCKS} blocks")
        # Ended before the first of these blocks: the outcome is the same in whichever block.
        [call] = await writer.block(SESSIONS, ended_by)
        nonce = await transaction_count(chain.rpc, DEPLOYER.address)
        fees = await suggest_fees(chain.rpc)
        signed = sign(call, DEPLOYER, chain_id=CHAIN_ID, nonce=nonce, fees=fees)
        raw.append("0x" + signed.raw.hex())
        batch = (_one(tables, "SELECT max(batch) FROM batches") or 0) + 1
        wanted = f"SELECT 1 FROM batches WHERE batch = {batch}"
        await chain.rpc.request("eth_sendRawTransaction", raw[-1])
        node.rpc("evm_mine")
        mined = time.perf_counter()
        seen = _until(partial(_one, tables, wanted))
        latencies.append(max(0.0, seen - mined))
        # The indexer rests between two blocks, as it would.
        await asyncio.sleep(0.02)
    return latencies, raw
