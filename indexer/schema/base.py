"""What every table is made of: its types, its keys, and how an event's table is declared."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

LOG_BITS: Final = 20

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def row_id(block_number: int, log_index: int) -> int:
    """Return the id of the row of one log."""
    return block_number << LOG_BITS | log_index


def block_of(identifier: int) -> int:
    """Return the number of the block that a row hangs off."""
    return identifier >> LOG_BITS


class Amount(TypeDecorator[int]):
    """An integer of up to 256 bits: what anyone may put into an event must not stop the indexer.

    NUMERIC on PostgreSQL; decimal text on SQLite, whose integers end at 63 bits.
    """

    impl = Numeric(78, 0)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of a dialect."""
        return dialect.type_descriptor(String(78) if dialect.name == "sqlite" else Numeric(78, 0))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | Decimal | None:
        """Write an integer."""
        if value is None:
            return None
        return str(value) if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: str | Decimal | None, dialect: Dialect) -> int | None:
        """Read an integer."""
        del dialect
        return None if value is None else int(value)


Hash = LargeBinary(32)
Address = String(42)
# Integers of at most 63 bits that the contracts bound themselves.
Int = BigInteger()
# SQLite stores a table by its key only if the key's type is called INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")

EVENT_TABLES: Final[list[Table]] = []


def event_table(name: str, *columns: Column[Any] | Index, with_transaction: bool = True) -> Table:
    """Declare an event table: `id`, the arguments, and the transaction unless a batch has it."""
    key = Column("id", Key, primary_key=True, autoincrement=False)
    transaction = [Column("tx_hash", Hash, nullable=False)] if with_transaction else []
    table = Table(name, metadata, key, *columns, *transaction)
    EVENT_TABLES.append(table)
    return table


def required(name: str, kind: TypeEngine[Any]) -> Column[Any]:
    """Declare a column that is never null."""
    return Column(name, kind, nullable=False)
