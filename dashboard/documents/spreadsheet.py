"""A report as XLSX, in constant memory: numbers are numbers, and no text is ever a formula."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import IO, Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from dashboard.documents.report import Column, Kind, Report, Section, scaled
from dashboard.formats import Formats, zone_of
from dashboard.language import gettext

# A sheet has 1,048,576 rows.
SHEET_ROWS: Final = 1_000_000
CHUNK: Final = 1 << 16
DIGITS: Final = 15
FONT: Final = {"font_name": "Arial", "font_size": 10, "valign": "top"}
# How a spreadsheet shows a column. Signs of currencies are in headings, not in cells.
NUMBERS: Final = {
    Kind.COUNT: "#,##0",
    Kind.NUMBER: "#,##0.######",
    Kind.PERCENT: "0.00%",
    Kind.MONEY: "#,##0.000000",
    Kind.CHG: "#,##0.##################",
    Kind.KWH: "#,##0.000",
    Kind.KG: "#,##0.000",
    Kind.MOMENT: "yyyy-mm-dd hh:mm:ss",
    Kind.DAY: "yyyy-mm-dd",
}
WIDTHS: Final = {Kind.TEXT: 26, Kind.CODE: 22, Kind.MOMENT: 19, Kind.DAY: 12}


def write(report: Report, formats: Formats) -> Iterator[bytes]:
    """Yield a report as an XLSX file: a first sheet with its facts, then one a section."""
    with tempfile.TemporaryFile() as file:
        _write(report, formats, file)
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk


def _write(report: Report, formats: Formats, file: IO[bytes]) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        # The time of making is no part of a report: the same one has the same bytes.
        book.set_properties(
            {
                "title": f"{report.title}, {report.owner}",
                "author": report.owner,
                "comments": report.evidence,
                "created": datetime(2000, 1, 1),  # noqa: DTZ001 -- the format has no zones
            }
        )
        styles = _Styles(book)
        names: set[str] = set()
        _cover(book.add_worksheet(_name(gettext("Report"), names)), report, styles)
        for section in report.sections:
            if section.columns:
                _Sheets(book, section, styles, formats, names).write()


class _Styles:
    """The formats of a workbook, one a kind, made when first needed."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[tuple[Kind, bool], Format] = {}
        self.title = book.add_format({**FONT, "bold": True, "font_size": 16})
        self.bold = book.add_format({**FONT, "bold": True})
        self.text = book.add_format({**FONT})
        self.wrapped = book.add_format({**FONT, "text_wrap": True})
        self.head = {
            right: book.add_format(
                {**FONT, "bold": True, "bottom": 2, "text_wrap": True}
                | ({"align": "right"} if right else {})
            )
            for right in (False, True)
        }

    def of(self, kind: Kind, *, total: bool = False) -> Format:
        """Return the format of a cell."""
        if (kind, total) not in self._made:
            given: dict[str, Any] = {**FONT}
            if kind in NUMBERS:
                given["num_format"] = NUMBERS[kind]
            if total:
                given |= {"bold": True, "top": 1, "bottom": 6}
            self._made[kind, total] = self._book.add_format(given)
        return self._made[kind, total]


def _name(title: str, taken: set[str]) -> str:
    """Return a sheet's name as the format allows: 31 signs, some not, each once."""
    stem = re.sub(r"[\[\]:*?/\\']", " ", title).strip()[:31].strip() or "Sheet"
    name, count = stem, 1
    while name.lower() in taken:
        count += 1
        name = f"{stem[: 31 - len(str(count)) - 1]} {count}"
    taken.add(name.lower())
    return name


def _cover(sheet: Worksheet, report: Report, styles: _Styles) -> None:
    """Write what heads a report, and what is to be known of it."""
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 80)
    sheet.hide_gridlines(2)
    lines: list[tuple[str, str, Format, Format]] = [
        (report.title, "", styles.title, styles.text),
        (report.owner, "", styles.bold, styles.text),
        *((label, value, styles.text, styles.wrapped) for label, value in report.facts),
    ]
    for section in report.sections:
        lines += [("", note, styles.text, styles.wrapped) for note in section.notes]
        if section.notes:
            last = len(lines) - len(section.notes)
            lines[last] = (section.title, *lines[last][1:])
    lines += [
        (gettext("Note") if index == 0 else "", note, styles.text, styles.wrapped)
        for index, note in enumerate(report.notes)
    ]
    if report.evidence:
        lines.append((gettext("Evidence"), report.evidence, styles.text, styles.wrapped))
    for row, (label, value, left, right) in enumerate(lines):
        sheet.write_string(row, 0, label, left)
        if value:
            sheet.write_string(row, 1, value, right)


class _Sheets:
    """Writes a section, on as many sheets as its rows need."""

    def __init__(
        self,
        book: Workbook,
        section: Section,
        styles: _Styles,
        formats: Formats,
        names: set[str],
    ) -> None:
        self._book = book
        self._section = section
        self._styles = styles
        self._currency = formats.currency
        self._names = names
        self._zone = zone_of(section.zone)

    def write(self) -> None:
        """Write all rows and the totals under the last of them."""
        sheet, row = self._sheet(), 1
        for values in self._section.rows:
            if row > SHEET_ROWS:
                sheet, row = self._sheet(), 1
            self._row(sheet, row, values)
            row += 1
        if self._section.totals is not None:
            self._row(sheet, row, self._section.totals, total=True)

    def _sheet(self) -> Worksheet:
        sheet = self._book.add_worksheet(_name(self._section.title, self._names))
        sheet.freeze_panes(1, 0)
        for index, column in enumerate(self._section.columns):
            sheet.set_column(index, index, WIDTHS.get(column.kind, 16))
            head = self._styles.head[column.kind.numeric]
            sheet.write_string(0, index, self._heading(column), head)
        return sheet

    def _heading(self, column: Column) -> str:
        """Return a heading with its unit, which cells do not carry."""
        unit = {
            Kind.MONEY: self._currency,
            Kind.CHG: "CHG",
            Kind.KWH: "kWh",
            Kind.KG: "kg",
            Kind.MOMENT: self._section.zone,
        }.get(column.kind)
        return f"{column.label} ({unit})" if unit else column.label

    def _row(
        self, sheet: Worksheet, row: int, values: Sequence[Any], *, total: bool = False
    ) -> None:
        for index, (column, value) in enumerate(zip(self._section.columns, values, strict=True)):
            style = self._styles.of(column.kind, total=total)
            if value is None:
                if total:
                    sheet.write_blank(row, index, None, style)
            elif isinstance(value, str):
                sheet.write_string(row, index, value, style)
            elif column.kind is Kind.MOMENT:
                local = datetime.fromtimestamp(value, UTC).astimezone(self._zone)
                sheet.write_datetime(row, index, local.replace(tzinfo=None), style)
            elif column.kind is Kind.DAY:
                sheet.write_datetime(row, index, value, style)
            elif column.kind.numeric:
                self._number(sheet, row, index, scaled(column.kind, value), style)
            else:
                sheet.write_string(row, index, str(value), style)

    @staticmethod
    def _number(sheet: Worksheet, row: int, index: int, value: Decimal, style: Format) -> None:
        """Write a number; one that a spreadsheet's 15 digits do not hold exactly, as text."""
        if len(value.normalize().as_tuple().digits) > DIGITS:
            sheet.write_string(row, index, f"{value.normalize():f}", style)
        else:
            sheet.write_number(row, index, value, style)
