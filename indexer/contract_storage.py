"""What the contracts hold at one block, asked of a node by their views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from chargecoin.chain.calls import function
from chargecoin.deployments import Deployment
from chargecoin.errors import ChainError
from indexer.events import CONTRACTS
from indexer.rpc import Node

PART: Final = 1_000
# The fields of `Adjustments.dispute`.
DISPUTE: Final = (
    *("session", "opened_at", "bond", "refunded", "result"),
    *("hold", "short", "owed_payer", "owed_campaign"),
)


class Storage:
    """Views of the contracts at one block."""

    def __init__(self, node: Node, deployment: Deployment, block: int) -> None:
        """Ask `node` at block `block`."""
        self._node = node
        self._deployment = deployment
        self._block = hex(block)

    def has(self, contract: str) -> bool:
        """Whether the address book names a contract."""
        return contract in self._deployment.contracts

    async def read(self, contract: str, calls: Sequence[tuple[str, tuple[Any, ...]]]) -> list[Any]:
        """Return what several views give back, single values and structs unwrapped."""
        address = self._deployment.address(contract)
        interface = CONTRACTS[contract].interface
        functions = [function(interface, name) for name, _ in calls]
        requests = [
            ("eth_call", ({"to": address, "data": "0x" + one.encode(*args).hex()}, self._block))
            for one, (_, args) in zip(functions, calls, strict=True)
        ]
        answers = await self._node.batch(str, requests)
        found = []
        for one, answer in zip(functions, answers, strict=True):
            if answer is None:
                raise ChainError(f"{one.name} gave nothing back at block {self._block}")
            values = one.decode(bytes.fromhex(answer[2:]))
            found.append(values[0] if len(values) == 1 else values)
        return found

    async def read_one(self, contract: str, name: str, *args: Any) -> Any:
        """Return what one view gives back."""
        return (await self.read(contract, [(name, args)]))[0]
