"""The examples of docs/sdk.md run as they stand, and print what the page says."""

from __future__ import annotations

import pytest

from tests.support.examples import Example, examples, run
from tests.support.protocol import secret
from tests.support.settlement import SettledSession, serve


@pytest.mark.parametrize("example", examples("sdk.md"))
async def test_an_example_prints_what_the_page_says(
    example: Example, settled: SettledSession
) -> None:
    with serve(settled) as url:
        printed = await run(
            example,
            {
                "book": settled.protocol.book,
                "rpc_url": settled.protocol.url,
                "oracles": [url],
                "secret": bytes.fromhex(secret("driver")[2:]),
            },
        )
    assert printed == example.printed


def test_every_example_is_found() -> None:
    assert len(examples("sdk.md")) == 9
