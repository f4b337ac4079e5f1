"""Following the final chain: what is registered, what was revoked, what was settled.

Final blocks never change, so this is a plain cursor: each range of blocks is read
once, its effects and the cursor are stored together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from sqlite3 import Connection
from typing import Final

import structlog

from chargecoin.campaign_terms import CampaignTerms
from chargecoin.chain import Block, Chain
from chargecoin.chain.events import Event, decode_events
from chargecoin.contracts import events
from chargecoin.errors import ChainError, StoreError, WrongChainError
from chargecoin.evidence.campaign import logged_sessions
from oracle.crash import seam
from oracle.registry import Registry
from oracle.settlements import Settlement, SettlementReader
from oracle.store import attestations, batches, campaigns, sessions
from oracle.store import registry as stored
from oracle.store.database import Database

log = structlog.get_logger()

# Nodes limit the range or the size of an answer; a range this wide is served by all of them.
MAX_BLOCKS: Final = 2_000
# What `CampaignCreated` says of a campaign's terms, by the same names.
_TERMS: Final = (
    "kind",
    "owner_id",
    "starts_at",
    "ends_at",
    "hour_mask",
    "rate_bps",
    "session_cap",
    "min_sessions",
    "window_days",
    "driver_cap",
)
OF_SETTLEMENT: Final = ("Run", "Session", "BatchSettled", "MandateRevoked", "CapsSet")
FOLLOWED: Final = ("StationRegistry", "Settlement", "CampaignManager")


def _topics() -> tuple[bytes, ...]:
    registry = tuple(events("StationRegistry"))
    settlement = tuple(
        topic for topic, event in events("Settlement").items() if event.name in OF_SETTLEMENT
    )
    return registry + settlement + tuple(events("CampaignManager"))


class Follower:
    """Moves the registry on, and marks final what the chain settled."""

    def __init__(
        self,
        chain: Chain,
        database: Database,
        registry: Registry,
        reader: SettlementReader,
        on_connectors: Callable[[Sequence[tuple[str, int]]], Awaitable[None]],
    ) -> None:
        """`on_connectors` is told of newly registered (charge point, connector number)."""
        self._chain = chain
        self._database = database
        self._registry = registry
        self._reader = reader
        self._on_connectors = on_connectors
        self._topics = _topics()

    async def run(self, interval_s: float) -> None:
        """Look for final blocks every `interval_s` seconds, until cancelled.

        Raises `WrongChainError` if the node turns out to be of another chain.
        """
        while True:
            try:
                await self.catch_up()
            except WrongChainError:
                raise
            except (ChainError, StoreError) as error:
                log.warning("not_following", error=str(error))
            await asyncio.sleep(interval_s)

    async def catch_up(self) -> bool:
        """Follow up to the last final block; whether there was a new one.

        Raises `ChainError`; what was followed until then stays followed.
        """
        if self._registry.block is None:
            await self._chain.check()
        final = await self._chain.block("finalized")
        if final is None or (self._registry.block and final.number <= self._registry.block.number):
            return False
        followed = await self._database.read(stored.followed)
        start = self._chain.deployment.start_block if followed is None else followed + 1
        while start <= final.number:
            end = min(start + MAX_BLOCKS - 1, final.number)
            block = final if end == final.number else await self._chain.block(end)
            if block is None:
                raise ChainError(f"the node has no block {end}, which is below its final one")
            await self._follow(start, block)
            start = end + 1
        if self._registry.block is None:
            self._registry.advance(final, [], changed=True)
        return True

    async def _follow(self, start: int, block: Block) -> None:
        logs = await self._chain.logs(start, block.number, FOLLOWED, (self._topics,))
        address = self._chain.deployment.address
        registered = list(decode_events("StationRegistry", address("StationRegistry"), logs))
        settled = list(decode_events("Settlement", address("Settlement"), logs))
        located = await self._registry.locate(
            event for event in registered if event.name == "ConnectorAdded"
        )
        keys = [
            (event.args["connector_id"], event.args["fingerprint"], event.args["public_key"])
            for event in registered
            if event.name == "MeterKeyAdded"
        ]
        offered = await self._timed(
            decode_events("CampaignManager", address("CampaignManager"), logs)
        )
        words = [
            (event.args["session"], event.args["word"])
            for event in settled
            if event.name == "Session"
        ]
        ours = await self._settlements(settled)
        seam("final_seen")

        def store(connection: Connection) -> None:
            stored.add_connectors(connection, located)
            stored.add_meter_keys(connection, keys)
            attestations.mark_final(connection, [(one >> 160, word) for one, word in words])
            sessions.mark_final(connection, words)
            campaigns.add_settled(connection, logged_sessions(settled))
            for event, at in offered:
                _take_campaign(connection, event, at)
            for settlement in ours:
                batches.add_settlement(connection, settlement, final=True)
            stored.set_followed(connection, block.number)

        await self._database.write(store)
        seam("final_stored")
        changed = bool(registered) or any(
            event.name in {"MandateRevoked", "CapsSet"} for event in settled
        )
        new = self._registry.advance(block, located, changed=changed)
        if new:
            await self._on_connectors(new)

    async def _timed(self, found: Iterable[Event]) -> list[tuple[Event, int]]:
        """Return events with the times of their blocks (UTC seconds)."""
        timed = []
        for event in found:
            block = await self._chain.block(event.log.block_number)
            if block is None:
                raise ChainError(f"the node has lost block {event.log.block_number}")
            timed.append((event, block.timestamp))
        return timed

    async def _settlements(self, settled: Sequence[Event]) -> list[Settlement]:
        """Return the settled batches that we attested, with what their proofs need."""
        found = []
        for event in settled:
            if event.name != "BatchSettled":
                continue
            root = event.args["evidence_root"]
            if await self._database.read(lambda c, root=root: attestations.leaves_of(c, root)):  # type: ignore[misc]
                settlement = await self._reader.read(event)
                if settlement:
                    found.append(settlement)
        return found


def _take_campaign(connection: Connection, event: Event, at: int) -> None:
    """Keep what an event at a time (UTC seconds) says of a campaign."""
    args = event.args
    campaign = args["campaign"]
    if event.name == "CampaignCreated":
        campaigns.add(
            connection,
            CampaignTerms(
                id=campaign,
                pauses=(),
                **{name: args[name] for name in _TERMS},
            ),
        )
    elif event.name == "ConnectorsEnrolled":
        campaigns.enrol(connection, campaign, args["connectors"], at)
    elif event.name == "CampaignPaused":
        campaigns.pause(connection, campaign, args["paused_from"])
    elif event.name == "CampaignResumed":
        campaigns.resume(connection, campaign, args["paused_to"])
    elif event.name == "CampaignClosed":
        campaigns.close(connection, campaign, args["ends_at"])
