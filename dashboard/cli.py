"""`chargecoin dashboard`: serve the pages."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from dashboard.config import Config

NODE_TIMEOUT_S: Final = 5.0


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Serve the station owner's dashboard.

    Example: chargecoin dashboard run --config dashboard.toml
    """


@cli.command()
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default="dashboard.toml",
    show_default=True,
    help="The settings; docs/station-owner.md lists its keys.",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here instead (0: any free).")
@click.option("--clock", type=click.Path(), help="A clock file, instead of the settings'.")
def run(path: Path, port: int | None, clock: str | None) -> None:
    """Serve the pages until Ctrl-C.

    Example: chargecoin dashboard run --config dashboard.toml --port 8080
    """
    import uvicorn

    from chargecoin.collector import collect_seldom
    from dashboard.app import YOUNG, build, create_app
    from dashboard.config import Config

    config = Config.load(path)
    config = replace(
        config, port=config.port if port is None else port, clock=clock or config.clock
    )
    _log_to_stderr()
    asyncio.run(_ask_node(config))
    listening = uvicorn.Config(
        create_app(build(config)),
        host=config.host,
        port=config.port,
        log_level="warning",
        # Live streams never end by themselves.
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = uvicorn.Server(listening)
    collect_seldom(YOUNG)
    # Bound here: uvicorn would end the process with a message that does not name the port.
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    bound = socket.create_server((config.host, config.port), family=family)
    host, port = bound.getsockname()[:2]
    click.echo(f"dashboard at http://{host}:{port}/")
    # uvicorn ends by itself and then raises the signal again: being told to stop is no fault.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[bound])


async def _ask_node(config: Config) -> None:
    """Say on standard error where no node answers. Raises `WrongChainError` for another chain's."""
    from chargecoin import deployments
    from chargecoin.chain import Chain
    from chargecoin.errors import ChainError, WrongChainError

    try:
        async with asyncio.timeout(NODE_TIMEOUT_S):
            chain = await Chain.connect(config.rpc_url, deployments.load(config.deployment))
            await chain.close()
    except WrongChainError:
        raise
    except (ChainError, TimeoutError) as error:
        why = str(error) or f"no answer within {NODE_TIMEOUT_S:.0f} s"
        click.echo(f"the node (rpc_url) cannot be used: {why}", err=True)
        click.echo("pages are served from the tables; Verify does not work until it does", err=True)


def _log_to_stderr() -> None:
    """Log one JSON object a line."""
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    cli()
