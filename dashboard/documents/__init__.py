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

from dashboard.documents.pdf import PDF_ROWS, pdf
from dashboard.documents.report import Column, Kind, Report, Section
from dashboard.documents.spreadsheet import xlsx

__all__ = ["PDF_ROWS", "Column", "Kind", "Report", "Section", "pdf", "xlsx"]
