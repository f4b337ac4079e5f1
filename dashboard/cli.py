"""`chargecoin dashboard`: serve the pages."""

from __future__ import annotations

import signal
from pathlib import Path

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Serve the station owner's dashboard.

    Example: chargecoin dashboard run --config dashboard.toml
    """


@cli.command()
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    required=True,
    help="The settings, a TOML file; docs/station-owner.md lists its keys.",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here instead (0: any free).")
def run(path: Path, port: int | None) -> None:
    """Serve the pages until Ctrl-C.

    Example: chargecoin dashboard run --config dashboard.toml --port 8080
    """
    import uvicorn

    from dashboard.app import build, create_app
    from dashboard.config import Config

    config = Config.load(path)
    app = create_app(build(config))
    listening = uvicorn.Config(
        app,
        host=config.host,
        port=config.port if port is None else port,
        log_level="warning",
        # Live streams never end by themselves.
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    server = uvicorn.Server(listening)
    socket = listening.bind_socket()
    host, bound = socket.getsockname()[:2]
    click.echo(f"dashboard at http://{host}:{bound}/")
    # uvicorn ends by itself and then raises the signal again: being told to stop is no fault.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[socket])


if __name__ == "__main__":
    cli()
