"""Reports to take away: what is read back from a file is what was put into it."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import httpx
import openpyxl
import pytest
from pypdf import PdfReader

from dashboard.documents import PDF_ROWS, Column, Kind, Report, Section, pdf, spreadsheet, xlsx
from dashboard.documents.letters import MORE, TEXT, runs
from dashboard.formats import Formats
from tests.dashboard.conftest import Town
from tests.dashboard.world import at

FORMATS: Final = Formats("en_GB", "EUR")
COLUMNS: Final = (
    Column("When", Kind.MOMENT, 2),
    Column("Day", Kind.DAY, 1.2),
    Column("What", Kind.TEXT, 2),
    Column("Amount", Kind.MONEY, 1.5),
    Column("Energy, kWh", Kind.KWH),
    Column("Share", Kind.PERCENT),
    Column("Count", Kind.COUNT),
)
WHEN: Final = at("2026-07-01 12:30", "Europe/Berlin")


def row(what: str = "Settled", amount: int = 1_234_567) -> tuple[Any, ...]:
    return (WHEN, date(2026, 7, 1), what, amount, 12_345, 0.25, 1_234)


def report(rows: Any, **changes: Any) -> Report:
    section = Section("Entries", COLUMNS, rows, zone="Europe/Berlin", **changes)
    facts = [("Period", "July 2026"), ("Opening balance", "€0.00")]
    return Report(
        "Statement", "Żółw Łódź, Örebro", facts, [section], ["Final only."], "how to check"
    )


def read_pdf(made: Report) -> tuple[PdfReader, str]:
    found = PdfReader(io.BytesIO(pdf(made, FORMATS)))
    return found, "\n".join(page.extract_text() for page in found.pages)


def read_xlsx(made: Report, formats: Formats = FORMATS) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(b"".join(xlsx(made, formats))))


def test_a_pdf_names_itself_its_language_and_its_pages() -> None:
    found, text = read_pdf(
        report([row() for _ in range(150)], totals=(None,) * 3 + (5,) + (None,) * 3)
    )
    assert found.metadata is not None
    assert found.metadata.title == "Statement, Żółw Łódź, Örebro"
    assert str(found.root_object["/Lang"]) == "en-GB"
    count = len(found.pages)
    assert count > 1
    for number, page in enumerate(found.pages, 1):
        said = page.extract_text()
        assert f"{number} / {count}" in said
        assert "how to check" in said
        assert "Amount" in said, "each page repeats the headings"
    assert text.count("€1.234567") == 150
    assert "€0.000005" in text
    assert "1 Jul 2026, 12:30" in text


def test_letters_that_the_typeface_lacks_come_from_another() -> None:
    assert runs("Örebro Łódź", TEXT) == [(TEXT, "Örebro Łódź")]
    assert runs("ABД", TEXT) == [(TEXT, "AB"), (MORE, "Д")]
    _, text = read_pdf(report([row("Δήμος Ивановка CO₂ € <b>&amp;")]))
    assert "Δήμος Ивановка CO₂ € <b>&amp;" in text.replace("\n", " ")
    _, text = read_pdf(report([row("\x00tab\there 漢")]))
    assert "\N{REPLACEMENT CHARACTER}" in text


def test_a_pdf_of_the_same_report_is_the_same_file() -> None:
    assert pdf(report([row()]), FORMATS) == pdf(report([row()]), FORMATS)


def test_a_pdf_is_for_reading_and_says_where_the_rest_is() -> None:
    many = (row() for _ in range(PDF_ROWS + 1))
    _, text = read_pdf(report(many, totals=(None,) * 3 + (99_000_000,) + (None,) * 3))
    assert "more than 2,000 rows" in text.replace("\n", " ")
    assert "€99.000000" in text
    assert "€1.234567" not in text


def test_numbers_in_a_spreadsheet_are_numbers() -> None:
    book = read_xlsx(
        report([row(), row(amount=-1)], totals=("Total", None, None, 1_234_566, None, None, None))
    )
    assert book.sheetnames == ["Report", "Entries"]
    heads, first, second, total = book["Entries"].iter_rows()
    assert [cell.value for cell in heads][3] == "Amount (EUR)"
    assert str(first[0].value) == "2026-07-01 12:30:00"
    assert [cell.value for cell in first][3:] == [1.234567, 12.345, 0.25, 1234]
    assert first[3].number_format == "#,##0.000000"
    assert first[0].data_type == "d"
    assert second[3].value == -0.000001
    assert (total[0].value, total[3].value) == ("Total", 1.234566)
    facts = {line[0].value: line[1].value for line in book["Report"].iter_rows()}
    assert facts["Period"] == "July 2026"
    assert facts["Evidence"] == "how to check"


def test_what_a_spreadsheet_cannot_hold_as_a_number_it_holds_as_text() -> None:
    exact = 12_345_678_901_234_567
    book = read_xlsx(report([row(amount=exact)]))
    assert book["Entries"].cell(2, 4).value == "12345678901.234567"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "http://x.test", "{=1}"])
def test_no_text_is_a_formula_or_a_link(text: str) -> None:
    cell = read_xlsx(report([row(text)]))["Entries"].cell(2, 3)
    assert (cell.data_type, cell.value, cell.hyperlink) == ("s", text, None)


def test_a_section_goes_on_in_a_further_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "SHEET_ROWS", 10)
    book = read_xlsx(report((row(amount=n) for n in range(25)), totals=("All",) + (None,) * 6))
    assert book.sheetnames == ["Report", "Entries", "Entries 2", "Entries 3"]
    sizes = [book[name].max_row for name in book.sheetnames[1:]]
    assert sizes == [11, 11, 7], "headings each, and the totals at the end"
    assert book["Entries 3"].cell(7, 1).value == "All"


def test_a_long_spreadsheet_is_written_in_constant_memory() -> None:
    def peak(count: int) -> int:
        def rows() -> Iterator[tuple[Any, ...]]:
            for n in range(count):
                yield row(f"entry {n}", n)

        tracemalloc.start()
        try:
            assert sum(map(len, xlsx(report(rows()), FORMATS))) > 1000
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # What is made once.
    assert peak(6_000) < peak(300) + 500_000


@pytest.mark.parametrize("form", ["pdf", "xlsx"])
async def test_a_page_that_is_no_report_has_no_such_form(
    pages: httpx.AsyncClient, town: Town, form: str
) -> None:
    answer = await pages.get(f"/owners/1.{form}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert f".{form}" not in (await pages.get("/owners/1")).text
