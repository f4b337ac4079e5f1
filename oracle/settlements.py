"""Settled batches as the chain holds them: the call that settled one, and its events."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from eth_abi.abi import default_codec
from eth_abi.exceptions import DecodingError

from chargecoin.chain import Chain
from chargecoin.chain.calls import function
from chargecoin.chain.events import Event

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Settlement:
    """A batch that the chain settled, as far as a proof needs it."""

    number: int
    evidence_root: bytes
    epoch: int
    expiry: int
    runs: bytes
    signatures: bytes
    tx_hash: bytes
    block_number: int
    block_hash: bytes


class SettlementReader:
    """Reads what was signed from the transaction that settled it."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    async def read(self, event: Event) -> Settlement | None:
        """Return the batch of a `BatchSettled` event.

        None where it was settled through another contract: then the signatures are
        not in the transaction's own call data.
        """
        transaction = await self._chain.transaction(event.log.transaction_hash)
        settle = function("Settlement", "settle")
        if transaction is None or transaction.data[:4] != settle.selector:
            log.warning("not_a_direct_settlement", batch=event.args["batch"])
            return None
        try:
            call = default_codec.decode(settle.inputs, transaction.data[4:])
        except DecodingError:
            log.warning("not_a_direct_settlement", batch=event.args["batch"])
            return None
        epoch, expiry, evidence_root, runs, signatures = call
        if evidence_root != event.args["evidence_root"]:
            return None
        return Settlement(
            number=event.args["batch"],
            evidence_root=evidence_root,
            epoch=epoch,
            expiry=expiry,
            runs=runs,
            signatures=signatures,
            tx_hash=event.log.transaction_hash,
            block_number=event.log.block_number,
            block_hash=event.log.block_hash,
        )
