"""Clocks that are handed in."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chargecoin.clock import FileClock, ManualClock, SystemClock, open_clock
from chargecoin.errors import ConfigurationError


def test_the_system_clock_is_the_machines() -> None:
    before = time.time()
    assert before <= SystemClock().now() <= time.time()


def test_a_manual_clock_moves_only_when_told_and_never_back() -> None:
    clock = ManualClock(100)
    assert clock.now() == 100
    clock.advance(2.5)
    assert clock.now() == 102.5
    with pytest.raises(ConfigurationError, match="backward"):
        clock.advance(-1)


def test_a_file_clock_stands_still_where_it_is_set(tmp_path: Path) -> None:
    driver = FileClock.create(tmp_path / "clock", 1000.5)
    reader = FileClock(tmp_path / "clock")
    assert reader.now() == 1000.5
    driver.set(2000)
    assert reader.now() == 2000


def test_a_running_file_clock_runs_at_its_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = 50.0
    monkeypatch.setattr("chargecoin.clock.time.time", lambda: real)
    driver = FileClock.create(tmp_path / "clock", 1000)
    driver.run(rate=3600)
    reader = FileClock(tmp_path / "clock")
    assert reader.now() == 1000
    real = 52.0
    assert reader.now() == 8200
    driver.run()
    real = 53.0
    assert reader.now() == 8201


def test_another_process_reads_what_the_driver_sets(tmp_path: Path) -> None:
    driver = FileClock.create(tmp_path / "clock", 1)
    program = (
        "import sys; from chargecoin.clock import open_clock\n"
        "clock = open_clock(sys.argv[1])\n"
        "for _ in sys.stdin: print(clock.now(), flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "clock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdin is None or process.stdout is None:
            pytest.fail("the process has no pipes")
        for now in (7.0, 8.25):
            driver.set(now)
            process.stdin.write("now\n")
            process.stdin.flush()
            assert float(process.stdout.readline()) == now
        process.stdin.close()


@pytest.mark.parametrize("content", [None, b"", b"short"])
def test_what_is_no_clock_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "clock"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="no clock file"):
        FileClock(path)


def test_a_reader_cannot_set_the_time(tmp_path: Path) -> None:
    FileClock.create(tmp_path / "clock", 1)
    with pytest.raises(TypeError):
        FileClock(tmp_path / "clock").set(2)


def test_the_clock_named_on_a_command_line_is_opened(tmp_path: Path) -> None:
    (tmp_path / "clock").write_bytes(struct.pack("<3d", 0, 0, 42))
    assert open_clock(str(tmp_path / "clock")).now() == 42
    assert isinstance(open_clock(None), SystemClock)
