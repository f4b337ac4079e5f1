"""Carbon accounts of delivered electricity, as pure functions (docs/method-co2.md).

Whoever makes a report and whoever checks it run the same code on the same values:

    tables      values by place and time: grid factors, on-site solar, metered energy
    allocation  what share of an hour's energy is solar, and what each certificate covers
    lines       a session's line, and sums of lines
    document    a report as rows, and its digest; read from CSV, JSON or XLSX
    check       a report recomputed, line by line and total by total
"""
