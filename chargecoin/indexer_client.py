"""The indexer's read API from Python: typed values, lists that continue, changes as they come.

    async with IndexerClient("http://127.0.0.1:8720") as indexer:
        async for session in indexer.every(indexer.sessions, owner_id=1, status=2):
            print(session.session_id, session.debt, session.finality)

An answer that was read before is asked for by its ETag, and comes back only if it is
another now.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from types import TracebackType
from typing import Any, Final, Literal, Self, TypedDict, TypeVar, Unpack

import httpx
from pydantic import TypeAdapter, ValidationError

from chargecoin.errors import IndexerError
from chargecoin.indexer_models import (
    Account,
    AccrualWithdrawal,
    Batch,
    Campaign,
    CampaignEntry,
    Change,
    Collection,
    Connector,
    Day,
    Dispute,
    FeedEntry,
    FeedSource,
    Finality,
    Hour,
    LedgerEntry,
    Owner,
    Page,
    Payout,
    Refund,
    RewardClaim,
    RewardFunding,
    RewardRoot,
    Session,
    Site,
    Stake,
    StakeMovement,
    Station,
    Stream,
    Tariff,
    VaultMovement,
)

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

TIMEOUT_S: Final = 30.0
# Answers kept to be asked for by their ETag.
REMEMBERED: Final = 64
RECONNECT_S: Final = 1.0
# A stream says something every 15 seconds.
STREAM_TIMEOUT: Final = httpx.Timeout(TIMEOUT_S, read=60.0)


class Part(TypedDict, total=False):
    """Which part of a list; `after` is the page before's."""

    after: int
    limit: int
    order: Literal["newest", "oldest"]


class Wanted(Part, total=False):
    """Which blocks: times are UTC seconds, `until` is excluded; `to_block` is included."""

    since: int
    until: int
    from_block: int
    to_block: int
    finality: Finality


class WantedOfOwner(Wanted, total=False):
    """Of one owner."""

    owner_id: int


class WantedOfAccount(Wanted, total=False):
    """Of one vault account."""

    account: int


class WantedPlaces(Part, total=False):
    """Places of one owner, site or station."""

    owner_id: int
    site_id: int
    station_id: int


class WantedTariffs(Wanted, total=False):
    """Of one connector; `at` asks for the tariffs in force at a moment, UTC seconds."""

    connector_id: int
    at: int


class WantedSessions(WantedOfOwner, total=False):
    """`status`: 1 settled, 2 unfunded, 3 rejected."""

    site_id: int
    connector_id: int
    batch: int
    campaign_id: int
    status: int


class WantedAdjustments(WantedOfOwner, total=False):
    """Of sessions of one site or connector."""

    site_id: int
    connector_id: int


class WantedDisputes(WantedAdjustments, total=False):
    """Of an owner, a connector or a vault account, open or closed."""

    account: int
    open: bool


class WantedOfPosition(Wanted, total=False):
    """Of one position of the staking pool."""

    position: int


class WantedOfEpoch(Wanted, total=False):
    """Of drivers' (`kind` 1) or stations' (2) rewards, of one epoch."""

    kind: int
    epoch: int


class WantedRewardClaims(WantedOfEpoch, total=False):
    """Of one recipient: an account of drivers, an owner of stations."""

    recipient: int


class WantedSums(TypedDict, total=False):
    """Sums of one owner, site or connector; `after` is the page before's."""

    after: int
    owner_id: int
    site_id: int
    connector_id: int


class IndexerClient:
    """One indexer. Every method raises `IndexerError`. Use as an async context manager."""

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Name an indexer, `http://host:port`; nothing is asked yet."""
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"), timeout=TIMEOUT_S, transport=transport
        )
        self._sleep = sleep
        self._adapters: dict[Any, TypeAdapter[Any]] = {}
        self._known: OrderedDict[str, tuple[str, Any]] = OrderedDict()

    async def __aenter__(self) -> Self:
        """Open the connections."""
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close them."""
        await self._http.__aexit__(kind, error, traceback)

    async def every(
        self, ask: Callable[..., Awaitable[Page[T]]], *arguments: Any, **wanted: Any
    ) -> AsyncIterator[T]:
        """Yield all items of a list, page after page: `every(client.sessions, owner_id=1)`."""
        while True:
            page = await ask(*arguments, **wanted)
            for item in page.items:
                yield item
            if page.after is None:
                return
            wanted["after"] = page.after

    # --- places ---

    async def owners(self, **wanted: Unpack[Part]) -> Page[Owner]:
        """Return station owners."""
        return await self._get(Page[Owner], "owners", wanted)

    async def owner(self, owner_id: int) -> Owner:
        """Return one owner."""
        return await self._get(Owner, f"owners/{owner_id}")

    async def sites(self, **wanted: Unpack[WantedPlaces]) -> Page[Site]:
        """Return sites."""
        return await self._get(Page[Site], "sites", wanted)

    async def site(self, site_id: int) -> Site:
        """Return one site."""
        return await self._get(Site, f"sites/{site_id}")

    async def stations(self, **wanted: Unpack[WantedPlaces]) -> Page[Station]:
        """Return charge points."""
        return await self._get(Page[Station], "stations", wanted)

    async def station(self, station_id: int) -> Station:
        """Return one charge point."""
        return await self._get(Station, f"stations/{station_id}")

    async def connectors(self, **wanted: Unpack[WantedPlaces]) -> Page[Connector]:
        """Return connectors."""
        return await self._get(Page[Connector], "connectors", wanted)

    async def connector(self, connector_id: int) -> Connector:
        """Return one connector."""
        return await self._get(Connector, f"connectors/{connector_id}")

    async def tariffs(self, **wanted: Unpack[WantedTariffs]) -> Page[Tariff]:
        """Return tariffs as published, or those in force at a moment."""
        return await self._get(Page[Tariff], "tariffs", wanted)

    # --- settlement ---

    async def batches(self, **wanted: Unpack[Wanted]) -> Page[Batch]:
        """Return settled batches."""
        return await self._get(Page[Batch], "batches", wanted)

    async def batch(self, batch: int) -> Batch:
        """Return one batch."""
        return await self._get(Batch, f"batches/{batch}")

    async def sessions(self, **wanted: Unpack[WantedSessions]) -> Page[Session]:
        """Return sessions with their outcome."""
        return await self._get(Page[Session], "sessions", wanted)

    async def session(self, session_id: str) -> Session:
        """Return one session by its id in hex, as `chargecoin.evidence.format.session_hex`."""
        return await self._get(Session, f"sessions/{session_id}")

    # --- after settlement ---

    async def collections(self, **wanted: Unpack[WantedAdjustments]) -> Page[Collection]:
        """Return debts paid later."""
        return await self._get(Page[Collection], "collections", wanted)

    async def refunds(self, **wanted: Unpack[WantedAdjustments]) -> Page[Refund]:
        """Return refunds."""
        return await self._get(Page[Refund], "refunds", wanted)

    async def disputes(self, **wanted: Unpack[WantedDisputes]) -> Page[Dispute]:
        """Return disputes and what became of them."""
        return await self._get(Page[Dispute], "disputes", wanted)

    async def dispute(self, dispute: int) -> Dispute:
        """Return one dispute."""
        return await self._get(Dispute, f"disputes/{dispute}")

    # --- campaigns ---

    async def campaigns(self, **wanted: Unpack[WantedOfOwner]) -> Page[Campaign]:
        """Return campaigns; owner 0 asks for the sponsors'."""
        return await self._get(Page[Campaign], "campaigns", wanted)

    async def campaign(self, campaign_id: int) -> Campaign:
        """Return one campaign."""
        return await self._get(Campaign, f"campaigns/{campaign_id}")

    async def campaign_ledger(
        self, campaign_id: int, **wanted: Unpack[Wanted]
    ) -> Page[CampaignEntry]:
        """Return what changed a campaign's budget."""
        return await self._get(Page[CampaignEntry], f"campaigns/{campaign_id}/ledger", wanted)

    # --- money ---

    async def ledger(self, owner_id: int, **wanted: Unpack[Wanted]) -> Page[LedgerEntry]:
        """Return what changed an owner's accrual, with the balance after it."""
        return await self._get(Page[LedgerEntry], f"owners/{owner_id}/ledger", wanted)

    async def payouts(self, **wanted: Unpack[WantedOfOwner]) -> Page[Payout]:
        """Return payouts to owners' destinations."""
        return await self._get(Page[Payout], "payouts", wanted)

    async def accrual_withdrawals(self, **wanted: Unpack[WantedOfOwner]) -> Page[AccrualWithdrawal]:
        """Return owners' own withdrawals from their accruals."""
        return await self._get(Page[AccrualWithdrawal], "accrual-withdrawals", wanted)

    async def accounts(self, **wanted: Unpack[Wanted]) -> Page[Account]:
        """Return payers' vault accounts."""
        return await self._get(Page[Account], "accounts", wanted)

    async def account(self, account: int) -> Account:
        """Return one vault account."""
        return await self._get(Account, f"accounts/{account}")

    async def deposits(self, **wanted: Unpack[WantedOfAccount]) -> Page[VaultMovement]:
        """Return deposits into vaults."""
        return await self._get(Page[VaultMovement], "deposits", wanted)

    async def withdrawals(self, **wanted: Unpack[WantedOfAccount]) -> Page[VaultMovement]:
        """Return withdrawals from vaults."""
        return await self._get(Page[VaultMovement], "withdrawals", wanted)

    # --- staking and rewards ---

    async def stakes(self, **wanted: Unpack[WantedOfPosition]) -> Page[Stake]:
        """Return CHG put into the staking pool."""
        return await self._get(Page[Stake], "stakes", wanted)

    async def unstakes(self, **wanted: Unpack[WantedOfPosition]) -> Page[StakeMovement]:
        """Return CHG taken out again."""
        return await self._get(Page[StakeMovement], "unstakes", wanted)

    async def stake_claims(self, **wanted: Unpack[WantedOfPosition]) -> Page[StakeMovement]:
        """Return fees claimed by stakers."""
        return await self._get(Page[StakeMovement], "stake-claims", wanted)

    async def streams(self, **wanted: Unpack[Wanted]) -> Page[Stream]:
        """Return fees that began to flow to stakers."""
        return await self._get(Page[Stream], "streams", wanted)

    async def reward_fundings(self, **wanted: Unpack[WantedOfEpoch]) -> Page[RewardFunding]:
        """Return what came into the pots of reward epochs."""
        return await self._get(Page[RewardFunding], "reward-fundings", wanted)

    async def reward_roots(self, **wanted: Unpack[WantedOfEpoch]) -> Page[RewardRoot]:
        """Return what reward epochs are shared out by."""
        return await self._get(Page[RewardRoot], "reward-roots", wanted)

    async def reward_claims(self, **wanted: Unpack[WantedRewardClaims]) -> Page[RewardClaim]:
        """Return claimed rewards."""
        return await self._get(Page[RewardClaim], "reward-claims", wanted)

    # --- sums ---

    async def hours(self, since: int, until: int, **wanted: Unpack[WantedSums]) -> Page[Hour]:
        """Return local hours that begin in [since, until), UTC seconds; approximate."""
        span = {"since": since, "until": until, **wanted}
        return await self._get(Page[Hour], "hours", span)

    async def days(self, since: date, until: date, **wanted: Unpack[WantedSums]) -> Page[Day]:
        """Return settlement days `since` to `until` (included), exact."""
        span = {"since": since.isoformat(), "until": until.isoformat(), **wanted}
        return await self._get(Page[Day], "days", span)

    # --- the operational feed ---

    async def feeds(self) -> tuple[FeedSource, ...]:
        """Return the oracles whose feeds are followed."""
        return await self._get(tuple[FeedSource, ...], "feed")

    async def feed(
        self, oracle: str, *, after: int = 0, limit: int = 100, connector_id: int | None = None
    ) -> Page[FeedEntry]:
        """Return an oracle's signed entries after number `after`, oldest first."""
        wanted: dict[str, Any] = {"after": after, "limit": limit}
        if connector_id is not None:
            wanted["connector_id"] = connector_id
        return await self._get(Page[FeedEntry], f"feed/{oracle}", wanted)

    # --- changes ---

    async def changes(
        self, *, after: int | None = None, owner_id: int | None = None
    ) -> AsyncIterator[Change]:
        """Yield changes as they come, after number `after` or from now, without an end.

        A lost connection is made again where it was lost. After a change of kind `reset`
        something was missed: read anew. Raises `IndexerError` only where the indexer
        refuses the question.
        """
        params = {} if owner_id is None else {"owner_id": owner_id}
        while True:
            headers = {} if after is None else {"last-event-id": str(after)}
            try:
                async with self._http.stream(
                    "GET", "/v1/events", params=params, headers=headers, timeout=STREAM_TIMEOUT
                ) as answer:
                    if answer.status_code == 200:
                        async for line in answer.aiter_lines():
                            if line.startswith("data:"):
                                change = Change.model_validate_json(line[5:])
                                after = change.change
                                yield change
                    elif answer.status_code < 500:
                        raise IndexerError(f"events: {await _why(answer)}", answer.status_code)
            except httpx.TransportError:
                pass
            await self._sleep(RECONNECT_S)

    # --- one question ---

    async def _get(self, kind: type[T], path: str, wanted: Any = None) -> T:
        request = self._http.build_request("GET", f"/v1/{path}", params=_params(wanted or {}))
        key = str(request.url)
        known = self._known.get(key)
        if known:
            request.headers["if-none-match"] = known[0]
        try:
            answer = await self._http.send(request)
        except httpx.TransportError as error:
            raise IndexerError(
                f"the indexer gives no answer to {path}: {error!r}; see whether it runs there"
            ) from error
        if answer.status_code == 304 and known:
            found: T = known[1]
            return found
        if answer.status_code != 200:
            raise IndexerError(f"{path}: {await _why(answer)}", answer.status_code)
        adapter = self._adapters.setdefault(kind, TypeAdapter(kind))
        try:
            found = adapter.validate_json(answer.content)
        except ValidationError as error:
            raise IndexerError(
                f"{path}: the answer cannot be read, it may be of another release: {error}"
            ) from error
        self._remember(key, answer.headers.get("etag"), found)
        return found

    def _remember(self, key: str, tag: str | None, found: Any) -> None:
        if tag is None:
            return
        self._known[key] = tag, found
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _params(wanted: dict[str, Any]) -> dict[str, Any]:
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in wanted.items()
    }


async def _why(answer: httpx.Response) -> str:
    await answer.aread()
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {answer.status_code}"
