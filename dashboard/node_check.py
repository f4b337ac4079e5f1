"""What the verify page shows to be compared with the reader's own node, exactly and in no language.

`static/verify.js` reads these texts off the page, as the reader does, and writes what the
node says beside them: a figure that is shown and is not on the chain is seen by both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dashboard.formats import TOKEN_DECIMALS
from dashboard.language import Texts
from dashboard.words import Word
from indexer.read_model import SessionDetail

# Of what is compared and what is checked, by the names in static/verify.js.
COMPARED: Final = Texts(
    {
        "energy": "Energy, kWh",
        "price": "Price",
        "paid": "Paid from the vault",
        "campaign": "Paid by a campaign",
        "owed": "Owed",
        "started": "Started, UTC",
        "duration": "Plugged in, seconds",
        "batch": "Batch",
        "transaction": "Transaction",
        "block": "Block",
        "block_hash": "Hash of the block",
    }
)
NODE_CHECK: Final[dict[str, Word]] = {
    "chain": Word("step", "Chain", "The wallet's node serves the chain that this page is about."),
    "event": Word(
        "step",
        "Event",
        "The transaction succeeded, and the settlement contract logged this session in it with "
        "the record of the proof.",
    ),
    "commitment": Word(
        "step",
        "Commitment",
        "What the contract stores of the batch is the hash of its runs, its evidence root and all "
        "its outcomes, worked out in this page.",
    ),
    "block": Word(
        "step",
        "Block",
        "The transaction's block is on the node's chain. Beside its number stands that of the "
        "newest final block.",
    ),
    "bundle": Word(
        "step",
        "Bundle",
        "The bundle, downloaded from here, leads by hashes worked out in this page to the evidence "
        "root that was logged, and restates the record field by field.",
    ),
    "figures": Word(
        "step", "Figures", "Each figure of the table above is the one that was logged."
    ),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure by its name in `COMPARED`, as it is written."""

    name: str
    shown: str


def _decimal(value: int, digits: int) -> str:
    return f"{value // 10**digits}.{value % 10**digits:0{digits}}"


def figures(detail: SessionDetail) -> tuple[Figure, ...]:
    """Return a session's figures as our tables have them: kWh, the token, UTC, seconds."""
    row, place = detail.row, detail.provenance
    started = datetime.fromtimestamp(row.started_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    shown = {
        "energy": _decimal(row.energy_wh, 3),
        "price": _decimal(detail.recorded_gross, TOKEN_DECIMALS),
        "paid": _decimal(row.paid, TOKEN_DECIMALS),
        "campaign": _decimal(row.campaign_paid, TOKEN_DECIMALS),
        "owed": _decimal(row.debt, TOKEN_DECIMALS),
        "started": started,
        "duration": str(row.duration_s),
        "batch": str(detail.batch),
        "transaction": place.transaction,
        "block": str(place.block_number),
        "block_hash": place.block_hash,
    }
    return tuple(Figure(name, text) for name, text in shown.items())
