"""How much memory an export of a million sessions takes: the dashboard itself, in its process.

No owner of the made-up year has so many, so one is made: the store's first million sessions,
all given to one owner, in a SQLite of their own.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Final

import httpx

from benchmarks._processes import CHARGECOIN, peak_mb
from chargecoin.deployments import Deployment
from indexer.database import open_database

OWNER: Final = 1
ROWS: Final = 1_000_000
WAIT_S: Final = 60.0
# Tables that a list of sessions reads beside them.
BESIDE: Final = (
    *("cursor", "owners", "sites", "stations", "evses", "connectors", "blocks", "batches"),
    *("collections", "refunds", "settlement_days", "outcome_days"),
)


def large_owner(source: Path, folder: Path) -> tuple[Path, int]:
    """Make a store in which one owner has (at most) a million sessions; return how many."""
    path = folder / "export.sqlite"
    open_database(f"sqlite:///{path}").dispose()
    with sqlite3.connect(path) as made:
        made.execute("ATTACH ? AS source", (f"file:{source}?mode=ro",))
        for table in BESIDE:
            made.execute(f"INSERT INTO main.{table} SELECT * FROM source.{table}")
        names = [row[1] for row in made.execute("PRAGMA table_info(sessions)")]
        values = ", ".join(str(OWNER) if name == "owner_id" else name for name in names)
        count = made.execute(
            f"INSERT INTO main.sessions SELECT {values} FROM source.sessions ORDER BY id LIMIT ?",
            (ROWS,),
        ).rowcount
    made.close()
    return path, count


def export(source: Path, deployment: Deployment, folder: Path) -> dict[str, float]:
    """Export all sessions of one owner as CSV; return the server's peak and how long it took."""
    path, rows = large_owner(source, folder)
    book = folder / "book.json"
    contracts = {name: {"address": at} for name, at in deployment.contracts.items()}
    chain = {"chain_id": deployment.chain_id, "start_block": deployment.start_block}
    book.write_text(json.dumps({**chain, "contracts": contracts}))
    settings = folder / "dashboard.toml"
    settings.write_text(
        f'deployment = "{book}"\nrpc_url = "http://127.0.0.1:1"\ndatabase = "{path}"\n'
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = [*CHARGECOIN, "dashboard", "run", "--config", str(settings)]
    with (folder / "dashboard.log").open("w") as said:
        process = subprocess.Popen([*line, "--port", str(port)], stdout=said, stderr=said)
        try:
            _wait(f"http://127.0.0.1:{port}/health", process)
            started = time.perf_counter()
            lines = 0
            url = f"http://127.0.0.1:{port}/owners/{OWNER}/sessions.csv"
            with httpx.stream("GET", url, timeout=600) as answer:
                answer.raise_for_status()
                for part in answer.iter_bytes():
                    lines += part.count(b"\n")
            seconds = time.perf_counter() - started
            if lines != rows + 1:
                raise RuntimeError(f"{lines - 1} of {rows} sessions were exported")
            peak = peak_mb(process.pid)
        finally:
            process.terminate()
            process.wait()
    return {
        "export_rows": rows,
        "export_peak_mb": round(peak, 1),
        "export_seconds": round(seconds, 1),
    }


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    limit = time.perf_counter() + WAIT_S
    while True:
        try:
            httpx.get(url, timeout=5)
        except httpx.HTTPError:
            if process.poll() is not None or time.perf_counter() > limit:
                raise RuntimeError("the dashboard does not answer: see its log") from None
            time.sleep(0.1)
        else:
            return
