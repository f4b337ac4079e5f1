"""Vault accounts, by number and by holder."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from indexer.figures import Status
from indexer.payer_figures import Revocation, VaultAccount
from indexer.queries.places import with_block
from indexer.schema import accounts, mandate_revocations


def one_account(connection: Connection, status: Status, account: int) -> VaultAccount | None:
    """Return one account by number."""
    row = connection.execute(
        with_block(accounts).where(accounts.c.account == account)
    ).one_or_none()
    return None if row is None else _to_account(row, status)


def accounts_of(connection: Connection, status: Status, holder: str) -> tuple[VaultAccount, ...]:
    """Return the accounts that an address opened, by number. An account's holder never changes."""
    rows = connection.execute(
        with_block(accounts).where(accounts.c.holder == holder).order_by(accounts.c.account)
    )
    return tuple(_to_account(row, status) for row in rows)


def _to_account(row: Row[Any], status: Status) -> VaultAccount:
    return VaultAccount(
        row.account, row.holder, row.block_timestamp, status.finality(row.block_number)
    )


def revocations(connection: Connection, account: int) -> tuple[Revocation, ...]:
    """Return the mandates that an account's holder ended, newest first."""
    table = mandate_revocations
    rows = connection.execute(
        with_block(table).where(table.c.account == account).order_by(table.c.id.desc())
    )
    return tuple(Revocation("0x" + row.mandate.hex(), row.block_timestamp) for row in rows)
