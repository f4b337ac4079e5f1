"""The ingest benchmark measures what it says."""

from __future__ import annotations

import json
import subprocess
import sys


def test_the_last_line_holds_the_figures_of_a_run_that_checked_itself() -> None:
    line = [sys.executable, "-m", "benchmarks.ingest", "--json"]
    small = ["--connections", "5", "--seconds", "0.5", "--repeats", "1"]
    found = subprocess.run([*line, *small], capture_output=True, text=True, check=True)
    figures = json.loads(found.stdout.splitlines()[-1])
    assert figures["benchmark"] == "ingest"
    assert figures["per_second"] > 0
    assert figures["ocpp_per_second"] > 0
    assert figures["p50_ms"] <= figures["p95_ms"]
    assert figures["frames_per_commit"] >= 1
