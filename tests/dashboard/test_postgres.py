"""The private settings, and what these pages ask of the tables, on PostgreSQL as on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from chargecoin.record import Reason, Status
from dashboard.access.roles import Role
from dashboard.access.store import AccessStore
from dashboard.errors import NotFoundError
from dashboard.private.database import open_private
from dashboard.private.schema import metadata
from dashboard.private.settings import CardRate, PurchasePrice, SettingsStore
from indexer.database import open_database
from indexer.read_model import ReadModel
from tests.dashboard.conftest import NOW
from tests.dashboard.world import ACCOUNT, Made, World
from tests.support.postgres import Postgres, UnavailableError

DAY = 86_400


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL of this module's own."""
    try:
        with Postgres() as made:
            yield made
    except UnavailableError as error:
        pytest.skip(f"PostgreSQL cannot run here: {error}")


def test_the_private_settings_are_kept_there(server: Postgres) -> None:
    engine = open_private(server.url(server.create()))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    access, settings = AccessStore(engine), SettingsStore(engine)
    made = access.challenge(ACCOUNT, "https://owners.example", 31337, NOW)
    assert access.take(made.nonce, 31337, NOW) == made
    assert access.signed_in(access.sign_in(ACCOUNT, NOW), NOW) == ACCOUNT
    access.invite(1, ACCOUNT, Role.FINANCE, ACCOUNT, NOW)
    assert access.role(1, ACCOUNT) is Role.FINANCE
    token = access.give_link(1, "uptime", date(2026, 11, 1), ACCOUNT, NOW, 1)
    assert access.opens(token, NOW).report == "uptime"
    with pytest.raises(NotFoundError):
        access.opens(token, NOW + DAY)
    settings.exclude(1, [1, 2], since=1, until=2, reason="closed", note="x", by=ACCOUNT, now=NOW)
    assert len({one.id for one in settings.exclusions(1)}) == 2
    price = PurchasePrice(1, date(2026, 1, 1), 0, 24, 210_000)
    settings.enter_prices(1, [price, price], ACCOUNT, NOW)
    assert settings.purchase_prices(1) == (price,)
    settings.set_card_rate(1, CardRate(140, 200_000), ACCOUNT, NOW)
    assert settings.card_rate(1) == CardRate(140, 200_000)
    engine.dispose()


def asked(engine: Engine) -> list[Any]:
    """Write a small world into an empty database and return what pages ask of it."""
    world = World(engine)
    owner = world.owner("Owner", NOW - 60 * DAY)
    connectors = world.site(owner, "Site", NOW - 60 * DAY, stations=[("CP-1", 2, 22_000)])
    debt = Made(
        connectors[0],
        NOW - 9 * DAY,
        status=Status.UNFUNDED,
        reason=Reason.BALANCE_SHORT,
        paid=6_000_000,
        debt=3_000_000,
    )
    [session, _] = world.settle(NOW - 8 * DAY, [debt, Made(connectors[1], NOW - 9 * DAY)])
    world.collect(NOW - 7 * DAY, session, 3_000_000, paid_before=6_000_000)
    world.refund(NOW - 6 * DAY, session, 1_200_000, fee_back=1_200)
    paid = {"owner_id": owner, "to": ACCOUNT, "amount": 5_000_000, "reference": b"\x07" * 32}
    world.mine(NOW - 5 * DAY, [("Settlement", "PaidOut", paid)])
    world.mine(NOW - 4 * DAY, [])
    world.feed(NOW - 3600, {connectors[0]: "Available", connectors[1]: "Faulted"})
    model = ReadModel(engine)
    since = NOW - 30 * DAY
    span = model.span(owner, (since, NOW))
    return [
        model.bookings(owner, date(2026, 11, 1), date(2026, 11, 30)),
        model.bookings(owner, date(2026, 11, 1), date(2026, 11, 30), 1),
        model.session_bookings(owner, connectors[0], 1),
        model.feed_words(connectors, since, NOW),
        model.feed_words(connectors, NOW - 10, NOW),
        model.silences(since, NOW),
        model.durations(connectors, since, NOW),
        model.occupied(connectors, since, NOW),
        model.hours_of(connectors, since, NOW),
        model.routed_fees(),
        span,
        model.span_entries(owner, span.keys),
        model.span(owner, (NOW, NOW + DAY)),
        model.payout(owner, model.payouts(owner).items[0].provenance.transaction),
    ]


def test_pages_are_told_the_same(server: Postgres, tmp_path: Path) -> None:
    there = open_database(server.url(server.create()))
    here = open_database(f"sqlite:///{tmp_path}/indexer.sqlite")
    answers = asked(there)
    assert answers == asked(here)
    bookings, _, _, words, last_words, *_ = answers
    assert [one.kind for one in bookings] == ["settled", "settled", "collected", "refunded"]
    assert len(words) == len(last_words) == 2
    *_, span, entries, later, payout = answers
    assert span.closing == later.opening == later.closing
    assert [one.kind for one in entries.items] == ["settled", "collected", "refunded", "paid_out"]
    assert payout is not None
    there.dispose()
    here.dispose()
