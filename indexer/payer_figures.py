"""A payer's side of the vaults: accounts as opened, and what their holders did."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.figures import Finality


@dataclass(frozen=True, slots=True)
class VaultAccount:
    """A vault account and who decides about it. What it holds, the chain is asked."""

    account: int
    holder: str
    opened_at: int
    finality: Finality


@dataclass(frozen=True, slots=True)
class Revocation:
    """A mandate that was ended, by its id in hex, for sessions that start later."""

    mandate: str
    revoked_at: int
