"""What every list of the API can be asked: which part, of which blocks, of whom."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Depends, Path, Query

from chargecoin.indexer_models import Finality
from indexer.api.rows import Paging, Span

# What the tables hold at most; larger numbers name nothing.
LARGEST: Final = (1 << 63) - 1
LIMIT: Final = 1_000

Id = Annotated[int, Path(ge=0, le=LARGEST)]
WantedId = Annotated[int | None, Query(ge=0, le=LARGEST)]
Moment = Annotated[int | None, Query(ge=0, le=LARGEST, description="UTC seconds")]
BlockNumber = Annotated[int | None, Query(ge=0, le=LARGEST)]
SessionHex = Annotated[str, Path(pattern="^0x[0-9a-f]{64}$")]


def paging(
    after: Annotated[
        int | None,
        Query(ge=0, le=LARGEST, description="the `after` of the page before; none begins the list"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT)] = 100,
    order: Annotated[
        Literal["newest", "oldest"], Query(description="which come first, in chain order")
    ] = "newest",
) -> Paging:
    """Read which part of a list is wanted."""
    return Paging(after, limit, order == "newest")


def span(
    since: Moment = None,
    until: Moment = None,
    from_block: BlockNumber = None,
    to_block: BlockNumber = None,
    finality: Annotated[
        Finality | None, Query(description="only rows that are at least as settled")
    ] = None,
) -> Span:
    """Read which blocks: by time (`until` excluded), number (both included), finality."""
    return Span(since, until, from_block, to_block, finality)


WantedPage = Annotated[Paging, Depends(paging)]
WantedSpan = Annotated[Span, Depends(span)]
