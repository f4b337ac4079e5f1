"""What the guardian does in an emergency, at once: `ape run guard --help`."""

from __future__ import annotations

from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand

from chargecoin.chain.transactions import contract_call
from scripts._ape import GUARDIAN, deployment_option, guardian_option, run, signer
from scripts._book import Book, book_path
from scripts._pipeline import Pipeline

DISTRIBUTORS = {"drivers": "DriverRewards", "stations": "StationRewards"}


@click.group(short_help="Stop settlement, end a committee, or void a reward root, as guardian")
def cli() -> None:
    """Stop settlement, end a committee, or void a reward root, as the guardian.

    Example: ape run guard pause --network ethereum:mainnet:node --account guardian
    """


def _act(
    account: str | None, book: Path | None, contract: str, function: str, *arguments: int
) -> None:
    async def work(pipeline: Pipeline) -> None:
        entered = Book(book_path(book, pipeline.chain_id), pipeline.chain_id)
        [guardian] = await pipeline.senders([signer(account, pipeline.chain_id, local=GUARDIAN)])
        compiled = entered.contracts[contract]["contract"]
        call = contract_call(compiled, function, entered.address(contract), *arguments)
        await pipeline.execute([(guardian, call)], f"{contract}.{function}")

    run(work)


@cli.command(cls=ConnectedProviderCommand)
@guardian_option
@deployment_option
def pause(account: str | None, book: Path | None) -> None:
    """Stop settlement for 48 hours. It cannot be ended early, nor repeated for 14 days.

    Withdrawals go on. Example: ape run guard pause --account guardian
    """
    _act(account, book, "Settlement", "pause")


@cli.command(cls=ConnectedProviderCommand)
@guardian_option
@deployment_option
@click.option("--arbiters", is_flag=True, help="the arbiters of EPOCH, not the settling committee")
@click.argument("epoch", type=int)
def revoke(account: str | None, book: Path | None, epoch: int, *, arbiters: bool) -> None:
    """End the committee of EPOCH at once and for good.

    Example: ape run guard revoke 3 --account guardian
    """
    if arbiters:
        _act(account, book, "Adjustments", "revoke_arbiters", epoch)
    else:
        _act(account, book, "Settlement", "revoke_committee", epoch)


@cli.command(cls=ConnectedProviderCommand)
@guardian_option
@deployment_option
@click.argument("kind", type=click.Choice(tuple(DISTRIBUTORS)))
@click.argument("epoch", type=int)
def void(account: str | None, book: Path | None, kind: str, epoch: int) -> None:
    """Take away the reward root of EPOCH, in the three days after it was posted.

    `chargecoin rewards verify` says whether it is wrong. Example: ape run guard void
    drivers 2954 --account guardian
    """
    _act(account, book, DISTRIBUTORS[kind], "void_root", epoch)
