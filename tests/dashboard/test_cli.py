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

from dashboard.cli import cli
from indexer.database import open_database
from tests.dashboard.world import ADDRESSES, CHAIN_ID


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
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
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
        finally:
            process.kill()
