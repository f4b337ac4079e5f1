"""A span of an owner's accrual: what it holds is what the entries and the sessions add up to."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, update

from chargecoin.tariff import vat_part
from indexer.database import open_database
from indexer.read_model import ReadModel
from indexer.schema import cursor
from tests.dashboard.world import Made, World, at

DAY = 86_400
BEGAN = at("2026-03-01 00:00")


def wander(world: World, owner: int, connectors: list[int], random: Random) -> list[int]:
    """Let things happen for three weeks; return the times of the blocks."""
    now, times = BEGAN, []
    sessions: list[int] = []
    model = ReadModel(world.engine)
    for _ in range(40):
        now += random.randint(3_600, DAY)
        times.append(now)
        accrued = model.statement(owner, limit=1).items[0].balance if sessions else 0
        kind = random.choice(["settle", "settle", "settle", "refund", "pay"])
        if kind == "refund" and sessions and accrued > 2_000_000:
            amount = random.randint(1, 900_000)
            world.refund(now, sessions.pop(), amount, fee_back=amount // 1_000)
        elif kind == "pay" and accrued:
            paid = {"owner_id": owner, "to": "0x" + "ab" * 20, "amount": accrued}
            event = ("Settlement", "PaidOut", paid | {"reference": bytes(32)})
            world.mine(now, [event])
        else:
            made = [
                Made(one, now - 8_000, energy_wh=random.randint(3_000, 60_000))
                for one in random.sample(connectors, random.randint(1, len(connectors)))
            ]
            sessions += world.settle(now, made)
    return times


@pytest.mark.parametrize("seed", range(4))
def test_a_span_is_the_sum_of_its_entries_wherever_it_is_cut(seed: int, tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/indexer.sqlite")
    try:
        check(engine, Random(seed))
    finally:
        engine.dispose()


def check(engine: Engine, random: Random) -> None:
    """Cut a random history at random places, with a random final block."""
    world = World(engine)
    owner = world.owner("Owner", BEGAN - DAY)
    connectors = world.site(owner, "Site", BEGAN - DAY, stations=[("CP-1", 3, 22_000)])
    times = wander(world, owner, connectors, random)
    model = ReadModel(engine)
    first = model.statement(owner, limit=1_000).items[-1].provenance.block_number
    last = model.status().number
    final = random.randint(first, last)
    with engine.begin() as connection:
        connection.execute(update(cursor).values(final_number=final))
    cuts = sorted({BEGAN - DAY, *random.sample(times, 5), times[-1] + 1})
    closing = (0, 0)
    for since, until in pairwise(cuts):
        span = model.span(owner, (since, until))
        entries = [
            one
            for one in model.statement(owner, limit=1_000, times=(since, until)).items
            if one.provenance.block_number <= final
        ]
        assert span.opening == closing
        closing = span.closing
        assert span.closing[0] - span.opening[0] == sum(one.amount for one in entries)
        assert {one.kind: (one.entries, one.amount, one.fee) for one in span.lines} == {
            kind: (
                len(of),
                sum(one.amount for one in of),
                sum(one.fee for one in of),
            )
            for kind in {one.kind for one in entries}
            if (of := [one for one in entries if one.kind == kind])
        }
        told = model.span_entries(owner, span.keys, limit=1_000).items
        assert [one.key for one in told] == sorted(one.key for one in entries)
        # VAT and fee, booking by booking, by the sessions' own words.
        settled = [
            row
            for row in model.sessions(limit=1_000).items
            if since <= row.settled_at < until and row.finality == "final"
        ]
        refunds = [
            one
            for one in model.refunds(owner, limit=1_000).items
            if since <= one.provenance.block_timestamp < until
            and one.provenance.block_number <= final
        ]
        paid = [row.paid + row.campaign_paid for row in settled]
        back = [one.to_payer + one.to_campaign for one in refunds]
        assert span.received == sum(paid) - sum(back)
        rates = {row.connector_id: model.tariffs(row.connector_id)[0].vat_bps for row in settled}
        vat = sum(
            vat_part(one, rates[row.connector_id]) for one, row in zip(paid, settled, strict=True)
        )
        rate = model.tariffs(connectors[0])[0].vat_bps
        assert span.vat == vat - sum(vat_part(one, rate) for one in back)
        assert span.fee == sum(row.fee for row in settled) - sum(one.fee_back for one in refunds)
