"""How current the pages are, said on every one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dashboard.language import gettext
from dashboard.words import Notice
from indexer.read_model import Change, Status

# The tables follow a block in a tenth of a second; more than this behind is worth saying.
BEHIND_BLOCKS: Final = 5


@dataclass(frozen=True, slots=True)
class Freshness:
    """The chip in the header, the sentence in the footer and the banners above the page."""

    tone: str
    name: str
    short: str
    sentence: str
    banners: tuple[Notice, ...]


def judge(
    status: Status,
    *,
    asked: bool,
    node_head: int | None,
    reorg: Change | None,
    number: Callable[[int], str],
) -> Freshness:
    """Say how current the tables are, given the node's head where it was `asked`.

    `number` writes a count as the reader reads it.
    """
    head = max(status.head_number, node_head or 0)
    sentence = gettext(
        "As of block %(block)s of chain %(chain)s, final up to %(final)s.",
        block=number(status.number),
        chain=status.chain_id,
        final=number(status.final_number),
    )
    if not status.chain_id:
        notice = Notice(
            "warn",
            gettext("No block has been read yet"),
            gettext(
                "The indexer has not written anything. Figures appear as soon as it does; start "
                "it with `chargecoin indexer run`."
            ),
        )
        short = gettext("nothing read yet")
        return Freshness("warn", notice.name, short, f"{notice.name}.", (notice,))
    if status.state == "mending":
        notice = Notice(
            "bad",
            gettext("The tables are being mended"),
            gettext(
                "The chain replaced more than it may. %(detail)s Figures are not to be relied on "
                "until this line is gone.",
                detail=status.detail,
            ),
        )
        return Freshness("bad", notice.name, gettext("being mended"), sentence, (notice,))
    progress = {"block": number(status.number), "head": number(head)}
    if status.state == "backfill":
        notice = Notice(
            "info",
            gettext("Reading the chain"),
            gettext(
                "Block %(block)s of %(head)s. Figures are complete up to that block and grow as "
                "the rest is read.",
                **progress,
            ),
        )
        short = gettext("reading %(block)s of %(head)s", **progress)
        return Freshness("warn", notice.name, short, sentence, (notice,))
    banners: list[Notice] = []
    if reorg is not None and reorg.block_number > status.final_number:
        banners.append(
            Notice(
                "info",
                gettext("The chain replaced recent blocks"),
                gettext(
                    "Blocks from %(block)s on were replaced. What they settled was taken back "
                    "here and shows again once it is settled again.",
                    block=number(reorg.block_number),
                ),
            )
        )
    behind = head - status.number
    if behind > BEHIND_BLOCKS:
        notice = Notice(
            "warn",
            gettext("These figures are behind the chain"),
            gettext(
                "They stop at block %(block)s; the chain is at %(head)s. %(detail)s",
                **progress,
                detail=status.detail,
            ),
        )
        short = gettext("%(blocks)s blocks behind", blocks=number(behind))
        return Freshness("warn", notice.name, short, sentence, (*banners, notice))
    if status.state == "behind" or (asked and node_head is None):
        notice = Notice(
            "warn",
            gettext("The node does not keep up")
            if status.state == "behind"
            else gettext("The node is not answering"),
            gettext(
                "Figures are right up to the block below; whether there is more cannot be told "
                "now. %(detail)s",
                detail=status.detail,
            ),
        )
        return Freshness("warn", notice.name, gettext("node silent"), sentence, (*banners, notice))
    short = gettext("block %(block)s", block=number(status.number))
    return Freshness("good", gettext("Live"), short, sentence, tuple(banners))
