"""A carbon report against contracts on a real chain, and against evidence bundles offline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chargecoin.cli import cli
from chargecoin.errors import NodeUnavailableError, ReportError
from chargecoin.footprint.document import COLUMNS, Row, sealed
from chargecoin.footprint.files import csv_lines, read
from indexer.database import open_database
from tests.dashboard.serving import client, manual, services
from tests.dashboard.settled import Settled, index
from tests.support.charging import END


@pytest.fixture(scope="module")
def report(settled: Settled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the month in which three sessions were settled."""
    folder = tmp_path_factory.mktemp("report")
    engine = open_database(f"sqlite:///{folder}/indexer.sqlite")

    async def made() -> bytes:
        await index(settled, engine)
        has = services(
            engine,
            settled.protocol.deployment,
            manual(END + 900),
            rpc_url=settled.protocol.url,
        )
        async with client(has) as pages:
            answer = await pages.get("/owners/1/carbon.csv")
            assert answer.status_code == 200, answer.text
            return answer.content

    path = folder / "report.csv"
    path.write_bytes(asyncio.run(made()))
    engine.dispose()
    return path


def verify(settled: Settled, path: Path, *more: str) -> Result:
    """Run the command against the chain."""
    book = str(settled.protocol.book)
    command = ["verify", "report", str(path), "--rpc", settled.protocol.url, "--deployment", book]
    return CliRunner().invoke(cli, [*command, *more])


def faults(settled: Settled, path: Path) -> list[dict[str, str]]:
    """Return what differs by the chain."""
    result = verify(settled, path, "--json")
    assert result.exit_code == 1, result.output
    found: list[dict[str, str]] = json.loads(result.output.splitlines()[-1])["faults"]
    return found


def forged(report: Path, change: Callable[[Row], Row | None]) -> Path:
    """Write the report anew with rows changed or left out, and a digest that fits."""
    changed = [change(row) for row in read(report) if row.kind != "digest"]
    path = report.with_name("forged.csv")
    with path.open("w", newline="", encoding="utf-8") as file:
        file.writelines(csv_lines(sealed(row for row in changed if row is not None)))
    return path


def test_a_report_holds_against_the_chain(settled: Settled, report: Path) -> None:
    result = verify(settled, report, "--blocks", "3")
    assert result.exit_code == 0, result.output
    assert "every line and total of 3 sessions holds" in result.output
    assert result.output.splitlines()[-1] == "compared with the chain"


def test_it_holds_against_bundles_without_any_node(
    settled: Settled, report: Path, tmp_path: Path
) -> None:
    for case in settled.cases:
        stem = case.key.replace("/", "-")
        (tmp_path / f"{stem}.bundle.json").write_bytes(case.bundle)
        (tmp_path / f"{stem}.proof.json").write_text(json.dumps(case.proof.to_json()))
    command = ["verify", "report", str(report), "--bundles", str(tmp_path)]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "compared with its evidence bundles"
    # A bundle of another session is not taken for it; a byte that is changed is found.
    one, other = (case.key.replace("/", "-") for case in settled.cases[:2])
    kept = (tmp_path / f"{one}.bundle.json").read_bytes()
    (tmp_path / f"{one}.bundle.json").write_bytes(kept.replace(b'"energy_wh":', b'"energy_wh":1'))
    for kind in ("bundle", "proof"):
        (tmp_path / f"{other}.{kind}.json").write_bytes(
            (tmp_path / f"{settled.cases[2].key.replace('/', '-')}.{kind}.json").read_bytes()
        )
    result = CliRunner().invoke(cli, [*command, "--json"])
    assert result.exit_code == 1
    where = {one["where"] for one in json.loads(result.output)["faults"]}
    assert where == {f"session {case.key}" for case in settled.cases[:2]}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("batch", "2"),
        ("evidence_root", "0x" + "11" * 32),
        ("commitment", "0x" + "11" * 32),
        ("transaction", "0x" + "11" * 32),
        ("block", "1"),
        ("settled_at", str(END + 601)),
        ("power_type", "DC"),
        ("standard", "NACS"),
    ],
)
def test_evidence_that_was_changed_with_its_digest_is_found_by_the_chain(
    settled: Settled, report: Path, column: str, value: str
) -> None:
    place = COLUMNS.index(column)

    def change(row: Row) -> Row:
        if row.kind != "session" or row.cells[1:3] != ("1", "1"):
            return row
        cells = list(row.cells)
        cells[place] = value
        return row._replace(cells=tuple(cells))

    [fault] = faults(settled, forged(report, change))
    assert fault["where"] == "session 1/1"
    assert fault["what"].startswith(column)
    assert fault["what"].endswith("by the chain")


def test_a_session_left_out_with_all_its_sums_is_found_by_the_chain(
    settled: Settled, report: Path
) -> None:
    def change(row: Row) -> Row | None:
        return None if row.kind == "session" and row.cells[1:3] == ("2", "1") else row

    found = faults(settled, forged(report, change))
    assert {"where": "session 2/1", "what": "the chain has it, and the report leaves it out"} in (
        found
    )


def test_a_site_that_is_not_as_registered_is_found_by_the_chain(
    settled: Settled, report: Path
) -> None:
    def change(row: Row) -> Row:
        if (row.kind, row.name) != ("input", "site"):
            return row
        said: list[Any] = json.loads(row.value)
        said[3] = "DE"
        return row._replace(value=json.dumps(said, separators=(",", ":")))

    assert any(one["where"] == "site 1" for one in faults(settled, forged(report, change)))


def test_of_another_chain_or_a_block_that_the_node_lacks_nothing_is_said(
    settled: Settled, report: Path
) -> None:
    for name, value, words in (
        ("chain_id", "1", "on chain 1"),
        ("block", "999999", "this node does not have"),
        ("block_hash", "0x" + "00" * 32, "this node does not have"),
    ):

        def change(row: Row, name: str = name, value: str = value) -> Row:
            wanted = row.kind == "report" and row.name == name
            return row._replace(value=value) if wanted else row

        result = verify(settled, forged(report, change))
        assert isinstance(result.exception, ReportError)
        assert words in str(result.exception)


def test_a_node_that_does_not_answer_is_no_verdict(settled: Settled, report: Path) -> None:
    book = str(settled.protocol.book)
    command = ["verify", "report", str(report), "--rpc", "http://127.0.0.1:1"]
    result = CliRunner().invoke(cli, [*command, "--deployment", book])
    assert isinstance(result.exception, NodeUnavailableError)
