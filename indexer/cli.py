"""`chargecoin indexer`: follow the chain into tables, say how far they are, verify them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from indexer.config import IndexerConfig
    from indexer.report import Report

_config = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default="indexer.toml",
    show_default=True,
    help="settings, see docs/indexer.md",
)
_clock = click.option(
    "--clock", type=click.Path(path_type=Path), help="a clock file, instead of the settings'"
)
_json = click.option("--json", "as_json", is_flag=True, help="print one JSON object")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Follow the chain into tables, and verify them against it.

    Example: chargecoin indexer run --config indexer.toml
    """


@cli.command()
@_config
@_clock
def run(config: Path, clock: Path | None) -> None:
    """Fill the tables up to the chain's head and keep them there, until ended (Ctrl-C).

    Example: chargecoin indexer run --config indexer.toml
    """
    from chargecoin.collector import collect_seldom
    from indexer.config import load
    from indexer.service import follow_all, until_signalled

    settings = load(config, clock=clock)
    _log_to_stderr()
    collect_seldom()
    _run(until_signalled(lambda stop: follow_all(settings, stop)))


@cli.command()
@_config
@_json
def status(config: Path, as_json: bool) -> None:  # noqa: FBT001 -- a command line's flag
    """Say how far the tables are, from the database alone.

    Exit code 0 if they may be shown as current.

    Example: chargecoin indexer status --config indexer.toml
    """
    from dataclasses import asdict

    import orjson

    from indexer.config import load
    from indexer.database import open_engine
    from indexer.read_model import ReadModel

    model = ReadModel(open_engine(load(config).database_url))
    found = model.status()
    if as_json:
        click.echo(orjson.dumps(asdict(found) | {"ready": found.ready, "lag": found.lag}))
    else:
        click.echo(f"{found.state}: block {found.number} of {found.head_number}, {found.hash}")
        click.echo(f"safe to {found.safe_number}, final to {found.final_number}")
        click.echo(f"reorgs {found.reorgs}, deepest {found.deepest_reorg}")
        if found.detail:
            click.echo(found.detail)
    sys.exit(0 if found.ready else 1)


@cli.command()
@_config
@_json
@click.option("--offline", is_flag=True, help="compare only rows with rollups; asks no node")
def verify(config: Path, as_json: bool, offline: bool) -> None:  # noqa: FBT001 -- as above
    """Compare the tables with each other, with the chain's logs and with contract storage.

    Exit code 0 only if nothing differs; runs beside a running indexer.

    Example: chargecoin indexer verify --config indexer.toml
    """
    from indexer.config import load

    report = _run(_verify(load(config), offline=offline, quiet=as_json))
    if as_json:
        _print_json(report)
    else:
        _print(report)
    sys.exit(0 if report.ok else 1)


@cli.command()
@_config
@click.option("--blocks", type=click.IntRange(1), default=100, show_default=True, help="how many")
@click.option("--seed", type=int, help="draw the same blocks again")
def audit(config: Path, blocks: int, seed: int | None) -> None:
    """Compare some final blocks, drawn at random, with the tables; `run` does so for ever.

    Exit code 0 only if nothing differs.

    Example: chargecoin indexer audit --config indexer.toml --blocks 500
    """
    from indexer.config import load

    report = _run(_audit(load(config), blocks, seed))
    for line in report:
        click.echo(line)
    click.echo(f"{len(report)} blocks differ" if report else f"nothing differs in {blocks} blocks")
    sys.exit(1 if report else 0)


async def _audit(config: IndexerConfig, blocks: int, seed: int | None) -> list[str]:
    import random

    from chargecoin.deployments import load as load_deployment
    from indexer.audit import Auditor
    from indexer.database import open_database
    from indexer.rpc import Rpc

    engine = open_database(config.database_url)
    draw = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 -- a sample
    try:
        async with Rpc(config.rpc_url) as rpc:
            auditor = Auditor(engine, load_deployment(config.deployment), rpc, draw)
            found = []
            for number in range(blocks):
                check = await auditor.look()
                if check is None:
                    break
                found += check.differences[:1]
                click.echo(f"\r\x1b[K{number + 1} of {blocks} blocks", nl=False, err=True)
            click.echo("\r\x1b[K", nl=False, err=True)
            return found
    finally:
        engine.dispose()


async def _verify(config: IndexerConfig, *, offline: bool, quiet: bool) -> Report:
    from chargecoin.deployments import load as load_deployment
    from indexer.database import open_database
    from indexer.rpc import Rpc
    from indexer.verify import verify as compare

    def progress(line: str) -> None:
        if not quiet:
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)

    engine = open_database(config.database_url)
    deployment = load_deployment(config.deployment)
    try:
        if offline:
            return await compare(engine, deployment, None, progress)
        async with Rpc(config.rpc_url) as rpc:
            return await compare(engine, deployment, rpc, progress)
    finally:
        progress("")
        engine.dispose()


def _print(report: Report) -> None:
    click.echo(f"tables at block {report.block_number} ({report.block_hash})")
    for check in report.checks:
        verdict = "ok      " if not check.differing else "DIFFERS "
        click.echo(f"{verdict}{check.name}: {check.compared} compared")
        for line in check.differences:
            click.echo(f"        {line}")
        if check.differing > len(check.differences):
            click.echo(f"        … and {check.differing - len(check.differences)} more")
    total = sum(check.differing for check in report.checks)
    click.echo("nothing differs" if report.ok else f"{total} differences")


def _print_json(report: Report) -> None:
    from dataclasses import asdict

    import orjson

    click.echo(orjson.dumps({"ok": report.ok, **asdict(report)}))


def _run(work: Any) -> Any:
    """Run to the end; of several faults at once, raise the first that is ours to explain."""
    from chargecoin.errors import ChargeCoinError

    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        known: BaseException | None = group.subgroup(ChargeCoinError)
        while isinstance(known, BaseExceptionGroup):
            known = known.exceptions[0]
        raise (known or group) from group


def _log_to_stderr() -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
