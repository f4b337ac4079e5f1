"""What the read model hands out about sessions that are not simply settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from indexer.money_figures import Dispute, Refund
from indexer.session_figures import SessionRow

# `campaign`: one was named and not applied, or its budget was short. `refunded`: by the
# owner itself; what a dispute gave back is told with the dispute. `disputed`: still open.
ExceptionKind = Literal[
    "unfunded",
    "rejected",
    "clamped",
    "campaign",
    "no_energy",
    "disputed",
    "dispute_ended",
    "refunded",
]
# Counting stops here: a page says "more than" above it, and costs the same at any number.
COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class ExceptionFilter:
    """Which exceptions to list: of an owner, by kind, site and day, inclusive.

    The day is that of the site on which it happened: the settlement, the refund, or the
    opening of the dispute.
    """

    owner_id: int
    kind: ExceptionKind | None = None
    site_id: int | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class SessionException:
    """Something that happened to a session besides being settled; `key` orders them.

    `dispute` or `refund` is what it is, where it is one; else its settlement itself is
    the exception, and `session` says why. `at` is the block's time, UTC seconds.
    """

    key: int
    at: int
    session: SessionRow
    dispute: Dispute | None = None
    refund: Refund | None = None


@dataclass(frozen=True, slots=True)
class SignedWord:
    """One entry of the operational feed, whole: its signed body, the oracle and its signature."""

    n: int
    epoch: int
    connector_id: int
    seq: int
    at: int
    kind: str
    status: str
    error_code: str
    energy_wh: int | None
    session: str | None
    oracle: str
    signature: str


@dataclass(frozen=True, slots=True)
class FailedStart:
    """Somebody meant to charge and no energy flowed, as an oracle signed it in its feed.

    `energy_wh` is 0 where a transaction ended without energy, None where none began.
    """

    oracle: str
    n: int
    connector_id: int
    at: int
    error_code: str
    energy_wh: int | None
