"""What a report says, apart from the form that it is written in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from dashboard.formats import CHG_DECIMALS, NO_VALUE, TOKEN_DECIMALS, Formats

# A page holds about 40 rows; whoever wants more of them wants to compute, not to read.
PDF_ROWS: Final = 2_000


class Kind(Enum):
    """What a column holds, and so how it is written.

    Given are base units (money, CHG), Wh (shown as kWh), g (as kg), UTC seconds (moments),
    dates, and a part of 1 (per cent). CODE is text that is compared letter by letter.
    """

    TEXT = "text"
    CODE = "code"
    COUNT = "count"
    NUMBER = "number"
    PERCENT = "percent"
    MONEY = "money"
    CHG = "chg"
    KWH = "kwh"
    KG = "kg"
    MOMENT = "moment"
    DAY = "day"

    @property
    def numeric(self) -> bool:
        """Whether its values are added up and stand to the right."""
        return self in NUMERIC


NUMERIC: Final = frozenset(
    {Kind.COUNT, Kind.NUMBER, Kind.PERCENT, Kind.MONEY, Kind.CHG, Kind.KWH, Kind.KG}
)
# By how many decimals the value given is shifted against what is shown.
DECIMALS: Final = {
    Kind.MONEY: TOKEN_DECIMALS,
    Kind.CHG: CHG_DECIMALS,
    Kind.KWH: 3,
    Kind.KG: 3,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, what it holds, and its part of a page's width."""

    label: str
    kind: Kind = Kind.TEXT
    width: float = 1


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with notes and, where there are columns, a table.

    `rows` are read once, in order; each has a value a column, None for none. `totals` has a
    value a column too (None: nothing) and stands under a double line. `zone` is that of
    its times.
    """

    title: str
    columns: Sequence[Column] = ()
    rows: Iterable[Sequence[Any]] = ()
    totals: Sequence[Any] | None = None
    notes: Sequence[str] = ()
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Report:
    """A report: who it is about, facts that head it, sections, and what is to be known of it.

    `evidence` stands at the foot of each page: how what it says can be checked.
    """

    title: str
    owner: str
    facts: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = field(default_factory=tuple)
    notes: Sequence[str] = ()
    evidence: str = ""


def scaled(kind: Kind, value: float | Decimal) -> Decimal:
    """Return a number in the unit that is shown, exactly."""
    return Decimal(value).scaleb(-DECIMALS.get(kind, 0))


def text(formats: Formats, column: Column, value: Any, zone: str) -> str:  # noqa: PLR0911 -- one a kind
    """Return a value as a person reads it. Text stands for itself in any column."""
    if value is None:
        return NO_VALUE
    if isinstance(value, str):
        return value
    match column.kind:
        case Kind.MONEY:
            return formats.money_text(value)
        case Kind.CHG:
            return formats.chg(value)
        case Kind.KWH:
            return formats.kwh(value)
        case Kind.KG:
            return formats.decimal(scaled(Kind.KG, value), 3)
        case Kind.COUNT | Kind.NUMBER:
            return formats.number(value)
        case Kind.PERCENT:
            return formats.percent(float(value), 2)
        case Kind.MOMENT:
            return formats.moment_text(value, zone)
        case Kind.DAY:
            return formats.date_text(value) if isinstance(value, date) else str(value)
        case _:
            return str(value)
