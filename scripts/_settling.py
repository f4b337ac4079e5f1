"""Settling batches on a local chain, for tests and benchmarks that need sessions on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from eth_utils.crypto import keccak

from chargecoin.chain import Chain, Receipt
from chargecoin.chain.calls import function
from chargecoin.chain.transactions import Call, contract_call
from chargecoin.local_node import CHAIN_ID, LocalNode
from chargecoin.record import Run, SessionRecord, encode_runs
from chargecoin.typed_data import Signer, batch_digest, order_signatures
from scripts._local import DEPLOYER
from scripts._pipeline import Pipeline

GAS_LIMIT: Final = 30_000_000
EXPIRY: Final = (1 << 40) - 1


class Settler:
    """Proposer and committee in one: signs whatever it is given and settles it."""

    def __init__(self, node: LocalNode, chain: Chain, signers: Sequence[Signer]) -> None:
        """Settle on `node`; `signers` are as many as the threshold."""
        self._node = node
        self._chain = chain
        self._signers = signers
        self._pipeline = Pipeline(chain.rpc, CHAIN_ID)
        self.rpc = chain.rpc
        # Runs and evidence root of each batch by its number, which `collect` presents again.
        self.settled: dict[int, tuple[bytes, bytes]] = {}

    async def execute(self, *calls: Call) -> list[Receipt]:
        """Send calls of the deployer in order."""
        [deployer] = await self._pipeline.senders([DEPLOYER])
        return await self._pipeline.execute([(deployer, call) for call in calls])

    async def settle(
        self,
        sessions: Mapping[int, Sequence[SessionRecord]],
        *,
        at: int | None = None,
        tariff_index: int = 1,
    ) -> Receipt:
        """Settle sessions by connector as one batch, in a block of time `at` (UTC seconds)."""
        call = await self.batch(sessions, tariff_index)
        if at is not None:
            self._node.set_next_timestamp(at)
        [receipt] = await self.execute(call)
        return receipt

    async def batch(
        self, sessions: Mapping[int, Sequence[SessionRecord]], tariff_index: int = 1
    ) -> Call:
        """Return the signed batch on top of the connectors' heads as they are now."""
        settlement = self._chain.deployment.address("Settlement")
        head = function("Settlement", "head")
        connectors = list(sessions)
        answers = await self._chain.rpc.batch(
            [
                ("eth_call", ({"to": settlement, "data": "0x" + head.encode(one).hex()}, "latest"))
                for one in connectors
            ]
        )
        runs = []
        for connector, answer in zip(connectors, answers, strict=True):
            [(sequence, _, previous)] = head.decode(bytes.fromhex(answer[2:]))
            words = tuple(session.encode() for session in sessions[connector])
            runs.append(Run(connector, sequence + 1, tariff_index, previous, words))
        data = encode_runs(runs)
        root = keccak(data)
        self.settled[len(self.settled) + 1] = data, root
        digest = batch_digest(
            self._chain.deployment.domain, epoch=1, expiry=EXPIRY, evidence_root=root, runs=data
        )
        signatures = order_signatures(digest, [one.sign(digest) for one in self._signers])
        return contract_call(
            "Settlement", "settle", settlement, 1, EXPIRY, root, data, signatures, gas=GAS_LIMIT
        )
