"""`chargecoin simulate`: make or import charging sessions, and drive virtual chargers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from simulate.history import History

WINDOW_S = 6 * 3600


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Make or import charging sessions and drive virtual chargers.

    Example: chargecoin simulate generate --sessions 200 --out run
    """


_out = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="folder to write, see `chargecoin simulate fleet`",
)
_seed = click.option(
    "--seed", type=int, default=1, show_default=True, help="of sessions, causes and keys"
)


@cli.command()
@click.option("--sessions", type=click.IntRange(min=1), default=2000, show_default=True)
@click.option(
    "--weeks",
    type=click.IntRange(1, 520),
    default=13,
    show_default=True,
    help="how far back they go",
)
@_seed
@_out
def generate(sessions: int, weeks: int, seed: int, out: Path) -> None:
    """Draw sessions that follow published statistics (docs/demo.md) and end now.

    Example: chargecoin simulate generate --sessions 2000 --seed 1 --out run
    """
    from simulate.history import Source, build

    _write(build(Source(sessions, seed, weeks=weeks), time.time()), seed, out)


@cli.command("import")
@click.argument("csv", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--sessions",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    help="the first usable rows",
)
@_seed
@_out
def import_(csv: Path, sessions: int, seed: int, out: Path) -> None:
    """Import a session file of Perth and Kinross, repaired and shifted to end now.

    Every row that is not replayed is counted with its reason.

    Example: chargecoin simulate import perth-2018-09--2019-08.csv --out run
    """
    from simulate.history import Source, build

    _write(build(Source(sessions, seed, data=csv), time.time()), seed, out)


def _write(history: History, seed: int, out: Path) -> None:
    from simulate.folder import save

    save(out, history.network, history.ledger, seed)
    for title, reasons in (("unusable", history.unusable), ("left out", history.left_out)):
        for reason, number in reasons.most_common():
            click.echo(f"{title}: {number} rows, {reason}")
    causes = Counter(plan.cause for plan in history.ledger.plans if plan.cause)
    for cause, number in sorted(causes.items()):
        click.echo(f"seeded: {number} {cause.value}")
    click.echo(
        f"{len(history.ledger.plans)} sessions at {len(history.network.places)} connectors of "
        f"{len(history.network.owners)} owners are in {out}"
    )


def _websocket_url(_ctx: click.Context, _param: click.Parameter, url: str) -> str:
    if not url.startswith(("ws://", "wss://")):
        raise click.BadParameter(f"{url} is not an address like ws://127.0.0.1:9000/ocpp")
    return url


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--url",
    required=True,
    callback=_websocket_url,
    help="of the central system, ws://host:port/ocpp",
)
def fleet(folder: Path, url: str) -> None:
    """Play a folder's sessions against a central system, in order, as fast as it answers.

    The charge points, their passwords and meters are those of the folder's seed.

    Example: chargecoin simulate fleet run --url ws://127.0.0.1:9000/ocpp
    """
    from simulate.folder import load

    run = load(folder)

    async def play() -> int:
        from simulate.fleet import Fleet

        devices = Fleet(run.network, url=url, seed=run.seed, run=f"{int(time.time()):x}")
        devices.add(run.sessions)
        sent = shown = 0
        click.echo(f"connecting the charge points to {url}")
        try:
            await devices.boot(run.sessions[0].started_at if run.sessions else int(time.time()))
            while (due := devices.next_due()) is not None:
                sent += await devices.advance(due + WINDOW_S)
                started = sum(plan.started_at <= due + WINDOW_S for plan in run.sessions)
                if started - shown >= len(run.sessions) / 20:
                    click.echo(f"{started} of {len(run.sessions)} sessions, {sent} messages")
                    shown = started
        finally:
            await devices.close()
        return sent

    click.echo(f"{asyncio.run(play())} messages sent and answered")
