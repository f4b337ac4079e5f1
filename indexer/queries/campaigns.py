"""Campaigns with their budgets and what they did; fees routed; reward epochs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, select

from indexer.figures import Status
from indexer.money_figures import (
    BudgetEntry,
    Campaign,
    CampaignDay,
    CampaignPlace,
    CampaignTotals,
    Funder,
    RewardClaim,
    RewardEpoch,
    RoutedFees,
)
from indexer.queries.places import provenance, with_block
from indexer.schema import (
    batches,
    budget_fundings,
    budget_releases,
    campaign_closings,
    campaign_connectors,
    campaign_days,
    campaign_entries,
    campaign_pauses,
    campaign_resumptions,
    campaigns,
    collections,
    fee_routings,
    fees_returned,
    fees_routed,
    outcome_days,
    owners,
    reimbursements,
    reward_claims,
    reward_fundings,
    reward_rollovers,
    reward_roots,
    reward_voids,
    route_failures,
    route_retries,
    sites,
)

_SUMS: Final = tuple(field.name for field in fields(CampaignTotals))


def list_campaigns(
    connection: Connection,
    status: Status,
    owner_id: int | None = None,
    campaign_id: int | None = None,
    creator: str | None = None,
    running_at: int | None = None,
) -> tuple[Campaign, ...]:
    """Return campaigns by id: all, an owner's (0: sponsors'), those of an address, or one.

    With `running_at`, UTC seconds, only those within their time then, closed or paused ones too.
    """
    where = []
    if running_at is not None:
        where += [campaigns.c.starts_at <= running_at, campaigns.c.ends_at > running_at]
    if owner_id is not None:
        where.append(campaigns.c.owner_id == owner_id)
    if creator is not None:
        where.append(campaigns.c.creator == creator)
    if campaign_id is not None:
        where.append(campaigns.c.campaign_id == campaign_id)
    return _list(connection, status, *where)


def list_sponsored(
    connection: Connection, status: Status, connector_ids: Sequence[int]
) -> tuple[Campaign, ...]:
    """Return sponsors' campaigns that hold at any of some connectors, by id."""
    enrolled = campaign_connectors.c
    there = select(enrolled.campaign_id).where(enrolled.connector_id.in_(connector_ids))
    return _list(connection, status, campaigns.c.owner_id == 0, campaigns.c.campaign_id.in_(there))


def _list(
    connection: Connection, status: Status, *where: ColumnElement[bool]
) -> tuple[Campaign, ...]:
    """Return campaigns by id. Each table is asked once, for all of them together."""
    rows = connection.execute(
        with_block(campaigns).where(*where).order_by(campaigns.c.campaign_id)
    ).all()
    if not rows:
        return ()
    ids = select(campaigns.c.campaign_id).where(*where)

    def of(query: Select[Any], table: Table) -> dict[int, list[Row[Any]]]:
        found: defaultdict[int, list[Row[Any]]] = defaultdict(list)
        wanted = query.where(table.c.campaign_id.in_(ids)).order_by(table.c.id)
        for one in connection.execute(wanted):
            found[one.campaign_id].append(one)
        return found

    closings, pauses, resumptions, fundings, releases = (
        of(select(table), table)
        for table in (
            campaign_closings,
            campaign_pauses,
            campaign_resumptions,
            budget_fundings,
            budget_releases,
        )
    )
    enrolled = of(with_block(campaign_connectors), campaign_connectors)
    budgets = _budgets(connection, *where)
    totals = _totals(connection, ids)

    def campaign(row: Row[Any]) -> Campaign:
        number = row.campaign_id
        closing = closings.get(number, [])
        ended = resumptions.get(number, [])
        joined = _joined(enrolled.get(number, []))
        budget = budgets.get(number)
        return Campaign(
            campaign_id=number,
            kind=row.kind,
            owner_id=row.owner_id,
            creator=row.creator,
            name=row.name,
            starts_at=row.starts_at,
            ends_at=min([row.ends_at, *(one.ends_at for one in closing)]),
            closed=bool(closing),
            pauses=tuple(
                (one.paused_from, ended[i].paused_to if i < len(ended) else None)
                for i, one in enumerate(pauses.get(number, []))
            ),
            hour_mask=int.from_bytes(row.hour_mask, "big"),
            rate_bps=row.rate_bps,
            session_cap=row.session_cap,
            day_cap=row.day_cap,
            min_sessions=row.min_sessions,
            window_days=row.window_days,
            driver_cap=row.driver_cap,
            connectors=tuple(sorted(joined)),
            enrolled_at=max(joined.values(), default=0),
            funded=sum(one.amount for one in fundings.get(number, [])),
            released=sum(one.amount for one in releases.get(number, [])),
            left=0 if budget is None else budget.budget,
            spent=0 if budget is None else budget.spent,
            day=0 if budget is None else budget.day,
            day_spent=0 if budget is None else budget.day_spent,
            totals=totals.get(number, CampaignTotals()),
            provenance=provenance(row, status),
        )

    return tuple(campaign(row) for row in rows)


def _joined(enrolled: Sequence[Row[Any]]) -> dict[int, int]:
    """Return when each connector joined: one that is enrolled again has been in since before."""
    found: dict[int, int] = {}
    for one in enrolled:
        at = one.block_timestamp
        found[one.connector_id] = min(found.get(one.connector_id, at), at)
    return found


def _budgets(connection: Connection, *where: ColumnElement[bool]) -> dict[int, Row[Any]]:
    """Return the newest change of each budget, by campaign."""
    entries = campaign_entries
    # A look at the end of an index for each: of all entries there are many.
    newest = (
        select(func.max(entries.c.id))
        .where(entries.c.campaign_id == campaigns.c.campaign_id)
        .correlate(campaigns)
        .scalar_subquery()
    )
    last = select(campaigns.c.campaign_id, newest.label("id")).where(*where).subquery()
    same = (entries.c.id == last.c.id) & (entries.c.campaign_id == last.c.campaign_id)
    return {one.campaign_id: one for one in connection.execute(select(entries).join(last, same))}


def _totals(connection: Connection, ids: Select[tuple[int]]) -> dict[int, CampaignTotals]:
    table = campaign_days
    query = select(table.c.campaign_id, *(func.sum(table.c[name]) for name in _SUMS))
    query = query.where(table.c.campaign_id.in_(ids)).group_by(table.c.campaign_id)
    return {number: CampaignTotals(*map(int, sums)) for number, *sums in connection.execute(query)}


def list_days(connection: Connection, campaign_id: int) -> tuple[CampaignDay, ...]:
    """Return the settlement days on which a campaign did something, oldest first."""
    table = campaign_days
    query = (
        select(table.c.day, *(func.sum(table.c[name]) for name in _SUMS))
        .where(table.c.campaign_id == campaign_id)
        .group_by(table.c.day)
        .order_by(table.c.day)
    )
    return tuple(
        CampaignDay(day, CampaignTotals(*map(int, sums)))
        for day, *sums in connection.execute(query)
    )


def list_places(connection: Connection, campaign_id: int) -> tuple[CampaignPlace, ...]:
    """Return a campaign's sums by site, of all time."""
    table = campaign_days
    # Added up before it has names, which would be carried and compared with every row.
    key = (table.c.owner_id, table.c.site_id)
    added = select(*key, *(func.sum(table.c[name]).label(name) for name in _SUMS))
    each = added.where(table.c.campaign_id == campaign_id).group_by(*key).subquery().c
    query = (
        select(
            each.owner_id,
            func.coalesce(owners.c.name, ""),
            each.site_id,
            func.coalesce(sites.c.name, ""),
            *(each[name] for name in _SUMS),
        )
        .outerjoin(owners, owners.c.owner_id == each.owner_id)
        .outerjoin(sites, sites.c.site_id == each.site_id)
        .order_by(each.owner_id, each.site_id)
    )
    return tuple(
        CampaignPlace(owner_id, owner, site_id, site, CampaignTotals(*map(int, sums)))
        for owner_id, owner, site_id, site, *sums in connection.execute(query)
    )


def _of(connection: Connection, table: Table, campaign_id: int) -> Sequence[Row[Any]]:
    query = select(table).where(table.c.campaign_id == campaign_id).order_by(table.c.id)
    return connection.execute(query).all()


def list_funders(connection: Connection, campaign_id: int) -> tuple[Funder, ...]:
    """Return who put something into a budget, in the order of their first time."""
    sums: dict[str, list[int]] = {}
    for one in _of(connection, budget_fundings, campaign_id):
        sums.setdefault(one.funder, [0, 0])[0] += one.amount
    for one in _of(connection, budget_releases, campaign_id):
        sums.setdefault(one.recipient, [0, 0])[1] += one.amount
    return tuple(Funder(account, *both) for account, both in sums.items())


def list_entries(
    connection: Connection, status: Status, campaign_id: int, after: int | None, limit: int
) -> tuple[tuple[BudgetEntry, ...], int | None]:
    """Return the changes of a budget newest first, and the key that continues them."""
    table = campaign_entries
    query = with_block(table).where(table.c.campaign_id == campaign_id)
    if after is not None:
        query = query.where(table.c.id < after)
    rows = connection.execute(query.order_by(table.c.id.desc()).limit(limit + 1)).all()
    found = (
        BudgetEntry(
            kind=row.kind,
            reference=row.reference,
            sessions=row.sessions,
            amount=row.amount,
            left=row.budget,
            spent=row.spent,
            provenance=provenance(row, status),
        )
        for row in rows[:limit]
    )
    return tuple(found), rows[limit - 1].id if len(rows) > limit else None


# --- fees and rewards ---


def _sum(connection: Connection, table: Table, column: str = "amount") -> int:
    """Add up in Python: amounts may be larger than the integers of SQLite."""
    return sum(connection.scalars(select(table.c[column])))


# The tables that `charged` and `list_epochs` are of.
CHARGES: Final = (batches, collections)
REWARDS: Final = (reward_fundings, reward_claims, reward_rollovers, reward_roots, reward_voids)


def charged(connection: Connection) -> int:
    """Return the protocol fee that all sessions and collections were charged."""
    # The days of outcomes have every session, rejected ones too, in a twentieth of the rows.
    settled = connection.scalar(select(func.sum(outcome_days.c.fee)))
    return int(settled or 0) + int(connection.scalar(select(func.sum(collections.c.fee))) or 0)


def routed(connection: Connection, charged: int) -> RoutedFees:
    """Return where the protocol fee went, of which so much was charged."""
    kept: defaultdict[str, int] = defaultdict(int)
    for table, sign in ((route_failures, 1), (route_retries, -1)):
        for row in connection.execute(select(table)):
            kept[row.recipient] += sign * row.amount
    return RoutedFees(
        unrouted=charged - _sum(connection, fees_routed) - _sum(connection, fees_returned),
        oracles=_sum(connection, reimbursements),
        stakers=_sum(connection, fee_routings, "stakers"),
        drivers=_sum(connection, fee_routings, "drivers"),
        stations=_sum(connection, fee_routings, "stations"),
        treasury=_sum(connection, fee_routings, "treasury"),
        kept={to: amount for to, amount in sorted(kept.items()) if amount},
    )


_Pot = tuple[int, int]
_NONE: Final[_Pot] = (0, 0)


def _pots(
    connection: Connection, table: Table, kind: int, epoch: int | None, by: str = "epoch"
) -> dict[int, tuple[_Pot, int]]:
    """Return what was paid and how often, by epoch. Added up in Python, as `_sum`."""
    found: dict[int, tuple[_Pot, int]] = {}
    query = select(table.c[by], table.c.payment, table.c.chg).where(table.c.kind == kind)
    if epoch is not None:
        query = query.where(table.c[by] == epoch)
    # Of all claims there are many: nothing more is read of them, and by place.
    for at, more, more_chg in connection.execute(query):
        (payment, chg), count = found.get(at, (_NONE, 0))
        found[at] = ((payment + more, chg + more_chg), count + 1)
    return found


def list_epochs(
    connection: Connection, kind: int, epoch: int | None = None
) -> tuple[RewardEpoch, ...]:
    """Return the reward epochs of drivers (1) or stations (2) that have funds, newest first."""
    funded = _pots(connection, reward_fundings, kind, epoch)
    claimed = _pots(connection, reward_claims, kind, epoch)
    rolled = _pots(connection, reward_rollovers, kind, epoch)
    into = _pots(connection, reward_rollovers, kind, epoch, "into_epoch")
    for at, ((more, more_chg), _) in into.items():
        (payment, chg), count = funded.get(at, (_NONE, 0))
        funded[at] = ((payment + more, chg + more_chg), count)

    def events(table: Table) -> Select[Any]:
        query = select(table).where(table.c.kind == kind)
        return query if epoch is None else query.where(table.c.epoch == epoch)

    voided = {(row.epoch, row.attempt) for row in connection.execute(events(reward_voids))}
    posted = connection.execute(events(reward_roots).order_by(reward_roots.c.id))
    roots = {row.epoch: row for row in posted if (row.epoch, row.attempt) not in voided}
    found = []
    for at in sorted(funded.keys() | roots.keys(), reverse=True):
        root = roots.get(at)
        paid, claims = claimed.get(at, (_NONE, 0))
        found.append(
            RewardEpoch(
                kind=kind,
                epoch=at,
                funded=funded.get(at, (_NONE, 0))[0],
                root=None if root is None else "0x" + root.root.hex(),
                attempt=None if root is None else root.attempt,
                allotted=_NONE if root is None else (root.payment, root.chg),
                claimable_at=None if root is None else root.claimable_at,
                expires_at=None if root is None else root.expires_at,
                claimed=paid,
                claims=claims,
                rolled_over=rolled.get(at, (_NONE, 0))[0],
            )
        )
    return tuple(found)


def list_claims(
    connection: Connection, status: Status, kind: int, recipient: int
) -> tuple[RewardClaim, ...]:
    """Return the rewards paid to a vault account (kind 1) or an owner (2), newest first."""
    table = reward_claims
    query = with_block(table).where(table.c.kind == kind, table.c.recipient == recipient)
    return tuple(
        RewardClaim(
            kind=kind,
            epoch=row.epoch,
            recipient=recipient,
            account=row.account,
            payment=row.payment,
            chg=row.chg,
            provenance=provenance(row, status),
        )
        for row in connection.execute(query.order_by(table.c.id.desc()))
    )
