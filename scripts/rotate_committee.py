"""Appoint another committee through governance: `ape run rotate_committee --help`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand

from chargecoin.chain.transactions import contract_call
from chargecoin.errors import ConfigurationError
from scripts._ape import account_option, deployment_option, run, signer
from scripts._book import Book, book_path
from scripts._governance import Governance
from scripts._pipeline import Pipeline
from scripts._verification import committee_in_force

LONGEST_GRACE_S = 86_400


@click.command(
    cls=ConnectedProviderCommand,
    short_help="Appoint another committee through governance",
    epilog="Example: ape run rotate_committee --network ethereum:mainnet:node --account proposer "
    "--member 0x… --member 0x… --member 0x… --threshold 2 --grace 3600",
)
@account_option
@deployment_option
@click.option(
    "--arbiters", is_flag=True, help="the committee that rules on disputes, not the settling one"
)
@click.option("--member", "members", multiple=True, required=True, metavar="ADDRESS")
@click.option("--threshold", type=int, required=True, help="how many members must sign")
@click.option(
    "--grace",
    type=click.IntRange(0, LONGEST_GRACE_S),
    default=3600,
    metavar="SECONDS",
    help="for how long the outgoing committee stays valid (3600)",
)
def cli(
    account: str | None,
    book: Path | None,
    members: tuple[str, ...],
    threshold: int,
    grace: int,
    *,
    arbiters: bool,
) -> None:
    """Announce the committee, or appoint it when the timelock's delay has passed.

    Run it again with the same values to go on; once it is in force, nothing is done.
    """

    async def work(pipeline: Pipeline) -> None:
        path = book_path(book, pipeline.chain_id)
        entered = Book(path, pipeline.chain_id)
        if entered.settings is None:
            raise ConfigurationError(f"{path} is no finished address book; run `ape run deploy`")
        if arbiters:
            contract, function = "Adjustments", "appoint_arbiters"
            wanted = replace(entered.settings, arbiters=members, arbiter_threshold=threshold)
        else:
            contract, function = "Settlement", "appoint_committee"
            wanted = replace(entered.settings, members=members, threshold=threshold)
        wanted = wanted.checked(pipeline.chain_id)
        named = wanted.arbiters if arbiters else wanted.members
        if await committee_in_force(pipeline.rpc, entered, contract) == (named, threshold):
            click.echo("this committee is in force")
            entered.save(wanted)
            return
        [sender] = await pipeline.senders([signer(account, pipeline.chain_id)])
        terms = (named, threshold, grace)
        call = contract_call(contract, function, entered.address(contract), *terms)
        governance = Governance(pipeline, entered.address("Timelock"), sender)
        progress = await governance.act(call)
        click.echo(progress.message)
        if progress.done:
            entered.save(wanted)

    run(work)
