"""The private database: its schema, its bounds, and what is kept of secrets."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select, text

from chargecoin.errors import ConfigurationError, StoreError
from dashboard.access.roles import Role
from dashboard.access.store import MAX_PEOPLE, AccessStore
from dashboard.errors import BadAddressError
from dashboard.private.database import open_private
from dashboard.private.schema import metadata, report_links, sign_ins
from dashboard.private.settings import CardRate, PurchasePrice, SettingsStore
from tests.dashboard.conftest import NOW
from tests.dashboard.people import key

ADMIN = key("station_owner").address


@pytest.fixture
def private(tmp_path: Path) -> Engine:
    return open_private(f"sqlite:///{tmp_path}/dashboard.sqlite")


def test_the_migrations_make_the_schema(private: Engine) -> None:
    with private.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_it_opens_again_as_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/dashboard.sqlite"
    AccessStore(open_private(url)).invite(1, ADMIN, Role.VIEWER, ADMIN, NOW)
    assert AccessStore(open_private(url)).role(1, ADMIN) is Role.VIEWER


def test_what_was_entered_survives_a_power_cut(private: Engine) -> None:
    with private.connect() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == 2  # FULL
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"


def test_a_database_of_a_newer_release_is_left_alone(private: Engine) -> None:
    with private.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer release"):
        open_private(str(private.url))


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/x"])
def test_only_sqlite_and_postgresql_are_used(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_private(url)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be reached"):
        open_private(f"sqlite:///{tmp_path}/none/dashboard.sqlite")


def test_tokens_are_kept_only_as_hashes(private: Engine) -> None:
    store = AccessStore(private)
    session = store.sign_in(ADMIN, NOW)
    link = store.give_link(1, "uptime", date(2026, 11, 1), ADMIN, NOW, 1)
    with private.connect() as connection:
        kept = [*connection.scalars(select(sign_ins.c.token))]
        kept += connection.scalars(select(report_links.c.token))
    assert len(kept) == 2
    for token in (session, link):
        assert len(token) == 64
        assert all(token.encode() not in one and bytes.fromhex(token) not in one for one in kept)


def test_people_are_bounded(private: Engine) -> None:
    store = AccessStore(private)
    for number in range(MAX_PEOPLE):
        store.invite(1, f"0x{number:040x}", Role.VIEWER, ADMIN, NOW)
    with pytest.raises(BadAddressError, match="at most 100"):
        store.invite(1, ADMIN, Role.VIEWER, ADMIN, NOW)
    store.invite(1, f"0x{0:040x}", Role.ADMIN, ADMIN, NOW)
    store.invite(2, ADMIN, Role.VIEWER, ADMIN, NOW)
    assert store.people(1)[0].role is Role.ADMIN


def test_a_price_entered_again_takes_the_place_of_the_old_one(private: Engine) -> None:
    store = SettingsStore(private)
    day = date(2026, 1, 1)
    store.enter_prices(1, [PurchasePrice(1, day, 0, 24, 200_000)], ADMIN, NOW)
    night = PurchasePrice(1, day, 0, 6, 90_000)
    again = PurchasePrice(1, day, 0, 24, 210_000)
    store.enter_prices(1, [night, again], ADMIN, NOW)
    assert store.purchase_prices(1) == (night, again)
    assert store.purchase_prices(2) == ()


def test_the_card_rate_is_the_last_one_set(private: Engine) -> None:
    store = SettingsStore(private)
    assert store.card_rate(1) is None
    store.set_card_rate(1, CardRate(150, 250_000), ADMIN, NOW)
    store.set_card_rate(1, CardRate(140, 200_000), ADMIN, NOW)
    assert store.card_rate(1) == CardRate(140, 200_000)
