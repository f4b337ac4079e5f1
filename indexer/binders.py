"""A table's statements in the driver's own terms: a fraction of the cost of building them anew.

PostgreSQL takes rows by COPY in binary and sums as one array a column: a statement a row
costs it, and us, several times as much. SQLite has no such thing and needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table

from indexer.schema import Amount

Rows = Sequence[tuple[Any, ...]]


class Binder:
    """How rows get into one table; in SQLite."""

    mark = "?"

    def __init__(self, table: Table, engine: Engine) -> None:
        """Prepare the statements of one table."""
        self.columns: Final = [column.name for column in table.c]
        self.into: Final = f"INSERT INTO {table.name} ({', '.join(self.columns)})"
        key = [column.name for column in table.primary_key]
        sums = [name for name in self.columns if name not in {*key, "site_id", "owner_id"}]
        added = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in sums)
        self.or_add: Final = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {added}"
        matches = " AND ".join(f"{name} = {self.mark}" for name in key)
        self._delete_empty = f"DELETE FROM {table.name} WHERE {matches} AND parts = 0"  # noqa: S608 -- our own names
        self._values = f"VALUES ({', '.join([self.mark] * len(self.columns))})"
        self._converters = self._find_converters(table, engine)

    @staticmethod
    def _find_converters(table: Table, engine: Engine) -> list[tuple[int, Callable[[Any], Any]]]:
        found: list[tuple[int, Callable[[Any], Any]]] = []
        for position, column in enumerate(table.c):
            if isinstance(column.type, Amount):
                convert = column.type.dialect_impl(engine.dialect).bind_processor(engine.dialect)
                if convert is not None:
                    found.append((position, convert))
        return found

    def insert(self, connection: Connection, rows: Rows) -> None:
        """Insert rows in column order."""
        for position, convert in self._converters:
            rows = [(*row[:position], convert(row[position]), *row[position + 1 :]) for row in rows]
        self._insert(connection, rows)

    def _insert(self, connection: Connection, rows: Rows) -> None:
        connection.exec_driver_sql(f"{self.into} {self._values}", list(rows))

    def add_up(self, connection: Connection, rows: Rows) -> None:
        """Insert sums, which are integers of 63 bits, or add them to those there are."""
        connection.exec_driver_sql(f"{self.into} {self._values} {self.or_add}", list(rows))

    def delete_empty(self, connection: Connection, keys: Rows) -> None:
        """Delete the rows of these keys that have no parts left."""
        connection.exec_driver_sql(self._delete_empty, list(keys))


class PostgresBinder(Binder):
    """How rows get into one table of PostgreSQL."""

    mark = "%s"

    def __init__(self, table: Table, engine: Engine) -> None:
        """Prepare the statements of one table."""
        super().__init__(table, engine)
        self._copy = f"COPY {table.name} ({', '.join(self.columns)}) FROM STDIN (FORMAT binary)"
        # In binary a value is what the column is, to the bit.
        self._types = [
            column.type.compile(engine.dialect).lower().partition("(")[0] for column in table.c
        ]
        arrays = ", ".join([f"{self.mark}::bigint[]"] * len(self.columns))
        self._add_up = f"{self.into} SELECT * FROM unnest({arrays}) {self.or_add}"  # noqa: S608 -- our own names

    def _insert(self, connection: Connection, rows: Rows) -> None:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(self._copy) as copy:
            copy.set_types(self._types)
            for row in rows:
                copy.write_row(row)

    def add_up(self, connection: Connection, rows: Rows) -> None:
        """Insert sums, which are integers of 63 bits, or add them to those there are."""
        arrays = tuple(f"{{{','.join(map(str, column))}}}" for column in zip(*rows, strict=True))
        connection.exec_driver_sql(self._add_up, arrays)


def binders(tables: Sequence[Table], engine: Engine) -> dict[str, Binder]:
    """Return the binder of each table by its name."""
    kind = PostgresBinder if engine.dialect.name == "postgresql" else Binder
    return {table.name: kind(table, engine) for table in tables}
