"""What an owner entered for carbon accounts: tables of values, and certificates.

Nothing is changed or deleted. A newer table takes the place of an older one where both have a
value; what was entered by mistake is withdrawn, and who did so stays on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, and_, func, insert, or_, select, update
from sqlalchemy import Table as SqlTable

from chargecoin.footprint.allocation import Certificate
from chargecoin.footprint.tables import Table, Value, digest
from dashboard.errors import BadAddressError, NotFoundError
from dashboard.language import gettext
from dashboard.private.database import transaction
from dashboard.private.schema import carbon_tables, carbon_values, certificates

MAX_TABLES: Final = 500
MAX_CERTIFICATES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Entered:
    """Who entered something and when (UTC seconds), and who withdrew it, if anybody did."""

    entered_by: str
    entered_at: int
    withdrawn_by: str | None
    withdrawn_at: int | None


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A table as it is listed: `values` is how many it holds, `published` is as its source says."""

    id: int
    kind: str
    source: str
    licence: str
    published: str
    sha256: str
    values: int
    entered: Entered


@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """A certificate or contract as it is listed."""

    certificate: Certificate
    entered: Entered


@dataclass(frozen=True, slots=True)
class Wanted:
    """The values that bear on a report: of zones and sites, in months `first` to `last`.

    Yearly ones of earlier years too: the latest counts where a year has none.
    """

    places: frozenset[str]
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class NewTable:
    """A table to be entered."""

    kind: str
    source: str
    licence: str
    published: str
    values: Sequence[Value]


class CarbonStore:
    """Carbon inputs in the private database, by owner. `now` is wall time, UTC seconds."""

    def __init__(self, engine: Engine) -> None:
        """Use a database that `open_private` opened."""
        self._engine = engine

    def listed(self, owner_id: int) -> tuple[TableEntry, ...]:
        """Return an owner's tables, newest first, withdrawn ones too."""
        with transaction(self._engine) as connection:
            rows = connection.execute(
                select(carbon_tables)
                .where(carbon_tables.c.owner_id == owner_id)
                .order_by(carbon_tables.c.id.desc())
            ).all()
        return tuple(
            TableEntry(
                row.id,
                row.kind,
                row.source,
                row.licence,
                row.published,
                row.sha256,
                row._mapping["count"],  # noqa: SLF001 -- public; a row has a method of this name
                _entered(row),
            )
            for row in rows
        )

    def tables(self, owner_id: int, wanted: Wanted, *, whole: bool) -> tuple[Table, ...]:
        """Return the tables with a value that is wanted, in the order they were entered.

        With all their values if `whole`, else with those that are wanted. Withdrawn tables
        are left out.
        """
        in_force = (
            carbon_tables.c.owner_id == owner_id,
            carbon_tables.c.withdrawn_at.is_(None),
        )
        period = carbon_values.c.period
        years = func.length(period) == 4
        bearing = and_(
            carbon_values.c.place.in_(wanted.places),
            or_(
                and_(years, period <= wanted.last),
                and_(~years, period >= wanted.first, func.substr(period, 1, 7) <= wanted.last),
            ),
        )
        if not whole:
            return self._read(*in_force, bearing)
        having = select(carbon_values.c.table_id).where(bearing)
        return self._read(*in_force, carbon_tables.c.id.in_(having))

    def table(self, owner_id: int, number: int) -> Table:
        """Return one table, withdrawn or not. Raises `NotFoundError`."""
        found = self._read(carbon_tables.c.owner_id == owner_id, carbon_tables.c.id == number)
        if not found:
            raise NotFoundError(gettext("There is no table %(number)s here.", number=number))
        return found[0]

    def _read(self, *where: ColumnElement[bool]) -> tuple[Table, ...]:
        query = (
            select(
                carbon_tables.c.id,
                carbon_tables.c.kind,
                carbon_tables.c.source,
                carbon_values.c.place,
                carbon_values.c.period,
                carbon_values.c.value,
                carbon_values.c.renewable_pct,
            )
            .join(carbon_values, carbon_values.c.table_id == carbon_tables.c.id)
            .where(*where)
            .order_by(carbon_tables.c.id, carbon_values.c.place, carbon_values.c.period)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple(
            Table(number, kind, source, tuple(Value(*row[3:]) for row in part))
            for (number, kind, source), part in groupby(rows, key=lambda row: tuple(row[:3]))
        )

    def enter_table(self, owner_id: int, new: NewTable, by: str, now: int) -> int:
        """Enter a table and return its id. Raises `BadAddressError` if it is there already."""
        table = carbon_tables
        sha256 = digest(new.kind, new.values)
        own = table.c.owner_id == owner_id
        with transaction(self._engine) as connection:
            same = select(table.c.id).where(
                own,
                table.c.kind == new.kind,
                table.c.sha256 == sha256,
                table.c.source == new.source,
                table.c.withdrawn_at.is_(None),
            )
            found = connection.scalar(same)
            if found is not None:
                raise BadAddressError(
                    gettext("this is the same as table %(found)s; nothing was entered", found=found)
                )
            if (connection.scalar(select(func.count()).where(own)) or 0) >= MAX_TABLES:
                raise BadAddressError(
                    gettext("an owner has at most %(most)s tables", most=MAX_TABLES)
                )
            number = connection.execute(
                insert(table)
                .values(
                    owner_id=owner_id,
                    kind=new.kind,
                    source=new.source,
                    licence=new.licence,
                    published=new.published,
                    sha256=sha256,
                    count=len(new.values),
                    entered_by=by,
                    entered_at=now,
                )
                .returning(table.c.id)
            ).scalar_one()
            connection.execute(
                insert(carbon_values),
                [{"table_id": number, **one._asdict()} for one in new.values],
            )
        return int(number)

    def certificates(self, owner_id: int) -> tuple[CertificateEntry, ...]:
        """Return an owner's certificates, newest first, withdrawn ones too."""
        with transaction(self._engine) as connection:
            rows = connection.execute(
                select(certificates)
                .where(certificates.c.owner_id == owner_id)
                .order_by(certificates.c.id.desc())
            ).all()
        names = Certificate.__dataclass_fields__
        return tuple(
            CertificateEntry(
                Certificate(**{name: getattr(row, name) for name in names}), _entered(row)
            )
            for row in rows
        )

    def enter_certificate(self, owner_id: int, new: Certificate, by: str, now: int) -> None:
        """Enter a certificate; its `id` is given here.

        Raises `BadAddressError` if one of the same reference counts already.
        """
        table = certificates
        own = table.c.owner_id == owner_id
        with transaction(self._engine) as connection:
            same = select(table.c.id).where(
                own, table.c.reference == new.reference, table.c.withdrawn_at.is_(None)
            )
            found = connection.scalar(same)
            if found is not None:
                raise BadAddressError(
                    gettext(
                        "%(reference)s is entered already, as number %(found)s; "
                        "a certificate counts once",
                        reference=repr(new.reference),
                        found=found,
                    )
                )
            if (connection.scalar(select(func.count()).where(own)) or 0) >= MAX_CERTIFICATES:
                raise BadAddressError(
                    gettext("an owner has at most %(most)s certificates", most=MAX_CERTIFICATES)
                )
            values = {
                name: getattr(new, name)
                for name in Certificate.__dataclass_fields__
                if name != "id"
            }
            connection.execute(
                insert(table).values(owner_id=owner_id, entered_by=by, entered_at=now, **values)
            )

    def withdraw_table(self, owner_id: int, number: int, by: str, now: int) -> None:
        """Let a table no longer count. Raises `NotFoundError`."""
        self._withdraw(carbon_tables, owner_id, number, by, now)

    def withdraw_certificate(self, owner_id: int, number: int, by: str, now: int) -> None:
        """Let a certificate no longer count. Raises `NotFoundError`."""
        self._withdraw(certificates, owner_id, number, by, now)

    def _withdraw(self, table: SqlTable, owner_id: int, number: int, by: str, now: int) -> None:
        with transaction(self._engine) as connection:
            changed = connection.execute(
                update(table)
                .where(
                    table.c.owner_id == owner_id,
                    table.c.id == number,
                    table.c.withdrawn_at.is_(None),
                )
                .values(withdrawn_by=by, withdrawn_at=now)
            ).rowcount
        if not changed:
            raise NotFoundError(
                gettext("There is no number %(number)s here that counts.", number=number)
            )


def _entered(row: Any) -> Entered:
    return Entered(row.entered_by, row.entered_at, row.withdrawn_by, row.withdrawn_at)
