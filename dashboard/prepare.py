"""What a page prepares for a wallet to sign: calls of contracts, named and shown as they are."""

from __future__ import annotations

import json
from dataclasses import dataclass

from chargecoin.chain.transactions import Call
from chargecoin.errors import ChainError, RevertedError
from dashboard.language import gettext
from dashboard.services import Services


@dataclass(frozen=True, slots=True)
class Prepared:
    """One transaction: who must sign it, what it calls, and its data in hex."""

    name: str
    chain_id: int
    sender: str
    to: str
    data: str
    shows: str = ""

    @property
    def for_wallet(self) -> str:
        """The transaction as `wallet.js` takes it."""
        return json.dumps(
            {
                "chainId": self.chain_id,
                "from": self.sender,
                "to": self.to,
                "data": self.data,
                "shows": self.shows,
            }
        )


def prepare(has: Services, name: str, sender: str, call: Call, shows: str = "") -> Prepared:
    """Return a call as a page offers it. `name` says in words what it does.

    `shows` is the page on which its effect is seen once it went through.
    """
    if call.to is None:
        raise ValueError("a page creates no contracts")
    chain_id = has.node.deployment.chain_id
    return Prepared(name, chain_id, sender, call.to, "0x" + call.data.hex(), shows)


async def trial(has: Services, prepared: Prepared) -> str:
    """Return why the contract would refuse a transaction now, empty if it would not.

    Or if it cannot be told, because the node does not answer: then the wallet will ask its own.
    """
    asked = {"from": prepared.sender, "to": prepared.to, "data": prepared.data}
    try:
        chain = await has.node.chain()
        await chain.rpc.request("eth_call", asked, "latest")
    except RevertedError as error:
        return error.reason or gettext("it gives no reason")
    except ChainError:
        await has.node.close()
    return ""
