"""Reading a carbon report from CSV, JSON or XLSX, and writing the first two. In streams."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

from chargecoin.errors import ReportError
from chargecoin.footprint.document import COLUMNS, DIGEST, LEADING, Row

CHUNK: Final = 1 << 16
SHEETS: Final = {
    "Parameters": "report",
    "Inputs": "input",
    "Sessions": "session",
    "Totals": "total",
}
"""The sheets of a workbook and the rows each holds, in order; many rows go on in `Sessions 2`.
The digest is the last of the totals."""
# A cell that a spreadsheet would take for a formula (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NS: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _safe(cell: Any) -> Any:
    if isinstance(cell, str) and cell.startswith(_FORMULA) and not re.fullmatch(r"-?\d+", cell):
        return "'" + cell
    return cell


def csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield a report as CSV: one table, its first three columns saying what a row is."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*LEADING, *COLUMNS])
    for row in rows:
        writer.writerow([row.kind, row.name, _safe(row.value), *map(_safe, row.cells)])
        if out.tell() > CHUNK:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield a report as one JSON object: `rows` of name and value by kind, `sessions` by column."""
    parts: list[str] = ["{"]
    size, kind = 0, ""
    for row in rows:
        if row.kind != kind:
            closing = "],\n" if kind else ""
            parts.append(f'{closing}"{row.kind}": [\n')
            kind, comma = row.kind, ""
        one: Any = [row.name, row.value]
        if row.kind == "session":
            one = dict(zip(COLUMNS, row.cells, strict=True))
        written = comma + json.dumps(one, ensure_ascii=False)
        comma = ",\n"
        parts.append(written)
        size += len(written)
        if size > CHUNK:
            yield "".join(parts)
            parts, size = [], 0
    yield "".join(parts) + "]}\n"


def read(path: Path) -> Iterator[Row]:
    """Yield the rows of a report by the ending of its name. Raises `ReportError`."""
    readers = {".csv": _read_csv, ".json": _read_json, ".xlsx": _read_xlsx}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ReportError(
            f"{path} is no report that can be recomputed: give its CSV, JSON or XLSX. A PDF names "
            "the digest that is the last row of each of these"
        )
    try:
        yield from reader(path)
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile, ET.ParseError) as error:
        raise ReportError(f"{path} cannot be read as a carbon report: {error}") from error


def _plain(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell


def _row(kind: str, name: str, value: str, cells: list[str]) -> Row:
    if kind != "session":
        return Row(kind, name, value)
    if len(cells) != len(COLUMNS):
        raise ValueError(f"a session has {len(COLUMNS)} columns, not {len(cells)}")
    return Row(kind, name, value, tuple(cells))


def _read_csv(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file)
        if tuple(next(lines, ())) != (*LEADING, *COLUMNS):
            raise ValueError("its first line does not name the columns of one")
        for line in lines:
            if line:
                kind, name, value, *cells = map(_plain, line)
                yield _row(kind, name, value, cells)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _read_json(path: Path) -> Iterator[Row]:
    held = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(held, dict):
        raise ValueError("it is no object")  # noqa: TRY004 -- whoever reads it is told the same
    for kind, rows in held.items():
        for one in rows:
            if kind == "session":
                if tuple(one) != COLUMNS:
                    raise ValueError("a session has other columns")
                yield Row(kind, "", "", tuple(map(_cell, one.values())))
            else:
                name, value = one
                yield Row(kind, name, value)


def _read_xlsx(path: Path) -> Iterator[Row]:
    """Read the cells of each sheet, as the dashboard or a spreadsheet program wrote them."""
    with zipfile.ZipFile(path) as book:
        shared = _shared(book)
        names = [one.attrib["name"] for one in _tree(book, "xl/workbook.xml").iter(f"{_NS}sheet")]
        for stem, kind in SHEETS.items():
            for number, name in enumerate(names, 1):
                if not re.fullmatch(rf"{stem}( [0-9]+)?", name):
                    continue
                with book.open(f"xl/worksheets/sheet{number}.xml") as sheet:
                    lines = _lines(sheet, shared)
                    next(lines, None)
                    for line in lines:
                        yield _sheet_row(kind, line)


def _sheet_row(kind: str, line: list[str]) -> Row:
    if kind == "session":
        return _row(kind, "", "", line + [""] * (len(COLUMNS) - len(line)))
    name, value, *_ = [*line, "", ""]
    return Row("digest" if (kind, name) == ("total", DIGEST) else kind, name, value)


def _tree(book: zipfile.ZipFile, name: str) -> ET.Element:
    return ET.fromstring(book.read(name))  # noqa: S314 -- expat itself bounds what entities become


def _shared(book: zipfile.ZipFile) -> list[str]:
    """Return the strings that a workbook keeps apart from its cells."""
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    found = _tree(book, "xl/sharedStrings.xml").iter(f"{_NS}si")
    return ["".join(t.text or "" for t in one.iter(f"{_NS}t")) for one in found]


def _lines(sheet: Any, shared: list[str]) -> Iterator[list[str]]:
    """Yield the rows of a sheet, a row at a time."""
    for _, element in ET.iterparse(sheet):  # noqa: S314 -- as above
        if element.tag != f"{_NS}row":
            continue
        line: list[str] = []
        for cell in element.iter(f"{_NS}c"):
            letters = re.match("[A-Z]+", cell.attrib["r"])
            place = _place(letters[0] if letters else "A")
            line += [""] * (place - len(line))
            kind = cell.attrib.get("t", "n")
            if kind == "inlineStr":
                line.append("".join(t.text or "" for t in cell.iter(f"{_NS}t")))
            else:
                found = cell.find(f"{_NS}v")
                value = "" if found is None else found.text or ""
                line.append(shared[int(value)] if kind == "s" else value)
        yield line
        element.clear()


def _place(letters: str) -> int:
    number = 0
    for one in letters:
        number = number * 26 + ord(one) - 64
    return number - 1
