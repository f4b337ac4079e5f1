"""The demo's processes are started, watched, started again and ended; nothing else is touched."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulate.demo.processes import MOST_RESTARTS, Process, ProcessEndedError, Supervisor

# Says that it runs, then waits until it is ended.
WAITS = "import os, signal; print('pid', os.getpid(), flush=True); signal.pause()"
# Starts another process, which does not end when asked to.
LEAVES_ONE = (
    "import signal, subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', "
    "'import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()']);"
    "print('pid', child.pid, flush=True); signal.pause()"
)


def python(name: str, code: str, tmp_path: Path) -> Process:
    return Process(name, [sys.executable, "-c", code], tmp_path / f"{name}.log", {})


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - another process's output has no event to wait for
            await asyncio.sleep(0.01)


def pids(process: Process) -> list[int]:
    text = process.log.read_text() if process.log.exists() else ""
    return [int(line.split()[1]) for line in text.splitlines() if line.startswith("pid ")]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    process = python("role", WAITS, tmp_path)
    async with Supervisor() as supervisor:
        await supervisor.start(process, restart=True)
        for number in range(1, MOST_RESTARTS + 3):
            await until(lambda number=number: len(pids(process)) == number)  # type: ignore[misc]
            supervisor.kill("role")
        assert not supervisor.failed.done()
    assert len(set(pids(process))) == len(pids(process))
    assert not any(map(is_running, pids(process)))


async def test_a_process_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    async with Supervisor() as supervisor:
        await supervisor.start(python("role", "raise SystemExit('no port')", tmp_path))
        with pytest.raises(ProcessEndedError, match=r"role ended with 1[^\n]*\nno port"):
            await asyncio.wait_for(asyncio.shield(supervisor.failed), 20)


async def test_a_process_that_keeps_ending_is_given_up(tmp_path: Path) -> None:
    process = python("role", "print('again', flush=True)", tmp_path)
    async with Supervisor() as supervisor:
        await supervisor.start(process, restart=True)
        with pytest.raises(ProcessEndedError):
            await asyncio.wait_for(asyncio.shield(supervisor.failed), 20)
    assert process.log.read_text().count("again") == MOST_RESTARTS + 1


async def test_what_a_process_left_behind_is_ended_with_it(tmp_path: Path) -> None:
    process = python("role", LEAVES_ONE, tmp_path)
    async with Supervisor() as supervisor:
        await supervisor.start(process)
        await until(lambda: pids(process))
    [child] = pids(process)
    await until(lambda: not is_running(child))


async def test_processes_of_others_go_on(tmp_path: Path) -> None:
    other = python("other", WAITS, tmp_path)
    await other.start()
    async with Supervisor() as supervisor:
        await supervisor.start(python("role", WAITS, tmp_path))
    assert other.pid is not None
    assert is_running(other.pid)
    await other.stop()
