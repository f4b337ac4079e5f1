"""One backfill by Ponder, from its start until it calls itself ready.

Three tables, no sums and no checks between rows: less than ours does. It begins with 20
requests a second by its own politeness and fetches whole blocks; both are its defaults.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks._processes import cpu_seconds, peak_mb
from chargecoin.deployments import load

ROOT: Final = Path(__file__).resolve().parents[1]
PROJECT: Final = ROOT / "benchmarks" / "ponder"
INSTALLED: Final = ROOT / ".cache" / "ponder"
LONGEST_S: Final = 600.0


def install() -> None:
    """Put Ponder and the project that it runs into the cache; nothing to do the second time."""
    wanted = (PROJECT / "package-lock.json").read_bytes()
    lock = INSTALLED / "package-lock.json"
    if not lock.exists() or lock.read_bytes() != wanted or not _program().exists():
        shutil.rmtree(INSTALLED, ignore_errors=True)
        shutil.copytree(PROJECT, INSTALLED)
        shutil.copy(ROOT / ".npmrc", INSTALLED)
        line = ["npm", "ci", "--loglevel=error"]
        found = subprocess.run(line, cwd=INSTALLED, capture_output=True, text=True, check=False)
        if found.returncode:
            shutil.rmtree(INSTALLED, ignore_errors=True)
            raise RuntimeError(f"npm cannot install Ponder:\n{found.stderr}")
    shutil.copytree(PROJECT, INSTALLED, dirs_exist_ok=True)


def _program() -> Path:
    return INSTALLED / "node_modules" / "ponder" / "dist" / "esm" / "bin" / "ponder.js"


def index(node_url: str, book: Path, postgres_url: str, schema: str) -> dict[str, float]:
    """Return how long it took until `/ready`, and what it held and took of the machine."""
    deployment = load(book)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": postgres_url,
        "PONDER_RPC_URL_31337": node_url,
        "PONDER_TELEMETRY_DISABLED": "true",
        "SETTLEMENT_ABI": str(ROOT / "chargecoin" / "abi" / "Settlement.json"),
        "SETTLEMENT_ADDRESS": deployment.address("Settlement"),
        "START_BLOCK": str(deployment.start_block),
    }
    line: list[Any] = ["node", _program(), "start", "--schema", schema, "--port", str(port)]
    started = time.perf_counter()
    with (INSTALLED / f"{schema}.log").open("w") as said:
        process = subprocess.Popen(
            [*line, "--log-level", "warn"],
            cwd=INSTALLED,
            env=environment,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            while not _is_ready(port):
                if process.poll() is not None or time.perf_counter() - started > LONGEST_S:
                    raise RuntimeError(f"Ponder was never ready: see {said.name}")
                time.sleep(0.02)
            seconds = time.perf_counter() - started
            return {
                "seconds": seconds,
                "peak_mb": peak_mb(process.pid),
                "cpu_seconds": cpu_seconds(process.pid),
            }
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
