"""One page in several forms: HTML to read, JSON and CSV to take away.

A view returns a `Page`; the ending of the address (`.json`, `.csv`, none) says in
which form it goes out. The JSON holds the figures in base units, Wh and UTC
seconds; the CSV is the page's main table. A page with a report (`document`) also goes
out as that: `.pdf` to read and `.xlsx` to compute with.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from enum import Enum
from fractions import Fraction
from typing import Any, Final, TypeVar

import msgspec
import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.documents import Report, pdf, xlsx
from dashboard.formats import Formats
from dashboard.language import MACHINE
from indexer.read_model import Page as Part

MEDIA: Final = {"json": "application/json", "csv": "text/csv; charset=utf-8"}
DOCUMENTS: Final = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMATS: Final = (*MACHINE, *DOCUMENTS)
_CHUNK: Final = 1 << 16
# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
# How many rows of a list are read at a time where all of it goes out.
EXPORT_PAGE: Final = 1_000
T = TypeVar("T")


def whole(read: Callable[[int | None, int], Part[T]]) -> Iterator[T]:
    """Yield all of a list; `read` takes the key that continues it and how many to read at most."""
    after: int | None = None
    while True:
        part = read(after, EXPORT_PAGE)
        yield from part.items
        if part.after is None:
            return
        after = part.after


@dataclass(frozen=True, slots=True)
class Table:
    """What a page gives as CSV."""

    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page's figures (`data`), the template that shows them and the table to take away.

    `document` makes the report that it is as PDF and XLSX; `filename` is what that is kept as.
    `streams` writes the page in some forms by itself, where these are a file of its own kind.
    """

    template: str
    title: str
    data: Any
    table: Table
    status: int = 200
    live: str | None = None
    context: dict[str, Any] = field(default_factory=dict)
    document: Callable[[], Report] | None = None
    filename: str = "report"
    streams: Mapping[str, Callable[[Formats], Iterable[str | bytes]]] = field(default_factory=dict)

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms that it can be taken away in."""
        return (*MACHINE, *(one for one in DOCUMENTS if self.document or one in self.streams))


class Suffixes:
    """Turns `/owners/1.json` into `/owners/1` and remembers the form asked for."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under the page's own address."""
        if scope["type"] == "http" and not scope["path"].startswith("/static/"):
            stem, dot, suffix = scope["path"].rpartition(".")
            if dot and suffix in FORMATS:
                scope = {**scope, "path": "/" if stem == "/index" else stem}
                scope["state"] = {**scope.get("state", {}), "form": suffix}
        await self._app(scope, receive, send)


def form_of(request: Request) -> str:
    """Return `html` or one of `FORMATS`."""
    form: str = getattr(request.state, "form", "html")
    return form


def plain(value: Any) -> Any:  # noqa: PLR0911 -- one a type
    """Return a value as JSON holds it: ids and hashes as text, the rest as it is."""
    match value:
        case Enum():
            return value.name.lower()
        case bool() | float() | str() | None:
            return value
        case int():
            return value if abs(value) < 1 << 53 else str(value)
        case dict():
            return {str(key): plain(one) for key, one in value.items()}
        case frozenset():
            return [plain(one) for one in sorted(value)]
        case list() | tuple():
            return [plain(one) for one in value]
        case bytes():
            return "0x" + value.hex()
        case date():
            return value.isoformat()
        case Fraction():
            return str(value)
        case msgspec.Struct():
            return plain(msgspec.structs.asdict(value))
        case _:
            return {one.name: plain(getattr(value, one.name)) for one in fields(value)}


def json_response(page: Page) -> Response:
    """Return a page's figures."""
    body = orjson.dumps(plain(page.data), option=orjson.OPT_INDENT_2)
    return Response(body, page.status, media_type="application/json")


def _cell(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def _lines(table: Table) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([_cell(value) for value in row])
        if text.tell() > _CHUNK:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def csv_response(page: Page) -> Response:
    """Return a page's table as a stream, comma-separated, UTF-8, first line the columns."""
    return StreamingResponse(_lines(page.table), page.status, media_type="text/csv; charset=utf-8")


def stream_response(page: Page, form: str, formats: Formats) -> Response:
    """Return a page in a form that it writes by itself, as a stream."""
    headers = {"content-disposition": f'attachment; filename="{page.filename}.{form}"'}
    media = {**MEDIA, **DOCUMENTS}[form]
    return StreamingResponse(page.streams[form](formats), 200, headers, media)


def document_response(page: Page, form: str, formats: Formats) -> Response:
    """Return a page's report as PDF or XLSX. Raises `HTTPException` (404) where it has none."""
    if page.document is None:
        raise HTTPException(404)
    headers = {"content-disposition": f'attachment; filename="{page.filename}.{form}"'}
    if form == "pdf":
        return Response(pdf(page.document(), formats), 200, headers, DOCUMENTS[form])
    chunks = xlsx(page.document(), formats)
    return StreamingResponse(chunks, 200, headers, DOCUMENTS[form])
