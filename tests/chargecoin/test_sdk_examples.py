"""The examples of docs/sdk.md run as they stand, and print what the page says."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from indexer.api.app import application
from indexer.database import open_database
from indexer.follow import Follower
from indexer.http import serve as serve_api
from indexer.rpc import Rpc
from indexer.store import Store
from tests.support.examples import Example, examples, run
from tests.support.protocol import secret
from tests.support.settlement import SettledSession, serve


@contextlib.asynccontextmanager
async def indexed(settled: SettledSession, folder: Path) -> AsyncIterator[str]:
    """Index the chain to its head and serve what was read."""
    engine = open_database(f"sqlite:///{folder / 'index.sqlite'}")
    async with Rpc(settled.protocol.url) as rpc:
        follower = Follower(rpc, Store(engine, settled.protocol.deployment))
        while await follower.step():
            pass
        await follower.close()
    port, close = await serve_api(application(engine), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{port}"
    await close()
    engine.dispose()


@pytest.mark.parametrize("example", examples("sdk.md"))
async def test_an_example_prints_what_the_page_says(
    example: Example, settled: SettledSession, tmp_path: Path
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        names = {
            "book": settled.protocol.book,
            "rpc_url": settled.protocol.url,
            "oracles": [stack.enter_context(serve(settled))],
            "secret": bytes.fromhex(secret("driver")[2:]),
        }
        if "IndexerClient" in example.source:
            names["indexer"] = await stack.enter_async_context(indexed(settled, tmp_path))
        printed = await run(example, names)
    assert printed == example.printed


def test_every_example_is_found() -> None:
    assert len(examples("sdk.md")) == 10
