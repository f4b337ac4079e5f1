"""Every command says in a sentence what it does and shows how it is called."""

import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from chargecoin.cli import GROUPS, cli, main


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The command and everything below it, by the words that call it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))


ALL = list(commands(cli))


def help_of(path: tuple[str, ...]) -> str:
    """What `--help` prints, its lines joined."""
    answer = CliRunner().invoke(cli, [*path, "--help"], prog_name="chargecoin")
    assert answer.exit_code == 0, answer.output
    return " ".join(answer.output.split())


def test_every_group_is_reached() -> None:
    assert {path[0] for path in ALL if path} == set(GROUPS)
    assert len(ALL) > len(GROUPS) + 1


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(("chargecoin", *path)))
def test_help_has_a_sentence_and_an_example_of_this_very_command(path: tuple[str, ...]) -> None:
    text = help_of(path)
    usage = r"^Usage: chargecoin.*?(\[ARGS\]\.\.\.|\[OPTIONS\]( [A-Z_\[\].]+)*) "
    described = re.sub(usage, "", text)
    sentence = re.match(r"[A-Z][^.]{8,}[.;:]", described)
    assert sentence, f"no sentence at the beginning of: {described[:120]}"
    # Groups take options before the subcommand: the words come in order, others between them.
    words = ".*".join(re.escape(word) for word in ("chargecoin", *path))
    assert re.search(rf"Example: .*?{words}\b", text), f"no example of it in: {text}"


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(("chargecoin", *path)))
def test_an_unknown_option_names_the_way_to_help(path: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(cli, [*path, "--no-such-option"], prog_name="chargecoin")
    assert answer.exit_code == 2
    assert "--no-such-option" in answer.output
    assert "-h' for help" in answer.output


def run_main(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    """The exit code of the program called with these words."""
    monkeypatch.setattr(sys, "argv", ["chargecoin", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_a_folder_that_cannot_be_written_is_named_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    inside = tmp_path / "file" / "run"
    words = ("simulate", "generate", "--sessions", "20", "--out", str(inside))
    assert run_main(monkeypatch, *words) == 1
    assert capsys.readouterr().err.startswith(f"error: {inside}: ")


def test_a_port_of_the_demo_that_is_taken_is_told_before_the_history_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ("demo", "--port", port, "--dir", str(tmp_path / "demo"))
        assert run_main(monkeypatch, *words) == 1
    assert capsys.readouterr().err == f"error: port {port} is taken; give another with --port\n"
    assert not (tmp_path / "demo").exists()
