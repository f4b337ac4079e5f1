"""The `chargecoin` command. Groups are imported only when called, so `--help` is quick."""

from __future__ import annotations

import errno
import sys
from importlib import import_module
from typing import Final

import click

from chargecoin.errors import ChargeCoinError

GROUPS: Final = {
    "demo": ("simulate.demo.cli", "Run the whole of ChargeCoin on this machine."),
    "simulate": ("simulate.cli", "Make or import charging sessions and drive virtual chargers."),
    "oracle": ("oracle.cli", "Run an oracle: charge points in, signed batches out."),
    "indexer": ("indexer.cli", "Follow the chain into tables, and verify them against it."),
    "dashboard": ("dashboard.cli", "Serve the station owner's dashboard."),
    "payer": ("chargecoin.payer_cli", "Open a vault, deposit, sign mandates, withdraw."),
    "rewards": (
        "chargecoin.rewards_cli",
        "Recompute an epoch's rewards, and check the root that was posted.",
    ),
    "verify": ("chargecoin.verify_cli", "Verify a session or a carbon report against the chain."),
}


class LazyGroup(click.Group):
    """A group whose commands live in modules that are imported when called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the group names in the order of a session's way."""
        return list(GROUPS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one group."""
        if cmd_name not in GROUPS:
            return None
        command: click.Command = import_module(GROUPS[cmd_name][0]).cli
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the groups without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in GROUPS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chargecoin")
def cli() -> None:
    """ChargeCoin: settlement of EV charging sessions, verifiable down to the meter.

    Example: chargecoin demo --once --sessions 200
    """


def main() -> None:
    """Run the command line; a known fault ends with its message and exit code 1.

    So does a file or folder that cannot be used, and a port that another process has.
    """
    try:
        cli()
    except ChargeCoinError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            said = f"{error.strerror}; end what listens there, or set another port"
        elif error.filename is not None:
            said = f"{error.filename}: {error.strerror}; make it usable, or name another"
        else:
            raise
        click.echo(f"error: {said}", err=True)
        sys.exit(1)
