"""What the guardian does in an emergency, at once: `ape run guard --help`."""

from __future__ import annotations

from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand

from chargecoin.chain.transactions import contract_call
from scripts._ape import account_option, deployment_option, run, signer
from scripts._book import Book, book_path
from scripts._pipeline import Pipeline


@click.group(short_help="Stop settlement, or end a committee, as the guardian")
def cli() -> None:
    """Stop settlement, or end a committee, as the guardian.

    Example: ape run guard pause --network ethereum:mainnet:node --account guardian
    """


def _act(account: str | None, book: Path | None, name: str, *arguments: int) -> None:
    async def work(pipeline: Pipeline) -> None:
        entered = Book(book_path(book, pipeline.chain_id), pipeline.chain_id)
        [guardian] = await pipeline.senders([signer(account, pipeline.chain_id)])
        call = contract_call("Settlement", name, entered.address("Settlement"), *arguments)
        await pipeline.execute([(guardian, call)], name)

    run(work)


@cli.command(cls=ConnectedProviderCommand)
@account_option
@deployment_option
def pause(account: str | None, book: Path | None) -> None:
    """Stop settlement for 48 hours. It cannot be ended early, nor repeated for 14 days.

    Withdrawals go on. Example: ape run guard pause --account guardian
    """
    _act(account, book, "pause")


@cli.command(cls=ConnectedProviderCommand)
@account_option
@deployment_option
@click.argument("epoch", type=int)
def revoke(account: str | None, book: Path | None, epoch: int) -> None:
    """End the committee of EPOCH at once and for good.

    Example: ape run guard revoke 3 --account guardian
    """
    _act(account, book, "revoke_committee", epoch)
