"""`chargecoin demo`: all of it on this machine."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--once", is_flag=True, help="run to the end, check everything, print the figures")
@click.option(
    "--sessions",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    help="in the history",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="replay a session file of Perth and Kinross instead of generated sessions",
)
@click.option("--seed", type=int, default=1, show_default=True, help="of sessions and keys")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="of the dashboard  [default: 8080 or the next]"
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="where it keeps what it makes  [default: .chargecoin/demo in the project]",
)
@click.option(
    "--kill-proposer",
    type=click.IntRange(0, 100),
    default=0,
    metavar="N",
    help="kill the proposer (kill -9) this often during the history",
)
def cli(
    *,
    once: bool,
    sessions: int,
    data: Path | None,
    seed: int,
    port: int | None,
    folder: Path | None,
    kill_proposer: int,
) -> None:
    """Run the whole of ChargeCoin on this machine.

    A local chain, the contracts, three oracles, the indexer and the dashboard; about
    90 days of charging pass in compressed time, then it goes on in real time until
    Ctrl-C. A second run goes on from the same history. With --once it ends after the
    history with one JSON object, and exit code 0 only if everything is as planned.

    Example: chargecoin demo --once --sessions 200
    """
    import asyncio
    import json
    import signal

    from rich.console import Console

    from simulate.demo.progress import Display
    from simulate.demo.run import run
    from simulate.demo.settings import PROJECT, Settings, dashboard_port
    from simulate.history import Source

    if port is not None and not once:
        # A port that is taken is told now, not after the minutes that the history takes.
        dashboard_port(port)
    settings = Settings(
        source=Source(sessions, seed, data=data.resolve() if data else None),
        folder=(folder or PROJECT / ".chargecoin" / "demo").resolve(),
        once=once,
        port=port,
        kill_proposer=kill_proposer,
    )
    display = Display(Console())

    async def until_interrupted() -> object:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Once is enough: what follows is ending everything in order.
            loop.add_signal_handler(number, lambda: task.cancelling() or task.cancel())  # type: ignore[union-attr]
        return await run(settings, display)

    try:
        summary = asyncio.run(until_interrupted())
    except asyncio.CancelledError:
        display.say("ended")
        raise SystemExit(130 if once else 0) from None
    if summary is not None:
        click.echo(json.dumps(summary))
