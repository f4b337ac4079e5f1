"""Statements, payouts, refunds, disputes, campaigns, fees and rewards, against the rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as events
from sqlalchemy import select

from indexer import schema
from indexer.figures import Page
from indexer.read_model import ReadModel
from indexer.store import Store
from tests.indexer.conftest import Databases
from tests.indexer.fake_chain import ABIS, DEPLOYMENT, GENESIS, FakeChain
from tests.indexer.fake_node import FakeNode
from tests.indexer.tables import catch_up, fresh

FINALITY = 8


@pytest.fixture(scope="module")
def model(databases: Databases) -> ReadModel:
    chain = FakeChain(11)
    chain.mine(500)
    engine = databases.new()
    asyncio.run(catch_up(FakeNode(chain, finality=FINALITY), engine, finality=FINALITY))
    return ReadModel(engine)


def rows(model: ReadModel, table: Any) -> list[Any]:
    with model._snapshot() as connection:
        return list(connection.execute(select(table).order_by(table.c.id)))


def all_of(ask: Callable[[int | None], Page[Any]]) -> Iterator[Any]:
    after = None
    while True:
        page = ask(after)
        yield from page.items
        after = page.after
        if after is None:
            return


def owners(model: ReadModel) -> list[int]:
    return [owner.owner_id for owner in model.owners()]


def test_each_line_of_a_statement_goes_on_from_the_one_before(model: ReadModel) -> None:
    kinds = set()
    for owner in owners(model):

        def ask(after: int | None, of: int = owner) -> Page[Any]:
            return model.statement(of, after, limit=7)

        lines = list(all_of(ask))
        for newer, older in pairwise(lines):
            assert newer.key > older.key
            assert newer.balance == older.balance + newer.amount
            assert newer.debt == older.debt + newer.debt_change
        if lines:
            assert (lines[-1].balance, lines[-1].debt) == (lines[-1].amount, lines[-1].debt_change)
            assert model.overview(owner, GENESIS).accrued == lines[0].balance
        kinds |= {line.kind for line in lines}
    assert kinds >= {"settled", "collected", "paid_out", "refunded", "held", "released"}


def test_payouts_name_their_destination_and_reference(model: ReadModel) -> None:
    found = [one for owner in owners(model) for one in model.payouts(owner, limit=1_000).items]
    stored = rows(model, schema.payouts)
    assert sorted(one.amount for one in found) == sorted(row.amount for row in stored)
    assert {one.reference for one in found} == {"0x" + row.reference.hex() for row in stored}
    failed = [one for owner in owners(model) for one in model.payout_failures(owner)]
    assert len(failed) == len(rows(model, schema.payout_failures))


def test_a_destination_is_in_force_from_its_time_on(model: ReadModel) -> None:
    first = rows(model, schema.destinations)[0]
    before = model.payout_plan(first.owner_id, first.effective_at - 1)
    assert before.destination is None
    after = model.payout_plan(first.owner_id, 1 << 40)
    newest = [row for row in rows(model, schema.destinations) if row.owner_id == first.owner_id][-1]
    assert (after.destination, after.pending) == (newest.recipient, None)
    assert model.payout_plan(first.owner_id, newest.effective_at - 1).pending == newest.recipient


def test_refunds_of_a_session_are_those_of_its_row(model: ReadModel) -> None:
    found = list(all_of(lambda after: model.refunds(after=after, limit=5)))
    assert len(found) == len(rows(model, schema.refunds))
    one = found[0]
    assert model.refunds(session_id=one.session_id).items[0] == one
    session = model.session(one.session_id)
    assert session is not None
    of_session = [other for other in found if other.session_id == one.session_id]
    assert session.row.refunded == sum(o.to_payer + o.to_campaign for o in of_session)


def test_a_dispute_says_how_it_ended_and_what_is_still_put_aside(model: ReadModel) -> None:
    found = list(all_of(lambda after: model.disputes(after=after, limit=4)))
    assert len(found) == len(rows(model, schema.disputes))
    assert {one.state for one in found} == {"open", "upheld", "dismissed"}
    for one in found:
        assert model.dispute(one.dispute) == one
        assert (one.closed_at is None) == (one.state == "open")
        if one.state == "dismissed":
            assert (one.hold, one.owed, one.refunded) == (0, 0, 0)
    number, held = 0, 0
    for owner in owners(model):
        more, hold = model.open_disputes(owner)
        number, held = number + more, held + hold
    assert number == sum(one.state == "open" for one in found)
    assert held == sum(one.hold for one in found)


def test_a_campaign_adds_up_to_its_sessions(model: ReadModel) -> None:
    sessions = [row for row in rows(model, schema.sessions) if row.status != 3]
    assert any(row.discount for row in sessions)
    for campaign in model.campaigns():
        mine = [row for row in sessions if row.campaign_id == campaign.campaign_id]
        totals = campaign.totals
        assert totals.sessions == len(mine)
        assert totals.refused == sum(row.flags & 2 != 0 for row in mine)
        assert totals.campaign == sum(row.campaign_paid for row in mine)
        assert totals.discount == sum(row.discount for row in mine)
        assert campaign.left == campaign.funded - campaign.released - campaign.spent
        assert campaign.spent == totals.campaign - totals.returned
        days = model.campaign_days(campaign.campaign_id)
        assert sum(day.totals.gross for day in days) == sum(row.gross for row in mine)
        entries = model.campaign_entries(campaign.campaign_id).items
        assert entries[0].left == campaign.left
        assert campaign.connectors
        assert model.campaign(campaign.campaign_id) == campaign


def test_a_list_of_campaigns_asks_as_often_as_one_campaign(model: ReadModel) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    [first, *more] = model.campaigns()
    assert more
    events.listen(model._engine, "before_cursor_execute", note)
    try:
        model.campaign(first.campaign_id)
        of_one = len(asked)
        model.campaigns()
    finally:
        events.remove(model._engine, "before_cursor_execute", note)
    assert len(asked) == 2 * of_one


def test_sponsored_campaigns_are_those_that_hold_at_the_connectors(model: ReadModel) -> None:
    sponsored = model.campaigns(0)
    assert sponsored
    for connectors in ([], [1], sponsored[0].connectors):
        meant = [one for one in sponsored if set(connectors) & set(one.connectors)]
        assert list(model.sponsored_campaigns(connectors)) == meant


def test_rewards_of_drivers_and_stations_are_told_apart(model: ReadModel) -> None:
    for kind in (1, 2):
        funded = [row for row in rows(model, schema.reward_fundings) if row.kind == kind]
        epochs = model.reward_epochs(kind)
        assert sum(one.funded[1] for one in epochs) == sum(row.chg for row in funded)
        claims = [row for row in rows(model, schema.reward_claims) if row.kind == kind]
        assert len(model.reward_claims(kind, 1)) == len(claims) > 0


def test_fees_that_are_kept_follow_batches_and_reorgs(databases: Databases) -> None:
    chain = FakeChain(12)
    chain.mine(150)
    engine = databases.new()
    kept, seen = ReadModel(engine), set()
    node = FakeNode(chain, finality=FINALITY)
    changes: list[Callable[[], None]] = [
        lambda: chain.mine(1),
        lambda: chain.mine(40),
        lambda: chain.reorganise(6, 9),
    ]
    for change in changes:
        change()
        asyncio.run(catch_up(node, engine, finality=FINALITY))
        tables = (schema.sessions, schema.collections)
        charged = sum(row.fee for table in tables for row in rows(kept, table))
        gone = (schema.fees_routed, schema.fees_returned)
        left = charged - sum(row.amount for table in gone for row in rows(kept, table))
        for _ in range(2):
            assert kept.routed_fees().unrouted == left
        seen.add(charged)
    assert len(seen) > 1


def test_fees_that_are_kept_follow_logs_that_are_fetched_again(databases: Databases) -> None:
    chain = FakeChain(12)
    chain.mine(150)
    topic = "0x" + ABIS["Adjustments", "DebtCollected"].topic.hex()
    collected = [
        (block, log) for block in chain.blocks for log in block.logs if topic in log.topics
    ]
    # Not the newest, by which the sum is known.
    block, log = collected[-2]
    logs, block.logs = block.logs, [one for one in block.logs if one is not log]
    engine = databases.new()
    node = FakeNode(chain, finality=FINALITY)
    asyncio.run(catch_up(node, engine, finality=FINALITY))
    kept = ReadModel(engine)
    before = kept.routed_fees().unrouted
    block.logs = logs
    store = Store(engine, DEPLOYMENT)
    at = store.cursor()
    assert at is not None
    # As the follower does, which counts no reorganisation.
    [below] = store.stored_below(block.number - 1, 1)
    store.undo(below, replace(at, safe_number=below.number, final_number=below.number))
    asyncio.run(catch_up(node, engine, finality=FINALITY))
    assert kept.routed_fees().unrouted == ReadModel(engine).routed_fees().unrouted != before


def test_one_epoch_is_as_in_the_list_of_all(model: ReadModel) -> None:
    for kind in (1, 2):
        epochs = model.reward_epochs(kind)
        assert [model.reward_epoch(kind, one.epoch) for one in epochs] == list(epochs)
        assert model.reward_epoch(kind, max(one.epoch for one in epochs) + 1) is None


def test_the_tariff_in_force_is_the_last_that_began(model: ReadModel) -> None:
    [published] = model.tariffs(1)
    begins = published.provenance.block_timestamp
    assert model.tariff_at(1, begins - 1) is None
    assert model.tariff_at(1, begins + 1) == published


def test_an_empty_database_has_no_money(tmp_path: Path) -> None:
    empty = ReadModel(fresh(tmp_path / "empty.sqlite"))
    for page in (empty.statement(1), empty.payouts(1), empty.refunds(), empty.disputes()):
        assert not page.items
    assert not empty.campaigns()
    assert not empty.reward_epochs(1)
    assert empty.routed_fees().unrouted == 0
    assert empty.payout_plan(1, 0).destination is None
