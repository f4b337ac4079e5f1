"""The lists and objects that hang off blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request
from sqlalchemy import ColumnElement, Connection, Engine

from chargecoin import indexer_models as models
from indexer import schema
from indexer.api import resources
from indexer.api.parameters import Id, Moment, SessionHex, WantedId, WantedPage, WantedSpan
from indexer.api.resources import equal, of_owner
from indexer.api.rows import Paging, Resource, Span, one, page, split_session
from indexer.database import snapshot
from indexer.figures import Status
from indexer.queries import live
from indexer.queries.sessions import of_batch
from indexer.read_money import NOT_STARTED

NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {404: {"model": models.Problem}}
router = APIRouter(prefix="/v1")


T = TypeVar("T")
M = TypeVar("M", bound=models.OnChain)


def _read(request: Request, ask: Callable[[Connection, Status], T]) -> T:
    engine: Engine = request.app.state.engine
    with snapshot(engine) as connection:
        return ask(connection, live.status(connection) or NOT_STARTED)


def _list(
    request: Request,
    resource: Resource[M],
    paging: Paging,
    where: Sequence[ColumnElement[bool]] = (),
    span: Span | None = None,
) -> models.Page[M]:
    return _read(request, lambda c, status: page(c, status, resource, paging, where, span))


def _one(request: Request, resource: Resource[M], *where: ColumnElement[bool]) -> M:
    found = _read(request, lambda connection, status: one(connection, status, resource, *where))
    if found is None:
        raise HTTPException(404, f"there is no such {resource.model.__name__.lower()}")
    return found


# --- places ---


@router.get("/owners", tags=["places"])
def owners(request: Request, paging: WantedPage) -> models.Page[models.Owner]:
    """Station owners."""
    return _list(request, resources.OWNERS, paging)


@router.get("/owners/{owner_id}", tags=["places"], responses=NOT_FOUND)
def owner(request: Request, owner_id: Id) -> models.Owner:
    """One station owner."""
    return _one(request, resources.OWNERS, schema.owners.c.owner_id == owner_id)


@router.get("/sites", tags=["places"])
def sites(
    request: Request, paging: WantedPage, owner_id: WantedId = None
) -> models.Page[models.Site]:
    """Sites."""
    return _list(request, resources.SITES, paging, of_owner(schema.sites, owner_id))


@router.get("/sites/{site_id}", tags=["places"], responses=NOT_FOUND)
def site(request: Request, site_id: Id) -> models.Site:
    """One site."""
    return _one(request, resources.SITES, schema.sites.c.site_id == site_id)


@router.get("/stations", tags=["places"])
def stations(
    request: Request, paging: WantedPage, owner_id: WantedId = None, site_id: WantedId = None
) -> models.Page[models.Station]:
    """Charge points."""
    table = schema.stations
    where = [*of_owner(table, owner_id), *equal(table, site_id=site_id)]
    return _list(request, resources.STATIONS, paging, where)


@router.get("/stations/{station_id}", tags=["places"], responses=NOT_FOUND)
def station(request: Request, station_id: Id) -> models.Station:
    """One charge point."""
    return _one(request, resources.STATIONS, schema.stations.c.station_id == station_id)


@router.get("/connectors", tags=["places"])
def connectors(
    request: Request,
    paging: WantedPage,
    owner_id: WantedId = None,
    site_id: WantedId = None,
    station_id: WantedId = None,
) -> models.Page[models.Connector]:
    """Connectors."""
    where = [
        *of_owner(schema.connectors, owner_id),
        *equal(schema.sites, site_id=site_id),
        *equal(schema.stations, station_id=station_id),
    ]
    return _list(request, resources.CONNECTORS, paging, where)


@router.get("/connectors/{connector_id}", tags=["places"], responses=NOT_FOUND)
def connector(request: Request, connector_id: Id) -> models.Connector:
    """One connector."""
    wanted = schema.connectors.c.connector_id == connector_id
    return _one(request, resources.CONNECTORS, wanted)


@router.get("/tariffs", tags=["places"])
def tariffs(
    request: Request,
    paging: WantedPage,
    span: WantedSpan,
    connector_id: WantedId = None,
    at: Annotated[
        Moment, Query(description="only each connector's newest at this moment, UTC seconds")
    ] = None,
) -> models.Page[models.Tariff]:
    """Tariffs as published, or those in force at a moment."""
    where = equal(schema.tariffs, connector_id=connector_id)
    where += [] if at is None else resources.as_of(at)
    return _list(request, resources.TARIFFS, paging, where, span)


# --- settlement ---


@router.get("/batches", tags=["settlement"])
def batches(request: Request, paging: WantedPage, span: WantedSpan) -> models.Page[models.Batch]:
    """Settled batches."""
    return _list(request, resources.BATCHES, paging, (), span)


@router.get("/batches/{batch}", tags=["settlement"], responses=NOT_FOUND)
def one_batch(request: Request, batch: Id) -> models.Batch:
    """One batch."""
    return _one(request, resources.BATCHES, schema.batches.c.batch == batch)


@router.get("/sessions", tags=["settlement"])
def sessions(  # noqa: PLR0913, PLR0917 -- each is a filter
    request: Request,
    paging: WantedPage,
    span: WantedSpan,
    owner_id: WantedId = None,
    site_id: WantedId = None,
    connector_id: WantedId = None,
    batch: WantedId = None,
    campaign_id: Annotated[WantedId, Query(ge=1)] = None,
    status: Annotated[
        int | None, Query(ge=1, le=3, description="1 settled, 2 unfunded, 3 rejected")
    ] = None,
) -> models.Page[models.Session]:
    """Sessions with their outcome. Times are those of settlement."""
    table = schema.sessions
    where = [
        *equal(table, owner_id=owner_id, site_id=site_id, connector_id=connector_id),
        *(of_batch(batch) if batch is not None else ()),
        *resources.of_campaign(campaign_id),
        *resources.with_status(status),
    ]
    return _list(request, resources.SESSIONS, paging, where, span)


@router.get("/sessions/{session_id}", tags=["settlement"], responses=NOT_FOUND)
def session(request: Request, session_id: SessionHex) -> models.Session:
    """One session, by its id as evidence bundles write it."""
    connector_id, sequence = split_session(session_id)
    table = schema.sessions.c
    return _one(
        request,
        resources.SESSIONS,
        table.connector_id == connector_id,
        table.sequence == sequence,
    )


# --- after settlement ---


@router.get("/collections", tags=["adjustments"])
def collections(
    request: Request,
    paging: WantedPage,
    span: WantedSpan,
    owner_id: WantedId = None,
    site_id: WantedId = None,
    connector_id: WantedId = None,
) -> models.Page[models.Collection]:
    """Debts paid later."""
    table = schema.collections
    where = equal(table, owner_id=owner_id, site_id=site_id, connector_id=connector_id)
    return _list(request, resources.COLLECTIONS, paging, where, span)


@router.get("/refunds", tags=["adjustments"])
def refunds(
    request: Request,
    paging: WantedPage,
    span: WantedSpan,
    owner_id: WantedId = None,
    site_id: WantedId = None,
    connector_id: WantedId = None,
) -> models.Page[models.Refund]:
    """Refunds, by the owner or by a ruling."""
    table = schema.refunds
    where = equal(table, owner_id=owner_id, site_id=site_id, connector_id=connector_id)
    return _list(request, resources.REFUNDS, paging, where, span)


@router.get("/disputes", tags=["adjustments"])
def disputes(
    request: Request,
    paging: WantedPage,
    span: WantedSpan,
    owner_id: WantedId = None,
    site_id: WantedId = None,
    connector_id: WantedId = None,
    account: WantedId = None,
    is_open: Annotated[bool | None, Query(alias="open")] = None,
) -> models.Page[models.Dispute]:
    """Disputes and what became of them."""
    where = [
        *equal(schema.disputes, owner_id=owner_id, connector_id=connector_id, account=account),
        *resources.of_disputed_site(site_id),
        *resources.dispute_open(is_open),
    ]
    return _list(request, resources.DISPUTES, paging, where, span)


@router.get("/disputes/{dispute}", tags=["adjustments"], responses=NOT_FOUND)
def one_dispute(request: Request, dispute: Id) -> models.Dispute:
    """One dispute."""
    return _one(request, resources.DISPUTES, schema.disputes.c.dispute == dispute)


# --- campaigns ---


@router.get("/campaigns", tags=["campaigns"])
def campaigns(
    request: Request, paging: WantedPage, span: WantedSpan, owner_id: WantedId = None
) -> models.Page[models.Campaign]:
    """Campaigns; `owner_id` 0 asks for the sponsors'."""
    where = equal(schema.campaigns, owner_id=owner_id)
    return _list(request, resources.CAMPAIGNS, paging, where, span)


@router.get("/campaigns/{campaign_id}", tags=["campaigns"], responses=NOT_FOUND)
def campaign(request: Request, campaign_id: Id) -> models.Campaign:
    """One campaign."""
    return _one(request, resources.CAMPAIGNS, schema.campaigns.c.campaign_id == campaign_id)


@router.get("/campaigns/{campaign_id}/ledger", tags=["campaigns"])
def campaign_ledger(
    request: Request, campaign_id: Id, paging: WantedPage, span: WantedSpan
) -> models.Page[models.CampaignEntry]:
    """What changed a campaign's budget."""
    where = equal(schema.campaign_entries, campaign_id=campaign_id)
    return _list(request, resources.CAMPAIGN_ENTRIES, paging, where, span)


# --- money ---


@router.get("/owners/{owner_id}/ledger", tags=["money"])
def ledger(
    request: Request, owner_id: Id, paging: WantedPage, span: WantedSpan
) -> models.Page[models.LedgerEntry]:
    """What changed an owner's accrual, with the balance after it."""
    where = equal(schema.owner_entries, owner_id=owner_id)
    return _list(request, resources.LEDGER, paging, where, span)


@router.get("/payouts", tags=["money"])
def payouts(
    request: Request, paging: WantedPage, span: WantedSpan, owner_id: WantedId = None
) -> models.Page[models.Payout]:
    """Payouts to owners' destinations."""
    where = equal(schema.payouts, owner_id=owner_id)
    return _list(request, resources.PAYOUTS, paging, where, span)


@router.get("/accrual-withdrawals", tags=["money"])
def accrual_withdrawals(
    request: Request, paging: WantedPage, span: WantedSpan, owner_id: WantedId = None
) -> models.Page[models.AccrualWithdrawal]:
    """Owners' own withdrawals from their accruals."""
    where = equal(schema.accrual_withdrawals, owner_id=owner_id)
    return _list(request, resources.ACCRUAL_WITHDRAWALS, paging, where, span)


@router.get("/accounts", tags=["money"])
def accounts(request: Request, paging: WantedPage, span: WantedSpan) -> models.Page[models.Account]:
    """Payers' vault accounts."""
    return _list(request, resources.ACCOUNTS, paging, (), span)


@router.get("/accounts/{account}", tags=["money"], responses=NOT_FOUND)
def one_account(request: Request, account: Id) -> models.Account:
    """One vault account."""
    return _one(request, resources.ACCOUNTS, schema.accounts.c.account == account)


@router.get("/deposits", tags=["money"])
def deposits(
    request: Request, paging: WantedPage, span: WantedSpan, account: WantedId = None
) -> models.Page[models.VaultMovement]:
    """Deposits into vaults."""
    return _list(request, resources.DEPOSITS, paging, equal(schema.deposits, account=account), span)


@router.get("/withdrawals", tags=["money"])
def withdrawals(
    request: Request, paging: WantedPage, span: WantedSpan, account: WantedId = None
) -> models.Page[models.VaultMovement]:
    """Withdrawals from vaults."""
    where = equal(schema.withdrawals, account=account)
    return _list(request, resources.WITHDRAWALS, paging, where, span)


# --- staking and rewards ---


@router.get("/stakes", tags=["rewards"])
def stakes(
    request: Request, paging: WantedPage, span: WantedSpan, position: WantedId = None
) -> models.Page[models.Stake]:
    """CHG put into the staking pool."""
    return _list(request, resources.STAKES, paging, equal(schema.stakes, position=position), span)


@router.get("/unstakes", tags=["rewards"])
def unstakes(
    request: Request, paging: WantedPage, span: WantedSpan, position: WantedId = None
) -> models.Page[models.StakeMovement]:
    """CHG taken out again."""
    where = equal(schema.unstakes, position=position)
    return _list(request, resources.UNSTAKES, paging, where, span)


@router.get("/stake-claims", tags=["rewards"])
def stake_claims(
    request: Request, paging: WantedPage, span: WantedSpan, position: WantedId = None
) -> models.Page[models.StakeMovement]:
    """Fees claimed by stakers."""
    where = equal(schema.stake_claims, position=position)
    return _list(request, resources.STAKE_CLAIMS, paging, where, span)


@router.get("/streams", tags=["rewards"])
def streams(request: Request, paging: WantedPage, span: WantedSpan) -> models.Page[models.Stream]:
    """Fees that began to flow to stakers."""
    return _list(request, resources.STREAMS, paging, (), span)


@router.get("/reward-fundings", tags=["rewards"])
def reward_fundings(
    request: Request,
    paging: WantedPage,
    span: WantedSpan,
    kind: WantedId = None,
    epoch: WantedId = None,
) -> models.Page[models.RewardFunding]:
    """What came into the pots of reward epochs; `kind` 1 drivers, 2 stations."""
    where = equal(schema.reward_fundings, kind=kind, epoch=epoch)
    return _list(request, resources.REWARD_FUNDINGS, paging, where, span)


@router.get("/reward-roots", tags=["rewards"])
def reward_roots(
    request: Request,
    paging: WantedPage,
    span: WantedSpan,
    kind: WantedId = None,
    epoch: WantedId = None,
) -> models.Page[models.RewardRoot]:
    """What reward epochs are shared out by; `kind` 1 drivers, 2 stations."""
    where = equal(schema.reward_roots, kind=kind, epoch=epoch)
    return _list(request, resources.REWARD_ROOTS, paging, where, span)


@router.get("/reward-claims", tags=["rewards"])
def reward_claims(
    request: Request,
    paging: WantedPage,
    span: WantedSpan,
    kind: WantedId = None,
    epoch: WantedId = None,
    recipient: WantedId = None,
) -> models.Page[models.RewardClaim]:
    """Claimed rewards; `recipient` is an account of drivers (kind 1), an owner of stations (2)."""
    where = equal(schema.reward_claims, kind=kind, epoch=epoch, recipient=recipient)
    return _list(request, resources.REWARD_CLAIMS, paging, where, span)
