"""What the API serves: each resource's select, and what it can be filtered by."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Table, and_, exists, func, select

from chargecoin import indexer_models as models
from indexer import schema
from indexer.api.rows import Resource, with_transaction
from indexer.queries.places import block_number


def _newest(column: ColumnElement[Any], key: ColumnElement[Any], of: ColumnElement[bool]) -> Any:
    """Select what the newest row of another table says."""
    return select(column).where(of).order_by(key.desc()).limit(1).scalar_subquery()


M = TypeVar("M", bound=models.OnChain)


def _plain(model: type[M], table: Table) -> Resource[M]:
    return Resource(model, table, with_transaction(table))


def _renamed(model: type[M], table: Table, **columns: ColumnElement[Any]) -> Resource[M]:
    more = (column.label(name) for name, column in columns.items())
    return Resource(model, table, with_transaction(table, *more))


# --- places ---

_accounts = schema.owner_accounts
_account = _newest(
    _accounts.c.account, _accounts.c.id, _accounts.c.owner_id == schema.owners.c.owner_id
)
OWNERS: Final = _renamed(
    models.Owner, schema.owners, account=func.coalesce(_account, schema.owners.c.account)
)
SITES: Final = _plain(models.Site, schema.sites)
STATIONS: Final = Resource(
    models.Station,
    schema.stations,
    with_transaction(schema.stations, schema.sites.c.owner_id).join(
        schema.sites, schema.sites.c.site_id == schema.stations.c.site_id
    ),
)
CONNECTORS: Final = Resource(
    models.Connector,
    schema.connectors,
    with_transaction(
        schema.connectors,
        schema.evses.c.evse_number,
        schema.evses.c.evse_id,
        schema.stations.c.station_id,
        schema.stations.c.identity.label("station_identity"),
        schema.sites.c.site_id,
        schema.sites.c.owner_id,
    )
    .join(schema.evses, schema.evses.c.evse == schema.connectors.c.evse)
    .join(schema.stations, schema.stations.c.station_id == schema.evses.c.station_id)
    .join(schema.sites, schema.sites.c.site_id == schema.stations.c.site_id),
)
TARIFFS: Final = _renamed(models.Tariff, schema.tariffs, slot=schema.tariffs.c.tariff)

# --- settlement ---

BATCHES: Final = _plain(models.Batch, schema.batches)
SESSIONS: Final = _plain(models.Session, schema.sessions)
COLLECTIONS: Final = _plain(models.Collection, schema.collections)
REFUNDS: Final = _plain(models.Refund, schema.refunds)
_closings, _answers = schema.dispute_closings, schema.dispute_answers
DISPUTES: Final = Resource(
    models.Dispute,
    schema.disputes,
    with_transaction(
        schema.disputes,
        _newest(
            _answers.c.statement, _answers.c.id, _answers.c.dispute == schema.disputes.c.dispute
        ).label("answer"),
        _closings.c.result,
        _closings.c.refunded,
        _closings.c.released,
        _closings.c.bond_to_owner,
    ).outerjoin(_closings, _closings.c.dispute == schema.disputes.c.dispute),
)

# --- campaigns ---

_closed, _entries = schema.campaign_closings, schema.campaign_entries
_of = schema.campaigns.c.campaign_id
_closed_at = _newest(_closed.c.ends_at, _closed.c.id, _closed.c.campaign_id == _of)


def _last_entry(column: ColumnElement[Any]) -> Any:
    return func.coalesce(_newest(column, _entries.c.id, _entries.c.campaign_id == _of), 0)


CAMPAIGNS: Final = _renamed(
    models.Campaign,
    schema.campaigns,
    ends_at=func.coalesce(_closed_at, schema.campaigns.c.ends_at),
    budget=_last_entry(_entries.c.budget),
    spent=_last_entry(_entries.c.spent),
)
CAMPAIGN_ENTRIES: Final = _plain(models.CampaignEntry, schema.campaign_entries)

# --- money ---

ACCOUNTS: Final = _plain(models.Account, schema.accounts)
DEPOSITS: Final = _renamed(models.VaultMovement, schema.deposits, party=schema.deposits.c.sender)
WITHDRAWALS: Final = _renamed(
    models.VaultMovement, schema.withdrawals, party=schema.withdrawals.c.recipient
)
LEDGER: Final = _plain(models.LedgerEntry, schema.owner_entries)
PAYOUTS: Final = _plain(models.Payout, schema.payouts)
ACCRUAL_WITHDRAWALS: Final = _plain(models.AccrualWithdrawal, schema.accrual_withdrawals)

# --- staking and rewards ---

STAKES: Final = _plain(models.Stake, schema.stakes)
UNSTAKES: Final = _plain(models.StakeMovement, schema.unstakes)
STAKE_CLAIMS: Final = _plain(models.StakeMovement, schema.stake_claims)
STREAMS: Final = _plain(models.Stream, schema.streams)
REWARD_FUNDINGS: Final = _plain(models.RewardFunding, schema.reward_fundings)
REWARD_ROOTS: Final = _plain(models.RewardRoot, schema.reward_roots)
REWARD_CLAIMS: Final = _plain(models.RewardClaim, schema.reward_claims)


# --- filters ---


def of_owner(table: Table, owner_id: int | None) -> list[ColumnElement[bool]]:
    """Return the rows of an owner, also of tables that know it only by site."""
    if owner_id is None:
        return []
    column = table.c.owner_id if "owner_id" in table.c else schema.sites.c.owner_id
    return [column == owner_id]


def equal(table: Table, **wanted: Any) -> list[ColumnElement[bool]]:
    """Return the rows whose columns have these values; None asks for any."""
    return [table.c[name] == value for name, value in wanted.items() if value is not None]


def of_disputed_site(site_id: int | None) -> list[ColumnElement[bool]]:
    """Return the disputes about sessions at a site; a dispute names only its session."""
    if site_id is None:
        return []
    disputed, settled = schema.disputes.c, schema.sessions.c
    return [
        exists().where(
            settled.connector_id == disputed.connector_id,
            settled.sequence == disputed.sequence,
            settled.site_id == site_id,
        )
    ]


def with_status(status: int | None) -> list[ColumnElement[bool]]:
    """Return the sessions of a status; the few that are not settled have an index of their own."""
    if status is None:
        return []
    of_status = schema.sessions.c.status == status
    return [of_status] if status == 1 else [and_(schema.not_settled, of_status)]


def of_campaign(campaign_id: int | None) -> list[ColumnElement[bool]]:
    """Return the sessions that name a campaign; the index of these has no others."""
    if campaign_id is None:
        return []
    return [schema.with_campaign, schema.sessions.c.campaign_id == campaign_id]


def as_of(moment: int) -> list[ColumnElement[bool]]:
    """Return each connector's tariff in force at a moment, UTC seconds: the last published."""
    tariffs, earlier, blocks = schema.tariffs, schema.tariffs.alias(), schema.blocks.alias()
    newest = (
        select(func.max(earlier.c.id))
        .join(blocks, blocks.c.number == block_number(earlier.c.id))
        .where(earlier.c.connector_id == tariffs.c.connector_id, blocks.c.timestamp <= moment)
        .correlate(tariffs)
        .scalar_subquery()
    )
    return [tariffs.c.id == newest]


def dispute_open(is_open: bool | None) -> list[ColumnElement[bool]]:  # noqa: FBT001 -- a filter's value
    """Return the disputes that are open, or those that are closed."""
    if is_open is None:
        return []
    return [_closings.c.result.is_(None) if is_open else _closings.c.result.is_not(None)]
