"""A report as PDF: set as a ledger is, ruled, with a double line under what adds up."""

from __future__ import annotations

import io
from itertools import islice
from typing import Any, Final

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from dashboard.documents.letters import BOLD, CODE, TEXT, has, markup, plain, runs
from dashboard.documents.report import PDF_ROWS, Column, Kind, Report, Section, text
from dashboard.formats import Formats
from dashboard.language import gettext

# Of more columns than this the page lies on its side.
UPRIGHT_COLUMNS: Final = 7
# The light theme's (static/style.css).
INK: Final = HexColor("#10201a")
INK_2: Final = HexColor("#43574c")
RULE: Final = HexColor("#c8d5c9")
MARGIN: Final = 18 * mm
PADDING: Final = 6  # The frame of a page has so much on either side.
GAP: Final = 4
SIZE: Final = 8.5

_BODY: Final = ParagraphStyle("body", fontName=TEXT, fontSize=9.5, leading=13.5, textColor=INK)
_NOTE: Final = ParagraphStyle("note", _BODY, textColor=INK_2, spaceBefore=3)
_TITLE: Final = ParagraphStyle("title", _BODY, fontName=BOLD, fontSize=20, leading=25)
_OWNER: Final = ParagraphStyle("owner", _BODY, textColor=INK_2, fontSize=11, leading=15)
_HEADING: Final = ParagraphStyle(
    "heading", _BODY, fontName=BOLD, fontSize=12.5, leading=16, spaceBefore=14, spaceAfter=4
)
_CELL: Final = ParagraphStyle("cell", _BODY, fontSize=SIZE, leading=11)
_HEAD: Final = ParagraphStyle("head", _CELL, fontName=BOLD)


def write(report: Report, formats: Formats) -> bytes:
    """Return a report as a PDF file, the same bytes for the same report."""
    for font in (TEXT, BOLD, CODE):
        has(font)
    wide = any(len(one.columns) > UPRIGHT_COLUMNS for one in report.sections)
    size = landscape(A4) if wide else A4
    body = io.BytesIO()
    template = SimpleDocTemplate(
        body,
        pagesize=size,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 6 * mm,
        title=f"{report.title}, {report.owner}",
        author=report.owner,
        creator="ChargeCoin",
        lang=formats.language,
        initialFontName=TEXT,
        invariant=1,
    )
    width = size[0] - 2 * (MARGIN + PADDING)
    story: list[Flowable] = [
        _paragraph(report.owner, _OWNER),
        _paragraph(report.title, _TITLE),
        Spacer(0, 6),
    ]
    if report.facts:
        story.append(_facts(report, width))
    for section in report.sections:
        story += _section(section, formats, width)
    if report.notes:
        story.append(Spacer(0, 10))
        story += [_paragraph(note, _NOTE) for note in report.notes]
    template.build(story, canvasmaker=_numbered(report))
    return body.getvalue()


def _paragraph(value: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(markup(value, style.fontName), style)


def _facts(report: Report, width: float) -> Table:
    rows = [
        [_paragraph(label, ParagraphStyle("label", _CELL, textColor=INK_2)), _cell_of(value)]
        for label, value in report.facts
    ]
    made = Table(rows, [0.28 * width, 0.72 * width])
    made.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
        ]
    )
    return made


def _cell_of(value: str) -> Paragraph:
    return _paragraph(value, _CELL)


def _section(section: Section, formats: Formats, width: float) -> list[Flowable]:
    made: list[Flowable] = [CondPageBreak(40 * mm), _paragraph(section.title, _HEADING)]
    made += [_paragraph(note, _NOTE) for note in section.notes]
    if not section.columns:
        return made
    rows = list(islice(section.rows, PDF_ROWS + 1))
    if len(rows) > PDF_ROWS:
        more = gettext(
            "These are more than %(pdf_rows)s rows. They are in the XLSX and CSV of this "
            "report; the totals here are of all of them.",
            pdf_rows=formats.number(PDF_ROWS),
        )
        made.append(_paragraph(more, _NOTE))
        rows = []
    made += [Spacer(0, 4), _table(section, rows, formats, width)]
    return made


def _table(section: Section, rows: list[Any], formats: Formats, width: float) -> Table:
    columns = section.columns
    whole = sum(one.width for one in columns)
    widths = [width * one.width / whole for one in columns]
    cells: list[list[Any]] = [
        [
            Paragraph(
                markup(one.label, BOLD),
                ParagraphStyle("right", _HEAD, alignment=TA_RIGHT) if one.kind.numeric else _HEAD,
            )
            for one in columns
        ]
    ]
    cells.extend(
        [
            _cell(text(formats, column, value, section.zone), column, at)
            for column, value, at in zip(columns, row, widths, strict=True)
        ]
        for row in rows
    )
    style: list[Any] = [
        ("FONT", (0, 0), (-1, -1), TEXT, SIZE, 11),
        ("TEXTCOLOR", (0, 0), (-1, -1), INK),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), GAP),
        ("RIGHTPADDING", (0, 0), (-1, -1), GAP),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ("LINEBELOW", (0, 0), (-1, 0), 1.2, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, RULE),
    ]
    for index, column in enumerate(columns):
        if column.kind.numeric:
            style.append(("ALIGN", (index, 0), (index, -1), "RIGHT"))
        if column.kind is Kind.CODE:
            style.append(("FONT", (index, 1), (index, -1), CODE, SIZE - 1, 11))
    if section.totals is not None:
        cells.append(
            [
                ""
                if value is None
                else _cell(text(formats, column, value, section.zone), column, at, BOLD)
                for column, value, at in zip(columns, section.totals, widths, strict=True)
            ]
        )
        last = len(cells) - 1
        style += [
            ("FONT", (0, last), (-1, last), BOLD, SIZE, 11),
            ("LINEABOVE", (0, last), (-1, last), 0.8, INK),
            # A double line: two thin ones, a point and a half apart.
            ("LINEBELOW", (0, last), (-1, last), 0.6, INK, 0, None, None, 2, 1.5),
        ]
    return Table(cells, widths, style=style, repeatRows=1)


def _cell(value: str, column: Column, width: float, font: str = TEXT) -> str | Paragraph:
    """Return a cell: text as it is where it fits, else a paragraph, which is slower."""
    name, size = (CODE, SIZE - 1) if column.kind is Kind.CODE else (font, SIZE)
    value = plain(value)
    own = all(one == name for one, _ in runs(value, name))
    if own and stringWidth(value, name, size) <= width - 2 * GAP:
        return value
    style = ParagraphStyle(
        "wrapped",
        _CELL,
        fontName=name,
        fontSize=size,
        alignment=TA_RIGHT if column.kind.numeric else 0,
        splitLongWords=1,
        wordWrap="CJK" if column.kind is Kind.CODE else None,
    )
    return Paragraph(markup(value, name), style)


def _numbered(report: Report) -> type[Canvas]:
    """Return a canvas that numbers its pages out of how many there are."""

    class Numbered(Canvas):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.setViewerPreference("DisplayDocTitle", "true")
            self._kept: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 -- reportlab's name
            self._kept.append(dict(self.__dict__))
            self._startPage()  # type: ignore[attr-defined] # stubs lack it

        def save(self) -> None:
            for number, kept in enumerate(self._kept, 1):
                self.__dict__.update(kept)
                _foot(self, report, number, len(self._kept))
                super().showPage()
            super().save()

    return Numbered


def _foot(canvas: Canvas, report: Report, number: int, count: int) -> None:
    width = canvas._pagesize[0]  # type: ignore[attr-defined] # noqa: SLF001 -- no other name
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.4)
    left, right = MARGIN + PADDING, width - MARGIN - PADDING
    canvas.line(left, MARGIN, right, MARGIN)
    canvas.setFillColor(INK_2)
    canvas.setFont(TEXT, 8)
    canvas.drawRightString(right, MARGIN - 11, f"{number} / {count}")
    place = left
    for name, piece in runs(report.evidence or f"{report.title}, {report.owner}", TEXT):
        canvas.setFont(name, 8)
        canvas.drawString(place, MARGIN - 11, piece)
        place += stringWidth(piece, name, 8)
