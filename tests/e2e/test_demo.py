"""`chargecoin demo` as a person runs it: every process real, every figure against its plan."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import connect
from typing import Any

import httpx
import pytest

from simulate.demo.settings import free_ports
from simulate.history import Source, build
from simulate.payers import expect

# Every process of the demo shares the cores with whatever else is being tested.
pytestmark = pytest.mark.timeout(600)

SESSIONS = 120
SEED = 3
COMMAND = [sys.executable, "-c", "from chargecoin.cli import main; main()", "demo"]
KEYS = {
    *("sessions_in", "settled", "unfunded", "rejected", "quarantined"),
    *("gross", "paid", "fees", "owner_net", "batches", "gas_per_session", "assurance_3"),
    *("indexer_matches_chain", "seconds", "seed"),
}
# What does not depend on how sessions came to share batches.
TOTALS = (
    *("sessions_in", "settled", "unfunded", "rejected", "quarantined"),
    *("gross", "paid", "fees", "owner_net", "assurance_3"),
)


def arguments(folder: Path, *more: str) -> list[str]:
    chosen = ("--sessions", str(SESSIONS), "--seed", str(SEED), "--dir", str(folder))
    return [*COMMAND, *chosen, *more]


def once(folder: Path, *more: str) -> dict[str, Any]:
    """Run the demo to its end and return the JSON object of its last line."""
    done = subprocess.run(
        arguments(folder, "--once", *more), capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return summary


@dataclass(frozen=True)
class Run:
    folder: Path
    summary: dict[str, Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("demo")
    return Run(folder, once(folder))


def test_every_session_ends_as_it_was_planned(run: Run) -> None:
    summary = run.summary
    assert set(summary) == KEYS
    assert summary["sessions_in"] == SESSIONS
    parts = ("settled", "unfunded", "rejected", "quarantined")
    assert sum(summary[part] for part in parts) == SESSIONS
    assert summary["indexer_matches_chain"] is True
    assert summary["fees"] + summary["owner_net"] == summary["paid"]
    history = build(Source(SESSIONS, SEED), 1_795_000_000)
    planned = expect(history.ledger, history.network)
    assert {name: summary[name] for name in TOTALS} == {
        name: getattr(planned, name) for name in TOTALS
    }
    assert summary["batches"] > 0
    assert summary["gas_per_session"] > 0


def test_people_did_more_than_charge(run: Run) -> None:
    database = next(run.folder.rglob("history/indexer.sqlite"))
    with closing(connect(f"file:{database}?mode=ro", uri=True)) as tables:
        for table in ("payouts", "fees_routed", "campaigns", "budget_fundings", "destinations"):
            [(count,)] = tables.execute(f"SELECT count(*) FROM {table}").fetchall()
            assert count, table


def test_no_process_is_left(run: Run) -> None:
    assert commands_naming(run.folder) == []


def test_killing_the_proposer_five_times_changes_no_total(run: Run, tmp_path: Path) -> None:
    killed = once(tmp_path, "--kill-proposer", "5")
    assert {name: killed[name] for name in TOTALS} == {name: run.summary[name] for name in TOTALS}
    log = (tmp_path / "history" / "logs" / "oracle-1.log").read_text()
    assert log.count('"event": "started"') == 6


def commands_naming(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(folder) in command:
                found.append(command)
    return found


def descendants(pid: int) -> set[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass
class Live:
    process: subprocess.Popen[str]
    url: str
    said: list[str]


@pytest.fixture(scope="module")
def live(run: Run) -> Iterator[Live]:
    """A second run in the same folder: it goes on from the finished history."""
    process = subprocess.Popen(
        arguments(run.folder, "--port", str(free_ports(1)[0])),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"http://\S+", line):
                yield Live(process, found[0], said)
                break
        else:
            pytest.fail("the demo ended:\n" + "".join(said))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=60)


def test_a_second_run_goes_on_from_the_history_and_shows_it(live: Live) -> None:
    assert "going on from the history of the last run" in live.said[0]
    page = httpx.get(live.url, timeout=30)
    assert page.status_code == 200
    assert "Isar Ladenetz" in page.text


def test_a_second_demo_in_one_folder_is_refused(live: Live, run: Run) -> None:
    done = subprocess.run(
        arguments(run.folder, "--once"), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "another demo runs in" in done.stderr


def test_ctrl_c_ends_every_process_that_the_demo_started(live: Live, run: Run) -> None:
    started = descendants(live.process.pid)
    assert len(started) >= 6  # anvil, three oracles, indexer, dashboard
    os.killpg(live.process.pid, signal.SIGINT)
    output, _ = live.process.communicate(timeout=60)
    assert live.process.returncode == 0, output
    assert [pid for pid in started if alive(pid)] == []
    assert commands_naming(run.folder) == []
