"""The node: how far the chain is, and the reads that Verify makes."""

from __future__ import annotations

from chargecoin.chain import Chain
from chargecoin.deployments import Deployment
from chargecoin.errors import ChainError


class Node:
    """One node, connected to when first needed and again after it was gone."""

    def __init__(self, rpc_url: str, deployment: Deployment) -> None:
        """Nothing is sent yet."""
        self.rpc_url = rpc_url
        self.deployment = deployment
        self._chain: Chain | None = None

    async def chain(self) -> Chain:
        """Return the chain. Raises `NodeUnavailableError` or `WrongChainError`."""
        if self._chain is None:
            self._chain = await Chain.connect(self.rpc_url, self.deployment)
        return self._chain

    async def head(self) -> int | None:
        """Return the node's newest block number, None while it does not answer as it should."""
        try:
            block = await (await self.chain()).block("latest")
        except ChainError:
            await self.close()
            return None
        return None if block is None else block.number

    async def call(self, to: str, data: bytes) -> bytes:
        """Return what a contract answers, nothing where there is none at that address.

        Raises `RevertedError` if it refuses, `ChainError` if the node does.
        """
        rpc = (await self.chain()).rpc
        answer = await rpc.request("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")
        return bytes.fromhex(str(answer).removeprefix("0x"))

    async def close(self) -> None:
        """End the connections."""
        if self._chain is not None:
            await self._chain.close()
            self._chain = None
