"""`chargecoin oracle`: run one, look at it, see to its quarantine, add charge points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from chargecoin.errors import ConfigurationError, NodeUnavailableError

CONFIG = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("oracle.toml"),
    show_default=True,
    help="The oracle's configuration file.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Run an oracle: charge points in, signed batches out.

    Example: chargecoin oracle run --config oracle.toml
    """


@cli.command()
@CONFIG
@click.option("--clock", help="A clock file; takes the place of the configuration's.")
def run(path: Path, clock: str | None) -> None:
    """Run the oracle until it is told to stop; logs JSON lines on standard error.

    Example: chargecoin oracle run --config oracle.toml
    """
    import msgspec
    import uvloop

    from oracle.config import load
    from oracle.log import configure
    from oracle.run import run as serve

    configure()
    config = load(path)
    uvloop.run(serve(msgspec.structs.replace(config, clock=clock) if clock else config))


@cli.command()
@CONFIG
def status(path: Path) -> None:
    """Show how many sessions and batches of a running oracle are where.

    Example: chargecoin oracle status --config oracle.toml
    """
    report = _ask(path, "GET", "/status")
    for name, value in report.items():
        click.echo(f"{name}: {_flat(value)}")


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


@cli.group()
def quarantine() -> None:
    """See to what waits for a person.

    Example: chargecoin oracle quarantine list
    """


@quarantine.command("list")
@CONFIG
def list_(path: Path) -> None:
    """List what waits, and why.

    Example: chargecoin oracle quarantine list --config oracle.toml
    """
    after = count = 0
    while entries := _ask(path, "GET", f"/quarantine?after={after}"):
        for entry in entries:
            click.echo(f"{entry['id']}  {entry['charge_point']}  {entry['code']}")
            click.echo(f"    {entry['sentence']}")
        after, count = entries[-1]["id"], count + len(entries)
    click.echo(f"{count} waiting")


@quarantine.command()
@CONFIG
@click.argument("number", type=click.IntRange(min=1))
def show(path: Path, number: int) -> None:
    """Show one entry with its frames as they were received. They may name drivers.

    Example: chargecoin oracle quarantine show 17 --config oracle.toml
    """
    from oracle.config import load
    from oracle.store import offline

    entry, frames = offline.quarantined(Path(load(path).store), number)
    click.echo(f"{entry.code} at {entry.charge_point}: {entry.sentence}")
    if entry.resolved_at is not None:
        click.echo(f"resolved: {entry.resolution}")
    for frame in frames:
        click.echo(frame)


@quarantine.command()
@CONFIG
@click.argument("number", type=click.IntRange(min=1))
def replay(path: Path, number: int) -> None:
    """Try an entry again, after what it waited for has been put right.

    Example: chargecoin oracle quarantine replay 17 --config oracle.toml
    """
    answer = _ask(path, "POST", f"/quarantine/{number}/replay")
    if not answer.get("resolved"):
        raise ConfigurationError(
            f"{number} still waits: {answer.get('detail', 'the same stands against it')}"
        )
    click.echo(f"{number} goes on")


@cli.group("charge-point")
def charge_point() -> None:
    """Say which charge points may connect.

    Example: chargecoin oracle charge-point add --file charge_points.json CP-0001
    """


@charge_point.command()
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("charge_points.json"),
    show_default=True,
    help="The oracle's charge_points_file.",
)
@click.option("--replace", is_flag=True, help="Give known charge points a new password.")
@click.option(
    "--owner",
    "owner_id",
    type=click.IntRange(min=1),
    help="Whose they are: only connectors that this owner registered are booked.",
)
@click.argument("identities", nargs=-1, required=True)
def add(path: Path, identities: tuple[str, ...], *, replace: bool, owner_id: int | None) -> None:
    """Let charge points connect; print their new passwords, once, as one JSON object.

    Only a hash is kept. A running oracle takes the change at the next connection.

    Example: chargecoin oracle charge-point add --file charge_points.json --owner 7 CP-0001
    """
    import orjson

    from oracle.central_system.passwords import add as add_to

    made = add_to(path, list(identities), replace=replace, owner_id=owner_id)
    click.echo(orjson.dumps(made, option=orjson.OPT_INDENT_2).decode())


def _ask(path: Path, method: str, route: str) -> Any:
    """Ask the running oracle of a configuration file."""
    import httpx

    from oracle.config import load

    config = load(path)
    url = f"http://{config.http_host}:{config.http_port}{route}"
    try:
        return httpx.request(method, url, timeout=30.0).json()
    except (httpx.HTTPError, ValueError) as error:
        raise NodeUnavailableError(
            f"no oracle answers at {url}; start it with `chargecoin oracle run --config {path}`"
        ) from error
