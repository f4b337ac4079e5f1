"""`chargecoin payer dispute` and `collect`, on a real chain with a session that was settled."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from chargecoin.cli import cli
from chargecoin.errors import ChainError, CodecError, EvidenceError, RevertedError
from tests.support.protocol import secret
from tests.support.settlement import SettledSession, serve

Run = Callable[..., Result]


@pytest.fixture
def chargecoin(settled: SettledSession, tmp_path: Path) -> Run:
    """Run `chargecoin payer` with somebody's key on the chain of the settled session."""

    def run(*arguments: str, who: str = "driver") -> Result:
        key = tmp_path / f"{who}.key"
        key.touch(mode=0o600)
        key.write_text(secret(who) + "\n")
        where = ("--rpc-url", settled.protocol.url, "--deployment", str(settled.protocol.book))
        return CliRunner().invoke(cli, ["payer", *where, "--key-file", str(key), *arguments])

    return run


def test_a_session_is_disputed_by_what_an_oracle_serves(
    chargecoin: Run, settled: SettledSession
) -> None:
    before = json.loads(chargecoin("show", "--json").output)["balance"]
    with serve(settled) as oracle:
        result = chargecoin("dispute", "1/1", "--reason", "energy", "--evidence", oracle)
        assert result.exit_code == 0, result.output
        assert result.output.startswith("dispute 1: ")
        assert "bond 1.000000, ruled on until 20" in result.output
        again = chargecoin("dispute", "1/1", "--reason", "energy", "--evidence", oracle)
    assert isinstance(again.exception, RevertedError)
    assert "disputed before" in str(again.exception)
    assert json.loads(chargecoin("show", "--json").output)["balance"] == before - 1_000_000


def test_a_session_is_disputed_by_its_transaction(chargecoin: Run, settled: SettledSession) -> None:
    result = chargecoin(
        "dispute", "2/1", "--reason", "price", "--transaction", settled.proof.transaction
    )
    assert result.output.startswith("dispute 1: ")


def test_only_the_payer_disputes(chargecoin: Run, settled: SettledSession) -> None:
    where = ("--transaction", settled.proof.transaction)
    refused = chargecoin("dispute", "1/1", "--reason", "energy", *where, who="fleet")
    assert isinstance(refused.exception, RevertedError)
    assert "not the payer" in str(refused.exception)


def test_a_session_that_was_paid_has_no_debt_to_collect(
    chargecoin: Run, settled: SettledSession
) -> None:
    refused = chargecoin("collect", "1/1", "--transaction", settled.proof.transaction)
    assert isinstance(refused.exception, RevertedError)
    assert "nothing to collect" in str(refused.exception)


def test_where_a_session_was_settled_must_be_said_once(
    chargecoin: Run, settled: SettledSession
) -> None:
    for where in ((), ("--transaction", settled.proof.transaction, "--evidence", "http://a")):
        result = chargecoin("collect", "1/1", *where)
        assert result.exit_code == click.UsageError.exit_code
        assert "either --evidence or --transaction" in result.output


def test_a_wrong_transaction_is_told_before_anything_is_sent(
    chargecoin: Run, settled: SettledSession
) -> None:
    for where, error, words in (
        (("--transaction", "0x" + "00" * 32), ChainError, "no transaction 0x0000"),
        (("--transaction", "none"), CodecError, "0x and 64 digits"),
        (("--evidence", "http://127.0.0.1:1"), EvidenceError, "nobody serves the evidence"),
    ):
        result = chargecoin("collect", "1/1", *where)
        assert isinstance(result.exception, error)
        assert words in str(result.exception)
    result = chargecoin("collect", "3/1", "--transaction", settled.proof.transaction)
    assert "did not settle session 0x3" in str(result.exception)
