"""What a page prepares for a wallet to sign: calls of contracts, named and shown as they are."""

from __future__ import annotations

import json
from dataclasses import dataclass

from chargecoin.chain.transactions import Call
from dashboard.services import Services


@dataclass(frozen=True, slots=True)
class Prepared:
    """One transaction: who must sign it, what it calls, and its data in hex."""

    name: str
    chain_id: int
    sender: str
    to: str
    data: str

    @property
    def for_wallet(self) -> str:
        """The transaction as `wallet.js` takes it."""
        return json.dumps(
            {"chainId": self.chain_id, "from": self.sender, "to": self.to, "data": self.data}
        )


def prepare(has: Services, name: str, sender: str, call: Call) -> Prepared:
    """Return a call as a page offers it. `name` says in words what it does."""
    if call.to is None:
        raise ValueError("a page creates no contracts")
    chain_id = has.node.deployment.chain_id
    return Prepared(name, chain_id, sender, call.to, "0x" + call.data.hex())
