"""`chargecoin verify`, and verification itself, against the real contracts on a real chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chargecoin.cli import cli
from chargecoin.errors import EvidenceError, NodeUnavailableError, WrongChainError
from chargecoin.evidence.verify import STEPS
from tests.support.settlement import SettledSession, serve


def run(settled: SettledSession, *arguments: str) -> Result:
    book = str(settled.protocol.book)
    command = ["verify", "session", *arguments, "--rpc", settled.protocol.url, "--deployment", book]
    return CliRunner().invoke(cli, command)


def files(settled: SettledSession) -> list[str]:
    return ["--bundle", str(settled.bundle_file), "--proof", str(settled.proof_file)]


def test_a_settled_session_is_verified_against_the_contracts(settled: SettledSession) -> None:
    result = run(settled, *files(settled))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == f"session {settled.proof.session_id}"
    assert [line.split()[:2] for line in lines[1 : 1 + len(STEPS)]] == [
        ["ok", step] for step in STEPS
    ]
    assert lines[-1].startswith("every step holds; assurance 2: the charge point was watched")
    assert "settled" in result.output


def test_a_block_becomes_final_as_the_chain_grows(settled: SettledSession) -> None:
    assert "seen, not yet safe" in run(settled, *files(settled)).output
    settled.protocol.node.mine(5)
    assert "is final" in run(settled, *files(settled)).output


def test_a_session_is_verified_by_its_id_from_an_oracle(settled: SettledSession) -> None:
    with serve(settled) as url:
        for session in ("1/1", settled.proof.session_id, "0x10000000000000001"):
            assert run(settled, session, "--evidence", url).exit_code == 0


def test_another_oracle_is_asked_where_one_does_not_serve(settled: SettledSession) -> None:
    with serve(settled, proof=b"") as without, serve(settled) as url:
        found = run(settled, "1/1", "--evidence", without, "--evidence", url)
        assert found.exit_code == 0
        missing = run(settled, "1/1", "--evidence", without)
    assert missing.exit_code != 0
    assert isinstance(missing.exception, EvidenceError)
    assert "ask another oracle" in str(missing.exception)
    assert "404" in str(missing.exception)


def test_tampered_evidence_is_reported_with_its_step_and_exit_code_1(
    settled: SettledSession,
) -> None:
    tampered = settled.data.replace(b'"hour_of_week":', b'"hour_of_week":1', 1)
    settled.bundle_file.write_bytes(tampered)
    result = run(settled, *files(settled))
    assert result.exit_code == 1
    assert "FAILED  record" in result.output
    assert result.output.splitlines()[-1] == "NOT VERIFIED: failed at record, proof"


def test_what_is_no_evidence_is_reported(settled: SettledSession) -> None:
    settled.bundle_file.write_bytes(b"garbage")
    result = run(settled, *files(settled))
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "NOT VERIFIED: failed at frames, proof"


def test_a_machine_reads_the_report_as_json(settled: SettledSession) -> None:
    result = run(settled, *files(settled), "--json")
    report = json.loads(result.output)
    assert report["ok"] is True
    assert report["failed"] == []
    assert [step["step"] for step in report["steps"]] == list(STEPS)
    settled.bundle_file.write_bytes(settled.data + b"\n")
    result = run(settled, *files(settled), "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["failed"] == ["frames", "proof"]


def test_a_proof_of_another_session_is_not_taken_for_it(settled: SettledSession) -> None:
    result = run(settled, "2/1", *files(settled))
    assert isinstance(result.exception, EvidenceError)
    assert "the proof is of session" in str(result.exception)


def test_a_node_that_does_not_answer_is_no_verdict(settled: SettledSession) -> None:
    command = ["verify", "session", *files(settled), "--deployment", str(settled.protocol.book)]
    result = CliRunner().invoke(cli, [*command, "--rpc", "http://127.0.0.1:1"])
    assert isinstance(result.exception, NodeUnavailableError)


def test_node_and_book_are_blamed_before_the_evidence_is_asked_for(
    settled: SettledSession, tmp_path: Path
) -> None:
    nobody = "http://127.0.0.1:1"
    command = ["verify", "session", "1/1", "--evidence", nobody]
    book = settled.protocol.book
    dead = CliRunner().invoke(cli, [*command, "--rpc", nobody, "--deployment", str(book)])
    assert isinstance(dead.exception, NodeUnavailableError)
    other = tmp_path / "other.json"
    other.write_text(json.dumps(json.loads(book.read_text()) | {"chain_id": 1}))
    there = ["--rpc", settled.protocol.url, "--deployment", str(other)]
    wrong = CliRunner().invoke(cli, [*command, *there])
    assert isinstance(wrong.exception, WrongChainError)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["1/1"],
        ["1/1", "--bundle", "FILE"],
        ["1/1", "--bundle", "FILE", "--proof", "FILE", "--evidence", "http://x"],
        ["--evidence", "http://x"],
        ["nonsense", "--evidence", "http://x"],
        ["0xzz", "--evidence", "http://x"],
        ["1/4294967296", "--evidence", "http://x"],
    ],
)
def test_a_command_that_does_not_say_what_to_verify_is_told_so(
    tmp_path: Path, arguments: list[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("{}")
    given = [str(file) if one == "FILE" else one for one in arguments]
    command = ["verify", "session", *given, "--rpc", "http://x", "--deployment", str(file)]
    assert CliRunner().invoke(cli, command).exit_code == 2


def test_help_shows_an_example() -> None:
    for command in (["verify"], ["verify", "session"]):
        result = CliRunner().invoke(cli, [*command, "--help"])
        assert result.exit_code == 0
        assert "Example:" in result.output
