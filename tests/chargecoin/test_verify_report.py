"""`chargecoin verify report`: whatever cell of a report is changed, it is found and named."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chargecoin.cli import cli
from chargecoin.errors import ReportError
from chargecoin.footprint.check import recompute
from chargecoin.footprint.document import COLUMNS, COMPUTED, Row, sealed
from chargecoin.footprint.files import csv_lines, json_lines, read
from tests.chargecoin.footprints import full

# What only the evidence can tell; everything else follows from the rest of the report.
EVIDENCE = {"batch", "evidence_root", "commitment", "transaction", "block", "settled_at"}
EVIDENCE |= {"power_type", "standard"}
# Names and numbers that no figure follows from.
SAID = {"owner_id", "owner", "chain_id", "settlement", "block", "block_hash"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["verify", "report", *arguments])


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return full().rows()


def write(folder: Path, rows: list[Row], form: str) -> Path:
    lines = csv_lines(rows) if form == "csv" else json_lines(rows)
    path = folder / f"report.{form}"
    with path.open("w", newline="", encoding="utf-8") as file:
        file.writelines(lines)
    return path


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_report_holds_in_every_form(tmp_path: Path, rows: list[Row], form: str) -> None:
    result = run(str(write(tmp_path, rows, form)))
    assert result.exit_code == 0, result.output
    assert "every line and total of 6 sessions holds" in result.output
    assert f"digest {rows[-1].value}" in result.output
    assert "give --rpc or --bundles" in result.output
    said = json.loads(run(str(tmp_path / f"report.{form}"), "--json").output)
    assert said == {
        "ok": True,
        "sessions": 6,
        "digest": rows[-1].value,
        "compared_with": [],
        "faults": [],
    }


def other(cell: str) -> str:
    """Return another cell of the same kind, by one in its last place."""
    if not cell:
        return "1"
    last = cell[-1]
    return cell[:-1] + ("1" if last == "0" else "0" if last.isdigit() else "0" + last)


def test_every_cell_that_is_changed_is_found(tmp_path: Path, rows: list[Row]) -> None:
    path = write(tmp_path, rows, "csv")
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    changed = tmp_path / "changed.csv"
    tried = 0
    for number, line in enumerate(lines[1:], 1):
        places = range(len(line)) if line[0] == "session" else range(1, 3)
        for place in places:
            if line[0] == "session" and place in {1, 2}:
                continue
            copy = [list(one) for one in lines]
            copy[number][place] = other(line[place])
            with changed.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(copy)
            tried += 1
            try:
                assert recompute(read(changed)).faults, (line[0], line[1], place)
            except ReportError:
                continue
    assert tried > 300


def resealed(rows: list[Row], change: Callable[[Row], Row]) -> list[Row]:
    """Return a report of which rows were changed, and the digest made to fit."""
    return list(sealed(change(row) for row in rows if row.kind != "digest"))


@pytest.mark.parametrize("column", [one for one in COLUMNS if one not in EVIDENCE])
def test_a_forger_who_mends_the_digest_is_found_by_the_line(rows: list[Row], column: str) -> None:
    place = COLUMNS.index(column)
    victim = next(row for row in rows if row.kind == "session")

    def change(row: Row) -> Row:
        if row is not victim:
            return row
        cells = list(row.cells)
        cells[place] = other(str(cells[place]))
        return row._replace(cells=tuple(cells))

    found = recompute(resealed(rows, change)).faults
    assert found
    assert not any(one.where == "digest" for one in found)
    if column in COMPUTED:
        assert found[0].where == "session 1/1"
        assert column in found[0].what


def test_a_forger_who_mends_the_digest_is_found_by_the_totals_and_inputs(rows: list[Row]) -> None:
    for victim in rows:
        if victim.kind == "total" or (victim.kind == "report" and victim.name not in SAID):
            value = other(victim.value)
        elif victim.name in {"pool", "hour", "value", "baseline"}:
            # Its last number, one more.
            *rest, last = json.loads(victim.value)
            value = json.dumps([*rest, (last or 0) + 1], separators=(",", ":"))
        else:
            continue

        def change(row: Row, victim: Row = victim, value: str = value) -> Row:
            return row._replace(value=value) if row is victim else row

        try:
            assert recompute(resealed(rows, change)).faults, victim
        except ReportError:
            continue


def test_a_line_left_out_or_doubled_is_found(rows: list[Row]) -> None:
    victim = next(row for row in rows if row.kind == "session")
    without = [row for row in rows if row is not victim]
    assert recompute(without).faults[0].where == "pool of site 1 in 2026-11"
    twice = [copy for row in rows for copy in ([row, row] if row is victim else [row])]
    assert recompute(twice).faults[0] == ("session 1/1", "it is in the report twice")


def test_what_differs_is_printed_and_the_exit_code_says_so(tmp_path: Path, rows: list[Row]) -> None:
    path = write(tmp_path, rows, "csv")
    path.write_text(path.read_text().replace("total,location_g,", "total,location_g,1"))
    result = run(str(path))
    assert result.exit_code == 1
    assert "DIFFERS total location_g: it is 1" in result.output
    assert result.output.splitlines()[-1] == "NOT VERIFIED: 2 values differ"
    said = json.loads(run(str(path), "--json").output)
    assert said["ok"] is False
    assert [one["where"] for one in said["faults"]] == ["total location_g", "digest"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.pdf", "%PDF", "give its CSV, JSON or XLSX"),
        ("a.csv", "a,b\n1,2\n", "its first line does not name the columns"),
        ("a.json", "[]", "it is no object"),
        ("a.json", "{", "cannot be read as a carbon report"),
        ("a.json", "{}", "it is no carbon report"),
        ("a.xlsx", "PK", "cannot be read as a carbon report"),
    ],
)
def test_what_is_no_report_is_told_so(tmp_path: Path, name: str, content: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    result = run(str(path))
    assert isinstance(result.exception, ReportError)
    assert words in str(result.exception)


def test_a_node_and_an_address_book_go_together(tmp_path: Path, rows: list[Row]) -> None:
    path = str(write(tmp_path, rows, "csv"))
    assert run(path, "--rpc", "http://127.0.0.1:1").exit_code == 2


def test_a_session_without_its_bundle_is_named(tmp_path: Path, rows: list[Row]) -> None:
    path = write(tmp_path, rows, "csv")
    result = run(str(path), "--bundles", str(tmp_path))
    assert result.exit_code == 1
    assert "session 1/1" in result.output
    assert "No such file" in result.output


def test_a_cell_that_a_spreadsheet_would_compute_is_only_text(tmp_path: Path) -> None:
    made = full()
    table: Any = made.tables[0]
    object.__setattr__(table, "source", "=1+1")
    path = write(tmp_path, made.rows(), "csv")
    assert not any(line.startswith("=") for line in path.read_text().split(","))
    assert run(str(path)).exit_code == 0
