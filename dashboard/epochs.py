"""Reward epochs worked out again from the node's events, one at a time, and kept for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from chargecoin.errors import ChainError
from chargecoin.reward_check import Recomputed, recompute
from chargecoin.reward_history import EpochReader
from chargecoin.rewards import EPOCH_S, Kind
from dashboard.errors import NotFoundError
from dashboard.node import Node

KEPT: Final = 16


@dataclass(slots=True)
class Epochs:
    """What was worked out, by epoch and final block: reading an epoch's events takes a while."""

    _kept: OrderedDict[tuple[int, int], Recomputed] = field(default_factory=OrderedDict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def stations(self, node: Node, epoch: int) -> Recomputed:
        """Work out an epoch of the stations' rewards up to the node's last final block.

        Raises `NotFoundError` if it has not begun there, `ChainError` if the node does not
        answer.
        """
        chain = await node.chain()
        until = await chain.block("finalized")
        if until is None:
            raise ChainError("the node does not say which block is final; name another node")
        if until.timestamp < epoch * EPOCH_S:
            raise NotFoundError(f"Week {epoch} of the rewards has not begun.")
        key = epoch, until.number
        async with self._one_at_a_time:
            if key not in self._kept:
                history = await EpochReader(chain, until).read(Kind.STATIONS, epoch)
                self._kept[key] = recompute(history, node.deployment)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            return self._kept[key]
