"""Reads of the contracts and of the chain, typed, at a stated block.

`ChainReader` is what verification needs and nothing more: whoever checks evidence
hands in a node, a recording or a fake. `Chain` is the real one.
"""

from __future__ import annotations

from typing import Any, Protocol, Self

from eth_utils.address import to_checksum_address

from chargecoin.campaign_terms import CampaignTerms
from chargecoin.chain.calls import function
from chargecoin.chain.rpc import BlockId, Rpc, block_parameter
from chargecoin.chain.transactions import receipt as read_receipt
from chargecoin.chain.values import (
    Account,
    Accrual,
    Block,
    Campaign,
    Caps,
    Committee,
    Connector,
    Evse,
    Head,
    Log,
    Receipt,
    RegisteredKey,
    RunTerms,
    Site,
    Station,
    TariffTerms,
    Transaction,
    Withdrawal,
    to_bytes,
)
from chargecoin.deployments import Deployment
from chargecoin.errors import WrongChainError


class ChainReader(Protocol):
    """The reads that verification needs; each at a block, the latest unless said."""

    @property
    def deployment(self) -> Deployment:
        """Where the contracts are."""

    async def head(self, connector_id: int, block: BlockId = "latest") -> Head:
        """Return a connector's head."""

    async def account_holder(self, account: int, block: BlockId = "latest") -> str:
        """Return a vault account's holder, the zero address if there is no such account."""

    async def mandate_revoked_at(
        self, account: int, mandate: bytes, block: BlockId = "latest"
    ) -> int:
        """Return when a mandate was revoked, 0 if it was not."""

    async def run_terms(self, connector_id: int, index: int, block: BlockId = "latest") -> RunTerms:
        """Return a connector's owner and one of its tariffs."""

    async def site(self, site_id: int, block: BlockId = "latest") -> Site:
        """Return a registered site, all zero if there is no such."""

    async def station(self, station_id: int, block: BlockId = "latest") -> Station:
        """Return a registered station, all zero if there is no such."""

    async def evse(self, evse: int, block: BlockId = "latest") -> Evse:
        """Return a registered EVSE, all zero if there is no such."""

    async def connector(self, connector_id: int, block: BlockId = "latest") -> Connector:
        """Return a registered connector, all zero if there is no such."""

    async def meter_key(
        self, connector_id: int, fingerprint: bytes, block: BlockId = "latest"
    ) -> RegisteredKey:
        """Return a meter's registered key by keccak256 of its public key."""

    async def campaign_terms(
        self, campaign: int, connector_id: int, block: BlockId = "latest"
    ) -> CampaignTerms | None:
        """Return a campaign's terms, None unless the connector takes part in it."""

    async def committee(self, epoch: int, block: BlockId = "latest") -> Committee:
        """Return a committee's threshold and the end of its validity."""

    async def is_member(self, epoch: int, address: str, block: BlockId = "latest") -> bool:
        """Whether an address was appointed to a committee."""

    async def batch_commitment(self, batch: int, block: BlockId = "latest") -> bytes:
        """Return what a batch left in storage, zeros if there is no such batch."""

    async def block(self, block: BlockId = "latest") -> Block | None:
        """Return a block's header, None if the node has none of that number."""

    async def transaction(self, transaction_hash: bytes) -> Transaction | None:
        """Return a transaction, None if the node knows none."""

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return a transaction's receipt, None while it has none."""


class Chain:
    """One chain through one node. Make it with `connect`; close it when done.

    Every read raises `NodeUnavailableError` if the node does not answer and
    `ChainError` if it refuses, for instance a block it no longer has the state of.
    """

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        """Use `connect`, which also checks that this is the right chain."""
        self.rpc = rpc
        self.deployment = deployment

    @classmethod
    async def connect(cls, rpc_url: str, deployment: Deployment) -> Self:
        """Connect and check that the node serves this deployment.

        Raises `WrongChainError` on another chain id or an address without code.
        """
        chain = cls(Rpc(rpc_url), deployment)
        try:
            await chain.check()
        except BaseException:
            await chain.close()
            raise
        return chain

    async def check(self) -> None:
        """Raise `WrongChainError` unless the node serves this deployment."""
        chain_id = int(await self.rpc.request("eth_chainId"), 16)
        if chain_id != self.deployment.chain_id:
            raise WrongChainError(
                f"{self.rpc.name} serves chain {chain_id}, the address book is of chain "
                f"{self.deployment.chain_id}; name the right node or the right address book"
            )
        books = list(self.deployment.contracts.items())
        codes = await self.rpc.batch([("eth_getCode", (one, "latest")) for _, one in books])
        for (name, address), code in zip(books, codes, strict=True):
            if len(code) <= 2:
                raise WrongChainError(
                    f"no code at {address} ({name}) on chain {chain_id} at {self.rpc.name}; "
                    "the node is behind or the address book is of another chain"
                )

    async def close(self) -> None:
        """End the connections."""
        await self.rpc.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def _call(
        self, contract: str, name: str, *args: Any, block: BlockId, at: str = ""
    ) -> tuple[Any, ...]:
        """Ask a contract; `at` is its name in the address book, where that is another one."""
        called = function(contract, name)
        request = {
            "to": self.deployment.address(at or contract),
            "data": "0x" + called.encode(*args).hex(),
        }
        answer = await self.rpc.request("eth_call", request, block_parameter(block))
        return called.decode(to_bytes(answer))

    async def _token(self, name: str, *args: Any, block: BlockId) -> Any:
        return (await self._call("TestStablecoin", name, *args, block=block, at="Token"))[0]

    async def _settlement(self, name: str, *args: Any, block: BlockId) -> Any:
        return (await self._call("Settlement", name, *args, block=block))[0]

    async def _registry(self, name: str, *args: Any, block: BlockId) -> Any:
        return (await self._call("StationRegistry", name, *args, block=block))[0]

    # ------------------------------------------------------------- settlement

    async def head(self, connector_id: int, block: BlockId = "latest") -> Head:
        """Return a connector's head."""
        return Head(*await self._settlement("head", connector_id, block=block))

    async def account(self, account: int, block: BlockId = "latest") -> Account:
        """Return a vault account, zeros if there is no such account."""
        return Account(*await self._settlement("account", account, block=block))

    async def account_holder(self, account: int, block: BlockId = "latest") -> str:
        """Return a vault account's holder, the zero address if there is no such account."""
        return to_checksum_address(await self._settlement("account_holder", account, block=block))

    async def withdrawal(self, account: int, block: BlockId = "latest") -> Withdrawal:
        """Return an account's open withdrawal request."""
        return Withdrawal(*await self._call("Settlement", "withdrawal", account, block=block))

    async def mandate_revoked_at(
        self, account: int, mandate: bytes, block: BlockId = "latest"
    ) -> int:
        """Return when a mandate was revoked, 0 if it was not."""
        return int(await self._settlement("mandate_revoked_at", account, mandate, block=block))

    async def accrual(self, owner_id: int, block: BlockId = "latest") -> Accrual:
        """Return what an owner has earned and not withdrawn."""
        return Accrual(*await self._settlement("accrual", owner_id, block=block))

    async def unrouted_fees(self, block: BlockId = "latest") -> int:
        """Return the fees that wait in settlement."""
        return int(await self._settlement("unrouted_fees", block=block))

    async def liabilities(self, block: BlockId = "latest") -> int:
        """Return everything that settlement owes."""
        return int(await self._settlement("liabilities", block=block))

    async def batch_count(self, block: BlockId = "latest") -> int:
        """Return how many batches settled at least one session."""
        return int(await self._settlement("batch_count", block=block))

    async def batch_commitment(self, batch: int, block: BlockId = "latest") -> bytes:
        """Return what a batch left in storage, zeros if there is no such batch."""
        return bytes(await self._settlement("batch_commitment", batch, block=block))

    async def current_epoch(self, block: BlockId = "latest") -> int:
        """Return the epoch of the last committee appointed."""
        return int(await self._settlement("current_epoch", block=block))

    async def committee(self, epoch: int, block: BlockId = "latest") -> Committee:
        """Return a committee's threshold and the end of its validity."""
        return Committee(*await self._call("Settlement", "committee", epoch, block=block))

    async def is_member(self, epoch: int, address: str, block: BlockId = "latest") -> bool:
        """Whether an address was appointed to a committee."""
        return bool(await self._settlement("is_member", epoch, address, block=block))

    async def committee_day(self, block: BlockId = "latest") -> tuple[int, int]:
        """Return the day (UTC, since 1970) the committee last settled on, and its gross so far."""
        day, gross = await self._call("Settlement", "committee_day", block=block)
        return int(day), int(gross)

    async def caps(self, block: BlockId = "latest") -> Caps:
        """Return the most a session, an owner's day and a committee's day may settle."""
        return Caps(*await self._call("Settlement", "caps", block=block))

    async def exposure_limit(self, block: BlockId = "latest") -> int:
        """Return the most debt that is recorded for one account."""
        return int(await self._settlement("exposure_limit", block=block))

    # -------------------------------------------------------------- campaigns

    async def campaign_terms(
        self, campaign: int, connector_id: int, block: BlockId = "latest"
    ) -> CampaignTerms | None:
        """Return a campaign's terms, None unless the connector takes part in it.

        Of its pauses the chain holds the last one; those before are in the events.
        """
        [enrolled] = await self._call(
            "CampaignManager", "is_enrolled", campaign, connector_id, block=block
        )
        if not enrolled:
            return None
        stored = await self.campaign(campaign, block)
        pause = (stored.paused_from, stored.paused_to)
        return CampaignTerms(
            id=campaign,
            kind=stored.kind,
            owner_id=stored.owner_id,
            starts_at=stored.starts_at,
            ends_at=stored.ends_at,
            pauses=(pause,) if stored.paused_from else (),
            hour_mask=stored.hour_mask,
            rate_bps=stored.rate_bps,
            session_cap=stored.session_cap,
            min_sessions=stored.min_sessions,
            window_days=stored.window_days,
            driver_cap=stored.driver_cap,
        )

    async def campaign_count(self, block: BlockId = "latest") -> int:
        """Return the number of the last campaign created."""
        [count] = await self._call("CampaignManager", "campaign_count", block=block)
        return int(count)

    async def campaign(self, campaign: int, block: BlockId = "latest") -> Campaign:
        """Return a campaign, all zero if there is none."""
        [stored] = await self._call("CampaignManager", "campaign", campaign, block=block)
        kind, owner_id, creator, *rest = stored
        return Campaign(kind, owner_id, to_checksum_address(creator), *rest)

    async def reclaimable_from(self, campaign: int, block: BlockId = "latest") -> int:
        """Return when what is left of a budget can be reclaimed, UTC seconds, as far as is known.

        Raises `RevertedError` if there is no such campaign.
        """
        [at] = await self._call("CampaignManager", "reclaimable_from", campaign, block=block)
        return int(at)

    # ------------------------------------------------------------------ token

    async def token_balance(self, account: str, block: BlockId = "latest") -> int:
        """Return how much of the payment token an address holds, base units."""
        return int(await self._token("balanceOf", account, block=block))

    async def allowance(self, account: str, block: BlockId = "latest") -> int:
        """Return how much of an address's tokens settlement may take, base units."""
        spender = self.deployment.address("Settlement")
        return int(await self._token("allowance", account, spender, block=block))

    async def token_symbol(self, block: BlockId = "latest") -> str:
        """Return what the payment token calls itself."""
        return str(await self._token("symbol", block=block))

    # --------------------------------------------------------------- registry

    async def run_terms(self, connector_id: int, index: int, block: BlockId = "latest") -> RunTerms:
        """Return a connector's owner and one of its tariffs."""
        terms = await self._call("StationRegistry", "run_terms", connector_id, index, block=block)
        return RunTerms(*terms)

    async def owner_account(self, owner_id: int, block: BlockId = "latest") -> str:
        """Return the address that is paid for an owner, the zero address if there is none."""
        return to_checksum_address(await self._registry("owner_account", owner_id, block=block))

    async def is_operator(self, owner_id: int, address: str, block: BlockId = "latest") -> bool:
        """Whether an address may act for an owner in the registry, beside its account."""
        return bool(await self._registry("is_operator", owner_id, address, block=block))

    async def station_of(self, identity: str, block: BlockId = "latest") -> int:
        """Return the station that connects with an OCPP identity, 0 if there is none."""
        return int(await self._registry("station_of", identity, block=block))

    async def site(self, site_id: int, block: BlockId = "latest") -> Site:
        """Return a site."""
        return Site(*await self._registry("site", site_id, block=block))

    async def station(self, station_id: int, block: BlockId = "latest") -> Station:
        """Return a charging station."""
        return Station(*await self._registry("station", station_id, block=block))

    async def evse(self, evse: int, block: BlockId = "latest") -> Evse:
        """Return an EVSE."""
        return Evse(*await self._registry("evse", evse, block=block))

    async def connector(self, connector_id: int, block: BlockId = "latest") -> Connector:
        """Return a connector."""
        return Connector(*await self._registry("connector", connector_id, block=block))

    async def tariff_count(self, connector_id: int, block: BlockId = "latest") -> int:
        """Return how many tariffs a connector has had, announced ones included."""
        return int(await self._registry("tariff_count", connector_id, block=block))

    async def tariff(self, connector_id: int, index: int, block: BlockId = "latest") -> TariffTerms:
        """Return all of a tariff."""
        terms = await self._call("StationRegistry", "tariff", connector_id, index, block=block)
        return TariffTerms(*terms)

    async def meter_key(
        self, connector_id: int, fingerprint: bytes, block: BlockId = "latest"
    ) -> RegisteredKey:
        """Return a meter's registered key by keccak256 of its public key."""
        curve, kind, voucher, valid_from, revoked_at = await self._registry(
            "meter_key", connector_id, fingerprint, block=block
        )
        return RegisteredKey(curve, kind, to_checksum_address(voucher), valid_from, revoked_at)

    # ------------------------------------------------------------------ chain

    async def block(self, block: BlockId = "latest") -> Block | None:
        """Return a block's header, None if the node has none of that number."""
        raw = await self.rpc.request("eth_getBlockByNumber", block_parameter(block), False)
        return Block.from_json(raw) if raw else None

    async def transaction(self, transaction_hash: bytes) -> Transaction | None:
        """Return a transaction, None if the node knows none."""
        raw = await self.rpc.request("eth_getTransactionByHash", "0x" + transaction_hash.hex())
        return Transaction.from_json(raw) if raw else None

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return a transaction's receipt, None while it has none."""
        return await read_receipt(self.rpc, transaction_hash)

    async def logs(
        self,
        from_block: int,
        to_block: BlockId,
        contracts: tuple[str, ...] = ("StationRegistry", "Settlement", "FeeRouter"),
        topics: tuple[bytes | tuple[bytes, ...] | None, ...] = (),
    ) -> list[Log]:
        """Return the events of named contracts between two blocks, both included, in order.

        `topics` are by place: one, any of several, or None for whichever.
        """
        criteria = {
            "fromBlock": block_parameter(from_block),
            "toBlock": block_parameter(to_block),
            "address": [self.deployment.address(name) for name in contracts],
            "topics": [_topic(topic) for topic in topics],
        }
        return [Log.from_json(raw) for raw in await self.rpc.request("eth_getLogs", criteria)]


def _topic(topic: bytes | tuple[bytes, ...] | None) -> str | list[str] | None:
    if isinstance(topic, tuple):
        return ["0x" + one.hex() for one in topic]
    return None if topic is None else "0x" + topic.hex()
