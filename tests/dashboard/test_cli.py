"""The command that serves the pages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import orjson
from click.testing import CliRunner

from chargecoin.errors import WrongChainError
from dashboard.cli import cli
from indexer.database import open_database
from tests.dashboard.world import ADDRESSES, CHAIN_ID
from tests.support.protocol import Protocol


def test_help_has_an_example() -> None:
    for arguments in (["--help"], ["run", "--help"]):
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0
        assert "Example: chargecoin dashboard run --config" in result.output


def test_the_server_says_where_it_is_and_ends_when_told(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path}/indexer.sqlite").dispose()
    contracts = {name: {"address": address} for name, address in ADDRESSES.items()}
    book = {"chain_id": CHAIN_ID, "start_block": 1, "contracts": contracts}
    (tmp_path / "book.json").write_bytes(orjson.dumps(book))
    config = tmp_path / "dashboard.toml"
    config.write_text(
        'database = "indexer.sqlite"\ndeployment = "book.json"\nrpc_url = "http://127.0.0.1:1"\n'
    )
    command = [sys.executable, "-m", "dashboard.cli", "run", "--config", str(config), "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("dashboard at http://127.0.0.1:")
            address = line.split()[-1]
            assert httpx.get(address + "health").json() == {"status": "ok"}
            # Nothing is indexed yet: it answers, and says that it is not ready.
            assert httpx.get(address + "ready").status_code == 503
            with httpx.stream("GET", address + "live") as stream:
                assert next(stream.iter_lines()).startswith("event: hello")
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=15) == 0
            assert process.stderr is not None
            said = process.stderr.read()
            assert "the node (rpc_url) cannot be used: http://127.0.0.1:1 gives no answer" in said
            assert "Verify does not work" in said
        finally:
            process.kill()


def test_an_address_book_of_another_chain_than_the_nodes_is_refused(
    protocol: Protocol, tmp_path: Path
) -> None:
    open_database(f"sqlite:///{tmp_path}/indexer.sqlite").dispose()
    book = orjson.loads(protocol.book.read_bytes()) | {"chain_id": 1}
    (tmp_path / "book.json").write_bytes(orjson.dumps(book))
    config = tmp_path / "dashboard.toml"
    config.write_text(
        f'database = "indexer.sqlite"\ndeployment = "book.json"\nrpc_url = "{protocol.url}"\n'
    )
    result = CliRunner().invoke(cli, ["run", "--config", str(config), "--port", "0"])
    assert isinstance(result.exception, WrongChainError)
    assert "the address book is of chain 1; name the right node" in str(result.exception)
