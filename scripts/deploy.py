"""Deploy the protocol, or what of it is missing: `ape run deploy --help`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand

from chargecoin.errors import ConfigurationError
from scripts._ape import GUARDIAN, account_option, run, signer, test_address
from scripts._book import LOCAL_CHAINS, Book, Settings, book_path
from scripts._deployment import created_at, deploy, plan, take_over
from scripts._pipeline import Pipeline
from scripts._verification import parameter_differences


def settings_for(
    chain_id: int, deployer: str, file: Path | None, options: dict[str, object]
) -> Settings:
    """Return the settings of a file, or those of a local chain, with options before both.

    On a local chain governance acts without delay, the second test account is the
    guardian, the third the arbiter, and money and CHG go to the deployer.
    """
    if file is not None:
        settings = Settings.from_toml(file)
    elif chain_id in LOCAL_CHAINS:
        settings = Settings(
            guardian=test_address(GUARDIAN),
            members=(),
            threshold=0,
            arbiters=(test_address(2),),
            arbiter_threshold=1,
            proposers=(deployer,),
            treasury=deployer,
            oracles=deployer,
            chg_holder=deployer,
            delay_s=0,
        )
    else:
        raise ConfigurationError(
            f"chain {chain_id} is public: name a file of settings, "
            "--settings FILE (docs/protocol-developer.md)"
        )
    given = {name: value for name, value in options.items() if value not in (None, ())}
    return replace(settings, **given).checked(chain_id)  # type: ignore[arg-type]


def successor(settings: Settings, book: Book, old: Book, *, dry_run: bool) -> Settings:
    """Return the settings of a settlement that succeeds another book's; the books are two."""
    if old.path.resolve() == book.path.resolve():
        raise ConfigurationError(f"{old.path} is the old book: name the new one, --out FILE")
    return replace(settings, predecessor=take_over(book, old, dry_run=dry_run))


@click.command(
    cls=ConnectedProviderCommand,
    short_help="Deploy the protocol, or what of it is missing",
    epilog="Example: ape run deploy --network ethereum:local:foundry --member 0x… --threshold 1",
)
@account_option
@click.option("--settings", type=click.Path(path_type=Path), help="settings (TOML)")
@click.option("--member", "members", multiple=True, metavar="ADDRESS", help="committee member")
@click.option("--threshold", type=int, help="how many members must sign")
@click.option("--arbiter", "arbiters", multiple=True, metavar="ADDRESS", help="rules on disputes")
@click.option("--arbiter-threshold", type=int, help="how many arbiters must sign")
@click.option("--token", metavar="ADDRESS", help="payment token; a test one on local chains")
@click.option("--chg", metavar="ADDRESS", help="CHG that is there already")
@click.option(
    "--succeed",
    type=click.Path(path_type=Path),
    metavar="BOOK",
    help="address book of the settlement that this one succeeds",
)
@click.option("--guardian", metavar="ADDRESS", help="may pause and revoke committees")
@click.option("--proposer", "proposers", multiple=True, metavar="ADDRESS", help="governs")
@click.option("--delay", "delay_s", type=int, metavar="SECONDS", help="of governance")
@click.option("--out", type=click.Path(path_type=Path), help="deployments/<chain id>.json")
@click.option("--dry-run", is_flag=True, help="say what would be done, and do nothing")
def cli(
    account: str | None,
    settings: Path | None,
    out: Path | None,
    succeed: Path | None,
    *,
    dry_run: bool,
    **options: object,
) -> None:
    """Deploy the protocol on the network, or what of it the address book does not have.

    Running it again changes nothing; where governance has to wait, it goes on.
    """

    async def work(pipeline: Pipeline) -> None:
        key = signer(account, pipeline.chain_id)
        path = book_path(out, pipeline.chain_id)
        book = Book(path, pipeline.chain_id)
        wanted = settings_for(pipeline.chain_id, key.address, settings, options)
        if succeed is not None:
            wanted = successor(wanted, book, Book(succeed, pipeline.chain_id), dry_run=dry_run)
        [deployer] = await pipeline.senders([key])
        coming = deployer.nonce
        for step in plan(book, wanted):
            if step.address:
                click.echo(f"{step.name} is at {step.address}")
                continue
            click.echo(f"{step.name} is missing; to be at {created_at(key.address, coming)}")
            coming += 1
        if dry_run:
            click.echo(f"nothing was done; the book would be {path}")
            return
        progress = await deploy(pipeline, deployer, book, wanted)
        click.echo(progress.message)
        faults = await parameter_differences(pipeline.rpc, book, wanted)
        for fault in faults if progress.done else ():
            click.echo(fault)
        if faults and progress.done:
            raise ConfigurationError(
                "what is deployed is not as asked for, and deploying does not change it; "
                "governance can (docs/protocol-developer.md)"
            )
        click.echo(f"address book: {path}")

    run(work)
