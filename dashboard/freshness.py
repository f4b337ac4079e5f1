"""How current the pages are, said on every one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dashboard.words import Word
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
    banners: tuple[Word, ...]


def judge(status: Status, *, asked: bool, node_head: int | None, reorg: Change | None) -> Freshness:
    """Say how current the tables are, given the node's head where it was `asked`."""
    head = max(status.head_number, node_head or 0)
    sentence = (
        f"As of block {status.number:,} of chain {status.chain_id}, final up to "
        f"{status.final_number:,}."
    )
    if not status.chain_id:
        word = Word(
            "warn",
            "No block has been read yet",
            "The indexer has not written anything. Figures appear as soon as it does; start it "
            "with `chargecoin indexer run`.",
        )
        return Freshness("warn", word.name, "nothing read yet", word.name + ".", (word,))
    if status.state == "mending":
        word = Word(
            "bad",
            "The tables are being mended",
            f"The chain replaced more than it may. {status.detail} Figures are not to be relied "
            "on until this line is gone.",
        )
        return Freshness("bad", word.name, "being mended", sentence, (word,))
    if status.state == "backfill":
        word = Word(
            "info",
            "Reading the chain",
            f"Block {status.number:,} of {head:,}. Figures are complete up to that block and grow "
            "as the rest is read.",
        )
        return Freshness(
            "warn", word.name, f"reading {status.number:,} of {head:,}", sentence, (word,)
        )
    banners: list[Word] = []
    if reorg is not None and reorg.block_number > status.final_number:
        banners.append(
            Word(
                "info",
                "The chain replaced recent blocks",
                f"Blocks from {reorg.block_number:,} on were replaced. What they settled was taken "
                "back here and shows again once it is settled again.",
            )
        )
    behind = head - status.number
    if behind > BEHIND_BLOCKS:
        word = Word(
            "warn",
            "These figures are behind the chain",
            f"They stop at block {status.number:,}; the chain is at {head:,}. {status.detail}",
        )
        short = f"{behind:,} blocks behind"
        return Freshness("warn", word.name, short, sentence, (*banners, word))
    if status.state == "behind" or (asked and node_head is None):
        word = Word(
            "warn",
            "The node does not keep up"
            if status.state == "behind"
            else "The node is not answering",
            "Figures are right up to the block below; whether there is more cannot be told now. "
            + status.detail,
        )
        return Freshness("warn", word.name, "node silent", sentence, (*banners, word))
    return Freshness("good", "Live", f"block {status.number:,}", sentence, tuple(banners))
