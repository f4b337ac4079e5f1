"""Reports to take away: one description, written as PDF, XLSX and CSV.

    report = Report(
        title="Statement, November 2026",
        owner="Harbour Parking",
        facts=[("Period", "1 to 30 November 2026, UTC")],
        sections=[Section("Entries", COLUMNS, rows, totals=("", "", 1_250_000))],
        notes=["Final entries only."],
        evidence="chargecoin verify report FILE",
    )
    Page(..., document=lambda: report)  # the page then has .pdf and .xlsx as well

Values are what pages have: money in base units, energy in Wh, mass in g, time in UTC
seconds; `Kind` says how a column's are written. All three forms are written from the same
values, so they agree to the unit. `Section.rows` may be a generator and is read once: make
the report anew for each form.

| form | limit |
|---|---|
| XLSX | a sheet a section, constant memory; goes on in a further sheet after 1,000,000 rows |
| CSV | a stream, constant memory, no limit: one table, with values as the tables hold them |
| PDF | to read: of a section of more than `PDF_ROWS` rows it has the totals only, and says so |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dashboard.documents.report import PDF_ROWS, Column, Kind, Report, Section

if TYPE_CHECKING:
    from dashboard.formats import Formats

__all__ = ["PDF_ROWS", "Column", "Kind", "Report", "Section", "pdf", "xlsx"]


# What writes them is loaded with the first document: it takes memory that pages do not need.


def pdf(report: Report, formats: Formats) -> bytes:
    """Return a report as PDF."""
    from dashboard.documents.paper import write  # noqa: PLC0415

    return write(report, formats)


def xlsx(report: Report, formats: Formats) -> Iterator[bytes]:
    """Yield a report as XLSX."""
    from dashboard.documents.spreadsheet import write  # noqa: PLC0415

    return write(report, formats)
