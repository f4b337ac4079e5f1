"""The totals above a list of sessions are those of all its pages, whatever is filtered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chargecoin.record import OutcomeFlag, Reason, Status
from indexer.read_model import ReadModel, SessionFilter, SessionRow, Totals
from tests.indexer.fake_chain import FakeChain
from tests.indexer.fake_node import FakeNode
from tests.indexer.tables import catch_up, fresh

FINALITY = 8


async def make(folder: Path, *, reorganised: bool) -> ReadModel:
    chain = FakeChain(11)
    chain.mine(120)
    engine = fresh(folder / "index.sqlite")
    node = FakeNode(chain, finality=FINALITY)
    await catch_up(node, engine, finality=FINALITY)
    if reorganised:
        chain.reorganise(6, 9)
        await catch_up(node, engine, finality=FINALITY)
    return ReadModel(engine)


def listed(model: ReadModel, wanted: SessionFilter) -> list[SessionRow]:
    found: list[SessionRow] = []
    after = None
    while True:
        page = model.sessions(wanted, after, 50)
        found += page.items
        after = page.after
        if after is None:
            return found


def added_up(rows: Iterable[SessionRow]) -> Totals:
    """Add up what a session's own row says, as plainly as can be."""
    rows = list(rows)
    moved = [one for one in rows if one.status != Status.REJECTED]

    def total(name: str, some: Iterable[Any] = moved) -> int:
        return sum(getattr(one, name) for one in some)

    return Totals(
        sessions=len(moved),
        unfunded=sum(one.status == Status.UNFUNDED for one in moved),
        rejected=len(rows) - len(moved),
        clamped=sum(bool(one.flags & OutcomeFlag.CLAMPED) for one in moved),
        reported=sum(one.assurance == 1 for one in moved),
        observed=sum(one.assurance == 2 for one in moved),
        signed=sum(one.assurance == 3 for one in moved),
        energy_wh=total("energy_wh"),
        signed_wh=total("energy_wh", [one for one in moved if one.assurance == 3]),
        gross=total("gross"),
        paid=total("paid"),
        campaign=total("campaign_paid"),
        fee=total("fee"),
        debt=total("debt"),
        elsewhere=total("gross", [one for one in moved if one.reason == Reason.NO_PAYER]),
        discount=total("discount"),
    )


@pytest.mark.parametrize("reorganised", [False, True])
async def test_they_are_the_sums_of_what_is_listed(tmp_path: Path, reorganised: bool) -> None:
    model = await make(tmp_path, reorganised=reorganised)
    everything = listed(model, SessionFilter())
    days = sorted({one.day for one in everything})
    middle = days[len(days) // 2]
    filters = [SessionFilter(), SessionFilter(exceptions=True)]
    for name in ("owner_id", "site_id", "connector_id", "status", "reason", "assurance"):
        values = {getattr(one, name) for one in everything}
        filters += [SessionFilter(**{name: value}) for value in sorted(values)]
    filters.append(SessionFilter(batch=3))
    filters += [
        SessionFilter(since=middle),
        SessionFilter(until=middle - timedelta(days=1)),
        SessionFilter(owner_id=1, since=days[1], until=middle),
    ]
    filters += [
        replace(one, **more)
        for one in filters
        for more in ({"status": 2}, {"assurance": 3}, {"exceptions": True, "since": middle})
    ]
    compared = 0
    for wanted in filters:
        rows = listed(model, wanted)
        compared += bool(rows)
        assert model.session_totals(wanted) == added_up(rows), wanted
    assert compared > len(filters) // 2


async def test_they_were_of_all_sessions_where_a_campaign_or_a_payer_is_asked_for(
    tmp_path: Path,
) -> None:
    model = await make(tmp_path, reorganised=True)
    everything = listed(model, SessionFilter())
    campaigns = {one.campaign_id for one in everything} - {0}
    details = [model.session(one.session_id) for one in everything[:20]]
    payers = {one.payer for one in details if one} - {0}
    assert campaigns
    assert payers
    for wanted in (
        *(SessionFilter(campaign_id=one) for one in sorted(campaigns)),
        *(SessionFilter(payer=one) for one in sorted(payers)),
        SessionFilter(campaign_id=min(campaigns), owner_id=1, status=int(Status.SETTLED)),
    ):
        rows = listed(model, wanted)
        assert len(rows) < len(everything)
        assert model.session_totals(wanted) == added_up(rows), wanted


async def test_reasons_are_counted_over_all_sessions_that_were_not_settled(
    tmp_path: Path,
) -> None:
    model = await make(tmp_path, reorganised=True)
    for owner_id in (None, 1, 2):
        rows = listed(model, SessionFilter(owner_id=owner_id, exceptions=True))
        expected: dict[tuple[int, int], list[int]] = {}
        for one in rows:
            sums = expected.setdefault((one.status, one.reason), [0, 0, 0])
            for at, value in enumerate((1, one.gross, one.debt)):
                sums[at] += value
        found = model.exceptions(owner_id)
        assert [(one.status, one.reason) for one in found] == sorted(expected)
        for count in found:
            sums = [count.sessions, count.gross, count.debt]
            assert sums == expected[count.status, count.reason]


async def test_each_owners_month_is_that_of_their_overview(tmp_path: Path) -> None:
    model = await make(tmp_path, reorganised=True)
    now = model.status().timestamp
    found = model.owner_months(now)
    assert [one.owner for one in found] == list(model.owners())
    assert any(one.sessions for one in found)
    for one in found:
        month = model.overview(one.owner.owner_id, now).month
        assert (one.since, one.until) == (month.since, month.until)
        assert (one.sessions, one.energy_wh) == (month.totals.sessions, month.totals.energy_wh)
        sites = model.sites(one.owner.owner_id)
        assert (one.sites, one.connectors) == (len(sites), sum(it.connectors for it in sites))
