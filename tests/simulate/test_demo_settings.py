"""Where a demo works, what it may go on from, and how it tells that a run is as planned."""

from __future__ import annotations

import dataclasses
import io
import json
import socket
from pathlib import Path

import pytest
from rich.console import Console

from chargecoin.errors import ConfigurationError
from simulate.demo.check import Holding, differences
from simulate.demo.progress import Display
from simulate.demo.settings import (
    HOST,
    REUSE_S,
    Settings,
    alone_in,
    dashboard_port,
    free_ports,
)
from simulate.history import Source
from simulate.payers import Expectation

NOW = 1_795_000_000.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(Source(100, seed=1), tmp_path)
    made.history.mkdir()
    return made


def test_a_finished_history_is_gone_on_from_for_a_day(settings: Settings) -> None:
    assert not settings.finished_history(NOW)
    settings.finish_history(settings.stamp(), NOW)
    assert settings.finished_history(NOW + REUSE_S - 1)
    assert not settings.finished_history(NOW + REUSE_S)
    assert not settings.finished_history(NOW - 1)


@pytest.mark.parametrize(
    "other", [Source(101, seed=1), Source(100, seed=2), Source(100, 1, weeks=5)]
)
def test_a_history_of_another_source_is_made_anew(settings: Settings, other: Source) -> None:
    settings.finish_history(settings.stamp(), NOW)
    assert not dataclasses.replace(settings, source=other).finished_history(NOW)


def test_a_history_of_another_file_is_made_anew(settings: Settings, tmp_path: Path) -> None:
    data = tmp_path / "sessions.csv"
    data.write_text("one")
    of_file = dataclasses.replace(settings, source=Source(100, 1, data=data))
    of_file.finish_history(of_file.stamp(), NOW)
    assert of_file.finished_history(NOW)
    data.write_text("two")
    assert not of_file.finished_history(NOW)


def test_what_is_kept_and_cannot_be_read_is_made_anew(settings: Settings) -> None:
    for text in ("", "{", "[]", json.dumps({"stamp": settings.stamp()})):
        (settings.history / "finished.json").write_text(text)
        assert not settings.finished_history(NOW)


def test_one_demo_works_in_a_folder_at_a_time(tmp_path: Path) -> None:
    with (
        alone_in(tmp_path / "demo"),
        pytest.raises(ConfigurationError, match="another demo runs"),
        alone_in(tmp_path / "demo"),
    ):
        pass
    with alone_in(tmp_path / "demo"):
        pass


def test_a_port_asked_for_must_be_free_and_otherwise_the_next_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} is taken"):
            dashboard_port(port)
    assert dashboard_port(port) == port
    assert dashboard_port(None) >= 8080


def test_free_ports_differ() -> None:
    assert len(set(free_ports(20))) == 20


EXPECTED = Expectation(10, 7, 2, 0, 1, 5000, 4000, 4, 3996, 3)
FOUND = Holding(7, 2, 0, 5000, 4000, 4, 3996, 3, batches=1, gas=90_000)


def test_a_run_as_planned_differs_in_nothing() -> None:
    assert differences(EXPECTED, FOUND, sessions_in=10, quarantined=1) == []
    assert FOUND.gas_per_session == 10_000


@pytest.mark.parametrize(
    "name", ["settled", "unfunded", "rejected", "gross", "paid", "fees", "owner_net", "assurance_3"]
)
def test_one_figure_off_by_one_is_told_by_its_name(name: str) -> None:
    found = dataclasses.replace(FOUND, **{name: getattr(FOUND, name) + 1})
    assert any(
        line.startswith(f"{name} is")
        for line in differences(EXPECTED, found, sessions_in=10, quarantined=1)
    )


def test_a_session_missing_from_the_quarantine_is_told() -> None:
    wrong = differences(EXPECTED, FOUND, sessions_in=10, quarantined=0)
    assert wrong == [
        "quarantined is 0, planned 1",
        "10 sessions came in, 9 are on the chain and 0 in quarantine",
    ]


def test_progress_is_plain_lines_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    display = Display(Console(file=out))
    with display.count("sessions over", 10) as advance:
        for done in (1, 10, 10):
            advance(done)
    display.say("done")
    first, last = out.getvalue().splitlines()
    assert first.startswith("sessions over: 10 of 10, ")
    assert last == "done"
