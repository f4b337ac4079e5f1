"""The registry and the vaults as of the last final block, cached.

What an oracle knows of stations, tariffs, meter keys and mandates decides over
money, so it is used only once no reorganisation can take it back. Views are read
at one final block and kept until a final event says that they changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

from chargecoin.chain import Block, Caps, Chain, Committee, RegisteredKey
from chargecoin.chain.events import Event
from chargecoin.deployments import NO_ADDRESS
from chargecoin.evidence.checks import Place
from chargecoin.sessions.metering import MeterKey
from chargecoin.tariff import Tariff
from oracle.signals import Signal
from oracle.store import registry as stored
from oracle.store.database import Database

T = TypeVar("T")

# Reads sent side by side while the registry is read for the first time.
_AT_ONCE: Final = 64
MAX_CACHED: Final = 500_000


class Registry:
    """Final registry and vault data. The follower moves it on from block to block."""

    def __init__(self, chain: Chain, database: Database) -> None:
        self._chain = chain
        self._database = database
        self._cache: dict[tuple[Any, ...], Any] = {}
        self._generation = 0
        self.block: Block | None = None
        self.advanced = Signal()
        # Connector id of (charge point, connector number). Shared with the feed; changed in place.
        self.ids: dict[tuple[str, int], int] = {}

    async def load(self) -> None:
        """Read what an earlier run has stored, so that nothing waits for the node."""
        self.ids.update(await self._database.read(stored.connectors))

    @property
    def time(self) -> int:
        """UTC seconds up to which everything is known and final; 0 before the first block."""
        return self.block.timestamp if self.block else 0

    # ---------------------------------------------------------------- moving on

    async def locate(self, added: Iterable[Event]) -> list[tuple[str, int, int]]:
        """Return (charge point, number, connector id) of `ConnectorAdded` events."""
        events = list(added)
        found: list[tuple[str, int, int]] = []
        for start in range(0, len(events), _AT_ONCE):
            found += await asyncio.gather(*map(self._locate, events[start : start + _AT_ONCE]))
        return found

    async def _locate(self, event: Event) -> tuple[str, int, int]:
        evse = await self._chain.evse(event.args["evse"])
        station = await self._chain.station(evse.station_id)
        return station.identity, event.args["connector_number"], event.args["connector_id"]

    def advance(
        self, block: Block, located: Iterable[tuple[str, int, int]], *, changed: bool
    ) -> list[tuple[str, int]]:
        """Take a later final block, forgetting what its events changed.

        Returns the connectors that are new.
        """
        self.block = block
        if changed or len(self._cache) > MAX_CACHED:
            # A read that is under way belongs to the past and must not be kept.
            self._generation += 1
            self._cache.clear()
        new = []
        for identity, number, connector_id in located:
            if (identity, number) not in self.ids:
                self.ids[identity, number] = connector_id
                new.append((identity, number))
        self.advanced.set()
        return new

    # -------------------------------------------------------------------- reads

    async def _final(self, key: tuple[Any, ...], read: Callable[[int], Awaitable[T]]) -> T:
        if key in self._cache:
            known: T = self._cache[key]
            return known
        if self.block is None:
            raise RuntimeError("the registry is read before its first block")
        generation = self._generation
        value = await read(self.block.number)
        if generation == self._generation:
            self._cache[key] = value
        return value

    async def place(self, connector_id: int) -> Place:
        """Return where a connector is and what it can deliver."""

        async def read(block: int) -> Place:
            connector = await self._chain.connector(connector_id, block)
            evse = await self._chain.evse(connector.evse, block)
            station = await self._chain.station(evse.station_id, block)
            site = await self._chain.site(station.site_id, block)
            return Place(
                charge_point=station.identity,
                connector_number=connector.connector_number,
                max_power_w=connector.max_power_w,
                time_zone=site.time_zone,
                grid_zone=site.grid_zone,
            )

        return await self._final(("place", connector_id), read)

    async def owner(self, connector_id: int) -> int:
        """Return the connector's owner, 0 if there is no such connector."""

        async def read(block: int) -> int:
            return (await self._chain.connector(connector_id, block)).owner_id

        return await self._final(("owner", connector_id), read)

    async def owner_of_station(self, identity: str) -> int:
        """Return the owner that registered an OCPP identity, 0 if nobody did."""

        async def read(block: int) -> int:
            found = await self._chain.station_of(identity, block)
            if not found:
                return 0
            station = await self._chain.station(found, block)
            return (await self._chain.site(station.site_id, block)).owner_id

        return await self._final(("station", identity), read)

    async def owner_account(self, owner_id: int) -> str:
        """Return an owner's account, the zero address if there is no such owner."""
        return await self._final(
            ("account", owner_id), lambda block: self._chain.owner_account(owner_id, block)
        )

    async def is_operator(self, owner_id: int, address: str) -> bool:
        """Whether an address may act for an owner in the registry, beside its account."""
        return await self._final(
            ("operator", owner_id, address),
            lambda block: self._chain.is_operator(owner_id, address, block),
        )

    async def tariff_slot(self, connector_id: int, index: int) -> int:
        """Return a tariff's slot, 0 if there is none of that index."""

        async def read(block: int) -> int:
            return (await self._chain.run_terms(connector_id, index, block)).tariff

        return await self._final(("tariff", connector_id, index), read)

    async def tariff_at(self, connector_id: int, at: int) -> tuple[int, Tariff] | None:
        """Return index and terms of the tariff in force at `at` (UTC seconds), if there is one."""
        count = await self._final(
            ("tariffs", connector_id), lambda block: self._chain.tariff_count(connector_id, block)
        )
        for index in range(count, 0, -1):
            tariff = Tariff.decode(await self.tariff_slot(connector_id, index))
            if tariff.in_force(at):
                return index, tariff
        return None

    async def registered_key(self, connector_id: int, fingerprint: bytes) -> RegisteredKey:
        """Return what the registry holds under a key's fingerprint; curve 0 if nothing."""
        return await self._final(
            ("key", connector_id, fingerprint),
            lambda block: self._chain.meter_key(connector_id, fingerprint, block),
        )

    async def meter_keys(self, connector_id: int) -> list[MeterKey]:
        """Return all keys that were ever registered for a connector's meter."""
        entered = await self._database.read(lambda c: stored.meter_keys(c, connector_id))
        keys = []
        for fingerprint, public_key in entered:
            key = await self.registered_key(connector_id, fingerprint)
            keys.append(
                MeterKey(
                    curve=key.curve,
                    public_key=public_key,
                    fingerprint=fingerprint,
                    voucher_kind=key.voucher_kind,
                    valid_from=key.valid_from,
                    revoked_at=key.revoked_at or None,
                )
            )
        return keys

    async def holder(self, account: int) -> str | None:
        """Return a vault account's holder, None if no final block has the account."""
        key = ("holder", account)
        known: str = self._cache.get(key, NO_ADDRESS)
        if known == NO_ADDRESS and self.block is not None:
            # An account's holder never changes, but there may be none yet.
            known = self._cache[key] = await self._chain.account_holder(account, self.block.number)
        return None if known == NO_ADDRESS else known

    async def revoked_at(self, account: int, mandate: bytes) -> int:
        """Return when a mandate was revoked (UTC seconds), 0 if it was not."""
        return await self._final(
            ("revoked", account, mandate),
            lambda block: self._chain.mandate_revoked_at(account, mandate, block),
        )

    # Committees and caps are of the latest block: what the contract will apply next.

    async def committee(self, epoch: int) -> Committee:
        """Return a committee's threshold and the end of its validity."""
        return await self._chain.committee(epoch)

    async def is_member(self, epoch: int, address: str) -> bool:
        """Whether an address was appointed to a committee (which never changes)."""
        key = ("member", epoch, address)
        if key not in self._cache:
            self._cache[key] = await self._chain.is_member(epoch, address)
        return bool(self._cache[key])

    async def caps(self) -> Caps:
        """Return the caps."""
        return await self._final(("caps",), lambda _: self._chain.caps())
